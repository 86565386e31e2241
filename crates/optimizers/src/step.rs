//! One step: everything is checked first, then every parameter is updated in the order of the walk.

use std::any::Any;
use std::collections::BTreeSet;

use gradus_autodiff::Gradients;
use gradus_module::{Entry, Kind, Module, Param, Path, VisitorMut, apply_updates};
use gradus_tensor::{Float, Tensor};

use crate::error::OptimizerError;
use crate::float::{Preparation, Real};
use crate::optimizer::Optimizer;
use crate::rule::{Decay, MAX_SCALARS, Rule, StepInfo};
use crate::update::Update;

/// What a step did.
///
/// ```
/// use gradus_module::Param;
/// use gradus_optimizers::{GradientDescent, StepReport};
/// let mut model = (Param::new([3.0_f32]), Param::new([5.0_f32]));
/// let gradients = model.0.square().sum().backward();
/// let StepReport { gradient_norm, without_gradient, .. } =
///     GradientDescent::new(0.5).step(&mut model, &gradients)?;
/// assert_eq!((gradient_norm, without_gradient), (6.0, vec!["1".to_owned()]));
/// # Ok::<(), gradus_optimizers::OptimizerError>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct StepReport {
    /// Which step it was, from 1 on.
    pub step: u64,
    /// The learning rate, with the schedule, without groups.
    pub learning_rate: f64,
    /// The Euclidean norm of all parameters' gradients together, before clipping.
    pub gradient_norm: f64,
    /// The paths of trained parameters that got no gradient; they are as they were.
    pub without_gradient: Vec<String>,
}

/// A walk over a model whose type is left behind.
type Walk<'w> = dyn FnMut(&mut VisitorMut<'_>) + 'w;

/// What is known before anything changes.
#[derive(Default)]
struct Inspection {
    /// Σ g² of each parameter that has a gradient, in the order of the walk, if clipping wants to know; the update finds
    /// them on its way otherwise.
    squares: Vec<f64>,
    without_gradient: Vec<String>,
    error: Option<OptimizerError>,
}

impl<R: Rule> Optimizer<R> {
    /// Updates all trained parameters of `model` that have a gradient, in place, then applies the buffer updates that
    /// ride with the gradients (running statistics).
    ///
    /// # Errors
    /// If a hyper-parameter lies outside its range, a parameter is of another float type than the gradients, or a
    /// loaded state does not fit the model. Nothing has changed then.
    pub fn step<T: Float>(
        &mut self,
        model: &mut (impl Module + ?Sized),
        gradients: &Gradients<T>,
    ) -> Result<StepReport, OptimizerError> {
        let report = self.step_parameters(model, gradients)?;
        apply_updates(model, gradients);
        Ok(report)
    }

    /// [`Optimizer::step`] without the updates of buffers.
    pub(crate) fn step_parameters<T: Float>(
        &mut self,
        model: &mut (impl Module + ?Sized),
        gradients: &Gradients<T>,
    ) -> Result<StepReport, OptimizerError> {
        let walk: &mut Walk<'_> = &mut |f| model.visit_mut(&mut Path::root(), f);
        let any: &dyn Any = gradients;
        match (any.downcast_ref::<Gradients<f32>>(), any.downcast_ref::<Gradients<f64>>()) {
            (Some(gradients), _) => self.step_as(walk, gradients),
            (_, Some(gradients)) => self.step_as(walk, gradients),
            (None, None) => unreachable!("the floats are f32 and f64"),
        }
    }

    fn step_as<T: Real>(
        &mut self,
        walk: &mut Walk<'_>,
        gradients: &Gradients<T>,
    ) -> Result<StepReport, OptimizerError> {
        self.validate()?;
        let central = self.centralise.then(|| centralised(gradients));
        let gradients = central.as_ref().unwrap_or(gradients);
        let Inspection { squares, without_gradient, .. } = self.inspect(walk, gradients)?;
        let known_norm = squares.iter().sum::<f64>().sqrt();
        let learning_rate = self.learning_rate();
        let (mut squares, mut found) = (squares.into_iter(), 0.0);
        walk(&mut |path, entry| {
            if !self.takes(path.as_str()) {
                return;
            }
            let gradient = entry.leaf_id().and_then(|leaf| gradients.get(leaf));
            let parameter = entry.as_any_mut().downcast_mut::<Param<T>>();
            if let (Some(gradient), Some(parameter)) = (gradient, parameter) {
                let norm = squares.next().unwrap_or(0.0).sqrt();
                let factor = self.clip.factor(known_norm, norm);
                found += self.update(path.as_str(), learning_rate, factor, parameter.value_mut(), gradient);
            }
        });
        let gradient_norm = if self.clip.wants_norms() { known_norm } else { found.sqrt() };
        self.steps += 1;
        self.is_loaded = false;
        Ok(StepReport { step: self.steps, learning_rate, gradient_norm, without_gradient })
    }

    /// Checks every parameter against the gradients and the memories; takes the norms if clipping wants them.
    fn inspect<T: Real>(
        &self,
        walk: &mut Walk<'_>,
        gradients: &Gradients<T>,
    ) -> Result<Inspection, OptimizerError> {
        let mut found = Inspection::default();
        let mut unknown: BTreeSet<&str> = BTreeSet::new();
        if self.is_loaded {
            unknown.extend(self.memories.keys().map(String::as_str));
        }
        walk(&mut |path, entry| {
            let is_mine = entry.kind() == Kind::Parameter && self.takes(path.as_str());
            if is_mine && found.error.is_none() {
                unknown.remove(path.as_str());
                found.error = self.inspect_one(path.as_str(), entry, gradients, &mut found).err();
            }
        });
        match found.error {
            Some(error) => Err(error),
            None if unknown.is_empty() => Ok(found),
            None => Err(OptimizerError::NoSuchParameter {
                names: unknown.into_iter().map(str::to_owned).collect(),
            }),
        }
    }

    fn inspect_one<T: Real>(
        &self,
        path: &str,
        entry: &dyn Entry,
        gradients: &Gradients<T>,
        found: &mut Inspection,
    ) -> Result<(), OptimizerError> {
        let (name, shape) = (|| path.to_owned(), entry.shape());
        if let Some(memory) = self.memories.get(path)
            && let Some((_, slot)) = (memory.slots.iter().enumerate())
                .find(|(i, slot)| *slot.shape() != self.rule.slot_shape(*i, &shape))
        {
            let (parameter, state) = (shape.to_vec(), slot.shape().to_vec());
            return Err(OptimizerError::StateShape { name: name(), parameter, state });
        }
        let Some(leaf) = entry.leaf_id() else { return Ok(()) };
        if entry.dtype() != T::DTYPE {
            let (parameter, gradient) = (entry.dtype(), T::DTYPE);
            return Err(OptimizerError::FloatType { name: name(), parameter, gradient });
        }
        match gradients.get(leaf) {
            None => found.without_gradient.push(name()),
            Some(gradient) if *gradient.shape() != shape => {
                let (parameter, gradient) = (shape.to_vec(), gradient.shape().to_vec());
                return Err(OptimizerError::GradientShape { name: name(), parameter, gradient });
            }
            Some(_) if self.rule.accepts(&shape).is_err() => {
                let wanted = self.rule.accepts(&shape).err().unwrap_or_default();
                return Err(OptimizerError::ParameterShape { name: name(), shape: shape.to_vec(), wanted });
            }
            Some(gradient) if self.clip.wants_norms() => found.squares.push(T::sum_of_squares(gradient)),
            Some(_) => {}
        }
        Ok(())
    }

    /// Updates one parameter; answers Σ g² if clipping did not want to know it before.
    fn update<T: Real>(
        &mut self,
        path: &str,
        learning_rate: f64,
        factor: f64,
        parameter: &mut Tensor<T>,
        gradient: &Tensor<T>,
    ) -> f64 {
        let options = self.options(path);
        let learning_rate = learning_rate * options.learning_rate_scale;
        let decay = options.weight_decay.unwrap_or(self.weight_decay);
        let (coupled, shrink, own) = match self.rule.decay() {
            Decay::Coupled => (decay, 1.0, 0.0),
            Decay::Decoupled => (0.0, 1.0 - learning_rate * decay, 0.0),
            Decay::Own => (0.0, 1.0, decay),
        };
        let factor = if self.maximize { -factor } else { factor };
        let preparation = Preparation { factor, bound: self.clip.bound(), coupled, shrink };
        if !self.memories.contains_key(path) {
            self.memories.insert(path.to_owned(), crate::state::Memory::default());
        }
        let Some(memory) = self.memories.get_mut(path) else { return 0.0 };
        memory.prepare::<T, R>(&self.rule, parameter.shape());
        memory.updates += 1;
        let number = memory.updates;
        let mut step = StepInfo { learning_rate, number, weight_decay: own, scalars: [0.0; MAX_SCALARS] };
        self.rule.advance(&step, &mut memory.scalars);
        step.scalars[..memory.scalars.len()].copy_from_slice(&memory.scalars);
        let wants_squares = !self.clip.wants_norms();
        let mut update = Update::new(parameter, gradient, &mut memory.slots, preparation, wants_squares);
        T::update(&self.rule, &step, &mut update);
        update.squares()
    }
}

/// The gradients minus their means over all axes but the first, where there are several (Yong et al. 2020).
fn centralised<T: Float>(gradients: &Gradients<T>) -> Gradients<T> {
    let mut central = gradients.clone();
    for (_, gradient) in central.iter_mut().filter(|(_, gradient)| gradient.rank() >= 2) {
        let axes: Vec<isize> = (1..gradient.rank() as isize).collect();
        *gradient = &*gradient - &gradient.mean_axes(&axes, true);
    }
    central
}
