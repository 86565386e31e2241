//! Gradient descent.
//!
//! w ← w − η·g

use gradus_tensor::Float;

use crate::error::OptimizerError;
use crate::optimizer::Optimizer;
use crate::rule::{Rule, StepInfo};
use crate::update_by;

/// Gradient descent (PyTorch: `SGD` without momentum).
///
/// ```
/// use gradus_module::Param;
/// use gradus_optimizers::GradientDescent;
/// let mut model = Param::new([3.0_f32]);
/// let gradients = model.square().sum().backward();
/// GradientDescent::new(0.1).step(&mut model, &gradients)?;
/// assert!((model.value().item() - 2.4).abs() < 1e-6);
/// # Ok::<(), gradus_optimizers::OptimizerError>(())
/// ```
pub type GradientDescent = Optimizer<GradientDescentRule>;

/// w ← w − η·g.
///
/// ```
/// use gradus_optimizers::{GradientDescent, GradientDescentRule, Optimizer};
/// let optimizer: Optimizer<GradientDescentRule> = GradientDescent::new(0.01);
/// assert_eq!(optimizer.learning_rate(), 0.01);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct GradientDescentRule;

impl Optimizer<GradientDescentRule> {
    /// Gradient descent with learning rate η.
    #[must_use]
    pub fn new(learning_rate: f64) -> Self {
        Self::with_rule(GradientDescentRule, learning_rate)
    }
}

impl Rule for GradientDescentRule {
    fn slots(&self) -> &'static [&'static str] {
        &[]
    }

    fn validate(&self) -> Result<(), OptimizerError> {
        Ok(())
    }

    update_by!(descend);
}

#[inline(always)]
fn descend<T: Float>(
    _: &GradientDescentRule,
    step: &StepInfo,
    parameter: &mut [T],
    gradient: &[T],
    _: &mut [&mut [T]],
) {
    let rate = T::of(step.learning_rate);
    for (w, &g) in parameter.iter_mut().zip(gradient) {
        *w = *w - rate * g;
    }
}
