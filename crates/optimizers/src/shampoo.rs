//! Shampoo (Gupta, Koren & Singer 2018, "Preconditioned Stochastic Tensor Optimization"): a matrix of statistics for each side
//! of a gradient G `[R, C]` (further axes are taken into C):
//!
//! * L ← L + G·Gᵀ, R ← R + Gᵀ·G, both started from ε·I
//! * w ← w − η·m with m ← μ·m + L^(−¼)·G·R^(−¼)
//!
//! A side longer than the limit has no matrix; the other's power is −½ then. Vectors are divided by √(ε + Σ g²). The roots are
//! found in double precision by the coupled Newton iteration (Guo & Higham 2006), which is made of products alone.

use gradus_tensor::{Float, Shape, Tensor};

use crate::error::{OptimizerError, check, check_not_negative};
use crate::optimizer::Optimizer;
use crate::rule::{Rule, StepInfo};
use crate::setters::setters;
use crate::update_whole_by;

/// Shampoo (PyTorch has none).
///
/// ```
/// use gradus_module::Param;
/// use gradus_optimizers::Shampoo;
/// let mut model = Param::new([[3.0_f32, 4.0], [1.0, 2.0]]);
/// let mut optimizer = Shampoo::new(1.0);
/// for _ in 0..100 {
///     let gradients = model.square().sum().backward();
///     optimizer.step(&mut model, &gradients)?;
/// }
/// assert!(model.square().sum().item() < 0.1);
/// # Ok::<(), gradus_optimizers::OptimizerError>(())
/// ```
pub type Shampoo = Optimizer<ShampooRule>;

/// The equations of Shampoo, see [`Shampoo`].
///
/// ```
/// use gradus_optimizers::{Optimizer, Shampoo, ShampooRule};
/// let optimizer: Optimizer<ShampooRule> = Shampoo::new(0.1);
/// assert_eq!(optimizer.learning_rate(), 0.1);
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ShampooRule {
    momentum: f64,
    eps: f64,
    every: u64,
    largest_side: usize,
}

impl Optimizer<ShampooRule> {
    /// Learning rate η; no momentum, ε = 1e-4, new roots at every step, matrices for sides up to 1024.
    #[must_use]
    pub fn new(learning_rate: f64) -> Self {
        Self::with_rule(ShampooRule { momentum: 0.0, eps: 1e-4, every: 1, largest_side: 1024 }, learning_rate)
    }
}

setters!(ShampooRule,
    momentum: f64, "μ, from 0 on.";
    eps: f64, "ε, above 0: what the statistics start from.";
    every: u64, "After how many steps, from 1 on, the roots are found anew.";
    largest_side: usize, "The longest side that has a matrix.";
);

impl Rule for ShampooRule {
    fn slots(&self) -> &'static [&'static str] {
        &["left", "right", "left_root", "right_root", "momentum_buffer"]
    }

    fn slot_shape(&self, slot: usize, parameter: &Shape) -> Shape {
        let side = |length: usize| if length <= self.largest_side { length } else { 0 };
        let columns = || parameter.count().checked_div(parameter[0]).unwrap_or(0);
        match (slot, parameter.len() >= 2) {
            (4, _) | (0, false) => *parameter,
            (0 | 2, true) => Shape::new(&[side(parameter[0]); 2]),
            (1 | 3, true) => Shape::new(&[side(columns()); 2]),
            _ => Shape::new(&[0]),
        }
    }

    fn is_shaped_alike(&self) -> bool {
        false
    }

    fn validate(&self) -> Result<(), OptimizerError> {
        check_not_negative("momentum", self.momentum)?;
        check("eps", self.eps, self.eps > 0.0 && self.eps.is_finite(), "above 0")?;
        check("every", self.every as f64, self.every > 0, "1 or more")
    }

    update_whole_by!(update);
}

fn update<T: Float>(
    rule: &ShampooRule,
    step: &StepInfo,
    parameter: &mut Tensor<T>,
    gradient: Tensor<T>,
    slots: &mut [Tensor<T>],
) {
    let [left, right, left_root, right_root, buffer] = slots else { return };
    let is_first = step.number == 1;
    let direction = if gradient.rank() < 2 {
        let start = T::of(if is_first { rule.eps } else { 0.0 });
        *left = left.zip(&gradient, move |s, g| s + start + g * g);
        gradient.zip(left, |g, s| g / s.sqrt())
    } else if gradient.is_empty() {
        gradient
    } else {
        let shape = *gradient.shape();
        let g = gradient.reshape([shape[0], shape.count() / shape[0]]);
        if is_first {
            for side in [&mut *left, &mut *right] {
                *side = Tensor::eye(side.dim(0)) * T::of(rule.eps);
            }
        }
        let sides = [!left.is_empty(), !right.is_empty()];
        let power = if sides == [true; 2] { 4 } else { 2 };
        let is_due = (step.number - 1).is_multiple_of(rule.every);
        let mut out = g.clone();
        if sides[0] {
            *left += &g.matmul(&g.t());
            refresh(left_root, left, power, is_due);
            out = left_root.matmul(&out);
        }
        if sides[1] {
            *right += &g.t().matmul(&g);
            refresh(right_root, right, power, is_due);
            out = out.matmul(right_root);
        }
        out.reshape(shape)
    };
    let momentum = T::of(rule.momentum);
    *buffer = buffer.zip(&direction, move |m, d| momentum * m + d);
    *parameter -= &(&*buffer * T::of(step.learning_rate));
}

fn refresh<T: Float>(root: &mut Tensor<T>, statistics: &Tensor<T>, power: u32, is_due: bool) {
    if is_due {
        *root = inverse_root(&statistics.cast::<f64>(), power).cast::<T>();
    }
}

/// How far the iteration's residual may be from I, and after how many rounds it ends in any case: small eigenvalues
/// grow by a factor of e at most in each, so this reaches condition numbers beyond what double precision tells apart.
const RESIDUAL: f64 = 1e-13;
const ROUNDS: usize = 100;

/// A^(−1/p) of a symmetric positive matrix `[n, n]`: with M₀ = z·A and X₀ = z^(1/p)·I, N = ((p + 1)·I − M)/p,
/// X ← X·N, M ← Nᵖ·M until M = I.
fn inverse_root(a: &Tensor<f64>, p: u32) -> Tensor<f64> {
    let order = f64::from(p);
    let norm = a.square().sum().item().sqrt();
    let scale = (1.0 + order) / (2.0 * norm);
    let identity = Tensor::<f64>::eye(a.dim(0));
    let mut m = a * scale;
    let mut x = &identity * scale.powf(order.recip());
    for _ in 0..ROUNDS {
        let n = (&identity * (order + 1.0) - &m) / order;
        x = x.matmul(&n);
        let mut power = n.matmul(&n);
        if p == 4 {
            power = power.matmul(&power);
        }
        m = power.matmul(&m);
        let residual = (&m - &identity).abs().max_axes(&[0, 1], false).item();
        // NaN ends the loop, too, and shows in the parameters.
        if residual.is_nan() || residual < RESIDUAL {
            break;
        }
    }
    x
}

#[cfg(test)]
mod tests {
    use super::*;
    use gradus_tensor::Rng;

    /// Xᵖ·A = I, over many orders of magnitude.
    #[test]
    fn roots_are_inverse() {
        for p in [2, 4] {
            let g = Tensor::<f64>::normal([6, 3], 0.0, 3.0, &mut Rng::seed(9));
            let a = g.matmul(&g.t()) + &(Tensor::eye(6) * 1e-4); // of rank 3, nearly
            let x = inverse_root(&a, p);
            let x2 = x.matmul(&x);
            let power = if p == 4 { x2.matmul(&x2) } else { x2 };
            let apart = (power.matmul(&a) - &Tensor::eye(6)).abs().max_axes(&[0, 1], false).item();
            assert!(apart < 1e-6, "{p}: {apart}");
        }
    }
}
