//! Adafactor (Shazeer & Stern 2018, "Adaptive Learning Rates with Sublinear Memory Cost"), in PyTorch's form. Of the mean
//! squares V of a matrix `[…, R, C]` only the means of rows r and of columns c are kept:
//!
//! * 1 − β₂ₜ = t^δ; r and c: means that forget with β₂ₜ; V̂ = r·cᵀ/max(mean r, ε₁)
//! * u = g/√max(V̂, ε₁²), α = max(ε₂, RMS(w))·min(η, 1/√t)
//! * w ← (1 − η·λ)·w − α·u/max(1, RMS(u)/d)

use gradus_tensor::{Element, Float, Shape, Tensor};

use crate::error::{OptimizerError, check, check_not_negative};
use crate::optimizer::Optimizer;
use crate::rule::{Decay, Rule, StepInfo};
use crate::setters::setters;
use crate::update_whole_by;

/// Adafactor (PyTorch: `Adafactor`). Vectors keep all their mean squares.
///
/// ```
/// use gradus_module::Param;
/// use gradus_optimizers::Adafactor;
/// let mut model = Param::new([[3.0_f32, 4.0], [1.0, 2.0]]);
/// let mut optimizer = Adafactor::new(0.1);
/// for _ in 0..100 {
///     let gradients = model.square().sum().backward();
///     optimizer.step(&mut model, &gradients)?;
/// }
/// assert!(model.square().sum().item() < 1.0);
/// # Ok::<(), gradus_optimizers::OptimizerError>(())
/// ```
pub type Adafactor = Optimizer<AdafactorRule>;

/// The equations of Adafactor, see [`Adafactor`].
///
/// ```
/// use gradus_optimizers::{Adafactor, AdafactorRule, Optimizer};
/// let optimizer: Optimizer<AdafactorRule> = Adafactor::new(0.1);
/// assert_eq!(optimizer.learning_rate(), 0.1);
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AdafactorRule {
    beta2_decay: f64,
    least_square: Option<f64>,
    least_size: f64,
    threshold: f64,
}

impl Optimizer<AdafactorRule> {
    /// Learning rate η (PyTorch starts from 0.01); δ = −0.8, ε₁ the machine epsilon, ε₂ = 0.001, d = 1, no weight decay:
    /// PyTorch's defaults.
    #[must_use]
    pub fn new(learning_rate: f64) -> Self {
        let rule = AdafactorRule { beta2_decay: -0.8, least_square: None, least_size: 1e-3, threshold: 1.0 };
        Self::with_rule(rule, learning_rate)
    }

    /// ε₁ and ε₂, from 0 on (PyTorch: `eps`).
    ///
    /// ```
    /// let optimizer = gradus_optimizers::Adafactor::new(0.01).eps(1e-30, 1e-3);
    /// ```
    #[must_use]
    pub fn eps(mut self, least_square: f64, least_size: f64) -> Self {
        let rule = self.rule_mut();
        (rule.least_square, rule.least_size) = (Some(least_square), least_size);
        self
    }
}

setters!(AdafactorRule,
    beta2_decay: f64, "δ, at most 0: how the share of new squares falls.";
    threshold: f64, "d, from 1 on: the root mean square from which on updates are scaled down (PyTorch: `d`).";
);

impl Rule for AdafactorRule {
    fn slots(&self) -> &'static [&'static str] {
        &["row_var", "col_var", "variance"]
    }

    fn slot_shape(&self, slot: usize, parameter: &Shape) -> Shape {
        let rank = parameter.len();
        match (slot, rank >= 2) {
            (0, true) => parameter.with(rank - 1, 1),
            (1, true) => parameter.with(rank - 2, 1),
            (2, false) => *parameter,
            _ => Shape::new(&[0]), // a matrix has no variances, a vector nothing else
        }
    }

    fn is_shaped_alike(&self) -> bool {
        false
    }

    fn decay(&self) -> Decay {
        Decay::Own
    }

    fn validate(&self) -> Result<(), OptimizerError> {
        check("beta2_decay", self.beta2_decay, self.beta2_decay <= 0.0, "at most 0")?;
        check_not_negative("eps_1", self.least_square.unwrap_or(0.0))?;
        check_not_negative("eps_2", self.least_size)?;
        check("threshold", self.threshold, self.threshold >= 1.0, "1 or more")
    }

    update_whole_by!(update);
}

/// √mean x², 0 of nothing.
fn root_mean_square<T: Float>(x: &Tensor<T>) -> f64 {
    if x.is_empty() { 0.0 } else { x.square().mean().item().as_f64().sqrt() }
}

fn update<T: Float>(
    rule: &AdafactorRule,
    step: &StepInfo,
    parameter: &mut Tensor<T>,
    gradient: Tensor<T>,
    slots: &mut [Tensor<T>],
) {
    let [rows, columns, variance] = slots else { return };
    let t = step.number as f64;
    let share = T::of(t.powf(rule.beta2_decay));
    let least = T::of(rule.least_square.unwrap_or(T::EPS));
    let rate = rule.least_size.max(root_mean_square(parameter)) * step.learning_rate.min(t.sqrt().recip());
    *parameter *= T::of(1.0 - step.learning_rate * step.weight_decay);
    let squares = gradient.square();
    let estimate = if gradient.rank() >= 2 {
        towards(rows, &squares.mean_axes(&[-1], true), share);
        towards(columns, &squares.mean_axes(&[-2], true), share);
        // NaN spreads: comparisons with it are false.
        let mean = rows.mean_axes(&[-2], true).map(|x| if x < least { least } else { x });
        &*rows / &mean * &*columns
    } else {
        towards(variance, &squares, share);
        variance.clone()
    };
    let floor = least * least;
    let inverse = move |x: T| <T as Element>::ONE / if x < floor { floor } else { x }.sqrt();
    let update = estimate.zip(&gradient, move |x, g| inverse(x) * g);
    let excess = (root_mean_square(&update) / rule.threshold).max(1.0);
    *parameter -= &(update * T::of(rate / excess));
}

/// mean ← mean + share·(new − mean).
fn towards<T: Float>(mean: &mut Tensor<T>, new: &Tensor<T>, share: T) {
    *mean = mean.zip(new, move |mean, new| mean + share * (new - mean));
}
