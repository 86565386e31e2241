//! NAdam (Dozat 2016, "Incorporating Nesterov Momentum into Adam"):
//!
//! * μₜ = β₁·(1 − ½·0.96^(t·ψ)), Mₜ = Π μᵢ over i ≤ t
//! * mₜ = β₁·mₜ₋₁ + (1 − β₁)·gₜ, vₜ = β₂·vₜ₋₁ + (1 − β₂)·gₜ²
//! * w ← w − η·((1 − μₜ)/(1 − Mₜ)·gₜ + μₜ₊₁/(1 − Mₜ·μₜ₊₁)·mₜ)/(√(vₜ/(1 − β₂ᵗ)) + ε)

use gradus_tensor::Float;

use crate::error::{OptimizerError, check_betas, check_not_negative};
use crate::optimizer::Optimizer;
use crate::rule::{Decay, Rule, StepInfo};
use crate::setters::{betas, setters};
use crate::update_by;

/// Adam with Nesterov's momentum (PyTorch: `NAdam`).
///
/// ```
/// use gradus_module::Param;
/// use gradus_optimizers::NAdam;
/// let mut model = Param::new([3.0_f32]);
/// let mut optimizer = NAdam::new(0.1).decoupled_weight_decay(true).weight_decay(0.01);
/// for _ in 0..100 {
///     let gradients = model.square().sum().backward();
///     optimizer.step(&mut model, &gradients)?;
/// }
/// assert!(model.value().item().abs() < 0.1);
/// # Ok::<(), gradus_optimizers::OptimizerError>(())
/// ```
pub type NAdam = Optimizer<NAdamRule>;

/// The equations of NAdam, see [`NAdam`].
///
/// ```
/// use gradus_optimizers::{NAdam, NAdamRule, Optimizer};
/// let optimizer: Optimizer<NAdamRule> = NAdam::new(0.1);
/// assert_eq!(optimizer.learning_rate(), 0.1);
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct NAdamRule {
    betas: (f64, f64),
    eps: f64,
    momentum_decay: f64,
    decoupled_weight_decay: bool,
}

impl Optimizer<NAdamRule> {
    /// Learning rate η (PyTorch starts from 0.002); β = (0.9, 0.999), ε = 1e-8, ψ = 0.004: PyTorch's defaults.
    #[must_use]
    pub fn new(learning_rate: f64) -> Self {
        let rule =
            NAdamRule { betas: (0.9, 0.999), eps: 1e-8, momentum_decay: 4e-3, decoupled_weight_decay: false };
        Self::with_rule(rule, learning_rate)
    }
}

betas!(
    NAdamRule,
    "β₁ and β₂, both in 0 .. 1: how slowly the means of gradients and of their squares forget."
);
setters!(NAdamRule,
    eps: f64, "ε, from 0 on: keeps the quotient finite.";
    momentum_decay: f64, "ψ, from 0 on: how fast the momentum rises to β₁.";
    decoupled_weight_decay: bool, "Whether weights decay outside the gradient, as AdamW's do.";
);

impl NAdamRule {
    /// μₜ.
    fn momentum(&self, t: f64) -> f64 {
        self.betas.0 * (1.0 - 0.5 * 0.96_f64.powf(t * self.momentum_decay))
    }
}

impl Rule for NAdamRule {
    fn slots(&self) -> &'static [&'static str] {
        &["exp_avg", "exp_avg_sq"]
    }

    fn scalars(&self) -> &'static [&'static str] {
        &["mu_product"]
    }

    fn advance(&self, step: &StepInfo, scalars: &mut [f64]) {
        let before = if step.number == 1 { 1.0 } else { scalars[0] };
        scalars[0] = before * self.momentum(step.number as f64);
    }

    fn decay(&self) -> Decay {
        if self.decoupled_weight_decay { Decay::Decoupled } else { Decay::Coupled }
    }

    fn validate(&self) -> Result<(), OptimizerError> {
        check_betas(self.betas)?;
        check_not_negative("eps", self.eps)?;
        check_not_negative("momentum_decay", self.momentum_decay)
    }

    update_by!(update);
}

#[inline(always)]
fn update<T: Float>(rule: &NAdamRule, step: &StepInfo, w: &mut [T], g: &[T], slots: &mut [&mut [T]]) {
    let [m, v] = slots else { return };
    let (t, product) = (step.number as f64, step.scalars[0]);
    let next = rule.momentum(t + 1.0);
    let of_gradient = T::of(step.learning_rate * (1.0 - rule.momentum(t)) / (1.0 - product));
    let of_mean = T::of(step.learning_rate * next / (1.0 - product * next));
    let (a, b, c) = (T::of(1.0 - rule.betas.0), T::of(rule.betas.1), T::of(1.0 - rule.betas.1));
    let (r, eps) = (T::of((1.0 - rule.betas.1.powf(t)).recip()), T::of(rule.eps));
    for (((w, &g), m), v) in w.iter_mut().zip(g).zip(m.iter_mut()).zip(v.iter_mut()) {
        *m = *m + a * (g - *m);
        *v = *v * b + c * g * g;
        *w = *w - (of_gradient * g + of_mean * *m) / ((*v * r).sqrt() + eps);
    }
}
