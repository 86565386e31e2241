//! Recurrent weights, packed once for all steps of a sequence.

use crate::element::Float;
use crate::kernels::matmul::{GemmPacked, MatRef, PackedB, gemm_packed, gemm_packed_here};

/// A packed right operand `[k, n]`.
pub(super) struct Weights<T: Float>(PackedB<T>);

/// Rows of a matrix that lie `stride` apart, as many numbers of each from the slice's start on as the weights are deep.
#[derive(Clone, Copy)]
pub(super) struct Rows<'a, T> {
    pub(super) data: &'a [T],
    pub(super) stride: usize,
}

impl<T: Float> Weights<T> {
    /// w `[k, n]` in row-major order.
    pub(super) fn plain(data: &[T], [k, n]: [usize; 2]) -> Self {
        Self(PackedB::new(MatRef { data, offset: 0, row_stride: n as isize, column_stride: 1 }, [k, n]))
    }

    /// wᵀ `[k, n]` of w `[n, k]` in row-major order.
    pub(super) fn transposed(data: &[T], [k, n]: [usize; 2]) -> Self {
        Self(PackedB::new(MatRef { data, offset: 0, row_stride: 1, column_stride: k as isize }, [k, n]))
    }

    /// c ← a·b, or c + a·b, for `m` rows; spread over threads, or on this one alone.
    pub(super) fn multiply(
        &self,
        m: usize,
        a: Rows<'_, T>,
        (c, c_stride): (&mut [T], usize),
        accumulate: bool,
        spread: bool,
    ) {
        let a = MatRef { data: a.data, offset: 0, row_stride: a.stride as isize, column_stride: 1 };
        let call = GemmPacked { m, a, b: &self.0, c, c_stride, accumulate, bias: None };
        if spread { gemm_packed(call) } else { gemm_packed_here(call) }
    }
}
