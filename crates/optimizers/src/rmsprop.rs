//! RMSprop (Hinton 2012, lecture 6e; centred: Graves 2013):
//!
//! * vₜ = α·vₜ₋₁ + (1 − α)·gₜ²; centred: aₜ = α·aₜ₋₁ + (1 − α)·gₜ and v − a² in the place of v
//! * w ← w − η·g/(√v + ε), or with momentum μ: bₜ = μ·bₜ₋₁ + g/(√v + ε), w ← w − η·b

use gradus_tensor::Float;

use crate::error::{OptimizerError, check_not_negative};
use crate::optimizer::Optimizer;
use crate::rule::{Rule, StepInfo};
use crate::setters::setters;
use crate::update_by;

/// RMSprop (PyTorch: `RMSprop`).
///
/// ```
/// use gradus_module::Param;
/// use gradus_optimizers::RmsProp;
/// let mut model = Param::new([3.0_f32]);
/// let mut optimizer = RmsProp::new(0.01).momentum(0.5).centered(true);
/// let gradients = model.square().sum().backward();
/// optimizer.step(&mut model, &gradients)?;
/// assert!(model.value().item() < 3.0);
/// # Ok::<(), gradus_optimizers::OptimizerError>(())
/// ```
pub type RmsProp = Optimizer<RmsPropRule>;

/// The equations of RMSprop, see [`RmsProp`].
///
/// ```
/// use gradus_optimizers::{Optimizer, RmsProp, RmsPropRule};
/// let optimizer: Optimizer<RmsPropRule> = RmsProp::new(0.1);
/// assert_eq!(optimizer.learning_rate(), 0.1);
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RmsPropRule {
    alpha: f64,
    eps: f64,
    momentum: f64,
    centered: bool,
}

impl Optimizer<RmsPropRule> {
    /// Learning rate η (PyTorch starts from 0.01); α = 0.99, ε = 1e-8, no momentum, not centred: PyTorch's defaults.
    #[must_use]
    pub fn new(learning_rate: f64) -> Self {
        let rule = RmsPropRule { alpha: 0.99, eps: 1e-8, momentum: 0.0, centered: false };
        Self::with_rule(rule, learning_rate)
    }
}

setters!(RmsPropRule,
    alpha: f64, "α, from 0 on, usually below 1: how slowly the means forget.";
    eps: f64, "ε, from 0 on: keeps the quotient finite.";
    momentum: f64, "μ, from 0 on.";
    centered: bool, "Whether to divide by the standard deviation of the gradient instead of its root mean square.";
);

impl Rule for RmsPropRule {
    fn slots(&self) -> &'static [&'static str] {
        match (self.momentum > 0.0, self.centered) {
            (false, false) => &["square_avg"],
            (true, false) => &["square_avg", "momentum_buffer"],
            (false, true) => &["square_avg", "grad_avg"],
            (true, true) => &["square_avg", "momentum_buffer", "grad_avg"],
        }
    }

    fn validate(&self) -> Result<(), OptimizerError> {
        check_not_negative("alpha", self.alpha)?;
        check_not_negative("eps", self.eps)?;
        check_not_negative("momentum", self.momentum)
    }

    update_by!(update);
}

#[inline(always)]
fn update<T: Float>(rule: &RmsPropRule, step: &StepInfo, w: &mut [T], g: &[T], slots: &mut [&mut [T]]) {
    let Some((v, rest)) = slots.split_first_mut() else { return };
    let (rate, eps, momentum) = (T::of(step.learning_rate), T::of(rule.eps), T::of(rule.momentum));
    let (alpha, new) = (T::of(rule.alpha), T::of(1.0 - rule.alpha));
    let divided = |v: &mut T, mean: Option<&mut T>, g: T| {
        *v = *v * alpha + new * g * g;
        let mut spread = *v;
        if let Some(mean) = mean {
            *mean = *mean + new * (g - *mean);
            spread = spread - *mean * *mean;
        }
        g / (spread.sqrt() + eps)
    };
    match (rest, rule.centered) {
        ([], _) => {
            for ((w, &g), v) in w.iter_mut().zip(g).zip(v.iter_mut()) {
                *w = *w - rate * divided(v, None, g);
            }
        }
        ([mean], true) => {
            for (((w, &g), v), mean) in w.iter_mut().zip(g).zip(v.iter_mut()).zip(mean.iter_mut()) {
                *w = *w - rate * divided(v, Some(mean), g);
            }
        }
        ([b, rest @ ..], _) => {
            let mut means = rest.first_mut().map(|mean| mean.iter_mut());
            for (((w, &g), v), b) in w.iter_mut().zip(g).zip(v.iter_mut()).zip(b.iter_mut()) {
                let mean = means.as_mut().and_then(Iterator::next);
                *b = *b * momentum + divided(v, mean, g);
                *w = *w - rate * *b;
            }
        }
    }
}
