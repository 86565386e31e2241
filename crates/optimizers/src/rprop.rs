//! Rprop, resilient backpropagation (Riedmiller & Braun 1993): each element has a step length of its own, and of its
//! gradient the sign alone counts. With p the gradient before:
//!
//! * g·p > 0: s ← min(η₊·s, s_max); g·p < 0: s ← max(η₋·s, s_min) and g ← 0
//! * w ← w − s·sign(g)
//!
//! For gradients of the whole data set: the noise of small batches turns signs at random.

use gradus_tensor::Float;

use crate::error::{OptimizerError, check};
use crate::optimizer::Optimizer;
use crate::rule::{Rule, StepInfo};
use crate::update_by;

/// Rprop (PyTorch: `Rprop`). The learning rate is the first step length and counts no more after that.
///
/// ```
/// use gradus_module::Param;
/// use gradus_optimizers::Rprop;
/// let mut model = Param::new([3.0_f32]);
/// let gradients = model.square().sum().backward();
/// Rprop::new(0.125).etas(0.5, 1.2).step_sizes(1e-6, 50.0).step(&mut model, &gradients)?;
/// assert_eq!(model.value().item(), 2.875);
/// # Ok::<(), gradus_optimizers::OptimizerError>(())
/// ```
pub type Rprop = Optimizer<RpropRule>;

/// The equations of Rprop, see [`Rprop`].
///
/// ```
/// use gradus_optimizers::{Optimizer, Rprop, RpropRule};
/// let optimizer: Optimizer<RpropRule> = Rprop::new(0.1);
/// assert_eq!(optimizer.learning_rate(), 0.1);
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RpropRule {
    etas: (f64, f64),
    step_sizes: (f64, f64),
}

impl Optimizer<RpropRule> {
    /// First step length (PyTorch: `lr`, 0.01 there); η = (0.5, 1.2), lengths in 1e-6 ..= 50: PyTorch's defaults.
    #[must_use]
    pub fn new(learning_rate: f64) -> Self {
        Self::with_rule(RpropRule { etas: (0.5, 1.2), step_sizes: (1e-6, 50.0) }, learning_rate)
    }

    /// η₋ in 0 .. 1 and η₊ above 1: how step lengths shrink and grow.
    #[must_use]
    pub fn etas(mut self, shrink: f64, grow: f64) -> Self {
        self.rule_mut().etas = (shrink, grow);
        self
    }

    /// The least and the greatest step length.
    #[must_use]
    pub fn step_sizes(mut self, least: f64, greatest: f64) -> Self {
        self.rule_mut().step_sizes = (least, greatest);
        self
    }
}

impl Rule for RpropRule {
    fn slots(&self) -> &'static [&'static str] {
        &["prev", "step_size"]
    }

    fn validate(&self) -> Result<(), OptimizerError> {
        let (shrink, grow) = self.etas;
        check("eta_minus", shrink, shrink > 0.0 && shrink < 1.0, "above 0 and below 1")?;
        check("eta_plus", grow, grow > 1.0 && grow.is_finite(), "above 1")?;
        let (least, greatest) = self.step_sizes;
        check("least step_size", least, least >= 0.0 && least.is_finite(), "a number from 0 on")?;
        check("greatest step_size", greatest, greatest >= least, "the least step_size or more")
    }

    update_by!(update);
}

#[inline(always)]
fn update<T: Float>(rule: &RpropRule, step: &StepInfo, w: &mut [T], g: &[T], slots: &mut [&mut [T]]) {
    let [before, length] = slots else { return };
    if step.number == 1 {
        length.fill(T::of(step.learning_rate));
    }
    let (nought, one) = (T::of(0.0), T::of(1.0));
    let (shrink, grow) = (T::of(rule.etas.0), T::of(rule.etas.1));
    let (least, greatest) = (T::of(rule.step_sizes.0), T::of(rule.step_sizes.1));
    for (((w, &g), p), s) in w.iter_mut().zip(g).zip(before.iter_mut()).zip(length.iter_mut()) {
        let agreement = g * *p;
        let turned = agreement < nought;
        let factor = if agreement > nought { grow } else { one };
        let size = *s * if turned { shrink } else { factor };
        let size = if size < least { least } else { size };
        *s = if size > greatest { greatest } else { size };
        let g = if turned { nought } else { g };
        // A gradient of 0 stays 0, NaN stays NaN.
        let sign = if g > nought { one } else { g };
        let sign = if g < nought { -one } else { sign };
        *w = *w - *s * sign;
        *p = g;
    }
}
