//! Products with the Jacobian: forward mode.

use gradus_tensor::{Float, Tensor};

use super::push::push_forward;
use super::{Call, check_pairs};
use crate::var::Var;

/// The value y = f(x…) and its derivative J·v = Σᵢ ∂f/∂xᵢ·vᵢ along the tangents v, both of y's shape (PyTorch:
/// `torch.autograd.functional.jvp`, `torch.func.jvp`). One forward pass, then the tangents follow the recorded operations in the order
/// in which they ran; each operation's rule, linear in the cotangent, is transposed, so that every operation has a forward mode (see
/// [`Op::jvp`](crate::Op::jvp) for those that say otherwise). Results can be differentiated again.
///
/// One call gives one direction of all outputs; [`vjp`](crate::vjp) gives one output's direction of all inputs.
///
/// ```
/// use gradus_autodiff::{Var, jvp};
/// let x = Var::constant([1.0_f64, 2.0]);
/// let (y, slope) = jvp(|x| x[0].square().sum(), &[&x], &[&Var::constant([1.0, 10.0])]);
/// assert_eq!((y.item(), slope.item()), (5.0, 42.0));
/// ```
///
/// # Panics
/// If there is not one tangent of each input's shape.
#[must_use]
#[track_caller]
pub fn jvp<T: Float>(
    f: impl FnOnce(&[Var<T>]) -> Var<T>,
    inputs: &[&Var<T>],
    tangents: &[&Var<T>],
) -> (Var<T>, Var<T>) {
    check_pairs("jvp", "tangent", inputs, tangents);
    let call = Call::new(f, inputs);
    let pairs: Vec<_> = call.arguments.iter().zip(tangents.iter().copied()).collect();
    let slope = push_forward(&call.value, &pairs, call.records);
    let slope = slope.unwrap_or_else(|| Var::constant(Tensor::zeros(*call.value.shape())));
    (call.out(call.value.clone()), call.out(slope))
}
