//! Soft orthogonality (Bansal, Chen & Wang 2018, "Can We Gain More from Orthogonality Regularizations"): rows of length 1, at
//! right angles.

use gradus_autodiff::Var;
use gradus_tensor::{Float, Tensor};

use crate::penalty::{Penalty, check_lambda};

/// λ·‖W·Wᵀ − I‖² of a weight `[R, C]` (further axes are taken into C), or λ·‖Wᵀ·W − I‖² where R > C, for then rows cannot be
/// at right angles; gradient 4λ·(W·Wᵀ − I)·W, or 4λ·W·(Wᵀ·W − I). Parameters with fewer than two axes count 0.
///
/// ```
/// use gradus_autodiff::Var;
/// use gradus_module::Param;
/// use gradus_regularizers::{Orthogonality, Penalty};
/// let penalty = Orthogonality::new(0.5);
/// let turn: Var<f64> = penalty.value(&Param::new([[0.6_f64, 0.8], [-0.8, 0.6]]));
/// assert!(turn.item() < 1e-30);
/// let twice: Var<f64> = penalty.value(&Param::new([[2.0_f64, 0.0], [0.0, 2.0]]));
/// assert_eq!(twice.item(), 0.5 * 2.0 * 9.0);
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Orthogonality {
    lambda: f64,
}

impl Orthogonality {
    /// With strength λ.
    ///
    /// # Panics
    /// If λ is not a number from 0 on.
    #[must_use]
    #[track_caller]
    pub fn new(lambda: f64) -> Self {
        check_lambda("orthogonality", "lambda", lambda);
        Self { lambda }
    }
}

impl Penalty for Orthogonality {
    fn value_of<T: Float>(&self, parameter: &Var<T>) -> Var<T> {
        if parameter.rank() < 2 || parameter.is_empty() {
            return parameter.sum() * 0.0;
        }
        let w = parameter.flatten(1, -1);
        let [rows, columns] = w.dims();
        let gram = if rows > columns { w.t().matmul(&w) } else { w.matmul(&w.t()) };
        let identity = Var::constant(Tensor::eye(rows.min(columns)));
        (gram - identity).square().sum() * self.lambda
    }

    fn gradient_of<T: Float>(&self, parameter: &Tensor<T>) -> Tensor<T> {
        if parameter.rank() < 2 || parameter.is_empty() {
            return Tensor::zeros(*parameter.shape());
        }
        let w = parameter.flatten(1, -1);
        let [rows, columns] = w.dims();
        let identity = Tensor::eye(rows.min(columns));
        let slope = match rows > columns {
            true => w.matmul(&(w.t().matmul(&w) - &identity)),
            false => (w.matmul(&w.t()) - &identity).matmul(&w),
        };
        (slope * T::of(4.0 * self.lambda)).reshape(*parameter.shape())
    }
}
