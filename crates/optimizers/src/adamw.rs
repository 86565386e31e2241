//! AdamW (Loshchilov & Hutter 2019, "Decoupled Weight Decay Regularization"): w ← (1 − η·λ)·w, then
//! [Adam](crate::Adam)'s update from a gradient without decay.

use crate::adam::AdamRule;
use crate::error::OptimizerError;
use crate::optimizer::Optimizer;
use crate::rule::{Decay, Rule, StepInfo};
use crate::update::Update;

/// The weight decay that PyTorch's `AdamW` starts from.
const WEIGHT_DECAY: f64 = 0.01;

/// Adam with decoupled weight decay (PyTorch: `AdamW`).
///
/// ```
/// use gradus_module::Param;
/// use gradus_optimizers::{AdamW, GroupOptions};
/// let mut model = [Param::new([3.0_f32]), Param::new([1.0])];
/// // Biases (here: the second parameter) are not decayed.
/// let mut optimizer = AdamW::new(1e-3).weight_decay(0.1).group(|name| name == "1", GroupOptions::new().weight_decay(0.0));
/// let gradients = (model[0].square() + &*model[1]).sum().backward();
/// optimizer.step(&mut model, &gradients)?;
/// assert!((model[0].value().item() - (3.0 * (1.0 - 1e-4) - 1e-3)).abs() < 1e-6);
/// assert!((model[1].value().item() - 0.999).abs() < 1e-6);
/// # Ok::<(), gradus_optimizers::OptimizerError>(())
/// ```
pub type AdamW = Optimizer<AdamWRule>;

/// The equations of AdamW, see [`AdamW`].
///
/// ```
/// use gradus_optimizers::{AdamW, AdamWRule, Optimizer};
/// let optimizer: Optimizer<AdamWRule> = AdamW::new(0.01);
/// assert_eq!(optimizer.learning_rate(), 0.01);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct AdamWRule(AdamRule);

impl Optimizer<AdamWRule> {
    /// Learning rate η; β = (0.9, 0.999), ε = 1e-8, λ = 0.01, no AMSGrad: PyTorch's defaults.
    #[must_use]
    pub fn new(learning_rate: f64) -> Self {
        Self::with_rule(AdamWRule::default(), learning_rate).weight_decay(WEIGHT_DECAY)
    }

    /// β₁ and β₂, both in 0 .. 1: how slowly the means of gradients and of their squares forget.
    ///
    /// ```
    /// use gradus_module::Param;
    /// use gradus_optimizers::AdamW;
    /// let mut model = Param::new([3.0_f32]);
    /// let mut optimizer = AdamW::new(1e-3).betas(0.9, 0.99).eps(1e-7).amsgrad(true);
    /// let gradients = model.square().sum().backward();
    /// optimizer.step(&mut model, &gradients)?;
    /// assert!((model.value().item() - (3.0 * (1.0 - 1e-5) - 1e-3)).abs() < 1e-6);
    /// # Ok::<(), gradus_optimizers::OptimizerError>(())
    /// ```
    #[must_use]
    pub fn betas(mut self, first: f64, second: f64) -> Self {
        self.rule_mut().0.betas = (first, second);
        self
    }

    /// ε, from 0 on: keeps the quotient finite.
    #[must_use]
    pub fn eps(mut self, eps: f64) -> Self {
        self.rule_mut().0.eps = eps;
        self
    }

    /// Whether to divide by the largest mean of squares so far instead of the present one.
    #[must_use]
    pub fn amsgrad(mut self, amsgrad: bool) -> Self {
        self.rule_mut().0.amsgrad = amsgrad;
        self
    }
}

impl Rule for AdamWRule {
    fn slots(&self) -> &'static [&'static str] {
        self.0.slots()
    }

    fn decay(&self) -> Decay {
        Decay::Decoupled
    }

    fn validate(&self) -> Result<(), OptimizerError> {
        self.0.validate()
    }

    fn update_f32(&self, step: &StepInfo, update: &mut Update<'_, f32>) {
        self.0.update_f32(step, update);
    }

    fn update_f64(&self, step: &StepInfo, update: &mut Update<'_, f64>) {
        self.0.update_f64(step, update);
    }
}
