//! A right operand that is packed once and multiplied many times: recurrent steps, decoding, inference. Its form
//! belongs to the instruction set it was packed for, so it lives in memory only and is never written to a file.

use std::ops::Range;

use super::epilogue::Epilogue;
use super::nest::{Block, Step};
use super::pack::{cut, pack_a, pack_b, packed_b_length, strip_count};
use super::plan::BLOCK_BYTES;
use super::scratch::{Shared, with_scratch};
use super::tables::Tables;
use super::{MatRef, Operand, kernel::Kernel};
use crate::parallel::{self, Cost};
use crate::storage::Storage;

/// B `[k, n]`, packed for the instruction set that was current at the time.
pub struct PackedB<T: crate::Float> {
    kernel: &'static Kernel<T>,
    k: usize,
    n: usize,
    /// Depth block after depth block, in each the strips one after the other, as [`pack_b`] leaves them.
    data: Storage<T>,
}

/// One product C[m, n] ← A[m, k]·B with a packed B.
pub struct GemmPacked<'a, T: crate::Float> {
    /// Rows of A and C.
    pub m: usize,
    /// Left operand, `[m, k]`.
    pub a: MatRef<'a, T>,
    /// Right operand.
    pub b: &'a PackedB<T>,
    /// Result, row-major, row `i` at `c[i·c_stride ..][..n]`. Never read unless `accumulate`.
    pub c: &'a mut [T],
    /// Distance between C's rows, ≥ n.
    pub c_stride: usize,
    /// Add to what C holds.
    pub accumulate: bool,
    /// Added to every row, length n.
    pub bias: Option<&'a [T]>,
}

/// C ← A·B (+ C) (+ bias) with a B that was packed before; spread over threads if it is large enough.
///
/// ```
/// use gradus_tensor::kernels::matmul::{GemmPacked, MatRef, PackedB, gemm_packed};
/// let weight = [1.0_f32, 2.0, 3.0, 4.0]; // [out, in]: B is its transpose
/// let b = MatRef { data: &weight, offset: 0, row_stride: 1, column_stride: 2 };
/// let packed = PackedB::new(b, [2, 2]);
/// for x in [[1.0, 0.0], [0.0, 1.0]] {
///     let (a, mut c) = (MatRef { data: &x, offset: 0, row_stride: 2, column_stride: 1 }, [f32::NAN; 2]);
///     let (c_stride, accumulate, bias) = (2, false, None);
///     gemm_packed(GemmPacked { m: 1, a, b: &packed, c: &mut c, c_stride, accumulate, bias });
///     assert_eq!(c, if x[0] == 1.0 { [1.0, 3.0] } else { [2.0, 4.0] });
/// }
/// ```
///
/// # Panics
/// If A, C or the bias reaches outside its slice, or C's rows overlap.
pub fn gemm_packed<T: crate::Float>(call: GemmPacked<'_, T>) {
    T::gemm_packed(call, false);
}

/// [`gemm_packed`] wholly on the calling thread, with the same bits: for use within a task of
/// [`crate::parallel`].
///
/// # Panics
/// As [`gemm_packed`].
pub fn gemm_packed_here<T: crate::Float>(call: GemmPacked<'_, T>) {
    T::gemm_packed(call, true);
}

impl<T: crate::Float> PackedB<T> {
    /// Packs B, which may lie in any strides.
    ///
    /// # Panics
    /// If B reaches outside its slice.
    #[must_use]
    pub fn new(b: MatRef<'_, T>, [k, n]: [usize; 2]) -> Self {
        T::pack_b(b, [k, n])
    }

    /// `[k, n]`.
    #[must_use]
    pub fn dims(&self) -> [usize; 2] {
        [self.k, self.n]
    }

    /// Into how many blocks the depth is cut.
    fn depths(&self) -> usize {
        self.k.div_ceil(self.kernel.depth)
    }
}

impl<T: crate::Float> std::fmt::Debug for PackedB<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PackedB").field("k", &self.k).field("n", &self.n).finish_non_exhaustive()
    }
}

/// Rows of B that one task packs.
const PIECE: usize = 128;
/// Strips that it packs them of.
const GROUP: usize = 4;

/// See [`PackedB::new`].
pub(super) fn pack<T: Tables>(b: MatRef<'_, T>, [k, n]: [usize; 2]) -> PackedB<T> {
    let kernel = T::kernel(crate::current_isa());
    let width = n.checked_next_multiple_of(kernel.lanes).and_then(|width| width.checked_mul(k));
    assert!(width.is_some(), "gemm: too large to pack: [{k}, {n}]");
    let mut packed = PackedB { kernel, k, n, data: Storage::stale(packed_b_length(kernel, k, n)) };
    if k == 0 || n == 0 {
        return packed;
    }
    let b = Operand::new("B", &b, [k, n], 0);
    let source = Shared(b.start.cast_mut());
    let (depths, strips) = (packed.depths(), strip_count(kernel, n));
    let to = Shared(packed.data.as_mut_slice().as_mut_ptr());
    let (pieces, groups) = (k.div_ceil(depths).div_ceil(PIECE), strips.div_ceil(GROUP));
    let cost = Cost::bytes(2 * k * n * size_of::<T>());
    parallel::for_each(depths * groups * pieces, cost, |task| {
        let (block, piece) = (task / pieces, task % pieces);
        let (p, depth) = cut(k, depths, block / groups);
        let (first, count) = cut(strips, groups, block % groups);
        let (start, length) = cut(depth, pieces, piece);
        let b = Operand { start: source.at(0).cast_const(), ..b }.shifted(p, 0);
        let part = (first..first + count, start..start + length);
        // SAFETY: the depth block's part of the storage, these rows of these strips this task's own; they lie in B.
        unsafe { pack_b(kernel, b, [depth, n], part, to.at(packed_b_length(kernel, p, n))) };
    });
    packed
}

/// Rows of A packed together, where its rows are not contiguous; fewest rows of a task.
const PACKED_ROWS: usize = 48;

/// How many tasks C's rows and the strips are cut into for so many threads. It never shows in the result.
fn grid<T: crate::Float>(packed: &PackedB<T>, m: usize, threads: usize) -> (usize, usize) {
    let PackedB { kernel, k, n, .. } = *packed;
    let strips = strip_count(kernel, n);
    let bytes = k.div_ceil(packed.depths()) * kernel.lanes * kernel.vectors * size_of::<T>();
    let fewest = strips.div_ceil((BLOCK_BYTES / bytes).max(1));
    if threads == 1 {
        return (1, fewest);
    }
    // Four tasks a thread, so that none waits long for another; strips first, for each of them is read from memory.
    let wanted = (4 * threads).max(fewest).next_multiple_of(threads).min(strips);
    (if wanted < threads { threads.div_ceil(wanted).min(m.div_ceil(PACKED_ROWS)) } else { 1 }, wanted)
}

/// See [`gemm_packed`].
pub(super) fn run<T: Tables>(call: GemmPacked<'_, T>, here: bool) {
    let GemmPacked { m, a, b: packed, c, c_stride, accumulate, bias } = call;
    let PackedB { kernel, k, n, ref data } = *packed;
    if m == 0 || n == 0 {
        return;
    }
    super::check_c([m, n], c_stride, c.len(), bias);
    let epilogue = Epilogue { bias, by_row: false };
    if k == 0 {
        return (0..m).for_each(|i| epilogue.row(&mut c[i * c_stride..][..n], accumulate));
    }
    let a = Operand::new("A", &a, [m, k], 0);
    let source = Shared(a.start.cast_mut());
    let to = Shared(c.as_mut_ptr());
    let cost = if here { Cost::default() } else { cost::<T>(m, n, k) };
    let threads = if parallel::is_parallel(cost) { parallel::threads() } else { 1 };
    let (row_blocks, groups) = grid(packed, m, threads);
    parallel::for_each(row_blocks * groups, cost, |task| {
        let rows = cut(m, row_blocks, task % row_blocks);
        let (first, count) = cut(strip_count(kernel, n), groups, task / row_blocks);
        let block = Block {
            kernel,
            m: rows.1,
            n,
            k,
            a: Operand { start: source.at(0).cast_const(), ..a }.shifted(rows.0, 0),
            b: Operand { start: data.as_slice().as_ptr(), row: 0, column: 0 },
            c: to.at(rows.0 * c_stride),
            c_row: c_stride,
            c_column: 1,
            row: rows.0,
            column: 0,
            accumulate,
            epilogue,
        };
        multiply(&block, packed, first..first + count);
    });
}

/// The estimate of the whole product's cost.
fn cost<T>(m: usize, n: usize, k: usize) -> Cost {
    let work = m.saturating_mul(n).saturating_mul(k);
    let bytes = k.saturating_mul(n).saturating_add(m.saturating_mul(n + k)).saturating_mul(size_of::<T>());
    Cost { bytes, flops: work / 2 }
}

/// Some rows of C, those of some strips; the block's `b` is the whole packed operand.
fn multiply<T: crate::Float>(block: &Block<'_, T>, packed: &PackedB<T>, of_strips: Range<usize>) {
    let Block { kernel, m, k, a, b, .. } = *block;
    let depths = packed.depths();
    let packs_a = a.column != 1;
    let groups = if packs_a { m.div_ceil(PACKED_ROWS) } else { 1 };
    let length = if packs_a { PACKED_ROWS.min(m) * k.div_ceil(depths) } else { 0 };
    with_scratch::<T, _>(length, |scratch| {
        for d in 0..depths {
            let (p, depth) = cut(k, depths, d);
            let strips = b.start.wrapping_add(packed_b_length(kernel, p, packed.n));
            for group in 0..groups {
                let (row, rows) = cut(m, groups, group);
                let mut panels = a.shifted(row, p);
                let (first, last) = (d == 0, d + 1 == depths);
                let step = Step { block, depth, first, last, strips: of_strips.clone() };
                // SAFETY: the scratch has room for the group's rows; the packed form of this depth begins at `strips`.
                unsafe {
                    if packs_a {
                        pack_a(kernel, panels, [rows, depth], scratch);
                        panels = Operand { start: scratch, row: 1, column: 0 };
                    }
                    step.rows((row, rows), panels, packs_a, strips);
                }
            }
        }
    });
}
