//! Large products: for each block of the depth, all threads pack what all of them read, then all multiply. Nothing is
//! packed twice; two joins for each block of the depth are little beside the work.

use super::Operand;
use super::nest::{Block, Problem, Step};
use super::pack::{cut, pack_a, pack_b, packed_b_length};
use super::plan::Plan;
use super::scratch::{Shared, with_scratch};
use crate::parallel::{self, Cost};

/// Blocks of columns whose packed form is held at a time.
const COLUMN_BLOCKS: usize = 16;
/// Blocks of rows whose packed form is held at a time.
const ROW_BLOCKS: usize = 32;
/// Rows of B that one task packs.
const PACKED_ROWS: usize = 128;

/// What is packed at a time: some columns of B and rows of A (all rows, if A stays where it is) of one depth block.
struct Stage<'a, 'p, T: 'static> {
    problem: &'a Problem<'p, T>,
    plan: &'a Plan,
    /// Which product.
    index: usize,
    /// First block of columns, and their number.
    columns: (usize, usize),
    /// First block of rows, and their number.
    rows: (usize, usize),
    /// First row of B, and their number.
    depth: (usize, usize),
    packs_a: bool,
    /// Where packed B lies.
    b: Shared<T>,
    /// Where packed A lies.
    a: Shared<T>,
}

/// Runs every product of `problem`.
pub(super) fn run<T: crate::Float>(problem: &Problem<'_, T>, plan: &Plan, packs_a: bool) {
    let Problem { kernel, m, k, .. } = *problem;
    let depths = k.div_ceil(kernel.depth);
    let depth = k.div_ceil(depths);
    let all_columns = plan.column_blocks.div_ceil(COLUMN_BLOCKS);
    let all_rows = if packs_a { plan.row_blocks.div_ceil(ROW_BLOCKS) } else { 1 };
    let columns_of = |i| problem.columns(plan, i);
    let most_columns = longest(plan.column_blocks, all_columns, columns_of);
    let most_rows = longest(plan.row_blocks, all_rows, |i| cut(m, plan.row_blocks, i));
    let b_length = packed_b_length(kernel, depth, most_columns).next_multiple_of(64);
    let a_length = if packs_a { most_rows * depth } else { 0 };
    with_scratch::<T, _>(b_length + a_length, |scratch| {
        for index in 0..problem.offsets.len() {
            for columns in 0..all_columns {
                let columns = cut(plan.column_blocks, all_columns, columns);
                for rows in 0..all_rows {
                    let rows = cut(plan.row_blocks, all_rows, rows);
                    for d in 0..depths {
                        let depth = cut(k, depths, d);
                        let (b, a) = (Shared(scratch), Shared(scratch.wrapping_add(b_length)));
                        let stage = Stage { problem, plan, index, columns, rows, depth, packs_a, b, a };
                        stage.pack();
                        stage.multiply();
                    }
                }
            }
        }
    });
}

/// The longest of the runs that `blocks` form when they are cut into `groups`; `block` gives start and length of each.
fn longest(blocks: usize, groups: usize, block: impl Fn(usize) -> (usize, usize)) -> usize {
    let length = |group| {
        let (first, count) = cut(blocks, groups, group);
        let (start, length) = block(first + count - 1);
        start + length - block(first).0
    };
    (0..groups).map(length).max().unwrap_or(0)
}

impl<T: crate::Float> Stage<'_, '_, T> {
    /// Start and length of block `i` of the columns.
    fn columns_of(&self, i: usize) -> (usize, usize) {
        self.problem.columns(self.plan, self.columns.0 + i)
    }

    /// Start and length of block `i` of the rows.
    fn rows_of(&self, i: usize) -> (usize, usize) {
        cut(self.problem.m, self.plan.row_blocks, self.rows.0 + i)
    }

    /// Where packed block `i` of the columns lies.
    fn packed_b(&self, i: usize) -> *mut T {
        self.b.at(self.depth.1 * (self.columns_of(i).0 - self.columns_of(0).0))
    }

    /// Where packed block `i` of the rows lies.
    fn packed_a(&self, i: usize) -> *mut T {
        self.a.at(self.depth.1 * (self.rows_of(i).0 - self.rows_of(0).0))
    }

    /// Packs B and, if that is wanted, A.
    fn pack(&self) {
        let Problem { kernel, n, m, .. } = *self.problem;
        let depth = self.depth.1;
        let pieces = depth.div_ceil(PACKED_ROWS);
        let of_b = self.columns.1 * pieces;
        let of_a = if self.packs_a { self.rows.1 } else { 0 };
        let cost = Cost::bytes(2 * depth * (n + if self.packs_a { m } else { 0 }) * size_of::<T>());
        parallel::for_each(of_b + of_a, self.problem.cost(cost), |task| {
            let (column, row) = (task / pieces, task.wrapping_sub(of_b));
            if task < of_b {
                let block = self.block((0, 1), self.columns_of(column));
                let (start, length) = cut(depth, pieces, task % pieces);
                let to = self.packed_b(column);
                // SAFETY: the block's part of the scratch, these rows of it this task's own.
                unsafe { pack_b(kernel, block.b, [depth, block.n], start..start + length, to) };
            } else {
                let block = self.block(self.rows_of(row), (0, 1));
                // SAFETY: the block's part of the scratch, this task's own.
                unsafe { pack_a(kernel, block.a, block.m, depth, self.packed_a(row)) };
            }
        });
    }

    /// Multiplies what is packed.
    fn multiply(&self) {
        let (start, depth) = self.depth;
        let (first, last) = (start == 0, start + depth == self.problem.k);
        // Neighbouring tasks share a block of columns: it stays in the cache of the thread that runs them.
        parallel::for_each(self.columns.1 * self.rows.1, self.problem.cost(self.plan.cost), |task| {
            let (column, row) = (task / self.rows.1, task % self.rows.1);
            let block = self.block(self.rows_of(row), self.columns_of(column));
            let a = match self.packs_a {
                true => Operand { start: self.packed_a(row).cast_const(), row: 1, column: 0 },
                false => block.a,
            };
            let step = Step { block: &block, depth, first, last };
            // SAFETY: both packed forms were made for this depth.
            unsafe { step.rows((0, block.m), a, self.packs_a, self.packed_b(column)) };
        });
    }

    /// This depth block of some rows and columns.
    fn block(&self, rows: (usize, usize), columns: (usize, usize)) -> Block<'_, T> {
        self.problem.block((self.index, self.index), rows, columns, self.depth)
    }
}
