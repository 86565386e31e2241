//! Dense copies of turned layouts: where the elements that the result wants side by side lie far apart in memory, while
//! another axis has them side by side. Such a copy goes tile by tile, so that each cache line is read and written once.
//! Knows no `Tensor`.

use super::stream::{self, LINE, Past, past_caches};
use super::strided::PART;
use crate::element::Element;
use crate::isa::{Isa, current_isa};
use crate::layout::Collapsed;
use crate::parallel::{self, Cost};

/// Rows and columns of a tile: with four-byte elements a cache line each.
pub(crate) const TILE: usize = 16;
/// Tiles whose source lines follow each other: as many are read before the next lines far away.
const SIDE_BY_SIDE: usize = 4;

/// Parts of the work that are enough for any machine.
const PARTS: usize = 16;

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
        let row: usize = axes[at + 1..].iter().map(|axis| axis.0).product(); // elements of a row of the result
        // Whole groups of tiles, unless there would be too few parts for several threads.
        let is_tall = out.len() / row.max(1) >= PARTS * SIDE_BY_SIDE * TILE;
        let group = if is_tall { SIDE_BY_SIDE * TILE } else { TILE };
        let each = (PART / row.max(1)).max(1).next_multiple_of(group);
        // Whole lines alone: each tile's rows begin and end with one.
        let lines = LINE / size_of::<A>().max(1);
        let is_even = row.is_multiple_of(lines) && axes[axes.len() - 1].0.is_multiple_of(TILE);
        let pays = is_even && size_of::<A>() == 4 && stream::pays(current_isa(), out);
        parallel::chunks_mut(out, each * row, cost, |part, out| {
            past_caches(pays, |past| self.rows(part * each, out, row, data, past));
        });
    }

    /// The rows of the result from `first` on.
    fn rows<A: Element>(&self, first: usize, out: &mut [A], row: usize, data: &[A], past: Option<&Past>) {
        let (axes, at) = (self.layout.axes(), self.at);
        let rows = axes[at].0;
        let (mut first, mut rest) = (first, out);
        while !rest.is_empty() {
            let (outer, from) = (first / rows, first % rows);
            let count = (rows - from).min(rest.len() / row);
            let (block, after) = rest.split_at_mut(count * row);
            let base = offset(self.layout.offset() as isize, &axes[..at], outer) + from as isize;
            self.block(block, row, data, base, past);
            (first, rest) = (first + count, after);
        }
    }

    /// Some rows of `row` elements, the first of which begins at `base`.
    fn block<A: Element>(&self, out: &mut [A], row: usize, data: &[A], base: isize, past: Option<&Past>) {
        let axes = self.layout.axes();
        let (columns, stride) = axes[axes.len() - 1];
        let middle = &axes[self.at + 1..axes.len() - 1];
        for m in 0..row / columns {
            let base = offset(base, middle, m);
            let strip = Strip { out: &mut *out, row, to: m * columns, columns, data, base, stride, past };
            strip.copy(has_wide_tiles::<A>());
        }
    }
}

/// Some rows of one turned matrix.
struct Strip<'a, A> {
    /// Rows of `row` elements, the columns of this matrix from `to` on.
    out: &'a mut [A],
    row: usize,
    to: usize,
    columns: usize,
    data: &'a [A],
    /// Where the first element is, and how far the next column is away.
    base: isize,
    stride: isize,
    past: Option<&'a Past>,
}

impl<A: Element> Strip<'_, A> {
    /// Groups of tiles that read one piece of the source's rows, column by column.
    fn copy(self, is_wide: bool) {
        let Self { out, row, to, columns, data, base, stride, past } = self;
        for (g, group) in out.chunks_mut(SIDE_BY_SIDE * TILE * row).enumerate() {
            let base = base + (g * SIDE_BY_SIDE * TILE) as isize;
            for column in (0..columns).step_by(TILE) {
                let (count, to) = (TILE.min(columns - column), to + column);
                for (t, rows) in group.chunks_mut(TILE * row).enumerate() {
                    let from = base + (t * TILE) as isize + column as isize * stride;
                    if rows.len() == TILE * row && count == TILE {
                        tile(is_wide, (rows, to, row), (data, from, stride), past);
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

/// Whether tiles of these elements are turned in registers.
fn has_wide_tiles<A: Element>() -> bool {
    size_of::<A>() == 4 && matches!(current_isa(), Isa::Avx2 | Isa::Avx512) && Isa::Avx2.is_available()
}

/// One whole tile: element (c, r) of the source to (r, c) of the result.
#[cfg_attr(
    not(target_arch = "x86_64"),
    expect(unused_variables, reason = "only there are tiles turned in registers")
)]
fn tile<A: Element>(
    is_wide: bool,
    (out, to, row): (&mut [A], usize, usize),
    (data, from, stride): (&[A], isize, isize),
    past: Option<&Past>,
) {
    #[cfg(target_arch = "x86_64")]
    if is_wide {
        // SAFETY: `is_wide` says that the machine has AVX2 and the elements, plain numbers, four bytes.
        return unsafe { super::transpose_x86::tile((out, to, row), (data, from, stride), past) };
    }
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
