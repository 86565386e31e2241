//! Huber's loss: squared near 0, absolute far from it.

use gradus_autodiff::Var;
use gradus_tensor::Float;

use crate::check::{positive, same_shape};
use crate::reduction::Reduction;

/// With d = prediction − target: ℓ = d²/2 where |d| ≤ δ, else δ·(|d| − δ/2), `[…], […] → []`
/// (PyTorch: `huber_loss`, δ = 1 by default there; Huber 1964).
///
/// ```
/// use gradus_autodiff::Var;
/// use gradus_losses::{Reduction, huber};
/// use gradus_tensor::Tensor;
/// let loss = huber(&Var::leaf([1.0_f32, 5.0]), &Tensor::from([0.0, 0.0]), 2.0, Reduction::None);
/// assert_eq!(loss.value().to_vec(), [0.5, 8.0]);
/// ```
///
/// # Panics
/// If the shapes differ, or δ is not above 0.
#[must_use]
#[track_caller]
pub fn huber<T: Float>(
    prediction: &Var<T>,
    target: impl Into<Var<T>>,
    delta: f64,
    reduction: Reduction,
) -> Var<T> {
    let target = target.into();
    same_shape("huber", prediction.shape(), target.shape());
    positive("huber", "delta", delta);
    reduction.apply(huber_of(&(prediction - target), delta))
}

/// Both branches in one formula: with c = d limited to ±δ, ℓ = c·(d − c/2).
#[track_caller]
pub(crate) fn huber_of<T: Float>(difference: &Var<T>, delta: f64) -> Var<T> {
    let near = difference.clamp(-delta, delta);
    &near * (difference - &near * 0.5)
}
