//! Matrix product: C ← A·B (+ C) (+ bias), operands in any strides.

/// A matrix somewhere in a slice: element (i, j) lies at `offset + i·row_stride + j·column_stride`.
#[derive(Clone, Copy, Debug)]
pub struct MatRef<'a, T> {
    /// The buffer.
    pub data: &'a [T],
    /// Where element (0, 0) lies.
    pub offset: usize,
    /// Distance between rows, may be negative or 0.
    pub row_stride: isize,
    /// Distance between columns, may be negative or 0.
    pub column_stride: isize,
}

/// One product C[m, n] ← A[m, k]·B[k, n].
#[derive(Debug)]
pub struct Gemm<'a, T> {
    /// Rows of A and C.
    pub m: usize,
    /// Columns of B and C.
    pub n: usize,
    /// Columns of A, rows of B; 0 gives zeros (or C unchanged when accumulating).
    pub k: usize,
    /// Left operand.
    pub a: MatRef<'a, T>,
    /// Right operand.
    pub b: MatRef<'a, T>,
    /// Result, row-major, row `i` at `c[i·c_stride ..][..n]`. Never read unless `accumulate`.
    pub c: &'a mut [T],
    /// Distance between C's rows, ≥ n.
    pub c_stride: usize,
    /// Add to what C holds.
    pub accumulate: bool,
    /// Added to every row, length n.
    pub bias: Option<&'a [T]>,
}

/// C ← A·B.
pub fn gemm<T: crate::Float>(call: Gemm<'_, T>) {
    let Gemm { m, n, k, a, b, c, c_stride, accumulate, bias } = call;
    let at = |x: &MatRef<'_, T>, i: usize, j: usize| {
        x.data[(x.offset as isize + i as isize * x.row_stride + j as isize * x.column_stride) as usize]
    };
    for i in 0..m {
        for j in 0..n {
            let mut sum = if accumulate { c[i * c_stride + j] } else { T::ZERO };
            for p in 0..k {
                sum = sum + at(&a, i, p) * at(&b, p, j);
            }
            c[i * c_stride + j] = sum + bias.map_or(T::ZERO, |bias| bias[j]);
        }
    }
}
