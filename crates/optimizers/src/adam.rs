//! Adam (Kingma & Ba 2015, "Adam: A Method for Stochastic Optimization"), with AMSGrad (Reddi et al. 2018):
//!
//! * mₜ = β₁·mₜ₋₁ + (1 − β₁)·gₜ
//! * vₜ = β₂·vₜ₋₁ + (1 − β₂)·gₜ²
//! * m̂ = mₜ/(1 − β₁ᵗ), v̂ = vₜ/(1 − β₂ᵗ); AMSGrad takes the largest v so far in v's place
//! * w ← w − η·m̂/(√v̂ + ε)

use gradus_tensor::Float;

use crate::error::{OptimizerError, check_betas, check_not_negative};
use crate::optimizer::Optimizer;
use crate::rule::{Rule, StepInfo};
use crate::update_by;

/// Adam (PyTorch: `Adam`). Weight decay, if set, is part of the gradient; for the decoupled form see
/// [`AdamW`](crate::AdamW).
///
/// ```
/// use gradus_module::Param;
/// use gradus_optimizers::Adam;
/// let mut model = Param::new([3.0_f32]);
/// let mut optimizer = Adam::new(1e-3).betas(0.9, 0.99).amsgrad(true);
/// let gradients = model.square().sum().backward();
/// let report = optimizer.step(&mut model, &gradients)?;
/// assert_eq!((report.step, report.gradient_norm), (1, 6.0));
/// assert!((model.value().item() - 2.999).abs() < 1e-6); // the first step is η long, whatever the gradient
/// # Ok::<(), gradus_optimizers::OptimizerError>(())
/// ```
pub type Adam = Optimizer<AdamRule>;

/// The equations of Adam, see [`Adam`].
///
/// ```
/// use gradus_optimizers::{Adam, AdamRule, Optimizer};
/// let optimizer: Optimizer<AdamRule> = Adam::new(0.01);
/// assert_eq!(optimizer.learning_rate(), 0.01);
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AdamRule {
    pub(crate) betas: (f64, f64),
    pub(crate) eps: f64,
    pub(crate) amsgrad: bool,
}

impl Default for AdamRule {
    fn default() -> Self {
        Self { betas: (0.9, 0.999), eps: 1e-8, amsgrad: false }
    }
}

impl Optimizer<AdamRule> {
    /// Learning rate η; β = (0.9, 0.999), ε = 1e-8, no weight decay, no AMSGrad: PyTorch's defaults.
    #[must_use]
    pub fn new(learning_rate: f64) -> Self {
        Self::with_rule(AdamRule::default(), learning_rate)
    }

    /// β₁ and β₂, both in 0 .. 1: how slowly the means of gradients and of their squares forget.
    #[must_use]
    pub fn betas(mut self, first: f64, second: f64) -> Self {
        self.rule_mut().betas = (first, second);
        self
    }

    /// ε, from 0 on: keeps the quotient finite.
    ///
    /// ```
    /// use gradus_optimizers::Adam;
    /// let optimizer = Adam::new(1e-3).eps(1e-6);
    /// assert_eq!(optimizer.learning_rate(), 1e-3);
    /// ```
    #[must_use]
    pub fn eps(mut self, eps: f64) -> Self {
        self.rule_mut().eps = eps;
        self
    }

    /// Whether to divide by the largest mean of squares so far instead of the present one.
    #[must_use]
    pub fn amsgrad(mut self, amsgrad: bool) -> Self {
        self.rule_mut().amsgrad = amsgrad;
        self
    }
}

impl Rule for AdamRule {
    fn slots(&self) -> &'static [&'static str] {
        if self.amsgrad { &["exp_avg", "exp_avg_sq", "max_exp_avg_sq"] } else { &["exp_avg", "exp_avg_sq"] }
    }

    fn validate(&self) -> Result<(), OptimizerError> {
        check_betas(self.betas)?;
        check_not_negative("eps", self.eps)
    }

    update_by!(update);
}

/// The constants of one step in the parameter's type: m ← m + a·(g − m), v ← b·v + c·g², w ← w − s·m/(√v·r + ε).
struct Constants<T> {
    a: T,
    b: T,
    c: T,
    s: T,
    r: T,
    eps: T,
}

#[inline(always)]
fn update<T: Float>(
    rule: &AdamRule,
    step: &StepInfo,
    parameter: &mut [T],
    gradient: &[T],
    slots: &mut [&mut [T]],
) {
    let (first, second) = rule.betas;
    let t = step.number as f64;
    let k = Constants {
        a: T::of(1.0 - first),
        b: T::of(second),
        c: T::of(1.0 - second),
        s: T::of(step.learning_rate / (1.0 - first.powf(t))),
        r: T::of((1.0 - second.powf(t)).sqrt().recip()),
        eps: T::of(rule.eps),
    };
    match slots {
        [m, v] => plain(&k, parameter, gradient, m, v),
        [m, v, largest] => amsgrad(&k, parameter, gradient, (m, v, largest)),
        _ => {}
    }
}

#[inline(always)]
fn plain<T: Float>(k: &Constants<T>, w: &mut [T], g: &[T], m: &mut [T], v: &mut [T]) {
    for (((w, &g), m), v) in w.iter_mut().zip(g).zip(m).zip(v) {
        *m = *m + k.a * (g - *m);
        *v = *v * k.b + k.c * g * g;
        *w = *w - k.s * *m / (v.sqrt() * k.r + k.eps);
    }
}

#[inline(always)]
fn amsgrad<T: Float>(
    k: &Constants<T>,
    w: &mut [T],
    g: &[T],
    (m, v, largest): (&mut [T], &mut [T], &mut [T]),
) {
    for ((((w, &g), m), v), largest) in w.iter_mut().zip(g).zip(m).zip(v).zip(largest) {
        *m = *m + k.a * (g - *m);
        *v = *v * k.b + k.c * g * g;
        // NaN must spread: the comparison keeps it, `max` would drop it.
        *largest = if *largest >= *v { *largest } else { *v };
        *w = *w - k.s * *m / (largest.sqrt() * k.r + k.eps);
    }
}
