//! Going on from a checkpoint: everything is read and checked before anything changes.

use std::path::{Path, PathBuf};

use gradus_module::{Module, State};
use gradus_optimizers::{Optimize, OptimizerError};
use gradus_tensor::Rng;

use super::Trainer;
use crate::callbacks::Callback;
use crate::checkpoint::Checkpoint;
use crate::errors::TrainError;
use crate::keeper;

/// Where a run goes on.
///
/// ```
/// # use gradus_data::{Batch, Loader, Pairs};
/// # use gradus_module::{Context, Param};
/// # use gradus_optimizers::Adam;
/// # use gradus_tensor::Tensor;
/// use gradus_autodiff::Var;
/// use gradus_train::{Resumed, Trainer};
/// fn loss((w,): &(Param,), batch: &Batch<Tensor, Tensor>, _: &mut Context<'_>) -> Var {
///     (&**w * &(&batch.inputs).into() - &(&batch.targets).into()).square().mean()
/// }
/// # let folder = std::env::temp_dir().join(format!("gradus-resumed-{}", std::process::id()));
/// # std::fs::create_dir_all(&folder)?;
/// # let path = folder.join("checkpoint.safetensors");
/// # let mut loader = Loader::new(Pairs::new(Tensor::from([1.0_f32, 2.0]), Tensor::from([3.0_f32, 6.0]))?, 1, 7);
/// let trainer = || Trainer::new((Param::new([0.0_f32]),), Adam::new(0.1)).checkpoint(&path);
/// trainer().epochs(1).fit(&mut loader, loss)?;
/// let mut second = trainer().epochs(2);
/// let resumed: Resumed = second.resume(&path)?;
/// assert_eq!((resumed.epoch, resumed.step, resumed.warning), (1, 2, None));
/// second.fit(&mut loader, loss)?; // the second epoch
/// assert_eq!(second.step(), 4);
/// # std::fs::remove_dir_all(&folder)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Resumed {
    /// The file that was used.
    pub path: PathBuf,
    /// How many epochs had ended.
    pub epoch: usize,
    /// How many steps were taken.
    pub step: u64,
    /// If the newest checkpoint was of no use and an older one was taken: what was wrong with the newest. Tell it.
    pub warning: Option<String>,
    /// What [`Trainer::config`] was told in the run that wrote the checkpoint.
    pub config: Option<String>,
}

/// The callbacks' keys in a checkpoint: their names, and numbers to tell those of one name apart.
pub(super) fn keys<'a>(callbacks: &[Box<dyn Callback + 'a>]) -> Vec<String> {
    let name = |i: usize| callbacks[i].name();
    let twins = |i: usize| (0..i).filter(|&j| name(j) == name(i)).count();
    (0..callbacks.len()).map(|i| format!("callbacks.{}.{}", name(i), twins(i))).collect()
}

impl<'a, M: Module, O: Optimize> Trainer<'a, M, O> {
    /// Makes this trainer stand exactly where the one stood that wrote the checkpoint: model, optimizer, random numbers,
    /// place in the epoch, running means, history, callbacks. Call it last, on a trainer that is made up as that one
    /// was; then [`Trainer::fit`] goes on.
    ///
    /// If the file is damaged or missing, the newest whole one beside it is used, and [`Resumed::warning`] says so. A
    /// callback that the checkpoint does not know starts afresh.
    ///
    /// # Errors
    /// If neither checkpoint is whole, or it was made with another model or optimizer; the trainer is then as it was.
    pub fn resume(&mut self, path: impl AsRef<Path>) -> Result<Resumed, TrainError> {
        let path = path.as_ref();
        let keys = keys(&self.callbacks);
        let (mut trouble, mut found) = (None, None);
        for path in keeper::all(path) {
            match Checkpoint::read(&path, &keys) {
                Ok(checkpoint) => {
                    found = Some((path, checkpoint));
                    break;
                }
                // The newest file's trouble is the one to tell.
                Err(error) => _ = trouble.get_or_insert(error),
            }
        }
        let (found, checkpoint) = match (found, trouble.take()) {
            (Some(found), error) => {
                trouble = error;
                found
            }
            (None, Some(error)) => return Err(error),
            (None, None) => return Err(TrainError::NoCheckpoint { path: path.to_owned() }),
        };
        let warning = trouble.map(|error| error.to_string());
        self.take_over(&found, &checkpoint)?;
        if let Some(keeper) = self.keeper.as_mut().filter(|keeper| keeper.path == path) {
            keeper.is_whole = Some(warning.is_none());
            keeper.good = Some(found.clone());
        }
        let (epoch, step) = (self.position.epoch, self.position.step);
        Ok(Resumed { path: found, epoch, step, warning, config: checkpoint.config })
    }

    fn take_over(&mut self, path: &Path, checkpoint: &Checkpoint) -> Result<(), TrainError> {
        let before = self.model.state();
        let path = || path.to_owned();
        self.model
            .load(&checkpoint.model)
            .map_err(|source| TrainError::OtherModel { path: path(), source: Box::new(source) })?;
        if let Err(source) = self.optimizer.load_state(&checkpoint.optimizer) {
            // It is this model's own state, which always fits.
            _ = self.model.load(&before);
            return Err(TrainError::OtherOptimizer { path: path(), source });
        }
        if let Err(error) = self.take_over_own(&checkpoint.trainer) {
            _ = self.model.load(&before);
            return Err(TrainError::OtherOptimizer { path: path(), source: error });
        }
        for (callback, (_, state)) in self.callbacks.iter_mut().zip(&checkpoint.callbacks) {
            if !state.is_empty() {
                callback.load_state(state);
            }
        }
        self.position = checkpoint.position.clone();
        self.rng = Rng::from_state(checkpoint.rng);
        Ok(())
    }

    /// The averages and the plateau; what the checkpoint lacks starts afresh.
    fn take_over_own(&mut self, state: &State) -> Result<(), OptimizerError> {
        let (average, plateau) = (state.below("average"), state.below("plateau"));
        if let Some((own, _)) = self.plateau.as_mut().filter(|_| !plateau.is_empty()) {
            own.load_state(&plateau)?;
        }
        match &mut self.averages {
            Some(own) if !average.is_empty() => own.load_state(&average),
            _ => Ok(()),
        }
    }
}
