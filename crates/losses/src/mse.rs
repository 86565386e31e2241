//! Squared error.

use gradus_autodiff::Var;
use gradus_tensor::Float;

use crate::check::same_shape;
use crate::reduction::Reduction;

/// Squared error ℓ = (prediction − target)², `[…], […] → []` (PyTorch: `mse_loss`).
///
/// N counts elements: [`Reduction::Mean`] is 1/N Σ, [`Reduction::HalfMean`] the 1/(2N) Σ of textbooks.
///
/// ```
/// use gradus_autodiff::Var;
/// use gradus_losses::{Reduction, mse};
/// use gradus_tensor::Tensor;
/// let (prediction, target) = (Var::leaf([1.0_f32, 4.0]), Tensor::from([0.0, 2.0]));
/// assert_eq!(mse(&prediction, &target, Reduction::Mean).item(), 2.5);
/// assert_eq!(mse(&prediction, &target, Reduction::HalfMean).item(), 1.25);
/// ```
///
/// # Panics
/// If the shapes differ.
#[must_use]
#[track_caller]
pub fn mse<T: Float>(prediction: &Var<T>, target: impl Into<Var<T>>, reduction: Reduction) -> Var<T> {
    let target = target.into();
    same_shape("mse", prediction.shape(), target.shape());
    reduction.apply((prediction - target).square())
}
