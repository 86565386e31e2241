//! A layout in its fewest axes: what loops walk along. Knows positions, no data.

use super::Layout;
use crate::shape::MAX_RANK;

impl Layout {
    /// Axes merged wherever that changes nothing: the fewest axes that visit the same elements in the same order.
    /// Axes of length 1 vanish. Answers (length, stride) pairs, outermost first.
    #[must_use]
    pub fn collapse(&self) -> Collapsed {
        let mut out = Collapsed { axes: [(1, 0); MAX_RANK], rank: 0, offset: self.offset };
        for (&dim, &stride) in self.shape.iter().zip(self.strides()) {
            if dim == 1 {
                continue;
            }
            if let Some(last) = out.rank.checked_sub(1)
                && out.axes[last].1 == stride * dim as isize
            {
                out.axes[last] = (out.axes[last].0 * dim, stride);
                continue;
            }
            out.axes[out.rank] = (dim, stride);
            out.rank += 1;
        }
        out
    }
}

/// A layout in its fewest axes, see [`Layout::collapse`].
///
/// ```
/// use gradus_tensor::{Collapsed, Layout, Shape};
/// let rows = Layout::row_major(Shape::new(&[2, 3]));
/// let all: Collapsed = rows.collapse();
/// assert_eq!((all.axes(), all.moved(6).offset()), (&[(6, 1)][..], 6));
/// let mut runs = Vec::new(); // elements 1 to 3 of 0 3, 1 4, 2 5
/// rows.permute(&[1, 0]).collapse().runs(1, 3, |position, stride, length| runs.push((position, stride, length)));
/// assert_eq!(runs, [(3, 3, 1), (1, 3, 2)]);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Collapsed {
    axes: [(usize, isize); MAX_RANK],
    rank: usize,
    offset: usize,
}

impl Collapsed {
    /// (length, stride) of each axis, outermost first.
    #[must_use]
    pub fn axes(&self) -> &[(usize, isize)] {
        &self.axes[..self.rank]
    }

    /// Where the first element lies.
    #[must_use]
    pub fn offset(&self) -> usize {
        self.offset
    }

    /// The same axes from another first element.
    #[must_use]
    pub fn moved(&self, offset: usize) -> Self {
        Self { offset, ..*self }
    }

    /// Calls `run(position, stride, length)` for each innermost run that holds elements `start .. start + count` of
    /// the row-major order, in order.
    #[inline]
    pub fn runs(&self, start: usize, count: usize, mut run: impl FnMut(usize, isize, usize)) {
        if count == 0 {
            return;
        }
        let Some((&(inner, stride), outer)) = self.axes().split_last() else {
            run(self.offset, 0, 1);
            return;
        };
        let mut index = [0; MAX_RANK];
        let (mut row, mut column) = (start / inner.max(1), start % inner.max(1));
        let mut base = self.offset as isize;
        for (axis, &(dim, step)) in outer.iter().enumerate().rev() {
            index[axis] = row % dim;
            row /= dim;
            base += index[axis] as isize * step;
        }
        let mut left = count;
        while left > 0 {
            let length = left.min(inner - column);
            run((base + column as isize * stride) as usize, stride, length);
            (left, column) = (left - length, 0);
            for (axis, &(dim, step)) in outer.iter().enumerate().rev() {
                index[axis] += 1;
                base += step;
                if index[axis] < dim {
                    break;
                }
                base -= dim as isize * step;
                index[axis] = 0;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shape::Shape;

    #[test]
    fn runs_may_start_anywhere() {
        let layout = Layout::row_major(Shape::new(&[3, 4, 5])).permute(&[2, 0, 1]).slice(0, 4, -2, 3);
        let positions = |start, count| {
            let mut out = Vec::new();
            layout.collapse().runs(start, count, |at, stride, n| {
                out.extend((0..n).map(|i| at.wrapping_add_signed(stride * i as isize)));
            });
            out
        };
        let all = positions(0, layout.count());
        for start in 0..all.len() {
            for count in 0..=all.len() - start {
                assert_eq!(positions(start, count), all[start..start + count]);
            }
        }
    }
}
