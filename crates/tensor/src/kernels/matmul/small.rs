//! Without packing: few rows (decoding, recurrent steps), where B is streamed once at the speed of memory, and small
//! sizes, where packing would cost more than it saves.

use super::Operand;
use super::kernel::{DotCall, TileCall};
use super::nest::Block;
use super::pack::{cut, pack_rows, strips};
use super::scratch::with_scratch;

/// B's columns are contiguous: short runs of its rows, strip by strip, all rows of A at each.
pub(super) fn stream<T: crate::Float>(block: &Block<'_, T>, depth: usize) {
    let Block { kernel, m, n, k, a, b, c, c_row, c_column, row, column, accumulate, epilogue } = *block;
    let panels = m.div_ceil(kernel.rows);
    let depths = k.div_ceil(depth);
    for d in 0..depths {
        let (p, depth) = cut(k, depths, d);
        for strip in strips(kernel, n) {
            for panel in 0..panels {
                let (i, count) = cut(m, panels, panel);
                // SAFETY: panel, strip and depth lie within the block; the kernel was chosen for this machine.
                unsafe {
                    let at = (row + i, column + strip.column);
                    let call = TileCall {
                        k: depth,
                        a: (a.at(i, p), a.row, a.column),
                        b: (b.at(p, strip.column), b.row),
                        ahead: 2 * strip.vectors * kernel.lanes,
                        c: (c.add(i * c_row + strip.column * c_column), c_row, c_column),
                        next_c: c.wrapping_add((i + count) * c_row + strip.column * c_column),
                        next_a: (std::ptr::null(), 0, 0),
                        last: strip.last,
                        finish: epilogue.at(at, accumulate, (d == 0, d + 1 == depths)),
                    };
                    kernel.tile(count, strip.vectors)(&call);
                }
            }
        }
    }
}

/// A's rows and B's columns are contiguous, or the few of one side are copied so that they are.
pub(super) fn dot<T: crate::Float>(block: &Block<'_, T>) {
    let Block { m, n, k, a, b, .. } = *block;
    let (packs_a, packs_b) = (a.column != 1, b.row != 1);
    let length = if packs_a { m * k } else { 0 } + if packs_b { n * k } else { 0 };
    with_scratch::<T, _>(length, |scratch| {
        let (mut a_rows, mut b_columns) = ((a.start, a.row), (b.start, b.column));
        let mut room = scratch;
        // SAFETY: the scratch has room for what is packed; operands are good for the block's sizes.
        unsafe {
            if packs_a {
                pack_rows(a, m, k, room);
                a_rows = (room, k as isize);
                room = room.add(m * k);
            }
            if packs_b {
                pack_rows(Operand { start: b.start, row: b.column, column: b.row }, n, k, room);
                b_columns = (room, k as isize);
            }
            dots(block, a_rows, b_columns);
        }
    });
}

/// # Safety
/// `a` are the block's rows and `b` its columns, each contiguous, with the distances between them.
unsafe fn dots<T: crate::Float>(block: &Block<'_, T>, a: (*const T, isize), b: (*const T, isize)) {
    let Block { kernel, m, n, k, c, c_row, c_column, row, column, accumulate, epilogue, .. } = *block;
    // A single row changes places with the columns: more of them side by side use the memory better.
    let single = m == 1;
    let ((rows, columns), (a, b)) = if single { ((n, m), (b, a)) } else { ((m, n), (a, b)) };
    let (c_row, c_column) = if single { (c_column, c_row) } else { (c_row, c_column) };
    let (panels, strips) = (rows.div_ceil(kernel.rows), columns.div_ceil(kernel.vectors));
    for strip in 0..strips {
        let (j, columns) = cut(columns, strips, strip);
        for panel in 0..panels {
            let (i, rows) = cut(rows, panels, panel);
            let at = if single { (row, column + i) } else { (row + i, column + j) };
            // SAFETY: panel and strip lie within the block; the kernel was chosen for this machine.
            unsafe {
                let call = DotCall {
                    k,
                    a: (a.0.offset(i as isize * a.1), a.1),
                    b: (b.0.offset(j as isize * b.1), b.1),
                    c: (c.add(i * c_row + j * c_column), c_row, c_column),
                    bias_by_row: single != epilogue.by_row,
                    finish: epilogue.at(at, accumulate, (true, true)),
                };
                kernel.dot(rows, columns)(&call);
            }
        }
    }
}
