//! TensorBoard's event files: the callback that writes a training's, and the writer behind it, which any loop may use.
//!
//! Why our own encoder: the format is a few records of a few fields and is only written here; a schema compiler and its
//! run time would be in every user's build. TensorBoard's own reader is the judge (`tests/reference`).

mod events;
mod histogram;
mod message;
mod record;
#[cfg(test)]
mod tests;
mod writer;

use std::path::PathBuf;

use gradus_module::{Kind, State};
use gradus_tensor::Tensor;

use crate::callbacks::{Callback, Flow, Run, StepRecord};
use crate::errors::TrainError;
use crate::history::EpochRecord;
use crate::warning::Warning;

pub use events::HParam;
use message::Message;
pub use writer::EventWriter;

/// Writes the training for TensorBoard (Lightning: `TensorBoardLogger`; Keras: `TensorBoard`): after each step `step/loss`,
/// `step/gradient_norm` and `step/learning_rate`, after each epoch all that was measured as `epoch/…`, and if it is asked
/// to the histograms `weights/…` and `gradients/…` of each parameter. All of it stands over the number of steps.
///
/// Every event is written through: whatever a killed run measured can be seen. A run that goes on writes a new file, and
/// what the earlier ones hold of the steps that are taken again is void, so that no step is drawn twice.
///
/// ```
/// # use gradus_data::{Loader, Pairs};
/// # use gradus_module::Param;
/// # use gradus_optimizers::Adam;
/// # use gradus_tensor::Tensor;
/// use gradus_train::Trainer;
/// use gradus_train::tensorboard::TensorBoard;
/// # let folder = std::env::temp_dir().join(format!("gradus-tensorboard-{}", std::process::id()));
/// # let mut loader = Loader::new(Pairs::new(Tensor::from([1.0_f32, 2.0]), Tensor::from([3.0_f32, 6.0]))?, 2, 7);
/// let board = TensorBoard::new(&folder).every(1).histograms_every(2);
/// assert_eq!(board.folder(), folder);
/// let events = board.events().clone(); // for what only you know
/// let mut trainer = Trainer::new((Param::new([0.0_f32]),), Adam::new(0.1)).epochs(3).callback(board);
/// trainer.fit(&mut loader, |(w,), batch, _| {
///     (&**w * &(&batch.inputs).into() - &(&batch.targets).into()).square().mean()
/// })?;
/// events.text("outcome", "the slope is found", trainer.step())?;
/// assert!(events.path().is_some_and(|path| path.exists())); // tensorboard --logdir …
/// # std::fs::remove_dir_all(&folder)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct TensorBoard {
    events: EventWriter,
    every: u64,
    histograms: u64,
    /// The scalars of the latest step, if it was one to be written.
    last: Vec<(&'static str, f64)>,
}

/// What is written of a step.
const STEP_TAGS: [&str; 3] = ["step/loss", "step/gradient_norm", "step/learning_rate"];

impl TensorBoard {
    /// Writes into `folder`, which is made if it is missing: scalars of each step, no histograms.
    #[must_use]
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self::with_events(EventWriter::new(folder))
    }

    fn with_events(events: EventWriter) -> Self {
        Self { events, every: 1, histograms: 0, last: Vec::new() }
    }

    /// Scalars of every `steps`-th step only; 0: of none.
    #[must_use]
    pub fn every(mut self, steps: u64) -> Self {
        self.every = steps;
        self
    }

    /// Histograms of all weights and gradients after every `steps`-th step; 0: never.
    #[must_use]
    pub fn histograms_every(mut self, steps: u64) -> Self {
        self.histograms = steps;
        self
    }

    /// The writer, for pictures, texts and whatever else there is to tell. Its clones write into the same file.
    #[must_use]
    pub fn events(&self) -> &EventWriter {
        &self.events
    }

    /// Where the files are.
    #[must_use]
    pub fn folder(&self) -> PathBuf {
        self.events.folder()
    }
}

/// Whether this is a step to write; 0: none is.
fn is_due(step: u64, every: u64) -> bool {
    every > 0 && step.is_multiple_of(every)
}

fn histograms(run: &Run<'_>) -> Vec<Message> {
    let mut values = Vec::new();
    for (path, entry) in run.model.entries() {
        if entry.kind() != Kind::Parameter {
            continue;
        }
        values.extend(writer::histogram(&format!("weights/{path}"), &entry.value()));
        let gradient = run.gradient(&path);
        values.extend(gradient.and_then(|own| writer::histogram(&format!("gradients/{path}"), &own)));
    }
    values
}

impl Callback for TensorBoard {
    fn name(&self) -> &str {
        "tensorboard"
    }

    fn on_start(&mut self, run: &Run<'_>) -> Result<(), TrainError> {
        // A checkpoint may stand between the last step of an epoch and the epoch's own measurements. These come again,
        // at the same step; so that step is void too, and told anew from memory.
        let again = run.step > 0 && run.batch as u64 == run.batches;
        self.events.restart(if again { run.step } else { run.step + 1 })?;
        if again { self.events.scalars(&self.last, run.step) } else { Ok(()) }
    }

    fn wants_gradients(&self, step: u64) -> bool {
        is_due(step, self.histograms)
    }

    fn on_step(&mut self, run: &Run<'_>, step: &StepRecord) -> Result<Flow, TrainError> {
        self.last.clear();
        if is_due(run.step, self.every) {
            let values = [step.loss, step.gradient_norm, step.learning_rate];
            self.last = STEP_TAGS.into_iter().zip(values).collect();
        }
        let mut values: Vec<Message> = self.last.iter().map(|(tag, x)| events::scalar(tag, *x)).collect();
        if is_due(run.step, self.histograms) {
            values.extend(histograms(run));
        }
        self.events.values(run.step, &values)?;
        Ok(Flow::Continue)
    }

    fn on_epoch(&mut self, _run: &Run<'_>, record: &EpochRecord) -> Result<Flow, TrainError> {
        let measured = record.metrics.iter().chain([("seconds", record.seconds)]);
        let values: Vec<Message> =
            measured.map(|(name, value)| events::scalar(&format!("epoch/{name}"), value)).collect();
        self.events.values(record.step, &values)?;
        Ok(Flow::Continue)
    }

    fn on_warning(&mut self, run: &Run<'_>, warning: &Warning) {
        // A note that cannot be written must not end what it is about; the next event tells what is wrong.
        _ = self.events.text("warning", &warning.to_string(), run.step);
    }

    fn state(&self) -> State {
        let mut state = State::default();
        self.last.iter().for_each(|(tag, x)| state.push(*tag, Tensor::scalar(*x)));
        state
    }

    fn load_state(&mut self, state: &State) {
        let known = |tag: &'static str| crate::callbacks::scalar(state, tag).map(|x| (tag, x));
        self.last = STEP_TAGS.into_iter().filter_map(known).collect();
    }
}
