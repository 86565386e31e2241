//! The best checkpoint: the model as it was when a metric was at its best.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use gradus_module::State;
use gradus_tensor::Tensor;

use super::{Callback, Flow, Run, scalar, watched};
use crate::errors::TrainError;
use crate::history::{EpochRecord, Goal};

/// Writes the model (only the model) as safetensors whenever a metric is better than ever before
/// (Keras: `ModelCheckpoint(save_best_only=True)`). The file's metadata tell the metric, its value and the epoch.
///
/// ```
/// # use gradus_data::{Loader, Pairs};
/// # use gradus_module::Param;
/// # use gradus_optimizers::Adam;
/// # use gradus_tensor::Tensor;
/// use gradus_train::{BestCheckpoint, Goal, Trainer};
/// # let path = std::env::temp_dir().join(format!("gradus-best-{}.safetensors", std::process::id()));
/// # let mut loader = Loader::new(Pairs::new(Tensor::from([1.0_f32, 2.0]), Tensor::from([3.0_f32, 6.0]))?, 2, 7);
/// let mut best = BestCheckpoint::new(&path, "train_loss", Goal::Min);
/// let mut trainer = Trainer::new((Param::new([0.0_f32]),), Adam::new(0.1)).epochs(3).callback(&mut best);
/// trainer.fit(&mut loader, |(w,), batch, _| {
///     (&**w * &(&batch.inputs).into() - &(&batch.targets).into()).square().mean()
/// })?;
/// drop(trainer);
/// assert_eq!(best.best().map(|(_, epoch)| epoch), Some(3)); // the loss fell in each epoch
/// assert!(best.path().exists());
/// # std::fs::remove_file(&path)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct BestCheckpoint {
    path: PathBuf,
    metric: String,
    goal: Goal,
    best: Option<(f64, usize)>,
}

impl BestCheckpoint {
    /// Keeps the best model in `path`.
    #[must_use]
    pub fn new(path: impl Into<PathBuf>, metric: impl Into<String>, goal: Goal) -> Self {
        Self { path: path.into(), metric: metric.into(), goal, best: None }
    }

    /// The file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The best value so far and its epoch, from 1.
    #[must_use]
    pub fn best(&self) -> Option<(f64, usize)> {
        self.best
    }
}

impl Callback for BestCheckpoint {
    fn name(&self) -> &str {
        "best_checkpoint"
    }

    fn on_epoch(&mut self, run: &Run<'_>, record: &EpochRecord) -> Result<Flow, TrainError> {
        let value = watched("best checkpoint", &self.metric, record)?;
        if self.best.is_none_or(|(best, _)| self.goal.improves(value, best, 0.0)) {
            let metadata = BTreeMap::from([
                ("metric".to_owned(), self.metric.clone()),
                ("value".to_owned(), value.to_string()),
                ("epoch".to_owned(), record.epoch.to_string()),
            ]);
            gradus_io::save_state(&run.model.state(), &metadata, &self.path)?;
            self.best = Some((value, record.epoch));
        }
        Ok(Flow::Continue)
    }

    fn state(&self) -> State {
        let mut state = State::default();
        if let Some((value, epoch)) = self.best {
            state.push("best", Tensor::scalar(value));
            state.push("epoch", Tensor::scalar(epoch as i64));
        }
        state
    }

    fn load_state(&mut self, state: &State) {
        self.best = scalar(state, "best").zip(scalar(state, "epoch").map(|epoch| epoch as usize));
    }
}
