//! The pinball loss of quantile regression.

use gradus_autodiff::Var;
use gradus_tensor::Float;

use crate::check::same_shape;
use crate::reduction::Reduction;

/// With d = target − prediction: ℓ = max(q·d, (q − 1)·d), `[…], […] → []`, whose least expectation lies at the q-th
/// quantile (Koenker & Bassett 1978; PyTorch has none). At d = 0 the gradient is the mean of both sides'.
///
/// ```
/// use gradus_autodiff::Var;
/// use gradus_losses::{Reduction, quantile};
/// use gradus_tensor::Tensor;
/// let losses = quantile(&Var::leaf([1.0_f32, 5.0]), &Tensor::from([3.0, 3.0]), 0.75, Reduction::None);
/// assert_eq!(losses.value().to_vec(), [1.5, 0.5]);
/// ```
///
/// # Panics
/// If the shapes differ, or q does not lie between 0 and 1.
#[must_use]
#[track_caller]
pub fn quantile<T: Float>(
    prediction: &Var<T>,
    target: impl Into<Var<T>>,
    q: f64,
    reduction: Reduction,
) -> Var<T> {
    let target = target.into();
    same_shape("quantile", prediction.shape(), target.shape());
    assert!(q > 0.0 && q < 1.0, "quantile: q does not lie between 0 and 1: {q}");
    let difference = target - prediction;
    reduction.apply((&difference * q).maximum(&(&difference * (q - 1.0))))
}
