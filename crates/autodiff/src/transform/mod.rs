//! Transforms of functions: their products with the Jacobian from either side, the Jacobian and the Hessian themselves. All are built
//! on the two sweeps over a recorded graph, backwards (`engine`) and forwards (`push`). They know graphs, no operation.
//!
//! A function takes its arguments as a slice and is called once. It may capture further variables; those count as constants of the
//! transform, but its result can be differentiated with respect to them, as with respect to the arguments. Under `no_grad` results
//! are constants and the fused rules compute them.

mod hvp;
mod jacobian;
mod jvp;
mod push;
mod vjp;

use gradus_tensor::Float;

pub use self::hvp::hvp;
pub use self::jacobian::{hessian, jacobian};
pub use self::jvp::jvp;
pub use self::vjp::vjp;
use crate::alias::renamed;
use crate::mode::{is_recording, with_recording};
use crate::var::Var;

/// A function's value at some arguments, with the graph between.
struct Call<T: Float> {
    arguments: Vec<Var<T>>,
    value: Var<T>,
    /// Whether the caller records, so that what is derived must be differentiable.
    records: bool,
}

impl<T: Float> Call<T> {
    /// Calls `f` with the inputs under names of their own, so that derivatives end there.
    fn new(f: impl FnOnce(&[Var<T>]) -> Var<T>, inputs: &[&Var<T>]) -> Self {
        let records = is_recording();
        let arguments: Vec<Var<T>> = if records {
            inputs.iter().map(|x| renamed(x)).collect()
        } else {
            inputs.iter().map(|x| Var::leaf(x.value().clone())).collect()
        };
        let value = with_recording(true, || f(&arguments));
        Self { arguments, value, records }
    }

    fn arguments(&self) -> Vec<&Var<T>> {
        self.arguments.iter().collect()
    }

    /// A result as the caller may see it.
    fn out(&self, x: Var<T>) -> Var<T> {
        if self.records { x } else { x.detach() }
    }
}

#[track_caller]
fn check_one<T: Float>(op: &str, y: &Var<T>) {
    assert!(y.len() == 1, "{op}: not a single element: {} ({} ≠ 1)", y.shape(), y.len());
}

/// Whether there is a direction of the right shape for each input.
#[track_caller]
fn check_pairs<T: Float>(op: &str, what: &str, inputs: &[&Var<T>], given: &[&Var<T>]) {
    let (n, m) = (inputs.len(), given.len());
    assert!(n == m, "{op}: not one {what} for each input: {n} inputs and {m} ({n} ≠ {m})");
    for (i, (x, v)) in inputs.iter().zip(given).enumerate() {
        let (x, v) = (x.shape(), v.shape());
        assert!(x == v, "{op}: {what} {i} does not fit its input: {v} and {x}");
    }
}
