//! Views: other layouts over the same storage, in O(1). Only `reshape` may have to copy.

use crate::element::Element;
use crate::shape::Shape;
use crate::tensor::Tensor;

impl<T: Element> Tensor<T> {
    /// The same elements in row-major order under another shape; copies only if the layout forces it
    /// (PyTorch: `reshape`).
    ///
    /// ```
    /// use gradus_tensor::Tensor;
    /// let x = Tensor::<i64>::arange(6).reshape([2, 3]);
    /// assert_eq!(x, Tensor::from([[0, 1, 2], [3, 4, 5]]));
    /// assert_eq!(x.t().reshape([6]).to_vec(), [0, 3, 1, 4, 2, 5]); // copies
    /// ```
    ///
    /// # Panics
    /// If the shapes differ in their number of elements.
    #[must_use]
    #[track_caller]
    pub fn reshape(&self, shape: impl Into<Shape>) -> Self {
        let shape = shape.into();
        let (have, want) = (self.len(), shape.count());
        assert!(
            have == want,
            "reshape: numbers of elements differ: {} → {shape} ({have} ≠ {want})",
            self.shape()
        );
        match self.layout().reshape(shape) {
            Some(layout) => self.with_layout(layout),
            None => self.contiguous().reshape(shape),
        }
    }

    /// Axes `start ..= end` merged into one (PyTorch: `flatten`); negative numbers count from the back.
    ///
    /// ```
    /// use gradus_tensor::Tensor;
    /// assert_eq!(Tensor::<f32>::ones([5, 3, 4, 4]).flatten(1, -1).dims(), [5, 48]);
    /// ```
    ///
    /// # Panics
    /// If there are no such axes, or `end` comes before `start`.
    #[must_use]
    #[track_caller]
    pub fn flatten(&self, start: isize, end: isize) -> Self {
        let (start, end) = (self.shape().axis("flatten", start), self.shape().axis("flatten", end));
        assert!(start <= end, "flatten: axes out of order: {} from {start} to {end}", self.shape());
        let mut dims = self.shape()[..start].to_vec();
        dims.push(self.shape()[start..=end].iter().product());
        dims.extend_from_slice(&self.shape()[end + 1..]);
        self.reshape(dims)
    }

    /// Axes in a new order: axis `a` of the result is axis `order[a]` (PyTorch: `permute`).
    ///
    /// ```
    /// use gradus_tensor::Tensor;
    /// assert_eq!(Tensor::<f32>::ones([2, 3, 4]).permute(&[2, 0, 1]).dims(), [4, 2, 3]);
    /// ```
    ///
    /// # Panics
    /// If `order` is not an order of the axes.
    #[must_use]
    #[track_caller]
    pub fn permute(&self, order: &[usize]) -> Self {
        self.with_layout(self.layout().permute(order))
    }

    /// Two axes exchanged (PyTorch: `transpose`, `swapaxes`); negative numbers count from the back.
    ///
    /// ```
    /// use gradus_tensor::Tensor;
    /// assert_eq!(Tensor::<f32>::ones([2, 3, 4]).transpose(0, -1).dims(), [4, 3, 2]);
    /// ```
    ///
    /// # Panics
    /// If there are no such axes.
    #[must_use]
    #[track_caller]
    pub fn transpose(&self, first: isize, second: isize) -> Self {
        let (a, b) = (self.shape().axis("transpose", first), self.shape().axis("transpose", second));
        let mut order: Vec<usize> = (0..self.rank()).collect();
        order.swap(a, b);
        self.permute(&order)
    }

    /// The last two axes exchanged (PyTorch: `mT`).
    ///
    /// ```
    /// use gradus_tensor::Tensor;
    /// assert_eq!(Tensor::from([[1, 2], [3, 4]]).t(), Tensor::from([[1, 3], [2, 4]]));
    /// ```
    ///
    /// # Panics
    /// If there are fewer than two axes.
    #[must_use]
    #[track_caller]
    pub fn t(&self) -> Self {
        self.transpose(-2, -1)
    }

    /// Stretched to `shape` without copying: missing leading axes and axes of length 1 repeat (PyTorch: `expand`).
    ///
    /// ```
    /// use gradus_tensor::Tensor;
    /// assert_eq!(Tensor::from([1, 2]).expand([2, 2]), Tensor::from([[1, 2], [1, 2]]));
    /// ```
    ///
    /// # Panics
    /// If the shape does not broadcast.
    #[must_use]
    #[track_caller]
    pub fn expand(&self, shape: impl Into<Shape>) -> Self {
        let shape = shape.into();
        match self.layout().expand(&shape) {
            Some(layout) => self.with_layout(layout),
            None => panic!("expand: shapes do not broadcast: {} → {shape}", self.shape()),
        }
    }

    /// A new axis of length 1 before `axis`; −1 puts it last (PyTorch: `unsqueeze`).
    ///
    /// ```
    /// use gradus_tensor::Tensor;
    /// let x = Tensor::from([1, 2]);
    /// assert_eq!((x.unsqueeze(0).dims(), x.unsqueeze(-1).dims()), ([1, 2], [2, 1]));
    /// assert_eq!(x.unsqueeze(0).squeeze(0), x);
    /// ```
    ///
    /// # Panics
    /// If `axis` lies outside −(rank + 1) ..= rank.
    #[must_use]
    #[track_caller]
    pub fn unsqueeze(&self, axis: isize) -> Self {
        let slots = self.rank() as isize + 1;
        let at = if axis < 0 { axis + slots } else { axis };
        assert!((0..slots).contains(&at), "unsqueeze: no place {axis}: {} has {slots}", self.shape());
        self.with_layout(self.layout().insert(at as usize, 1, 0))
    }

    /// Without an axis of length 1 (PyTorch: `squeeze(axis)`).
    ///
    /// # Panics
    /// If there is no such axis or it is longer.
    #[must_use]
    #[track_caller]
    pub fn squeeze(&self, axis: isize) -> Self {
        let at = self.shape().axis("squeeze", axis);
        let length = self.shape()[at];
        assert!(length == 1, "squeeze: axis {axis} is not of length 1: {} ({length} ≠ 1)", self.shape());
        self.with_layout(self.layout().select(at, 0))
    }

    /// Elements `start .. end` of `axis`, every `step`-th. A negative step walks from `end − 1` down to `start`
    /// (so `slice(0, 0, n, -1)` reverses).
    ///
    /// ```
    /// use gradus_tensor::Tensor;
    /// let x = Tensor::<i64>::arange(6);
    /// assert_eq!(x.slice(0, 1, 6, 2).to_vec(), [1, 3, 5]);
    /// assert_eq!(x.slice(0, 0, 6, -2).to_vec(), [5, 3, 1]);
    /// ```
    ///
    /// # Panics
    /// If there is no such axis, `start .. end` is no range inside it, or `step` is 0.
    #[must_use]
    #[track_caller]
    pub fn slice(&self, axis: isize, start: usize, end: usize, step: isize) -> Self {
        let at = self.shape().axis("slice", axis);
        let length = self.shape()[at];
        let inside = start <= end && end <= length;
        assert!(inside, "slice: outside axis {axis}: {} from {start} to {end} (0 … {length})", self.shape());
        assert!(step != 0, "slice: step is 0: {} axis {axis}", self.shape());
        let count = (end - start).div_ceil(step.unsigned_abs());
        let first = if step > 0 { start } else { end.saturating_sub(1) };
        self.with_layout(self.layout().slice(at, first, step, count))
    }

    /// `length` elements of `axis` from `start` on (PyTorch: `narrow`).
    ///
    /// ```
    /// use gradus_tensor::Tensor;
    /// assert_eq!(Tensor::from([[1, 2, 3], [4, 5, 6]]).narrow(1, 1, 2), Tensor::from([[2, 3], [5, 6]]));
    /// ```
    ///
    /// # Panics
    /// If they are not there.
    #[must_use]
    #[track_caller]
    pub fn narrow(&self, axis: isize, start: usize, length: usize) -> Self {
        self.slice(axis, start, start.saturating_add(length), 1)
    }

    /// The part at `index` along `axis`, without that axis (PyTorch: `select`).
    ///
    /// ```
    /// use gradus_tensor::Tensor;
    /// assert_eq!(Tensor::from([[1, 2, 3], [4, 5, 6]]).select(1, 2).to_vec(), [3, 6]);
    /// ```
    ///
    /// # Panics
    /// If it is not there.
    #[must_use]
    #[track_caller]
    pub fn select(&self, axis: isize, index: usize) -> Self {
        let at = self.shape().axis("select", axis);
        let length = self.shape()[at];
        assert!(
            index < length,
            "select: outside axis {axis}: {} at {index} ({index} ≥ {length})",
            self.shape()
        );
        self.with_layout(self.layout().select(at, index))
    }

    /// `axis` in reverse order (PyTorch: `flip`).
    ///
    /// ```
    /// use gradus_tensor::Tensor;
    /// assert_eq!(Tensor::from([[1, 2], [3, 4]]).flip(1), Tensor::from([[2, 1], [4, 3]]));
    /// ```
    ///
    /// # Panics
    /// If there is no such axis.
    #[must_use]
    #[track_caller]
    pub fn flip(&self, axis: isize) -> Self {
        self.slice(axis, 0, self.dim(axis), -1)
    }

    /// Pieces of `size` elements along `axis`, the last may be shorter (PyTorch: `split`).
    ///
    /// ```
    /// use gradus_tensor::Tensor;
    /// let parts: Vec<_> = Tensor::<i64>::arange(5).split(2, 0).iter().map(Tensor::to_vec).collect();
    /// assert_eq!(parts, [vec![0, 1], vec![2, 3], vec![4]]);
    /// ```
    ///
    /// # Panics
    /// If there is no such axis or `size` is 0.
    #[must_use]
    #[track_caller]
    pub fn split(&self, size: usize, axis: isize) -> Vec<Self> {
        assert!(size > 0, "split: pieces of 0 elements: {} axis {axis}", self.shape());
        let length = self.dim(axis);
        (0..length).step_by(size).map(|at| self.narrow(axis, at, size.min(length - at))).collect()
    }

    /// Windows of `size` elements along `axis`, `step` apart, as a new last axis (PyTorch: `unfold`).
    ///
    /// ```
    /// use gradus_tensor::Tensor;
    /// assert_eq!(Tensor::<i64>::arange(5).unfold(0, 3, 2), Tensor::from([[0, 1, 2], [2, 3, 4]]));
    /// ```
    ///
    /// # Panics
    /// If there is no such axis, `size` does not fit, or `step` is 0.
    #[must_use]
    #[track_caller]
    pub fn unfold(&self, axis: isize, size: usize, step: usize) -> Self {
        let at = self.shape().axis("unfold", axis);
        let length = self.shape()[at];
        assert!(size <= length, "unfold: window exceeds axis {axis}: {} ({size} > {length})", self.shape());
        assert!(step > 0, "unfold: step is 0: {} axis {axis}", self.shape());
        self.with_layout(self.layout().unfold(at, size, step))
    }

    /// The diagonal of two axes as a new last axis; `offset` > 0 lies above the main one (PyTorch: `diagonal`).
    ///
    /// ```
    /// use gradus_tensor::Tensor;
    /// let x = Tensor::from([[1, 2, 3], [4, 5, 6], [7, 8, 9]]);
    /// assert_eq!(x.diagonal(0, 0, 1).to_vec(), [1, 5, 9]);
    /// assert_eq!(x.diagonal(1, 0, 1).to_vec(), [2, 6]);
    /// ```
    ///
    /// # Panics
    /// If there are no such two different axes.
    #[must_use]
    #[track_caller]
    pub fn diagonal(&self, offset: isize, first: isize, second: isize) -> Self {
        let (a, b) = (self.shape().axis("diagonal", first), self.shape().axis("diagonal", second));
        assert!(a != b, "diagonal: needs two axes: {} with {first} and {second}", self.shape());
        self.with_layout(self.layout().diagonal(offset, a, b))
    }
}
