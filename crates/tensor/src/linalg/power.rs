//! Integer powers of matrices, by repeated squaring.

use super::error::LinalgError;
use super::squares;
use crate::element::Float;
use crate::tensor::Tensor;

impl<T: Float> Tensor<T> {
    /// Aᵏ: `[…, N, N] → […, N, N]` (PyTorch: `linalg.matrix_power`). Negative powers are those of the inverse, power 0 is
    /// the identity.
    ///
    /// ```
    /// let a = gradus_tensor::Tensor::from([[1.0_f64, 1.0], [1.0, 0.0]]);
    /// assert_eq!(a.matrix_power(10)?.at(&[0, 1]), 55.0); // Fibonacci's
    /// # Ok::<(), gradus_tensor::LinalgError>(())
    /// ```
    ///
    /// # Errors
    /// If the power is negative and A is singular or holds NaN or an infinity.
    ///
    /// # Panics
    /// If A is not square.
    #[track_caller]
    pub fn matrix_power(&self, power: i32) -> Result<Self, LinalgError> {
        let (_, n) = squares("matrix_power", self);
        let mut base = if power < 0 { self.lu_for("matrix_power")?.inverse()? } else { self.clone() };
        let mut left = power.unsigned_abs();
        let mut out: Option<Self> = None;
        while left > 0 {
            if left % 2 == 1 {
                out = Some(out.map_or_else(|| base.clone(), |out| out.matmul(&base)));
            }
            left /= 2;
            if left > 0 {
                base = base.matmul(&base);
            }
        }
        Ok(out.unwrap_or_else(|| Self::eye(n).expand(*self.shape()).contiguous()))
    }
}
