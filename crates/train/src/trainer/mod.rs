//! The trainer: what a training is made of, told once, before it runs, in `settings`. The loop itself is in `run`, what one step
//! does in `step`, going on from a checkpoint in `resume`. It must never know a layer, a loss or a data set.

mod averaging;
mod diagnosis;
mod hints;
mod resume;
mod run;
mod settings;
mod step;

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use gradus_module::{Module, State};
use gradus_optimizers::{Optimize, ReduceOnPlateau};
use gradus_tensor::{Precision, Rng};

pub use averaging::Averaging;
pub use resume::Resumed;
pub use run::evaluate;

use crate::callbacks::Callback;
use crate::checkpoint::Position;
use crate::errors::TrainError;
use crate::history::History;
use crate::keeper::{self, Keeper};
use crate::metrics::Metrics;
use crate::warning::Warning;
use averaging::Averages;
use hints::Hints;

type Evaluation<'a, M> = dyn FnMut(&M) -> Result<Metrics, TrainError> + 'a;

/// Trains a model with an optimizer: epochs over a loader, evaluation, callbacks, checkpoints (PyTorch has none; Lightning:
/// `Trainer`). Any [`Optimize`] will do: those of one gradient a step, `Sam` and `Lbfgs`.
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
pub struct Trainer<'a, M, O> {
    model: M,
    optimizer: O,
    rng: Rng,
    epochs: usize,
    accumulation: usize,
    precision: Precision,
    averages: Option<Averages>,
    plateau: Option<(ReduceOnPlateau, String)>,
    evaluation: Option<Box<Evaluation<'a, M>>>,
    callbacks: Vec<Box<dyn Callback + 'a>>,
    stop: Option<Arc<AtomicBool>>,
    keeper: Option<Keeper>,
    /// How many checkpoints the keeper keeps.
    kept: usize,
    checkpoint_steps: Option<u64>,
    checkpoint_interval: Option<Duration>,
    config: Option<String>,
    position: Position,
    hints: Hints,
    warnings: Vec<Warning>,
    began: Instant,
    /// When the last checkpoint was written.
    written: Instant,
}

impl<'a, M: Module, O: Optimize> Trainer<'a, M, O> {
    /// A trainer of one epoch, with random numbers from seed 0.
    #[must_use]
    pub fn new(model: M, optimizer: O) -> Self {
        Self {
            model,
            optimizer,
            rng: Rng::seed(0),
            epochs: 1,
            accumulation: 1,
            precision: Precision::Full,
            averages: None,
            plateau: None,
            evaluation: None,
            callbacks: Vec::new(),
            stop: None,
            keeper: None,
            kept: keeper::KEPT,
            checkpoint_steps: None,
            checkpoint_interval: None,
            config: None,
            position: Position::default(),
            hints: Hints::default(),
            warnings: Vec::new(),
            began: Instant::now(),
            written: Instant::now(),
        }
    }

    /// The model. When a training with [`Trainer::averaging`] is over, it holds the average.
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
    /// assert_eq!((trainer.warnings().len(), trainer.rng_state().counter), (0, 0));
    /// let ((weight,), _) = trainer.into_parts();
    /// assert_eq!(weight.item(), 2.0);
    /// ```
    pub fn model_mut(&mut self) -> &mut M {
        &mut self.model
    }

    /// The optimizer.
    #[must_use]
    pub fn optimizer(&self) -> &O {
        &self.optimizer
    }

    /// The model and the optimizer.
    #[must_use]
    pub fn into_parts(self) -> (M, O) {
        (self.model, self.optimizer)
    }

    /// The epochs that ended.
    #[must_use]
    pub fn history(&self) -> &History {
        &self.position.history
    }

    /// What was noticed that is no error, as callbacks were told it.
    #[must_use]
    pub fn warnings(&self) -> &[Warning] {
        &self.warnings
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

    /// What a checkpoint keeps of the trainer itself.
    fn own_state(&self) -> State {
        let mut state = State::default();
        if let Some(averages) = &self.averages {
            state.push_all("average", &averages.state());
        }
        if let Some((plateau, _)) = &self.plateau {
            state.push_all("plateau", &plateau.state());
        }
        state
    }
}
