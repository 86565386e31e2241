//! Least squares, the pseudo-inverse and the rank: by QR where the columns are independent, else by singular values
//! (Golub & Van Loan, *Matrix Computations*, 5.3 and 5.5).

use super::error::LinalgError;
use super::qr::Qr;
use super::svd::Svd;
use super::triangular::right_side;
use super::{Triangle, matrices};
use crate::element::Float;
use crate::tensor::Tensor;

/// Relative to the largest singular value: what is smaller counts as 0 (NumPy and PyTorch: `max(M, N)·ε`).
fn cutoff<T: Float>(m: usize, n: usize) -> T {
    T::of(m.max(n) as f64 * T::EPS)
}

impl<T: Float> Tensor<T> {
    /// The X that minimises ‖A·X − B‖, of least norm where several do: `[…, M, N], […, M, K] → […, N, K]` (PyTorch:
    /// `linalg.lstsq(A, B).solution`). Leading axes broadcast.
    ///
    /// Independent columns (or rows, where M < N) go through QR; where these depend on each other, as far as the element
    /// type can tell, the singular values decide.
    ///
    /// ```
    /// use gradus_tensor::Tensor;
    /// // The line through (0, 1), (1, 3), (2, 5): intercept 1, slope 2.
    /// let a = Tensor::from([[1.0_f64, 0.0], [1.0, 1.0], [1.0, 2.0]]);
    /// let x = a.lstsq(&Tensor::from([[1.0], [3.0], [5.0]]))?;
    /// assert!((x.at(&[0, 0]) - 1.0).abs() < 1e-12 && (x.at(&[1, 0]) - 2.0).abs() < 1e-12);
    /// # Ok::<(), gradus_tensor::LinalgError>(())
    /// ```
    ///
    /// # Errors
    /// If A holds NaN or an infinity.
    ///
    /// # Panics
    /// If the operands are not matrices with equally many rows, or their leading axes do not broadcast.
    #[track_caller]
    pub fn lstsq(&self, b: &Self) -> Result<Self, LinalgError> {
        let (_, m, n) = matrices("lstsq", self);
        let _ = right_side("lstsq", self, m, b);
        let turned = if m >= n { self.clone() } else { self.t() };
        let qr = turned.qr_for("lstsq")?;
        if !qr.has_full_rank() {
            return Ok(self.pinv_for("lstsq")?.matmul(b));
        }
        let Qr { q, r } = qr;
        if m >= n {
            r.solve_triangular(&q.t().matmul(b), Triangle::upper())
        } else {
            Ok(q.matmul(&r.t().solve_triangular(b, Triangle::lower())?))
        }
    }

    /// The Moore–Penrose inverse A⁺: `[…, M, N] → […, N, M]` (PyTorch: `linalg.pinv`). Singular values up to
    /// max(M, N)·ε of the largest count as 0.
    ///
    /// ```
    /// let a = gradus_tensor::Tensor::from([[1.0_f64, 1.0], [1.0, 1.0]]); // of rank 1
    /// assert!(a.pinv()?.to_vec().iter().all(|x| (x - 0.25).abs() < 1e-15));
    /// # Ok::<(), gradus_tensor::LinalgError>(())
    /// ```
    ///
    /// # Errors
    /// If A holds NaN or an infinity.
    ///
    /// # Panics
    /// If A has fewer than two axes.
    #[track_caller]
    pub fn pinv(&self) -> Result<Self, LinalgError> {
        self.pinv_for("pinv")
    }

    #[track_caller]
    fn pinv_for(&self, op: &'static str) -> Result<Self, LinalgError> {
        let (_, m, n) = matrices(op, self);
        let Svd { u, s, vt } = self.svd_for(op)?;
        if s.is_empty() {
            return Ok(vt.t().matmul(&u.t()));
        }
        let inverse =
            s.zip(
                &(s.narrow(-1, 0, 1) * cutoff::<T>(m, n)),
                |s, bound| {
                    if s > bound { s.recip() } else { T::ZERO }
                },
            );
        Ok((vt.t() * &inverse.unsqueeze(-2)).matmul(&u.t()))
    }

    /// How many singular values exceed max(M, N)·ε of the largest: `[…, M, N] → […]` (PyTorch: `linalg.matrix_rank`).
    ///
    /// ```
    /// let a = gradus_tensor::Tensor::from([[1.0_f64, 2.0, 3.0], [2.0, 4.0, 6.0]]);
    /// assert_eq!(a.matrix_rank()?.item(), 1);
    /// # Ok::<(), gradus_tensor::LinalgError>(())
    /// ```
    ///
    /// # Errors
    /// If A holds NaN or an infinity.
    ///
    /// # Panics
    /// If A has fewer than two axes.
    #[track_caller]
    pub fn matrix_rank(&self) -> Result<Tensor<i64>, LinalgError> {
        let (lead, m, n) = matrices("matrix_rank", self);
        let s = self.svdvals()?;
        if s.is_empty() {
            return Ok(Tensor::zeros(lead));
        }
        let bounds = s.narrow(-1, 0, 1) * cutoff::<T>(m, n);
        Ok(s.greater(&bounds).cast::<i64>().sum_axes(&[-1], false))
    }
}

impl<T: Float> Qr<T> {
    /// Whether R's diagonal tells, as far as the element type can, of independent columns in all matrices.
    ///
    /// ```
    /// let a = gradus_tensor::Tensor::from([[1.0_f64, 2.0], [2.0, 4.0], [3.0, 6.0]]);
    /// assert!(!a.qr()?.has_full_rank());
    /// # Ok::<(), gradus_tensor::LinalgError>(())
    /// ```
    #[must_use]
    pub fn has_full_rank(&self) -> bool {
        if self.r.is_empty() {
            return true;
        }
        let sizes = self.r.diagonal(0, -2, -1).map(|x| x.abs());
        let (least, most) = (sizes.min_axes(&[-1], false), sizes.max_axes(&[-1], false));
        least.greater(&(most * cutoff::<T>(self.q.dim(-2), self.r.dim(-1)))).all()
    }
}
