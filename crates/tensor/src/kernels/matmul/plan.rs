//! Which path a product takes and how C is cut into blocks. Both follow from sizes and strides alone, never from the
//! number of threads.

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
/// Rows of B that more rows of A meet at a time: a strip of them is near the first-level cache.
const UNPACKED_DEPTH: usize = 256;
/// Rows of A up to which packing B costs more than it saves.
const UNPACKED_ROWS: usize = 128;
/// A right operand of this many bytes stays in the second-level cache without packing.
const UNPACKED_BYTES: usize = 512 * 1024;
/// A left operand of this many bytes is read along its columns without packing.
const UNPACKED_A_BYTES: usize = 256 * 1024;
/// Columns up to which A is streamed along its rows.
const FEW_COLUMNS: usize = 4;
/// Multiply-adds of a task that is surely worth handing to another thread.
const TASK: usize = 1 << 19;
/// Bytes of such a task.
const TASK_BYTES: usize = 1 << 20;
/// Tasks that are enough for any machine.
const MOST_TASKS: usize = 64;
/// Parts of the depth that are enough for any machine, each of them at least [`PART`] deep.
const MOST_PARTS: usize = 16;
/// See [`MOST_PARTS`].
const PART: usize = 128;
/// Fewest rows of a block.
const BLOCK_ROWS: usize = 48;
/// Fewest columns of a block, in tiles.
const BLOCK_TILES: usize = 1;

impl Sizes {
    /// Multiply-adds of one product.
    fn work(self) -> usize {
        self.m.saturating_mul(self.n).saturating_mul(self.k)
    }

    /// Bytes of `rows` × `columns` elements.
    fn bytes<T>(rows: usize, columns: usize) -> usize {
        rows.saturating_mul(columns).saturating_mul(size_of::<T>())
    }

    /// Of the transposed product.
    pub(super) fn transposed(self) -> Self {
        Self { m: self.n, n: self.m, ..self }
    }
}

/// The path for these operands.
fn path<T>(kernel: &Kernel<T>, s: Sizes, a: &Operand<T>, b: &Operand<T>) -> Path {
    let is_long = s.k >= 2 * kernel.lanes;
    if is_long && (b.row == 1 && s.m <= FEW_ROWS || a.column == 1 && s.n <= FEW_COLUMNS) {
        return Path::Dot;
    }
    let b_fits = Sizes::bytes::<T>(s.k, s.n) <= UNPACKED_BYTES;
    let pack_a = a.column != 1 && Sizes::bytes::<T>(s.m, s.k) > UNPACKED_A_BYTES;
    if b.column == 1 && s.m <= FEW_ROWS && !b_fits {
        return Path::Stream { depth: FEW_ROWS_DEPTH };
    }
    if b.column == 1 && !pack_a && (s.m <= UNPACKED_ROWS || b_fits) {
        return Path::Stream { depth: UNPACKED_DEPTH };
    }
    Path::Packed { pack_a }
}

/// Whether to compute the transposed product. With few columns, an A that is contiguous along its columns becomes a B that
/// is streamed. With fewer rows than columns, a B that is contiguous along its columns becomes an A that needs no packing:
/// y = x·Wᵀ for a small batch, say.
pub(super) fn is_better_transposed<T>(s: Sizes, a: &Operand<T>, b: &Operand<T>) -> bool {
    let few = s.n <= FEW_COLUMNS && s.m >= 8 * s.n && a.row == 1 && a.column != 1;
    few || b.row == 1 && b.column != 1 && s.m > FEW_ROWS && s.n > FEW_COLUMNS && 2 * s.m <= s.n
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
    let wanted = (work / TASK).max(bytes / TASK_BYTES).clamp(1, MOST_TASKS);
    let [row_blocks, column_blocks] = blocks(kernel, s, path, wanted);
    let blocks = row_blocks * column_blocks;
    let parts = parts(s, (work / (2 * TASK)).max(bytes / TASK_BYTES).min(MOST_TASKS) / blocks);
    let per_task = (TASK / 2 / (work / (blocks * parts)).max(1)).max(1);
    Plan { path, row_blocks, column_blocks, parts, blocks_per_task: per_task, cost }
}

/// Into how many parts to cut the depth, where C alone gives only one block for `wanted` tasks. The parts' sums must
/// stay few beside the operands.
fn parts(s: Sizes, wanted: usize) -> usize {
    let few = (s.m + s.n).saturating_mul(s.k) / s.m.saturating_mul(s.n).saturating_mul(8);
    wanted.min(MOST_PARTS).min(few).min(s.k / PART).max(1)
}

/// Blocks of C's rows and columns for at most so many tasks: the grid with the least time, by [`time`], where one, two,
/// four and eight threads count (two of them twice).
fn blocks<T>(kernel: &Kernel<T>, s: Sizes, path: Path, wanted: usize) -> [usize; 2] {
    let vectors = s.n.div_ceil(kernel.lanes);
    let widest = match path {
        Path::Packed { .. } => kernel.columns,
        Path::Stream { depth: FEW_ROWS_DEPTH } => return [1, s.n.div_ceil(4096)],
        Path::Stream { .. } | Path::Dot => 4096,
    };
    let fewest = s.n.div_ceil(widest);
    let most = (vectors / (BLOCK_TILES * kernel.vectors)).min(MOST_TASKS / 4).max(fewest);
    if wanted == 1 || fewest >= MOST_TASKS {
        return [1, fewest];
    }
    let (mut best, mut least) = ([1, fewest], usize::MAX);
    for columns in fewest..=most {
        let mut rows = 1;
        while rows == 1 || rows * columns <= wanted && s.m / rows >= BLOCK_ROWS {
            let each = time(path, s.m.div_ceil(rows), vectors.div_ceil(columns) * kernel.lanes);
            let tasks = rows * columns;
            let rounds = |threads: usize| tasks.div_ceil(threads) * threads;
            let all = (rounds(1) + 2 * rounds(2) + rounds(4) + rounds(8)).saturating_mul(each);
            if all < least && (tasks <= wanted || tasks == fewest) {
                (best, least) = ([rows, columns], all);
            }
            rows *= 2;
        }
    }
    best
}

/// The time of a block per unit of depth, in 32nds of a cycle of the AVX-512 kernel: its arithmetic, and what was measured
/// for packing or reading a column of B and a row of A.
fn time(path: Path, rows: usize, columns: usize) -> usize {
    let (of_b, of_a) = match path {
        Path::Packed { pack_a: true } => (22, 18),
        Path::Packed { pack_a: false } => (22, 5),
        Path::Stream { .. } | Path::Dot => (3, 3),
    };
    rows.saturating_mul(columns).saturating_add(of_b * columns).saturating_add(of_a * rows)
}
