//! Sharpness-aware minimisation (Foret et al. 2021), around any optimizer:
//!
//! * e = ρ·g/‖g‖, or adaptive (Kwon et al. 2021) e = ρ·w²·g/‖w·g‖
//! * a step of the inner optimizer from w with the gradient at w + e

use gradus_autodiff::{Gradients, Var};
use gradus_module::{Module, Param, Path, State, apply_updates};
use gradus_tensor::{Float, Tensor};

use crate::error::{OptimizerError, check};
use crate::optimize::{Evaluate, evaluated};
use crate::optimizer::Optimizer;
use crate::rule::Rule;
use crate::step::StepReport;

/// Added to the norm that divides.
const NORM_EPS: f64 = 1e-12;

/// An optimizer that looks for flat minima (PyTorch has none). A step evaluates the loss twice, so it takes a closure.
///
/// ```
/// use gradus_module::Param;
/// use gradus_optimizers::{Sam, Sgd};
/// let mut model = Param::new([1.0_f64]);
/// let mut optimizer = Sam::new(Sgd::new(0.25)).rho(0.5);
/// optimizer.step(&mut model, |model| model.square().sum())?;
/// assert!((model.value().item() - 0.25).abs() < 1e-9); // the gradient at 1.5 is 3
/// let mut other = Sam::new(Sgd::new(0.25)).rho(0.5).adaptive(true);
/// other.load_state(&optimizer.state())?;
/// # Ok::<(), gradus_optimizers::OptimizerError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Sam<R: Rule> {
    /// The optimizer that makes the steps.
    pub inner: Optimizer<R>,
    rho: f64,
    adaptive: bool,
}

impl<R: Rule> Sam<R> {
    /// Around an optimizer; ρ = 0.05, not adaptive.
    #[must_use]
    pub fn new(inner: Optimizer<R>) -> Self {
        Self { inner, rho: 0.05, adaptive: false }
    }

    /// ρ, from 0 on: how far away the gradient is taken.
    #[must_use]
    pub fn rho(mut self, rho: f64) -> Self {
        self.rho = rho;
        self
    }

    /// Whether each element's distance is in proportion to its size.
    #[must_use]
    pub fn adaptive(mut self, adaptive: bool) -> Self {
        self.adaptive = adaptive;
        self
    }

    /// A step. `loss` is called twice, at w and at w + e; running statistics are updated by the first call alone.
    ///
    /// # Errors
    /// As [`Optimizer::step`], or if ρ lies outside its range. Nothing has changed then.
    pub fn step<T: Float, M: Module + ?Sized>(
        &mut self,
        model: &mut M,
        mut loss: impl FnMut(&M) -> Var<T>,
    ) -> Result<StepReport, OptimizerError> {
        self.step_by(model, &mut |model| evaluated(loss(model)))
    }

    /// [`Sam::step`] with a closure that answers loss and gradients.
    pub(crate) fn step_by<T: Float, M: Module + ?Sized>(
        &mut self,
        model: &mut M,
        evaluate: &mut Evaluate<'_, T, M>,
    ) -> Result<StepReport, OptimizerError> {
        check("rho", self.rho, self.rho >= 0.0 && self.rho.is_finite(), "a number from 0 on")?;
        let (_, here) = evaluate(model);
        let before = self.climb(model, &here);
        let (_, there) = evaluate(model);
        let mut before = before.into_iter();
        self.each(model, &here, |parameter, _| {
            if let Some(value) = before.next() {
                *parameter.value_mut() = value;
            }
        });
        let report = self.inner.step_parameters(model, &there)?;
        apply_updates(model, &here);
        Ok(report)
    }

    /// Moves the parameters to w + e; answers w.
    fn climb<T: Float, M: Module + ?Sized>(&self, model: &mut M, gradients: &Gradients<T>) -> Vec<Tensor<T>> {
        let (mut squares, adaptive) = (0.0, self.adaptive);
        self.each(model, gradients, |parameter, g| {
            let sum = if adaptive { (parameter.value() * g).square().sum() } else { g.square().sum() };
            squares += sum.item().as_f64();
        });
        // The worst place nearby is uphill, or downhill where the way is up.
        let rho = if self.inner.maximize { -self.rho } else { self.rho };
        let scale = T::of(rho / (squares.sqrt() + NORM_EPS));
        let mut before = Vec::new();
        self.each(model, gradients, |parameter, g| {
            let w = parameter.value().clone();
            let climbed = match adaptive {
                true => w.zip(g, move |w, g| w + scale * w * w * g),
                false => w.zip(g, move |w, g| w + scale * g),
            };
            before.push(w);
            *parameter.value_mut() = climbed;
        });
        before
    }

    fn each<T: Float, M: Module + ?Sized>(
        &self,
        model: &mut M,
        gradients: &Gradients<T>,
        mut f: impl FnMut(&mut Param<T>, &Tensor<T>),
    ) {
        model.visit_mut(&mut Path::root(), &mut |path, entry| {
            let gradient = entry.leaf_id().and_then(|leaf| gradients.get(leaf));
            let parameter = entry.as_any_mut().downcast_mut::<Param<T>>();
            if let (Some(gradient), Some(parameter), true) =
                (gradient, parameter, self.inner.takes(path.as_str()))
            {
                f(parameter, gradient);
            }
        });
    }

    /// The inner optimizer's state: there is no other.
    #[must_use]
    pub fn state(&self) -> State {
        self.inner.state()
    }

    /// Goes on from a saved state.
    ///
    /// # Errors
    /// As [`Optimizer::load_state`].
    pub fn load_state(&mut self, state: &State) -> Result<(), OptimizerError> {
        self.inner.load_state(state)
    }
}
