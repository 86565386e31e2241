//! The loop: batch, loss, gradients, step; epoch, evaluation, record. Whatever it decides depends on the position and
//! the data alone, never on the clock.

use std::sync::atomic::Ordering::Relaxed;
use std::time::Instant;

use gradus_autodiff::no_grad;
use gradus_module::{Context, Module};
use gradus_optimizers::Optimize;
use gradus_tensor::Precision;

use super::Trainer;
use super::averaging::EnterError;
use crate::batches::BatchStream;
use crate::callbacks::{Callback, Flow, Run, StepGradients, StepRecord, watched};
use crate::checkpoint::{Checkpoint, Position};
use crate::errors::TrainError;
use crate::history::EpochRecord;
use crate::outcome::Outcome;
use crate::running::Running;
use crate::step::IntoStep;
use crate::warning::Warning;

/// Measures `model` over all batches of `loader`, without gradients and in evaluation mode: the mean `loss` and whatever
/// the closure measures, weighted by the batches' sizes: Σ nᵦ·mᵦ / Σ nᵦ over batches b (Keras: `Model.evaluate`).
///
/// ```
/// use gradus_data::{Loader, Pairs};
/// use gradus_module::Param;
/// use gradus_tensor::Tensor;
/// use gradus_train::evaluate;
/// let data = Pairs::new(Tensor::from([1.0_f32, 2.0, 3.0]), Tensor::from([1.0_f32, 2.0, 6.0]))?;
/// let metrics = evaluate(&Param::new([1.0_f32]), &mut Loader::new(data, 2, 7), |w, batch, _| {
///     (&**w * &(&batch.inputs).into() - &(&batch.targets).into()).square().mean()
/// })?;
/// assert_eq!(metrics.get("loss"), Some(3.0)); // (0 + 0 + 9) / 3, whatever the batches
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// If a batch cannot be read.
pub fn evaluate<M, L: BatchStream, Y: IntoStep>(
    model: &M,
    loader: &mut L,
    mut step: impl FnMut(&M, &L::Batch, &mut Context<'_>) -> Y,
) -> Result<crate::metrics::Metrics, TrainError> {
    let data = |source: L::Error| TrainError::EvaluationData { source: Box::new(source) };
    let mut running = Running::default();
    loader.seek(0, 0).map_err(data)?;
    while let Some(batch) = loader.next_batch().map_err(data)? {
        let (loss, metrics) = no_grad(|| step(model, &batch, &mut Context::eval())).into_step().into_parts();
        running.add(loss.item(), &metrics, L::indices(&batch).len());
    }
    Ok(running.means(""))
}

pub(super) fn view<'r>(model: &'r dyn Module, position: &'r Position, epochs: usize) -> Run<'r> {
    Run {
        model,
        epoch: (position.epoch + 1).min(epochs),
        epochs,
        batch: position.batch,
        batches: position.batches,
        step: position.step,
        history: &position.history,
        gradients: None,
    }
}

/// Calls all, and tells the first wish to stop.
fn ask<'a>(
    callbacks: &mut [Box<dyn Callback + 'a>],
    mut call: impl FnMut(&mut dyn Callback) -> Result<Flow, TrainError>,
) -> Result<Flow, TrainError> {
    let mut flow = Flow::Continue;
    for callback in callbacks {
        let own = call(callback.as_mut())?;
        if flow == Flow::Continue {
            flow = own;
        }
    }
    Ok(flow)
}

impl<'a, M: Module, O: Optimize> Trainer<'a, M, O> {
    /// Trains until all epochs are done, a callback stops it or the stop flag is raised.
    ///
    /// `step` maps the model and a batch to a loss: a [`gradus_autodiff::Var`] of one element, or a [`crate::Step`]
    /// with further measurements. Loaders deliver the batches of (epoch, number) whatever came before, so after
    /// [`Trainer::resume`] the run goes on at the very batch where it stopped.
    ///
    /// ```
    /// # use gradus_data::{Loader, Pairs};
    /// # use gradus_module::Param;
    /// # use gradus_optimizers::Adam;
    /// # use gradus_tensor::Tensor;
    /// use gradus_train::{Outcome, Step, Trainer};
    /// # let mut loader = Loader::new(Pairs::new(Tensor::from([1.0_f32, 2.0]), Tensor::from([3.0_f32, 6.0]))?, 2, 7);
    /// let mut trainer = Trainer::new((Param::new([0.0_f32]),), Adam::new(0.1)).epochs(2);
    /// let outcome = trainer.fit(&mut loader, |(w,), batch, _| {
    ///     let error = &**w * &(&batch.inputs).into() - &(&batch.targets).into();
    ///     let largest = error.value().abs().max_axes(&[], false).item();
    ///     Step::new(error.square().mean()).metric("largest", f64::from(largest))
    /// })?;
    /// let first = trainer.history().epochs()[0].metrics.get("train_largest");
    /// assert_eq!((outcome, first), (Outcome::Completed, Some(6.0)));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// If a loss is not finite, the optimizer refuses, data cannot be read, a file cannot be written or a callback
    /// fails.
    ///
    /// # Panics
    /// If the loss has more than one element.
    pub fn fit<L, Y>(
        &mut self,
        loader: &mut L,
        mut step: impl FnMut(&M, &L::Batch, &mut Context<'_>) -> Y,
    ) -> Result<Outcome, TrainError>
    where
        L: BatchStream,
        Y: IntoStep,
    {
        self.check_loader(loader.batches_per_epoch())?;
        if let Some(keeper) = &mut self.keeper {
            keeper.kept = self.kept;
            keeper.lock()?;
        }
        let result = self.fit_locked(loader, &mut step);
        if let Some(keeper) = &mut self.keeper {
            keeper.unlock();
        }
        result
    }

    fn fit_locked<L: BatchStream, Y: IntoStep>(
        &mut self,
        loader: &mut L,
        step: &mut impl FnMut(&M, &L::Batch, &mut Context<'_>) -> Y,
    ) -> Result<Outcome, TrainError> {
        (self.began, self.written) = (Instant::now(), Instant::now());
        self.leave_average()?;
        let run = view(&self.model, &self.position, self.epochs);
        for callback in &mut self.callbacks {
            callback.on_start(&run)?;
        }
        if self.precision == Precision::Bf16 && !self.precision.is_faster_here() {
            self.warn(Warning::NotFaster);
        }
        let before = self.position.seconds;
        let result = self.run(loader, step, before).and_then(|outcome| {
            if !matches!(outcome, Outcome::Stopped { .. }) {
                self.enter_average(loader, step)?;
            }
            Ok(outcome)
        });
        let run = view(&self.model, &self.position, self.epochs);
        let outcome = match result {
            Ok(outcome) => outcome,
            Err(error) => {
                self.callbacks.iter_mut().for_each(|callback| callback.on_error(&run, &error));
                return Err(error);
            }
        };
        for callback in &mut self.callbacks {
            callback.on_end(&run, &outcome)?;
        }
        Ok(outcome)
    }

    fn check_loader(&mut self, batches: u64) -> Result<(), TrainError> {
        if batches == 0 {
            return Err(TrainError::NoBatches);
        }
        let before = std::mem::replace(&mut self.position.batches, batches);
        if before != 0 && before != batches {
            self.position.batches = before;
            return Err(TrainError::OtherData { before, batches });
        }
        let now = self.accumulation as u64;
        let before = std::mem::replace(&mut self.position.accumulation, now);
        if before != 0 && before != now {
            self.position.accumulation = before;
            return Err(TrainError::OtherAccumulation { before, now });
        }
        Ok(())
    }

    fn run<L: BatchStream, Y: IntoStep>(
        &mut self,
        loader: &mut L,
        step: &mut impl FnMut(&M, &L::Batch, &mut Context<'_>) -> Y,
        before: f64,
    ) -> Result<Outcome, TrainError> {
        if let Some(reason) = self.position.ended.clone() {
            return Ok(Outcome::EarlyStopped { reason });
        }
        while self.position.epoch < self.epochs {
            let epoch = self.position.epoch;
            let data = |source: L::Error| TrainError::Data { epoch: epoch + 1, source: Box::new(source) };
            loader.seek(epoch as u64, self.position.batch as u64).map_err(data)?;
            let mut is_over = false;
            while !is_over {
                let mut batches = Vec::with_capacity(self.accumulation);
                while batches.len() < self.accumulation && !is_over {
                    // After the end a loader goes on with the next epoch: it must not be asked again.
                    match loader.next_batch().map_err(data)? {
                        Some(batch) => batches.push(batch),
                        None => is_over = true,
                    }
                }
                if batches.is_empty() {
                    break;
                }
                let (record, gradients) = self.take_step::<L, Y>(&batches, step)?;
                self.position.seconds = before + self.began.elapsed().as_secs_f64();
                if let Some(outcome) = self.after_step(&record, gradients.as_ref())? {
                    return Ok(outcome);
                }
            }
            if let Some(outcome) = self.end_epoch(loader, step, before)? {
                return Ok(outcome);
            }
        }
        Ok(Outcome::Completed)
    }

    fn after_step(
        &mut self,
        record: &StepRecord,
        gradients: Option<&StepGradients>,
    ) -> Result<Option<Outcome>, TrainError> {
        let run = Run { gradients, ..view(&self.model, &self.position, self.epochs) };
        if let Flow::Stop(reason) = ask(&mut self.callbacks, |callback| callback.on_step(&run, record))? {
            return self.end_early(reason).map(Some);
        }
        if self.is_stop_requested() {
            return self.end_on_request().map(Some);
        }
        if self.checkpoint_steps.is_some_and(|steps| self.position.step.is_multiple_of(steps))
            || self.checkpoint_interval.is_some_and(|interval| self.written.elapsed() >= interval)
        {
            self.write_checkpoint()?;
        }
        Ok(None)
    }

    fn end_epoch<L: BatchStream, Y: IntoStep>(
        &mut self,
        loader: &mut L,
        step: &mut impl FnMut(&M, &L::Batch, &mut Context<'_>) -> Y,
        before: f64,
    ) -> Result<Option<Outcome>, TrainError> {
        let epoch = self.position.epoch + 1;
        let taken = self.averages.as_mut().map(|averages| averages.after_epoch(&self.model, epoch));
        taken.unwrap_or(Ok(())).map_err(TrainError::Averaging)?;
        self.enter_average(loader, step)?;
        let flow = self.measure_epoch(before);
        self.leave_average()?;
        let flow = flow?;
        self.position.epoch += 1;
        self.position.batch = 0;
        self.position.running = Running::default();
        match flow {
            Flow::Stop(reason) => self.end_early(reason).map(Some),
            Flow::Continue if self.is_stop_requested() && self.position.epoch < self.epochs => {
                self.end_on_request().map(Some)
            }
            Flow::Continue => self.write_checkpoint().map(|()| None),
        }
    }

    /// Evaluates, and tells the callbacks.
    fn measure_epoch(&mut self, before: f64) -> Result<Flow, TrainError> {
        let mut metrics = self.position.running.means("train_");
        if let Some(evaluate) = &mut self.evaluation {
            for (name, value) in evaluate(&self.model)?.iter() {
                metrics.set(format!("validation_{name}"), value);
            }
        }
        metrics.set("learning_rate", self.position.learning_rate);
        if let Some(norm) = self.position.running.norm() {
            metrics.set("gradient_norm", norm);
        }
        self.position.seconds = before + self.began.elapsed().as_secs_f64();
        let Position { step, seconds, .. } = self.position;
        let record = EpochRecord { epoch: self.position.epoch + 1, step, metrics, seconds };
        if let Some((plateau, metric)) = &mut self.plateau {
            let measure = watched("reduce on plateau", metric, &record)?;
            plateau.observe(measure, &mut self.optimizer).map_err(TrainError::Plateau)?;
        }
        self.position.history.push(record.clone());
        let run = view(&self.model, &self.position, self.epochs);
        ask(&mut self.callbacks, |callback| callback.on_epoch(&run, &record))
    }

    fn enter_average<L: BatchStream, Y: IntoStep>(
        &mut self,
        loader: &mut L,
        step: &mut impl FnMut(&M, &L::Batch, &mut Context<'_>) -> Y,
    ) -> Result<(), TrainError> {
        let Some(averages) = &mut self.averages else { return Ok(()) };
        let entered = averages.enter(&mut self.model, loader, step, &self.rng);
        entered.map_err(|error| match error {
            EnterError::Optimizer(source) => TrainError::Averaging(source),
            EnterError::Data(source) => {
                TrainError::Data { epoch: self.position.epoch + 1, source: Box::new(source) }
            }
        })
    }

    fn leave_average(&mut self) -> Result<(), TrainError> {
        let left = self.averages.as_mut().map(|averages| averages.leave(&mut self.model));
        left.unwrap_or(Ok(())).map_err(TrainError::Averaging)
    }

    fn is_stop_requested(&self) -> bool {
        self.stop.as_ref().is_some_and(|flag| flag.load(Relaxed))
    }

    fn end_early(&mut self, reason: String) -> Result<Outcome, TrainError> {
        self.position.ended = Some(reason.clone());
        self.write_checkpoint()?;
        Ok(Outcome::EarlyStopped { reason })
    }

    fn end_on_request(&mut self) -> Result<Outcome, TrainError> {
        self.write_checkpoint()?;
        let checkpoint = self.keeper.as_ref().map(|keeper| keeper.path.clone());
        Ok(Outcome::Stopped { checkpoint })
    }

    /// All of the run, as it stands. The model must not hold an average then.
    fn write_checkpoint(&mut self) -> Result<(), TrainError> {
        let own = self.own_state();
        let Some(keeper) = &mut self.keeper else { return Ok(()) };
        let keys = super::resume::keys(&self.callbacks);
        let states = self.callbacks.iter().map(|callback| callback.state());
        let checkpoint = Checkpoint {
            model: self.model.state(),
            optimizer: self.optimizer.state(),
            trainer: own,
            config: self.config.clone(),
            callbacks: keys.into_iter().zip(states).collect(),
            position: self.position.clone(),
            rng: self.rng.state(),
        };
        keeper.write(&checkpoint)?;
        self.written = Instant::now();
        let run = view(&self.model, &self.position, self.epochs);
        for callback in &mut self.callbacks {
            callback.on_checkpoint(&run, &keeper.path)?;
        }
        Ok(())
    }
}
