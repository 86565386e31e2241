//! The nuclear norm (Fazel 2002): weights of low rank.

use gradus_autodiff::Var;
use gradus_tensor::{Float, Tensor};

use crate::penalty::{Penalty, Proximal, check_lambda};
use crate::threshold::singular_value_threshold;

/// λ·Σσ, the sum of the singular values of a weight `[R, C]` (further axes are taken into C); gradient λ·U·Vᵀ; proximal step:
/// each singular value shrinks by rate·λ, to 0 at least. Vectors and scalars count as one row: λ·‖w‖. What holds NaN or an
/// infinity has the penalty NaN.
///
/// ```
/// use gradus_autodiff::Var;
/// use gradus_module::Param;
/// use gradus_regularizers::{NuclearNorm, Penalty, Proximal};
/// let mut model = Param::new([[3.0_f64, 0.0], [0.0, 0.5]]);
/// let norm = NuclearNorm::new(2.0);
/// let penalty: Var<f64> = norm.value(&model);
/// assert!((penalty.item() - 7.0).abs() < 1e-12);
/// norm.prox::<f64>(&mut model, 0.5);
/// assert_eq!(model.value().to_vec(), [2.0, 0.0, 0.0, 0.0]);
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct NuclearNorm {
    lambda: f64,
}

impl NuclearNorm {
    /// With strength λ.
    ///
    /// # Panics
    /// If λ is not a number from 0 on.
    #[must_use]
    #[track_caller]
    pub fn new(lambda: f64) -> Self {
        check_lambda("nuclear_norm", "lambda", lambda);
        Self { lambda }
    }
}

/// `[R, …]` as `[R, C]`; what has fewer than two axes as one row.
fn matrix<T: Float>(w: &Tensor<T>) -> Tensor<T> {
    if w.rank() < 2 { w.reshape([1, w.len()]) } else { w.flatten(1, -1) }
}

impl Penalty for NuclearNorm {
    fn value_of<T: Float>(&self, parameter: &Var<T>) -> Var<T> {
        if parameter.is_empty() {
            return parameter.sum() * 0.0;
        }
        let shape = *matrix(parameter.value()).shape();
        match parameter.reshape(shape).svdvals() {
            Ok(values) => values.sum() * self.lambda,
            Err(_) => parameter.sum() * f64::NAN,
        }
    }

    fn gradient_of<T: Float>(&self, parameter: &Tensor<T>) -> Tensor<T> {
        let shape = *parameter.shape();
        if parameter.is_empty() {
            return Tensor::zeros(shape);
        }
        match matrix(parameter).svd() {
            Ok(svd) => (svd.u.matmul(&svd.vt) * T::of(self.lambda)).reshape(shape),
            Err(_) => Tensor::full(shape, T::of(f64::NAN)),
        }
    }
}

impl Proximal for NuclearNorm {
    fn prox_of<T: Float>(&self, parameter: &Tensor<T>, rate: f64) -> Tensor<T> {
        if parameter.is_empty() {
            return parameter.clone();
        }
        singular_value_threshold(&matrix(parameter), rate * self.lambda).reshape(*parameter.shape())
    }
}
