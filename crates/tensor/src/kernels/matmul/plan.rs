//! Which path a product takes and how C is cut into blocks. Both follow from sizes and strides alone, never from the
//! number of threads, so that the result has the same bits at any.

use super::Operand;
use super::kernel::Kernel;
use crate::parallel::Cost;

/// A way through the block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Path {
    /// B packed, A packed if its rows are far from contiguous.
    Packed {
        /// Whether A is packed too.
        pack_a: bool,
    },
    /// As `Packed`, with packed blocks that all tasks share.
    Shared {
        /// Whether A is packed too.
        pack_a: bool,
    },
    /// Nothing packed, B's rows contiguous; depth blocks of at most `depth`.
    Stream {
        /// Rows of B taken together.
        depth: usize,
    },
    /// Inner products along contiguous k.
    Dot,
}

/// What [`super::nest::Problem::run`] does.
#[derive(Clone, Copy, Debug)]
pub(super) struct Plan {
    pub(super) path: Path,
    pub(super) row_blocks: usize,
    pub(super) column_blocks: usize,
    /// Parts of the depth, whose sums are added in a tree; above 1 for small C and long depth.
    pub(super) parts: usize,
    /// Blocks that one task runs one after the other.
    pub(super) blocks_per_task: usize,
    pub(super) cost: Cost,
}

/// Sizes of a product.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sizes {
    pub(super) m: usize,
    pub(super) n: usize,
    pub(super) k: usize,
    pub(super) batch: usize,
}

/// Up to here B is streamed a few rows at a time and read once, from end to end.
const FEW_ROWS: usize = 8;
/// Rows of B that few rows of A meet at a time: as many as the hardware prefetches side by side.
const FEW_ROWS_DEPTH: usize = 8;
/// Rows of B that more rows of A meet at a time: a strip of them stays in the first-level cache.
const UNPACKED_DEPTH: usize = 128;
/// Rows of A up to which packing B costs more than it saves.
const UNPACKED_ROWS: usize = 48;
/// An operand of this many bytes stays in cache without packing.
const UNPACKED_BYTES: usize = 128 * 1024;
/// Rows of A from which several tasks would pack the same columns of B, so that they share them.
const SHARED_ROWS: usize = 192;
/// Columns up to which A is streamed along its rows.
const FEW_COLUMNS: usize = 4;
/// Multiply-adds of a task that is surely worth handing to another thread.
const TASK: usize = 1 << 20;
/// Bytes of such a task.
const TASK_BYTES: usize = 1 << 20;
/// Tasks that are enough for any machine.
const MOST_TASKS: usize = 64;
/// Parts of the depth that are enough for any machine, each of them at least [`PART`] deep.
const MOST_PARTS: usize = 16;
/// See [`MOST_PARTS`].
const PART: usize = 128;

impl Sizes {
    /// Multiply-adds of one product.
    fn work(self) -> usize {
        self.m.saturating_mul(self.n).saturating_mul(self.k)
    }

    /// Bytes of `rows` × `columns` elements.
    fn bytes<T>(rows: usize, columns: usize) -> usize {
        rows.saturating_mul(columns).saturating_mul(size_of::<T>())
    }
}

/// The path for these operands.
fn path<T>(kernel: &Kernel<T>, s: Sizes, a: &Operand<T>, b: &Operand<T>) -> Path {
    let is_long = s.k >= 2 * kernel.lanes;
    if is_long && (b.row == 1 && s.m <= FEW_ROWS || a.column == 1 && s.n <= FEW_COLUMNS) {
        return Path::Dot;
    }
    let b_fits = Sizes::bytes::<T>(s.k, s.n) <= UNPACKED_BYTES;
    if b.column == 1 {
        if s.m <= FEW_ROWS && !b_fits {
            return Path::Stream { depth: FEW_ROWS_DEPTH };
        }
        if s.m <= UNPACKED_ROWS || b_fits {
            return Path::Stream { depth: UNPACKED_DEPTH };
        }
    }
    if s.m >= SHARED_ROWS && s.work() >= 8 * TASK {
        return Path::Shared { pack_a: a.column != 1 };
    }
    Path::Packed { pack_a: a.column != 1 && Sizes::bytes::<T>(s.m, s.k) > UNPACKED_BYTES }
}

/// Whether to compute the transposed product: few columns, and an A that is contiguous along its columns.
pub(super) fn is_better_transposed<T>(s: Sizes, a: &Operand<T>) -> bool {
    s.n <= FEW_COLUMNS && s.m >= 8 * s.n && a.row == 1 && a.column != 1
}

/// The plan for these operands.
pub(super) fn plan<T>(kernel: &Kernel<T>, s: Sizes, a: &Operand<T>, b: &Operand<T>) -> Plan {
    let path = path(kernel, s, a, b);
    let work = s.work();
    let bytes = [(s.m, s.k), (s.k, s.n), (s.m, s.n)].map(|(rows, columns)| Sizes::bytes::<T>(rows, columns));
    let bytes = bytes.into_iter().fold(0, usize::saturating_add);
    // Two operations for each multiply-add, which register tiles do about four times as fast as the loops that the
    // cost model has in mind.
    let cost = Cost { bytes: bytes.saturating_mul(s.batch), flops: work.saturating_mul(s.batch) / 2 };
    let wanted = (work / TASK).max(bytes / TASK_BYTES).min(MOST_TASKS);
    let [row_blocks, column_blocks] = blocks(kernel, s, path, wanted);
    let blocks = row_blocks * column_blocks;
    let parts = match path {
        Path::Shared { .. } => 1,
        _ => parts(s, wanted / blocks),
    };
    let per_task = match path {
        Path::Shared { .. } => 1,
        _ => (TASK / 4 / (work / (blocks * parts)).max(1)).max(1),
    };
    Plan { path, row_blocks, column_blocks, parts, blocks_per_task: per_task, cost }
}

/// Into how many parts to cut the depth, where C alone gives only one block for `wanted` tasks. The parts' sums must
/// stay few beside the operands.
fn parts(s: Sizes, wanted: usize) -> usize {
    let few = (s.m + s.n).saturating_mul(s.k) / s.m.saturating_mul(s.n).saturating_mul(8);
    wanted.min(MOST_PARTS).min(few).min(s.k / PART).max(1)
}

/// Blocks of C's rows and columns for so many tasks.
fn blocks<T>(kernel: &Kernel<T>, s: Sizes, path: Path, wanted: usize) -> [usize; 2] {
    let vectors = s.n.div_ceil(kernel.lanes);
    let (mut rows, mut columns) = match path {
        Path::Shared { .. } => {
            let wide = if s.n >= 4 * kernel.columns { kernel.columns } else { kernel.columns / 2 };
            let columns = s.n.div_ceil(wide);
            let rows = (s.m / SHARED_ROWS).min((s.work() / (4 * TASK)).div_ceil(columns));
            return [rows.max(s.m.div_ceil(512)), columns];
        }
        Path::Stream { depth: FEW_ROWS_DEPTH } => return [1, s.n.div_ceil(4096)],
        Path::Packed { .. } => (1, s.n.div_ceil(kernel.columns)),
        Path::Stream { .. } | Path::Dot => (1, s.n.div_ceil(4096)),
    };
    // Columns first: tasks with the same columns pack or read the same part of B.
    while rows * columns < wanted {
        let (m, v) = (s.m / rows, vectors / columns);
        if v >= 4 * kernel.vectors && (rows * columns < 8 || m < 512) {
            columns *= 2;
        } else if m >= 512 || m >= 2 * kernel.rows && rows * columns < 8 && m > v * kernel.lanes {
            rows *= 2;
        } else if v >= 2 * kernel.vectors && rows * columns < 16 {
            columns *= 2;
        } else {
            break;
        }
    }
    [rows, columns]
}
