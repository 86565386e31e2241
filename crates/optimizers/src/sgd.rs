//! Stochastic gradient descent with momentum (Polyak 1964; Sutskever et al. 2013), in PyTorch's form:
//!
//! * v₁ = g₁, then vₜ = μ·vₜ₋₁ + (1 − τ)·gₜ
//! * w ← w − η·v, or with Nesterov's look-ahead w ← w − η·(g + μ·v)
//!
//! with momentum μ and dampening τ. Without momentum it is gradient descent.

use gradus_tensor::Float;

use crate::error::{OptimizerError, check, check_not_negative};
use crate::optimizer::Optimizer;
use crate::rule::{Rule, StepInfo};
use crate::update_by;

/// Stochastic gradient descent with momentum (PyTorch: `SGD`).
///
/// ```
/// use gradus_module::Param;
/// use gradus_optimizers::Sgd;
/// let mut model = Param::new([3.0_f32]);
/// let mut optimizer = Sgd::new(0.1).momentum(0.9).nesterov(true).weight_decay(1e-4);
/// for _ in 0..100 {
///     let gradients = model.square().sum().backward();
///     optimizer.step(&mut model, &gradients)?;
/// }
/// assert!(model.value().item().abs() < 1e-2);
/// # Ok::<(), gradus_optimizers::OptimizerError>(())
/// ```
pub type Sgd = Optimizer<SgdRule>;

/// The equations of stochastic gradient descent, see [`Sgd`].
///
/// ```
/// use gradus_optimizers::{Optimizer, Sgd, SgdRule};
/// let optimizer: Optimizer<SgdRule> = Sgd::new(0.01);
/// assert_eq!(optimizer.learning_rate(), 0.01);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct SgdRule {
    momentum: f64,
    dampening: f64,
    nesterov: bool,
}

impl Optimizer<SgdRule> {
    /// Learning rate η; no momentum, no weight decay: PyTorch's defaults.
    #[must_use]
    pub fn new(learning_rate: f64) -> Self {
        Self::with_rule(SgdRule::default(), learning_rate)
    }

    /// μ, from 0 on.
    #[must_use]
    pub fn momentum(mut self, momentum: f64) -> Self {
        self.rule_mut().momentum = momentum;
        self
    }

    /// τ: how much of each later gradient is left out of the momentum.
    ///
    /// ```
    /// use gradus_module::Param;
    /// use gradus_optimizers::Sgd;
    /// let mut model = Param::new([0.0_f64]);
    /// let mut optimizer = Sgd::new(1.0).momentum(0.5).dampening(0.25);
    /// for _ in 0..2 {
    ///     let gradients = model.sum().backward();
    ///     optimizer.step(&mut model, &gradients)?; // 1, then ½·1 + ¾·1
    /// }
    /// assert_eq!(model.value().item(), -2.25);
    /// # Ok::<(), gradus_optimizers::OptimizerError>(())
    /// ```
    #[must_use]
    pub fn dampening(mut self, dampening: f64) -> Self {
        self.rule_mut().dampening = dampening;
        self
    }

    /// Looks ahead along the momentum; needs momentum and no dampening.
    #[must_use]
    pub fn nesterov(mut self, nesterov: bool) -> Self {
        self.rule_mut().nesterov = nesterov;
        self
    }
}

impl Rule for SgdRule {
    fn slots(&self) -> &'static [&'static str] {
        if self.momentum == 0.0 { &[] } else { &["momentum_buffer"] }
    }

    fn validate(&self) -> Result<(), OptimizerError> {
        let Self { momentum, dampening, nesterov } = *self;
        check_not_negative("momentum", momentum)?;
        check("dampening", dampening, dampening.is_finite(), "a number")?;
        check("momentum", momentum, !nesterov || momentum > 0.0, "above 0 with nesterov")?;
        check("dampening", dampening, !nesterov || dampening == 0.0, "0 with nesterov")
    }

    update_by!(update);
}

#[inline(always)]
fn update<T: Float>(
    rule: &SgdRule,
    step: &StepInfo,
    parameter: &mut [T],
    gradient: &[T],
    slots: &mut [&mut [T]],
) {
    let (rate, momentum) = (T::of(step.learning_rate), T::of(rule.momentum));
    let [velocity] = slots else {
        for (w, &g) in parameter.iter_mut().zip(gradient) {
            *w = *w - rate * g;
        }
        return;
    };
    // The first gradient is the momentum, undamped.
    let share = if step.number == 1 { T::of(1.0) } else { T::of(1.0 - rule.dampening) };
    for ((w, &g), v) in parameter.iter_mut().zip(gradient).zip(velocity.iter_mut()) {
        *v = momentum * *v + share * g;
        let direction = if rule.nesterov { g + momentum * *v } else { *v };
        *w = *w - rate * direction;
    }
}
