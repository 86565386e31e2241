//! Products with the transposed Jacobian: reverse mode.

use gradus_tensor::Float;

use super::Call;
use crate::engine::pull_back;
use crate::var::Var;

/// The value y = f(x…) and, for each input, Jᵀ·u: the gradient of Σ u·y, where `cotangent` u has y's shape (PyTorch:
/// `torch.autograd.functional.vjp`). One forward and one backward pass. Results can be differentiated again.
///
/// ```
/// use gradus_autodiff::{Var, vjp};
/// let x = Var::constant([1.0_f64, 2.0]);
/// let (y, of_x) = vjp(|x| x[0].square(), &[&x], &Var::constant([1.0, 10.0]));
/// assert_eq!(y.value().to_vec(), [1.0, 4.0]);
/// assert_eq!(of_x[0].value().to_vec(), [2.0, 40.0]);
/// ```
///
/// # Panics
/// If the cotangent has not the value's shape.
#[must_use]
#[track_caller]
pub fn vjp<T: Float>(
    f: impl FnOnce(&[Var<T>]) -> Var<T>,
    inputs: &[&Var<T>],
    cotangent: &Var<T>,
) -> (Var<T>, Vec<Var<T>>) {
    let call = Call::new(f, inputs);
    let (y, u) = (call.value.shape(), cotangent.shape());
    assert!(y == u, "vjp: the cotangent does not fit the value: {u} and {y}");
    let products = pull_back(&[(&call.value, cotangent)], &call.arguments(), call.records);
    (call.out(call.value.clone()), products)
}
