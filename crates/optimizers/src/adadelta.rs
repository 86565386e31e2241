//! Adadelta (Zeiler 2012, "ADADELTA: An Adaptive Learning Rate Method"):
//!
//! * vₜ = ρ·vₜ₋₁ + (1 − ρ)·gₜ²
//! * Δ = √(uₜ₋₁ + ε)/√(vₜ + ε)·gₜ, uₜ = ρ·uₜ₋₁ + (1 − ρ)·Δ²
//! * w ← w − η·Δ

use gradus_tensor::Float;

use crate::error::{OptimizerError, check, check_not_negative};
use crate::optimizer::Optimizer;
use crate::rule::{Rule, StepInfo};
use crate::setters::setters;
use crate::update_by;

/// Adadelta (PyTorch: `Adadelta`).
///
/// ```
/// use gradus_module::Param;
/// use gradus_optimizers::Adadelta;
/// let mut model = Param::new([3.0_f32]);
/// let mut optimizer = Adadelta::new(1.0).eps(1e-2);
/// for _ in 0..200 {
///     let gradients = model.square().sum().backward();
///     optimizer.step(&mut model, &gradients)?;
/// }
/// assert!(model.value().item().abs() < 0.1);
/// # Ok::<(), gradus_optimizers::OptimizerError>(())
/// ```
pub type Adadelta = Optimizer<AdadeltaRule>;

/// The equations of Adadelta, see [`Adadelta`].
///
/// ```
/// use gradus_optimizers::{Adadelta, AdadeltaRule, Optimizer};
/// let optimizer: Optimizer<AdadeltaRule> = Adadelta::new(0.1);
/// assert_eq!(optimizer.learning_rate(), 0.1);
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AdadeltaRule {
    rho: f64,
    eps: f64,
}

impl Optimizer<AdadeltaRule> {
    /// Learning rate η (PyTorch starts from 1, as the paper has none); ρ = 0.9, ε = 1e-6: PyTorch's defaults.
    #[must_use]
    pub fn new(learning_rate: f64) -> Self {
        Self::with_rule(AdadeltaRule { rho: 0.9, eps: 1e-6 }, learning_rate)
    }
}

setters!(AdadeltaRule,
    rho: f64, "ρ, in 0 ..= 1: how slowly the means forget.";
    eps: f64, "ε, from 0 on: what the first steps are made of.";
);

impl Rule for AdadeltaRule {
    fn slots(&self) -> &'static [&'static str] {
        &["square_avg", "acc_delta"]
    }

    fn validate(&self) -> Result<(), OptimizerError> {
        check("rho", self.rho, (0.0..=1.0).contains(&self.rho), "in 0 ..= 1")?;
        check_not_negative("eps", self.eps)
    }

    update_by!(update);
}

#[inline(always)]
fn update<T: Float>(rule: &AdadeltaRule, step: &StepInfo, w: &mut [T], g: &[T], slots: &mut [&mut [T]]) {
    let [v, u] = slots else { return };
    let (rate, rho, rest) = (T::of(step.learning_rate), T::of(rule.rho), T::of(1.0 - rule.rho));
    let eps = T::of(rule.eps);
    for (((w, &g), v), u) in w.iter_mut().zip(g).zip(v.iter_mut()).zip(u.iter_mut()) {
        *v = *v * rho + rest * g * g;
        let delta = (*u + eps).sqrt() / (*v + eps).sqrt() * g;
        *u = *u * rho + rest * delta * delta;
        *w = *w - rate * delta;
    }
}
