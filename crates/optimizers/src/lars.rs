//! LARS (You, Gitman & Ginsburg 2017, "Large Batch Training of Convolutional Networks"): a learning rate per parameter, in
//! proportion to its size:
//!
//! * r = τ·‖w‖/(‖g‖ + λ·‖w‖ + ε), 1 where ‖w‖ or ‖g‖ is 0
//! * v ← μ·v + η·r·(g + λ·w), w ← w − v

use gradus_tensor::Float;

use crate::error::{OptimizerError, check_not_negative};
use crate::float::Real;
use crate::optimizer::Optimizer;
use crate::rule::{Decay, Rule, StepInfo, in_wide_loops};
use crate::setters::setters;
use crate::update::Update;

/// Layer-wise adaptive rate scaling (PyTorch has none).
///
/// ```
/// use gradus_module::Param;
/// use gradus_optimizers::Lars;
/// let mut model = Param::new([3.0_f64, 4.0]);
/// let gradients = model.square().sum().backward();
/// Lars::new(0.1).trust(0.5).step(&mut model, &gradients)?;
/// assert!((model.value().at(&[0]) - 2.85).abs() < 1e-6); // r = 0.5·5/10
/// # Ok::<(), gradus_optimizers::OptimizerError>(())
/// ```
pub type Lars = Optimizer<LarsRule>;

/// The equations of LARS, see [`Lars`].
///
/// ```
/// use gradus_optimizers::{Lars, LarsRule, Optimizer};
/// let optimizer: Optimizer<LarsRule> = Lars::new(0.1);
/// assert_eq!(optimizer.learning_rate(), 0.1);
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LarsRule {
    momentum: f64,
    trust: f64,
    eps: f64,
}

impl Optimizer<LarsRule> {
    /// Learning rate η; μ = 0.9, τ = 0.001, ε = 1e-8, no weight decay.
    #[must_use]
    pub fn new(learning_rate: f64) -> Self {
        Self::with_rule(LarsRule { momentum: 0.9, trust: 1e-3, eps: 1e-8 }, learning_rate)
    }
}

setters!(LarsRule,
    momentum: f64, "μ, from 0 on.";
    trust: f64, "τ, from 0 on: the part of a parameter's norm that a step may have.";
    eps: f64, "ε, from 0 on: keeps the quotient finite.";
);

impl Rule for LarsRule {
    fn slots(&self) -> &'static [&'static str] {
        &["momentum_buffer"]
    }

    fn decay(&self) -> Decay {
        Decay::Own
    }

    fn validate(&self) -> Result<(), OptimizerError> {
        check_not_negative("momentum", self.momentum)?;
        check_not_negative("trust", self.trust)?;
        check_not_negative("eps", self.eps)
    }

    fn update_f32(&self, step: &StepInfo, update: &mut Update<'_, f32>) {
        update_both(self, step, update);
    }

    fn update_f64(&self, step: &StepInfo, update: &mut Update<'_, f64>) {
        update_both(self, step, update);
    }
}

fn update_both<T: Real>(rule: &LarsRule, step: &StepInfo, update: &mut Update<'_, T>) {
    let decay = step.weight_decay;
    let [w, g] = update.sums(&|w, g, _| [T::squares_of(w), T::squares_of(g)]).map(f64::sqrt);
    let ratio = rule.trust * w / (g + decay * w + rule.eps);
    let ratio = if w == 0.0 || g == 0.0 { 1.0 } else { ratio };
    let (rate, momentum) = (step.learning_rate * ratio, rule.momentum);
    update.by_elements(&|w, g, slots| in_wide_loops(|| descend([rate, momentum, decay], w, g, slots)));
}

#[inline(always)]
fn descend<T: Float>(factors: [f64; 3], w: &mut [T], g: &[T], slots: &mut [&mut [T]]) {
    let [velocity] = slots else { return };
    let [rate, momentum, decay] = factors.map(T::of);
    for ((w, &g), v) in w.iter_mut().zip(g).zip(velocity.iter_mut()) {
        *v = momentum * *v + rate * (g + decay * *w);
        *w = *w - *v;
    }
}
