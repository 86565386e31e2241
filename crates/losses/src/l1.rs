//! Absolute error.

use gradus_autodiff::Var;
use gradus_tensor::Float;

use crate::check::same_shape;
use crate::reduction::Reduction;

/// Absolute error ℓ = |prediction − target|, `[…], […] → []` (PyTorch: `l1_loss`). The gradient at 0 is 0.
///
/// ```
/// use gradus_autodiff::Var;
/// use gradus_losses::{Reduction, l1};
/// use gradus_tensor::Tensor;
/// let loss = l1(&Var::leaf([1.0_f32, 4.0]), &Tensor::from([0.0, 6.0]), Reduction::Mean);
/// assert_eq!(loss.item(), 1.5);
/// ```
///
/// # Panics
/// If the shapes differ.
#[must_use]
#[track_caller]
pub fn l1<T: Float>(prediction: &Var<T>, target: impl Into<Var<T>>, reduction: Reduction) -> Var<T> {
    let target = target.into();
    same_shape("l1", prediction.shape(), target.shape());
    reduction.apply((prediction - target).abs())
}
