//! Penalties of a model's derivatives with respect to its inputs. They are made of gradients, so a step on them goes back through
//! the backward pass.

use gradus_autodiff::{Var, grad, grad_with};
use gradus_tensor::{Element, Float, Rng, Tensor};

use crate::penalty::check_lambda;

/// The gradient penalty of a critic (Gulrajani et al. 2017, "Improved Training of Wasserstein GANs"): the mean over examples of
/// λ·(‖∇ₓ f(x)‖ − target)², given scores f(x) `[N]` (or `[N, …]`, summed) and the inputs `[N, …]` they were computed from,
/// `→ []`. The inputs must be a leaf or a result, whose gradient can be asked for. With target 0 it is λ·‖∇‖², twice R1 of
/// Mescheder et al. 2018.
///
/// ```
/// use gradus_autodiff::Var;
/// use gradus_regularizers::gradient_penalty;
/// let x = Var::leaf([[1.0_f64, 2.0]]);
/// let scores = (&x * Var::constant([[3.0, 4.0]])).sum_axes(&[1], false);
/// assert_eq!(gradient_penalty(&scores, &x, 10.0, 1.0).item(), 160.0);
/// ```
///
/// # Panics
/// If the inputs have no axis, or λ is not a number from 0 on.
#[must_use]
#[track_caller]
pub fn gradient_penalty<T: Float>(scores: &Var<T>, inputs: &Var<T>, lambda: f64, target: f64) -> Var<T> {
    check_lambda("gradient_penalty", "lambda", lambda);
    assert!(inputs.rank() > 0, "gradient_penalty: inputs are not [N, …]: {} (0 axes)", inputs.shape());
    let slopes: Var<T> = grad(scores, &[inputs]).into_iter().sum();
    let axes: Vec<isize> = (1..inputs.rank() as isize).collect();
    let squares = slopes.square().sum_axes(&axes, false);
    if target == 0.0 {
        return squares.mean() * lambda;
    }
    // A root's slope at 0 is infinite; a floor far below any rounding takes it away.
    let norms = squares.clamp(T::EPS * T::EPS, f64::INFINITY).sqrt();
    (norms - target).square().mean() * lambda
}

/// The Jacobian penalty (Hoffman, Roberts & Yaida 2019, "Robust Learning with Jacobian Regularization"): λ/2·‖∂y/∂x‖², the mean
/// over examples, of outputs y `[N, C]` and the inputs x `[N, …]` they were computed from, `→ []`. ‖J‖² is estimated from
/// `projections` random directions v as C·‖v·J‖², or computed in full, one backward pass per output, where that is `None`.
/// Examples must not depend on each other (as under batch norm in training).
///
/// ```
/// use gradus_autodiff::Var;
/// use gradus_regularizers::jacobian_penalty;
/// use gradus_tensor::Rng;
/// let x = Var::leaf([[1.0_f64, 2.0]]);
/// let y = x.matmul(&Var::constant([[1.0, 2.0], [3.0, 4.0]]));
/// assert_eq!(jacobian_penalty(&y, &x, 1.0, None, &mut Rng::seed(1)).item(), 15.0);
/// ```
///
/// # Panics
/// If the outputs are not `[N, C]`, the inputs are not `[N, …]`, λ is not a number from 0 on, or there are 0 projections.
#[must_use]
#[track_caller]
pub fn jacobian_penalty<T: Float>(
    outputs: &Var<T>,
    inputs: &Var<T>,
    lambda: f64,
    projections: Option<usize>,
    rng: &mut Rng,
) -> Var<T> {
    const OP: &str = "jacobian_penalty";
    check_lambda(OP, "lambda", lambda);
    let shape = *outputs.shape();
    let fits = shape.len() == 2 && inputs.shape().first() == Some(&shape[0]);
    assert!(fits, "{OP}: outputs and inputs do not fit: {shape} and {} ([N, C] and [N, …])", inputs.shape());
    assert!(projections != Some(0), "{OP}: projections are not above 0: 0");
    let [n, classes] = [shape[0], shape[1]];
    let square = |seed: Tensor<T>| -> Var<T> {
        grad_with(outputs, &Var::constant(seed), &[inputs])
            .into_iter()
            .map(|slopes| slopes.square().sum())
            .sum()
    };
    let total: Var<T> = match projections {
        None => (0..classes).map(|class| square(unit(shape, class))).sum(),
        Some(count) => {
            let directions = (0..count).map(|_| directions(n, classes, rng));
            directions.map(square).sum::<Var<T>>() * (classes as f64 / count as f64)
        }
    };
    total * (0.5 * lambda / n as f64)
}

/// 1 at one output of every example.
fn unit<T: Float>(shape: gradus_tensor::Shape, class: usize) -> Tensor<T> {
    Tensor::from_fn(shape, |i| if i[1] == class { <T as Element>::ONE } else { <T as Element>::ZERO })
}

/// A direction of length 1 for every example, all alike probable.
fn directions<T: Float>(n: usize, classes: usize, rng: &mut Rng) -> Tensor<T> {
    let v = Tensor::<T>::normal([n, classes], 0.0, 1.0, rng);
    let norms = v.square().sum_axes(&[1], true).sqrt();
    v / &norms
}
