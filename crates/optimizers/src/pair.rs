//! `Pair`: two optimizers that share a model, each with the parameters that its `only` names.

use gradus_autodiff::Gradients;
use gradus_module::{Module, State, apply_updates};
use gradus_tensor::Float;

use crate::error::OptimizerError;
use crate::optimizer::Optimizer;
use crate::rule::Rule;
use crate::step::StepReport;

/// Two optimizers as one: matrices by [`Muon`](crate::Muon) and the rest by [`AdamW`](crate::AdamW), say. Give each its
/// parameters by [`Optimizer::only`]; what both take is changed twice.
///
/// ```
/// use gradus_module::Param;
/// use gradus_optimizers::{Adam, Pair, Sgd};
/// let mut model = [Param::new([1.0_f32]), Param::new([1.0])];
/// let mut optimizer = Pair::new(Sgd::new(0.5).only(|path| path == "0"), Adam::new(0.25).only(|path| path == "1"));
/// let gradients = (model[0].sum() + model[1].sum()).backward();
/// optimizer.step(&mut model, &gradients)?;
/// assert!((model[0].value().item() - 0.5).abs() < 1e-6 && (model[1].value().item() - 0.75).abs() < 1e-6);
/// let mut other = Pair::new(Sgd::new(0.5), Adam::new(0.25));
/// other.load_state(&optimizer.state())?;
/// # Ok::<(), gradus_optimizers::OptimizerError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Pair<A: Rule, B: Rule> {
    /// Steps first.
    pub first: Optimizer<A>,
    /// Steps second.
    pub second: Optimizer<B>,
}

const FIRST: &str = "first";
const SECOND: &str = "second";

impl<A: Rule, B: Rule> Pair<A, B> {
    /// Both.
    #[must_use]
    pub fn new(first: Optimizer<A>, second: Optimizer<B>) -> Self {
        Self { first, second }
    }

    /// A step of each, then the buffer updates that ride with the gradients. Clipping is each one's own, over its own
    /// parameters.
    ///
    /// # Errors
    /// As [`Optimizer::step`]. If the second refuses, the first has stepped.
    pub fn step<T: Float>(
        &mut self,
        model: &mut (impl Module + ?Sized),
        gradients: &Gradients<T>,
    ) -> Result<(StepReport, StepReport), OptimizerError> {
        self.second.validate()?;
        let first = self.first.step_parameters(model, gradients)?;
        let second = self.second.step_parameters(model, gradients)?;
        apply_updates(model, gradients);
        Ok((first, second))
    }

    /// Both states, under `first.` and `second.`.
    #[must_use]
    pub fn state(&self) -> State {
        let mut state = State::default();
        state.push_all(FIRST, &self.first.state());
        state.push_all(SECOND, &self.second.state());
        state
    }

    /// Goes on from a saved state.
    ///
    /// # Errors
    /// As [`Optimizer::load_state`]; both are then as they were.
    pub fn load_state(&mut self, state: &State) -> Result<(), OptimizerError> {
        let mut first = self.first.clone();
        first.load_state(&state.below(FIRST))?;
        self.second.load_state(&state.below(SECOND))?;
        self.first = first;
        Ok(())
    }
}
