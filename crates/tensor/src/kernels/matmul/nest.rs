//! The loops around the micro-kernels. C is cut into blocks ([`super::plan`]), one task each. A thread packs the columns of B
//! that it needs and keeps them (they fit the second-level cache) while its next blocks lie in the same columns.

use std::ops::Range;

use super::epilogue::Epilogue;
use super::kernel::{Kernel, TileCall};
use super::pack::{Strip, cut, pack_a, pack_b, packed_b_length, strip_count, strips};
use super::plan::{Path, Plan};
use super::scratch::{Content, Side, new_call, with_packed};
use super::{Operand, small};
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
    /// Distance between C's columns: 1, unless this is a transposed product.
    pub(super) c_column: usize,
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
    pub(super) c_column: usize,
    /// The block's first row in C.
    pub(super) row: usize,
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
            c: self.c.wrapping_add(to * self.c_batch + rows.0 * self.c_row + columns.0 * self.c_column),
            c_row: self.c_row,
            c_column: self.c_column,
            row: rows.0,
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
        match plan.path {
            Path::Packed { pack_a } => self.packed(plan, pack_a),
            Path::Stream { depth } => self.each(plan, |block, _| small::stream(block, depth)),
            Path::Dot => self.each(plan, |block, _| small::dot(block)),
        }
    }

    /// Calls `f` with each block of C and its place, over the whole depth.
    fn each(&self, plan: &Plan, f: impl Fn(&Block<'_, T>, Place) + Sync + Send) {
        let (blocks, products) = (plan.row_blocks * plan.column_blocks, self.offsets.len());
        let all = blocks * products * plan.parts;
        parallel::for_each(all.div_ceil(plan.blocks_per_task), self.cost(plan.cost), |task| {
            let first = task * plan.blocks_per_task;
            for i in first..all.min(first + plan.blocks_per_task) {
                let (to, block) = (i / blocks, i % blocks);
                let (row_block, column_block) = match plan.by_rows {
                    true => (block / plan.column_blocks, block % plan.column_blocks),
                    false => (block % plan.row_blocks, block / plan.row_blocks),
                };
                let rows = cut(self.m, plan.row_blocks, row_block);
                let columns = self.columns(plan, column_block);
                let depth = cut(self.k, plan.parts, to / products);
                let place = Place { to, columns: to * plan.column_blocks + column_block, row_block };
                f(&self.block((to % products, to), rows, columns, depth), place);
            }
        });
    }

    /// By packed columns of B, depth block by depth block. Each thread packs what it works on: what another core has just
    /// written is slow to read.
    fn packed(&self, plan: &Plan, packs_a: bool) {
        let depths = self.k.div_ceil(plan.parts).div_ceil(plan.depth);
        for d in 0..depths {
            let call = new_call();
            self.each(plan, |block, place| {
                let (p, depth) = cut(block.k, depths, d);
                let strips = 0..strip_count(self.kernel, block.n);
                let step =
                    Step { block, depth, first: d == 0, last: d + 1 == depths, strips: strips.clone() };
                let b = block.b.shifted(p, 0);
                let b_length = packed_b_length(self.kernel, depth, block.n);
                let b_content = Content { call, number: place.columns, part: 0, parts: 1 };
                // SAFETY: the rows from p lie in B, `to` is `b_length` long, the kernel was chosen for this machine.
                let pack_b = |to| unsafe { pack_b(self.kernel, b, [depth, block.n], (strips, 0..depth), to) };
                with_packed(Side::B, b_content, b_length, pack_b, |b_packed| {
                    let a = block.a.shifted(0, p);
                    if !packs_a {
                        // SAFETY: A's rows reach over this depth, for which B's packed form was made.
                        return unsafe { step.rows((0, block.m), a, false, b_packed) };
                    }
                    // Row by row only this block's rows need to be kept: they stay in the second-level cache.
                    let (number, part, parts) = match plan.by_rows {
                        true => (place.to * plan.row_blocks + place.row_block, 0, 1),
                        false => (place.to, place.row_block, plan.row_blocks),
                    };
                    let row = if plan.by_rows { 0 } else { block.row * depth };
                    let a_length = if plan.by_rows { block.m } else { self.m } * depth;
                    let a_content = Content { call, number, part, parts };
                    // SAFETY: the rows' columns from p lie in A; `to` has room for all rows that are kept, these ones' own.
                    let pack_a =
                        |to: *mut T| unsafe { pack_a(self.kernel, a, [block.m, depth], to.add(row)) };
                    with_packed(Side::A, a_content, a_length, pack_a, |panels| {
                        let start = panels.wrapping_add(row);
                        let a = Operand { start, row: 1, column: 0 };
                        // SAFETY: the packed forms of A's rows and of B were made for this depth.
                        unsafe { step.rows((0, block.m), a, true, b_packed) };
                    });
                });
            });
        }
    }

    /// Block `i` of the columns, cut between vectors.
    pub(super) fn columns(&self, plan: &Plan, i: usize) -> (usize, usize) {
        let lanes = self.kernel.lanes;
        let (first, count) = cut(self.n.div_ceil(lanes), plan.column_blocks, i);
        (first * lanes, (count * lanes).min(self.n - first * lanes))
    }
}

/// Where a block lies among all.
#[derive(Clone, Copy)]
struct Place {
    /// The number of its C.
    to: usize,
    /// The number of its columns, over all products and parts.
    columns: usize,
    /// The number of its rows.
    row_block: usize,
}

/// Rows of packed B that are fetched ahead of their use.
const AHEAD: usize = 8;

/// Bytes of A that the second-level cache does not hold beside B.
const FAR_BYTES: usize = 1 << 20;

/// Bytes of a packed strip of B that stays in the first-level cache while A passes by.
const STRIP_BYTES: usize = 24 * 1024;

/// One depth block of a [`Block`].
pub(super) struct Step<'a, 'b, T: 'static> {
    pub(super) block: &'a Block<'b, T>,
    pub(super) depth: usize,
    /// Whether C is still unwritten.
    pub(super) first: bool,
    /// Whether C is complete after it.
    pub(super) last: bool,
    /// Which of the block's strips.
    pub(super) strips: Range<usize>,
}

impl<T: crate::Float> Step<'_, '_, T> {
    /// The rows `row ..` of the block times packed B.
    ///
    /// # Safety
    /// `a` is A from these rows on (its panels if `packed`), `b` the packed block of B.
    pub(super) unsafe fn rows(&self, (row, rows): (usize, usize), a: Operand<T>, packed: bool, b: *const T) {
        let Block { kernel, n, c, c_row, c_column, accumulate, epilogue, .. } = *self.block;
        let panels = rows.div_ceil(kernel.rows);
        let strip_by_strip = self.depth * kernel.vectors * kernel.lanes * size_of::<T>() <= STRIP_BYTES;
        let fetches_a = self.depth.saturating_mul(rows) * size_of::<T>() > FAR_BYTES;
        let others = |strip: &Strip| if strip_by_strip || strip.column == 0 { 0 } else { 4 };
        let tile = |panel: usize, strip: Strip| {
            let (i, count) = cut(rows, panels, panel);
            let behind = strip.column + strip.vectors * kernel.lanes;
            let next = match strip_by_strip {
                true if i + count < rows => (i + count, strip.column),
                true => (0, behind),
                false if behind < n => (i, behind),
                false => (i + count, 0),
            };
            let next_a = match (fetches_a, packed) {
                (false, _) => (std::ptr::null(), 0, 0),
                // The first strip fetches four rows of the next panel, the second one the others.
                (_, true) => (a.start.wrapping_add(self.depth * (i + count) + 16 * others(&strip)), 16, 96),
                (_, false) => (a.at(i + count + others(&strip), 0), a.row, 16),
            };
            // SAFETY: panel and strip lie within the block's rows and columns.
            unsafe {
                let a = if packed {
                    (a.start.add(self.depth * i), 1, count as isize)
                } else {
                    (a.at(i, 0), a.row, a.column)
                };
                let call = TileCall {
                    k: self.depth,
                    a,
                    b: (b.add(self.depth * strip.column), (strip.vectors * kernel.lanes) as isize),
                    ahead: AHEAD * strip.vectors * kernel.lanes,
                    c: (c.add((row + i) * c_row + strip.column * c_column), c_row, c_column),
                    next_c: c.wrapping_add((row + next.0) * c_row + next.1 * c_column),
                    next_a,
                    last: strip.last,
                    finish: epilogue.at(
                        (self.block.row + row + i, self.block.column + strip.column),
                        accumulate,
                        (self.first, self.last),
                    ),
                };
                kernel.tile(count, strip.vectors)(&call);
            }
        };
        let strips = || strips(kernel, n).skip(self.strips.start).take(self.strips.len());
        if strip_by_strip {
            strips().for_each(|strip| (0..panels).for_each(|panel| tile(panel, strip)));
        } else {
            (0..panels).for_each(|panel| strips().for_each(|strip| tile(panel, strip)));
        }
    }
}
