//! Magnitude pruning (Han et al. 2015): the smallest weights become 0, and masks keep them there through further steps.

use std::collections::BTreeMap;

use gradus_autodiff::Gradients;
use gradus_module::{Entry, Kind, Module, Param, Path, State};
use gradus_tensor::{DType, Element, Float, Tensor};

/// Which weights are kept, by parameter path.
///
/// After each step call [`Masks::apply`]; to keep pruned weights out of an optimizer's memory, [`Masks::mask_gradients`] before
/// it. What is pruned has magnitude 0, so pruning again with a larger part keeps what was pruned.
///
/// ```
/// use gradus_module::Param;
/// use gradus_regularizers::Masks;
/// let mut model = (Param::new([[1.0_f32, -0.1], [0.5, 3.0]]), Param::new([0.2, 0.3]));
/// let masks = Masks::global(&model, 0.5, |_| true);
/// masks.apply(&mut model);
/// assert_eq!(model.0.value().to_vec(), [1.0, 0.0, 0.5, 3.0]);
/// assert_eq!(model.1.value().to_vec(), [0.0, 0.0]);
/// assert_eq!(masks.sparsity(), 0.5);
/// let mut gradients = (model.0.sum() + model.1.sum()).backward();
/// masks.mask_gradients(&model, &mut gradients);
/// assert_eq!(gradients.of(&model.1).unwrap().to_vec(), [0.0, 0.0]);
/// let each = Masks::per_parameter(&model, 0.5, |path| path == "0");
/// let again = Masks::of_state(&each.state());
/// assert_eq!(again.get("0").unwrap().to_vec(), [true, false, false, true]);
/// ```
#[derive(Clone, Debug, Default)]
pub struct Masks {
    kept: BTreeMap<String, Tensor<bool>>,
}

impl Masks {
    /// Prunes the part `amount` of all accepted parameters taken together, the smallest first (PyTorch:
    /// `prune.global_unstructured` with `L1Unstructured`). Of equal ones the first goes first.
    ///
    /// # Panics
    /// If `amount` lies outside 0 ..= 1.
    #[must_use]
    #[track_caller]
    pub fn global(model: &(impl Module + ?Sized), amount: f64, accepts: impl Fn(&str) -> bool) -> Self {
        check_amount(amount);
        let mut all: Vec<(String, gradus_tensor::Shape)> = Vec::new();
        let mut sizes = Vec::new();
        each(model, &accepts, |path, entry| {
            sizes.extend(magnitudes(entry));
            all.push((path.to_owned(), entry.shape()));
        });
        let keep = keep_largest(&sizes, amount);
        let mut rest = &keep[..];
        let mut kept = BTreeMap::new();
        for (path, shape) in all {
            let (own, others) = rest.split_at(shape.count());
            kept.insert(path, Tensor::new(shape, own));
            rest = others;
        }
        Self { kept }
    }

    /// Prunes the part `amount` of each accepted parameter (PyTorch: `prune.l1_unstructured`).
    ///
    /// # Panics
    /// If `amount` lies outside 0 ..= 1.
    #[must_use]
    #[track_caller]
    pub fn per_parameter(
        model: &(impl Module + ?Sized),
        amount: f64,
        accepts: impl Fn(&str) -> bool,
    ) -> Self {
        check_amount(amount);
        let mut kept = BTreeMap::new();
        each(model, &accepts, |path, entry| {
            let keep = keep_largest(&magnitudes(entry), amount);
            kept.insert(path.to_owned(), Tensor::new(entry.shape(), &keep));
        });
        Self { kept }
    }

    /// Sets what is pruned to 0.
    ///
    /// # Panics
    /// If a parameter has not its mask's shape.
    #[track_caller]
    pub fn apply(&self, model: &mut (impl Module + ?Sized)) {
        let mut fault = None;
        model.visit_mut(&mut Path::root(), &mut |path, entry| {
            let Some(mask) = self.kept.get(path.as_str()) else { return };
            if entry.shape() != *mask.shape() {
                fault = Some(format!("{} and {} (`{path}`)", entry.shape(), mask.shape()));
            } else if let Some(parameter) = entry.as_any_mut().downcast_mut::<Param<f32>>() {
                *parameter.value_mut() = masked(parameter.value(), mask);
            } else if let Some(parameter) = entry.as_any_mut().downcast_mut::<Param<f64>>() {
                *parameter.value_mut() = masked(parameter.value(), mask);
            }
        });
        if let Some(fault) = fault {
            panic!("masks: a parameter has not its mask's shape: {fault}");
        }
    }

    /// Sets the gradients of what is pruned to 0.
    ///
    /// # Panics
    /// If a gradient has not its parameter's mask's shape.
    #[track_caller]
    pub fn mask_gradients<T: Float>(&self, model: &(impl Module + ?Sized), gradients: &mut Gradients<T>) {
        let mut changed = Vec::new();
        model.visit(&mut Path::root(), &mut |path, entry| {
            let leaf = entry.leaf_id();
            let gradient = leaf.and_then(|leaf| gradients.get(leaf));
            if let (Some(leaf), Some(gradient), Some(mask)) = (leaf, gradient, self.kept.get(path.as_str())) {
                changed.push((leaf, masked(gradient, mask)));
            }
        });
        changed.into_iter().for_each(|(leaf, gradient)| gradients.set(leaf, gradient));
    }

    /// The part of the masked weights that is pruned; 0 of none.
    #[must_use]
    pub fn sparsity(&self) -> f64 {
        let all: usize = self.kept.values().map(Tensor::len).sum();
        let kept: usize = self.kept.values().map(Tensor::count_true).sum();
        if all == 0 { 0.0 } else { (all - kept) as f64 / all as f64 }
    }

    /// The mask of a parameter.
    #[must_use]
    pub fn get(&self, path: &str) -> Option<&Tensor<bool>> {
        self.kept.get(path)
    }

    /// The masks by path, to be saved.
    #[must_use]
    pub fn state(&self) -> State {
        let mut state = State::default();
        for (path, mask) in &self.kept {
            state.push(path.as_str(), mask.clone());
        }
        state
    }

    /// The masks of a saved state; entries that are no truth values are left out.
    #[must_use]
    pub fn of_state(state: &State) -> Self {
        let masks =
            state.iter().filter_map(|(path, value)| Some((path.to_owned(), value.get::<bool>()?.clone())));
        Self { kept: masks.collect() }
    }
}

#[track_caller]
fn check_amount(amount: f64) {
    assert!((0.0..=1.0).contains(&amount), "masks: amount lies outside 0 ..= 1: {amount}");
}

fn each<'m>(
    model: &'m (impl Module + ?Sized),
    accepts: &dyn Fn(&str) -> bool,
    mut f: impl FnMut(&str, &'m dyn Entry),
) {
    model.visit(&mut Path::root(), &mut |path, entry| {
        let is_float = matches!(entry.dtype(), DType::F32 | DType::F64);
        if entry.kind() == Kind::Parameter && is_float && accepts(path.as_str()) {
            f(path.as_str(), entry);
        }
    });
}

fn magnitudes(entry: &dyn Entry) -> Vec<f64> {
    entry.value().cast::<f64>().to_vec().into_iter().map(f64::abs).collect()
}

/// Which are kept when the part `amount` of the smallest goes, rounded to a whole number.
fn keep_largest(sizes: &[f64], amount: f64) -> Vec<bool> {
    let count = (amount * sizes.len() as f64).round() as usize;
    let mut order: Vec<usize> = (0..sizes.len()).collect();
    if count > 0 && count < order.len() {
        // NaN counts as largest: it shall show.
        order.select_nth_unstable_by(count - 1, |&a, &b| sizes[a].total_cmp(&sizes[b]).then(a.cmp(&b)));
    }
    let mut keep = vec![true; sizes.len()];
    order[..count.min(sizes.len())].iter().for_each(|&i| keep[i] = false);
    keep
}

fn masked<T: Float>(x: &Tensor<T>, mask: &Tensor<bool>) -> Tensor<T> {
    x.zip(mask, |x, keep| if keep { x } else { <T as Element>::ZERO })
}
