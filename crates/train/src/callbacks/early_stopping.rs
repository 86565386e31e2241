//! Early stopping: no patience with a metric that no longer improves.

use gradus_module::State;
use gradus_tensor::Tensor;

use super::{Callback, Flow, Run, scalar, watched};
use crate::errors::TrainError;
use crate::history::{EpochRecord, Goal};
use crate::metrics::significant;

/// Stops when a metric has not improved for some epochs (Keras: `EarlyStopping`).
///
/// ```
/// use gradus_train::{EarlyStopping, Goal};
/// let early = EarlyStopping::new("validation_loss", Goal::Min).patience(5).min_delta(1e-4);
/// assert_eq!(early.best(), None);
/// ```
#[derive(Clone, Debug)]
pub struct EarlyStopping {
    metric: String,
    goal: Goal,
    patience: usize,
    min_delta: f64,
    best: Option<f64>,
    waited: usize,
}

impl EarlyStopping {
    /// Stops after the first epoch without improvement; see [`EarlyStopping::patience`].
    #[must_use]
    pub fn new(metric: impl Into<String>, goal: Goal) -> Self {
        Self { metric: metric.into(), goal, patience: 1, min_delta: 0.0, best: None, waited: 0 }
    }

    /// How many epochs in a row may pass without improvement: the last of them is the last of all. 0 counts as 1.
    #[must_use]
    pub fn patience(mut self, epochs: usize) -> Self {
        self.patience = epochs.max(1);
        self
    }

    /// By how much a metric must be better to count as improved.
    #[must_use]
    pub fn min_delta(mut self, margin: f64) -> Self {
        self.min_delta = margin;
        self
    }

    /// The best value so far.
    #[must_use]
    pub fn best(&self) -> Option<f64> {
        self.best
    }
}

impl Callback for EarlyStopping {
    fn name(&self) -> &str {
        "early_stopping"
    }

    fn on_epoch(&mut self, _run: &Run<'_>, record: &EpochRecord) -> Result<Flow, TrainError> {
        let value = watched("early stopping", &self.metric, record)?;
        if self.best.is_none_or(|best| self.goal.improves(value, best, self.min_delta)) {
            (self.best, self.waited) = (Some(value), 0);
            return Ok(Flow::Continue);
        }
        self.waited += 1;
        if self.waited < self.patience {
            return Ok(Flow::Continue);
        }
        let (metric, waited) = (&self.metric, self.waited);
        let best = significant(self.best.unwrap_or(f64::NAN));
        let epochs = if waited == 1 { "epoch" } else { "epochs" };
        Ok(Flow::Stop(format!("{metric} has not been better than {best} for {waited} {epochs}")))
    }

    fn state(&self) -> State {
        let mut state = State::default();
        if let Some(best) = self.best {
            state.push("best", Tensor::scalar(best));
        }
        state.push("waited", Tensor::scalar(self.waited as i64));
        state
    }

    fn load_state(&mut self, state: &State) {
        self.best = scalar(state, "best");
        self.waited = scalar(state, "waited").unwrap_or(0.0) as usize;
    }
}
