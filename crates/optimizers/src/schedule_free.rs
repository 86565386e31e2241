//! Schedule-free AdamW (Defazio et al. 2024, "The Road Less Scheduled"): instead of a falling learning rate, gradients are
//! taken at a point y between the iterate z and its average x:
//!
//! * v ← β₂·v + (1 − β₂)·g(y)²; u = g/(√v̂ + ε) + λ·y; η rises over the warm-up
//! * z ← z − η·u, x ← (1 − c)·x + c·z with c the share of this step's weight t^r·η_max² in the sum of all
//! * y = β₁·x + (1 − β₁)·z

use gradus_module::{Module, Param, Path};
use gradus_tensor::{AnyTensor, Float, Tensor};

use crate::error::{OptimizerError, check, check_betas, check_not_negative};
use crate::optimizer::Optimizer;
use crate::rule::{Decay, Rule, StepInfo};
use crate::setters::{betas, setters};
use crate::update_by;

/// Schedule-free AdamW (PyTorch has none). While training, the model holds y; for evaluation and saving call
/// [`to_average`](Optimizer::to_average), to go on training [`to_training`](Optimizer::to_training).
///
/// ```
/// use gradus_module::Param;
/// use gradus_optimizers::ScheduleFree;
/// let mut model = Param::new([3.0_f32]);
/// let mut optimizer = ScheduleFree::new(0.1).warmup(10);
/// for _ in 0..200 {
///     let gradients = model.square().sum().backward();
///     optimizer.step(&mut model, &gradients)?;
/// }
/// optimizer.to_average(&mut model);
/// assert!(model.value().item().abs() < 0.3);
/// optimizer.to_training(&mut model);
/// # Ok::<(), gradus_optimizers::OptimizerError>(())
/// ```
pub type ScheduleFree = Optimizer<ScheduleFreeRule>;

/// The equations of schedule-free AdamW, see [`ScheduleFree`].
///
/// ```
/// use gradus_optimizers::{Optimizer, ScheduleFree, ScheduleFreeRule};
/// let optimizer: Optimizer<ScheduleFreeRule> = ScheduleFree::new(0.1);
/// assert_eq!(optimizer.learning_rate(), 0.1);
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ScheduleFreeRule {
    betas: (f64, f64),
    eps: f64,
    warmup: u64,
    power: f64,
    /// Whether the model holds x at present.
    is_average: bool,
}

impl Optimizer<ScheduleFreeRule> {
    /// Learning rate η (0.0025 in the paper's code); β = (0.9, 0.999), ε = 1e-8, no warm-up, r = 0, no weight decay.
    #[must_use]
    pub fn new(learning_rate: f64) -> Self {
        let rule =
            ScheduleFreeRule { betas: (0.9, 0.999), eps: 1e-8, warmup: 0, power: 0.0, is_average: false };
        Self::with_rule(rule, learning_rate)
    }

    /// Puts the averages x into the model, to be evaluated or saved. Steps are refused until
    /// [`to_training`](Optimizer::to_training).
    pub fn to_average(&mut self, model: &mut (impl Module + ?Sized)) {
        if !self.note(true) {
            self.move_from_iterate(model, self.rule.betas.0.recip());
        }
    }

    /// Puts the training points y back.
    pub fn to_training(&mut self, model: &mut (impl Module + ?Sized)) {
        if self.note(false) {
            self.move_from_iterate(model, self.rule.betas.0);
        }
    }

    /// Writes down, for the state too, what the model holds from now on; answers what it held.
    fn note(&mut self, is_average: bool) -> bool {
        for memory in self.memories.values_mut() {
            if let [_, _, flag] = &mut memory.scalars[..] {
                *flag = f64::from(u8::from(is_average));
            }
        }
        std::mem::replace(&mut self.rule_mut().is_average, is_average)
    }

    /// w ← z + factor·(w − z).
    fn move_from_iterate(&self, model: &mut (impl Module + ?Sized), factor: f64) {
        model.visit_mut(&mut Path::root(), &mut |path, entry| {
            let Some(z) = self.memories.get(path.as_str()).and_then(|memory| memory.slots.first()) else {
                return;
            };
            let any = entry.as_any_mut();
            if let Some(parameter) = any.downcast_mut::<Param<f32>>() {
                moved(parameter.value_mut(), z, factor);
            } else if let Some(parameter) = any.downcast_mut::<Param<f64>>() {
                moved(parameter.value_mut(), z, factor);
            }
        });
    }
}

fn moved<T: Float>(w: &mut Tensor<T>, z: &AnyTensor, factor: f64) {
    let factor = T::of(factor);
    *w = w.zip(&z.cast::<T>(), move |w, z| z + factor * (w - z));
}

betas!(
    ScheduleFreeRule,
    "β₁ above 0 and β₂, both below 1: where gradients are taken, and how slowly squares are forgotten."
);
setters!(ScheduleFreeRule,
    eps: f64, "ε, from 0 on: keeps the quotient finite.";
    warmup: u64, "Over how many steps the learning rate rises to η.";
    power: f64, "r, from 0 on: later iterates count more by tʳ.";
);

impl Rule for ScheduleFreeRule {
    fn slots(&self) -> &'static [&'static str] {
        &["z", "exp_avg_sq"]
    }

    fn scalars(&self) -> &'static [&'static str] {
        &["weight_sum", "lr_max", "is_average"]
    }

    fn advance(&self, step: &StepInfo, scalars: &mut [f64]) {
        let largest = self.rate(step).max(scalars[1]);
        scalars[0] += self.weight(step, largest);
        scalars[1] = largest;
    }

    fn resume(&mut self, scalars: &[f64]) {
        self.is_average = scalars.get(2).is_some_and(|&flag| flag != 0.0);
    }

    fn decay(&self) -> Decay {
        Decay::Own
    }

    fn validate(&self) -> Result<(), OptimizerError> {
        check_betas(self.betas)?;
        check("beta_1", self.betas.0, self.betas.0 > 0.0, "above 0")?;
        check_not_negative("eps", self.eps)?;
        check_not_negative("power", self.power)?;
        let averaged = f64::from(u8::from(self.is_average));
        check("is_average", averaged, !self.is_average, "0: call `to_training` before a step")
    }

    update_by!(update);
}

impl ScheduleFreeRule {
    fn rate(&self, step: &StepInfo) -> f64 {
        let risen = step.number as f64 / self.warmup.max(1) as f64;
        step.learning_rate * risen.min(1.0)
    }

    fn weight(&self, step: &StepInfo, largest: f64) -> f64 {
        (step.number as f64).powf(self.power) * largest * largest
    }
}

#[inline(always)]
fn update<T: Float>(rule: &ScheduleFreeRule, step: &StepInfo, y: &mut [T], g: &[T], slots: &mut [&mut [T]]) {
    let [z, v] = slots else { return };
    if step.number == 1 {
        z.copy_from_slice(y);
    }
    let (first, second) = rule.betas;
    let ([sum, largest, _], rate) = (step.scalars, rule.rate(step));
    let share = if sum == 0.0 { 0.0 } else { rule.weight(step, largest) / sum };
    let (b, c) = (T::of(second), T::of(1.0 - second));
    let r = T::of((1.0 - second.powf(step.number as f64)).recip());
    let (eps, decay) = (T::of(rule.eps), T::of(step.weight_decay));
    let (share_z, rate_y) = (T::of(share), T::of(rate * (first * (1.0 - share) - 1.0)));
    let rate = T::of(rate);
    for (((y, &g), z), v) in y.iter_mut().zip(g).zip(z.iter_mut()).zip(v.iter_mut()) {
        *v = *v * b + c * g * g;
        let u = g / ((*v * r).sqrt() + eps) + decay * *y;
        *y = *y + share_z * (*z - *y) + rate_y * u;
        *z = *z - rate * u;
    }
}
