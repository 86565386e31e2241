//! Views of parts: slices, pieces, windows, diagonals, and what is turned round. All in O(1).

use crate::element::Element;
use crate::shape::Shape;
use crate::tensor::Tensor;

impl<T: Element> Tensor<T> {
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

    /// `count` pieces along `axis`, the last one shorter or missing where the length is no multiple (PyTorch: `chunk`).
    ///
    /// ```
    /// let parts = gradus_tensor::Tensor::from([1, 2, 3, 4, 5]).chunk(2, 0);
    /// assert_eq!((parts[0].to_vec(), parts[1].to_vec()), (vec![1, 2, 3], vec![4, 5]));
    /// ```
    ///
    /// # Panics
    /// If there is no such axis or `count` is 0.
    #[must_use]
    #[track_caller]
    pub fn chunk(&self, count: usize, axis: isize) -> Vec<Self> {
        chunks(self.shape(), count, axis).into_iter().map(|(at, n)| self.narrow(axis, at, n)).collect()
    }

    /// Pieces of the given lengths along `axis` (PyTorch: `split` with a list).
    ///
    /// ```
    /// let parts = gradus_tensor::Tensor::from([1, 2, 3]).split_sizes(&[1, 2], 0);
    /// assert_eq!((parts[0].to_vec(), parts[1].to_vec()), (vec![1], vec![2, 3]));
    /// ```
    ///
    /// # Panics
    /// If there is no such axis or the lengths do not add up to its length.
    #[must_use]
    #[track_caller]
    pub fn split_sizes(&self, sizes: &[usize], axis: isize) -> Vec<Self> {
        pieces(self.shape(), sizes, axis).into_iter().map(|(at, n)| self.narrow(axis, at, n)).collect()
    }

    /// The pieces of `axis` between the given places: before the first, from each to the next, from the last on (PyTorch:
    /// `tensor_split` with indices). Places behind the end give empty pieces.
    ///
    /// ```
    /// let parts = gradus_tensor::Tensor::from([1, 2, 3, 4]).tensor_split(&[1, 3], 0);
    /// assert_eq!(parts.iter().map(|x| x.to_vec()).collect::<Vec<_>>(), [vec![1], vec![2, 3], vec![4]]);
    /// ```
    ///
    /// # Panics
    /// If there is no such axis.
    #[must_use]
    #[track_caller]
    pub fn tensor_split(&self, places: &[usize], axis: isize) -> Vec<Self> {
        let length = self.shape()[self.shape().axis("tensor_split", axis)];
        between(length, places).into_iter().map(|(at, n)| self.narrow(axis, at, n)).collect()
    }

    /// Turned by `turns` right angles in the plane of two axes, from the first towards the second (PyTorch: `rot90`).
    ///
    /// ```
    /// use gradus_tensor::Tensor;
    /// assert_eq!(Tensor::from([[1, 2], [3, 4]]).rot90(1, 0, 1), Tensor::from([[2, 4], [1, 3]]));
    /// ```
    ///
    /// # Panics
    /// If there are no such two different axes.
    #[must_use]
    #[track_caller]
    pub fn rot90(&self, turns: isize, first: isize, second: isize) -> Self {
        let (a, b) = (self.shape().axis("rot90", first), self.shape().axis("rot90", second));
        assert!(a != b, "rot90: needs two axes: {} with {first} and {second}", self.shape());
        match turns.rem_euclid(4) {
            0 => self.clone(),
            1 => self.flip(second).transpose(first, second),
            2 => self.flip(first).flip(second),
            _ => self.flip(first).transpose(first, second),
        }
    }
}

/// Start and length of each of `count` chunks.
#[doc(hidden)]
#[must_use]
#[track_caller]
pub fn chunks(shape: &Shape, count: usize, axis: isize) -> Vec<(usize, usize)> {
    assert!(count > 0, "chunk: 0 pieces: {shape} axis {axis}");
    let length = shape[shape.axis("chunk", axis)];
    let size = length.div_ceil(count).max(1);
    // An empty axis has its empty pieces, as PyTorch's.
    if length == 0 {
        return vec![(0, 0); count];
    }
    (0..length).step_by(size).map(|at| (at, size.min(length - at))).collect()
}

/// Start and length of pieces of given lengths.
#[doc(hidden)]
#[must_use]
#[track_caller]
pub fn pieces(shape: &Shape, sizes: &[usize], axis: isize) -> Vec<(usize, usize)> {
    let (length, sum) = (shape[shape.axis("split", axis)], sizes.iter().sum::<usize>());
    assert!(
        sum == length,
        "split: lengths do not add up: {sizes:?} of {shape} axis {axis} ({sum} ≠ {length})"
    );
    let mut at = 0;
    let piece = |&size: &usize| {
        at += size;
        (at - size, size)
    };
    sizes.iter().map(piece).collect()
}

/// Start and length of the pieces between places.
#[doc(hidden)]
#[must_use]
pub fn between(length: usize, places: &[usize]) -> Vec<(usize, usize)> {
    let bounds = places.iter().map(|&place| place.min(length)).chain([length]);
    let mut start = 0;
    bounds.map(|end| (start, end.saturating_sub(std::mem::replace(&mut start, end)))).collect()
}
