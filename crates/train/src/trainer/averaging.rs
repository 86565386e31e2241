//! Averaged weights in a training: when they are taken, and when the model holds them. How an average is made is the
//! optimizers crate's matter.

use gradus_autodiff::Var;
use gradus_module::{Context, Kind, Module, Path, State};
use gradus_optimizers::{Average, OptimizerError, refresh_statistics};
use gradus_tensor::Rng;

use crate::batches::BatchStream;
use crate::step::IntoStep;

/// Which average of the weights a training keeps: see [`Trainer::averaging`](crate::Trainer::averaging).
///
/// ```
/// # use gradus_data::{Loader, Pairs};
/// # use gradus_module::Param;
/// # use gradus_optimizers::Sgd;
/// # use gradus_tensor::Tensor;
/// use gradus_train::{Averaging, Trainer};
/// # let mut loader = Loader::new(Pairs::new(Tensor::from([1.0_f32]), Tensor::from([1.0_f32]))?, 1, 7);
/// let mut trainer =
///     Trainer::new((Param::new([0.0_f32]),), Sgd::new(0.25)).epochs(3).averaging(Averaging::stochastic().from_epoch(2));
/// trainer.fit(&mut loader, |(w,), batch, _| {
///     (&**w * &(&batch.inputs).into() - &(&batch.targets).into()).square().mean()
/// })?;
/// assert_eq!(trainer.model().0.item(), (0.75 + 0.875) / 2.0); // 0.5, 0.75, 0.875 after the epochs
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Averaging {
    average: Average,
    from_epoch: usize,
    /// `None`: at each epoch's end.
    steps: Option<u64>,
    finds_statistics: bool,
}

impl Averaging {
    /// The exponential moving average after each step, running statistics included (PyTorch: `AveragedModel` with
    /// `get_ema_multi_avg_fn(decay)` and `use_buffers`).
    #[must_use]
    pub fn exponential(decay: f64) -> Self {
        let average = Average::exponential(decay).with_buffers(true);
        Self { average, from_epoch: 1, steps: Some(1), finds_statistics: false }
    }

    /// Stochastic weight averaging (Izmailov et al. 2018): the mean of the weights at the epochs' ends. Running statistics are
    /// those of the averaged weights, found by a pass over the training data whenever they are needed (PyTorch: `AveragedModel`
    /// and `update_bn`).
    #[must_use]
    pub fn stochastic() -> Self {
        Self { average: Average::equal(), from_epoch: 1, steps: None, finds_statistics: true }
    }

    /// The first epoch, from 1, that is averaged over.
    #[must_use]
    pub fn from_epoch(mut self, epoch: usize) -> Self {
        self.from_epoch = epoch;
        self
    }

    /// Takes the weights in after every so many steps; 0 counts as 1.
    ///
    /// ```
    /// use gradus_train::Averaging;
    /// let averaging = Averaging::exponential(0.99).every(10).from_epoch(2);
    /// assert!(format!("{averaging:?}").contains("10"));
    /// ```
    #[must_use]
    pub fn every(mut self, steps: u64) -> Self {
        self.steps = Some(steps.max(1));
        self
    }
}

/// The average of a training under way.
#[derive(Debug)]
pub(super) struct Averages {
    settings: Averaging,
    average: Average,
    /// Whether the model holds the average, and the average what the model is trained on.
    is_swapped: bool,
    /// Whether running statistics are still to be found.
    is_stale: bool,
}

impl Averages {
    pub(super) fn new(settings: Averaging) -> Self {
        Self { average: settings.average.clone(), settings, is_swapped: false, is_stale: false }
    }

    /// After a step of epoch `epoch`, from 1.
    pub(super) fn after_step<M: Module>(
        &mut self,
        model: &M,
        epoch: usize,
        step: u64,
    ) -> Result<(), OptimizerError> {
        let is_due = self.settings.steps.is_some_and(|steps| step.is_multiple_of(steps));
        if is_due { self.take(model, epoch) } else { Ok(()) }
    }

    /// At the end of epoch `epoch`, from 1.
    pub(super) fn after_epoch<M: Module>(&mut self, model: &M, epoch: usize) -> Result<(), OptimizerError> {
        if self.settings.steps.is_none() { self.take(model, epoch) } else { Ok(()) }
    }

    fn take<M: Module>(&mut self, model: &M, epoch: usize) -> Result<(), OptimizerError> {
        if epoch < self.settings.from_epoch {
            return Ok(());
        }
        self.is_stale = self.settings.finds_statistics;
        self.average.update(model)
    }

    /// Lets the model hold the average, if there is one yet, with running statistics of its own.
    pub(super) fn enter<M: Module, L: BatchStream, Y: IntoStep>(
        &mut self,
        model: &mut M,
        loader: &mut L,
        step: &mut impl FnMut(&M, &L::Batch, &mut Context<'_>) -> Y,
        rng: &Rng,
    ) -> Result<(), EnterError<L::Error>> {
        if self.average.updates() == 0 || self.is_swapped {
            return Ok(());
        }
        self.average.swap(model).map_err(EnterError::Optimizer)?;
        self.is_swapped = true;
        if !std::mem::take(&mut self.is_stale) || !has_buffers(model) {
            return Ok(());
        }
        loader.seek(0, 0).map_err(EnterError::Data)?;
        let (mut error, mut rng) = (None, rng.clone());
        let batches = std::iter::from_fn(|| {
            let batch = loader.next_batch();
            batch.unwrap_or_else(|failure| {
                error = Some(failure);
                None
            })
        });
        let forward = |model: &M, batch: L::Batch| -> Var<Y::Element> {
            step(model, &batch, &mut Context::train(&mut rng)).into_step().into_parts().0
        };
        refresh_statistics(model, batches, forward);
        error.map_or(Ok(()), |error| Err(EnterError::Data(error)))
    }

    /// Lets the model hold again what it is trained on.
    pub(super) fn leave<M: Module>(&mut self, model: &mut M) -> Result<(), OptimizerError> {
        if std::mem::take(&mut self.is_swapped) { self.average.swap(model) } else { Ok(()) }
    }

    pub(super) fn state(&self) -> State {
        self.average.state()
    }

    /// Goes on from a saved state; the model then holds what it is trained on.
    pub(super) fn load_state(&mut self, state: &State) -> Result<(), OptimizerError> {
        self.average.load_state(state)?;
        (self.is_swapped, self.is_stale) = (false, self.settings.finds_statistics);
        Ok(())
    }
}

/// Why a model could not take its average.
pub(super) enum EnterError<E> {
    Optimizer(OptimizerError),
    Data(E),
}

fn has_buffers<M: Module>(model: &M) -> bool {
    let mut found = false;
    model.visit(&mut Path::root(), &mut |_, entry| found |= entry.kind() != Kind::Parameter);
    found
}
