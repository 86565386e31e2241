//! Averaged stochastic gradient descent (Polyak & Juditsky 1992; in the form of Bottou 2010):
//!
//! * ηₜ = η/(1 + λ·η·(t − 1))^α, w ← (1 − λ·ηₜ)·w − ηₜ·g
//! * a ← a + (w − a)/max(1, t − 1 − t₀): the mean of the weights from step t₀ on

use gradus_tensor::Float;

use crate::error::{OptimizerError, check, check_not_negative};
use crate::optimizer::Optimizer;
use crate::rule::{Rule, StepInfo};
use crate::setters::setters;
use crate::update_by;

/// Averaged stochastic gradient descent (PyTorch: `ASGD`). The averages are in the state as `{path}.ax`.
///
/// With a schedule, ηₜ follows the learning rate of this step (PyTorch's follows that of the step before).
///
/// ```
/// use gradus_module::Param;
/// use gradus_optimizers::Asgd;
/// let mut model = Param::new([1.0_f64]);
/// let mut optimizer = Asgd::new(0.1).start(0.0);
/// for _ in 0..3 {
///     let gradients = model.sum().backward();
///     optimizer.step(&mut model, &gradients)?;
/// }
/// let state = optimizer.state();
/// let average = state.get("ax").map(|a| a.cast::<f64>().item());
/// assert!(average.is_some_and(|a| (a - 0.75).abs() < 1e-3)); // of 0.8 and 0.7
/// # Ok::<(), gradus_optimizers::OptimizerError>(())
/// ```
pub type Asgd = Optimizer<AsgdRule>;

/// The equations of averaged stochastic gradient descent, see [`Asgd`].
///
/// ```
/// use gradus_optimizers::{Asgd, AsgdRule, Optimizer};
/// let optimizer: Optimizer<AsgdRule> = Asgd::new(0.1);
/// assert_eq!(optimizer.learning_rate(), 0.1);
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AsgdRule {
    lambda: f64,
    alpha: f64,
    start: f64,
}

impl Optimizer<AsgdRule> {
    /// Learning rate η (PyTorch starts from 0.01); λ = 1e-4, α = 0.75, t₀ = 1e6: PyTorch's defaults.
    #[must_use]
    pub fn new(learning_rate: f64) -> Self {
        Self::with_rule(AsgdRule { lambda: 1e-4, alpha: 0.75, start: 1e6 }, learning_rate)
    }
}

setters!(AsgdRule,
    lambda: f64, "λ, from 0 on: decay of the weights and of the learning rate (PyTorch: `lambd`).";
    alpha: f64, "α, from 0 on: the power with which the learning rate falls.";
    start: f64, "t₀: from which step on weights are averaged (PyTorch: `t0`).";
);

impl Rule for AsgdRule {
    fn slots(&self) -> &'static [&'static str] {
        &["ax"]
    }

    fn validate(&self) -> Result<(), OptimizerError> {
        check_not_negative("lambda", self.lambda)?;
        check_not_negative("alpha", self.alpha)?;
        check("start", self.start, self.start.is_finite(), "a number")
    }

    update_by!(update);
}

#[inline(always)]
fn update<T: Float>(rule: &AsgdRule, step: &StepInfo, w: &mut [T], g: &[T], slots: &mut [&mut [T]]) {
    let [average] = slots else { return };
    let done = step.number as f64 - 1.0;
    let rate = step.learning_rate / (1.0 + rule.lambda * step.learning_rate * done).powf(rule.alpha);
    let share = if step.number == 1 { 1.0 } else { (done - rule.start).max(1.0).recip() };
    let (keep, rate, share) = (T::of(1.0 - rule.lambda * rate), T::of(rate), T::of(share));
    let one = T::of(1.0);
    for ((w, &g), a) in w.iter_mut().zip(g).zip(average.iter_mut()) {
        *w = *w * keep - rate * g;
        *a = if share == one { *w } else { *a + share * (*w - *a) };
    }
}
