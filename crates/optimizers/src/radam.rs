//! RAdam (Liu et al. 2020, "On the Variance of the Adaptive Learning Rate and Beyond"):
//!
//! * m and v as in Adam; ρ∞ = 2/(1 − β₂) − 1, ρₜ = ρ∞ − 2t·β₂ᵗ/(1 − β₂ᵗ)
//! * where ρₜ > 5: w ← w − η·rₜ·m̂·√(1 − β₂ᵗ)/(√v + ε) with rₜ = √((ρₜ − 4)(ρₜ − 2)ρ∞/((ρ∞ − 4)(ρ∞ − 2)ρₜ))
//! * else: w ← w − η·m̂

use gradus_tensor::Float;

use crate::error::{OptimizerError, check_betas, check_not_negative};
use crate::optimizer::Optimizer;
use crate::rule::{Decay, Rule, StepInfo};
use crate::setters::{betas, setters};
use crate::update_by;

/// Adam with a rectified start (PyTorch: `RAdam`).
///
/// ```
/// use gradus_module::Param;
/// use gradus_optimizers::RAdam;
/// let mut model = Param::new([3.0_f32]);
/// let gradients = model.square().sum().backward();
/// RAdam::new(0.1).step(&mut model, &gradients)?; // the first steps are those of momentum alone
/// assert!((model.value().item() - 2.4).abs() < 1e-6);
/// # Ok::<(), gradus_optimizers::OptimizerError>(())
/// ```
pub type RAdam = Optimizer<RAdamRule>;

/// The equations of RAdam, see [`RAdam`].
///
/// ```
/// use gradus_optimizers::{Optimizer, RAdam, RAdamRule};
/// let optimizer: Optimizer<RAdamRule> = RAdam::new(0.1);
/// assert_eq!(optimizer.learning_rate(), 0.1);
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RAdamRule {
    betas: (f64, f64),
    eps: f64,
    decoupled_weight_decay: bool,
}

impl Optimizer<RAdamRule> {
    /// Learning rate η (PyTorch starts from 0.001); β = (0.9, 0.999), ε = 1e-8: PyTorch's defaults.
    #[must_use]
    pub fn new(learning_rate: f64) -> Self {
        let rule = RAdamRule { betas: (0.9, 0.999), eps: 1e-8, decoupled_weight_decay: false };
        Self::with_rule(rule, learning_rate)
    }
}

betas!(
    RAdamRule,
    "β₁ and β₂, both in 0 .. 1: how slowly the means of gradients and of their squares forget."
);
setters!(RAdamRule,
    eps: f64, "ε, from 0 on: keeps the quotient finite.";
    decoupled_weight_decay: bool, "Whether weights decay outside the gradient, as AdamW's do.";
);

/// From which length of the approximated average on the second moment is used.
const LEAST_LENGTH: f64 = 5.0;

impl Rule for RAdamRule {
    fn slots(&self) -> &'static [&'static str] {
        &["exp_avg", "exp_avg_sq"]
    }

    fn decay(&self) -> Decay {
        if self.decoupled_weight_decay { Decay::Decoupled } else { Decay::Coupled }
    }

    fn validate(&self) -> Result<(), OptimizerError> {
        check_betas(self.betas)?;
        check_not_negative("eps", self.eps)
    }

    update_by!(update);
}

#[inline(always)]
fn update<T: Float>(rule: &RAdamRule, step: &StepInfo, w: &mut [T], g: &[T], slots: &mut [&mut [T]]) {
    let [m, v] = slots else { return };
    let ((first, second), t) = (rule.betas, step.number as f64);
    let (a, b, c, eps) = (T::of(1.0 - first), T::of(second), T::of(1.0 - second), T::of(rule.eps));
    let spread = 1.0 - second.powf(t);
    let most = 2.0 / (1.0 - second) - 1.0;
    let length = most - 2.0 * t * second.powf(t) / spread;
    let rate = step.learning_rate / (1.0 - first.powf(t));
    let is_rectified = length > LEAST_LENGTH;
    let rectified = (length - 4.0) * (length - 2.0) * most / ((most - 4.0) * (most - 2.0) * length);
    let rate = T::of(if is_rectified { rate * (rectified * spread).sqrt() } else { rate });
    for (((w, &g), m), v) in w.iter_mut().zip(g).zip(m.iter_mut()).zip(v.iter_mut()) {
        *m = *m + a * (g - *m);
        *v = *v * b + c * g * g;
        let divisor = if is_rectified { v.sqrt() + eps } else { T::of(1.0) };
        *w = *w - rate * *m / divisor;
    }
}
