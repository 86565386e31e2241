//! `Context`: whatever makes a forward pass more than a function of its inputs. Training or evaluation, random numbers,
//! and a trace of the layers that ran. Passed by hand, so that nothing is hidden.

use gradus_autodiff::{LeafId, Var};
use gradus_tensor::{Float, Rng, Shape};

/// What one layer did in a traced forward pass.
#[derive(Clone, Debug, PartialEq)]
pub struct Trace {
    /// The layer's type.
    pub kind: &'static str,
    /// The layer's first parameter, by which its place in the model is found.
    pub leaf: Option<LeafId>,
    /// The shape of its output.
    pub output: Shape,
    /// Multiply–add operations of its forward pass.
    pub multiply_adds: u64,
}

/// How a forward pass runs: see [`Context::train`] and [`Context::eval`].
pub struct Context<'a> {
    rng: Option<&'a mut Rng>,
    trace: Option<&'a mut Vec<Trace>>,
}

impl<'a> Context<'a> {
    /// Training: dropout drops, batch norm uses the batch's statistics. Random numbers come from `rng`.
    pub fn train(rng: &'a mut Rng) -> Self {
        Self { rng: Some(rng), trace: None }
    }

    /// Evaluation: deterministic, with running statistics.
    #[must_use]
    pub fn eval() -> Self {
        Self { rng: None, trace: None }
    }

    /// Evaluation that notes what every layer does.
    pub fn traced(trace: &'a mut Vec<Trace>) -> Self {
        Self { rng: None, trace: Some(trace) }
    }

    /// Whether this is training.
    #[must_use]
    pub fn is_training(&self) -> bool {
        self.rng.is_some()
    }

    /// The random numbers of training; `None` in evaluation.
    pub fn rng(&mut self) -> Option<&mut Rng> {
        self.rng.as_deref_mut()
    }

    /// Layers report here what they computed; costs nothing unless somebody traces.
    pub fn record<T: Float>(
        &mut self,
        kind: &'static str,
        parameter: Option<&Var<T>>,
        output: &Var<T>,
        multiply_adds: u64,
    ) {
        if let Some(trace) = &mut self.trace {
            let leaf = parameter.and_then(Var::leaf_id);
            trace.push(Trace { kind, leaf, output: *output.shape(), multiply_adds });
        }
    }
}
