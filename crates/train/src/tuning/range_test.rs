//! The learning-rate range test (Smith 2017, "Cyclical Learning Rates for Training Neural Networks"): some steps with a rate that
//! grows from far too small to far too large, and the loss over it. Everything is as before when it is over.

use gradus_module::{Context, Module};
use gradus_optimizers::Optimize;
use gradus_tensor::Rng;

use crate::batches::BatchStream;
use crate::errors::TrainError;
use crate::report::LineChart;
use crate::step::IntoStep;

/// How a range test goes: see [`RangeTest::run`].
///
/// ```
/// use gradus_data::{Loader, Pairs};
/// use gradus_module::Param;
/// use gradus_optimizers::Sgd;
/// use gradus_tensor::{Rng, Tensor};
/// use gradus_train::tuning::{RangeTest, Ranged};
/// let x = Tensor::<f32>::uniform([64, 1], -1.0, 1.0, &mut Rng::seed(1));
/// let mut loader = Loader::new(Pairs::new(x.clone(), &x * 3.0)?, 16, 7);
/// let (mut model, mut optimizer) = ((Param::new([0.0_f32]),), Sgd::new(0.1));
/// let ranged: Ranged = RangeTest::new(1e-3, 100.0).run(&mut model, &mut optimizer, &mut loader, |(w,), batch, _| {
///     (&**w * &(&batch.inputs).into() - &(&batch.targets).into()).square().mean()
/// })?;
/// // A parabola of curvature 2/3: rates beyond 3 make it diverge.
/// assert!(ranged.suggestion().is_some_and(|rate| (0.01..3.0).contains(&rate)));
/// assert!(ranged.points()[0].0 == 1e-3 && ranged.points().len() <= 100);
/// assert_eq!((model.0.item(), optimizer.learning_rate()), (0.0, 0.1)); // as before
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct RangeTest {
    from: f64,
    to: f64,
    steps: usize,
    smoothing: f64,
    seed: u64,
}

/// The test ends when the smoothed loss is so many times its least.
const DIVERGED: f64 = 4.0;

/// Steps at either end that say little: smoothing has just begun, or the loss runs away.
const MARGIN: usize = 5;

impl RangeTest {
    /// 100 steps from one learning rate to another, each the same factor above the one before.
    ///
    /// # Panics
    /// Unless 0 < `from` < `to`.
    #[must_use]
    #[track_caller]
    pub fn new(from: f64, to: f64) -> Self {
        let fits = from > 0.0 && from < to && to.is_finite();
        assert!(fits, "range test: learning rates do not rise from above 0: {from} to {to}");
        Self { from, to, steps: 100, smoothing: 0.9, seed: 0 }
    }

    /// How many steps it takes at most. 0 counts as 1.
    ///
    /// ```
    /// use gradus_train::tuning::RangeTest;
    /// let test = RangeTest::new(1e-5, 1.0).steps(200).smoothing(0.95).seed(3);
    /// assert!(format!("{test:?}").contains("200"));
    /// ```
    #[must_use]
    pub fn steps(mut self, steps: usize) -> Self {
        self.steps = steps.max(1);
        self
    }

    /// β of the smoothing s ← β·s + (1 − β)·loss, in 0 .. 1; what is divided out is its slow start.
    #[must_use]
    pub fn smoothing(mut self, beta: f64) -> Self {
        self.smoothing = beta.clamp(0.0, 0.999);
        self
    }

    /// Where the random numbers of training come from.
    #[must_use]
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// Trains with rising rates; then puts model and optimizer back as they were. An infinite loss ends the test, and is no
    /// error.
    ///
    /// # Errors
    /// If data cannot be read or the optimizer refuses.
    pub fn run<M: Module, O: Optimize, L: BatchStream, Y: IntoStep>(
        &self,
        model: &mut M,
        optimizer: &mut O,
        loader: &mut L,
        mut step: impl FnMut(&M, &L::Batch, &mut Context<'_>) -> Y,
    ) -> Result<Ranged, TrainError> {
        if loader.batches_per_epoch() == 0 {
            return Err(TrainError::NoBatches);
        }
        let (weights, state, rate) = (model.state(), optimizer.state(), optimizer.base_learning_rate());
        let ranged = self.rise(model, optimizer, loader, &mut step);
        // They are this model's and this optimizer's own, which always fit.
        _ = model.load(&weights);
        _ = optimizer.load_state(&state);
        optimizer.set_learning_rate(rate);
        ranged
    }

    fn rise<M: Module, O: Optimize, L: BatchStream, Y: IntoStep>(
        &self,
        model: &mut M,
        optimizer: &mut O,
        loader: &mut L,
        step: &mut impl FnMut(&M, &L::Batch, &mut Context<'_>) -> Y,
    ) -> Result<Ranged, TrainError> {
        let mut rng = Rng::seed(self.seed);
        let (mut points, mut smooth, mut least) = (Vec::new(), 0.0, f64::INFINITY);
        let mut epoch = 0;
        let data = |epoch: u64, source: L::Error| TrainError::Data {
            epoch: epoch as usize + 1,
            source: Box::new(source),
        };
        loader.seek(0, 0).map_err(|error| data(0, error))?;
        for number in 0..self.steps {
            let batch = match loader.next_batch().map_err(|error| data(epoch, error))? {
                Some(batch) => batch,
                None => {
                    epoch += 1;
                    loader.seek(epoch, 0).map_err(|error| data(epoch, error))?;
                    let next = loader.next_batch().map_err(|error| data(epoch, error))?;
                    next.ok_or(TrainError::NoBatches)?
                }
            };
            let rate = self.from * (self.to / self.from).powf(number as f64 / (self.steps - 1).max(1) as f64);
            let loss = Self::step_at(rate, model, optimizer, &batch, &mut rng, step)?;
            smooth = self.smoothing * smooth + (1.0 - self.smoothing) * loss;
            let value = smooth / (1.0 - self.smoothing.powi(number as i32 + 1));
            if !value.is_finite() || (number > MARGIN && value > DIVERGED * least) {
                break;
            }
            least = least.min(value);
            points.push((rate, value));
        }
        Ok(Ranged { points })
    }

    /// One step at a rate; its loss.
    fn step_at<M: Module, O: Optimize, B, Y: IntoStep>(
        rate: f64,
        model: &mut M,
        optimizer: &mut O,
        batch: &B,
        rng: &mut Rng,
        step: &mut impl FnMut(&M, &B, &mut Context<'_>) -> Y,
    ) -> Result<f64, TrainError> {
        optimizer.set_learning_rate(1.0);
        let factor = optimizer.learning_rate();
        optimizer.set_learning_rate(if factor > 0.0 { rate / factor } else { rate });
        let (start, mut first) = (rng.state(), None);
        let stepped = optimizer.optimize(model, &mut |model: &M| {
            let mut again = Rng::from_state(start);
            let (loss, _) = step(model, batch, &mut Context::train(&mut again)).into_step().into_parts();
            let value = loss.item();
            first.get_or_insert((value, again.state()));
            (value, loss.backward())
        });
        stepped.map_err(TrainError::RangeTest)?;
        let (loss, state) = first.unwrap_or((f64::NAN, start));
        *rng = Rng::from_state(state);
        Ok(loss)
    }
}

/// What a range test found.
#[derive(Clone, Debug, PartialEq)]
pub struct Ranged {
    points: Vec<(f64, f64)>,
}

impl Ranged {
    /// Learning rates and smoothed losses.
    #[must_use]
    pub fn points(&self) -> &[(f64, f64)] {
        &self.points
    }

    /// The rate in the middle of that tenth of the test over which the loss falls most: the steepest place of the chart, batches'
    /// noise aside. None if the test was too short to tell, or the loss fell nowhere.
    #[must_use]
    pub fn suggestion(&self) -> Option<f64> {
        let inner = self.points.get(MARGIN..self.points.len().saturating_sub(MARGIN))?;
        let width = (self.points.len() / 10).max(2);
        let fall = |part: &[(f64, f64)]| part[0].1 - part[width].1;
        let steepest = inner.windows(width + 1).max_by(|a, b| fall(a).total_cmp(&fall(b)))?;
        (fall(steepest) > 0.0).then_some(steepest[width / 2].0)
    }

    /// The loss over the rate, which has a logarithmic axis.
    ///
    /// ```
    /// # use gradus_train::tuning::RangeTest;
    /// # use gradus_train::report::{LineChart, Report};
    /// # let ranged = RangeTest::new(0.1, 1.0).steps(3).run(
    /// #     &mut (gradus_module::Param::new([1.0_f32]),),
    /// #     &mut gradus_optimizers::Sgd::new(0.1),
    /// #     &mut gradus_data::Loader::new(gradus_data::Pairs::new([1.0_f32].into(), [1.0_f32].into())?, 1, 1),
    /// #     |(w,), _, _| w.square().sum(),
    /// # )?;
    /// let chart: LineChart = ranged.chart();
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn chart(&self) -> LineChart {
        let title = match self.suggestion() {
            Some(rate) => format!("Loss over the learning rate; steepest at {rate:.2e}"),
            None => "Loss over the learning rate".to_owned(),
        };
        LineChart::new(title, "learning rate", "loss, smoothed").log_x().series("loss", &self.points)
    }
}
