//! The metrics file: one line of JSON per epoch, readable while the training runs.

use std::fs::OpenOptions;
use std::io::Write;
use std::path::PathBuf;

use super::{Callback, Flow, Run};
use crate::errors::TrainError;
use crate::files;
use crate::history::EpochRecord;

/// Writes one JSON object per epoch and line. A resumed run's file begins with the epochs before: it is written anew
/// from the history, so that epochs after the checkpoint do not stand there twice.
#[derive(Clone, Debug)]
pub struct MetricsFile {
    path: PathBuf,
}

impl MetricsFile {
    /// Writes to `path`; what stands there is replaced.
    #[must_use]
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into() }
    }
}

impl Callback for MetricsFile {
    fn name(&self) -> &str {
        "metrics_file"
    }

    fn on_start(&mut self, run: &Run<'_>) -> Result<(), TrainError> {
        files::write(&self.path, run.history.to_jsonl().as_bytes())
    }

    fn on_epoch(&mut self, _run: &Run<'_>, record: &EpochRecord) -> Result<Flow, TrainError> {
        let append = || {
            let mut file = OpenOptions::new().append(true).create(true).open(&self.path)?;
            file.write_all((record.to_json() + "\n").as_bytes())
        };
        append().map_err(|cause| files::system(&self.path, "append to", cause))?;
        Ok(Flow::Continue)
    }
}
