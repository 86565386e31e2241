//! Schedules: the factor of the learning rate as a pure function of the number of steps done. Nothing is counted here,
//! so a resumed run cannot be out of step. Formulas are PyTorch's.

use std::f64::consts::PI;
use std::fmt;
use std::sync::Arc;

/// The factor of the learning rate at each step: `factor(0)` is for the first.
///
/// ```
/// use gradus_optimizers::Schedule;
/// let schedule = Schedule::warmup(10).then(10, Schedule::cosine(90, 0.1));
/// assert_eq!((schedule.factor(0), schedule.factor(9), schedule.factor(100)), (0.1, 1.0, 0.1));
/// let by_epoch = Schedule::step(30, 0.1).every(1000); // 1000 steps an epoch
/// assert_eq!(by_epoch.factor(29_999), 1.0);
/// assert_eq!(Schedule::new(|step| 1.0 / (1 + step) as f64).factor(3), 0.25);
/// ```
#[derive(Clone)]
pub struct Schedule {
    kind: Kind,
}

#[derive(Clone, Debug)]
enum Kind {
    Constant(f64),
    Linear { start: f64, end: f64, steps: u64 },
    Step { size: u64, gamma: f64 },
    MultiStep { milestones: Vec<u64>, gamma: f64 },
    Exponential { gamma: f64 },
    Cosine { steps: u64, minimum: f64 },
    Polynomial { steps: u64, power: f64 },
    OneCycle { steps: u64, rise: f64, first: f64, last: f64 },
    Sequence { before: Box<Schedule>, at: u64, after: Box<Schedule> },
    Product(Box<Schedule>, Box<Schedule>),
    Every { steps: u64, inner: Box<Schedule> },
    Function(Function),
}

#[derive(Clone)]
struct Function(Arc<dyn Fn(u64) -> f64 + Send + Sync>);

impl fmt::Debug for Function {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(closure)")
    }
}

impl fmt::Debug for Schedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.kind.fmt(f)
    }
}

impl Default for Schedule {
    fn default() -> Self {
        Self::constant()
    }
}

impl Schedule {
    fn of(kind: Kind) -> Self {
        Self { kind }
    }

    /// Any function of the number of steps done (PyTorch: `LambdaLR`).
    #[must_use]
    pub fn new(factor: impl Fn(u64) -> f64 + Send + Sync + 'static) -> Self {
        Self::of(Kind::Function(Function(Arc::new(factor))))
    }

    /// 1.
    #[must_use]
    pub fn constant() -> Self {
        Self::of(Kind::Constant(1.0))
    }

    /// From `start` to `end` in a straight line over `steps`, then `end` (PyTorch: `LinearLR`).
    #[must_use]
    pub fn linear(start: f64, end: f64, steps: u64) -> Self {
        Self::of(Kind::Linear { start, end, steps })
    }

    /// (t + 1)/steps up to 1: a straight rise whose first step moves already
    /// (PyTorch: `LinearLR(1/steps, total_iters=steps − 1)`).
    #[must_use]
    pub fn warmup(steps: u64) -> Self {
        Self::linear(1.0 / steps.max(1) as f64, 1.0, steps.saturating_sub(1))
    }

    /// γ^⌊t/size⌋ (PyTorch: `StepLR`).
    ///
    /// # Panics
    /// If `size` is 0.
    #[must_use]
    #[track_caller]
    pub fn step(size: u64, gamma: f64) -> Self {
        assert!(size > 0, "step: size is not above 0: {size}");
        Self::of(Kind::Step { size, gamma })
    }

    /// γ to the number of milestones reached (PyTorch: `MultiStepLR`).
    #[must_use]
    pub fn multi_step(milestones: &[u64], gamma: f64) -> Self {
        Self::of(Kind::MultiStep { milestones: milestones.to_vec(), gamma })
    }

    /// γᵗ (PyTorch: `ExponentialLR`).
    #[must_use]
    pub fn exponential(gamma: f64) -> Self {
        Self::of(Kind::Exponential { gamma })
    }

    /// minimum + (1 − minimum)·(1 + cos(π·t/steps))/2, then `minimum` (PyTorch: `CosineAnnealingLR`, which rises again
    /// after its end; Loshchilov & Hutter 2017).
    #[must_use]
    pub fn cosine(steps: u64, minimum: f64) -> Self {
        Self::of(Kind::Cosine { steps, minimum })
    }

    /// (1 − t/steps)^power, then 0 (PyTorch: `PolynomialLR`).
    #[must_use]
    pub fn polynomial(steps: u64, power: f64) -> Self {
        Self::of(Kind::Polynomial { steps, power })
    }

    /// Up from 1/25 to 1 over the first 30 % of `steps`, then down to 1/250,000, both along a cosine (PyTorch:
    /// `OneCycleLR` with its defaults, the learning rate being its `max_lr`; momentum is not cycled; Smith & Topin 2018).
    #[must_use]
    pub fn one_cycle(steps: u64) -> Self {
        Self::one_cycle_with(steps, 0.3, 25.0, 1e4)
    }

    /// [`Schedule::one_cycle`] with the part of the steps that rises, what the first factor is divided by, and what
    /// the last is divided by in turn (PyTorch: `pct_start`, `div_factor`, `final_div_factor`).
    #[must_use]
    pub fn one_cycle_with(steps: u64, rise: f64, division: f64, final_division: f64) -> Self {
        let first = 1.0 / division;
        Self::of(Kind::OneCycle { steps, rise, first, last: first / final_division })
    }

    /// [`Schedule::warmup`] over `warmup` steps, then [`Schedule::cosine`] from 1 to `minimum` at `steps`.
    #[must_use]
    pub fn warmup_cosine(warmup: u64, steps: u64, minimum: f64) -> Self {
        Self::warmup(warmup).then(warmup, Self::cosine(steps.saturating_sub(warmup), minimum))
    }

    /// This schedule before step `at`, from there on `after`, which counts from 0 again (PyTorch: `SequentialLR`).
    #[must_use]
    pub fn then(self, at: u64, after: Schedule) -> Self {
        Self::of(Kind::Sequence { before: Box::new(self), at, after: Box::new(after) })
    }

    /// The product with another schedule (PyTorch: `ChainedScheduler`).
    #[must_use]
    pub fn times(self, other: Schedule) -> Self {
        Self::of(Kind::Product(Box::new(self), Box::new(other)))
    }

    /// This schedule counted in units of `steps`: in epochs, if that is their length.
    ///
    /// # Panics
    /// If `steps` is 0.
    #[must_use]
    #[track_caller]
    pub fn every(self, steps: u64) -> Self {
        assert!(steps > 0, "every: steps is not above 0: {steps}");
        Self::of(Kind::Every { steps, inner: Box::new(self) })
    }

    /// The factor for the step after `done` steps.
    #[must_use]
    pub fn factor(&self, done: u64) -> f64 {
        let t = done as f64;
        match &self.kind {
            Kind::Constant(factor) => *factor,
            Kind::Linear { start, end, steps } => start + (end - start) * part(done, *steps),
            Kind::Step { size, gamma } => gamma.powf((done / size) as f64),
            Kind::MultiStep { milestones, gamma } => {
                gamma.powf(milestones.iter().filter(|&&milestone| milestone <= done).count() as f64)
            }
            Kind::Exponential { gamma } => gamma.powf(t),
            Kind::Cosine { steps, minimum } => along_cosine(1.0, *minimum, part(done, *steps)),
            Kind::Polynomial { steps, power } => (1.0 - part(done, *steps)).powf(*power),
            Kind::OneCycle { steps, rise, first, last } => {
                let top = (rise * *steps as f64 - 1.0).max(0.0);
                let end = (*steps as f64 - 1.0).max(top);
                if t < top {
                    along_cosine(*first, 1.0, t / top)
                } else {
                    let part = if end > top { ((t - top) / (end - top)).min(1.0) } else { 1.0 };
                    along_cosine(1.0, *last, part)
                }
            }
            Kind::Sequence { at, after, .. } if done >= *at => after.factor(done - at),
            Kind::Sequence { before, .. } => before.factor(done),
            Kind::Product(a, b) => a.factor(done) * b.factor(done),
            Kind::Every { steps, inner } => inner.factor(done / steps),
            Kind::Function(Function(factor)) => factor(done),
        }
    }
}

/// How much of `steps` is done, at most 1.
fn part(done: u64, steps: u64) -> f64 {
    if done >= steps { 1.0 } else { done as f64 / steps as f64 }
}

/// From `start` to `end` along half a cosine.
fn along_cosine(start: f64, end: f64, part: f64) -> f64 {
    end + (start - end) * (1.0 + (PI * part).cos()) / 2.0
}
