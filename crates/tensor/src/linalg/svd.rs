//! Singular values by one-sided Jacobi rotations on the triangular factor of A, which also finds small ones accurately
//! (Drmač & Veselić 2008, *New fast and accurate Jacobi SVD algorithm*; de Rijk 1989 for the order of rotations).
//! Larger matrices start from the eigenvectors of R·Rᵀ, after which one or two sweeps are left.

use super::block::{
    BLOCK, add_scaled, dot, flipped, identity, normalise, product, rotate, rows, swap_rows, transposed,
    two_rows, vanishing,
};
use super::error::{Fault, LinalgError};
use super::reflect::accumulate;
use super::{each, eigh, finite, join, matrices, qr};
use crate::element::Float;
use crate::tensor::Tensor;

/// A = U·diag(s)·Vᵀ; see [`Tensor::svd`].
///
/// ```
/// use gradus_tensor::{Svd, Tensor};
/// let Svd { u, s, vt } = Tensor::from([[0.0_f64, 2.0], [3.0, 0.0]]).svd()?;
/// assert!((s.at(&[0]) - 3.0).abs() < 1e-15 && (s.at(&[1]) - 2.0).abs() < 1e-15);
/// assert!(((u * &s).matmul(&vt).at(&[0, 1]) - 2.0).abs() < 1e-15);
/// # Ok::<(), gradus_tensor::LinalgError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Svd<T: Float> {
    /// Orthonormal columns, `[…, M, K]`.
    pub u: Tensor<T>,
    /// Descending and not negative, `[…, K]`.
    pub s: Tensor<T>,
    /// Vᵀ: orthonormal rows, `[…, K, N]` (PyTorch: `Vh`).
    pub vt: Tensor<T>,
}

/// Sweeps over all pairs; fewer than ten are usual.
const MOST_SWEEPS: usize = 60;

/// U as `[m, k]`, s, Vᵀ as `[k, n]`; without vectors both are empty.
type Parts<T> = (Vec<T>, Vec<T>, Vec<T>);

fn decompose<T: Float>(a: &[T], m: usize, n: usize, vectors: bool) -> Result<Parts<T>, Fault> {
    finite(a, n)?;
    if m < n {
        let (v, s, ut) = tall(&transposed(a, m, n), n, m, vectors)?;
        return Ok(if vectors { (transposed(&ut, m, m), s, transposed(&v, n, m)) } else { (v, s, ut) });
    }
    tall(a, m, n, vectors)
}

/// For m ≥ n.
fn tall<T: Float>(a: &[T], m: usize, n: usize, vectors: bool) -> Result<Parts<T>, Fault> {
    let qr::Reflected { v, tau, r: mut w } = qr::factor(a, m, n);
    let scale = normalise(&mut w);
    // W = G·R with rotations G, until W's rows are orthogonal: then R = Gᵀ·diag(s)·Vᵀ.
    let mut g = if vectors { identity(n) } else { Vec::new() };
    if n > BLOCK {
        start(&mut w, &mut g, n)?;
    }
    sweep(&mut w, &mut g, n)?;
    let length = |row: &[T]| match dot(row, row) {
        square if square < vanishing() => T::ZERO,
        square => square.sqrt(),
    };
    let lengths: Vec<T> = w.chunks_exact(n.max(1)).map(length).collect();
    let mut order: Vec<usize> = (0..n).collect();
    order.sort_by(|&i, &j| lengths[j].as_f64().total_cmp(&lengths[i].as_f64()));
    let s: Vec<T> = order.iter().map(|&i| lengths[i] * scale).collect();
    if !vectors {
        return Ok((Vec::new(), s, Vec::new()));
    }
    let pick = |from: &[T]| order.iter().flat_map(|&i| &from[i * n..][..n]).copied().collect::<Vec<T>>();
    let (mut vt, gt) = (pick(&w), pick(&g));
    let mut rank = 0;
    for (row, &i) in vt.chunks_exact_mut(n.max(1)).zip(&order) {
        if lengths[i] > T::ZERO {
            row.iter_mut().for_each(|x| *x = *x / lengths[i]);
            rank += 1;
        }
    }
    complete(&mut vt, n, rank);
    let q = accumulate(&v, &tau, m, n, 0);
    let mut u = vec![T::ZERO; m * n];
    product([m, n, n], rows(&q, 0, n), flipped(&rows(&gt, 0, n)), &mut u, n, false);
    Ok((u, s, vt))
}

/// W ← Zᵀ·W and G ← Zᵀ with the eigenvectors Z of W·Wᵀ, largest first.
fn start<T: Float>(w: &mut Vec<T>, g: &mut Vec<T>, n: usize) -> Result<(), Fault> {
    let mut gram = vec![T::ZERO; n * n];
    let all = rows(w, 0, n);
    product([n, n, n], all, flipped(&all), &mut gram, n, false);
    let (_, ascending) = eigh::decompose(&gram, n, true)?;
    let z: Vec<T> = ascending.chunks_exact(n).rev().flatten().copied().collect();
    let mut turned = vec![T::ZERO; n * n];
    product([n, n, n], rows(&z, 0, n), rows(w, 0, n), &mut turned, n, false);
    *w = turned;
    if !g.is_empty() {
        *g = z;
    }
    Ok(())
}

/// Rotates pairs of rows of W (and of G along) until all are orthogonal.
fn sweep<T: Float>(w: &mut [T], g: &mut [T], n: usize) -> Result<(), Fault> {
    let tolerance = T::of(T::EPS * (n as f64).sqrt());
    for _ in 0..MOST_SWEEPS {
        let mut squares: Vec<T> = w.chunks_exact(n.max(1)).map(|row| dot(row, row)).collect();
        let mut rotated = false;
        for p in 0..n {
            // The longest of the rest comes first.
            let longest = (p + 1..n).fold(p, |best, i| if squares[i] > squares[best] { i } else { best });
            swap_rows(w, n, p, longest);
            if !g.is_empty() {
                swap_rows(g, n, p, longest);
            }
            squares.swap(p, longest);
            for q in p + 1..n {
                let (a, b) = two_rows(w, n, p, q);
                let gamma = dot(a, b);
                let bound = tolerance * squares[p].sqrt() * squares[q].sqrt();
                if gamma.abs() <= bound || squares[q] < vanishing() {
                    continue;
                }
                rotated = true;
                let zeta = (squares[q] - squares[p]) / (T::of(2.0) * gamma);
                let root = zeta.abs() + zeta.hypot(T::ONE);
                let t = if zeta < T::ZERO { -root.recip() } else { root.recip() };
                let c = t.hypot(T::ONE).recip();
                rotate(a, b, c, c * t);
                if !g.is_empty() {
                    let (a, b) = two_rows(g, n, p, q);
                    rotate(a, b, c, c * t);
                }
                squares[p] = squares[p] - t * gamma;
                squares[q] = (squares[q] + t * gamma).max(T::ZERO);
            }
        }
        if !rotated {
            return Ok(());
        }
    }
    Err(Fault::NotConverged)
}

/// Fills rows `rank ..` with unit vectors orthogonal to all others.
fn complete<T: Float>(vt: &mut [T], n: usize, rank: usize) {
    for row in rank..n {
        // Of all axes, one keeps at least the mean of what is left; the first with half of that will do.
        let enough = T::of((n - row) as f64 / (2 * n) as f64);
        for axis in 0..n {
            let (done, rest) = vt.split_at_mut(row * n);
            let candidate = &mut rest[..n];
            candidate.fill(T::ZERO);
            candidate[axis] = T::ONE;
            for _ in 0..2 {
                for known in done.chunks_exact(n) {
                    let along = dot(known, candidate);
                    add_scaled(candidate, -along, known);
                }
            }
            let square = dot(candidate, candidate);
            if square >= enough {
                let length = square.sqrt();
                candidate.iter_mut().for_each(|x| *x = *x / length);
                break;
            }
        }
    }
}

impl<T: Float> Tensor<T> {
    /// A = U·diag(s)·Vᵀ with s descending, reduced: `[…, M, N] → U […, M, K], s […, K], Vᵀ […, K, N]`, K = min(M, N)
    /// (PyTorch: `linalg.svd(full_matrices=False)`). The signs of pairs of vectors are not defined. Values below 1e−12
    /// (`f32`) or 1e−138 (`f64`) of the largest come out as 0.
    ///
    /// ```
    /// let a = gradus_tensor::Tensor::from([[3.0_f64, 0.0], [0.0, -4.0], [0.0, 0.0]]);
    /// let svd = a.svd()?;
    /// assert_eq!(svd.s.to_vec(), [4.0, 3.0]);
    /// assert_eq!((&svd.u * &svd.s).matmul(&svd.vt).to_vec(), a.to_vec());
    /// # Ok::<(), gradus_tensor::LinalgError>(())
    /// ```
    ///
    /// # Errors
    /// If A holds NaN or an infinity.
    ///
    /// # Panics
    /// If A has fewer than two axes.
    #[track_caller]
    pub fn svd(&self) -> Result<Svd<T>, LinalgError> {
        self.svd_for("svd")
    }

    #[track_caller]
    pub(super) fn svd_for(&self, op: &'static str) -> Result<Svd<T>, LinalgError> {
        let (lead, m, n) = matrices(op, self);
        let k = m.min(n);
        let parts = each(op, self, 20 * m * n * k, |a| decompose(a, m, n, true))?;
        Ok(Svd {
            u: join(&lead, &[m, k], parts.iter().map(|(u, _, _)| u.as_slice())),
            s: join(&lead, &[k], parts.iter().map(|(_, s, _)| s.as_slice())),
            vt: join(&lead, &[k, n], parts.iter().map(|(_, _, vt)| vt.as_slice())),
        })
    }

    /// The singular values alone, descending: `[…, M, N] → […, K]`, K = min(M, N) (PyTorch: `linalg.svdvals`). Their sum is
    /// the nuclear norm, the first one the spectral norm.
    ///
    /// ```
    /// let a = gradus_tensor::Tensor::from([[0.0_f64, 2.0], [1.0, 0.0]]);
    /// assert_eq!(a.svdvals()?.to_vec(), [2.0, 1.0]);
    /// # Ok::<(), gradus_tensor::LinalgError>(())
    /// ```
    ///
    /// # Errors
    /// If A holds NaN or an infinity.
    ///
    /// # Panics
    /// If A has fewer than two axes.
    #[track_caller]
    pub fn svdvals(&self) -> Result<Self, LinalgError> {
        let (lead, m, n) = matrices("svdvals", self);
        let k = m.min(n);
        let parts = each("svdvals", self, 10 * m * n * k, |a| decompose(a, m, n, false))?;
        Ok(join(&lead, &[k], parts.iter().map(|(_, s, _)| s.as_slice())))
    }
}
