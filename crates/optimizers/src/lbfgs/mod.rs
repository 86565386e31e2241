//! L-BFGS (Liu & Nocedal 1989, "On the limited memory BFGS method"): a quasi-Newton method that keeps the last m changes of
//! point and gradient, sᵢ and yᵢ, and finds its direction −H·g from them by two loops (Nocedal & Wright 2006, algorithm 7.4):
//!
//! * q = −g; from the newest to the oldest: αᵢ = sᵢ·q/(yᵢ·sᵢ), q ← q − αᵢ·yᵢ
//! * r = γ·q with γ = (y·s)/(y·y) of the newest; from the oldest on: r ← r + sᵢ·(αᵢ − yᵢ·r/(yᵢ·sᵢ))
//! * w ← w + t·r, t the learning rate or found by a line search
//!
//! It works on all parameters as one vector in double precision. For whole data sets and small models.

mod line_search;
mod state;
mod vector;

use gradus_autodiff::Var;
use gradus_module::{Entry, Kind, Module, Param, Path, apply_updates};
use gradus_tensor::{Float, Tensor};

use crate::error::{OptimizerError, check, check_not_negative};
use crate::optimize::{Evaluate, evaluated};
use crate::step::StepReport;
use line_search::{Point, strong_wolfe};
use vector::{add, along, dot, largest};

/// L-BFGS (PyTorch: `LBFGS`). A step evaluates the loss several times, so it takes a closure.
///
/// ```
/// use gradus_module::Param;
/// use gradus_optimizers::{Lbfgs, LineSearch};
/// let mut model = Param::new([-1.5_f64, 2.0]);
/// let mut optimizer = Lbfgs::new(1.0).line_search(LineSearch::StrongWolfe).max_iterations(20).max_evaluations(25);
/// optimizer = optimizer.tolerance_gradient(1e-7).tolerance_change(1e-9).history_size(10).maximize(false);
/// for _ in 0..5 {
///     optimizer.step(&mut model, |w| { // Rosenbrock's valley
///         let (x, y) = (w.select(0, 0), w.select(0, 1));
///         (1.0 - &x).square() + (y - x.square()).square() * 100.0
///     })?;
/// }
/// assert!(model.value().to_vec().iter().all(|w| (w - 1.0).abs() < 1e-3));
/// # Ok::<(), gradus_optimizers::OptimizerError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Lbfgs {
    learning_rate: f64,
    max_iterations: usize,
    max_evaluations: Option<usize>,
    tolerance_gradient: f64,
    tolerance_change: f64,
    history_size: usize,
    line_search: LineSearch,
    maximize: bool,
    memory: Memory,
}

/// How the length of a step is found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LineSearch {
    /// It is the learning rate.
    #[default]
    Off,
    /// By cubic interpolation until the strong Wolfe conditions hold (PyTorch: `strong_wolfe`).
    StrongWolfe,
}

/// What a call of [`Lbfgs::step`] did.
///
/// ```
/// use gradus_module::Param;
/// use gradus_optimizers::{Lbfgs, LbfgsReport};
/// let mut model = Param::new([3.0_f64]);
/// let report: LbfgsReport = Lbfgs::new(1.0).step(&mut model, |w| w.square().sum())?;
/// assert_eq!(report.loss, 9.0);
/// # Ok::<(), gradus_optimizers::OptimizerError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LbfgsReport {
    /// The loss before.
    pub loss: f64,
    /// How many directions were followed.
    pub iterations: usize,
    /// How often the loss was evaluated.
    pub evaluations: usize,
}

/// What is remembered from one call to the next.
#[derive(Clone, Debug, Default)]
struct Memory {
    /// The parameters' paths and shapes, in the order in which they make up the vectors.
    layout: Vec<(String, Vec<usize>)>,
    steps: u64,
    iterations: u64,
    direction: Vec<f64>,
    length: f64,
    gradient: Vec<f64>,
    /// yᵢ and sᵢ, oldest first.
    history: Vec<Change>,
    /// γ.
    scale: f64,
}

/// y and s.
type Change = (Vec<f64>, Vec<f64>);

/// Pairs with a smaller y·s are left out (PyTorch's constant).
const LEAST_CURVATURE: f64 = 1e-10;

impl Lbfgs {
    /// Learning rate (PyTorch starts from 1); at most 20 iterations and 25 evaluations a step, tolerances of 1e-7 for the
    /// gradient and 1e-9 for changes, a history of 100, no line search: PyTorch's defaults.
    #[must_use]
    pub fn new(learning_rate: f64) -> Self {
        Self {
            learning_rate,
            max_iterations: 20,
            max_evaluations: None,
            tolerance_gradient: 1e-7,
            tolerance_change: 1e-9,
            history_size: 100,
            line_search: LineSearch::Off,
            maximize: false,
            memory: Memory::default(),
        }
    }

    /// How many directions a step follows at most, from 1 on (PyTorch: `max_iter`).
    #[must_use]
    pub fn max_iterations(mut self, iterations: usize) -> Self {
        self.max_iterations = iterations;
        self
    }

    /// How often a step evaluates the loss at most; 5/4 of the iterations unless set (PyTorch: `max_eval`).
    #[must_use]
    pub fn max_evaluations(mut self, evaluations: usize) -> Self {
        self.max_evaluations = Some(evaluations);
        self
    }

    /// The largest |gradient| that counts as 0 (PyTorch: `tolerance_grad`).
    #[must_use]
    pub fn tolerance_gradient(mut self, tolerance: f64) -> Self {
        self.tolerance_gradient = tolerance;
        self
    }

    /// The change of loss or of parameters at which a step ends (PyTorch: `tolerance_change`).
    #[must_use]
    pub fn tolerance_change(mut self, tolerance: f64) -> Self {
        self.tolerance_change = tolerance;
        self
    }

    /// m, from 1 on: how many changes are kept.
    #[must_use]
    pub fn history_size(mut self, size: usize) -> Self {
        self.history_size = size;
        self
    }

    /// How the length of a step is found (PyTorch: `line_search_fn`).
    #[must_use]
    pub fn line_search(mut self, line_search: LineSearch) -> Self {
        self.line_search = line_search;
        self
    }

    /// Goes up instead of down (PyTorch: `maximize`).
    #[must_use]
    pub fn maximize(mut self, maximize: bool) -> Self {
        self.maximize = maximize;
        self
    }

    /// Follows directions from where the model is until a tolerance or a limit is reached. `loss` answers a scalar; it is
    /// called anew for each point. Of the buffer updates that ride with the gradients those of the first call are applied. Where a
    /// step would lead to a loss or a gradient that is not finite, it ends before, and the next one starts afresh from there.
    ///
    /// # Errors
    /// If a setting lies outside its range, a parameter is of another float type than the loss, or the state is of
    /// another model. Nothing has changed then.
    pub fn step<T: Float, M: Module + ?Sized>(
        &mut self,
        model: &mut M,
        mut loss: impl FnMut(&M) -> Var<T>,
    ) -> Result<LbfgsReport, OptimizerError> {
        self.step_by(model, &mut |model| evaluated(loss(model))).map(|(report, _)| report)
    }

    /// [`Lbfgs::step`] with a closure that answers loss and gradients.
    pub(crate) fn step_by<T: Float, M: Module + ?Sized>(
        &mut self,
        model: &mut M,
        ask: &mut Evaluate<'_, T, M>,
    ) -> Result<(LbfgsReport, StepReport), OptimizerError> {
        self.validate()?;
        let sign = if self.maximize { -1.0 } else { 1.0 };
        let mut start = Vec::new();
        let (mut layout, mut error) = (Vec::new(), None);
        each_trained(model, &mut |path, entry| {
            layout.push((path.to_owned(), entry.shape().to_vec()));
            match entry.as_any().downcast_ref::<Param<T>>() {
                Some(parameter) => start.extend(parameter.value().to_vec().into_iter().map(|w| w.as_f64())),
                None => {
                    let (name, parameter, gradient) = (path.to_owned(), entry.dtype(), T::DTYPE);
                    error = Some(OptimizerError::FloatType { name, parameter, gradient });
                }
            }
        });
        error.map_or(Ok(()), Err)?;
        self.memory.fit(layout)?;
        let mut first = None;
        let mut evaluate = |w: Option<&[f64]>| {
            if let Some(w) = w {
                put::<T, M>(model, w);
            }
            let (loss, gradients) = ask(model);
            let (mut flat, mut without_gradient) = (Vec::new(), Vec::new());
            each_trained(
                model,
                &mut |path, entry| match entry.leaf_id().and_then(|leaf| gradients.get(leaf)) {
                    Some(gradient) => flat.extend(gradient.to_vec().into_iter().map(|g| sign * g.as_f64())),
                    None => {
                        flat.resize(flat.len() + entry.shape().count(), 0.0);
                        without_gradient.push(path.to_owned());
                    }
                },
            );
            first.get_or_insert((dot(&flat, &flat).sqrt(), without_gradient, gradients));
            (sign * loss, flat)
        };
        let (report, end) = self.descend(start, &mut evaluate);
        put::<T, M>(model, &end);
        self.memory.steps += 1;
        let mut step = StepReport {
            step: self.memory.steps,
            learning_rate: self.learning_rate,
            gradient_norm: 0.0,
            without_gradient: Vec::new(),
        };
        if let Some((norm, without_gradient, gradients)) = first {
            (step.gradient_norm, step.without_gradient) = (norm, without_gradient);
            apply_updates(model, &gradients);
        }
        Ok((LbfgsReport { loss: sign * report.loss, ..report }, step))
    }

    /// The learning rate.
    #[must_use]
    pub fn learning_rate(&self) -> f64 {
        self.learning_rate
    }

    /// Sets the learning rate of the next step.
    ///
    /// ```
    /// use gradus_optimizers::Lbfgs;
    /// let mut optimizer = Lbfgs::new(1.0);
    /// optimizer.set_learning_rate(0.5);
    /// assert_eq!(optimizer.learning_rate(), 0.5);
    /// ```
    pub fn set_learning_rate(&mut self, learning_rate: f64) {
        self.learning_rate = learning_rate;
    }

    fn validate(&self) -> Result<(), OptimizerError> {
        check_not_negative("learning_rate", self.learning_rate)?;
        check_not_negative("tolerance_gradient", self.tolerance_gradient)?;
        check_not_negative("tolerance_change", self.tolerance_change)?;
        check("max_iterations", self.max_iterations as f64, self.max_iterations > 0, "1 or more")?;
        check("history_size", self.history_size as f64, self.history_size > 0, "1 or more")
    }

    /// From `w` on; answers where it ends.
    fn descend(&mut self, mut w: Vec<f64>, evaluate: &mut AtPoint<'_>) -> (LbfgsReport, Vec<f64>) {
        let (mut loss, mut gradient) = evaluate(None);
        let most = self.max_evaluations.unwrap_or(self.max_iterations * 5 / 4);
        let mut report = LbfgsReport { loss, iterations: 0, evaluations: 1 };
        let is_flat = |gradient: &[f64]| largest(gradient) <= self.tolerance_gradient;
        if is_flat(&gradient) {
            return (report, w);
        }
        while report.iterations < self.max_iterations {
            report.iterations += 1;
            let length = self.memory.turn(&gradient, self.history_size, self.learning_rate);
            let slope = dot(&gradient, &self.memory.direction);
            let before = loss;
            if slope > -self.tolerance_change {
                self.memory.length = length;
                break;
            }
            let is_last = report.iterations == self.max_iterations;
            let (point, evaluations) = match self.line_search {
                LineSearch::StrongWolfe => {
                    let start = Point { t: 0.0, loss, gradient, slope };
                    let direction = &self.memory.direction;
                    let mut at = |t: f64| {
                        let (loss, gradient) = evaluate(Some(&along(&w, t, direction)));
                        let slope = dot(&gradient, direction);
                        Point { t, loss, gradient, slope }
                    };
                    let limit = most.saturating_sub(report.evaluations);
                    strong_wolfe(&mut at, start, length, largest(direction), self.tolerance_change, limit)
                }
                LineSearch::Off if is_last => (Point { t: length, loss, gradient, slope }, 0),
                LineSearch::Off => {
                    let (loss, gradient) = evaluate(Some(&along(&w, length, &self.memory.direction)));
                    (Point { t: length, loss, gradient, slope }, 1)
                }
            };
            if !(point.loss.is_finite() && point.gradient.iter().all(|g| g.is_finite())) {
                // Stays where there is a loss, and forgets what led away from there.
                let Memory { layout, steps, .. } = std::mem::take(&mut self.memory);
                self.memory = Memory { layout, steps, ..Memory::default() };
                report.evaluations += evaluations;
                break;
            }
            self.memory.length = point.t;
            w = along(&w, point.t, &self.memory.direction);
            (loss, gradient) = (point.loss, point.gradient);
            report.evaluations += evaluations;
            let moved = largest(&self.memory.direction) * point.t.abs();
            let is_still = moved <= self.tolerance_change || (loss - before).abs() < self.tolerance_change;
            if report.evaluations >= most || is_flat(&gradient) || is_still {
                break;
            }
        }
        (report, w)
    }
}

/// The loss and its gradient at a point, or where the model is.
type AtPoint<'e> = dyn FnMut(Option<&[f64]>) -> (f64, Vec<f64>) + 'e;

impl Memory {
    /// Takes a gradient in and finds the next direction from it; answers the first length to try.
    fn turn(&mut self, gradient: &[f64], history_size: usize, learning_rate: f64) -> f64 {
        self.iterations += 1;
        let is_first = self.iterations == 1;
        if is_first {
            self.history.clear();
            self.scale = 1.0;
            self.direction = gradient.iter().map(|g| -g).collect();
        } else {
            let y: Vec<f64> = gradient.iter().zip(&self.gradient).map(|(new, old)| new - old).collect();
            let s: Vec<f64> = self.direction.iter().map(|d| d * self.length).collect();
            let curvature = dot(&y, &s);
            if curvature > LEAST_CURVATURE {
                if self.history.len() >= history_size {
                    self.history.remove(0);
                }
                self.scale = curvature / dot(&y, &y);
                self.history.push((y, s));
            }
            self.direction = self.two_loops(gradient);
        }
        self.gradient = gradient.to_vec();
        let size: f64 = gradient.iter().map(|g| g.abs()).sum();
        if is_first { size.recip().min(1.0) * learning_rate } else { learning_rate }
    }

    /// −H·g.
    fn two_loops(&self, gradient: &[f64]) -> Vec<f64> {
        let mut q: Vec<f64> = gradient.iter().map(|g| -g).collect();
        let mut alphas = Vec::with_capacity(self.history.len());
        for (y, s) in self.history.iter().rev() {
            let alpha = dot(s, &q) / dot(y, s);
            add(&mut q, -alpha, y);
            alphas.push(alpha);
        }
        q.iter_mut().for_each(|q| *q *= self.scale);
        for ((y, s), alpha) in self.history.iter().zip(alphas.into_iter().rev()) {
            let beta = dot(y, &q) / dot(y, s);
            add(&mut q, alpha - beta, s);
        }
        q
    }
}

fn each_trained<'m>(model: &'m (impl Module + ?Sized), f: &mut dyn FnMut(&str, &'m dyn Entry)) {
    model.visit(&mut Path::root(), &mut |path, entry| {
        if entry.kind() == Kind::Parameter && entry.leaf_id().is_some() {
            f(path.as_str(), entry);
        }
    });
}

/// Writes the vector into the parameters.
fn put<T: Float, M: Module + ?Sized>(model: &mut M, mut w: &[f64]) {
    model.visit_mut(&mut Path::root(), &mut |_, entry| {
        let is_trained = entry.kind() == Kind::Parameter && entry.leaf_id().is_some();
        let parameter = entry.as_any_mut().downcast_mut::<Param<T>>();
        if let Some(parameter) = parameter.filter(|_| is_trained) {
            let (own, rest) = w.split_at(parameter.len());
            w = rest;
            let values: Vec<T> = own.iter().map(|&w| T::of(w)).collect();
            let shape = *parameter.value().shape();
            *parameter.value_mut() = Tensor::new(shape, &values);
        }
    });
}
