//! What a training loop knows of an optimizer: it changes a model, and asks for loss and gradients as often as it needs them. The
//! optimizers of this crate are told apart nowhere else, and this must never know how one works.

use gradus_autodiff::{Gradients, Var};
use gradus_module::{Module, State};
use gradus_tensor::Float;

use crate::error::OptimizerError;
use crate::lbfgs::Lbfgs;
use crate::lookahead::Lookahead;
use crate::optimizer::Optimizer;
use crate::pair::Pair;
use crate::rule::Rule;
use crate::sam::Sam;
use crate::step::StepReport;

/// Loss and gradients of a model as it stands.
pub type Evaluate<'e, T, M> = dyn FnMut(&M) -> (f64, Gradients<T>) + 'e;

/// A loss as [`Evaluate`] answers it.
pub(crate) fn evaluated<T: Float>(loss: Var<T>) -> (f64, Gradients<T>) {
    (loss.item(), loss.backward())
}

/// An optimizer of any kind, as a training loop drives it: [`Optimizer`] asks for the gradients once a step, [`Sam`] twice,
/// [`Lbfgs`] until its line search is content.
///
/// ```
/// use gradus_module::Param;
/// use gradus_optimizers::{Lbfgs, Optimize, OptimizerError, Sam, Sgd};
/// /// Steps until the loss is small; answers how many it took.
/// fn minimise(optimizer: &mut impl Optimize, model: &mut Param<f64>) -> Result<usize, OptimizerError> {
///     for step in 0..100 {
///         if model.square().sum().item() < 1e-6 {
///             return Ok(step);
///         }
///         optimizer.optimize(model, &mut |model: &Param<f64>| {
///             let loss = model.square().sum();
///             (loss.item(), loss.backward())
///         })?;
///     }
///     Ok(100)
/// }
/// assert_eq!(minimise(&mut Sgd::new(0.25), &mut Param::new([1.0]))?, 10);
/// assert_eq!(minimise(&mut Lbfgs::new(1.0), &mut Param::new([1.0]))?, 1);
/// assert!(minimise(&mut Sam::new(Sgd::new(0.25)).rho(1e-3), &mut Param::new([1.0]))? < 100);
/// # Ok::<(), OptimizerError>(())
/// ```
pub trait Optimize {
    /// A step. `evaluate` answers loss and gradients of the model as it stands; the buffer updates (running statistics) that
    /// ride with the first gradients are applied.
    ///
    /// # Errors
    /// As the optimizer's own `step`.
    fn optimize<T: Float, M: Module + ?Sized>(
        &mut self,
        model: &mut M,
        evaluate: &mut Evaluate<'_, T, M>,
    ) -> Result<StepReport, OptimizerError>;

    /// The learning rate of the next step, with the schedule.
    fn learning_rate(&self) -> f64;

    /// The learning rate that the schedule starts from.
    fn base_learning_rate(&self) -> f64;

    /// Sets the learning rate that the schedule starts from.
    fn set_learning_rate(&mut self, learning_rate: f64);

    /// All that a later run needs to go on bit by bit.
    fn state(&self) -> State;

    /// Goes on from a saved state.
    ///
    /// # Errors
    /// If the state is none of this kind; the optimizer is then as it was.
    fn load_state(&mut self, state: &State) -> Result<(), OptimizerError>;
}

/// What most optimizers answer by methods of their own of the same names: the state, and the rates of themselves or of the optimizer
/// that they are around.
macro_rules! own_state {
    () => {
        fn state(&self) -> State {
            Self::state(self)
        }

        fn load_state(&mut self, state: &State) -> Result<(), OptimizerError> {
            Self::load_state(self, state)
        }
    };
}
macro_rules! rates_of {
    ($($inner:ident)?) => {
        fn learning_rate(&self) -> f64 {
            self$(.$inner)?.learning_rate()
        }

        fn base_learning_rate(&self) -> f64 {
            self$(.$inner)?.base_learning_rate()
        }

        fn set_learning_rate(&mut self, learning_rate: f64) {
            self$(.$inner)?.set_learning_rate(learning_rate);
        }
    };
}

impl<R: Rule> Optimize for Optimizer<R> {
    fn optimize<T: Float, M: Module + ?Sized>(
        &mut self,
        model: &mut M,
        evaluate: &mut Evaluate<'_, T, M>,
    ) -> Result<StepReport, OptimizerError> {
        let (_, gradients) = evaluate(model);
        self.step(model, &gradients)
    }

    rates_of!();

    own_state!();
}

impl<R: Rule> Optimize for Sam<R> {
    fn optimize<T: Float, M: Module + ?Sized>(
        &mut self,
        model: &mut M,
        evaluate: &mut Evaluate<'_, T, M>,
    ) -> Result<StepReport, OptimizerError> {
        self.step_by(model, evaluate)
    }

    rates_of!(inner);

    own_state!();
}

impl<R: Rule> Optimize for Lookahead<R> {
    fn optimize<T: Float, M: Module + ?Sized>(
        &mut self,
        model: &mut M,
        evaluate: &mut Evaluate<'_, T, M>,
    ) -> Result<StepReport, OptimizerError> {
        let (_, gradients) = evaluate(model);
        self.step(model, &gradients)
    }

    rates_of!(inner);

    own_state!();
}

/// The learning rate is the first one's; setting it scales the second one's alike.
impl<A: Rule, B: Rule> Optimize for Pair<A, B> {
    fn optimize<T: Float, M: Module + ?Sized>(
        &mut self,
        model: &mut M,
        evaluate: &mut Evaluate<'_, T, M>,
    ) -> Result<StepReport, OptimizerError> {
        let (_, gradients) = evaluate(model);
        let (first, second) = self.step(model, &gradients)?;
        let gradient_norm = first.gradient_norm.hypot(second.gradient_norm);
        let without_gradient = [first.without_gradient, second.without_gradient].concat();
        Ok(StepReport { gradient_norm, without_gradient, ..first })
    }

    fn learning_rate(&self) -> f64 {
        self.first.learning_rate()
    }

    fn base_learning_rate(&self) -> f64 {
        self.first.base_learning_rate()
    }

    fn set_learning_rate(&mut self, learning_rate: f64) {
        let before = self.first.base_learning_rate();
        self.first.set_learning_rate(learning_rate);
        if before > 0.0 {
            self.second.set_learning_rate(self.second.base_learning_rate() * (learning_rate / before));
        }
    }

    own_state!();
}

impl Optimize for Lbfgs {
    fn optimize<T: Float, M: Module + ?Sized>(
        &mut self,
        model: &mut M,
        evaluate: &mut Evaluate<'_, T, M>,
    ) -> Result<StepReport, OptimizerError> {
        self.step_by(model, evaluate).map(|(_, report)| report)
    }

    fn learning_rate(&self) -> f64 {
        Self::learning_rate(self)
    }

    fn base_learning_rate(&self) -> f64 {
        Self::learning_rate(self)
    }

    fn set_learning_rate(&mut self, learning_rate: f64) {
        Self::set_learning_rate(self, learning_rate);
    }

    own_state!();
}
