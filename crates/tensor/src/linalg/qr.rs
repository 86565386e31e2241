//! QR factorisation by Householder reflections in blocks (Golub & Van Loan, *Matrix Computations*, 5.2.3).

use super::block::{BLOCK, normalise, transposed};
use super::error::{Fault, LinalgError};
use super::reflect::{Block, accumulate, reflect, reflector};
use super::{each, finite, join, matrices};
use crate::element::Float;
use crate::tensor::Tensor;

/// A = Q·R; see [`Tensor::qr`].
///
/// ```
/// use gradus_tensor::{Qr, Tensor};
/// let Qr { q, r } = Tensor::from([[3.0_f64, 1.0], [4.0, 2.0]]).qr()?;
/// assert!((q.matmul(&r).at(&[1, 1]) - 2.0).abs() < 1e-15 && r.at(&[1, 0]) == 0.0);
/// # Ok::<(), gradus_tensor::LinalgError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Qr<T: Float> {
    /// Orthonormal columns.
    pub q: Tensor<T>,
    /// Upper triangular.
    pub r: Tensor<T>,
}

/// The reflectors of a matrix as rows `[k, m]`, their factors, and R `[k, n]`, k = min(m, n).
pub(super) struct Reflected<T> {
    pub(super) v: Vec<T>,
    pub(super) tau: Vec<T>,
    pub(super) r: Vec<T>,
}

/// Works through the columns of `[m, n]`.
pub(super) fn factor<T: Float>(a: &[T], m: usize, n: usize) -> Reflected<T> {
    let (k, mut a) = (m.min(n), a.to_vec());
    let scale = normalise(&mut a);
    let (mut v, mut tau) = (vec![T::ZERO; k * m], vec![T::ZERO; k]);
    for first in (0..k).step_by(BLOCK) {
        let last = k.min(first + BLOCK);
        let (length, width) = (m - first, last - first);
        // Columns as rows, from the diagonal on.
        let panel: Vec<T> = (first..m).flat_map(|i| &a[i * n + first..i * n + last]).copied().collect();
        let mut panel = transposed(&panel, length, width);
        for c in 0..width {
            let (done, later) = panel.split_at_mut((c + 1) * length);
            let column = &mut done[c * length..];
            let (factor, beta) = reflector(&mut column[c..]);
            tau[first + c] = factor;
            for (i, x) in column[..c].iter().enumerate() {
                a[(first + i) * n + first + c] = *x;
            }
            a[(first + c) * n + first + c] = beta;
            let place = &mut v[(first + c) * m + first..][..length];
            place[c..].copy_from_slice(&column[c..]);
            for other in later.chunks_exact_mut(length) {
                reflect(&mut other[c..], &column[c..], factor);
            }
        }
        if last < n {
            let block = Block { v: &v, offset: first * m + first, stride: m, length, tau: &tau[first..last] };
            block.apply(&mut a[first * n + last..], n - last, n, true);
        }
    }
    a.truncate(k * n);
    for (i, row) in a.chunks_exact_mut(n.max(1)).enumerate() {
        row[..i.min(n)].fill(T::ZERO);
        row.iter_mut().for_each(|x| *x = *x * scale);
    }
    Reflected { v, tau, r: a }
}

/// Q `[m, k]` and R `[k, n]`, or, complete, `[m, m]` and `[m, n]`.
fn decompose<T: Float>(a: &[T], m: usize, n: usize, complete: bool) -> Result<(Vec<T>, Vec<T>), Fault> {
    finite(a, n)?;
    let Reflected { v, tau, mut r } = factor(a, m, n);
    let columns = if complete { m } else { m.min(n) };
    r.resize(columns * n, T::ZERO);
    Ok((accumulate(&v, &tau, m, columns, 0), r))
}

impl<T: Float> Tensor<T> {
    /// A = Q·R with orthonormal columns of Q and upper triangular R: `[…, M, N] → Q […, M, K], R […, K, N]`,
    /// K = min(M, N) (PyTorch: `linalg.qr`). The diagonal of R may be negative, as LAPACK's.
    ///
    /// ```
    /// let a = gradus_tensor::Tensor::from([[3.0_f64, 1.0], [4.0, 2.0]]);
    /// let qr = a.qr()?;
    /// assert!((qr.r.at(&[0, 0]) + 5.0).abs() < 1e-15 && qr.r.at(&[1, 0]) == 0.0);
    /// assert!((qr.q.matmul(&qr.r) - &a).abs().max_axes(&[], false).item() < 1e-15);
    /// # Ok::<(), gradus_tensor::LinalgError>(())
    /// ```
    ///
    /// # Errors
    /// If A holds NaN or an infinity.
    ///
    /// # Panics
    /// If A has fewer than two axes.
    #[track_caller]
    pub fn qr(&self) -> Result<Qr<T>, LinalgError> {
        self.qr_of("qr", false)
    }

    /// As [`Tensor::qr`] with all of the space: Q `[…, M, M]`, R `[…, M, N]` (PyTorch: `qr(mode="complete")`).
    ///
    /// ```
    /// let qr = gradus_tensor::Tensor::from([[3.0_f64], [4.0]]).qr_complete()?;
    /// assert_eq!((qr.q.dims(), qr.r.dims()), ([2, 2], [2, 1]));
    /// # Ok::<(), gradus_tensor::LinalgError>(())
    /// ```
    ///
    /// # Errors
    /// If A holds NaN or an infinity.
    ///
    /// # Panics
    /// If A has fewer than two axes.
    #[track_caller]
    pub fn qr_complete(&self) -> Result<Qr<T>, LinalgError> {
        self.qr_of("qr", true)
    }

    #[track_caller]
    pub(super) fn qr_for(&self, op: &'static str) -> Result<Qr<T>, LinalgError> {
        self.qr_of(op, false)
    }

    #[track_caller]
    fn qr_of(&self, op: &'static str, complete: bool) -> Result<Qr<T>, LinalgError> {
        let (lead, m, n) = matrices(op, self);
        let parts = each(op, self, 4 * m * n * m.min(n), |a| decompose(a, m, n, complete))?;
        let columns = if complete { m } else { m.min(n) };
        Ok(Qr {
            q: join(&lead, &[m, columns], parts.iter().map(|(q, _)| q.as_slice())),
            r: join(&lead, &[columns, n], parts.iter().map(|(_, r)| r.as_slice())),
        })
    }
}
