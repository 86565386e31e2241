//! Packing: operands in any strides become the contiguous blocks that the micro-kernel streams. A transposed operand
//! costs nothing more than its transposition here. Knows layouts, no arithmetic and no threads.

use std::ops::Range;

use super::Operand;
use super::kernel::Kernel;
use crate::kernels::stream::prefetch_line as prefetch;

/// Cuts `length` into `parts` runs that differ by one at most: the start and length of run `i`.
pub(super) fn cut(length: usize, parts: usize, i: usize) -> (usize, usize) {
    let (each, longer) = (length / parts, length % parts);
    (i * each + i.min(longer), each + usize::from(i < longer))
}

/// A run of columns that one tile covers.
#[derive(Clone, Copy, Debug)]
pub(super) struct Strip {
    /// First column.
    pub(super) column: usize,
    /// Vectors.
    pub(super) vectors: usize,
    /// Columns in the last vector.
    pub(super) last: usize,
}

/// The strips of `n` columns.
pub(super) fn strips<T>(kernel: &Kernel<T>, n: usize) -> impl Iterator<Item = Strip> + use<T> {
    let lanes = kernel.lanes;
    let (vectors, parts) = (n.div_ceil(lanes), strip_count(kernel, n));
    (0..parts).map(move |i| {
        let (first, count) = cut(vectors, parts, i);
        let last = (n - (first + count - 1) * lanes).min(lanes);
        Strip { column: first * lanes, vectors: count, last }
    })
}

/// How many strips [`strips`] gives.
pub(super) fn strip_count<T>(kernel: &Kernel<T>, n: usize) -> usize {
    n.div_ceil(kernel.lanes).div_ceil(kernel.vectors)
}

/// Elements that [`pack_b`] writes.
pub(super) fn packed_b_length<T>(kernel: &Kernel<T>, k: usize, n: usize) -> usize {
    k * n.next_multiple_of(kernel.lanes)
}

/// Packs the rows `rows` of B[k, n], those of some strips: strip after strip, the strip from column `j` at `to + k · j`, row-major, edges filled
/// up with zeros.
///
/// # Safety
/// B may be read, `to` written for [`packed_b_length`], and the kernel's instruction set is there.
pub(super) unsafe fn pack_b<T: crate::Float>(
    kernel: &Kernel<T>,
    b: Operand<T>,
    [k, n]: [usize; 2],
    (of_strips, rows): (Range<usize>, Range<usize>),
    to: *mut T,
) {
    let full = kernel.vectors * kernel.lanes;
    let write = |strip: Strip, rows: Range<usize>| {
        let width = strip.vectors * kernel.lanes;
        let used = width - kernel.lanes + strip.last;
        // SAFETY: the strip's columns lie in B, and its k · width elements after those of the strips before.
        unsafe {
            let (b, to) =
                (b.shifted(rows.start, strip.column), to.add(k * strip.column + rows.start * width));
            if b.column == 1 && used == full && full * size_of::<T>() == 256 {
                for p in 0..rows.len() {
                    (0..4)
                        .for_each(|line| prefetch(b.at(p + AHEAD, 0).cast::<[u64; 8]>().wrapping_add(line)));
                    *to.add(p * width).cast::<[u64; 32]>() = b.at(p, 0).cast::<[u64; 32]>().read_unaligned();
                }
                return;
            }
            match (b.row, b.column) {
                (_, 1) => {
                    (0..rows.len()).for_each(|p| b.at(p, 0).copy_to_nonoverlapping(to.add(p * width), used))
                }
                (1, _) => transpose(kernel, b, (rows.len(), used), to, width),
                _ => gather(b, (0..rows.len(), 0..used), to, width),
            }
            if used < width {
                for p in 0..rows.len() {
                    std::slice::from_raw_parts_mut(to.add(p * width + used), width - used).fill(T::ZERO);
                }
            }
        }
    };
    let strips = strips(kernel, n).skip(of_strips.start).take(of_strips.len());
    strips.for_each(|strip| write(strip, rows.clone()));
}

/// Rows of B that are fetched ahead of their use.
const AHEAD: usize = 16;

/// `to[p · width + j] = b[p, j]`, element by element.
///
/// # Safety
/// All of these may be accessed.
unsafe fn gather<T: Copy>(
    b: Operand<T>,
    (rows, columns): (Range<usize>, Range<usize>),
    to: *mut T,
    width: usize,
) {
    for p in rows {
        for j in columns.clone() {
            // SAFETY: by the caller's promise.
            unsafe { *to.add(p * width + j) = *b.at(p, j) };
        }
    }
}

/// [`gather`] of all rows and columns for contiguous columns, in square blocks.
///
/// # Safety
/// As for [`gather`]; the kernel's instruction set is there.
unsafe fn transpose<T: Copy>(
    kernel: &Kernel<T>,
    b: Operand<T>,
    (k, columns): (usize, usize),
    to: *mut T,
    width: usize,
) {
    let side = kernel.lanes;
    let (whole_k, whole_columns) = (k - k % side, columns - columns % side);
    // SAFETY: the blocks and the two edges lie within k rows and `columns` columns.
    unsafe {
        for j in (0..whole_columns).step_by(side) {
            for p in (0..whole_k).step_by(side) {
                (kernel.transpose)(b.at(p, j), b.column, to.add(p * width + j), width);
            }
        }
        gather(b, (whole_k..k, 0..columns), to, width);
        gather(b, (0..whole_k, whole_columns..columns), to, width);
    }
}

/// Columns of A that are packed together, panel by panel, so that a cache line of a transposed A is used up.
const COLUMNS: usize = 8;

/// Packs A[m, k] into panels of at most `kernel.rows` rows, cut as [`cut`] says, the panel from row `i` at `to + k · i`:
/// for each column of A, the panel's rows.
///
/// # Safety
/// A may be read, `to` written for m · k elements.
pub(super) unsafe fn pack_a<T: Copy>(kernel: &Kernel<T>, a: Operand<T>, [m, k]: [usize; 2], to: *mut T) {
    let panels = m.div_ceil(kernel.rows);
    for p in (0..k).step_by(COLUMNS) {
        let count = COLUMNS.min(k - p);
        for panel in 0..panels {
            let (row, rows) = cut(m, panels, panel);
            // SAFETY: by the caller's promise; panel after panel, each of rows · k elements.
            unsafe {
                let (a, to) = (a.shifted(row, p), to.add(k * row + p * rows));
                (4 * COLUMNS..5 * COLUMNS).for_each(|p| prefetch(a.at(0, p)));
                match rows {
                    6 => pack_panel::<T, 6>(a, count, to),
                    5 => pack_panel::<T, 5>(a, count, to),
                    4 => pack_panel::<T, 4>(a, count, to),
                    3 => pack_panel::<T, 3>(a, count, to),
                    2 => pack_panel::<T, 2>(a, count, to),
                    _ => pack_panel::<T, 1>(a, count, to),
                }
            }
        }
    }
}

/// The first R rows of `a` for some columns.
///
/// # Safety
/// As for [`pack_a`].
unsafe fn pack_panel<T: Copy, const R: usize>(a: Operand<T>, columns: usize, to: *mut T) {
    let to = to.cast::<[T; R]>();
    // SAFETY: by the caller's promise; an array has its element's alignment.
    unsafe {
        if a.row == 1 {
            (0..columns).for_each(|p| *to.add(p) = *a.at(0, p).cast());
        } else {
            (0..columns).for_each(|p| *to.add(p) = std::array::from_fn(|i| *a.at(i, p)));
        }
    }
}

/// Copies the rows of `x` so that each is contiguous: `to[i · length + p] = x[i, p]`.
///
/// # Safety
/// `x` may be read, `to` written for `rows · length` elements.
pub(super) unsafe fn pack_rows<T: Copy>(x: Operand<T>, rows: usize, length: usize, to: *mut T) {
    for p in 0..length {
        for i in 0..rows {
            // SAFETY: by the caller's promise.
            unsafe { *to.add(i * length + p) = *x.at(i, p) };
        }
    }
}
