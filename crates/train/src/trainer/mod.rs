//! The trainer: what a training is made of, told once, before it runs. The loop itself is in `run`, going on from a
//! checkpoint in `resume`. It must never know a layer, a loss or a data set.

mod resume;
mod run;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Instant;

use gradus_module::{Context, Module};
use gradus_optimizers::{Optimizer, Rule};
use gradus_tensor::Rng;

pub use resume::Resumed;
pub use run::evaluate;

use crate::batches::BatchStream;
use crate::callbacks::Callback;
use crate::checkpoint::{Keeper, Position};
use crate::errors::TrainError;
use crate::history::History;
use crate::metrics::Metrics;
use crate::step::IntoStep;

type Evaluation<'a, M> = dyn FnMut(&M) -> Result<Metrics, TrainError> + 'a;

/// Trains a model with an optimizer: epochs over a loader, evaluation, callbacks, checkpoints (PyTorch has none; Lightning:
/// `Trainer`).
///
/// Clipping and the schedule are the optimizer's: `Schedule::every(loader.batches_per_epoch())` counts epochs. Its step
/// number is part of a checkpoint, so a resumed schedule is where it was.
///
/// All that a user must write is the closure given to [`Trainer::fit`], from a batch to a loss.
///
/// ```
/// use gradus_data::{Loader, Pairs};
/// use gradus_module::{Module, Param};
/// use gradus_optimizers::Adam;
/// use gradus_tensor::{Rng, Tensor};
/// use gradus_train::{EarlyStopping, Goal, Trainer};
///
/// #[derive(Module)]
/// struct Line { slope: Param, offset: Param }
///
/// let x = Tensor::<f32>::uniform([64, 1], -1.0, 1.0, &mut Rng::seed(1));
/// let y = &x * 3.0 + 0.5;
/// let mut loader = Loader::new(Pairs::new(x, y)?, 16, 7);
/// let model = Line { slope: Param::new([0.0]), offset: Param::new([0.0]) };
///
/// let mut trainer = Trainer::new(model, Adam::new(0.05))
///     .epochs(200)
///     .callback(EarlyStopping::new("train_loss", Goal::Min).patience(20));
/// trainer.fit(&mut loader, |model, batch, _| {
///     let prediction = &*model.slope * &(&batch.inputs).into() + &*model.offset;
///     (prediction - &(&batch.targets).into()).square().mean()
/// })?;
/// assert!((trainer.model().slope.value().item() - 3.0).abs() < 0.05);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Trainer<'a, M, R: Rule> {
    model: M,
    optimizer: Optimizer<R>,
    rng: Rng,
    epochs: usize,
    evaluation: Option<Box<Evaluation<'a, M>>>,
    callbacks: Vec<Box<dyn Callback + 'a>>,
    stop: Option<Arc<AtomicBool>>,
    keeper: Option<Keeper>,
    checkpoint_steps: Option<u64>,
    position: Position,
    began: Instant,
}

impl<'a, M: Module, R: Rule> Trainer<'a, M, R> {
    /// A trainer of one epoch, with random numbers from seed 0.
    #[must_use]
    pub fn new(model: M, optimizer: Optimizer<R>) -> Self {
        Self {
            model,
            optimizer,
            rng: Rng::seed(0),
            epochs: 1,
            evaluation: None,
            callbacks: Vec::new(),
            stop: None,
            keeper: None,
            checkpoint_steps: None,
            position: Position::default(),
            began: Instant::now(),
        }
    }

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
    /// `….previous.…`.
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

    /// The model.
    #[must_use]
    pub fn model(&self) -> &M {
        &self.model
    }

    /// The model, to change.
    ///
    /// ```
    /// use gradus_module::Param;
    /// use gradus_optimizers::Adam;
    /// use gradus_train::Trainer;
    /// let mut trainer = Trainer::new((Param::new([0.0_f32]),), Adam::new(0.1));
    /// *trainer.model_mut().0.value_mut() += 2.0;
    /// assert_eq!((trainer.optimizer().learning_rate(), trainer.step(), trainer.history().epochs().len()), (0.1, 0, 0));
    /// let ((weight,), _) = trainer.into_parts();
    /// assert_eq!(weight.item(), 2.0);
    /// ```
    pub fn model_mut(&mut self) -> &mut M {
        &mut self.model
    }

    /// The optimizer.
    #[must_use]
    pub fn optimizer(&self) -> &Optimizer<R> {
        &self.optimizer
    }

    /// The model and the optimizer.
    #[must_use]
    pub fn into_parts(self) -> (M, Optimizer<R>) {
        (self.model, self.optimizer)
    }

    /// The epochs that ended.
    #[must_use]
    pub fn history(&self) -> &History {
        &self.position.history
    }

    /// How many steps were taken.
    #[must_use]
    pub fn step(&self) -> u64 {
        self.position.step
    }

    /// Where the random numbers stand.
    #[must_use]
    pub fn rng_state(&self) -> gradus_tensor::RngState {
        self.rng.state()
    }
}
