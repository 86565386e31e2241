//! What can go wrong in training that is not a wrong shape: files, diverging losses, names that do not exist.

use std::path::PathBuf;

use gradus_io::IoError;
use gradus_module::LoadError;
use gradus_optimizers::OptimizerError;
use thiserror::Error;

/// Why a training or one of its files failed. Each message is one sentence that names the place and the mend.
///
/// ```
/// use gradus_train::TrainError;
/// let error = TrainError::LossNotFinite { loss: f64::NAN, step: 7, epoch: 1, indices: vec![3, 4] };
/// assert!(error.to_string().starts_with("the loss is NaN at step 7 (epoch 1), for the examples 3, 4; "));
/// ```
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum TrainError {
    /// A file could not be read or written.
    #[error(transparent)]
    Io(#[from] IoError),
    /// The loss became NaN or infinite. The model is as it was before the step.
    #[error(
        "the loss is {loss} at step {step} (epoch {epoch}), for the examples {indices}; lower the learning rate, clip \
         the gradients or look at these examples", indices = few(.indices)
    )]
    LossNotFinite {
        /// The loss.
        loss: f64,
        /// The step, from 1.
        step: u64,
        /// The epoch, from 1.
        epoch: usize,
        /// Which examples were in the batch.
        indices: Vec<usize>,
    },
    /// A gradient became NaN or infinite although the loss was not. The model has been spoilt by the step.
    #[error(
        "the gradient's norm is {norm} at step {step} (epoch {epoch}), for the examples {indices}; go on from the last \
         checkpoint with a lower learning rate, or look at these examples", indices = few(.indices)
    )]
    GradientNotFinite {
        /// The norm.
        norm: f64,
        /// The step, from 1.
        step: u64,
        /// The epoch, from 1.
        epoch: usize,
        /// Which examples were in the batch.
        indices: Vec<usize>,
    },
    /// The optimizer could not take a step.
    #[error("step {step} (epoch {epoch}), for the examples {indices}: {source}", indices = few(.indices))]
    Step {
        /// The step, from 1.
        step: u64,
        /// The epoch, from 1.
        epoch: usize,
        /// Which examples were in the batch.
        indices: Vec<usize>,
        /// What the optimizer says.
        source: OptimizerError,
    },
    /// The loader could not deliver a batch.
    #[error("the data of epoch {epoch} cannot be read: {source}")]
    Data {
        /// The epoch, from 1.
        epoch: usize,
        /// What the loader says.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The loader of an evaluation could not deliver a batch.
    #[error("the data of the evaluation cannot be read: {source}")]
    EvaluationData {
        /// What the loader says.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The loader has no batches.
    #[error("there is nothing to train on: the loader has no batches; give it examples")]
    NoBatches,
    /// The loader is not the one that the run began with.
    #[error(
        "the run began with {before} batches per epoch and this loader has {batches}; resume with the same data and \
         batch size"
    )]
    OtherData {
        /// BatchStream per epoch at the beginning.
        before: u64,
        /// BatchStream per epoch now.
        batches: u64,
    },
    /// A callback watches a metric that nothing measures.
    #[error("{callback} watches \"{metric}\", which is not measured; there is {known}", known = .known.join(", "))]
    UnknownMetric {
        /// Who watches.
        callback: String,
        /// What it asks for.
        metric: String,
        /// What there is.
        known: Vec<String>,
    },
    /// A file is not a checkpoint, or not a whole one.
    #[error("{}: {what}; {mend}", .path.display())]
    Checkpoint {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        what: String,
        /// What to do.
        mend: &'static str,
    },
    /// The checkpoint is whole but was made with another model.
    #[error("{}: {source}", .path.display())]
    OtherModel {
        /// Which file.
        path: PathBuf,
        /// All names and shapes that differ.
        source: Box<LoadError>,
    },
    /// The checkpoint is whole but was made with another optimizer.
    #[error("{}: {source}", .path.display())]
    OtherOptimizer {
        /// Which file.
        path: PathBuf,
        /// What the optimizer says.
        source: OptimizerError,
    },
    /// A file of metrics has a line that is none.
    #[error("{}:{line}: {what}; remove the line", .path.display())]
    MetricsLine {
        /// Which file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// What is wrong with it.
        what: String,
    },
    /// A failure of a user's own callback.
    #[error("{callback}: {source}")]
    Callback {
        /// Which callback.
        callback: String,
        /// What went wrong.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

/// The first few numbers of a list, so that a sentence stays a sentence.
fn few(indices: &[usize]) -> String {
    const SHOWN: usize = 16;
    let mut text = indices.iter().take(SHOWN).map(usize::to_string).collect::<Vec<_>>().join(", ");
    if indices.len() > SHOWN {
        text.push_str(&format!(" … ({} in all)", indices.len()));
    }
    text
}
