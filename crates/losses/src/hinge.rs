//! The hinge loss of support vector machines.

use gradus_autodiff::Var;
use gradus_tensor::{Element, Float};

use crate::check::{same_shape, values};
use crate::reduction::Reduction;

/// ℓ = max(0, 1 − y·x) of scores x and targets y = ±1, `[…], […] → []` (Keras: `Hinge`; PyTorch has it with margins
/// in `MultiMarginLoss` only). The gradient at the kink is 0.
///
/// ```
/// use gradus_autodiff::Var;
/// use gradus_losses::{Reduction, hinge};
/// use gradus_tensor::Tensor;
/// let losses = hinge(&Var::leaf([0.5_f32, 3.0, 0.5]), &Tensor::from([1.0, 1.0, -1.0]), Reduction::None);
/// assert_eq!(losses.value().to_vec(), [0.5, 0.0, 1.5]);
/// ```
///
/// # Panics
/// If the shapes differ, or a target is neither −1 nor 1.
#[must_use]
#[track_caller]
pub fn hinge<T: Float>(prediction: &Var<T>, target: impl Into<Var<T>>, reduction: Reduction) -> Var<T> {
    let target = target.into();
    same_shape("hinge", prediction.shape(), target.shape());
    values("hinge", "target is neither −1 nor 1", target.value(), |y: T| y.abs() == <T as Element>::ONE);
    reduction.apply((1.0 - target * prediction).relu())
}
