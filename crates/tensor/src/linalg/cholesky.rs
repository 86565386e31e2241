//! Cholesky factorisation A = L·Lᵀ, right-looking in blocks (Golub & Van Loan, *Matrix Computations*, 4.2.6).

use super::block::{BLOCK, dot, flipped, negated, product, rows};
use super::error::{Fault, LinalgError};
use super::{Triangle, each, join, squares};
use crate::element::Float;
use crate::tensor::Tensor;

/// L in place of the lower triangle; the upper one becomes noughts.
fn factor<T: Float>(a: &mut [T], n: usize) -> Result<(), Fault> {
    for first in (0..n).step_by(BLOCK) {
        let last = n.min(first + BLOCK);
        for i in first..n {
            // Row i of the panel, against the rows of the panel above it.
            let (above, row) = a.split_at_mut(i * n);
            let row = &mut row[..n];
            for j in first..last.min(i) {
                let pivots = &above[j * n..][..n];
                row[j] = (row[j] - dot(&row[first..j], &pivots[first..j])) / pivots[j];
            }
            if i < last {
                let square = row[i] - dot(&row[first..i], &row[first..i]);
                if !(square > T::ZERO && square.is_finite()) {
                    return Err(Fault::NotPositiveDefinite(i));
                }
                row[i] = square.sqrt();
                row[i + 1..].fill(T::ZERO);
            }
        }
        // The rest loses the panel's square, block row by block row up to the diagonal.
        let width = last - first;
        let panel: Vec<T> = (last..n).flat_map(|i| &a[i * n + first..i * n + last]).copied().collect();
        let minus = negated(panel.iter().copied());
        for top in (last..n).step_by(2 * BLOCK) {
            let bottom = n.min(top + 2 * BLOCK);
            let shape = [bottom - top, bottom - last, width];
            let left = rows(&minus, (top - last) * width, width);
            product(shape, left, flipped(&rows(&panel, 0, width)), &mut a[top * n + last..], n, true);
        }
    }
    Ok(())
}

impl<T: Float> Tensor<T> {
    /// The lower triangular L with A = L·Lᵀ and a positive diagonal, for symmetric positive definite A:
    /// `[…, N, N] → […, N, N]` (PyTorch: `linalg.cholesky`). Only the lower triangle of A is read; the upper factor is
    /// `l.t()`.
    ///
    /// ```
    /// let a = gradus_tensor::Tensor::from([[4.0_f64, 2.0], [2.0, 5.0]]);
    /// assert_eq!(a.cholesky()?.to_vec(), [2.0, 0.0, 1.0, 2.0]);
    /// let error = gradus_tensor::Tensor::from([[1.0_f64, 2.0], [2.0, 1.0]]).cholesky().unwrap_err();
    /// assert_eq!(error.to_string(), "cholesky: the matrix is not positive definite: pivot 1 is not positive");
    /// # Ok::<(), gradus_tensor::LinalgError>(())
    /// ```
    ///
    /// # Errors
    /// If A is not positive definite (as far as the element type can tell) or holds NaN.
    ///
    /// # Panics
    /// If A is not square.
    #[track_caller]
    pub fn cholesky(&self) -> Result<Self, LinalgError> {
        let (lead, n) = squares("cholesky", self);
        let factors = each("cholesky", self, n * n * n / 3, |a| {
            let mut a = a.to_vec();
            factor(&mut a, n)?;
            Ok(a)
        })?;
        Ok(join(&lead, &[n, n], factors.iter().map(Vec::as_slice)))
    }

    /// The X with A·X = B from the Cholesky factor L = self of A: `[…, N, N], […, N, K] → […, N, K]`
    /// (PyTorch: `cholesky_solve`, which names B first).
    ///
    /// ```
    /// use gradus_tensor::Tensor;
    /// let a = Tensor::from([[4.0_f64, 2.0], [2.0, 5.0]]);
    /// let x = a.cholesky()?.cholesky_solve(&Tensor::from([[8.0], [12.0]]))?;
    /// assert_eq!(x.to_vec(), [1.0, 2.0]);
    /// # Ok::<(), gradus_tensor::LinalgError>(())
    /// ```
    ///
    /// # Errors
    /// If an element of L's diagonal is 0 or NaN.
    ///
    /// # Panics
    /// If L is not square or the shapes do not fit.
    #[track_caller]
    pub fn cholesky_solve(&self, b: &Self) -> Result<Self, LinalgError> {
        let y = self.solve_triangular(b, Triangle::lower())?;
        self.t().solve_triangular(&y, Triangle::upper())
    }
}
