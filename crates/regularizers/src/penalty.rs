//! `Penalty` and `Proximal`: formulas for one parameter, and their walk over a model, written once. They know no particular
//! penalty.

use gradus_autodiff::{Gradients, Var};
use gradus_module::{Entry, Kind, Module, Param, Path};
use gradus_tensor::{Float, Tensor};

/// A function of parameters that is added to a loss: Σ over parameters of [`Penalty::value_of`].
///
/// To add one, write the two `_of` formulas, and a third for [`Proximal`]; the rest follows. Parameters that are not trained do
/// not count.
///
/// ```
/// use gradus_autodiff::Var;
/// use gradus_module::Param;
/// use gradus_regularizers::{Penalty, Proximal};
/// use gradus_tensor::{Float, Tensor};
///
/// /// ½·Σ (w − 1)²: towards 1.
/// struct TowardsOne;
/// impl Penalty for TowardsOne {
///     fn value_of<T: Float>(&self, w: &Var<T>) -> Var<T> { (w - 1.0).square().sum() * 0.5 }
///     fn gradient_of<T: Float>(&self, w: &Tensor<T>) -> Tensor<T> { w - T::ONE }
/// }
/// impl Proximal for TowardsOne {
///     fn prox_of<T: Float>(&self, w: &Tensor<T>, rate: f64) -> Tensor<T> {
///         (w + T::of(rate)) / T::of(1.0 + rate)
///     }
/// }
/// let mut model = Param::new([3.0_f64]);
/// let value: Var<f64> = TowardsOne.value(&model);
/// assert_eq!(value.item(), 2.0);
/// TowardsOne.prox::<f64>(&mut model, 1.0);
/// assert_eq!(model.value().item(), 2.0);
/// ```
pub trait Penalty {
    /// The penalty of one parameter, `[…] → []`.
    fn value_of<T: Float>(&self, parameter: &Var<T>) -> Var<T>;

    /// Its gradient in closed form, `[…] → […]`. At a kink: 0.
    fn gradient_of<T: Float>(&self, parameter: &Tensor<T>) -> Tensor<T>;

    /// Whether the parameter of that path is penalised.
    fn applies_to(&self, path: &str) -> bool {
        let _ = path;
        true
    }

    /// This penalty for those parameters alone whose path `accepts` accepts.
    #[must_use]
    fn only<F: Fn(&str) -> bool>(self, accepts: F) -> Only<Self, F>
    where
        Self: Sized,
    {
        Only { penalty: self, accepts }
    }

    /// The penalty of a model, `[]`, to be added to the loss.
    ///
    /// # Panics
    /// If a penalised parameter's elements are not of type `T`.
    #[must_use]
    #[track_caller]
    fn value<T: Float>(&self, model: &(impl Module + ?Sized)) -> Var<T> {
        let (chosen, foreign) = chosen::<T>(self, model);
        refuse::<T>(foreign);
        chosen.into_iter().map(|parameter| self.value_of(parameter)).sum()
    }

    /// The gradient of [`Penalty::value`] in closed form, to be merged with those of the loss. No graph is made.
    ///
    /// # Panics
    /// If a penalised parameter's elements are not of type `T`.
    #[must_use]
    #[track_caller]
    fn gradients<T: Float>(&self, model: &(impl Module + ?Sized)) -> Gradients<T> {
        let (chosen, foreign) = chosen::<T>(self, model);
        refuse::<T>(foreign);
        let mut gradients = Gradients::default();
        for parameter in chosen {
            if let Some(leaf) = parameter.leaf_id() {
                gradients.set(leaf, self.gradient_of(parameter.value()));
            }
        }
        gradients
    }
}

/// A penalty whose proximal step has a closed form.
///
/// ```
/// use gradus_module::Param;
/// use gradus_regularizers::{L1, Proximal};
/// let mut model = Param::new([0.5_f32, -2.0]);
/// L1::new(1.0).prox::<f32>(&mut model, 0.75);
/// assert_eq!(model.value().to_vec(), [0.0, -1.25]);
/// ```
pub trait Proximal: Penalty {
    /// The proximal step of one parameter, argmin over z of ½‖z − w‖² + rate·penalty(z), `[…] → […]`.
    fn prox_of<T: Float>(&self, parameter: &Tensor<T>, rate: f64) -> Tensor<T>;

    /// A proximal step of every penalised parameter; with `rate` the learning rate, after a step on the loss alone,
    /// this is proximal gradient descent (Parikh & Boyd 2014).
    ///
    /// # Panics
    /// If a penalised parameter's elements are not of type `T`.
    #[track_caller]
    fn prox<T: Float>(&self, model: &mut (impl Module + ?Sized), rate: f64) {
        refuse::<T>(chosen::<T>(self, model).1);
        model.visit_mut(&mut Path::root(), &mut |path, entry| {
            if is_chosen(self, path, entry)
                && let Some(parameter) = entry.as_any_mut().downcast_mut::<Param<T>>()
            {
                *parameter.value_mut() = self.prox_of(parameter.value(), rate);
            }
        });
    }
}

/// A penalty of chosen parameters, made by [`Penalty::only`].
///
/// ```
/// use gradus_autodiff::Var;
/// use gradus_module::Param;
/// use gradus_regularizers::{L2, Only, Penalty};
/// let first: Only<L2, _> = L2::new(2.0).only(|path: &str| path == "0");
/// let model = [Param::new([3.0_f32, 4.0]), Param::new([9.0])];
/// let value: Var = first.value(&model);
/// assert_eq!(value.item(), 25.0);
/// ```
#[derive(Clone, Debug)]
pub struct Only<P, F> {
    penalty: P,
    accepts: F,
}

impl<P: Penalty, F: Fn(&str) -> bool> Penalty for Only<P, F> {
    fn value_of<T: Float>(&self, parameter: &Var<T>) -> Var<T> {
        self.penalty.value_of(parameter)
    }

    fn gradient_of<T: Float>(&self, parameter: &Tensor<T>) -> Tensor<T> {
        self.penalty.gradient_of(parameter)
    }

    fn applies_to(&self, path: &str) -> bool {
        self.penalty.applies_to(path) && (self.accepts)(path)
    }
}

impl<P: Proximal, F: Fn(&str) -> bool> Proximal for Only<P, F> {
    fn prox_of<T: Float>(&self, parameter: &Tensor<T>, rate: f64) -> Tensor<T> {
        self.penalty.prox_of(parameter, rate)
    }
}

fn is_chosen<P: Penalty + ?Sized>(penalty: &P, path: &Path, entry: &dyn Entry) -> bool {
    entry.kind() == Kind::Parameter && entry.leaf_id().is_some() && penalty.applies_to(path.as_str())
}

/// The parameters that count, and the path of one that would but is of another type.
fn chosen<'m, T: Float>(
    penalty: &(impl Penalty + ?Sized),
    model: &'m (impl Module + ?Sized),
) -> (Vec<&'m Param<T>>, Option<String>) {
    let (mut chosen, mut foreign) = (Vec::new(), None);
    model.visit(&mut Path::root(), &mut |path, entry: &'m dyn Entry| {
        if is_chosen(penalty, path, entry) {
            match entry.as_any().downcast_ref() {
                Some(parameter) => chosen.push(parameter),
                None => foreign = Some(format!("`{path}` holds {}", entry.dtype())),
            }
        }
    });
    (chosen, foreign)
}

#[track_caller]
fn refuse<T: Float>(foreign: Option<String>) {
    if let Some(foreign) = foreign {
        panic!("penalty: parameter is of another float type: {foreign}, the penalty is {}", T::DTYPE);
    }
}

/// Panics unless λ is a number from 0 on.
#[track_caller]
pub(crate) fn check_lambda(op: &str, name: &str, lambda: f64) {
    assert!(lambda >= 0.0 && lambda.is_finite(), "{op}: {name} is not a number from 0 on: {lambda}");
}
