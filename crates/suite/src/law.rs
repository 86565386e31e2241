//! Laws that a row may declare, and their check: linearity with adjointness, symmetry, monotonicity, involution and the like.

use gradus_autodiff::Var;
use gradus_tensor::{Tensor, Unary};
use gradus_testkit::{Dense, Noise, Tolerance, compare};

use crate::draw::Draw;
use crate::row::Row;
use crate::run::leaves;

/// A law of an op f.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Law {
    /// f is linear in these inputs taken together, the others held fast: f(a·x + b·y) = a·f(x) + b·f(y), and its gradient is
    /// the adjoint: ⟨f(x), g⟩ = ⟨x, fᵀ(g)⟩.
    LinearIn(&'static [usize]),
    /// f(−x) = −f(x).
    Odd,
    /// f(−x) = f(x).
    Even,
    /// x ≤ y gives f(x) ≤ f(y).
    Increasing,
    /// x ≤ y gives f(x) ≥ f(y).
    Decreasing,
    /// f(f(x)) = x.
    Involution,
    /// f(f(x)) = f(x).
    Idempotent,
    /// f(x, y) = f(y, x).
    Commutative,
    /// g(f(x)) = x.
    InverseIs(Unary),
    /// low ≤ f(x) ≤ high.
    Between(f64, f64),
}

/// Laws hold up to some roundings more than a single op makes.
const SLACK: f64 = 100.0;

impl Law {
    /// Whether `row` obeys it on a draw.
    ///
    /// # Errors
    /// With what disagrees.
    pub fn check(self, row: &Row, draw: &Draw) -> Result<(), String> {
        let x = row.inputs(draw);
        let f = |x: &[Dense]| Dense::of((row.function.double)(&leaves(x), draw).value());
        let tolerance = Tolerance::F64.times(SLACK);
        let same = |got: Dense, want: Dense| {
            compare(&got, &want, tolerance).map_err(|mismatch| format!("{self:?}: {mismatch}"))
        };
        let negative: Vec<Dense> = x.iter().map(|x| x.map(|x| -x)).collect();
        match self {
            Law::LinearIn(inputs) => {
                adjoint(row, draw, inputs)?;
                let (a, b) = (0.75, -1.25);
                let mut other = draw.clone();
                other.seed += 1;
                let y = row.inputs(&other);
                let other = replace(&x, inputs, |k| y[k].clone());
                let mixed = replace(&x, inputs, |k| x[k].zip(&y[k], |x, y| a * x + b * y));
                same(f(&mixed), f(&x).zip(&f(&other), |x, y| a * x + b * y))
            }
            Law::Odd => same(f(&negative), f(&x).map(|y| -y)),
            Law::Even => same(f(&negative), f(&x)),
            Law::Involution => same(f(&[f(&x)]), x[0].clone()),
            Law::Idempotent => same(f(&[f(&x)]), f(&x)),
            Law::Commutative => same(f(&x), f(&[x[1].clone(), x[0].clone()])),
            Law::InverseIs(g) => same(Dense::of(&f(&x).tensor::<f64>().unary(g)), x[0].clone()),
            Law::Between(low, high) => {
                let y = f(&x);
                match y.data().iter().find(|y| !(low..=high).contains(*y)) {
                    Some(outside) => Err(format!("{self:?}: {outside}")),
                    None => Ok(()),
                }
            }
            Law::Increasing => grows(&f, &x, 1.0).map_err(|error| format!("{self:?}: {error}")),
            Law::Decreasing => grows(&f, &x, -1.0).map_err(|error| format!("{self:?}: {error}")),
        }
    }
}

fn replace(x: &[Dense], inputs: &[usize], new: impl Fn(usize) -> Dense) -> Vec<Dense> {
    (0..x.len()).map(|k| if inputs.contains(&k) { new(k) } else { x[k].clone() }).collect()
}

/// ⟨f(x), g⟩ = Σₖ ⟨xₖ, gradientₖ⟩ over the inputs in which f is linear.
fn adjoint(row: &Row, draw: &Draw, inputs: &[usize]) -> Result<(), String> {
    let x: Vec<Var<f64>> = leaves(&row.inputs(draw));
    let y = (row.function.double)(&x, draw);
    let mut noise = Noise::new(draw.seed + 5);
    let g = Tensor::from_fn(*y.shape(), |_| 2.0 * noise.unit() - 1.0);
    let left = dot(y.value(), &g);
    let gradients = y.backward_with(g);
    let parts = inputs.iter().filter_map(|&k| Some(dot(x[k].value(), gradients.of(&x[k])?)));
    let right = parts.fold((0.0, 0.0), |sum: (f64, f64), part| (sum.0 + part.0, sum.1 + part.1));
    let allowed = Tolerance::F64.absolute * (1.0 + left.1 + right.1);
    if (left.0 - right.0).abs() <= allowed {
        return Ok(());
    }
    Err(format!("adjointness in {inputs:?}: ⟨f(x), g⟩ = {:e}, ⟨x, fᵀ(g)⟩ = {:e}", left.0, right.0))
}

/// Σ a·b and Σ |a·b|.
fn dot(a: &Tensor<f64>, b: &Tensor<f64>) -> (f64, f64) {
    let products = a.to_vec().into_iter().zip(b.to_vec()).map(|(a, b)| a * b);
    products.fold((0.0, 0.0), |sum, product| (sum.0 + product, sum.1 + product.abs()))
}

/// Whether f(x + δ) ≥ f(x) for some δ ≥ 0, or ≤ if `sign` is −1.
fn grows(f: &impl Fn(&[Dense]) -> Dense, x: &[Dense], sign: f64) -> Result<(), String> {
    let largest = x[0].data().iter().copied().fold(f64::NEG_INFINITY, f64::max);
    // Towards the largest value drawn, so that no step leaves the domain.
    let further = x[0].map(|x| x + (largest - x) * 0.3);
    let (before, after) = (f(x), f(&[further]));
    for (flat, (before, after)) in before.data().iter().zip(after.data()).enumerate() {
        let fell = sign * (before - after);
        if fell > Tolerance::F64.absolute * (1.0 + before.abs()) {
            return Err(format!("from {before:e} to {after:e} as x rises from {:e}", x[0].data()[flat]));
        }
    }
    Ok(())
}
