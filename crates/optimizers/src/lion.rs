//! Lion (Chen et al. 2023, "Symbolic Discovery of Optimization Algorithms"):
//!
//! * w ← (1 − η·λ)·w − η·sign(β₁·m + (1 − β₁)·g)
//! * m ← β₂·m + (1 − β₂)·g

use gradus_tensor::Float;

use crate::error::{OptimizerError, check_betas};
use crate::optimizer::Optimizer;
use crate::rule::{Decay, Rule, StepInfo};
use crate::setters::betas;
use crate::update_by;

/// Lion (PyTorch has none). Its steps are all η long: it wants a third to a tenth of Adam's learning rate and as many
/// times its weight decay.
///
/// ```
/// use gradus_module::Param;
/// use gradus_optimizers::Lion;
/// let mut model = Param::new([3.0_f32, 0.0]);
/// let gradients = model.square().sum().backward();
/// Lion::new(0.125).step(&mut model, &gradients)?;
/// assert_eq!(model.value().to_vec(), [2.875, 0.0]);
/// # Ok::<(), gradus_optimizers::OptimizerError>(())
/// ```
pub type Lion = Optimizer<LionRule>;

/// The equations of Lion, see [`Lion`].
///
/// ```
/// use gradus_optimizers::{Lion, LionRule, Optimizer};
/// let optimizer: Optimizer<LionRule> = Lion::new(0.1);
/// assert_eq!(optimizer.learning_rate(), 0.1);
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LionRule {
    betas: (f64, f64),
}

impl Optimizer<LionRule> {
    /// Learning rate η (1e-4 in the paper); β = (0.9, 0.99), no weight decay.
    #[must_use]
    pub fn new(learning_rate: f64) -> Self {
        Self::with_rule(LionRule { betas: (0.9, 0.99) }, learning_rate)
    }
}

betas!(
    LionRule,
    "β₁ and β₂, both in 0 .. 1: of the mean that gives the direction, and of the one that is kept."
);

impl Rule for LionRule {
    fn slots(&self) -> &'static [&'static str] {
        &["exp_avg"]
    }

    fn decay(&self) -> Decay {
        Decay::Decoupled
    }

    fn validate(&self) -> Result<(), OptimizerError> {
        check_betas(self.betas)
    }

    update_by!(update);
}

#[inline(always)]
fn update<T: Float>(rule: &LionRule, step: &StepInfo, w: &mut [T], g: &[T], slots: &mut [&mut [T]]) {
    let [m] = slots else { return };
    let (first, second) = (T::of(1.0 - rule.betas.0), T::of(1.0 - rule.betas.1));
    let (nought, rate) = (T::of(0.0), T::of(step.learning_rate));
    for ((w, &g), m) in w.iter_mut().zip(g).zip(m.iter_mut()) {
        let direction = *m + first * (g - *m);
        // 0 moves nothing, NaN spreads.
        let up = if direction > nought { rate } else { direction };
        *w = *w - if direction < nought { -rate } else { up };
        *m = *m + second * (g - *m);
    }
}
