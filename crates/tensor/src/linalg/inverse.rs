//! Inverses and determinants, from LU factors.

use super::error::LinalgError;
use super::lu::Lu;
use super::squares;
use crate::element::Float;
use crate::tensor::Tensor;

/// A determinant as sign and logarithm; see [`Tensor::slogdet`].
///
/// ```
/// use gradus_tensor::{LogDet, Tensor};
/// let LogDet { sign, log_abs } = Tensor::from([[0.0_f64, 1.0], [1.0, 0.0]]).slogdet();
/// assert_eq!((sign.item(), log_abs.item()), (-1.0, 0.0));
/// ```
#[derive(Clone, Debug)]
pub struct LogDet<T: Float> {
    /// −1, 0 or 1: `[…]`.
    pub sign: Tensor<T>,
    /// ln |det A|, −∞ for singular A: `[…]`.
    pub log_abs: Tensor<T>,
}

impl<T: Float> Lu<T> {
    /// A⁻¹: `[…, N, N]`.
    ///
    /// # Errors
    /// If A is singular.
    ///
    /// # Panics
    /// If A is not square.
    #[track_caller]
    pub fn inverse(&self) -> Result<Tensor<T>, LinalgError> {
        Ok(self.regular("inverse")?.inverse_or_nan())
    }

    /// As [`Lu::inverse`], with infinities and NaN where A is singular.
    #[track_caller]
    fn inverse_or_nan(&self) -> Tensor<T> {
        self.solve_with("inverse", &Tensor::eye(self.order().dim(-1)), false)
    }

    /// det A: `[…]`.
    ///
    /// # Panics
    /// If A is not square.
    #[must_use]
    #[track_caller]
    pub fn det(&self) -> Tensor<T> {
        self.pivots().prod_axes(&[-1], false) * &self.parity()
    }

    /// Sign and logarithm of det A: `[…]` each.
    ///
    /// # Panics
    /// If A is not square.
    #[must_use]
    #[track_caller]
    pub fn slogdet(&self) -> LogDet<T> {
        let pivots = self.pivots();
        let sign = pivots.map(|x| if x == T::ZERO { T::ZERO } else { x.signum() }).prod_axes(&[-1], false);
        let log_abs = pivots.map(|x| num_traits::Float::ln(x.abs())).sum_axes(&[-1], false);
        LogDet { sign: sign * &self.parity(), log_abs }
    }
}

impl<T: Float> Tensor<T> {
    /// A⁻¹: `[…, N, N] → […, N, N]` (PyTorch: `linalg.inv`). To solve a system, [`Tensor::solve`] is faster and more
    /// accurate.
    ///
    /// ```
    /// let a = gradus_tensor::Tensor::from([[2.0_f64, 1.0], [1.0, 1.0]]);
    /// assert_eq!(a.inverse()?.to_vec(), [1.0, -1.0, -1.0, 2.0]);
    /// # Ok::<(), gradus_tensor::LinalgError>(())
    /// ```
    ///
    /// # Errors
    /// If A is singular or holds NaN or an infinity.
    ///
    /// # Panics
    /// If A is not square.
    #[track_caller]
    pub fn inverse(&self) -> Result<Self, LinalgError> {
        let _ = squares("inverse", self);
        self.lu_for("inverse")?.inverse()
    }

    /// det A: `[…, N, N] → […]` (PyTorch: `linalg.det`); 1 of an empty matrix, NaN where A holds NaN or an infinity.
    ///
    /// ```
    /// let a = gradus_tensor::Tensor::from([[1.0_f64, 2.0], [3.0, 4.0]]);
    /// assert!((a.det().item() + 2.0).abs() < 1e-14);
    /// ```
    ///
    /// # Panics
    /// If A is not square.
    #[must_use]
    #[track_caller]
    pub fn det(&self) -> Self {
        let _ = squares("det", self);
        let (clean, spoilt) = without_nan(self);
        match clean.lu_for("det") {
            Ok(lu) => lu.det() + &spoilt,
            Err(_) => spoilt,
        }
    }

    /// Sign and logarithm of |det A|, which neither overflow nor vanish: `[…, N, N] → […]` each
    /// (PyTorch: `linalg.slogdet`). A singular A has sign 0 and logarithm −∞; NaN where A holds NaN or an infinity.
    ///
    /// ```
    /// let d = gradus_tensor::Tensor::<f32>::eye(100) * 0.1;
    /// let d = d.slogdet();
    /// assert_eq!((d.sign.item(), d.log_abs.item().round()), (1.0, -230.0)); // det = 1e−100
    /// ```
    ///
    /// # Panics
    /// If A is not square.
    #[must_use]
    #[track_caller]
    pub fn slogdet(&self) -> LogDet<T> {
        let _ = squares("slogdet", self);
        let (clean, spoilt) = without_nan(self);
        match clean.lu_for("slogdet") {
            Ok(lu) => {
                let LogDet { sign, log_abs } = lu.slogdet();
                LogDet { sign: sign + &spoilt, log_abs: log_abs + &spoilt }
            }
            Err(_) => LogDet { sign: spoilt.clone(), log_abs: spoilt },
        }
    }

    /// The sum of the diagonal: `[…, M, N] → […]` (PyTorch: `trace`, which takes one matrix).
    ///
    /// ```
    /// assert_eq!(gradus_tensor::Tensor::from([[1, 2], [3, 4]]).cast::<f32>().trace().item(), 5.0);
    /// ```
    ///
    /// # Panics
    /// If A has fewer than two axes.
    #[must_use]
    #[track_caller]
    pub fn trace(&self) -> Self {
        let _ = super::matrices("trace", self);
        self.diagonal(0, -2, -1).sum_axes(&[-1], false)
    }
}

/// The matrices with 0 for what is not finite, and per matrix 0 or, where there was such a thing, NaN.
fn without_nan<T: Float>(x: &Tensor<T>) -> (Tensor<T>, Tensor<T>) {
    // 0·x is NaN for exactly those.
    let marks = x.map(|x| T::ZERO * x).sum_axes(&[-2, -1], false);
    let clean = if marks.to_vec().iter().any(|x| x.is_nan()) {
        x.map(|x| if x.is_finite() { x } else { T::ZERO })
    } else {
        x.clone()
    };
    (clean, marks.map(|x| if x.is_nan() { x } else { T::ZERO }))
}
