//! Divergences from logarithms on both sides.

use gradus_autodiff::Var;
use gradus_tensor::Float;

use crate::check::same_shape;
use crate::reduction::Reduction;

/// [`kl_div`](crate::kl_div) whose target is a logarithm, too: ℓ = e^q·(q − x), `[…], […] → []` (PyTorch: `kl_div` with
/// `log_target=True`). The mean is over elements; `Sum` over the number of rows is PyTorch's `batchmean`.
///
/// ```
/// use gradus_autodiff::Var;
/// use gradus_losses::{Reduction, kl_div_log_target};
/// let half = 0.5_f64.ln();
/// let divergence = kl_div_log_target(&Var::leaf([half, half]), &Var::leaf([half, half]), Reduction::Sum);
/// assert_eq!(divergence.item(), 0.0);
/// ```
///
/// # Panics
/// If the shapes differ.
#[must_use]
#[track_caller]
pub fn kl_div_log_target<T: Float>(
    log_prediction: &Var<T>,
    log_target: impl Into<Var<T>>,
    reduction: Reduction,
) -> Var<T> {
    let q = log_target.into();
    same_shape("kl_div_log_target", log_prediction.shape(), q.shape());
    reduction.apply(q.exp() * (&q - log_prediction))
}

/// The Jensen–Shannon divergence of two softmaxes, ½·KL(p‖m) + ½·KL(q‖m) with m = (p + q)/2, of logits along the last axis,
/// `[…, C], […, C] → []`, or `[…]` for [`Reduction::None`] (Lin 1991; PyTorch has none). It lies between 0 and ln 2.
///
/// ```
/// use gradus_autodiff::Var;
/// use gradus_losses::{Reduction, js};
/// let (p, q) = (Var::leaf([[500.0_f64, 0.0]]), Var::leaf([[0.0, 500.0]]));
/// assert!((js(&p, &q, Reduction::Mean).item() - 2.0_f64.ln()).abs() < 1e-15);
/// ```
///
/// # Panics
/// If the shapes differ, or there is no axis.
#[must_use]
#[track_caller]
pub fn js<T: Float>(first: &Var<T>, second: &Var<T>, reduction: Reduction) -> Var<T> {
    same_shape("js", first.shape(), second.shape());
    assert!(first.rank() > 0, "js: logits have no axis of classes: {} (0 axes)", first.shape());
    let (p, q) = (first.log_softmax(-1), second.log_softmax(-1));
    let m = Var::stack(&[&p, &q], 0).logsumexp(0, false) - std::f64::consts::LN_2;
    let both = p.exp() * (&p - &m) + q.exp() * (&q - &m);
    reduction.apply(both.sum_axes(&[-1], false) * 0.5)
}
