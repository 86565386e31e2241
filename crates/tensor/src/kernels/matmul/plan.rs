//! Which path a product takes and how C is cut into blocks. Both follow from sizes and strides alone, never from the
//! number of threads.

use super::Operand;
use super::kernel::Kernel;
use super::scratch::KEPT_BYTES;
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
    /// Whether a block's neighbour in the order of work lies in the same rows, not in the same columns.
    pub(super) by_rows: bool,
    /// Most depth of a packed block.
    pub(super) depth: usize,
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
/// Such a path.
const FEW_ROWS_STREAM: Path = Path::Stream { depth: FEW_ROWS_DEPTH };
/// Rows of B that more rows of A meet at a time: a strip of them is near the first-level cache.
const UNPACKED_DEPTH: usize = 256;
/// Rows of A up to which packing B costs more than it saves.
const UNPACKED_ROWS: usize = 128;
/// The same where B stays in the second-level cache.
const MORE_UNPACKED_ROWS: usize = 512;
/// A right operand of this many bytes is near the first-level cache anyway.
const SMALL_BYTES: usize = 96 * 1024;
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
        return FEW_ROWS_STREAM;
    }
    let most_rows = match Sizes::bytes::<T>(s.k, s.n) {
        small if small <= SMALL_BYTES => usize::MAX,
        near if near <= UNPACKED_BYTES => MORE_UNPACKED_ROWS,
        _ => UNPACKED_ROWS,
    };
    if b.column == 1 && !pack_a && s.m <= most_rows {
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
pub(super) fn plan<T>(kernel: &Kernel<T>, s: Sizes, [a, b]: [&Operand<T>; 2], threads: usize) -> Plan {
    let path = path(kernel, s, a, b);
    let work = s.work();
    let bytes = [(s.m, s.k), (s.k, s.n), (s.m, s.n)].map(|(rows, columns)| Sizes::bytes::<T>(rows, columns));
    let bytes = bytes.into_iter().fold(0, usize::saturating_add);
    // Two operations for each multiply-add, which register tiles do about four times as fast as the loops that the
    // cost model has in mind.
    let cost = Cost { bytes: bytes.saturating_mul(s.batch), flops: work.saturating_mul(s.batch) / 2 };
    let wanted = (work / TASK).max(bytes / TASK_BYTES).clamp(1, MOST_TASKS);
    let c_blocks = match path {
        FEW_ROWS_STREAM => s.n.div_ceil(4096),
        _ => (s.m / BLOCK_ROWS).max(1) * s.n.div_ceil(kernel.vectors * kernel.lanes),
    };
    let parts = parts(s, (work / (2 * TASK)).max(bytes / TASK_BYTES).min(MOST_TASKS) / c_blocks);
    let Grid { row_blocks, column_blocks, by_rows } = grid(kernel, s, path, parts, (wanted, threads));
    let blocks = row_blocks * column_blocks;
    let per_task = (TASK / 2 / (work / (blocks * parts)).max(1)).max(1);
    Plan {
        path,
        row_blocks,
        column_blocks,
        by_rows,
        depth: kernel_depth(kernel, path),
        parts,
        blocks_per_task: per_task,
        cost,
    }
}

/// Into how many parts to cut the depth, where C alone gives only one block for `wanted` tasks. The parts' sums must
/// stay few beside the operands.
fn parts(s: Sizes, wanted: usize) -> usize {
    let few = (s.m + s.n).saturating_mul(s.k) / s.m.saturating_mul(s.n).saturating_mul(8);
    wanted.min(MOST_PARTS).min(few).min(s.k / PART).max(1)
}

/// Bytes of a packed block of B: half of the second-level cache.
pub(super) const BLOCK_BYTES: usize = 1 << 20;
/// Most depth of a packed block: half of it where packed rows of A need room beside it.
fn kernel_depth<T>(kernel: &Kernel<T>, path: Path) -> usize {
    if path == (Path::Packed { pack_a: true }) { kernel.depth / 2 } else { kernel.depth }
}

/// How C is cut, and in which order its blocks come.
struct Grid {
    row_blocks: usize,
    column_blocks: usize,
    by_rows: bool,
}

/// Blocks of C's rows and columns for so many threads and at most `wanted` tasks: the grid with the least time. It never
/// shows in the result: the order of a sum follows from the depth alone.
fn grid<T>(
    kernel: &Kernel<T>,
    s: Sizes,
    path: Path,
    parts: usize,
    (wanted, threads): (usize, usize),
) -> Grid {
    let vectors = s.n.div_ceil(kernel.lanes);
    let depth = s.k.div_ceil(parts);
    let depth = depth.div_ceil(depth.div_ceil(kernel_depth(kernel, path)));
    let widest = match path {
        Path::Packed { pack_a } => {
            let bytes = if pack_a { BLOCK_BYTES / 2 * 3 } else { BLOCK_BYTES };
            (bytes / Sizes::bytes::<T>(1, depth) / kernel.lanes).max(kernel.vectors) * kernel.lanes
        }
        Path::Stream { .. } | Path::Dot => 4096,
    };
    let fewest = s.n.div_ceil(widest);
    let mut best = Grid { row_blocks: 1, column_blocks: fewest, by_rows: false };
    let alone = (threads == 1 || wanted == 1) && path != (Path::Packed { pack_a: true });
    if alone || path == FEW_ROWS_STREAM {
        return best;
    }
    let most = (vectors / (BLOCK_TILES * kernel.vectors)).min(fewest + MOST_TASKS).max(fewest);
    let outputs = s.batch.saturating_mul(parts);
    let mut least = usize::MAX;
    for column_blocks in fewest..=most {
        for row_blocks in 1..=(s.m / BLOCK_ROWS).clamp(1, MOST_TASKS) {
            let tasks = row_blocks * column_blocks;
            if tasks > wanted && tasks != fewest {
                break;
            }
            let columns = vectors.div_ceil(column_blocks) * kernel.lanes;
            let time = Time::new(path, s.m.div_ceil(row_blocks), columns);
            let turns = tasks.saturating_mul(outputs).div_ceil(threads);
            // More rows than a thread keeps would be packed again for each block of columns.
            let keeps =
                path != (Path::Packed { pack_a: true }) || Sizes::bytes::<T>(s.m, depth) <= KEPT_BYTES;
            for by_rows in if keeps { &[false, true][..] } else { &[true] }.iter().copied() {
                // A thread packs the rows of A that it meets once, and columns of B whenever it comes to others.
                let (of_a, of_b) = match by_rows {
                    true => (turns.div_ceil(column_blocks), if column_blocks == 1 { 1 } else { turns }),
                    false => (turns.min(row_blocks * outputs), turns.div_ceil(row_blocks)),
                };
                let spills = !by_rows && Sizes::bytes::<T>(s.m, depth) > BLOCK_BYTES / 2;
                let time_of_a = if spills { time.of_a / 2 * 3 } else { time.of_a };
                let packing = of_a.saturating_mul(time_of_a) + of_b.saturating_mul(time.of_b);
                // The last task keeps the others waiting, for half of its time if they are as fast as each other;
                // machines are seldom that even.
                let all = turns.saturating_mul(time.each) + packing + time.each / 4;
                if all < least {
                    (best, least) = (Grid { row_blocks, column_blocks, by_rows }, all);
                }
            }
        }
    }
    best
}

/// The time of a block per unit of depth, in 32nds of a cycle of the AVX-512 kernel.
struct Time {
    /// Its arithmetic, with the reading of unpacked operands.
    each: usize,
    /// The packing of its columns of B.
    of_b: usize,
    /// The packing of its rows of A.
    of_a: usize,
}

impl Time {
    /// As measured.
    fn new(path: Path, rows: usize, columns: usize) -> Self {
        let arithmetic = rows.saturating_mul(columns).saturating_add(5 * rows);
        match path {
            Path::Packed { pack_a } => {
                Self { each: arithmetic, of_b: 22 * columns, of_a: if pack_a { 18 * rows } else { 0 } }
            }
            Path::Stream { .. } | Path::Dot => Self { each: arithmetic + 3 * columns, of_b: 0, of_a: 0 },
        }
    }
}
