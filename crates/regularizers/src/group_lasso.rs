//! The group lasso (Yuan & Lin 2006): rows of weights become 0 as a whole, and their units can be taken out.

use gradus_autodiff::{Var, choose};
use gradus_tensor::{Element, Float, Tensor};

use crate::penalty::{Penalty, Proximal, check_lambda};
use crate::threshold::group_soft_threshold;

/// λ·Σ over rows w of √|w|·‖w‖, with rows of a weight `[out, …]` (of a vector: its elements); gradient λ·√|w|·w/‖w‖, 0 at 0;
/// proximal step: each row's norm shrinks by rate·λ·√|w|, to 0 at least.
///
/// ```
/// use gradus_autodiff::Var;
/// use gradus_module::Param;
/// use gradus_regularizers::{GroupLasso, Penalty, Proximal};
/// let mut model = Param::new([[3.0_f64, 4.0], [0.3, 0.4]]);
/// let lasso = GroupLasso::new(1.0);
/// let penalty: Var<f64> = lasso.value(&model);
/// assert!((penalty.item() - 2.0_f64.sqrt() * 5.5).abs() < 1e-12);
/// lasso.prox::<f64>(&mut model, 0.5);
/// assert_eq!(model.value().select(0, 1).to_vec(), [0.0, 0.0]);
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct GroupLasso {
    lambda: f64,
}

impl GroupLasso {
    /// With strength λ.
    ///
    /// # Panics
    /// If λ is not a number from 0 on.
    #[must_use]
    #[track_caller]
    pub fn new(lambda: f64) -> Self {
        check_lambda("group_lasso", "lambda", lambda);
        Self { lambda }
    }

    /// λ·√|w| for rows of that parameter.
    fn strength<T: Float>(&self, parameter: &Tensor<T>) -> f64 {
        let rows = parameter.shape().first().copied().unwrap_or(1).max(1);
        self.lambda * ((parameter.len() / rows) as f64).sqrt()
    }
}

/// The axes of a row.
pub(crate) fn row_axes(rank: usize) -> Vec<isize> {
    (1..rank as isize).collect()
}

impl Penalty for GroupLasso {
    fn value_of<T: Float>(&self, parameter: &Var<T>) -> Var<T> {
        let axes = row_axes(parameter.rank());
        if axes.is_empty() {
            return parameter.abs().sum() * self.lambda;
        }
        // A root's slope at 0 is infinite: there the root is taken of 1 and not used.
        let squares = parameter.square().sum_axes(&axes, false);
        let is_zero = squares.value().map(|square| square == <T as Element>::ZERO);
        let scalar = |value: f64| Var::constant(Tensor::scalar(T::of(value)));
        let norms = choose(&is_zero, &scalar(1.0), &squares).sqrt();
        choose(&is_zero, &scalar(0.0), &norms).sum() * self.strength(parameter.value())
    }

    fn gradient_of<T: Float>(&self, parameter: &Tensor<T>) -> Tensor<T> {
        let axes = row_axes(parameter.rank());
        if axes.is_empty() {
            return parameter.sign() * T::of(self.lambda);
        }
        let (strength, nought) = (T::of(self.strength(parameter)), <T as Element>::ZERO);
        let norms = parameter.square().sum_axes(&axes, true).sqrt();
        parameter * &norms.map(move |norm| if norm == nought { nought } else { strength / norm })
    }
}

impl Proximal for GroupLasso {
    fn prox_of<T: Float>(&self, parameter: &Tensor<T>, rate: f64) -> Tensor<T> {
        group_soft_threshold(parameter, rate * self.strength(parameter))
    }
}
