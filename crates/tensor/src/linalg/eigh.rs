//! Eigenvalues of symmetric matrices: Householder tridiagonalisation and implicit QL steps with Wilkinson's shift
//! (Golub & Van Loan, *Matrix Computations*, 8.3; Bowdler, Martin, Reinsch & Wilkinson 1968).

use super::block::{add_scaled, dot, normalise, rotate, swap_rows, transposed, two_rows, vanishing};
use super::error::{Fault, LinalgError};
use super::reflect::{accumulate, reflector};
use super::{each, finite, join, squares};
use crate::element::Float;
use crate::tensor::Tensor;

/// A = V·diag(w)·Vᵀ; see [`Tensor::eigh`].
///
/// ```
/// use gradus_tensor::{Eigh, Tensor};
/// let Eigh { values, vectors } = Tensor::from([[2.0_f64, 0.0], [0.0, 1.0]]).eigh()?;
/// assert_eq!((values.to_vec(), vectors.abs().to_vec()), (vec![1.0, 2.0], vec![0.0, 1.0, 1.0, 0.0]));
/// # Ok::<(), gradus_tensor::LinalgError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Eigh<T: Float> {
    /// w, ascending: `[…, N]`.
    pub values: Tensor<T>,
    /// V: column j belongs to value j, `[…, N, N]`.
    pub vectors: Tensor<T>,
}

/// Steps that one eigenvalue may take; two are usual.
const MOST_STEPS: usize = 60;

/// After so many, what is small against the whole matrix (whose largest element is near 1) counts as 0, not only what is
/// small against its neighbours.
const PATIENCE: usize = 20;

/// The diagonal, the off-diagonal and the reflectors of T = Qᵀ·A·Q. `a` is symmetric and used up.
struct Tridiagonal<T> {
    d: Vec<T>,
    e: Vec<T>,
    v: Vec<T>,
    tau: Vec<T>,
}

fn tridiagonalise<T: Float>(mut a: Vec<T>, n: usize) -> Tridiagonal<T> {
    let count = n.saturating_sub(2);
    let (mut v, mut tau) = (vec![T::ZERO; count * n], vec![T::ZERO; count]);
    let (mut d, mut e) = (vec![T::ZERO; n], vec![T::ZERO; n]);
    for k in 0..count {
        d[k] = a[k * n + k];
        let x = &mut v[k * n + k + 1..(k + 1) * n];
        x.copy_from_slice(&a[k * n + k + 1..(k + 1) * n]);
        (tau[k], e[k]) = reflector(x);
        if tau[k] == T::ZERO {
            continue;
        }
        // A ← H·A·H = A − v·wᵀ − w·vᵀ with w = p − τ/2·(p·v)·v, p = τ·A·v.
        let x = &*x;
        let row = |i: usize| (k + 1 + i) * n + k + 1;
        let mut w: Vec<T> = (0..x.len()).map(|i| tau[k] * dot(&a[row(i)..][..x.len()], x)).collect();
        let half = T::of(-0.5) * tau[k] * dot(&w, x);
        add_scaled(&mut w, half, x);
        for i in 0..x.len() {
            let (vi, wi) = (x[i], w[i]);
            let line = &mut a[row(i)..][..x.len()];
            for ((a, &vj), &wj) in line.iter_mut().zip(x).zip(&w) {
                *a = *a - (vi * wj + wi * vj);
            }
        }
    }
    for k in count..n {
        d[k] = a[k * n + k];
        if k + 1 < n {
            e[k] = a[k * n + k + 1];
        }
    }
    Tridiagonal { d, e, v, tau }
}

/// Diagonalises the tridiagonal (d, e); `z` holds vectors as rows, which are rotated along (or nothing).
fn ql<T: Float>(d: &mut [T], e: &mut [T], z: &mut [T]) -> Result<(), Fault> {
    let (n, width) = (d.len(), if d.is_empty() { 0 } else { z.len() / d.len() });
    if n > 0 && d[0].abs() > d[n - 1].abs() {
        // Steps work up from the bottom: small elements shall not be drowned by large ones above them.
        d.reverse();
        e[..n - 1].reverse();
        (0..n / 2).for_each(|i| swap_rows(z, width, i, n - 1 - i));
    }
    for l in 0..n {
        for step in 0.. {
            let floor = if step < PATIENCE { T::ZERO } else { T::ONE };
            let bound = |m: usize| T::of(T::EPS) * (d[m].abs() + d[m + 1].abs()).max(floor);
            let small = |m: usize| e[m].abs() <= bound(m) || e[m].abs() < vanishing();
            let m = (l..n - 1).find(|&m| small(m)).unwrap_or(n - 1);
            if m == l {
                break;
            }
            if step == MOST_STEPS {
                return Err(Fault::NotConverged);
            }
            ql_step(d, e, l, m, |i, c, s| {
                if width > 0 {
                    let (a, b) = two_rows(z, width, i, i + 1);
                    rotate(a, b, c, s);
                }
            });
        }
    }
    Ok(())
}

/// One implicit step on the unreduced part `l ..= m`; tells which neighbours are rotated by which cosine and sine.
fn ql_step<T: Float>(d: &mut [T], e: &mut [T], l: usize, m: usize, mut rotation: impl FnMut(usize, T, T)) {
    let two = T::of(2.0);
    let half_gap = (d[l + 1] - d[l]) / (two * e[l]);
    let root = half_gap.hypot(T::ONE);
    let root = if half_gap < T::ZERO { -root } else { root };
    // The bulge, chased from the bottom up.
    let mut g = d[m] - d[l] + e[l] / (half_gap + root);
    let (mut c, mut s, mut p) = (T::ONE, T::ONE, T::ZERO);
    for i in (l..m).rev() {
        let (f, b) = (s * e[i], c * e[i]);
        let r = f.hypot(g);
        e[i + 1] = r;
        if r == T::ZERO {
            // The matrix falls apart here.
            d[i + 1] = d[i + 1] - p;
            e[m] = T::ZERO;
            return;
        }
        (s, c) = (f / r, g / r);
        g = d[i + 1] - p;
        let t = (d[i] - g) * s + two * c * b;
        p = s * t;
        d[i + 1] = g + p;
        g = c * t - b;
        rotation(i, c, s);
    }
    d[l] = d[l] - p;
    e[l] = g;
    e[m] = T::ZERO;
}

/// Eigenvalues, ascending, and, if wanted, the vectors as rows. Reads the lower triangle of `a` `[n, n]`.
pub(super) fn decompose<T: Float>(a: &[T], n: usize, vectors: bool) -> Result<(Vec<T>, Vec<T>), Fault> {
    let mut full = a.to_vec();
    for i in 0..n {
        for j in i + 1..n {
            full[i * n + j] = a[j * n + i];
        }
    }
    finite(&full, n)?;
    let scale = normalise(&mut full);
    let Tridiagonal { mut d, mut e, v, tau } = tridiagonalise(full, n);
    let mut z = Vec::new();
    if vectors {
        z = transposed(&accumulate(&v, &tau, n, n, 1), n, n);
    }
    ql(&mut d, &mut e, &mut z)?;
    let mut order: Vec<usize> = (0..n).collect();
    order.sort_by(|&i, &j| d[i].as_f64().total_cmp(&d[j].as_f64()));
    let values = order.iter().map(|&i| d[i] * scale).collect();
    let sorted = if vectors { order.iter().flat_map(|&i| &z[i * n..][..n]).copied().collect() } else { z };
    Ok((values, sorted))
}

impl<T: Float> Tensor<T> {
    /// A = V·diag(w)·Vᵀ for a symmetric A, w ascending, V orthogonal: `[…, N, N] → w […, N], V […, N, N]`
    /// (PyTorch: `linalg.eigh`). Only the lower triangle of A is read. The sign of each vector is not defined.
    ///
    /// ```
    /// let a = gradus_tensor::Tensor::from([[2.0_f64, 1.0], [1.0, 2.0]]);
    /// let eigh = a.eigh()?;
    /// assert!((eigh.values.at(&[0]) - 1.0).abs() < 1e-15 && (eigh.values.at(&[1]) - 3.0).abs() < 1e-15);
    /// let scaled = &eigh.vectors * &eigh.values;
    /// assert!((scaled.matmul(&eigh.vectors.t()) - &a).abs().max_axes(&[], false).item() < 1e-14);
    /// # Ok::<(), gradus_tensor::LinalgError>(())
    /// ```
    ///
    /// # Errors
    /// If the lower triangle holds NaN or an infinity.
    ///
    /// # Panics
    /// If A is not square.
    #[track_caller]
    pub fn eigh(&self) -> Result<Eigh<T>, LinalgError> {
        let (lead, n) = squares("eigh", self);
        let parts = each("eigh", self, 10 * n * n * n, |a| {
            let (values, vectors) = decompose(a, n, true)?;
            Ok((values, transposed(&vectors, n, n)))
        })?;
        Ok(Eigh {
            values: join(&lead, &[n], parts.iter().map(|(values, _)| values.as_slice())),
            vectors: join(&lead, &[n, n], parts.iter().map(|(_, vectors)| vectors.as_slice())),
        })
    }

    /// The eigenvalues of a symmetric A alone, ascending: `[…, N, N] → […, N]` (PyTorch: `linalg.eigvalsh`).
    ///
    /// ```
    /// let a = gradus_tensor::Tensor::from([[0.0_f64, 1.0], [1.0, 0.0]]);
    /// let values = a.eigvalsh()?;
    /// assert!((values.at(&[0]) + 1.0).abs() < 1e-15 && (values.at(&[1]) - 1.0).abs() < 1e-15);
    /// # Ok::<(), gradus_tensor::LinalgError>(())
    /// ```
    ///
    /// # Errors
    /// If the lower triangle holds NaN or an infinity.
    ///
    /// # Panics
    /// If A is not square.
    #[track_caller]
    pub fn eigvalsh(&self) -> Result<Self, LinalgError> {
        let (lead, n) = squares("eigvalsh", self);
        let parts = each("eigvalsh", self, 2 * n * n * n, |a| decompose(a, n, false))?;
        Ok(join(&lead, &[n], parts.iter().map(|(values, _)| values.as_slice())))
    }
}
