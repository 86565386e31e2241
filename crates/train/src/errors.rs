//! What can go wrong in training that is not a wrong shape: files, diverging losses, names that do not exist.

use std::fmt;
use std::path::PathBuf;

use gradus_io::IoError;
use gradus_module::LoadError;
use gradus_optimizers::OptimizerError;
use thiserror::Error;

/// Why a training or one of its files failed. Each message is one sentence that names the place and the mend.
///
/// ```
/// use gradus_train::{Fault, TrainError};
/// let fault = Fault { step: 7, epoch: 1, indices: vec![3, 4], ..Fault::default() };
/// let error = TrainError::LossNotFinite { loss: f64::NAN, fault: Box::new(fault) };
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
        "the loss is {loss} at {fault}; lower the learning rate, clip the gradients or look at these examples"
    )]
    LossNotFinite {
        /// The loss.
        loss: f64,
        /// The step.
        fault: Box<Fault>,
    },
    /// A gradient became NaN or infinite although the loss was not. The model is as it was before the step, unless the optimizer
    /// evaluates the loss more than once a step and met it there.
    #[error(
        "the gradient's norm is {norm} at {fault}; lower the learning rate, clip the gradients or look at these examples"
    )]
    GradientNotFinite {
        /// The norm.
        norm: f64,
        /// The step.
        fault: Box<Fault>,
    },
    /// The optimizer could not take a step.
    #[error("the optimizer refuses {fault}: {source}")]
    Step {
        /// The step.
        fault: Box<Fault>,
        /// What the optimizer says.
        source: OptimizerError,
    },
    /// The average of the weights could not be taken.
    #[error("averaging: {0}")]
    Averaging(OptimizerError),
    /// The learning rate could not follow the plateau.
    #[error("reduce on plateau: {0}")]
    Plateau(OptimizerError),
    /// The optimizer refused a step of a range test.
    #[error("range test: {0}")]
    RangeTest(OptimizerError),
    /// Another run holds the lock.
    #[error(
        "{}: another run is writing its checkpoints there; wait for it, stop it, or write to another folder",
        .path.display()
    )]
    Locked {
        /// Where the checkpoints would go.
        path: PathBuf,
    },
    /// There is nothing to resume from.
    #[error("{}: there is no checkpoint; start without resuming", .path.display())]
    NoCheckpoint {
        /// Where it was looked for.
        path: PathBuf,
    },
    /// The run began with another number of batches a step.
    #[error(
        "the run began with {before} batches a step and this trainer takes {now}; resume with the same number"
    )]
    OtherAccumulation {
        /// Batches a step at the beginning.
        before: u64,
        /// Batches a step now.
        now: u64,
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

/// A step that went wrong, and where to look.
///
/// ```
/// use gradus_train::Fault;
/// let origin = Some("ln: NaN in its value [2] at [1]".into());
/// let fault = Fault { step: 7, epoch: 1, indices: vec![3], origin, checkpoint: Some("run/checkpoint.safetensors".into()) };
/// let want = "step 7 (epoch 1), for the examples 3; first ln: NaN in its value [2] at [1]; the last good checkpoint is \
///             run/checkpoint.safetensors";
/// assert_eq!(fault.to_string(), want);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fault {
    /// The step, from 1.
    pub step: u64,
    /// The epoch, from 1.
    pub epoch: usize,
    /// Which examples were in the batch.
    pub indices: Vec<usize>,
    /// The operation, its place in the program and the layer that first made a NaN or an infinity, found by doing the step again.
    pub origin: Option<String>,
    /// The checkpoint to go on from.
    pub checkpoint: Option<PathBuf>,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "step {} (epoch {}), for the examples {}", self.step, self.epoch, few(&self.indices))?;
        if let Some(origin) = &self.origin {
            write!(f, "; first {origin}")?;
        }
        match &self.checkpoint {
            Some(path) => write!(f, "; the last good checkpoint is {}", path.display()),
            None => Ok(()),
        }
    }
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
