//! Linear least squares by Householder reflections (Golub & Van Loan, *Matrix Computations*, 5.3.2).

use crate::element::Float;
use crate::tensor::Tensor;

impl<T: Float> Tensor<T> {
    /// The X that minimises ‖A·X − B‖, for A of full column rank: `[M, N], [M, K] → [N, K]`, M ≥ N (PyTorch:
    /// `torch.linalg.lstsq(A, B).solution`). For a square A this solves A·X = B.
    ///
    /// ```
    /// use gradus_tensor::Tensor;
    /// // The line through (0, 1), (1, 3), (2, 5): intercept 1, slope 2.
    /// let a = Tensor::from([[1.0_f64, 0.0], [1.0, 1.0], [1.0, 2.0]]);
    /// let x = a.least_squares(&Tensor::from([[1.0], [3.0], [5.0]]));
    /// assert!((x.at(&[0, 0]) - 1.0).abs() < 1e-12 && (x.at(&[1, 0]) - 2.0).abs() < 1e-12);
    /// ```
    ///
    /// Columns that depend on each other give infinities or NaN.
    ///
    /// # Panics
    /// If the operands are not matrices with equally many rows, or A has more columns than rows.
    #[must_use]
    #[track_caller]
    pub fn least_squares(&self, b: &Self) -> Self {
        let fits = self.rank() == 2 && b.rank() == 2 && self.dim(0) == b.dim(0);
        assert!(fits, "least_squares: rows differ: {} and {} ([M, N] and [M, K])", self.shape(), b.shape());
        let ([m, n], [_, k]) = (self.dims::<2>(), b.dims::<2>());
        assert!(m >= n, "least_squares: more unknowns than equations: {} ({n} > {m})", self.shape());
        let mut work = Tensor::cat(&[self, b], 1);
        let width = n + k;
        let rows = work.make_mut();
        for j in 0..n {
            reflect(rows, width, m, j);
        }
        let mut x = vec![T::ZERO; n * k];
        for c in 0..k {
            for i in (0..n).rev() {
                let known =
                    (i + 1..n).map(|j| rows[i * width + j] * x[j * k + c]).fold(T::ZERO, |a, b| a + b);
                x[i * k + c] = (rows[i * width + n + c] - known) / rows[i * width + i];
            }
        }
        Tensor::new([n, k], &x)
    }
}

/// Reflects rows `j ..` so that column `j` vanishes below the diagonal, in all columns from `j` on.
fn reflect<T: Float>(rows: &mut [T], width: usize, m: usize, j: usize) {
    let dot = |rows: &[T], v: &[T], c: usize| {
        (j..m).map(|i| v[i - j] * rows[i * width + c]).fold(T::ZERO, |a, b| a + b)
    };
    let mut v: Vec<T> = (j..m).map(|i| rows[i * width + j]).collect();
    let norm = v.iter().fold(T::ZERO, |sum, &x| sum + x * x).sqrt();
    if norm == T::ZERO {
        return;
    }
    v[0] = v[0] + if v[0] < T::ZERO { -norm } else { norm };
    let square = v.iter().fold(T::ZERO, |sum, &x| sum + x * x);
    for c in j..width {
        let factor = T::of(2.0) * dot(rows, &v, c) / square;
        for i in j..m {
            rows[i * width + c] = rows[i * width + c] - factor * v[i - j];
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::{Rng, Tensor};

    #[test]
    fn the_residual_is_orthogonal_to_the_columns() {
        let mut rng = Rng::seed(3);
        for (m, n, k) in [(1, 1, 1), (5, 5, 2), (40, 7, 3)] {
            let a = Tensor::<f64>::normal([m, n], 0.0, 1.0, &mut rng);
            let b = Tensor::<f64>::normal([m, k], 0.0, 1.0, &mut rng);
            let x = a.least_squares(&b);
            let gradient = a.t().matmul(&(a.matmul(&x) - &b));
            assert!(gradient.to_vec().iter().all(|g| g.abs() < 1e-9), "{m} {n} {k}: {gradient}");
        }
    }
}
