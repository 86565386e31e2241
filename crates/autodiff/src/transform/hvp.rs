//! Products with the Hessian.

use gradus_tensor::Float;

use super::{Call, check_one, check_pairs};
use crate::engine::pull_back;
use crate::mode::with_recording;
use crate::var::Var;

/// The value y = f(x…), a single element, and for each input the product of its rows of the Hessian with the vectors v,
/// Σⱼ ∂²f/∂xᵢ∂xⱼ·vⱼ (PyTorch: `torch.autograd.functional.hvp`). The gradient of ⟨gradient, v⟩: a forward pass, a recorded backward
/// pass and one backwards through both, whatever the number of inputs. Results can be differentiated again.
///
/// ```
/// use gradus_autodiff::{Var, hvp};
/// let x = Var::constant([1.0_f64, 2.0]);
/// let (y, h) = hvp(|x| x[0].powf(3.0).sum(), &[&x], &[&Var::constant([1.0, 10.0])]);
/// assert_eq!(y.item(), 9.0);
/// assert_eq!(h[0].value().to_vec(), [6.0, 120.0]);
/// ```
///
/// # Panics
/// If the value is not a single element, or there is not one vector of each input's shape.
#[must_use]
#[track_caller]
pub fn hvp<T: Float>(
    f: impl FnOnce(&[Var<T>]) -> Var<T>,
    inputs: &[&Var<T>],
    vectors: &[&Var<T>],
) -> (Var<T>, Vec<Var<T>>) {
    check_pairs("hvp", "vector", inputs, vectors);
    let call = Call::new(f, inputs);
    check_one("hvp", &call.value);
    let seed = Var::constant(gradus_tensor::Tensor::ones(*call.value.shape()));
    let gradient = with_recording(true, || pull_back(&[(&call.value, &seed)], &call.arguments(), true));
    let pairs: Vec<_> = gradient.iter().zip(vectors.iter().copied()).collect();
    let products = pull_back(&pairs, &call.arguments(), call.records);
    (call.out(call.value.clone()), products)
}
