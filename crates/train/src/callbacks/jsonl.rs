//! The metrics file: one line of JSON per epoch, readable while the training runs.

use std::fs::OpenOptions;
use std::io::Write;
use std::path::PathBuf;

use super::{Callback, Flow, Run};
use crate::errors::TrainError;
use crate::files;
use crate::history::EpochRecord;

/// Writes one JSON object per epoch and line (Keras: `CSVLogger`). A resumed run's file begins with the epochs before: it is written anew
/// from the history, so that epochs after the checkpoint do not stand there twice.
///
/// ```
/// # use gradus_data::{Loader, Pairs};
/// # use gradus_module::Param;
/// # use gradus_optimizers::Adam;
/// # use gradus_tensor::Tensor;
/// use gradus_train::{History, MetricsFile, Trainer};
/// # let path = std::env::temp_dir().join(format!("gradus-metrics-{}.jsonl", std::process::id()));
/// # let mut loader = Loader::new(Pairs::new(Tensor::from([1.0_f32, 2.0]), Tensor::from([3.0_f32, 6.0]))?, 2, 7);
/// let mut trainer =
///     Trainer::new((Param::new([0.0_f32]),), Adam::new(0.1)).epochs(3).callback(MetricsFile::new(&path));
/// trainer.fit(&mut loader, |(w,), batch, _| {
///     (&**w * &(&batch.inputs).into() - &(&batch.targets).into()).square().mean()
/// })?;
/// assert_eq!(History::read_jsonl(&path)?.epochs().len(), 3);
/// # std::fs::remove_file(&path)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
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
