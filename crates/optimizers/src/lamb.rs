//! LAMB (You et al. 2020, "Large Batch Optimization for Deep Learning"): Adam's direction, scaled to each parameter's norm:
//!
//! * m, v, m̂, v̂ as in Adam; r = m̂/(√v̂ + ε) + λ·w
//! * w ← w − η·‖w‖/‖r‖·r; the quotient is 1 where a norm is 0

use gradus_tensor::Float;

use crate::error::{OptimizerError, check_betas, check_not_negative};
use crate::float::Real;
use crate::optimizer::Optimizer;
use crate::rule::{Decay, Rule, StepInfo, in_wide_loops};
use crate::setters::{betas, setters};
use crate::update::Update;

/// Layer-wise adaptive moments for batches (PyTorch has none).
///
/// ```
/// use gradus_module::Param;
/// use gradus_optimizers::Lamb;
/// let mut model = Param::new([3.0_f64, 4.0]);
/// let gradients = model.square().sum().backward();
/// Lamb::new(0.1).step(&mut model, &gradients)?;
/// // The first direction is (1, 1), of norm √2; the step is a tenth of ‖w‖ long.
/// assert!((model.value().at(&[0]) - (3.0 - 0.5 / 2.0_f64.sqrt())).abs() < 1e-5);
/// # Ok::<(), gradus_optimizers::OptimizerError>(())
/// ```
pub type Lamb = Optimizer<LambRule>;

/// The equations of LAMB, see [`Lamb`].
///
/// ```
/// use gradus_optimizers::{Lamb, LambRule, Optimizer};
/// let optimizer: Optimizer<LambRule> = Lamb::new(0.1);
/// assert_eq!(optimizer.learning_rate(), 0.1);
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LambRule {
    betas: (f64, f64),
    eps: f64,
}

impl Optimizer<LambRule> {
    /// Learning rate η; β = (0.9, 0.999), ε = 1e-6, no weight decay.
    #[must_use]
    pub fn new(learning_rate: f64) -> Self {
        Self::with_rule(LambRule { betas: (0.9, 0.999), eps: 1e-6 }, learning_rate)
    }
}

betas!(LambRule, "β₁ and β₂, both in 0 .. 1: how slowly the means of gradients and of their squares forget.");
setters!(LambRule, eps: f64, "ε, from 0 on: keeps the quotient finite.";);

impl Rule for LambRule {
    fn slots(&self) -> &'static [&'static str] {
        &["exp_avg", "exp_avg_sq"]
    }

    fn decay(&self) -> Decay {
        Decay::Own
    }

    fn validate(&self) -> Result<(), OptimizerError> {
        check_betas(self.betas)?;
        check_not_negative("eps", self.eps)
    }

    fn update_f32(&self, step: &StepInfo, update: &mut Update<'_, f32>) {
        update_both(self, step, update);
    }

    fn update_f64(&self, step: &StepInfo, update: &mut Update<'_, f64>) {
        update_both(self, step, update);
    }
}

/// What makes a direction of the means: r = m·a/(√(v·b) + ε) + λ·w.
#[derive(Clone, Copy)]
struct Direction<T> {
    a: T,
    b: T,
    eps: T,
    decay: T,
}

impl<T: Float> Direction<T> {
    #[inline(always)]
    fn of(self, w: T, m: T, v: T) -> T {
        m * self.a / ((v * self.b).sqrt() + self.eps) + self.decay * w
    }
}

fn update_both<T: Real>(rule: &LambRule, step: &StepInfo, update: &mut Update<'_, T>) {
    let ((first, second), t) = (rule.betas, step.number as f64);
    let direction = Direction {
        a: T::of((1.0 - first.powf(t)).recip()),
        b: T::of((1.0 - second.powf(t)).recip()),
        eps: T::of(rule.eps),
        decay: T::of(step.weight_decay),
    };
    let [w, r] = update
        .sums(&|w, g, slots| {
            let mut sum = 0.0;
            in_wide_loops(|| sum = remember(rule.betas, direction, w, g, slots));
            [T::squares_of(w), sum]
        })
        .map(f64::sqrt);
    let ratio = if w == 0.0 || r == 0.0 { 1.0 } else { w / r };
    let rate = T::of(step.learning_rate * ratio);
    update.by_elements(&|w, _, slots| in_wide_loops(|| descend(rate, direction, w, slots)));
}

/// Brings the means up to date; answers Σ r².
#[inline(always)]
fn remember<T: Float>(
    (first, second): (f64, f64),
    direction: Direction<T>,
    w: &[T],
    g: &[T],
    slots: &mut [&mut [T]],
) -> f64 {
    let [m, v] = slots else { return 0.0 };
    let (a, b, c) = (T::of(1.0 - first), T::of(second), T::of(1.0 - second));
    let mut sum = 0.0;
    for (((&w, &g), m), v) in w.iter().zip(g).zip(m.iter_mut()).zip(v.iter_mut()) {
        *m = *m + a * (g - *m);
        *v = *v * b + c * g * g;
        let r = direction.of(w, *m, *v).as_f64();
        sum += r * r;
    }
    sum
}

#[inline(always)]
fn descend<T: Float>(rate: T, direction: Direction<T>, w: &mut [T], slots: &mut [&mut [T]]) {
    let [m, v] = slots else { return };
    for ((w, &mut m), &mut v) in w.iter_mut().zip(m.iter_mut()).zip(v.iter_mut()) {
        *w = *w - rate * direction.of(*w, m, v);
    }
}
