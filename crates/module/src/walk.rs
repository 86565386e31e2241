//! `Module`: anything with named state inside. A walk visits every entry in declaration order with its path, so that
//! optimizers, files and reports see a model without knowing its layers. Usually derived.

use std::collections::BTreeMap;

use gradus_autodiff::{BufferId, Gradients, Update};
use gradus_tensor::Float;

use crate::entry::{Buffer, Counter, Entry, Kind, Param};
use crate::path::Path;
use crate::state::{LoadError, State};

/// What a walk calls for each entry.
pub type Visitor<'f, 'a> = dyn FnMut(&Path, &'a dyn Entry) + 'f;
/// What a changing walk calls for each entry.
pub type VisitorMut<'f> = dyn FnMut(&Path, &mut dyn Entry) + 'f;

/// A part of a model: entries and further modules under field names.
///
/// ```
/// use gradus_module::{Module, Param};
/// use gradus_tensor::Tensor;
///
/// #[derive(Module)]
/// struct Affine { weight: Param, bias: Param, #[module(skip)] name: String }
///
/// let model = Affine { weight: Param::new(Tensor::zeros([2, 3])), bias: Param::new([0.0, 0.0]), name: "a".into() };
/// assert_eq!(model.parameter_count(), 8);
/// assert_eq!(model.state().names().collect::<Vec<_>>(), ["weight", "bias"]);
/// ```
///
/// A field that is neither is an error until it is marked:
/// ```compile_fail,E0277
/// # use gradus_module::{Module, Param};
/// #[derive(Module)]
/// struct Affine { weight: Param, name: String }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is neither a parameter nor a module",
    label = "neither parameter nor module",
    note = "derive `Module` for it, or mark a field that holds no parameters with `#[module(skip)]`"
)]
pub trait Module {
    /// Calls `f` for every entry, in declaration order, with its path below `path`.
    fn visit<'a>(&'a self, path: &mut Path, f: &mut Visitor<'_, 'a>);

    /// As [`Module::visit`], to change the entries.
    fn visit_mut(&mut self, path: &mut Path, f: &mut VisitorMut<'_>);

    /// All entries by path.
    fn entries(&self) -> Vec<(String, &dyn Entry)> {
        let mut out: Vec<(String, &dyn Entry)> = Vec::new();
        self.visit(&mut Path::root(), &mut |path, entry| out.push((path.as_str().to_owned(), entry)));
        out
    }

    /// The number of trained numbers.
    fn parameter_count(&self) -> usize {
        let mut count = 0;
        self.visit(&mut Path::root(), &mut |_, entry| {
            if entry.kind() == Kind::Parameter {
                count += entry.shape().count();
            }
        });
        count
    }

    /// The values of all entries by path (PyTorch: `state_dict`). Shares the storages.
    fn state(&self) -> State {
        let mut state = State::default();
        self.visit(&mut Path::root(), &mut |path, entry| state.push(path.as_str(), entry.value()));
        state
    }

    /// Sets all entries from a state (PyTorch: `load_state_dict(strict=True)`). Between `f32` and `f64`, and between
    /// integers, values are converted; a float never becomes an integer nor the reverse.
    ///
    /// # Errors
    /// With all missing, unexpected, mis-shaped and mis-typed names at once; the model is then as it was.
    fn load(&mut self, state: &State) -> Result<(), LoadError> {
        let mut seen = Vec::new();
        self.visit_mut(&mut Path::root(), &mut |path, entry| {
            seen.push((path.as_str().to_owned(), entry.shape(), entry.dtype()))
        });
        LoadError::check(&seen, state)?;
        self.visit_mut(&mut Path::root(), &mut |path, entry| {
            if let Some(value) = state.get(path.as_str()) {
                entry.set(value);
            }
        });
        Ok(())
    }

    /// Trains (or no longer trains) the parameters whose path `chosen` accepts (PyTorch: `requires_grad_`).
    fn set_trainable(&mut self, trainable: bool, chosen: &dyn Fn(&str) -> bool) {
        self.visit_mut(&mut Path::root(), &mut |path, entry| {
            if chosen(path.as_str()) {
                entry.set_trainable(trainable);
            }
        });
    }
}

/// Applies the buffer updates that ride with gradients, in the order of the forward pass. Optimizers call this in
/// `step`. Updates of buffers that the model does not have are left out.
///
/// ```
/// use gradus_autodiff::{Cotangents, Op, Save, Saved, Update, Var, apply};
/// use gradus_module::{Counter, apply_updates};
/// # use gradus_tensor::Tensor;
/// # struct Count(Vec<Update<f32>>);
/// # impl Op<f32> for Count {
/// #     fn name(&self) -> &'static str { "count" }
/// #     fn saves(&self) -> Save { Save::NOTHING }
/// #     fn forward(&mut self, inputs: &[&Tensor<f32>]) -> Tensor<f32> { inputs[0].clone() }
/// #     fn vjp(&self, _: &Saved<Var>, g: &Var) -> Cotangents<Var> { vec![Some(g.clone())] }
/// #     fn updates(&self) -> &[Update<f32>] { &self.0 }
/// # }
/// let mut steps = Counter::new(0);
/// let x = Var::leaf([1.0_f32]);
/// // `Count` is an op that changes nothing but names an update.
/// let loss = apply(Count(vec![Update::Count { target: steps.id() }]), &[&x]).sum();
/// apply_updates(&mut steps, &loss.backward());
/// assert_eq!(steps.value(), 1);
/// ```
pub fn apply_updates<T: Float>(model: &mut (impl Module + ?Sized), gradients: &Gradients<T>) {
    let mut by_target: BTreeMap<BufferId, Vec<&Update<T>>> = BTreeMap::new();
    for update in gradients.updates() {
        let (Update::Average { target, .. } | Update::Count { target }) = update;
        by_target.entry(*target).or_default().push(update);
    }
    if by_target.is_empty() {
        return;
    }
    model.visit_mut(&mut Path::root(), &mut |_, entry| {
        let entry = entry.as_any_mut();
        if let Some(buffer) = entry.downcast_mut::<Buffer<T>>() {
            for update in by_target.get(&buffer.id()).into_iter().flatten() {
                if let Update::Average { value, momentum, .. } = update {
                    let m = T::of(*momentum);
                    let old = std::mem::take(buffer.value_mut());
                    *buffer.value_mut() = old * (T::ONE - m) + &(value * m);
                }
            }
        } else if let Some(counter) = entry.downcast_mut::<Counter>() {
            by_target.get(&counter.id()).into_iter().flatten().for_each(|_| counter.increment());
        }
    });
}

macro_rules! leaf_module {
    ($({$($generics:tt)*} $ty:ty),*) => {$(
        impl<$($generics)*> Module for $ty {
            fn visit<'a>(&'a self, path: &mut Path, f: &mut Visitor<'_, 'a>) {
                f(path, self);
            }
            fn visit_mut(&mut self, path: &mut Path, f: &mut VisitorMut<'_>) {
                f(path, self);
            }
        }
    )*};
}
leaf_module!({T: Float} Param<T>, {T: Float} Buffer<T>, {} Counter);

macro_rules! transparent_module {
    ($({$($generics:tt)*} $ty:ty),*) => {$(
        impl<$($generics)*> Module for $ty {
            fn visit<'a>(&'a self, path: &mut Path, f: &mut Visitor<'_, 'a>) {
                (**self).visit(path, f);
            }
            fn visit_mut(&mut self, path: &mut Path, f: &mut VisitorMut<'_>) {
                (**self).visit_mut(path, f);
            }
        }
    )*};
}
transparent_module!({M: Module + ?Sized} Box<M>);

impl<M: Module> Module for Option<M> {
    fn visit<'a>(&'a self, path: &mut Path, f: &mut Visitor<'_, 'a>) {
        if let Some(module) = self {
            module.visit(path, f);
        }
    }
    fn visit_mut(&mut self, path: &mut Path, f: &mut VisitorMut<'_>) {
        if let Some(module) = self {
            module.visit_mut(path, f);
        }
    }
}

impl<M: Module> Module for [M] {
    fn visit<'a>(&'a self, path: &mut Path, f: &mut Visitor<'_, 'a>) {
        for (i, module) in self.iter().enumerate() {
            path.enter_index(i, |path| module.visit(path, f));
        }
    }
    fn visit_mut(&mut self, path: &mut Path, f: &mut VisitorMut<'_>) {
        for (i, module) in self.iter_mut().enumerate() {
            path.enter_index(i, |path| module.visit_mut(path, f));
        }
    }
}

impl<M: Module> Module for Vec<M> {
    fn visit<'a>(&'a self, path: &mut Path, f: &mut Visitor<'_, 'a>) {
        self.as_slice().visit(path, f);
    }
    fn visit_mut(&mut self, path: &mut Path, f: &mut VisitorMut<'_>) {
        self.as_mut_slice().visit_mut(path, f);
    }
}

impl<M: Module, const N: usize> Module for [M; N] {
    fn visit<'a>(&'a self, path: &mut Path, f: &mut Visitor<'_, 'a>) {
        self.as_slice().visit(path, f);
    }
    fn visit_mut(&mut self, path: &mut Path, f: &mut VisitorMut<'_>) {
        self.as_mut_slice().visit_mut(path, f);
    }
}

macro_rules! tuple_module {
    ($($M:ident $i:tt),+) => {
        impl<$($M: Module),+> Module for ($($M,)+) {
            fn visit<'a>(&'a self, path: &mut Path, f: &mut Visitor<'_, 'a>) {
                $(path.enter_index($i, |path| self.$i.visit(path, f));)+
            }
            fn visit_mut(&mut self, path: &mut Path, f: &mut VisitorMut<'_>) {
                $(path.enter_index($i, |path| self.$i.visit_mut(path, f));)+
            }
        }
    };
}
tuple_module!(A 0);
tuple_module!(A 0, B 1);
tuple_module!(A 0, B 1, C 2);
tuple_module!(A 0, B 1, C 2, D 3);
tuple_module!(A 0, B 1, C 2, D 3, E 4);
tuple_module!(A 0, B 1, C 2, D 3, E 4, F 5);
tuple_module!(A 0, B 1, C 2, D 3, E 4, F 5, G 6);
tuple_module!(A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7);
