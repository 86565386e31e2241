//! `check_grads`: gradients against central differences in f64, along a random direction, to any order. Public, so
//! that users check their own operations.

use std::fmt;

use gradus_tensor::Tensor;

use crate::engine::{grad, grad_with};
use crate::var::Var;

/// Step of the central difference: it balances the error of the difference (∝ step²) and rounding (∝ ε/step).
const STEP: f64 = 1e-5;
/// How far analytic and numeric slopes may differ, relative to their size and absolutely.
const RELATIVE: f64 = 2e-5;
const ABSOLUTE: f64 = 1e-6;

/// A gradient that disagrees with the numbers.
#[derive(Clone, Debug, PartialEq)]
pub struct GradCheckError {
    /// Which derivative: 1 for the gradient, 2 for the gradient of the gradient …
    pub order: usize,
    /// The slope along the direction, from the gradient.
    pub analytic: f64,
    /// The same from central differences.
    pub numeric: f64,
}

impl fmt::Display for GradCheckError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { order, analytic, numeric } = self;
        write!(
            f,
            "check_grads: derivative of order {order} disagrees: {analytic} from the rule, {numeric} measured"
        )
    }
}

impl std::error::Error for GradCheckError {}

/// Compares the derivatives of `f` at `inputs`, up to `order`, with central differences along a random direction:
/// Σ u·f is differentiated along v, for fixed pseudo-random u and v, and so are its gradients in turn (JAX:
/// `check_grads`). `f` must be smooth near `inputs`.
///
/// ```
/// use gradus_autodiff::check_grads;
/// use gradus_tensor::Tensor;
/// let x = Tensor::from([0.3_f64, -1.2, 2.0]);
/// check_grads(|x| x[0].tanh() * &x[0], &[x], 3).unwrap();
/// ```
///
/// # Errors
/// With the first order at which the two disagree.
pub fn check_grads(
    f: impl Fn(&[Var<f64>]) -> Var<f64>,
    inputs: &[Tensor<f64>],
    order: usize,
) -> Result<(), GradCheckError> {
    check(&f, inputs, 1, order)
}

fn check(
    f: &dyn Fn(&[Var<f64>]) -> Var<f64>,
    inputs: &[Tensor<f64>],
    order: usize,
    last: usize,
) -> Result<(), GradCheckError> {
    if order > last {
        return Ok(());
    }
    let seed = order as u64 * 1000;
    let directions: Vec<Tensor<f64>> =
        inputs.iter().enumerate().map(|(i, x)| noise(x.shape(), seed + i as u64)).collect();
    let project = |x: &[Var<f64>]| {
        let y = f(x);
        let weights = Var::constant(noise(y.shape(), seed + 999));
        (y * weights).sum()
    };
    // The slope as a function of the inputs, to be checked again one order higher.
    let slope = |x: &[Var<f64>]| {
        let gradients = grad(&project(x), &x.iter().collect::<Vec<_>>());
        gradients.iter().zip(&directions).map(|(g, d)| (g * Var::constant(d.clone())).sum()).sum::<Var<f64>>()
    };
    let leaves = |shift: f64| -> Vec<Var<f64>> {
        inputs.iter().zip(&directions).map(|(x, d)| Var::leaf(x + &(d * shift))).collect()
    };
    let analytic = slope(&leaves(0.0)).item();
    let numeric = (project(&leaves(STEP)).item() - project(&leaves(-STEP)).item()) / (2.0 * STEP);
    let doors_agree = order > 1 || backward_agrees(&leaves(0.0), f, seed);
    let close = (analytic - numeric).abs() <= ABSOLUTE + RELATIVE * analytic.abs().max(numeric.abs());
    if !close || !doors_agree {
        return Err(GradCheckError { order, analytic, numeric });
    }
    check(&slope, inputs, order + 1, last)
}

/// Whether the fused rules of `backward` and the differentiable ones of `grad` agree.
fn backward_agrees(leaves: &[Var<f64>], f: &dyn Fn(&[Var<f64>]) -> Var<f64>, seed: u64) -> bool {
    let y = f(leaves);
    let weights = noise(y.shape(), seed + 999);
    let slow = grad_with(&y, &Var::constant(weights.clone()), &leaves.iter().collect::<Vec<_>>());
    let fast = y.backward_with(weights);
    leaves.iter().zip(slow).all(|(leaf, slow)| match fast.of(leaf) {
        Some(fast) => {
            let difference = (fast - slow.value()).square().sum().item().sqrt();
            difference <= ABSOLUTE + 1e-9 * slow.value().square().sum().item().sqrt()
        }
        None => slow.value().to_vec().iter().all(|&g| g == 0.0),
    })
}

/// Pseudo-random numbers in ±(0.5 … 1.5), the same for the same seed (splitmix64).
fn noise(shape: &gradus_tensor::Shape, seed: u64) -> Tensor<f64> {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ 0xD1B5_4A32_D192_ED03;
    Tensor::from_fn(*shape, |_| {
        state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = state;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^= z >> 31;
        let size = 0.5 + (z >> 11) as f64 / (1u64 << 53) as f64;
        if z & 1 == 0 { size } else { -size }
    })
}
