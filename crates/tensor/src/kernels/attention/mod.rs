//! Attention, softmax(Q·Kᵀ·scale + bias)·V, head by head, without ever holding the matrix of scores.
//!
//! Tiles of queries × keys pass through the cache with a running maximum and sum (Dao et al. 2022, "FlashAttention"; Milakov &
//! Gimelshein 2018); the backward pass computes them again from the saved log-sum-exp. Products are those of
//! [`super::matmul`]; this family adds what lies between them. It must never know a `Tensor`.

pub(super) mod backward;
mod bias;
pub(super) mod forward;
mod pack;
mod places;

pub use backward::{Backward, Gradients};
pub use bias::{Bias, Dropout, Mask};
pub use forward::Forward;
pub use places::Places;

use crate::kernels::matmul::MatRef;

/// Matrices of many heads in one buffer: element (h, i, e) lies at `starts[h] + i·row + e·column`.
#[derive(Clone, Copy, Debug)]
pub struct Heads<'a, T> {
    /// The buffer.
    pub data: &'a [T],
    /// Where element (0, 0) of each head lies.
    pub starts: &'a [usize],
    /// Distance between rows, may be negative or 0.
    pub row: isize,
    /// Distance between columns, may be negative or 0.
    pub column: isize,
}

impl<T: Copy> Heads<'_, T> {
    /// Where element (i, 0) of a head lies.
    #[inline(always)]
    fn at(&self, head: usize, i: usize) -> usize {
        self.starts[head].wrapping_add_signed(i as isize * self.row)
    }

    /// The rows from `i` on, as they lie.
    fn rows(&self, head: usize, i: usize) -> MatRef<'_, T> {
        let offset = self.at(head, i);
        MatRef { data: self.data, offset, row_stride: self.row, column_stride: self.column }
    }
}

/// How many of everything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sizes {
    /// Samples.
    pub batch: usize,
    /// Heads of the queries, of each sample.
    pub heads: usize,
    /// Heads of the keys and values, of each sample; they divide `heads`, and each serves as many neighbouring ones.
    pub key_heads: usize,
    /// Queries (L).
    pub queries: usize,
    /// Keys (S).
    pub keys: usize,
    /// Width of queries and keys (E).
    pub width: usize,
    /// Width of values (Ev).
    pub value_width: usize,
}

impl Sizes {
    /// The key head that a query head looks at, both counted through the batch.
    fn key_head(&self, head: usize) -> usize {
        let (sample, head) = (head / self.heads, head % self.heads);
        sample * self.key_heads + head / (self.heads / self.key_heads)
    }

    /// Pairs of queries and keys in all heads.
    fn pairs(&self) -> usize {
        self.batch.saturating_mul(self.heads).saturating_mul(self.queries).saturating_mul(self.keys)
    }

    /// What all heads cost, for some products of each width.
    fn cost(&self, products: usize) -> crate::parallel::Cost {
        let flops = self.pairs().saturating_mul((self.width + self.value_width) * products / 4 + 8);
        crate::parallel::Cost::flops(flops)
    }
}

/// softmax(Q·Kᵀ·scale + bias)·V of every head. A query that sees no key gets 0.
///
/// # Panics
/// If an operand or a result reaches outside its buffer.
pub fn forward<T: crate::Float>(call: Forward<'_, T>) {
    T::attention(crate::current_isa(), call);
}

/// The gradients of q, k and v.
///
/// # Panics
/// If an operand or a result reaches outside its buffer.
pub fn backward<T: crate::Float>(call: &Backward<'_, T>, into: Gradients<'_, T>) {
    T::attention_grad(crate::current_isa(), call, into);
}

/// Queries of one tile.
const QUERIES: usize = 64;
/// Keys of one tile.
const KEYS: usize = 128;

/// A row-major matrix in a slice.
fn dense<T>(data: &[T], columns: usize) -> MatRef<'_, T> {
    MatRef { data, offset: 0, row_stride: columns as isize, column_stride: 1 }
}

/// Rows for columns.
fn transposed<T>(x: MatRef<'_, T>) -> MatRef<'_, T> {
    MatRef { row_stride: x.column_stride, column_stride: x.row_stride, ..x }
}

/// C[m, n] ← A[m, k]·B[k, n] (+ C) on this thread.
fn product<T: crate::Float>(
    [m, n, k]: [usize; 3],
    a: MatRef<'_, T>,
    b: MatRef<'_, T>,
    c: (&mut [T], usize),
    accumulate: bool,
) {
    super::matmul::gemm_here(super::matmul::Gemm {
        m,
        n,
        k,
        a,
        b,
        c: c.0,
        c_stride: c.1,
        accumulate,
        bias: None,
    });
}
