//! `check_grads`: gradients against central differences in f64, along a random direction, to any order. Public, so
//! that users check their own operations.

use std::fmt;

use gradus_tensor::Tensor;

use crate::engine::{grad, grad_with};
use crate::var::Var;

/// A gradient that disagrees with the numbers.
///
/// ```
/// use gradus_autodiff::{GradCheckError, check_grads};
/// use gradus_tensor::Tensor;
/// // A copy of x that has no gradient: the rule sees one factor of the two.
/// let wrong = |x: &[gradus_autodiff::Var<f64>]| x[0].detach() * &x[0];
/// let error: Option<GradCheckError> = check_grads(wrong, &[Tensor::from([3.0])], 1).err();
/// assert_eq!(error.map(|error| error.order), Some(1));
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct GradCheckError {
    /// Which derivative: 1 for the gradient, 2 for the gradient of the gradient …
    pub order: usize,
    /// The slope along the direction, from the gradient.
    pub analytic: f64,
    /// The same from central differences.
    pub numeric: f64,
    /// Whether these two agree, but [`Var::backward`], which takes the fused rules, does not agree with [`grad`].
    pub of_fused_rule: bool,
}

impl fmt::Display for GradCheckError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { order, analytic, numeric, of_fused_rule } = self;
        if *of_fused_rule {
            return f.write_str(
                "check_grads: the fused rules (backward) disagree with the differentiable ones (grad)",
            );
        }
        write!(
            f,
            "check_grads: derivative of order {order} disagrees: {analytic} from the rule, {numeric} measured"
        )
    }
}

impl std::error::Error for GradCheckError {}

/// How [`check_grads`] checks: how many orders, with which step, how closely. The defaults suit functions that are smooth on a scale
/// of 1 and computed to full precision in f64.
///
/// **Kinks and ties.** A function that is not smooth has no derivative to compare with at its kinks; keep `inputs` further from
/// them than the step times 1.5 (directions have elements of up to that size). What the operations of this crate do there is
/// PyTorch's choice, so that both train alike: relu′(0) = 0, |x|′(0) = 0, rounding has the derivative 0, `clamp` passes the
/// gradient on at its bounds and `hardtanh` does not; of pooling windows the first of equal maxima gets all. The exception are
/// `max_axes`, `min_axes`, `maximum` and `minimum`, where equals share the gradient evenly (PyTorch: `amax`, `amin`).
///
/// ```
/// use gradus_autodiff::GradCheck;
/// use gradus_tensor::Tensor;
/// // Rounding of 1e9 leaves a step of 1e-5 with few digits.
/// let check = GradCheck { step: 1e-2, relative: 1e-4, order: 2, ..GradCheck::default() };
/// check.run(|x| x[0].square() * 0.5 + 1e9, &[Tensor::from([0.3, -1.2])]).unwrap();
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct GradCheck {
    /// Derivatives up to this order are compared.
    pub order: usize,
    /// The step h of the central difference (f(x + h·v) − f(x − h·v))/2h: it balances the error of the difference (∝ h²) and rounding
    /// (∝ ε·|f|/h).
    pub step: f64,
    /// How far analytic and numeric slopes may differ, relative to the larger …
    pub relative: f64,
    /// … and absolutely; the sum of both is allowed.
    pub absolute: f64,
    /// Where directions and weights come from.
    pub seed: u64,
}

impl Default for GradCheck {
    fn default() -> Self {
        Self { order: 1, step: 1e-5, relative: 2e-5, absolute: 1e-6, seed: 0 }
    }
}

/// Compares the derivatives of `f` at `inputs`, up to `order`, with central differences along a random direction:
/// Σ u·f is differentiated along v, for fixed pseudo-random u and v, and so are its gradients in turn (JAX:
/// `check_grads`). `f` must be smooth near `inputs`. [`GradCheck`] has the step and the tolerances, and says what happens at kinks.
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
    GradCheck { order, ..GradCheck::default() }.run(f, inputs)
}

impl GradCheck {
    /// [`check_grads`] in this way.
    ///
    /// # Errors
    /// With the first order at which the two disagree.
    pub fn run(
        &self,
        f: impl Fn(&[Var<f64>]) -> Var<f64>,
        inputs: &[Tensor<f64>],
    ) -> Result<(), GradCheckError> {
        self.check(&f, inputs, 1)
    }

    fn check(
        &self,
        f: &dyn Fn(&[Var<f64>]) -> Var<f64>,
        inputs: &[Tensor<f64>],
        order: usize,
    ) -> Result<(), GradCheckError> {
        if order > self.order {
            return Ok(());
        }
        let seed = self.seed.wrapping_mul(1_000_003) + order as u64 * 1000;
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
            gradients
                .iter()
                .zip(&directions)
                .map(|(g, d)| (g * Var::constant(d.clone())).sum())
                .sum::<Var<f64>>()
        };
        let leaves = |shift: f64| -> Vec<Var<f64>> {
            inputs.iter().zip(&directions).map(|(x, d)| Var::leaf(x + &(d * shift))).collect()
        };
        let analytic = slope(&leaves(0.0)).item();
        let numeric =
            (project(&leaves(self.step)).item() - project(&leaves(-self.step)).item()) / (2.0 * self.step);
        let doors_agree = order > 1 || self.backward_agrees(&leaves(0.0), f, seed);
        let allowed = self.absolute + self.relative * analytic.abs().max(numeric.abs());
        let close = (analytic - numeric).abs() <= allowed;
        if close && doors_agree {
            return self.check(&slope, inputs, order + 1);
        }
        Err(GradCheckError { order, analytic, numeric, of_fused_rule: close })
    }

    /// Whether the fused rules of `backward` and the differentiable ones of `grad` agree.
    fn backward_agrees(&self, leaves: &[Var<f64>], f: &dyn Fn(&[Var<f64>]) -> Var<f64>, seed: u64) -> bool {
        let y = f(leaves);
        let weights = noise(y.shape(), seed + 999);
        let slow = grad_with(&y, &Var::constant(weights.clone()), &leaves.iter().collect::<Vec<_>>());
        let fast = y.backward_with(weights);
        leaves.iter().zip(slow).all(|(leaf, slow)| match fast.of(leaf) {
            Some(fast) => {
                let difference = (fast - slow.value()).square().sum().item().sqrt();
                difference <= self.absolute + 1e-9 * slow.value().square().sum().item().sqrt()
            }
            None => slow.value().to_vec().iter().all(|&g| g == 0.0),
        })
    }
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
