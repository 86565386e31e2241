//! The loops around the micro-kernels. C is cut into blocks ([`super::plan`]); each block is one task that shares nothing
//! but its operands: it packs its own columns of B (they fit the second-level cache), so no task waits for another.

use super::epilogue::Epilogue;
use super::kernel::{Kernel, TileCall};
use super::pack::{cut, pack_a, pack_b, packed_b_length, strips};
use super::plan::{Path, Plan};
use super::scratch::with_scratch;
use super::{Operand, shared, small};
use crate::parallel::{self, Cost};

/// A checked batch of products: the pointers are good for every index below the sizes.
#[derive(Clone, Copy)]
pub(super) struct Problem<'a, T: 'static> {
    pub(super) kernel: &'static Kernel<T>,
    pub(super) m: usize,
    pub(super) n: usize,
    pub(super) k: usize,
    pub(super) a: Operand<T>,
    pub(super) b: Operand<T>,
    /// Where each product's A and B begin, beyond `a` and `b`.
    pub(super) offsets: &'a [(usize, usize)],
    pub(super) c: *mut T,
    pub(super) c_row: usize,
    /// Distance between the products' C.
    pub(super) c_batch: usize,
    pub(super) accumulate: bool,
    pub(super) epilogue: Epilogue<'a, T>,
    /// Whether all of it stays on the calling thread.
    pub(super) here: bool,
}

// SAFETY: A and B are only read, and every task writes its own block of C.
unsafe impl<T: Sync + Send> Sync for Problem<'_, T> {}

/// One block of one product's C: the operands begin at the block's rows and columns.
pub(super) struct Block<'a, T: 'static> {
    pub(super) kernel: &'static Kernel<T>,
    pub(super) m: usize,
    pub(super) n: usize,
    pub(super) k: usize,
    pub(super) a: Operand<T>,
    pub(super) b: Operand<T>,
    pub(super) c: *mut T,
    pub(super) c_row: usize,
    /// The block's first column in C.
    pub(super) column: usize,
    pub(super) accumulate: bool,
    pub(super) epilogue: Epilogue<'a, T>,
}

impl<'a, T: crate::Float> Problem<'a, T> {
    /// The block of `rows` × `columns` × `depth` (start and length each) of product `index`, to be written to C `to`.
    pub(super) fn block(
        &self,
        (index, to): (usize, usize),
        rows: (usize, usize),
        columns: (usize, usize),
        depth: (usize, usize),
    ) -> Block<'a, T> {
        let (a_offset, b_offset) = self.offsets[index];
        Block {
            kernel: self.kernel,
            m: rows.1,
            n: columns.1,
            k: depth.1,
            a: self.a.moved(a_offset).shifted(rows.0, depth.0),
            b: self.b.moved(b_offset).shifted(depth.0, columns.0),
            c: self.c.wrapping_add(to * self.c_batch + rows.0 * self.c_row + columns.0),
            c_row: self.c_row,
            column: columns.0,
            accumulate: self.accumulate,
            epilogue: self.epilogue,
        }
    }

    /// What a part of the work costs, as [`parallel`] shall see it.
    pub(super) fn cost(&self, cost: Cost) -> Cost {
        if self.here { Cost::default() } else { cost }
    }

    /// Runs all blocks as the plan cuts them. Part `p` of the depth of product `x` goes to C number `p · products + x`.
    pub(super) fn run(&self, plan: &Plan) {
        if let Path::Shared { pack_a } = plan.path {
            return shared::run(self, plan, pack_a);
        }
        let (blocks, products) = (plan.row_blocks * plan.column_blocks, self.offsets.len());
        let all = blocks * products * plan.parts;
        parallel::for_each(all.div_ceil(plan.blocks_per_task), self.cost(plan.cost), |task| {
            let first = task * plan.blocks_per_task;
            for i in first..all.min(first + plan.blocks_per_task) {
                let (to, block) = (i / blocks, i % blocks);
                let rows = cut(self.m, plan.row_blocks, block / plan.column_blocks);
                let columns = self.columns(plan, block % plan.column_blocks);
                let depth = cut(self.k, plan.parts, to / products);
                let block = self.block((to % products, to), rows, columns, depth);
                match plan.path {
                    Path::Packed { pack_a } => packed(&block, pack_a),
                    Path::Shared { .. } => {}
                    Path::Stream { depth } => small::stream(&block, depth),
                    Path::Dot => small::dot(&block),
                }
            }
        });
    }

    /// Block `i` of the columns, cut between vectors.
    pub(super) fn columns(&self, plan: &Plan, i: usize) -> (usize, usize) {
        let lanes = self.kernel.lanes;
        let (first, count) = cut(self.n.div_ceil(lanes), plan.column_blocks, i);
        (first * lanes, (count * lanes).min(self.n - first * lanes))
    }
}

/// Rows of A packed together: whole cache lines of a transposed A are used up.
const PACKED_ROWS: usize = 48;

/// Rows of packed B that are fetched ahead of their use.
const AHEAD: usize = 8;

/// The block by packed columns of B: depth block by depth block, panel by panel, strip by strip.
fn packed<T: crate::Float>(block: &Block<'_, T>, packs_a: bool) {
    let Block { kernel, m, n, k, a, b, .. } = *block;
    let depths = k.div_ceil(kernel.depth);
    let depth = k.div_ceil(depths);
    let b_length = packed_b_length(kernel, depth, n).next_multiple_of(64);
    let a_length = if packs_a { PACKED_ROWS.min(m) * depth } else { 0 };
    with_scratch::<T, _>(b_length + a_length, |b_packed| {
        for d in 0..depths {
            let (p, depth) = cut(k, depths, d);
            // SAFETY: the rows from p lie in B, the scratch is `b_length` long, the kernel was chosen for this machine.
            unsafe { pack_b(kernel, b.shifted(p, 0), [depth, n], 0..depth, b_packed) };
            let groups = if packs_a { m.div_ceil(PACKED_ROWS) } else { 1 };
            for group in 0..groups {
                let (row, rows) = cut(m, groups, group);
                let mut panels = a.shifted(row, p);
                if packs_a {
                    // SAFETY: the scratch holds PACKED_ROWS · depth elements of A behind B's.
                    unsafe {
                        let to = b_packed.add(b_length);
                        pack_a(kernel, panels, rows, depth, to);
                        panels = Operand { start: to, row: 1, column: 0 };
                    }
                }
                let step = Step { block, depth, first: d == 0, last: d + 1 == depths };
                // SAFETY: A's rows or their packed form, and B's packed form, were made for this depth.
                unsafe { step.rows((row, rows), panels, packs_a, b_packed) };
            }
        }
    });
}

/// One depth block of a [`Block`].
pub(super) struct Step<'a, 'b, T: 'static> {
    pub(super) block: &'a Block<'b, T>,
    pub(super) depth: usize,
    /// Whether C is still unwritten.
    pub(super) first: bool,
    /// Whether C is complete after it.
    pub(super) last: bool,
}

impl<T: crate::Float> Step<'_, '_, T> {
    /// The rows `row ..` of the block times packed B.
    ///
    /// # Safety
    /// `a` is A from these rows on (its panels if `packed`), `b` the packed block of B.
    pub(super) unsafe fn rows(&self, (row, rows): (usize, usize), a: Operand<T>, packed: bool, b: *const T) {
        let Block { kernel, n, c, c_row, column, accumulate, epilogue, .. } = *self.block;
        let panels = rows.div_ceil(kernel.rows);
        for panel in 0..panels {
            let (i, count) = cut(rows, panels, panel);
            // SAFETY: panel and strip lie within the block's rows and columns.
            unsafe {
                let a = if packed {
                    (a.start.add(self.depth * i), 1, count as isize)
                } else {
                    (a.at(i, 0), a.row, a.column)
                };
                for strip in strips(kernel, n) {
                    let call = TileCall {
                        k: self.depth,
                        a,
                        b: (b.add(self.depth * strip.column), (strip.vectors * kernel.lanes) as isize),
                        ahead: AHEAD * strip.vectors * kernel.lanes,
                        c: (c.add((row + i) * c_row + strip.column), c_row),
                        last: strip.last,
                        finish: epilogue.at(column + strip.column, accumulate, self.first, self.last),
                    };
                    kernel.tile(count, strip.vectors)(&call);
                }
            }
        }
    }
}
