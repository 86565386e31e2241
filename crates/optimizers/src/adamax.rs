//! AdaMax (Kingma & Ba 2015, section 7.1): Adam with the infinity norm in the place of the second moment:
//!
//! * mₜ = β₁·mₜ₋₁ + (1 − β₁)·gₜ
//! * uₜ = max(β₂·uₜ₋₁, |gₜ| + ε)
//! * w ← w − η/(1 − β₁ᵗ)·m/u

use gradus_tensor::Float;

use crate::error::{OptimizerError, check_betas, check_not_negative};
use crate::optimizer::Optimizer;
use crate::rule::{Rule, StepInfo};
use crate::setters::{betas, setters};
use crate::update_by;

/// AdaMax (PyTorch: `Adamax`).
///
/// ```
/// use gradus_module::Param;
/// use gradus_optimizers::AdaMax;
/// let mut model = Param::new([3.0_f32]);
/// let gradients = model.square().sum().backward();
/// AdaMax::new(0.1).step(&mut model, &gradients)?;
/// assert!((model.value().item() - 2.9).abs() < 1e-6);
/// # Ok::<(), gradus_optimizers::OptimizerError>(())
/// ```
pub type AdaMax = Optimizer<AdaMaxRule>;

/// The equations of AdaMax, see [`AdaMax`].
///
/// ```
/// use gradus_optimizers::{AdaMax, AdaMaxRule, Optimizer};
/// let optimizer: Optimizer<AdaMaxRule> = AdaMax::new(0.1);
/// assert_eq!(optimizer.learning_rate(), 0.1);
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AdaMaxRule {
    betas: (f64, f64),
    eps: f64,
}

impl Optimizer<AdaMaxRule> {
    /// Learning rate η (PyTorch starts from 0.002); β = (0.9, 0.999), ε = 1e-8, no weight decay: PyTorch's defaults.
    #[must_use]
    pub fn new(learning_rate: f64) -> Self {
        Self::with_rule(AdaMaxRule { betas: (0.9, 0.999), eps: 1e-8 }, learning_rate)
    }
}

betas!(AdaMaxRule, "β₁ and β₂, both in 0 .. 1: how slowly the mean and the largest gradient are forgotten.");
setters!(AdaMaxRule, eps: f64, "ε, from 0 on: keeps the quotient finite.";);

impl Rule for AdaMaxRule {
    fn slots(&self) -> &'static [&'static str] {
        &["exp_avg", "exp_inf"]
    }

    fn validate(&self) -> Result<(), OptimizerError> {
        check_betas(self.betas)?;
        check_not_negative("eps", self.eps)
    }

    update_by!(update);
}

#[inline(always)]
fn update<T: Float>(rule: &AdaMaxRule, step: &StepInfo, w: &mut [T], g: &[T], slots: &mut [&mut [T]]) {
    let [m, u] = slots else { return };
    let (a, b, eps) = (T::of(1.0 - rule.betas.0), T::of(rule.betas.1), T::of(rule.eps));
    let rate = T::of(step.learning_rate / (1.0 - rule.betas.0.powf(step.number as f64)));
    for (((w, &g), m), u) in w.iter_mut().zip(g).zip(m.iter_mut()).zip(u.iter_mut()) {
        *m = *m + a * (g - *m);
        let (old, new) = (*u * b, g.abs() + eps);
        // NaN must spread: the comparison keeps it, `max` would drop it.
        *u = if old >= new { old } else { new };
        *w = *w - rate * *m / *u;
    }
}
