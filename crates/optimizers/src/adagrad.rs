//! Adagrad (Duchi, Hazan & Singer 2011, "Adaptive Subgradient Methods"):
//!
//! * sₜ = sₜ₋₁ + gₜ², s₀ as set
//! * w ← w − η/(1 + (t − 1)·δ)·g/(√s + ε)

use gradus_tensor::Float;

use crate::error::{OptimizerError, check_not_negative};
use crate::optimizer::Optimizer;
use crate::rule::{Rule, StepInfo};
use crate::setters::setters;
use crate::update_by;

/// Adagrad (PyTorch: `Adagrad`).
///
/// ```
/// use gradus_module::Param;
/// use gradus_optimizers::Adagrad;
/// let mut model = Param::new([3.0_f32]);
/// let gradients = model.square().sum().backward();
/// Adagrad::new(0.1).step(&mut model, &gradients)?;
/// assert!((model.value().item() - 2.9).abs() < 1e-6);
/// # Ok::<(), gradus_optimizers::OptimizerError>(())
/// ```
pub type Adagrad = Optimizer<AdagradRule>;

/// The equations of Adagrad, see [`Adagrad`].
///
/// ```
/// use gradus_optimizers::{Adagrad, AdagradRule, Optimizer};
/// let optimizer: Optimizer<AdagradRule> = Adagrad::new(0.1);
/// assert_eq!(optimizer.learning_rate(), 0.1);
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AdagradRule {
    learning_rate_decay: f64,
    initial_accumulator: f64,
    eps: f64,
}

impl Optimizer<AdagradRule> {
    /// Learning rate η (PyTorch starts from 0.01); δ = 0, s₀ = 0, ε = 1e-10: PyTorch's defaults.
    #[must_use]
    pub fn new(learning_rate: f64) -> Self {
        let rule = AdagradRule { learning_rate_decay: 0.0, initial_accumulator: 0.0, eps: 1e-10 };
        Self::with_rule(rule, learning_rate)
    }
}

setters!(AdagradRule,
    learning_rate_decay: f64, "δ, from 0 on: how fast the learning rate falls (PyTorch: `lr_decay`).";
    initial_accumulator: f64, "s₀, from 0 on: what the sums of squares start from (PyTorch: `initial_accumulator_value`).";
    eps: f64, "ε, from 0 on: keeps the quotient finite.";
);

impl Rule for AdagradRule {
    fn slots(&self) -> &'static [&'static str] {
        &["sum"]
    }

    fn validate(&self) -> Result<(), OptimizerError> {
        check_not_negative("learning_rate_decay", self.learning_rate_decay)?;
        check_not_negative("initial_accumulator", self.initial_accumulator)?;
        check_not_negative("eps", self.eps)
    }

    update_by!(update);
}

#[inline(always)]
fn update<T: Float>(rule: &AdagradRule, step: &StepInfo, w: &mut [T], g: &[T], slots: &mut [&mut [T]]) {
    let [sum] = slots else { return };
    if step.number == 1 {
        sum.fill(T::of(rule.initial_accumulator));
    }
    let done = step.number as f64 - 1.0;
    let rate = T::of(step.learning_rate / (1.0 + done * rule.learning_rate_decay));
    let eps = T::of(rule.eps);
    for ((w, &g), sum) in w.iter_mut().zip(g).zip(sum.iter_mut()) {
        *sum = *sum + g * g;
        *w = *w - rate * g / (sum.sqrt() + eps);
    }
}
