//! Lookahead (Zhang et al. 2019, "Lookahead Optimizer: k steps forward, 1 step back"), around any optimizer:
//!
//! * k steps of the inner optimizer on the fast weights w
//! * s ← s + α·(w − s), w ← s

use std::collections::BTreeMap;

use gradus_autodiff::Gradients;
use gradus_module::{Module, State};
use gradus_tensor::{AnyTensor, Float};

use crate::error::{OptimizerError, check};
use crate::optimizer::Optimizer;
use crate::rule::Rule;
use crate::step::StepReport;
use crate::values::{blend, check_shapes, each_value};

/// An optimizer with slow weights that follow every k steps (PyTorch has none).
///
/// ```
/// use gradus_module::Param;
/// use gradus_optimizers::{Lookahead, Sgd};
/// let mut model = Param::new([1.0_f64]);
/// let mut optimizer = Lookahead::new(Sgd::new(0.125)).every(2).alpha(0.5);
/// for _ in 0..2 {
///     let gradients = model.sum().backward();
///     optimizer.step(&mut model, &gradients)?;
/// }
/// assert_eq!(model.value().item(), 0.875); // half of two eighths
/// let mut other = Lookahead::new(Sgd::new(0.125)).every(2);
/// other.load_state(&optimizer.state())?;
/// # Ok::<(), gradus_optimizers::OptimizerError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Lookahead<R: Rule> {
    /// The optimizer of the fast weights.
    pub inner: Optimizer<R>,
    every: u64,
    alpha: f64,
    slow: BTreeMap<String, AnyTensor>,
}

const INNER: &str = "inner";
const SLOW: &str = "slow";

impl<R: Rule> Lookahead<R> {
    /// Around an optimizer; k = 5, α = 0.5.
    #[must_use]
    pub fn new(inner: Optimizer<R>) -> Self {
        Self { inner, every: 5, alpha: 0.5, slow: BTreeMap::new() }
    }

    /// k, from 1 on: how many steps of the inner optimizer make one of the slow weights.
    #[must_use]
    pub fn every(mut self, steps: u64) -> Self {
        self.every = steps;
        self
    }

    /// α, in 0 ..= 1: how far the slow weights follow.
    #[must_use]
    pub fn alpha(mut self, alpha: f64) -> Self {
        self.alpha = alpha;
        self
    }

    /// A step of the inner optimizer, and at every k-th one of the slow weights, which the model then holds.
    ///
    /// # Errors
    /// As [`Optimizer::step`], or if k or α lies outside its range. Nothing has changed then.
    pub fn step<T: Float>(
        &mut self,
        model: &mut (impl Module + ?Sized),
        gradients: &Gradients<T>,
    ) -> Result<StepReport, OptimizerError> {
        check("every", self.every as f64, self.every > 0, "1 or more")?;
        check("alpha", self.alpha, (0.0..=1.0).contains(&self.alpha), "in 0 ..= 1")?;
        check_shapes(model, &self.slow)?;
        let mut started = Vec::new();
        each_value(model, |path, value| {
            if self.inner.takes(path) && !self.slow.contains_key(path) {
                started.push((path.to_owned(), value.clone()));
            }
        });
        let report = self.inner.step(model, gradients)?;
        self.slow.extend(started);
        if report.step.is_multiple_of(self.every) {
            each_value(model, |path, value| {
                if let Some(slow) = self.slow.get_mut(path) {
                    blend(slow, value, self.alpha);
                    *value = slow.clone();
                }
            });
        }
        Ok(report)
    }

    /// The inner state under `inner.` and the slow weights under `slow.`.
    #[must_use]
    pub fn state(&self) -> State {
        let mut state = State::default();
        state.push_all(INNER, &self.inner.state());
        for (path, value) in &self.slow {
            state.push(format!("{SLOW}.{path}"), value.clone());
        }
        state
    }

    /// Goes on from a saved state.
    ///
    /// # Errors
    /// As [`Optimizer::load_state`]; this one is then as it was.
    pub fn load_state(&mut self, state: &State) -> Result<(), OptimizerError> {
        self.inner.load_state(&state.below(INNER))?;
        self.slow = state.below(SLOW).iter().map(|(path, value)| (path.to_owned(), value.clone())).collect();
        Ok(())
    }
}
