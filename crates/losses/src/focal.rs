//! The focal loss: cross-entropy that counts what is well classified less (Lin et al. 2017, "Focal Loss for Dense Object
//! Detection").

use gradus_autodiff::Var;
use gradus_tensor::{Float, Tensor};

use crate::check::{same_shape, values};
use crate::cross_entropy::CrossEntropy;
use crate::reduction::Reduction;

/// Focal loss of two classes or of independent labels: with p = σ(x), ℓ = −α·y·(1 − p)^γ·ln p
/// − (1 − α)·(1 − y)·p^γ·ln(1 − p) of logits x and targets y in 0 ..= 1, `[…], […] → []` (torchvision:
/// `sigmoid_focal_loss`, with α = 0.25 and γ = 2 there). `None` leaves the factors α and 1 − α out.
///
/// ```
/// use gradus_autodiff::Var;
/// use gradus_losses::{Reduction, focal};
/// use gradus_tensor::Tensor;
/// let losses = focal(&Var::leaf([0.0_f64]), &Tensor::from([1.0]), Some(0.25), 2.0, Reduction::None);
/// assert!((losses.item() - 0.25 * 0.25 * 2.0_f64.ln()).abs() < 1e-15);
/// ```
///
/// # Panics
/// If the shapes differ, a target lies outside 0 ..= 1, α lies outside 0 ..= 1, or γ is not a number from 0 on.
#[must_use]
#[track_caller]
pub fn focal<T: Float>(
    logits: &Var<T>,
    target: impl Into<Var<T>>,
    alpha: Option<f64>,
    gamma: f64,
    reduction: Reduction,
) -> Var<T> {
    let target = target.into();
    same_shape("focal", logits.shape(), target.shape());
    let is_share = |y: T| (0.0..=1.0).contains(&y.as_f64());
    values("focal", "target lies outside 0 ..= 1", target.value(), is_share);
    check_gamma(gamma);
    let (of_yes, of_no) = match alpha {
        None => (1.0, 1.0),
        Some(alpha) => {
            assert!((0.0..=1.0).contains(&alpha), "focal: alpha lies outside 0 ..= 1: {alpha}");
            (alpha, 1.0 - alpha)
        }
    };
    // ln p = −softplus(−x) and ln(1 − p) = −softplus(x): powers as exponentials, smooth and bounded everywhere.
    let (yes, no) = ((-logits).softplus(), logits.softplus());
    let of_yes = (&no * -gamma).exp() * &yes * of_yes;
    let of_no = (&yes * -gamma).exp() * &no * of_no;
    reduction.apply(&target * of_yes + (1.0 - &target) * of_no)
}

/// Focal loss of classes: ℓ = α_y·(1 − p_y)^γ·(−ln p_y) with p = softmax(x), of logits `[N, C]` or `[N, C, d…]` and classes
/// `[N]` or `[N, d…]`. α, a weight per class, is optional; the mean is over targets, not over weights, as the paper's.
///
/// ```
/// use gradus_autodiff::Var;
/// use gradus_losses::{Reduction, focal_classes};
/// use gradus_tensor::Tensor;
/// let logits = Var::leaf([[0.0_f64, 0.0]]);
/// let loss = focal_classes(&logits, &Tensor::from([1_i64]), None, 2.0, Reduction::Mean);
/// assert!((loss.item() - 0.25 * 2.0_f64.ln()).abs() < 1e-15);
/// ```
///
/// # Panics
/// If the shapes do not fit, a target is no class, there is not one α per class, or γ is not a number from 0 on.
#[must_use]
#[track_caller]
pub fn focal_classes<T: Float>(
    logits: &Var<T>,
    targets: &Tensor<i64>,
    alpha: Option<&Tensor<T>>,
    gamma: f64,
    reduction: Reduction,
) -> Var<T> {
    check_gamma(gamma);
    let plain = CrossEntropy::new().reduction(Reduction::None);
    let nats = plain.loss(logits, targets);
    // 1 − p = −expm1(−ℓ). Bounded from below, so that a power under 1 has a finite slope where p is 1.
    let missed = (-(-&nats).expm1()).clamp(SMALLEST, f64::INFINITY);
    let mut losses = if gamma == 0.0 { nats } else { missed.powf(gamma) * nats };
    if let Some(alpha) = alpha {
        assert!(
            alpha.shape()[..] == logits.shape()[1..2],
            "focal: alpha is not one per class: {} and {}",
            logits.shape(),
            alpha.shape()
        );
        let factors = alpha.index_select(0, &targets.reshape([targets.len()])).reshape(*targets.shape());
        losses = losses * Var::constant(factors);
    }
    reduction.apply(losses)
}

/// About the smallest normal number of single precision.
const SMALLEST: f64 = 1.2e-38;

#[track_caller]
fn check_gamma(gamma: f64) {
    assert!(gamma >= 0.0 && gamma.is_finite(), "focal: gamma is not a number from 0 on: {gamma}");
}
