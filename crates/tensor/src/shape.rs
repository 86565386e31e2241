//! The lengths of an array's axes: a small `Copy` value of at most [`MAX_RANK`] numbers. Knows no data and no strides.

use std::fmt;
use std::ops::Deref;

/// The highest number of axes.
pub const MAX_RANK: usize = 8;

/// The lengths of the axes, outermost first. Derefs to a slice.
///
/// ```
/// use gradus_tensor::Shape;
/// let shape = Shape::new(&[2, 3]);
/// assert_eq!((shape.len(), shape[1], shape.count()), (2, 3, 6)); // rank, a length, all elements
/// assert_eq!(shape.row_major()[..2], [3, 1]);
/// assert_eq!(shape.to_string(), "[2, 3]");
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Shape {
    dims: [usize; MAX_RANK],
    rank: u8,
}

impl Shape {
    /// The shape of a scalar: no axes, one element.
    pub const SCALAR: Shape = Shape { dims: [0; MAX_RANK], rank: 0 };

    /// A shape from its axis lengths.
    ///
    /// # Panics
    /// If there are more than [`MAX_RANK`] axes.
    #[must_use]
    #[track_caller]
    pub fn new(dims: &[usize]) -> Self {
        assert!(dims.len() <= MAX_RANK, "shape: rank too high: {dims:?} ({} > {MAX_RANK})", dims.len());
        let mut all = [0; MAX_RANK];
        all[..dims.len()].copy_from_slice(dims);
        Self { dims: all, rank: dims.len() as u8 }
    }

    /// The number of elements: the product of all axes, 1 for a scalar.
    #[must_use]
    pub fn count(&self) -> usize {
        self.iter().product()
    }

    /// Strides of a row-major array of this shape.
    #[must_use]
    pub fn row_major(&self) -> [isize; MAX_RANK] {
        let mut strides = [0; MAX_RANK];
        let mut step = 1isize;
        for axis in (0..self.len()).rev() {
            strides[axis] = step;
            step *= self[axis].max(1) as isize;
        }
        strides
    }

    /// The shape that `self` and `other` broadcast to, if they agree: aligned at the last axis, 1 stretches (PyTorch:
    /// `broadcast_shapes`).
    ///
    /// ```
    /// use gradus_tensor::Shape;
    /// let (column, row) = (Shape::new(&[2, 1]), Shape::new(&[3]));
    /// assert_eq!(column.broadcast(&row), Some(Shape::new(&[2, 3])));
    /// assert_eq!(row.broadcast(&Shape::new(&[2])), None);
    /// ```
    #[must_use]
    pub fn broadcast(&self, other: &Shape) -> Option<Shape> {
        let rank = self.len().max(other.len());
        let mut dims = [0; MAX_RANK];
        for (i, dim) in dims[..rank].iter_mut().enumerate() {
            let at = |s: &Shape| (i + s.len()).checked_sub(rank).map_or(1, |axis| s[axis]);
            *dim = match (at(self), at(other)) {
                (a, b) if a == b => a,
                (1, b) => b,
                (a, 1) => a,
                _ => return None,
            };
        }
        Some(Shape { dims, rank: rank as u8 })
    }

    /// This shape with the length of axis number `axis` replaced.
    ///
    /// ```
    /// use gradus_tensor::Shape;
    /// assert_eq!(Shape::new(&[2, 3]).with(1, 5), Shape::new(&[2, 5]));
    /// ```
    ///
    /// # Panics
    /// If there is no such axis.
    #[must_use]
    pub fn with(mut self, axis: usize, length: usize) -> Self {
        self[..][axis] = length;
        self
    }

    /// This shape with a new axis put before `axis`.
    ///
    /// ```
    /// use gradus_tensor::Shape;
    /// let shape = Shape::new(&[2, 3]).insert(0, 4);
    /// assert_eq!(shape, Shape::new(&[4, 2, 3]));
    /// assert_eq!(shape.remove(1), Shape::new(&[4, 3]));
    /// ```
    ///
    /// # Panics
    /// If `axis` exceeds the rank, or there would be more than [`MAX_RANK`] axes.
    #[must_use]
    #[track_caller]
    pub fn insert(&self, axis: usize, length: usize) -> Self {
        let mut dims = self.to_vec();
        dims.insert(axis, length);
        Self::new(&dims)
    }

    /// This shape without one axis.
    ///
    /// # Panics
    /// If there is no such axis.
    #[must_use]
    pub fn remove(&self, axis: usize) -> Self {
        let mut dims = self.to_vec();
        dims.remove(axis);
        Self::new(&dims)
    }

    /// Axis number `axis` counted from the front, where negative numbers count from the back (−1: the last).
    ///
    /// ```
    /// use gradus_tensor::Shape;
    /// assert_eq!(Shape::new(&[2, 3]).axis("sum", -1), 1);
    /// ```
    ///
    /// # Panics
    /// If there is no such axis; `op` opens the message.
    #[must_use]
    #[track_caller]
    pub fn axis(&self, op: &str, axis: isize) -> usize {
        let rank = self.len() as isize;
        let index = if axis < 0 { axis + rank } else { axis };
        assert!((0..rank).contains(&index), "{op}: no axis {axis}: {self} has {rank} axes");
        index as usize
    }
}

impl Deref for Shape {
    type Target = [usize];
    fn deref(&self) -> &[usize] {
        &self.dims[..self.rank as usize]
    }
}

impl std::ops::DerefMut for Shape {
    fn deref_mut(&mut self) -> &mut [usize] {
        &mut self.dims[..self.rank as usize]
    }
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", &self[..])
    }
}

impl fmt::Debug for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", &self[..])
    }
}

impl<const N: usize> From<[usize; N]> for Shape {
    #[track_caller]
    fn from(dims: [usize; N]) -> Self {
        Self::new(&dims)
    }
}

impl From<&[usize]> for Shape {
    #[track_caller]
    fn from(dims: &[usize]) -> Self {
        Self::new(dims)
    }
}

impl From<Vec<usize>> for Shape {
    #[track_caller]
    fn from(dims: Vec<usize>) -> Self {
        Self::new(&dims)
    }
}

impl From<&Shape> for Shape {
    fn from(shape: &Shape) -> Self {
        *shape
    }
}

impl From<usize> for Shape {
    fn from(length: usize) -> Self {
        Self::new(&[length])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn broadcasting_aligns_at_the_last_axis() {
        let s = |d: &[usize]| Shape::new(d);
        assert_eq!(s(&[4, 1, 3]).broadcast(&s(&[5, 1])), Some(s(&[4, 5, 3])));
        assert_eq!(s(&[]).broadcast(&s(&[2])), Some(s(&[2])));
        assert_eq!(s(&[0]).broadcast(&s(&[1])), Some(s(&[0])));
        assert_eq!(s(&[2]).broadcast(&s(&[3])), None);
    }

    #[test]
    fn axes_count_from_both_ends() {
        let s = Shape::new(&[2, 3, 4]);
        assert_eq!((s.axis("t", -1), s.axis("t", 0)), (2, 0));
        assert_eq!(s.insert(1, 9), Shape::new(&[2, 9, 3, 4]));
        assert_eq!(s.remove(0), Shape::new(&[3, 4]));
    }
}
