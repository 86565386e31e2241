//! A variable under a new name: a place in the graph where a derivative of its own ends, with the way back still open for others.

use gradus_tensor::{Float, Tensor};

use crate::op::{Cotangents, Op, Save, Saved};
use crate::per_example::{Batch, Flow};
use crate::var::{Var, apply};

struct Alias;

impl<T: Float> Op<T> for Alias {
    fn name(&self) -> &'static str {
        "alias"
    }

    fn saves(&self) -> Save {
        Save::NOTHING
    }

    fn forward(&mut self, inputs: &[&Tensor<T>]) -> Tensor<T> {
        inputs[0].clone()
    }

    fn vjp(&self, _: &Saved<Var<T>>, g: &Var<T>) -> Cotangents<Var<T>> {
        vec![Some(g.clone())]
    }

    fn per_example(&self, _: &Saved<Tensor<T>>, _: &Tensor<T>, batch: Batch) -> Option<Vec<Flow<T>>> {
        Some(vec![Flow::Along(batch)])
    }
}

/// `x` under a new name; where it has no gradient (or none is recorded), a new leaf of its value.
#[track_caller]
pub(crate) fn renamed<T: Float>(x: &Var<T>) -> Var<T> {
    let alias = if x.has_gradient() { apply(Alias, &[x]) } else { Var::constant(x.value().clone()) };
    if alias.has_gradient() { alias } else { Var::leaf(alias.into_value()) }
}
