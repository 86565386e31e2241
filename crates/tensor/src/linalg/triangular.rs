//! Triangular systems by substitution: blocks on the diagonal row by row, what they leave to the others by one product each.

use super::block::{BLOCK, negated, product, rows};
use super::error::{Fault, LinalgError};
use super::{squares, with_axes};
use crate::element::Float;
use crate::kernels::matmul::MatRef;
use crate::matmul::matrix_starts;
use crate::parallel::{self, Cost};
use crate::shape::Shape;
use crate::tensor::Tensor;

/// Which triangle of a matrix is read.
///
/// ```
/// use gradus_tensor::Triangle;
/// let unit = Triangle::lower().with_unit_diagonal();
/// assert!(unit.has_unit_diagonal() && !unit.is_upper());
/// assert_eq!(Triangle::lower().flipped(), Triangle::upper());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Triangle {
    upper: bool,
    unit: bool,
}

impl Triangle {
    /// The diagonal and what lies below it.
    #[must_use]
    pub const fn lower() -> Self {
        Self { upper: false, unit: false }
    }

    /// The diagonal and what lies above it.
    ///
    /// ```
    /// use gradus_tensor::Triangle;
    /// let upper = Triangle::upper().with_unit_diagonal();
    /// assert!(upper.is_upper() && upper.has_unit_diagonal());
    /// assert!(!upper.flipped().is_upper());
    /// ```
    #[must_use]
    pub const fn upper() -> Self {
        Self { upper: true, unit: false }
    }

    /// The diagonal counts as ones, whatever it holds (PyTorch: `unitriangular`).
    #[must_use]
    pub const fn with_unit_diagonal(self) -> Self {
        Self { unit: true, ..self }
    }

    /// The other triangle: what this one is in the transposed matrix.
    #[must_use]
    pub const fn flipped(self) -> Self {
        Self { upper: !self.upper, ..self }
    }

    /// Whether the upper triangle is read.
    #[must_use]
    pub const fn is_upper(self) -> bool {
        self.upper
    }

    /// Whether the diagonal counts as ones.
    #[must_use]
    pub const fn has_unit_diagonal(self) -> bool {
        self.unit
    }
}

/// B ← T⁻¹·B for a triangular T `[n, n]` in any strides and B `[n, k]` in rows.
pub(super) fn substitute<T: Float>(t: MatRef<'_, T>, which: Triangle, n: usize, b: &mut [T], k: usize) {
    if k == 0 {
        return;
    }
    let at = |i: usize, j: usize| {
        let shift = i as isize * t.row_stride + j as isize * t.column_stride;
        t.data[t.offset.wrapping_add_signed(shift)]
    };
    let block = |i: usize, j: usize| {
        let shift = i as isize * t.row_stride + j as isize * t.column_stride;
        MatRef { offset: t.offset.wrapping_add_signed(shift), ..t }
    };
    let blocks = n.div_ceil(BLOCK);
    for step in 0..blocks {
        let number = if which.upper { blocks - 1 - step } else { step };
        let (first, last) = (number * BLOCK, n.min((number + 1) * BLOCK));
        diagonal_block(&at, which, first..last, b, k);
        // What these rows contribute to those that are still to come.
        let (done, rest) = b.split_at_mut(if which.upper { first } else { last } * k);
        let (solved, open, shape, corner) = if which.upper {
            (&rest[..(last - first) * k], done, [first, k, last - first], block(0, first))
        } else {
            (&done[first * k..], rest, [n - last, k, last - first], block(last, first))
        };
        if shape[0] > 0 {
            let solved = negated(solved.iter().copied());
            product(shape, corner, rows(&solved, 0, k), open, k, true);
        }
    }
}

fn diagonal_block<T: Float>(
    at: &impl Fn(usize, usize) -> T,
    which: Triangle,
    range: std::ops::Range<usize>,
    b: &mut [T],
    k: usize,
) {
    let length = range.len();
    for step in 0..length {
        let i = if which.upper { range.end - 1 - step } else { range.start + step };
        let known = if which.upper { i + 1..range.end } else { range.start..i };
        for j in known {
            let factor = at(i, j);
            let (to, from) = if j < i {
                let (head, tail) = b.split_at_mut(i * k);
                (&mut tail[..k], &head[j * k..][..k])
            } else {
                let (head, tail) = b.split_at_mut(j * k);
                (&mut head[i * k..][..k], &tail[..k])
            };
            to.iter_mut().zip(from).for_each(|(x, &y)| *x = *x - factor * y);
        }
        if !which.unit {
            let pivot = at(i, i);
            b[i * k..][..k].iter_mut().for_each(|x| *x = *x / pivot);
        }
    }
}

/// The right side of A·X = B as matrices over the batch that both broadcast to, dense and ours to write.
#[track_caller]
pub(super) fn right_side<T: Float>(op: &str, a: &Tensor<T>, n: usize, b: &Tensor<T>) -> (Tensor<T>, Shape) {
    let (left, right) = (a.shape(), b.shape());
    assert!(right.len() >= 2, "{op}: right side is no matrix: {left} and {right} ([…, N, K])");
    let (rows, k) = (right[right.len() - 2], right[right.len() - 1]);
    assert!(rows == n, "{op}: rows differ: {left} and {right} ({n} ≠ {rows})");
    let lead = |shape: &Shape| Shape::new(&shape[..shape.len() - 2]);
    let Some(batch) = lead(left).broadcast(&lead(right)) else {
        panic!("{op}: leading axes do not broadcast: {left} and {right} (each equal, or 1)");
    };
    (b.expand(with_axes(&batch, n, k)), batch)
}

impl<T: Float> Tensor<T> {
    /// The X with A·X = B for a triangular A: `[…, N, N], […, N, K] → […, N, K]` (PyTorch:
    /// `linalg.solve_triangular`). The other triangle of A is not read; leading axes broadcast. X·A = B is
    /// `a.t().solve_triangular(&b.t(), which.flipped())?.t()`.
    ///
    /// ```
    /// use gradus_tensor::{Tensor, Triangle};
    /// let a = Tensor::from([[2.0_f64, 9.0], [1.0, 4.0]]);
    /// let x = a.solve_triangular(&Tensor::from([[2.0], [9.0]]), Triangle::lower())?;
    /// assert_eq!(x.to_vec(), [1.0, 2.0]);
    /// # Ok::<(), gradus_tensor::LinalgError>(())
    /// ```
    ///
    /// # Errors
    /// If an element of the diagonal is 0 or NaN.
    ///
    /// # Panics
    /// If A is not square or the shapes do not fit.
    #[track_caller]
    pub fn solve_triangular(&self, b: &Self, which: Triangle) -> Result<Self, LinalgError> {
        const OP: &str = "solve_triangular";
        let (lead, n) = squares(OP, self);
        let (b, batch) = right_side(OP, self, n, b);
        if !which.unit {
            let diagonal = self.diagonal(0, -2, -1).to_vec();
            #[allow(clippy::eq_op)] // x != x asks for NaN
            let wrong = diagonal.iter().position(|&x| x == T::ZERO || x != x);
            if let Some(at) = wrong {
                return Err(LinalgError::new(OP, Fault::Singular(at % n), &lead, at / n));
            }
        }
        let k = b.dim(-1);
        let a = self.expand(with_axes(&batch, n, n));
        let (starts, mut x) = (matrix_starts(&a), b);
        let strides = a.layout().strides();
        let [row_stride, column_stride] = [strides[strides.len() - 2], strides[strides.len() - 1]];
        let cost = Cost::flops(batch.count() * n * n * k);
        if n * k > 0 {
            parallel::chunks_mut(x.make_mut(), n * k, cost, |i, x| {
                let t = MatRef { data: a.storage(), offset: starts[i], row_stride, column_stride };
                substitute(t, which, n, x, k);
            });
        }
        Ok(x)
    }
}
