//! What happens beside the training itself, each a small struct: stop early, keep the best, write lines, show a bar.
//! The trainer calls them in the order in which they were added; none knows another.

mod best;
mod early_stopping;
mod gradients;
mod jsonl;
mod live;
#[cfg(any(feature = "progress", test))]
mod memory;
mod norms;
mod progress;
#[cfg(any(feature = "progress", test))]
mod rate;
mod steps;
mod table;

use std::path::Path;

use gradus_module::{Module, State};
use gradus_tensor::AnyTensor;

use crate::errors::TrainError;
use crate::history::{EpochRecord, History};
use crate::metrics::Metrics;
use crate::outcome::Outcome;
use crate::warning::Warning;

pub use best::BestCheckpoint;
pub use early_stopping::EarlyStopping;
pub(crate) use gradients::StepGradients;
pub use jsonl::MetricsFile;
pub use norms::{Norms, NormsFile};
pub use progress::Progress;
pub use steps::StepsFile;

/// Where a training stands, as callbacks see it.
#[derive(Clone, Copy)]
pub struct Run<'r> {
    /// The model.
    pub model: &'r dyn Module,
    /// The epoch under way (in `on_epoch`: the one that ended), from 1.
    pub epoch: usize,
    /// How many epochs there are to be.
    pub epochs: usize,
    /// How many batches of this epoch are done.
    pub batch: usize,
    /// How many batches an epoch has.
    pub batches: u64,
    /// How many steps were taken.
    pub step: u64,
    /// The epochs that ended.
    pub history: &'r History,
    pub(crate) gradients: Option<&'r StepGradients>,
}

impl Run<'_> {
    /// The gradients' norms in the step just taken, before clipping, by the parameters' paths; nothing unless a callback asked for
    /// them by [`Callback::wants_gradients`].
    ///
    /// ```
    /// use gradus_train::{Callback, Flow, Run, StepRecord, TrainError};
    /// /// Shows every hundredth step's gradients.
    /// struct Gradients;
    /// impl Callback for Gradients {
    ///     fn name(&self) -> &str {
    ///         "gradients"
    ///     }
    ///     fn wants_gradients(&self, step: u64) -> bool {
    ///         step.is_multiple_of(100)
    ///     }
    ///     fn on_step(&mut self, run: &Run<'_>, _: &StepRecord) -> Result<Flow, TrainError> {
    ///         for (path, norm) in run.gradient_norms() {
    ///             println!("{path}: {norm}, {:?}", run.gradient(&path).map(|gradient| gradient.shape().to_vec()));
    ///         }
    ///         Ok(Flow::Continue)
    ///     }
    /// }
    /// assert!(Gradients.wants_gradients(200));
    /// ```
    #[must_use]
    pub fn gradient_norms(&self) -> Vec<(String, f64)> {
        let all = self.gradients.into_iter().flat_map(StepGradients::iter);
        let norm = |gradient: &AnyTensor| gradient.cast::<f64>().square().sum().item().sqrt();
        all.map(|(path, gradient)| (path.to_owned(), norm(gradient))).collect()
    }

    /// The gradient of the parameter of that path in the step just taken, before clipping; as [`Run::gradient_norms`].
    #[must_use]
    pub fn gradient(&self, path: &str) -> Option<AnyTensor> {
        self.gradients?.iter().find(|(own, _)| *own == path).map(|(_, gradient)| gradient.clone())
    }
}

/// What one step did.
#[derive(Clone, Debug)]
pub struct StepRecord {
    /// The loss of its batch.
    pub loss: f64,
    /// The norm of all gradients together, before clipping.
    pub gradient_norm: f64,
    /// The learning rate.
    pub learning_rate: f64,
    /// How many examples its batches had.
    pub examples: usize,
    /// Means over the epoch so far: `loss` and whatever the closure measures.
    pub running: Metrics,
    /// The paths of trained parameters that the loss does not depend on: usually a mistake in the model.
    pub without_gradient: Vec<String>,
}

/// Whether to go on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Flow {
    /// Go on.
    Continue,
    /// Stop after this step or epoch, for this reason.
    Stop(String),
}

/// Something that watches a training and may stop it.
///
/// ```
/// use gradus_train::{Callback, Flow, Run, StepRecord, TrainError};
///
/// /// Stops as soon as the loss is good enough.
/// struct Enough(f64);
///
/// impl Callback for Enough {
///     fn name(&self) -> &str {
///         "enough"
///     }
///     fn on_step(&mut self, _: &Run<'_>, step: &StepRecord) -> Result<Flow, TrainError> {
///         Ok(if step.loss < self.0 { Flow::Stop("good enough".into()) } else { Flow::Continue })
///     }
/// }
/// ```
pub trait Callback {
    /// Its name in error messages and checkpoints.
    fn name(&self) -> &str;

    /// Before the first step of a fit, also of a resumed one.
    ///
    /// # Errors
    /// An error ends the training.
    fn on_start(&mut self, _run: &Run<'_>) -> Result<(), TrainError> {
        Ok(())
    }

    /// After each step.
    ///
    /// # Errors
    /// An error ends the training.
    fn on_step(&mut self, _run: &Run<'_>, _step: &StepRecord) -> Result<Flow, TrainError> {
        Ok(Flow::Continue)
    }

    /// After each epoch and its evaluation.
    ///
    /// # Errors
    /// An error ends the training.
    fn on_epoch(&mut self, _run: &Run<'_>, _record: &EpochRecord) -> Result<Flow, TrainError> {
        Ok(Flow::Continue)
    }

    /// Whether [`Run::gradient`] shall answer in [`Callback::on_step`] of step number `step`. Keeping gradients costs their memory,
    /// and looking at them time: ask for few steps.
    fn wants_gradients(&self, _step: u64) -> bool {
        false
    }

    /// When something was noticed that is no error.
    fn on_warning(&mut self, _run: &Run<'_>, _warning: &Warning) {}

    /// After a checkpoint was written to `path`.
    ///
    /// # Errors
    /// An error ends the training.
    fn on_checkpoint(&mut self, _run: &Run<'_>, _path: &Path) -> Result<(), TrainError> {
        Ok(())
    }

    /// After the last step, unless an error ended the training.
    ///
    /// # Errors
    /// An error is the fit's.
    fn on_end(&mut self, _run: &Run<'_>, _outcome: &Outcome) -> Result<(), TrainError> {
        Ok(())
    }

    /// After an error ended the training.
    fn on_error(&mut self, _run: &Run<'_>, _error: &TrainError) {}

    /// What it must remember across a stop and a resume.
    fn state(&self) -> State {
        State::default()
    }

    /// Takes back what [`Callback::state`] gave.
    fn load_state(&mut self, _state: &State) {}
}

/// A callback may be lent, to be asked for what it found when the training is over.
impl<C: Callback + ?Sized> Callback for &mut C {
    fn name(&self) -> &str {
        (**self).name()
    }
    fn on_start(&mut self, run: &Run<'_>) -> Result<(), TrainError> {
        (**self).on_start(run)
    }
    fn on_step(&mut self, run: &Run<'_>, step: &StepRecord) -> Result<Flow, TrainError> {
        (**self).on_step(run, step)
    }
    fn on_epoch(&mut self, run: &Run<'_>, record: &EpochRecord) -> Result<Flow, TrainError> {
        (**self).on_epoch(run, record)
    }
    fn wants_gradients(&self, step: u64) -> bool {
        (**self).wants_gradients(step)
    }
    fn on_warning(&mut self, run: &Run<'_>, warning: &Warning) {
        (**self).on_warning(run, warning);
    }
    fn on_checkpoint(&mut self, run: &Run<'_>, path: &Path) -> Result<(), TrainError> {
        (**self).on_checkpoint(run, path)
    }
    fn on_end(&mut self, run: &Run<'_>, outcome: &Outcome) -> Result<(), TrainError> {
        (**self).on_end(run, outcome)
    }
    fn on_error(&mut self, run: &Run<'_>, error: &TrainError) {
        (**self).on_error(run, error);
    }
    fn state(&self) -> State {
        (**self).state()
    }
    fn load_state(&mut self, state: &State) {
        (**self).load_state(state);
    }
}

/// The metric that `callback` watches, or an error that lists what there is.
pub(crate) fn watched(callback: &str, metric: &str, record: &EpochRecord) -> Result<f64, TrainError> {
    record.metrics.get(metric).ok_or_else(|| TrainError::UnknownMetric {
        callback: callback.to_owned(),
        metric: metric.to_owned(),
        known: record.metrics.iter().map(|(name, _)| name.to_owned()).collect(),
    })
}

/// A scalar out of a callback's state.
pub(crate) fn scalar(state: &State, name: &str) -> Option<f64> {
    state.get(name).filter(|value| value.len() == 1).map(|value| value.cast::<f64>().to_vec()[0])
}
