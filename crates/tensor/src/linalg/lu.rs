//! LU factorisation with partial pivoting, right-looking in blocks (Golub & Van Loan, *Matrix Computations*, 3.2.11 and
//! 3.4.4), and the solution of linear systems from it.

use super::block::{BLOCK, add_scaled, flipped, negated, product, rows, swap_rows};
use super::error::{Fault, LinalgError};
use super::triangular::{right_side, substitute};
use super::{Triangle, each, finite, join, matrices, squares, with_axes};
use crate::element::Float;
use crate::matmul::matrix_starts;
use crate::parallel::{self, Cost};
use crate::tensor::Tensor;

/// P·A = L·U of one or many matrices `[…, M, N]`; see [`Tensor::lu`].
///
/// ```
/// use gradus_tensor::{Lu, Tensor};
/// let lu: Lu<f64> = Tensor::from([[1.0, 2.0], [4.0, 4.0]]).lu()?;
/// assert_eq!((lu.order().to_vec(), lu.pivots().to_vec()), (vec![1, 0], vec![4.0, 1.0]));
/// assert_eq!(lu.solve(&Tensor::from([[5.0], [12.0]]))?.to_vec(), [1.0, 2.0]);
/// # Ok::<(), gradus_tensor::LinalgError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Lu<T: Float> {
    /// U on and above the diagonal, L below.
    packed: Tensor<T>,
    /// `[…, M]`: the row of A that became row i.
    order: Tensor<i64>,
}

/// P·A = L·U in place, for `[m, n]`; `order` is permuted as the rows are.
fn factor<T: Float>(a: &mut [T], m: usize, n: usize, order: &mut [i64]) {
    let size = m.min(n);
    for first in (0..size).step_by(BLOCK) {
        let last = size.min(first + BLOCK);
        panel(a, [m, n], first..last, order);
        if last == n {
            continue;
        }
        let (top, bottom) = a.split_at_mut(last * n);
        for i in first + 1..last {
            for p in first..i {
                let factor = top[i * n + p];
                let (above, row) = top.split_at_mut(i * n);
                add_scaled(&mut row[last..n], -factor, &above[p * n + last..(p + 1) * n]);
            }
        }
        if last < m {
            let right = negated((first..last).flat_map(|i| &top[i * n + last..(i + 1) * n]).copied());
            let left: Vec<T> =
                (0..m - last).flat_map(|i| &bottom[i * n + first..i * n + last]).copied().collect();
            let (width, rest) = (last - first, n - last);
            let (left, right) = (rows(&left, 0, width), rows(&right, 0, rest));
            product([m - last, rest, width], left, right, &mut bottom[last..], n, true);
        }
    }
}

/// Finishes columns `range`, exchanging whole rows.
fn panel<T: Float>(a: &mut [T], [m, n]: [usize; 2], range: std::ops::Range<usize>, order: &mut [i64]) {
    for c in range.clone() {
        let size = |i: usize| a[i * n + c].abs();
        let best = (c + 1..m).fold(c, |best, i| if size(i) > size(best) { i } else { best });
        swap_rows(a, n, c, best);
        order.swap(c, best);
        let (above, below) = a.split_at_mut((c + 1) * n);
        let pivots = &above[c * n..];
        if pivots[c] == T::ZERO {
            continue;
        }
        for row in below.chunks_exact_mut(n) {
            let factor = row[c] / pivots[c];
            row[c] = factor;
            add_scaled(&mut row[c + 1..range.end], -factor, &pivots[c + 1..range.end]);
        }
    }
}

impl<T: Float> Tensor<T> {
    /// P·A = L·U with partial pivoting: L `[…, M, K]` has a unit diagonal, U is `[…, K, N]`, K = min(M, N)
    /// (PyTorch: `linalg.lu_factor`). A singular matrix has one too: then a pivot of U is 0.
    ///
    /// ```
    /// let a = gradus_tensor::Tensor::from([[1.0_f64, 2.0], [4.0, 4.0]]);
    /// let lu = a.lu()?;
    /// assert_eq!(lu.l().to_vec(), [1.0, 0.0, 0.25, 1.0]);
    /// assert_eq!(lu.u().to_vec(), [4.0, 4.0, 0.0, 1.0]);
    /// assert_eq!(lu.p().matmul(&a).to_vec(), lu.l().matmul(&lu.u()).to_vec());
    /// # Ok::<(), gradus_tensor::LinalgError>(())
    /// ```
    ///
    /// # Errors
    /// If A holds NaN or an infinity.
    ///
    /// # Panics
    /// If A has fewer than two axes.
    #[track_caller]
    pub fn lu(&self) -> Result<Lu<T>, LinalgError> {
        self.lu_for("lu")
    }

    #[track_caller]
    pub(super) fn lu_for(&self, op: &'static str) -> Result<Lu<T>, LinalgError> {
        let (lead, m, n) = matrices(op, self);
        let parts = each(op, self, m * n * m.min(n), |a| {
            finite(a, n)?;
            let (mut a, mut order) = (a.to_vec(), (0..m as i64).collect::<Vec<_>>());
            factor(&mut a, m, n, &mut order);
            Ok((a, order))
        })?;
        let order: Vec<i64> = parts.iter().flat_map(|(_, order)| order).copied().collect();
        Ok(Lu {
            packed: join(&lead, &[m, n], parts.iter().map(|(a, _)| a.as_slice())),
            order: Tensor::new(lead.insert(lead.len(), m), &order),
        })
    }

    /// The X with A·X = B for a square A: `[…, N, N], […, N, K] → […, N, K]`, or for vectors
    /// `[…, N, N], […, N] → […, N]`, where B's shape is A's without its last axis, or B has one axis
    /// (PyTorch: `linalg.solve`). Leading axes broadcast.
    ///
    /// ```
    /// use gradus_tensor::Tensor;
    /// let a = Tensor::from([[3.0_f64, 1.0], [1.0, 2.0]]);
    /// assert_eq!(a.solve(&Tensor::from([9.0, 8.0]))?.to_vec(), [2.0, 3.0]);
    /// let singular = Tensor::from([[1.0_f64, 2.0], [2.0, 4.0]]).solve(&Tensor::from([1.0, 1.0]));
    /// assert_eq!(singular.unwrap_err().to_string(), "solve: the matrix is singular: pivot 1 is 0");
    /// # Ok::<(), gradus_tensor::LinalgError>(())
    /// ```
    ///
    /// # Errors
    /// If A is singular or holds NaN or an infinity.
    ///
    /// # Panics
    /// If A is not square or the shapes do not fit.
    #[track_caller]
    pub fn solve(&self, b: &Self) -> Result<Self, LinalgError> {
        let (lead, n) = squares("solve", self);
        if b.rank() == 1 || (b.rank() == self.rank() - 1 && *b.shape() == lead.insert(lead.len(), n)) {
            return Ok(self.solve(&b.unsqueeze(-1))?.squeeze(-1));
        }
        Ok(self.solve_and_factors(b)?.1)
    }

    /// [`Tensor::solve`] for matrices B, with the factors of A, for further right sides.
    ///
    /// ```
    /// use gradus_tensor::Tensor;
    /// let a = Tensor::from([[2.0_f64, 0.0], [0.0, 4.0]]);
    /// let (lu, x) = a.solve_and_factors(&Tensor::from([[2.0], [8.0]]))?;
    /// assert_eq!((x.to_vec(), lu.solve(&Tensor::from([[4.0], [4.0]]))?.to_vec()), (vec![1.0, 2.0], vec![2.0, 1.0]));
    /// # Ok::<(), gradus_tensor::LinalgError>(())
    /// ```
    ///
    /// # Errors
    /// As [`Tensor::solve`].
    ///
    /// # Panics
    /// As [`Tensor::solve`].
    #[track_caller]
    pub fn solve_and_factors(&self, b: &Self) -> Result<(Lu<T>, Self), LinalgError> {
        let (_, n) = squares("solve", self);
        let _ = right_side("solve", self, n, b);
        let lu = self.lu_for("solve")?;
        let x = lu.regular("solve")?.solve_with("solve", b, false);
        Ok((lu, x))
    }
}

impl<T: Float> Lu<T> {
    /// L: unit lower triangular, `[…, M, K]`.
    #[must_use]
    pub fn l(&self) -> Tensor<T> {
        let (m, k) = (self.packed.dim(-2), self.packed.dim(-1).min(self.packed.dim(-2)));
        let strict = self.packed.narrow(-1, 0, k).tril(-1);
        let ones = Tensor::from_fn([m, k], |i| if i[0] == i[1] { T::ONE } else { T::ZERO });
        strict + &ones
    }

    /// U: upper triangular, `[…, K, N]`.
    #[must_use]
    pub fn u(&self) -> Tensor<T> {
        let k = self.packed.dim(-1).min(self.packed.dim(-2));
        self.packed.narrow(-2, 0, k).triu(0)
    }

    /// P, the permutation with P·A = L·U: `[…, M, M]`. (PyTorch's `linalg.lu` answers its transpose.)
    #[must_use]
    pub fn p(&self) -> Tensor<T> {
        self.order.one_hot(self.order.dim(-1))
    }

    /// The row of A that became row i: `[…, M]`.
    #[must_use]
    pub fn order(&self) -> &Tensor<i64> {
        &self.order
    }

    /// The diagonal of U: `[…, K]`.
    #[must_use]
    pub fn pivots(&self) -> Tensor<T> {
        self.packed.diagonal(0, -2, -1)
    }

    /// Itself, if no pivot is 0.
    pub(super) fn regular(&self, op: &'static str) -> Result<&Self, LinalgError> {
        let pivots = self.pivots();
        let n = pivots.dim(-1);
        match pivots.to_vec().iter().position(|&x| x == T::ZERO) {
            Some(at) => {
                let lead = self.packed.shape().remove(self.packed.rank() - 1);
                let lead = lead.remove(lead.len() - 1);
                Err(LinalgError::new(op, Fault::Singular(at % n), &lead, at / n))
            }
            None => Ok(self),
        }
    }

    /// −1 where the rows were permuted oddly, else 1: `[…]`.
    pub(super) fn parity(&self) -> Tensor<T> {
        let (m, lead) = (self.order.dim(-1), self.order.shape().remove(self.order.rank() - 1));
        let orders = self.order.to_vec();
        let sign = |order: &[i64]| {
            let (mut seen, mut odd) = (vec![false; order.len()], false);
            for start in 0..order.len() {
                seen[start] = true;
                let mut at = order[start] as usize;
                while !seen[at] {
                    (seen[at], odd) = (true, !odd);
                    at = order[at] as usize;
                }
            }
            if odd { -T::ONE } else { T::ONE }
        };
        let signs: Vec<T> = (0..lead.count()).map(|i| sign(&orders[i * m..][..m])).collect();
        Tensor::new(lead, &signs)
    }

    /// The X with A·X = B: `[…, N, K] → […, N, K]` (PyTorch: `linalg.lu_solve`). Leading axes broadcast.
    ///
    /// ```
    /// use gradus_tensor::Tensor;
    /// let lu = Tensor::from([[0.0_f64, 2.0], [4.0, 0.0]]).lu()?;
    /// assert_eq!(lu.solve(&Tensor::from([[2.0], [8.0]]))?.to_vec(), [2.0, 1.0]);
    /// # Ok::<(), gradus_tensor::LinalgError>(())
    /// ```
    ///
    /// # Errors
    /// If A is singular.
    ///
    /// # Panics
    /// If A is not square or the shapes do not fit.
    #[track_caller]
    pub fn solve(&self, b: &Tensor<T>) -> Result<Tensor<T>, LinalgError> {
        Ok(self.regular("lu_solve")?.solve_with("lu_solve", b, false))
    }

    /// The X with Aᵀ·X = B (PyTorch: `lu_solve(adjoint=True)`), as [`Lu::solve`].
    ///
    /// ```
    /// use gradus_tensor::Tensor;
    /// let a = Tensor::from([[1.0_f64, 2.0], [4.0, 4.0]]);
    /// let x = a.lu()?.solve_transposed(&Tensor::from([[9.0], [10.0]]))?;
    /// assert_eq!(a.t().matmul(&x).to_vec(), [9.0, 10.0]);
    /// # Ok::<(), gradus_tensor::LinalgError>(())
    /// ```
    ///
    /// # Errors
    /// If A is singular.
    ///
    /// # Panics
    /// If A is not square or the shapes do not fit.
    #[track_caller]
    pub fn solve_transposed(&self, b: &Tensor<T>) -> Result<Tensor<T>, LinalgError> {
        Ok(self.regular("lu_solve")?.solve_with("lu_solve", b, true))
    }

    /// As [`Lu::solve`], where a pivot of 0 gives infinities and NaN.
    #[track_caller]
    pub(super) fn solve_with(&self, op: &str, b: &Tensor<T>, transposed: bool) -> Tensor<T> {
        let (_, n) = squares(op, &self.packed);
        let (b, batch) = right_side(op, &self.packed, n, b);
        let k = b.dim(-1);
        if b.is_empty() {
            return b;
        }
        let packed = self.packed.expand(with_axes(&batch, n, n));
        let starts = matrix_starts(&packed);
        let orders = self.order.expand(batch.insert(batch.len(), n)).to_vec();
        let b = b.contiguous();
        let given = b.as_slice().unwrap_or(&[]);
        let mut x = Tensor::zeros(*b.shape());
        let cost = Cost::flops(2 * batch.count() * n * n * k);
        parallel::chunks_mut(x.make_mut(), n * k, cost, |i, x| {
            let (order, given) = (&orders[i * n..][..n], &given[i * n * k..][..n * k]);
            let a = rows(packed.storage(), starts[i], n);
            if transposed {
                // Aᵀ = Uᵀ·Lᵀ·P
                let mut y = given.to_vec();
                substitute(flipped(&a), Triangle::lower(), n, &mut y, k);
                substitute(flipped(&a), Triangle::upper().with_unit_diagonal(), n, &mut y, k);
                for (&to, y) in order.iter().zip(y.chunks_exact(k)) {
                    x[to as usize * k..][..k].copy_from_slice(y);
                }
            } else {
                for (&from, x) in order.iter().zip(x.chunks_exact_mut(k)) {
                    x.copy_from_slice(&given[from as usize * k..][..k]);
                }
                substitute(a, Triangle::lower().with_unit_diagonal(), n, x, k);
                substitute(a, Triangle::upper(), n, x, k);
            }
        });
        x
    }
}
