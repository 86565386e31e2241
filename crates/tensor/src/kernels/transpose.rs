//! Dense copies of turned layouts: where the elements that the result wants side by side lie far apart in memory, while
//! another axis has them side by side. Such a copy goes tile by tile, so that each cache line is read and written once.
//! Knows no `Tensor`.

use super::strided::PART;
use crate::element::Element;
use crate::layout::Collapsed;
use crate::parallel::{self, Cost};

/// Rows and columns of a tile: with four-byte elements a cache line each.
const TILE: usize = 16;

/// A layout seen as [outer, rows, middle, columns]: in memory the rows lie side by side, in the result the columns.
pub(crate) struct Turned<'a> {
    layout: &'a Collapsed,
    /// Which axis the rows are; the columns are the last one.
    at: usize,
}

impl<'a> Turned<'a> {
    /// The layout seen so, if it is turned and its tiles are not slivers.
    pub(crate) fn of(layout: &'a Collapsed) -> Option<Self> {
        let (&(columns, stride), outer) = layout.axes().split_last()?;
        let at = outer.iter().position(|&(length, stride)| stride == 1 && length >= TILE / 2)?;
        (columns >= TILE / 2 && !matches!(stride, 0 | 1)).then_some(Self { layout, at })
    }

    /// `out` ← the layout's elements of `data`.
    pub(crate) fn copy<A: Element>(&self, out: &mut [A], data: &[A], cost: Cost) {
        let (axes, at) = (self.layout.axes(), self.at);
        let rows = axes[at].0;
        let row: usize = axes[at + 1..].iter().map(|axis| axis.0).product(); // elements of a row of the result
        let each = (PART / row.max(1)).next_multiple_of(TILE);
        parallel::chunks_mut(out, each * row, cost, |part, out| {
            let (mut first, mut rest) = (part * each, out);
            while !rest.is_empty() {
                let (outer, from) = (first / rows, first % rows);
                let count = (rows - from).min(rest.len() / row);
                let (block, after) = rest.split_at_mut(count * row);
                let base = offset(self.layout.offset() as isize, &axes[..at], outer) + from as isize;
                self.block(block, row, data, base);
                (first, rest) = (first + count, after);
            }
        });
    }

    /// Some rows of `row` elements, the first of which begins at `base`.
    fn block<A: Element>(&self, out: &mut [A], row: usize, data: &[A], base: isize) {
        let axes = self.layout.axes();
        let (columns, stride) = axes[axes.len() - 1];
        let middle = &axes[self.at + 1..axes.len() - 1];
        for m in 0..row / columns {
            let base = offset(base, middle, m);
            for (t, rows) in out.chunks_mut(TILE * row).enumerate() {
                let base = base + (t * TILE) as isize;
                for column in (0..columns).step_by(TILE) {
                    let from = base + column as isize * stride;
                    let to = m * columns + column;
                    let count = TILE.min(columns - column);
                    if rows.len() == TILE * row && count == TILE {
                        tile(rows, row, to, data, from, stride);
                    } else {
                        for (r, out) in rows.chunks_mut(row).enumerate() {
                            for (c, out) in out[to..to + count].iter_mut().enumerate() {
                                *out = data[(from + r as isize + c as isize * stride) as usize];
                            }
                        }
                    }
                }
            }
        }
    }
}

/// One whole tile: read column by column, written row by row.
#[inline]
fn tile<A: Element>(out: &mut [A], row: usize, to: usize, data: &[A], from: isize, stride: isize) {
    let mut tile = [[A::ZERO; TILE]; TILE];
    for (c, values) in tile.iter_mut().enumerate() {
        values.copy_from_slice(&data[(from + c as isize * stride) as usize..][..TILE]);
    }
    for (r, out) in out.chunks_mut(row).enumerate() {
        let out = &mut out[to..to + TILE];
        for c in 0..TILE {
            out[c] = tile[c][r];
        }
    }
}

/// `base` moved to element `index` of the row-major order of `axes`.
fn offset(base: isize, axes: &[(usize, isize)], mut index: usize) -> isize {
    axes.iter().rev().fold(base, |base, &(length, stride)| {
        let along = index % length;
        index /= length;
        base + along as isize * stride
    })
}

#[cfg(test)]
mod tests {
    use super::super::strided;
    use crate::layout::Layout;
    use crate::shape::Shape;

    /// Every permutation of some shapes, sliced and turned round, against the position of each element.
    #[test]
    fn turned_copies_are_index_maps() {
        let orders = [[0, 1, 2, 3], [3, 2, 1, 0], [0, 3, 2, 1], [1, 3, 0, 2], [2, 0, 3, 1], [0, 1, 3, 2]];
        for shape in [[2, 19, 3, 17], [16, 1, 2, 32], [40, 33, 1, 9], [8, 8, 8, 8], [1, 130, 1, 550]] {
            let base = Layout::row_major(Shape::new(&shape));
            let data: Vec<u32> = (0..shape.iter().product::<usize>() as u32).collect();
            let data: Vec<i64> = data.into_iter().map(i64::from).collect();
            for order in orders {
                for layout in
                    [base.permute(&order), base.slice(3, shape[3] - 1, -1, shape[3] - 1).permute(&order)]
                {
                    let mut out = vec![-1; layout.count()];
                    strided::copy(&mut out, &data, &layout);
                    let mut want = Vec::new();
                    layout.collapse().runs(0, layout.count(), |at, stride, n| {
                        want.extend((0..n).map(|i| data[at.wrapping_add_signed(stride * i as isize)]));
                    });
                    assert_eq!(out, want, "{shape:?} {order:?}");
                }
            }
        }
    }
}
