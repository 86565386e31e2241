//! The one error of this crate. Each message is a sentence that names the file, the place in it and the mend.

use std::fmt;
use std::path::Path;

use gradus_module::LoadError;
use thiserror::Error;

/// Why a file could not be read or written.
///
/// ```
/// use gradus_io::{IoError, load_state};
/// let error = load_state("no/such/model.safetensors").unwrap_err();
/// assert!(error.to_string().starts_with("no/such/model.safetensors: cannot "));
/// assert!(matches!(error, IoError::System { .. }));
/// ```
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum IoError {
    /// The system refused.
    #[error("{file}: cannot {action}: {cause}")]
    System {
        /// The file.
        file: String,
        /// What was tried.
        action: &'static str,
        /// What the system answered.
        cause: std::io::Error,
    },
    /// The path names no file that can be written or read in whole.
    #[error("{file}: {what}; {mend}")]
    Path {
        /// The path.
        file: String,
        /// What is wrong with it.
        what: &'static str,
        /// What to do.
        mend: &'static str,
    },
    /// The content is not a sound safetensors file, or would not be one.
    #[error("{file}: {what}; {mend}")]
    Format {
        /// The file.
        file: String,
        /// What is wrong.
        what: String,
        /// What to do.
        mend: &'static str,
    },
    /// One tensor of a file is not sound.
    #[error("{file}: tensor {tensor}: {what}; {mend}")]
    Tensor {
        /// The file.
        file: String,
        /// The tensor's name, quoted; a very long one is cut.
        tensor: String,
        /// What is wrong.
        what: String,
        /// What to do.
        mend: &'static str,
    },
    /// The file is sound but meant for another model.
    #[error("{file}: {cause}")]
    Load {
        /// The file.
        file: String,
        /// Which names and shapes differ.
        cause: Box<LoadError>,
    },
}

impl IoError {
    /// What the system answered to `action`, as an error about `path`.
    pub(crate) fn system(path: &Path, action: &'static str) -> impl FnOnce(std::io::Error) -> Self {
        move |cause| Self::System { file: path.display().to_string(), action, cause }
    }
}

/// A name out of a file, quoted and escaped, so that it can neither break the sentence nor fill the screen.
pub(crate) fn quoted(name: &str) -> String {
    const LONGEST: usize = 100;
    let cut: String = name.chars().take(LONGEST).collect();
    if cut.len() < name.len() { format!("{cut:?}…") } else { format!("{cut:?}") }
}

/// Axis lengths as a file claims them.
pub(crate) struct Claimed<'a>(pub(crate) &'a [u64]);

impl fmt::Display for Claimed<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.0)
    }
}
