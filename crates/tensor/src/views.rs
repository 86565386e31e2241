//! Views: other layouts over the same storage, in O(1). Only `reshape` may have to copy.

mod parts;

use crate::element::Element;
use crate::shape::Shape;
use crate::tensor::Tensor;

pub use parts::{between, chunks, pieces};

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

    /// The same elements in another shape, never copied (PyTorch: `view`).
    ///
    /// ```
    /// let x = gradus_tensor::Tensor::from([[1, 2], [3, 4]]);
    /// assert_eq!(x.view([4]).to_vec(), [1, 2, 3, 4]);
    /// ```
    ///
    /// # Panics
    /// If the shapes differ in their number of elements, or the layout forces a copy.
    #[must_use]
    #[track_caller]
    pub fn view(&self, shape: impl Into<Shape>) -> Self {
        let shape = shape.into();
        let (have, want) = (self.len(), shape.count());
        assert!(
            have == want,
            "view: numbers of elements differ: {} → {shape} ({have} ≠ {want})",
            self.shape()
        );
        match self.layout().reshape(shape) {
            Some(layout) => self.with_layout(layout),
            None => panic!(
                "view: the layout forces a copy: {} with strides {:?} → {shape} (reshape copies)",
                self.shape(),
                self.layout().strides()
            ),
        }
    }

    /// Axis `from` moved to place `to`, the others in their order (PyTorch: `movedim`).
    ///
    /// ```
    /// let x = gradus_tensor::Tensor::<f32>::zeros([2, 3, 4]);
    /// assert_eq!(x.movedim(0, -1).dims(), [3, 4, 2]);
    /// ```
    ///
    /// # Panics
    /// If there are no such axes.
    #[must_use]
    #[track_caller]
    pub fn movedim(&self, from: isize, to: isize) -> Self {
        self.permute(&moved(self.shape(), from, to))
    }

    /// Without all axes of length 1 (PyTorch: `squeeze()`).
    ///
    /// ```
    /// assert_eq!(gradus_tensor::Tensor::<f32>::zeros([1, 3, 1, 2]).squeeze_all().dims(), [3, 2]);
    /// ```
    #[must_use]
    pub fn squeeze_all(&self) -> Self {
        let single = |axis: usize| self.shape()[axis] == 1;
        let axes = (0..self.rank()).rev().filter(|&axis| single(axis));
        axes.fold(self.clone(), |x, axis| x.squeeze(axis as isize))
    }
}

/// The order of the axes once one has moved.
#[doc(hidden)]
#[must_use]
#[track_caller]
pub fn moved(shape: &Shape, from: isize, to: isize) -> Vec<usize> {
    let (from, to) = (shape.axis("movedim", from), shape.axis("movedim", to));
    let mut order: Vec<usize> = (0..shape.len()).filter(|&axis| axis != from).collect();
    order.insert(to, from);
    order
}
