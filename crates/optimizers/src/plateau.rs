//! A learning rate that falls when a measure no longer gets better. It has a memory, so it is no [`Schedule`](crate::Schedule):
//! tell it of the measure after each evaluation, and save its state beside the optimizer's.

use gradus_module::State;
use gradus_tensor::Tensor;

use crate::error::{OptimizerError, check, check_not_negative};
use crate::optimize::Optimize;
use crate::state::{count, float};

/// Which measures are better.
///
/// ```
/// use gradus_optimizers::{Better, ReduceOnPlateau};
/// let by_accuracy = ReduceOnPlateau::new().better(Better::Higher);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Better {
    /// Lower ones: losses.
    #[default]
    Lower,
    /// Higher ones: accuracies.
    Higher,
}

/// By how much a measure must be better than the best so far.
///
/// ```
/// use gradus_optimizers::{ReduceOnPlateau, Threshold};
/// let plateau = ReduceOnPlateau::new().threshold(Threshold::Absolute(0.01)).cooldown(5).minimum(1e-6).eps(1e-9);
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Threshold {
    /// By this part of the best.
    Relative(f64),
    /// By this much.
    Absolute(f64),
}

/// Multiplies the learning rate with a factor when the measure has not been better for more than `patience` evaluations
/// (PyTorch: `ReduceLROnPlateau`).
///
/// ```
/// use gradus_optimizers::{ReduceOnPlateau, Sgd};
/// let mut optimizer = Sgd::new(0.5);
/// let mut plateau = ReduceOnPlateau::new().factor(0.5).patience(1);
/// for loss in [3.0, 2.0, 2.0, 2.0] {
///     plateau.observe(loss, &mut optimizer)?;
/// }
/// assert_eq!(optimizer.learning_rate(), 0.25);
/// let mut other = ReduceOnPlateau::new().factor(0.5).patience(1);
/// other.load_state(&plateau.state())?;
/// assert_eq!(other, plateau);
/// # Ok::<(), gradus_optimizers::OptimizerError>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct ReduceOnPlateau {
    better: Better,
    factor: f64,
    patience: u64,
    threshold: Threshold,
    cooldown: u64,
    minimum: f64,
    eps: f64,
    best: Option<f64>,
    bad: u64,
    cooling: u64,
}

impl Default for ReduceOnPlateau {
    fn default() -> Self {
        Self {
            better: Better::Lower,
            factor: 0.1,
            patience: 10,
            threshold: Threshold::Relative(1e-4),
            cooldown: 0,
            minimum: 0.0,
            eps: 1e-8,
            best: None,
            bad: 0,
            cooling: 0,
        }
    }
}

impl ReduceOnPlateau {
    /// Lower is better; a factor of 0.1 after 10 evaluations without a relative gain of 1e-4, no cooldown: PyTorch's
    /// defaults.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Which measures are better (PyTorch: `mode`).
    #[must_use]
    pub fn better(mut self, better: Better) -> Self {
        self.better = better;
        self
    }

    /// What the learning rate is multiplied with, from 0 on and below 1.
    #[must_use]
    pub fn factor(mut self, factor: f64) -> Self {
        self.factor = factor;
        self
    }

    /// How many evaluations without a gain are borne.
    #[must_use]
    pub fn patience(mut self, evaluations: u64) -> Self {
        self.patience = evaluations;
        self
    }

    /// What counts as a gain.
    #[must_use]
    pub fn threshold(mut self, threshold: Threshold) -> Self {
        self.threshold = threshold;
        self
    }

    /// For how many evaluations after a fall nothing counts as bad.
    #[must_use]
    pub fn cooldown(mut self, evaluations: u64) -> Self {
        self.cooldown = evaluations;
        self
    }

    /// The lowest learning rate (PyTorch: `min_lr`).
    #[must_use]
    pub fn minimum(mut self, learning_rate: f64) -> Self {
        self.minimum = learning_rate;
        self
    }

    /// A fall that is not larger than this is left out.
    #[must_use]
    pub fn eps(mut self, eps: f64) -> Self {
        self.eps = eps;
        self
    }

    /// Takes a measure in; lowers the optimizer's base learning rate when it is time. Answers whether it did.
    ///
    /// # Errors
    /// If a setting lies outside its range. A measure that is NaN is no gain.
    pub fn observe(&mut self, measure: f64, optimizer: &mut impl Optimize) -> Result<bool, OptimizerError> {
        check("factor", self.factor, self.factor >= 0.0 && self.factor < 1.0, "from 0 on and below 1")?;
        check_not_negative("minimum", self.minimum)?;
        check_not_negative("eps", self.eps)?;
        let (Threshold::Relative(threshold) | Threshold::Absolute(threshold)) = self.threshold;
        check_not_negative("threshold", threshold)?;
        if !measure.is_nan() && self.best.is_none_or(|best| self.is_gain(measure, best)) {
            (self.best, self.bad) = (Some(measure), 0);
        } else {
            self.bad += 1;
        }
        if self.cooling > 0 {
            (self.cooling, self.bad) = (self.cooling - 1, 0);
        }
        if self.bad <= self.patience {
            return Ok(false);
        }
        (self.cooling, self.bad) = (self.cooldown, 0);
        let old = optimizer.base_learning_rate();
        let new = (old * self.factor).max(self.minimum);
        let is_fall = old - new > self.eps;
        if is_fall {
            optimizer.set_learning_rate(new);
        }
        Ok(is_fall)
    }

    fn is_gain(&self, measure: f64, best: f64) -> bool {
        match (self.better, self.threshold) {
            (Better::Lower, Threshold::Relative(part)) => measure < best * (1.0 - part),
            (Better::Lower, Threshold::Absolute(gain)) => measure < best - gain,
            (Better::Higher, Threshold::Relative(part)) => measure > best * (1.0 + part),
            (Better::Higher, Threshold::Absolute(gain)) => measure > best + gain,
        }
    }

    /// `best` (absent before the first measure), `bad_evaluations`, `cooldown`.
    #[must_use]
    pub fn state(&self) -> State {
        let mut state = State::default();
        if let Some(best) = self.best {
            state.push(BEST, Tensor::scalar(best));
        }
        state.push(BAD, Tensor::scalar(self.bad as i64));
        state.push(COOLING, Tensor::scalar(self.cooling as i64));
        state
    }

    /// Goes on from a saved state.
    ///
    /// # Errors
    /// If an entry is missing or of the wrong type; this one is then as it was.
    pub fn load_state(&mut self, state: &State) -> Result<(), OptimizerError> {
        let (bad, cooling) = (count(state, BAD)?, count(state, COOLING)?);
        let best = state.get(BEST).map(|_| float(state, BEST)).transpose()?;
        (self.best, self.bad, self.cooling) = (best, bad, cooling);
        Ok(())
    }
}

const BEST: &str = "best";
const BAD: &str = "bad_evaluations";
const COOLING: &str = "cooldown";
