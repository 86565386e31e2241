//! Smooth L1: Huber's loss, scaled so that its far slope is 1.

use gradus_autodiff::Var;
use gradus_tensor::Float;

use crate::check::{positive, same_shape};
use crate::huber::huber_of;
use crate::reduction::Reduction;

/// With d = prediction − target: ℓ = d²/(2β) where |d| < β, else |d| − β/2, `[…], […] → []`
/// (PyTorch: `smooth_l1_loss`, β = 1 by default there; Girshick 2015). β = 0 is [`l1`](crate::l1).
///
/// ```
/// use gradus_autodiff::Var;
/// use gradus_losses::{Reduction, smooth_l1};
/// use gradus_tensor::Tensor;
/// let loss = smooth_l1(&Var::leaf([1.0_f32, 5.0]), &Tensor::from([0.0, 0.0]), 2.0, Reduction::None);
/// assert_eq!(loss.value().to_vec(), [0.25, 4.0]);
/// ```
///
/// # Panics
/// If the shapes differ, or β is below 0.
#[must_use]
#[track_caller]
pub fn smooth_l1<T: Float>(
    prediction: &Var<T>,
    target: impl Into<Var<T>>,
    beta: f64,
    reduction: Reduction,
) -> Var<T> {
    let target = target.into();
    same_shape("smooth_l1", prediction.shape(), target.shape());
    if beta == 0.0 {
        return reduction.apply((prediction - target).abs());
    }
    positive("smooth_l1", "beta", beta);
    reduction.apply(huber_of(&(prediction - target), beta) / beta)
}
