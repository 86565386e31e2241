//! Schedules: the factor of the learning rate as a pure function of the number of steps done. Nothing is counted here,
//! so a resumed run cannot be out of step. Formulas are PyTorch's.

mod cycles;
mod shapes;

use std::fmt;
use std::sync::Arc;

use crate::error::{OptimizerError, check, check_not_negative};
pub use cycles::{Cyclic, CyclicScale, OneCycle};
use cycles::{along_cosine, part};

/// The factor of the learning rate at each step: `factor(0)` is for the first.
///
/// ```
/// use gradus_optimizers::Schedule;
/// let schedule = Schedule::warmup(10).then(10, Schedule::cosine(90, 0.1));
/// assert_eq!((schedule.factor(0), schedule.factor(9), schedule.factor(100)), (0.1, 1.0, 0.1));
/// let by_epoch = Schedule::step(30, 0.1).every(1000); // 1000 steps an epoch
/// assert_eq!(by_epoch.factor(29_999), 1.0);
/// let both = Schedule::new(|step| 1.0 / (1 + step) as f64).times(by_epoch);
/// assert_eq!(both.factor(3), 0.25);
/// assert!(both.validate().is_ok() && Schedule::step(0, 0.1).validate().is_err());
/// ```
#[derive(Clone)]
pub struct Schedule {
    kind: Kind,
}

#[derive(Clone, Debug)]
enum Kind {
    Constant { factor: f64, steps: Option<u64> },
    Linear { start: f64, end: f64, steps: u64 },
    Step { size: u64, gamma: f64 },
    MultiStep { milestones: Vec<u64>, gamma: f64 },
    Exponential { gamma: f64 },
    Cosine { steps: u64, minimum: f64, turns_back: bool },
    Restarts { period: u64, growth: u64, minimum: f64 },
    Polynomial { steps: u64, power: f64 },
    SquareRoot { steps: u64, minimum: f64 },
    InverseSquareRoot { warmup: u64, top: f64 },
    OneCycle(OneCycle),
    Cyclic(Cyclic),
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
    #[must_use]
    pub fn every(self, steps: u64) -> Self {
        Self::of(Kind::Every { steps, inner: Box::new(self) })
    }

    /// The factor for the step after `done` steps.
    #[must_use]
    pub fn factor(&self, done: u64) -> f64 {
        let t = done as f64;
        match &self.kind {
            Kind::Constant { factor, steps } => {
                if steps.is_none_or(|steps| done < steps) {
                    *factor
                } else {
                    1.0
                }
            }
            Kind::Linear { start, end, steps } => start + (end - start) * part(done, *steps),
            Kind::Step { size, gamma } => gamma.powf((done / size.max(&1)) as f64),
            Kind::MultiStep { milestones, gamma } => {
                gamma.powf(milestones.iter().filter(|&&milestone| milestone <= done).count() as f64)
            }
            Kind::Exponential { gamma } => gamma.powf(t),
            Kind::Cosine { steps, minimum, turns_back: true } => {
                along_cosine(1.0, *minimum, t / (*steps).max(1) as f64)
            }
            Kind::Cosine { steps, minimum, .. } => along_cosine(1.0, *minimum, part(done, *steps)),
            Kind::Restarts { period, growth, minimum } => {
                along_cosine(1.0, *minimum, cycles::part_of_period(done, *period, *growth))
            }
            Kind::Polynomial { steps, power } => (1.0 - part(done, *steps)).powf(*power),
            Kind::SquareRoot { steps, minimum } => 1.0 - (1.0 - minimum) * part(done, *steps).sqrt(),
            Kind::InverseSquareRoot { warmup, top } => {
                let (step, warmup) = (t + 1.0, (*warmup).max(1) as f64);
                top * (step / warmup).min((warmup / step).sqrt())
            }
            Kind::OneCycle(cycle) => cycle.factor(done),
            Kind::Cyclic(cycle) => cycle.factor(done),
            Kind::Sequence { at, after, .. } if done >= *at => after.factor(done - at),
            Kind::Sequence { before, .. } => before.factor(done),
            Kind::Product(a, b) => a.factor(done) * b.factor(done),
            Kind::Every { steps, inner } => inner.factor(done / (*steps).max(1)),
            Kind::Function(Function(factor)) => factor(done),
        }
    }

    /// Whether all its numbers lie in their ranges; an [`Optimizer`](crate::Optimizer) asks before each step.
    ///
    /// # Errors
    /// Naming the first that does not.
    pub fn validate(&self) -> Result<(), OptimizerError> {
        let some = |argument, steps: u64| check(argument, steps as f64, steps > 0, "1 or more");
        match &self.kind {
            Kind::Constant { factor, .. } => check_not_negative("factor of a schedule", *factor),
            Kind::Linear { start, end, .. } => {
                check_not_negative("start of a linear schedule", *start)?;
                check_not_negative("end of a linear schedule", *end)
            }
            Kind::Step { size, gamma } => {
                some("size of a step schedule", *size)?;
                check_not_negative("gamma of a schedule", *gamma)
            }
            Kind::MultiStep { gamma, .. } | Kind::Exponential { gamma } => {
                check_not_negative("gamma of a schedule", *gamma)
            }
            Kind::Cosine { steps, minimum, turns_back } => {
                some("steps of a periodic schedule", if *turns_back { *steps } else { 1 })?;
                check_not_negative("minimum of a schedule", *minimum)
            }
            Kind::SquareRoot { minimum, .. } => check_not_negative("minimum of a schedule", *minimum),
            Kind::Restarts { period, growth, minimum } => {
                some("period of a schedule", *period)?;
                some("growth of a schedule's period", *growth)?;
                check_not_negative("minimum of a schedule", *minimum)
            }
            Kind::Polynomial { power, .. } => check_not_negative("power of a schedule", *power),
            Kind::InverseSquareRoot { warmup, top } => {
                some("warmup of a schedule", *warmup)?;
                check_not_negative("factor of a schedule", *top)
            }
            Kind::OneCycle(cycle) => cycle.validate(),
            Kind::Cyclic(cycle) => cycle.validate(),
            Kind::Sequence { before, after, .. } => before.validate().and_then(|()| after.validate()),
            Kind::Product(a, b) => a.validate().and_then(|()| b.validate()),
            Kind::Every { steps, inner } => {
                some("steps of `every`", *steps)?;
                inner.validate()
            }
            Kind::Function(_) => Ok(()),
        }
    }
}
