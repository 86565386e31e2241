//! How a training ended, when no error ended it.

use std::fmt;
use std::path::PathBuf;

/// How a training ended.
///
/// ```
/// use gradus_train::Outcome;
/// let outcome = Outcome::EarlyStopped { reason: "good enough".into() };
/// assert_eq!(outcome.to_string(), "stopped early: good enough");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Outcome {
    /// All epochs are done.
    Completed,
    /// A callback stopped it.
    EarlyStopped {
        /// Why.
        reason: String,
    },
    /// The stop flag was raised. [`crate::Trainer::resume`] goes on from the checkpoint.
    Stopped {
        /// The checkpoint, if the trainer keeps one.
        checkpoint: Option<PathBuf>,
    },
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Completed => f.write_str("all epochs are done"),
            Self::EarlyStopped { reason } => write!(f, "stopped early: {reason}"),
            Self::Stopped { checkpoint: None } => f.write_str("stopped on request"),
            Self::Stopped { checkpoint: Some(path) } => {
                write!(f, "stopped on request; the checkpoint is {}", path.display())
            }
        }
    }
}
