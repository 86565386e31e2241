//! How a flat buffer is read as an array: axis lengths, signed strides, an offset. A `Layout` knows no data and no
//! element type; every view is an O(1) function of it alone.

mod collapsed;

use crate::shape::{MAX_RANK, Shape};

pub use collapsed::Collapsed;

/// Axis lengths, signed strides and the place of the first element. `Copy`, at most [`MAX_RANK`] axes.
///
/// Element (i₀, i₁, …) lies at `offset + Σ iₐ·strideₐ`.
///
/// ```
/// use gradus_tensor::{Layout, Shape};
/// let rows = Layout::row_major(Shape::new(&[2, 3])); // elements 0 1 2 and 3 4 5
/// assert_eq!((rows.strides(), rows.offset(), rows.count()), (&[3, 1][..], 0, 6));
/// let columns = rows.permute(&[1, 0]);
/// assert_eq!((columns.shape()[..] == [3, 2], columns.position(&[2, 1])), (true, 5));
/// assert!(rows.is_contiguous() && !columns.is_contiguous());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Layout {
    shape: Shape,
    strides: [isize; MAX_RANK],
    offset: usize,
}

impl Layout {
    /// The row-major layout of a whole buffer.
    #[must_use]
    pub fn row_major(shape: Shape) -> Self {
        Self { shape, strides: shape.row_major(), offset: 0 }
    }

    /// The axis lengths.
    #[must_use]
    pub fn shape(&self) -> &Shape {
        &self.shape
    }

    /// The distance in elements between neighbours along each axis.
    #[must_use]
    pub fn strides(&self) -> &[isize] {
        &self.strides[..self.shape.len()]
    }

    /// Where the first element lies.
    #[must_use]
    pub fn offset(&self) -> usize {
        self.offset
    }

    /// The number of elements.
    #[must_use]
    pub fn count(&self) -> usize {
        self.shape.count()
    }

    /// Whether the elements lie in row-major order without gaps; no elements do.
    #[must_use]
    pub fn is_contiguous(&self) -> bool {
        let mut step = 1isize;
        for (&dim, &stride) in self.shape.iter().zip(self.strides()).rev() {
            if dim != 1 && stride != step {
                return self.shape.contains(&0);
            }
            step *= dim as isize;
        }
        true
    }

    /// Where element `index` lies.
    #[must_use]
    pub fn position(&self, index: &[usize]) -> usize {
        let shift: isize = index.iter().zip(self.strides()).map(|(&i, &s)| i as isize * s).sum();
        self.offset.wrapping_add_signed(shift)
    }

    /// The same elements in another shape, if no copy is needed for it.
    ///
    /// ```
    /// use gradus_tensor::{Layout, Shape};
    /// let rows = Layout::row_major(Shape::new(&[2, 3]));
    /// assert_eq!(rows.reshape(Shape::new(&[6])).map(|flat| flat.count()), Some(6));
    /// assert!(rows.permute(&[1, 0]).reshape(Shape::new(&[6])).is_none()); // 0 3 1 4 2 5 has no one stride
    /// ```
    #[must_use]
    pub fn reshape(&self, shape: Shape) -> Option<Self> {
        if self.is_contiguous() || shape.count() == 0 {
            return Some(Self { shape, strides: shape.row_major(), offset: self.offset });
        }
        // Match runs of old axes against runs of new ones with the same product; a run must be dense inside.
        let old: Vec<(usize, isize)> =
            self.shape.iter().copied().zip(self.strides().iter().copied()).filter(|&(d, _)| d != 1).collect();
        let mut strides = [0; MAX_RANK];
        let (mut i, mut j) = (0, 0);
        while i < old.len() {
            let (first, mut old_product) = (i, old[i].0);
            let (new_first, mut new_product) = (j, *shape.get(j)?);
            while old_product != new_product {
                if old_product < new_product {
                    i += 1;
                    old_product *= old.get(i)?.0;
                } else {
                    j += 1;
                    new_product *= shape.get(j)?;
                }
            }
            if (first..i).any(|a| old[a].1 != old[a + 1].1 * old[a + 1].0 as isize) {
                return None;
            }
            let mut step = old[i].1;
            for axis in (new_first..=j).rev() {
                strides[axis] = step;
                step *= shape[axis] as isize;
            }
            (i, j) = (i + 1, j + 1);
        }
        Some(Self { shape, strides, offset: self.offset })
    }

    /// Axes in a new order: axis `a` of the result is axis `order[a]` of `self`.
    ///
    /// # Panics
    /// If `order` does not hold each axis once.
    #[must_use]
    #[track_caller]
    pub fn permute(&self, order: &[usize]) -> Self {
        let mut seen = [false; MAX_RANK];
        let fits = order.len() == self.shape.len()
            && order.iter().all(|&a| a < order.len() && !std::mem::replace(&mut seen[a], true));
        assert!(
            fits,
            "permute: not an order of the axes: {} by {order:?} (each of 0..{} once)",
            self.shape,
            self.shape.len()
        );
        let mut out = *self;
        for (to, &from) in order.iter().enumerate() {
            out.shape[to] = self.shape[from];
            out.strides[to] = self.strides[from];
        }
        out
    }

    /// Stretched to `shape`: new leading axes and axes of length 1 get stride 0. `None` if it does not broadcast.
    ///
    /// ```
    /// use gradus_tensor::{Layout, Shape};
    /// let row = Layout::row_major(Shape::new(&[3]));
    /// assert_eq!(row.expand(&Shape::new(&[2, 3])).map(|all| all.strides().to_vec()), Some(vec![0, 1]));
    /// assert!(row.expand(&Shape::new(&[3, 2])).is_none());
    /// ```
    #[must_use]
    pub fn expand(&self, shape: &Shape) -> Option<Self> {
        let added = shape.len().checked_sub(self.shape.len())?;
        let mut out = Self { shape: *shape, strides: [0; MAX_RANK], offset: self.offset };
        for axis in added..shape.len() {
            let dim = self.shape[axis - added];
            if dim == shape[axis] {
                out.strides[axis] = self.strides[axis - added];
            } else if dim != 1 {
                return None;
            }
        }
        Some(out)
    }

    /// Every `step`-th element of `axis`, from `start` on, `count` of them; a negative step walks backwards.
    /// The caller has checked the bounds.
    ///
    /// ```
    /// use gradus_tensor::{Layout, Shape};
    /// let back = Layout::row_major(Shape::new(&[5])).slice(0, 4, -2, 3); // 4 2 0
    /// assert_eq!([0, 1, 2].map(|i| back.position(&[i])), [4, 2, 0]);
    /// ```
    #[must_use]
    pub fn slice(&self, axis: usize, start: usize, step: isize, count: usize) -> Self {
        let mut out = *self;
        out.shape[axis] = count;
        if count > 0 {
            out.offset = self.offset.wrapping_add_signed(start as isize * self.strides[axis]);
        }
        out.strides[axis] = self.strides[axis] * step;
        out
    }

    /// Without `axis`, at its first element.
    #[must_use]
    pub fn without(&self, axis: usize) -> Self {
        let mut out = Self { shape: self.shape.remove(axis), ..*self };
        out.strides.copy_within(axis + 1..MAX_RANK, axis);
        out
    }

    /// Without `axis`, at `index` along it. The caller has checked the bounds.
    ///
    /// ```
    /// use gradus_tensor::{Layout, Shape};
    /// let rows = Layout::row_major(Shape::new(&[2, 3]));
    /// assert_eq!(rows.select(0, 1).position(&[2]), 5);
    /// assert_eq!(rows.select(0, 0), rows.without(0));
    /// ```
    #[must_use]
    pub fn select(&self, axis: usize, index: usize) -> Self {
        self.slice(axis, index, 1, 1).without(axis)
    }

    /// With a new axis of length `length` and stride `stride` before `axis`.
    ///
    /// ```
    /// use gradus_tensor::{Layout, Shape};
    /// let twice = Layout::row_major(Shape::new(&[3])).insert(0, 2, 0); // the row, two times
    /// assert_eq!((twice.shape()[..] == [2, 3], twice.position(&[1, 2])), (true, 2));
    /// ```
    ///
    /// # Panics
    /// If `axis` exceeds the rank, or there would be more than [`MAX_RANK`] axes.
    #[must_use]
    #[track_caller]
    pub fn insert(&self, axis: usize, length: usize, stride: isize) -> Self {
        let mut out = Self { shape: self.shape.insert(axis, length), ..*self };
        out.strides.copy_within(axis..MAX_RANK - 1, axis + 1);
        out.strides[axis] = stride;
        out
    }

    /// Windows along `axis`: it becomes the number of windows, a last axis of length `size` is added.
    /// The caller has checked that `size` fits.
    ///
    /// ```
    /// use gradus_tensor::{Layout, Shape};
    /// let windows = Layout::row_major(Shape::new(&[5])).unfold(0, 3, 2); // 0 1 2 and 2 3 4
    /// assert_eq!((windows.shape()[..] == [2, 3], windows.position(&[1, 0])), (true, 2));
    /// ```
    ///
    /// # Panics
    /// If there would be more than [`MAX_RANK`] axes.
    #[must_use]
    #[track_caller]
    pub fn unfold(&self, axis: usize, size: usize, step: usize) -> Self {
        let stride = self.strides[axis];
        let windows = (self.shape[axis] - size) / step + 1;
        let mut out = self.insert(self.shape.len(), size, stride);
        out.shape[axis] = windows;
        out.strides[axis] = stride * step as isize;
        out
    }

    /// The diagonal of two axes, as a new last axis; `shift` > 0 moves above the main one.
    ///
    /// ```
    /// use gradus_tensor::{Layout, Shape};
    /// let above = Layout::row_major(Shape::new(&[3, 3])).diagonal(1, 0, 1); // 1 and 5
    /// assert_eq!([above.position(&[0]), above.position(&[1])], [1, 5]);
    /// ```
    #[must_use]
    pub fn diagonal(&self, shift: isize, first: usize, second: usize) -> Self {
        let (down, right) = (shift.min(0).unsigned_abs(), shift.max(0) as usize);
        let rows = self.shape[first].saturating_sub(down);
        let length = rows.min(self.shape[second].saturating_sub(right));
        let start = self.slice(first, down, 1, length).slice(second, right, 1, length);
        let mut order: Vec<usize> = (0..self.shape.len()).filter(|&a| a != first && a != second).collect();
        order.extend([first, second]);
        let mut out = start.permute(&order);
        let last = order.len() - 2;
        out.strides[last] += out.strides[last + 1];
        out.shape = out.shape.remove(last + 1);
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn positions(layout: &Layout) -> Vec<usize> {
        let mut out = Vec::new();
        layout.collapse().runs(0, layout.count(), |at, stride, n| {
            out.extend((0..n).map(|i| at.wrapping_add_signed(stride * i as isize)));
        });
        out
    }

    #[test]
    fn views_are_index_maps() {
        let base = Layout::row_major(Shape::new(&[4, 6]));
        assert_eq!(positions(&base.diagonal(1, 0, 1)), [1, 8, 15, 22]);
        assert_eq!(positions(&base.diagonal(-2, 0, 1)), [12, 19]);
        assert_eq!(positions(&base.select(1, 2)), [2, 8, 14, 20]);
        assert_eq!(positions(&base.select(0, 1).unfold(0, 3, 2)), [6, 7, 8, 8, 9, 10]);
        assert_eq!(positions(&base.slice(0, 3, -3, 2).slice(1, 5, -2, 2)), [23, 21, 5, 3]);
    }

    #[test]
    fn reshape_answers_none_only_when_a_copy_is_needed() {
        let base = Layout::row_major(Shape::new(&[2, 3, 4]));
        let turned = base.permute(&[1, 0, 2]);
        assert!(turned.reshape(Shape::new(&[6, 4])).is_none());
        let split = turned.reshape(Shape::new(&[3, 1, 2, 2, 2]));
        assert_eq!(split.map(|l| positions(&l)), Some(positions(&turned)));
        let stretched = Layout::row_major(Shape::new(&[3])).expand(&Shape::new(&[4, 3]));
        assert!(stretched.and_then(|l| l.reshape(Shape::new(&[12]))).is_none());
    }
}
