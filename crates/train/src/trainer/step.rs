//! One step: the batches' losses and gradients, what the optimizer makes of them, and what there is to tell. Nothing has changed
//! when the loss or the gradient turns out not to be a number.

use gradus_autodiff::Gradients;
use gradus_module::{Context, Module};
use gradus_optimizers::Optimize;
use gradus_tensor::{Float, Rng, RngState};

use super::diagnosis::origin;
use super::{Averages, Trainer};
use crate::batches::BatchStream;
use crate::callbacks::{StepGradients, StepRecord};
use crate::errors::{Fault, TrainError};
use crate::metrics::Metrics;
use crate::step::IntoStep;
use crate::warning::Warning;

/// What a model makes of the batches of a step.
struct Evaluated<T: Float> {
    /// Per batch.
    losses: Vec<f64>,
    metrics: Vec<Metrics>,
    /// Σ nᵦ·lossᵦ / Σ nᵦ, and its gradients.
    loss: f64,
    gradients: Gradients<T>,
    /// Where the random numbers stand then.
    rng: RngState,
}

/// The batches of a step and the random numbers that it begins with: evaluated again, they give the same again.
struct Batches<'b, B> {
    batches: &'b [B],
    sizes: Vec<usize>,
    rng: RngState,
    precision: gradus_tensor::Precision,
}

impl<B> Batches<'_, B> {
    fn evaluate<M, Y: IntoStep>(
        &self,
        model: &M,
        step: &mut impl FnMut(&M, &B, &mut Context<'_>) -> Y,
    ) -> Evaluated<Y::Element> {
        let mut rng = Rng::from_state(self.rng);
        let (mut losses, mut metrics) = (Vec::new(), Vec::new());
        let (mut loss, mut gradients) = (0.0, Gradients::default());
        // Batches that do not count their examples count alike.
        let total: usize = self.sizes.iter().map(|&size| size.max(1)).sum();
        for (batch, &size) in self.batches.iter().zip(&self.sizes) {
            let mut cx = Context::train(&mut rng).in_precision(self.precision);
            let (own, measured) = step(model, batch, &mut cx).into_step().into_parts();
            let value = own.item();
            let share = size.max(1) as f64 / total as f64;
            let mut part = own.backward();
            if self.batches.len() > 1 {
                part.scale(share);
            }
            loss += share * value;
            gradients.merge(part);
            losses.push(value);
            metrics.push(measured);
        }
        Evaluated { losses, metrics, loss, gradients, rng: rng.state() }
    }

    /// What went wrong first, if it does so again.
    fn origin<M: Module, Y: IntoStep>(
        &self,
        model: &M,
        step: &mut impl FnMut(&M, &B, &mut Context<'_>) -> Y,
    ) -> Option<String> {
        origin(model, || {
            let mut rng = Rng::from_state(self.rng);
            let one = |batch: &B| {
                let mut cx = Context::train(&mut rng).in_precision(self.precision);
                step(model, batch, &mut cx).into_step().into_parts().0
            };
            self.batches.iter().map(one).collect()
        })
    }
}

impl<'a, M: Module, O: Optimize> Trainer<'a, M, O> {
    /// A step of these batches; the gradients too, if a callback wants them.
    pub(super) fn take_step<L: BatchStream, Y: IntoStep>(
        &mut self,
        batches: &[L::Batch],
        step: &mut impl FnMut(&M, &L::Batch, &mut Context<'_>) -> Y,
    ) -> Result<(StepRecord, Option<StepGradients>), TrainError> {
        let number = self.position.step + 1;
        let sizes = batches.iter().map(|batch| L::indices(batch).len()).collect();
        let all = Batches { batches, sizes, rng: self.rng.state(), precision: self.precision };
        let first = all.evaluate(&self.model, step);
        let norm = norm(&first.gradients);
        if !first.loss.is_finite() || !norm.is_finite() {
            let mut fault = self.fault::<L>(batches);
            fault.origin = all.origin(&self.model, step);
            let fault = Box::new(fault);
            return Err(match first.loss.is_finite() {
                true => TrainError::GradientNotFinite { norm, fault },
                false => TrainError::LossNotFinite { loss: first.loss, fault },
            });
        }
        let Evaluated { losses, metrics, loss, gradients, rng } = first;
        let is_wanted = self.callbacks.iter().any(|callback| callback.wants_gradients(number));
        let shown = is_wanted.then(|| StepGradients::new(&self.model, &gradients));
        let hints = self.hints.gradients(&self.model, &gradients);
        let mut given = Some((loss, gradients));
        let report = self.optimizer.optimize(&mut self.model, &mut |model: &M| {
            given.take().unwrap_or_else(|| {
                let again = all.evaluate(model, step);
                (again.loss, again.gradients)
            })
        });
        let report = report
            .map_err(|source| TrainError::Step { source, fault: Box::new(self.fault::<L>(batches)) })?;
        if !report.gradient_norm.is_finite() {
            let (norm, fault) = (report.gradient_norm, Box::new(self.fault::<L>(batches)));
            return Err(TrainError::GradientNotFinite { norm, fault });
        }
        self.rng = Rng::from_state(rng);
        self.position.step = number;
        self.position.batch += batches.len();
        for ((&loss, metrics), &size) in losses.iter().zip(&metrics).zip(&all.sizes) {
            self.position.running.add(loss, metrics, size);
        }
        self.position.running.add_norm(report.gradient_norm);
        self.position.learning_rate = report.learning_rate;
        self.average_step()?;
        self.note(hints, loss, &report.without_gradient);
        let record = StepRecord {
            loss,
            gradient_norm: report.gradient_norm,
            learning_rate: report.learning_rate,
            running: self.position.running.means(""),
            examples: all.sizes.iter().sum(),
            without_gradient: report.without_gradient,
        };
        Ok((record, shown))
    }

    fn average_step(&mut self) -> Result<(), TrainError> {
        let (epoch, step) = (self.position.epoch + 1, self.position.step);
        let taken = self
            .averages
            .as_mut()
            .map(|averages: &mut Averages| averages.after_step(&self.model, epoch, step));
        taken.unwrap_or(Ok(())).map_err(TrainError::Averaging)
    }

    /// Which step it was, and what of it a person may want to look at.
    fn fault<L: BatchStream>(&self, batches: &[L::Batch]) -> Fault {
        Fault {
            step: self.position.step + 1,
            epoch: self.position.epoch + 1,
            indices: batches.iter().flat_map(|batch| L::indices(batch)).copied().collect(),
            origin: None,
            checkpoint: self.keeper.as_ref().and_then(|keeper| keeper.good.clone()),
        }
    }

    /// Tells what is no error but worth a look.
    fn note(&mut self, mut warnings: Vec<Warning>, loss: f64, without_gradient: &[String]) {
        if self.position.step == 1 && !without_gradient.is_empty() {
            warnings.push(Warning::WithoutGradient { paths: without_gradient.to_vec() });
        }
        warnings.extend(self.hints.loss(loss));
        warnings.into_iter().for_each(|warning| self.warn(warning));
    }

    pub(super) fn warn(&mut self, warning: Warning) {
        let run = super::run::view(&self.model, &self.position, self.epochs);
        self.callbacks.iter_mut().for_each(|callback| callback.on_warning(&run, &warning));
        self.warnings.push(warning);
    }
}

/// √ΣΣ g²: one reading of the gradients, which tells whether all are numbers.
fn norm<T: Float>(gradients: &Gradients<T>) -> f64 {
    let squares = gradients.iter().map(|(_, gradient)| {
        let flat = gradient.contiguous().reshape([gradient.len()]);
        flat.dot(&flat).item().as_f64()
    });
    squares.sum::<f64>().sqrt()
}
