//! The trainer's settings: one builder method each. They are told before the training and change nothing by themselves.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use gradus_module::{Context, Module};
use gradus_optimizers::{Optimize, ReduceOnPlateau};
use gradus_tensor::{Precision, Rng};

use super::averaging::{Averages, Averaging};
use super::{Trainer, evaluate};
use crate::batches::BatchStream;
use crate::callbacks::Callback;
use crate::keeper::Keeper;
use crate::metrics::Metrics;
use crate::step::IntoStep;

impl<'a, M: Module, O: Optimize> Trainer<'a, M, O> {
    /// How many times to go through the data.
    #[must_use]
    pub fn epochs(mut self, epochs: usize) -> Self {
        self.epochs = epochs;
        self
    }

    /// Where the random numbers of training come from (dropout, noise).
    ///
    /// ```
    /// use gradus_module::Param;
    /// use gradus_optimizers::Adam;
    /// use gradus_tensor::Rng;
    /// use gradus_train::Trainer;
    /// let rng = Rng::seed(3);
    /// let trainer = Trainer::new((Param::new([0.0_f32]),), Adam::new(0.1)).rng(rng.clone());
    /// assert_eq!(trainer.rng_state(), rng.state());
    /// ```
    #[must_use]
    pub fn rng(mut self, rng: Rng) -> Self {
        self.rng = rng;
        self
    }

    /// Measures the model after each epoch, without gradients and in evaluation mode. What it answers appears in the
    /// history as `validation_…`. Replaces an earlier evaluation.
    ///
    /// ```
    /// # use gradus_data::{Loader, Pairs};
    /// # use gradus_module::Param;
    /// # use gradus_optimizers::Adam;
    /// # use gradus_tensor::Tensor;
    /// use gradus_train::Trainer;
    /// use gradus_train::metrics::Metrics;
    /// # let mut loader = Loader::new(Pairs::new(Tensor::from([1.0_f32, 2.0]), Tensor::from([3.0_f32, 6.0]))?, 2, 7);
    /// let mut trainer = Trainer::new((Param::new([0.0_f32]),), Adam::new(0.1))
    ///     .evaluate_with(|(w,), _| Metrics::new().with("weight", w.item()));
    /// trainer.fit(&mut loader, |(w,), batch, _| {
    ///     (&**w * &(&batch.inputs).into() - &(&batch.targets).into()).square().mean()
    /// })?;
    /// let record = trainer.history().last().map(|record| record.metrics.get("validation_weight"));
    /// assert_eq!(record, Some(Some(trainer.model().0.item())));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn evaluate_with(mut self, mut evaluate: impl FnMut(&M, &mut Context<'_>) -> Metrics + 'a) -> Self {
        self.evaluation = Some(Box::new(move |model| {
            Ok(gradus_autodiff::no_grad(|| evaluate(model, &mut Context::eval())))
        }));
        self
    }

    /// Measures loss and metrics over validation data after each epoch, with a closure like that of [`Trainer::fit`].
    /// Replaces an earlier evaluation.
    ///
    /// ```
    /// # use gradus_data::{Batch, Loader, Pairs};
    /// # use gradus_module::{Context, Param};
    /// # use gradus_optimizers::Adam;
    /// # use gradus_tensor::Tensor;
    /// use gradus_autodiff::Var;
    /// use gradus_train::Trainer;
    /// fn loss((w,): &(Param,), batch: &Batch<Tensor, Tensor>, _: &mut Context<'_>) -> Var {
    ///     (&**w * &(&batch.inputs).into() - &(&batch.targets).into()).square().mean()
    /// }
    /// # let data = Pairs::new(Tensor::from([1.0_f32, 2.0]), Tensor::from([3.0_f32, 6.0]))?;
    /// # let (mut train, validation) = (Loader::new(data.clone(), 2, 7), Loader::new(data, 2, 7));
    /// let mut trainer = Trainer::new((Param::new([0.0_f32]),), Adam::new(0.1)).validate(validation, loss);
    /// trainer.fit(&mut train, loss)?;
    /// let measured = trainer.history().last().and_then(|record| record.metrics.get("validation_loss"));
    /// assert!(measured.is_some_and(|loss| loss < 22.5));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn validate<L, Y>(
        mut self,
        mut loader: L,
        mut step: impl FnMut(&M, &L::Batch, &mut Context<'_>) -> Y + 'a,
    ) -> Self
    where
        L: BatchStream + 'a,
        Y: IntoStep,
    {
        self.evaluation = Some(Box::new(move |model| evaluate(model, &mut loader, &mut step)));
        self
    }

    /// Adds a callback. They are called in the order in which they were added.
    #[must_use]
    pub fn callback(mut self, callback: impl Callback + 'a) -> Self {
        self.callbacks.push(Box::new(callback));
        self
    }

    /// Stops after the step in which the flag is raised, with a checkpoint if there is a path for one.
    ///
    /// ```
    /// # use gradus_data::{Loader, Pairs};
    /// # use gradus_module::Param;
    /// # use gradus_optimizers::Adam;
    /// # use gradus_tensor::Tensor;
    /// use gradus_train::{Outcome, Trainer};
    /// use std::sync::{Arc, atomic::AtomicBool};
    /// # let mut loader = Loader::new(Pairs::new(Tensor::from([1.0_f32, 2.0]), Tensor::from([3.0_f32, 6.0]))?, 1, 7);
    /// let flag = Arc::new(AtomicBool::new(true)); // usually raised by a signal's handler
    /// let mut trainer = Trainer::new((Param::new([0.0_f32]),), Adam::new(0.1)).epochs(9).stop_flag(flag);
    /// let outcome = trainer.fit(&mut loader, |(w,), batch, _| {
    ///     (&**w * &(&batch.inputs).into() - &(&batch.targets).into()).square().mean()
    /// })?;
    /// assert_eq!((outcome, trainer.step()), (Outcome::Stopped { checkpoint: None }, 1));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn stop_flag(mut self, flag: Arc<AtomicBool>) -> Self {
        self.stop = Some(flag);
        self
    }

    /// Writes a checkpoint to `path` after each epoch and when the run stops. The one before is kept beside it, as
    /// `….previous.…`; see [`Trainer::keep`]. While a fit runs, a lock beside them keeps other runs out.
    ///
    /// ```
    /// # use gradus_data::{Loader, Pairs};
    /// # use gradus_module::Param;
    /// # use gradus_optimizers::Adam;
    /// # use gradus_tensor::Tensor;
    /// use gradus_train::Trainer;
    /// # let folder = std::env::temp_dir().join(format!("gradus-checkpoint-{}", std::process::id()));
    /// # std::fs::create_dir_all(&folder)?;
    /// # let path = folder.join("checkpoint.safetensors");
    /// # let mut loader = Loader::new(Pairs::new(Tensor::from([1.0_f32, 2.0]), Tensor::from([3.0_f32, 6.0]))?, 1, 7);
    /// let mut trainer =
    ///     Trainer::new((Param::new([0.0_f32]),), Adam::new(0.1)).epochs(2).checkpoint(&path).checkpoint_every(1);
    /// trainer.fit(&mut loader, |(w,), batch, _| {
    ///     (&**w * &(&batch.inputs).into() - &(&batch.targets).into()).square().mean()
    /// })?;
    /// assert!(path.exists());
    /// # std::fs::remove_dir_all(&folder)?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn checkpoint(mut self, path: impl Into<PathBuf>) -> Self {
        self.keeper = Some(Keeper::new(path.into()));
        self
    }

    /// Writes checkpoints also after every `steps` steps. No effect without [`Trainer::checkpoint`]; 0 means never.
    #[must_use]
    pub fn checkpoint_every(mut self, steps: u64) -> Self {
        self.checkpoint_steps = (steps > 0).then_some(steps);
        self
    }

    /// How many checkpoints are kept, the newest among them: 2 unless set, never less than 1. Older ones are called
    /// `….previous.…`, `….previous-2.…` and so on. No effect without [`Trainer::checkpoint`].
    #[must_use]
    pub fn keep(mut self, checkpoints: usize) -> Self {
        self.kept = checkpoints.max(1);
        self
    }

    /// Writes checkpoints also when so much time has passed since the last one. The clock that counts cannot be set back, and
    /// what is computed does not depend on it. No effect without [`Trainer::checkpoint`].
    #[must_use]
    pub fn checkpoint_interval(mut self, interval: Duration) -> Self {
        self.checkpoint_interval = Some(interval);
        self
    }

    /// A text that is kept in each checkpoint, the run's settings say; [`Resumed::config`](super::Resumed::config) gives it back.
    ///
    /// ```
    /// # use gradus_data::{Loader, Pairs};
    /// # use gradus_module::Param;
    /// # use gradus_optimizers::Adam;
    /// # use gradus_tensor::Tensor;
    /// use gradus_tensor::Precision;
    /// use gradus_train::{Averaging, Progress, Trainer};
    /// use std::time::Duration;
    /// # let folder = std::env::temp_dir().join(format!("gradus-overnight-{}", std::process::id()));
    /// # std::fs::create_dir_all(&folder)?;
    /// # let path = folder.join("checkpoint.safetensors");
    /// # let mut loader = Loader::new(Pairs::new(Tensor::from([1.0_f32, 2.0]), Tensor::from([3.0_f32, 6.0]))?, 1, 7);
    /// let overnight = || {
    ///     Trainer::new((Param::new([0.0_f32]),), Adam::new(0.1))
    ///         .averaging(Averaging::exponential(0.9))
    ///         .precision(Precision::Bf16)
    ///         .hint_after(1000)
    ///         .callback(Progress::new())
    ///         .checkpoint(&path)
    ///         .checkpoint_interval(Duration::from_secs(600))
    ///         .keep(3)
    ///         .config("learning_rate = 0.1")
    /// };
    /// overnight().fit(&mut loader, |(w,), batch, _| {
    ///     (&**w * &(&batch.inputs).into() - &(&batch.targets).into()).square().mean()
    /// })?;
    /// assert_eq!(overnight().resume(&path)?.config.as_deref(), Some("learning_rate = 0.1"));
    /// # std::fs::remove_dir_all(&folder)?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn config(mut self, text: impl Into<String>) -> Self {
        self.config = Some(text.into());
        self
    }

    /// Takes each step from so many batches (PyTorch: `loss.backward()` several times before `step()`): the gradient of the mean
    /// over all their examples, Σ nᵦ·gᵦ / Σ nᵦ, in the memory of one batch. An epoch's last step takes what is left. Batch norm
    /// still sees single batches. 0 counts as 1.
    ///
    /// ```
    /// # use gradus_data::{Loader, Pairs};
    /// # use gradus_module::Param;
    /// # use gradus_optimizers::Sgd;
    /// # use gradus_tensor::Tensor;
    /// use gradus_train::Trainer;
    /// let slope = |size: usize, batches: usize| -> Result<f64, Box<dyn std::error::Error>> {
    ///     let data = Pairs::new(Tensor::from([1.0_f32, 2.0, 3.0]), Tensor::from([2.0_f32, 4.0, 7.0]))?;
    ///     let mut trainer = Trainer::new((Param::new([0.0_f32]),), Sgd::new(0.0625)).accumulate(batches);
    ///     trainer.fit(&mut Loader::new(data, size, 7), |(w,), batch, _| {
    ///         (&**w * &(&batch.inputs).into() - &(&batch.targets).into()).square().mean()
    ///     })?;
    ///     Ok(trainer.model().0.item())
    /// };
    /// assert!((slope(3, 1)? - slope(2, 2)?).abs() < 1e-6); // 2 + 1 examples are 3
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn accumulate(mut self, batches: usize) -> Self {
        self.accumulation = batches.max(1);
        self
    }

    /// The precision of matrix products in training steps (PyTorch: `autocast`): see
    /// [`Context::in_precision`]. Weights and what the optimizer keeps stay full; evaluation runs in full precision. Where bf16 is
    /// not faster, a [`Warning`](crate::Warning) says so.
    #[must_use]
    pub fn precision(mut self, precision: Precision) -> Self {
        self.precision = precision;
        self
    }

    /// Averages the weights over the training (exponentially, or stochastic weight averaging): evaluations and callbacks at an
    /// epoch's end see the average, and when the training is over the model holds it.
    #[must_use]
    pub fn averaging(mut self, averaging: Averaging) -> Self {
        self.averages = Some(Averages::new(averaging));
        self
    }

    /// Lowers the optimizer's learning rate when a metric of the epochs, `validation_loss` say, no longer improves.
    ///
    /// ```
    /// # use gradus_data::{Loader, Pairs};
    /// # use gradus_module::Param;
    /// # use gradus_tensor::Tensor;
    /// use gradus_optimizers::{ReduceOnPlateau, Sgd};
    /// use gradus_train::Trainer;
    /// # let mut loader = Loader::new(Pairs::new(Tensor::from([1.0_f32, 2.0]), Tensor::from([3.0_f32, 6.0]))?, 2, 7);
    /// let plateau = ReduceOnPlateau::new().factor(0.5).patience(0);
    /// let mut trainer = Trainer::new((Param::new([0.0_f32]),), Sgd::new(0.5)) // too large: the loss rises
    ///     .epochs(3)
    ///     .reduce_on_plateau(plateau, "train_loss");
    /// trainer.fit(&mut loader, |(w,), batch, _| {
    ///     (&**w * &(&batch.inputs).into() - &(&batch.targets).into()).square().mean()
    /// })?;
    /// assert_eq!(trainer.optimizer().learning_rate(), 0.125); // worse in epochs 2 and 3
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn reduce_on_plateau(mut self, plateau: ReduceOnPlateau, metric: impl Into<String>) -> Self {
        self.plateau = Some((plateau, metric.into()));
        self
    }

    /// After how many steps a loss that has not fallen, or a unit that has had no gradient, is worth a
    /// [`Warning`](crate::Warning): 200 unless set; 0 for never.
    #[must_use]
    pub fn hint_after(mut self, steps: u64) -> Self {
        self.hints.set(steps);
        self
    }
}
