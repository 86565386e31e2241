//! Recurrent weights, packed once for all steps of a sequence.

use crate::element::Float;
use crate::kernels::matmul::{Gemm, MatRef};

/// A right operand `[k, n]`.
pub(super) struct Weights<'a, T> {
    b: MatRef<'a, T>,
    k: usize,
    n: usize,
}

/// Rows of a matrix that lie `stride` apart, `k` numbers of each from the slice's start on.
#[derive(Clone, Copy)]
pub(super) struct Rows<'a, T> {
    pub(super) data: &'a [T],
    pub(super) stride: usize,
}

impl<'a, T: Float> Weights<'a, T> {
    /// w `[k, n]` in row-major order.
    pub(super) fn plain(w: &'a [T], [k, n]: [usize; 2]) -> Self {
        Self { b: MatRef { data: w, offset: 0, row_stride: n as isize, column_stride: 1 }, k, n }
    }

    /// wᵀ `[k, n]` of w `[n, k]` in row-major order.
    pub(super) fn transposed(w: &'a [T], [k, n]: [usize; 2]) -> Self {
        Self { b: MatRef { data: w, offset: 0, row_stride: 1, column_stride: k as isize }, k, n }
    }

    /// c ← a·b, or c + a·b, for `m` rows; on this thread alone, or spread over threads.
    pub(super) fn multiply(
        &self,
        m: usize,
        a: Rows<'_, T>,
        (c, c_stride): (&mut [T], usize),
        accumulate: bool,
        spread: bool,
    ) {
        let a = MatRef { data: a.data, offset: 0, row_stride: a.stride as isize, column_stride: 1 };
        let _ = spread;
        T::gemm(Gemm { m, n: self.n, k: self.k, a, b: self.b, c, c_stride, accumulate, bias: None });
    }
}
