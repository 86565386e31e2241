//! What the decompositions are made of: loops over dense rows, and products of blocks of row-major matrices. It knows no
//! decomposition.

use crate::element::Float;
use crate::kernels::matmul::{Gemm, MatRef};

/// Columns that a blocked algorithm finishes at a time, before the rest is updated by one product.
pub(super) const BLOCK: usize = 48;

/// Side of the tiles that are transposed at a time: both of their lines stay in the cache.
const TILE: usize = 16;

/// Running sums of a dot product: enough for the widest registers.
const LANES: usize = 16;

/// Σ aᵢ·bᵢ, in lanes and a tree of them.
pub(super) fn dot<T: Float>(a: &[T], b: &[T]) -> T {
    let mut sums = [T::ZERO; LANES];
    let (a, b) = (&a[..a.len().min(b.len())], &b[..a.len().min(b.len())]);
    let (heads_a, rest_a) = a.as_chunks::<LANES>();
    let (heads_b, rest_b) = b.as_chunks::<LANES>();
    for (a, b) in heads_a.iter().zip(heads_b) {
        for lane in 0..LANES {
            sums[lane] = sums[lane] + a[lane] * b[lane];
        }
    }
    for (lane, (&a, &b)) in rest_a.iter().zip(rest_b).enumerate() {
        sums[lane] = sums[lane] + a * b;
    }
    let mut width = LANES / 2;
    while width > 0 {
        for lane in 0..width {
            sums[lane] = sums[lane] + sums[lane + width];
        }
        width /= 2;
    }
    sums[0]
}

/// y ← y + factor·x.
pub(super) fn add_scaled<T: Float>(y: &mut [T], factor: T, x: &[T]) {
    for (y, &x) in y.iter_mut().zip(x) {
        *y = *y + factor * x;
    }
}

/// (a, b) ← (c·a − s·b, s·a + c·b).
pub(super) fn rotate<T: Float>(a: &mut [T], b: &mut [T], c: T, s: T) {
    for (a, b) in a.iter_mut().zip(b) {
        let (x, y) = (*a, *b);
        *a = c * x - s * y;
        *b = s * x + c * y;
    }
}

/// Rows `i` < `j` of a matrix of `n` columns.
pub(super) fn two_rows<T>(a: &mut [T], n: usize, i: usize, j: usize) -> (&mut [T], &mut [T]) {
    let (upper, lower) = a.split_at_mut(j * n);
    (&mut upper[i * n..(i + 1) * n], &mut lower[..n])
}

/// Exchanges rows `i` and `j`.
pub(super) fn swap_rows<T>(a: &mut [T], n: usize, i: usize, j: usize) {
    if i != j {
        let (upper, lower) = two_rows(a, n, i.min(j), i.max(j));
        upper.swap_with_slice(lower);
    }
}

/// A matrix in a slice, row by row.
pub(super) fn rows<T>(data: &[T], offset: usize, stride: usize) -> MatRef<'_, T> {
    MatRef { data, offset, row_stride: stride as isize, column_stride: 1 }
}

/// The transpose of one.
pub(super) fn flipped<'a, T>(a: &MatRef<'a, T>) -> MatRef<'a, T> {
    MatRef { row_stride: a.column_stride, column_stride: a.row_stride, ..*a }
}

/// C ← A·B (+ C): A is `[m, k]`, B `[k, n]`, C's rows lie `stride` apart.
pub(super) fn product<T: Float>(
    [m, n, k]: [usize; 3],
    a: MatRef<'_, T>,
    b: MatRef<'_, T>,
    c: &mut [T],
    stride: usize,
    accumulate: bool,
) {
    T::gemm(Gemm { m, n, k, a, b, c, c_stride: stride, accumulate, bias: None });
}

/// −a for each element.
pub(super) fn negated<T: Float>(a: impl Iterator<Item = T>) -> Vec<T> {
    a.map(|x| -x).collect()
}

/// The transpose `[n, m]` of a row-major `[m, n]`.
pub(super) fn transposed<T: Float>(a: &[T], m: usize, n: usize) -> Vec<T> {
    let mut out = vec![T::ZERO; m * n];
    for top in (0..m).step_by(TILE) {
        for left in (0..n).step_by(TILE) {
            for i in top..m.min(top + TILE) {
                for j in left..n.min(left + TILE) {
                    out[j * m + i] = a[i * n + j];
                }
            }
        }
    }
    out
}

/// The identity `[n, n]`.
pub(super) fn identity<T: Float>(n: usize) -> Vec<T> {
    let mut out = vec![T::ZERO; n * n];
    out.iter_mut().step_by(n + 1).for_each(|x| *x = T::ONE);
    out
}

/// Sums of squares below this are not accurate: the squares themselves are too near to 0.
pub(super) fn vanishing<T: Float>() -> T {
    T::min_positive_value() / T::of(T::EPS * T::EPS)
}

/// Divides by a power of 2 so that the largest element lies near 1, and answers it: squares then neither overflow nor
/// vanish. 1 of noughts.
pub(super) fn normalise<T: Float>(a: &mut [T]) -> T {
    let largest = a.iter().fold(T::ZERO, |most, x| if x.abs() > most { x.abs() } else { most });
    if largest == T::ZERO {
        return T::ONE;
    }
    // In two steps, as 2^(−exponent) itself may overflow.
    let exponent = largest.as_f64().log2().floor() as i32;
    let power = |exponent: i32| T::of(2.0).powi(exponent);
    let (first, second) = (exponent / 2, exponent - exponent / 2);
    let inverse = (power(-first), power(-second));
    a.iter_mut().for_each(|x| *x = *x * inverse.0 * inverse.1);
    power(first) * power(second)
}
