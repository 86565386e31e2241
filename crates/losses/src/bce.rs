//! Binary cross-entropy from probabilities, for models whose output is already one. From logits it is more exact.

use gradus_autodiff::{Batch, Cotangents, Flow, Op, Save, Saved, Var, apply, choose};
use gradus_tensor::{Element, Float, Tensor};

use crate::check::{same_shape, values};
use crate::reduction::Reduction;

/// Where logarithms stop (PyTorch's bound): ln 0 would make the loss infinite and its gradient NaN.
const LOWEST_LOGARITHM: f64 = -100.0;
/// The least p(1 − p) that the gradient divides by (PyTorch's bound).
const LEAST_SPREAD: f64 = 1e-12;

struct BinaryCrossEntropy;

impl<T: Float> Op<T> for BinaryCrossEntropy {
    fn name(&self) -> &'static str {
        "bce"
    }

    fn saves(&self) -> Save {
        Save::INPUTS
    }

    fn forward(&mut self, inputs: &[&Tensor<T>]) -> Tensor<T> {
        let lowest = T::of(LOWEST_LOGARITHM);
        inputs[0].zip(inputs[1], move |p, y| {
            let (yes, no) = (p.ln().max(lowest), (-p).ln_1p().max(lowest));
            (y - T::ONE) * no - y * yes
        })
    }

    fn vjp(&self, saved: &Saved<Var<T>>, g: &Var<T>) -> Cotangents<Var<T>> {
        let (p, y) = (saved.input(0), saved.input(1));
        let spread = (&p * (1.0 - &p)).clamp(LEAST_SPREAD, f64::INFINITY);
        let of_p = || g * (&p - &y) / spread;
        let of_y = || g * (logarithm(&(1.0 - &p)) - logarithm(&p));
        vec![saved.wants(0).then(of_p), saved.wants(1).then(of_y)]
    }

    fn per_example(&self, _: &Saved<Tensor<T>>, _: &Tensor<T>, batch: Batch) -> Option<Vec<Flow<T>>> {
        Some(vec![Flow::Along(batch), Flow::Along(batch)])
    }
}

/// ln p from the lowest logarithm on; without a gradient below it.
fn logarithm<T: Float>(p: &Var<T>) -> Var<T> {
    let low = p.value().map(|p| p.ln() < T::of(LOWEST_LOGARITHM));
    let constant = |value: f64| Var::constant(Tensor::scalar(T::of(value)));
    choose(&low, &constant(LOWEST_LOGARITHM), &choose(&low, &constant(1.0), p).ln())
}

/// Binary cross-entropy ℓ = −y·ln p − (1 − y)·ln(1 − p) of probabilities p and targets y, both in 0 ..= 1,
/// `[…], […] → []` (PyTorch: `binary_cross_entropy`). Logarithms stop at −100.
///
/// Give logits to [`bce_with_logits`](crate::bce_with_logits) instead where you have them.
///
/// ```
/// use gradus_autodiff::Var;
/// use gradus_losses::{Reduction, bce};
/// use gradus_tensor::Tensor;
/// let losses = bce(&Var::leaf([0.5_f32, 0.0]), &Tensor::from([1.0, 1.0]), Reduction::None);
/// assert_eq!(losses.value().to_vec(), [2.0_f32.ln(), 100.0]);
/// ```
///
/// # Panics
/// If the shapes differ, or a prediction lies outside 0 ..= 1.
#[must_use]
#[track_caller]
pub fn bce<T: Float>(probabilities: &Var<T>, target: impl Into<Var<T>>, reduction: Reduction) -> Var<T> {
    let target = target.into();
    same_shape("bce", probabilities.shape(), target.shape());
    // NaN passes: it belongs to the model, and shows in the loss.
    let is_probability = |p: T| !(p < <T as Element>::ZERO || p > <T as Element>::ONE);
    values("bce", "prediction is no probability", probabilities.value(), is_probability);
    reduction.apply(apply(BinaryCrossEntropy, &[probabilities, &target]))
}
