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

/// Up to here B is streamed a few rows at a time: C's few rows stay in registers and first-level cache.
const FEW_ROWS: usize = 8;
/// Up to here packing B costs more than it saves.
const UNPACKED_ROWS: usize = 48;
/// A B of this many bytes stays in cache without packing.
const UNPACKED_BYTES: usize = 128 * 1024;
/// From here on several tasks would pack the same columns of B, so they share them.
const SHARED_ROWS: usize = 192;
/// Columns up to which A is streamed along its rows.
const FEW_COLUMNS: usize = 4;
/// Work of a task that is worth handing to another thread, in multiply-adds.
const TASK: usize = 1 << 20;

pub(super) fn tune(name: &'static str, default: usize) -> usize {
    thread_local!{ static V: std::cell::RefCell<Vec<(&'static str, usize)>> = const { std::cell::RefCell::new(Vec::new()) }; }
    V.with_borrow_mut(|v| { if let Some(x) = v.iter().find(|x| x.0 == name) { return x.1; } let x = std::env::var(name).ok().and_then(|x| x.parse().ok()).unwrap_or(default); v.push((name, x)); x })
}
/// The path for these operands.
fn path<T>(kernel: &Kernel<T>, s: Sizes, a: &Operand<T>, b: &Operand<T>) -> Path {
    let long = s.k >= 2 * kernel.lanes;
    if long && (b.row == 1 && s.m <= FEW_ROWS || a.column == 1 && s.n <= FEW_COLUMNS) {
        return Path::Dot;
    }
    let bytes = s.n * s.k * size_of::<T>();
    if b.column == 1 {
        if s.m <= FEW_ROWS && bytes > UNPACKED_BYTES {
            return Path::Stream { depth: 8 };
        }
        if s.m <= UNPACKED_ROWS || bytes <= UNPACKED_BYTES {
            return Path::Stream { depth: 128 };
        }
    }
    if s.m >= SHARED_ROWS && s.m * s.n * s.k >= 8 * TASK {
        return Path::Shared { pack_a: a.column != 1 };
    }
    Path::Packed { pack_a: a.column != 1 && s.m * s.k * size_of::<T>() > UNPACKED_BYTES }
}

/// Whether to compute the transposed product: few columns, and an A that is contiguous along its columns.
pub(super) fn is_better_transposed<T>(s: Sizes, a: &Operand<T>) -> bool {
    s.n <= FEW_COLUMNS && s.m >= 8 * s.n && a.row == 1 && a.column != 1
}

/// The plan for these operands.
pub(super) fn plan<T>(kernel: &Kernel<T>, s: Sizes, a: &Operand<T>, b: &Operand<T>) -> Plan {
    let path = path(kernel, s, a, b);
    let work = s.m * s.n * s.k;
    let bytes = (s.m * s.k + s.k * s.n + s.m * s.n) * size_of::<T>();
    // The model's 32 operations a nanosecond are those of plain loops; register tiles do about three times as many.
    let cost = Cost { bytes: bytes.saturating_mul(s.batch), flops: work.saturating_mul(s.batch) / 2 };
    if let Path::Shared { .. } = path {
        let columns = s.n.div_ceil(kernel.columns);
        let rows = (s.m / tune("RB", 128)).min((work >> 22).div_ceil(columns)).max(s.m.div_ceil(512));
        return Plan { path, row_blocks: rows, column_blocks: columns, parts: 1, blocks_per_task: 1, cost };
    }
    let vectors = s.n.div_ceil(kernel.lanes);
    let wanted = (work / TASK).max(bytes >> 20).min(64);
    let few_rows = matches!(path, Path::Stream { depth: 8 });
    let width = match path {
        Path::Packed { .. } | Path::Shared { .. } => kernel.columns,
        _ => 4096
    };
    let (mut rows, mut columns) = (1, s.n.div_ceil(width));
    while rows * columns < wanted && !few_rows {
        let (m, v) = (s.m / rows, vectors / columns);
        if v >= 4 * kernel.vectors && rows * columns < 8 || v >= 4 * kernel.vectors && m < 512 {
            columns *= 2;
        } else if m >= 512 || m >= 2 * kernel.rows && rows * columns < 8 && m > v * kernel.lanes {
            rows *= 2;
        } else if v >= 2 * kernel.vectors && rows * columns < 16 {
            columns *= 2;
        } else {
            break;
        }
    }
    let blocks = rows * columns * s.batch;
    // The parts' sums must stay few beside the operands.
    let most = ((s.m + s.n) * s.k / (8 * s.m * s.n).max(1)).min(s.k / 128);
    let parts = if blocks < 8 && most > 1 { (wanted / blocks).min(16).min(most).max(1) } else { 1 };
    let per_task = (TASK / (work / (rows * columns * parts)).max(1)).max(1);
    Plan { path, row_blocks: rows, column_blocks: columns, parts, blocks_per_task: per_task, cost }
}
