//! The Kullback–Leibler divergence.

use gradus_autodiff::{Var, choose};
use gradus_tensor::{Element, Float, Tensor};

use crate::check::same_shape;
use crate::reduction::Reduction;

/// Kullback–Leibler divergence, element by element: ℓ = q·(ln q − x) of log-probabilities x and target probabilities
/// q, with 0·ln 0 = 0, `[…], […] → []` (PyTorch: `kl_div`).
///
/// The mean is over elements, as in PyTorch; the mathematical divergence of a batch is `Sum` divided by the number of
/// rows (PyTorch's `batchmean`). The prediction is a log-softmax, x − logsumexp(x), never a softmax.
///
/// ```
/// use gradus_autodiff::Var;
/// use gradus_losses::{Reduction, kl_div};
/// use gradus_tensor::Tensor;
/// let log_prediction = Var::leaf([0.5_f64.ln(), 0.5_f64.ln()]);
/// let divergence = kl_div(&log_prediction, &Tensor::from([1.0, 0.0]), Reduction::Sum);
/// assert_eq!(divergence.item(), 2.0_f64.ln());
/// ```
///
/// # Panics
/// If the shapes differ.
#[must_use]
#[track_caller]
pub fn kl_div<T: Float>(log_prediction: &Var<T>, target: impl Into<Var<T>>, reduction: Reduction) -> Var<T> {
    let target = target.into();
    same_shape("kl_div", log_prediction.shape(), target.shape());
    let (nought, one) = (Tensor::scalar(<T as Element>::ZERO), Tensor::scalar(<T as Element>::ONE));
    let absent = target.value().map(|q| q == <T as Element>::ZERO);
    let present = choose(&absent, &one.into(), &target);
    let losses = choose(&absent, &nought.into(), &(&target * (present.ln() - log_prediction)));
    reduction.apply(losses)
}
