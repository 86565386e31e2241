//! Reductions of tensors: over all elements, or over chosen axes with or without keeping them.

use crate::element::{Float, Number};
use crate::isa::current_isa;
use crate::kernels::reduce::{Call, Reduction};
use crate::kernels::scan::best_places;
use crate::layout::Layout;
use crate::shape::Shape;
use crate::tensor::Tensor;

/// The axes of a reduction, resolved against a shape.
pub(crate) struct Axes {
    reduced: [bool; crate::shape::MAX_RANK],
}

impl Axes {
    /// Axis numbers, negative ones from the back; an empty list means all axes, as in PyTorch.
    #[track_caller]
    pub(crate) fn new(op: &str, shape: &Shape, axes: &[isize]) -> Self {
        let mut reduced = [axes.is_empty(); crate::shape::MAX_RANK];
        for &axis in axes {
            let at = shape.axis(op, axis);
            assert!(!reduced[at], "{op}: axis {axis} is named twice: {shape} over {axes:?}");
            reduced[at] = true;
        }
        Self { reduced }
    }

    /// The shape with the reduced axes at length 1.
    pub(crate) fn kept_shape(&self, shape: &Shape) -> Shape {
        let mut out = *shape;
        for (axis, length) in out.iter_mut().enumerate() {
            if self.reduced[axis] {
                *length = 1;
            }
        }
        out
    }

    /// The shape without the reduced axes.
    pub(crate) fn dropped_shape(&self, shape: &Shape) -> Shape {
        let dims: Vec<usize> = (0..shape.len()).filter(|&a| !self.reduced[a]).map(|a| shape[a]).collect();
        Shape::new(&dims)
    }

    /// How many elements go into each result.
    pub(crate) fn count(&self, shape: &Shape) -> usize {
        (0..shape.len()).filter(|&a| self.reduced[a]).map(|a| shape[a]).product()
    }

    /// The order of axes that puts the reduced ones last, and how many come before them.
    pub(crate) fn to_the_end(&self, rank: usize) -> (Vec<usize>, usize) {
        let mut order: Vec<usize> = (0..rank).collect();
        order.sort_by_key(|&axis| self.reduced[axis]);
        (order, (0..rank).filter(|&axis| !self.reduced[axis]).count())
    }

    /// The layout split into its kept and its reduced axes.
    fn split(&self, layout: &Layout) -> (Layout, Layout) {
        let shape = layout.shape();
        let (mut kept, mut reduced) = (*layout, *layout);
        for axis in (0..shape.len()).rev() {
            if self.reduced[axis] {
                kept = kept.without(axis);
            } else {
                reduced = reduced.without(axis);
            }
        }
        (kept, reduced)
    }

    pub(crate) fn result_shape(&self, shape: &Shape, keep: bool) -> Shape {
        if keep { self.kept_shape(shape) } else { self.dropped_shape(shape) }
    }
}

impl<T: Number> Tensor<T> {
    #[track_caller]
    fn reduce(&self, op: Reduction, name: &str, axes: &[isize], keep: bool) -> Self {
        let axes = Axes::new(name, self.shape(), axes);
        if matches!(op, Reduction::Maximum | Reduction::Minimum) {
            assert!(
                axes.count(self.shape()) > 0,
                "{name}: nothing to choose from: {} has no elements there",
                self.shape()
            );
        }
        let (kept, reduced) = axes.split(self.layout());
        Self::build(axes.result_shape(self.shape(), keep), |out| {
            T::reduce(op, Call { isa: current_isa(), out, data: self.storage(), kept, reduced });
        })
    }

    /// The sum of all elements, as a scalar tensor; 0 of nothing. Added in a tree: the error grows like log n.
    #[must_use]
    pub fn sum(&self) -> Self {
        self.reduce(Reduction::Sum, "sum", &[], false)
    }

    /// Sums over `axes` (an empty list: all), which keep length 1 if `keep` (PyTorch: `sum(dim, keepdim)`).
    ///
    /// ```
    /// let x = gradus_tensor::Tensor::from([[1.0_f32, 2.0], [3.0, 4.0]]);
    /// assert_eq!(x.sum_axes(&[0], false).to_vec(), [4.0, 6.0]);
    /// assert_eq!(x.sum_axes(&[-1], true).dims(), [2, 1]);
    /// ```
    ///
    /// # Panics
    /// If an axis does not exist or is named twice.
    #[must_use]
    #[track_caller]
    pub fn sum_axes(&self, axes: &[isize], keep: bool) -> Self {
        self.reduce(Reduction::Sum, "sum", axes, keep)
    }

    /// Products over `axes` (an empty list: all); 1 of nothing (PyTorch: `prod`).
    ///
    /// # Panics
    /// If an axis does not exist or is named twice.
    #[must_use]
    #[track_caller]
    pub fn prod_axes(&self, axes: &[isize], keep: bool) -> Self {
        self.reduce(Reduction::Product, "prod", axes, keep)
    }

    /// The largest elements over `axes` (an empty list: all); NaN if any is NaN (PyTorch: `amax`).
    ///
    /// # Panics
    /// If an axis does not exist or is named twice, or there is nothing to choose from.
    #[must_use]
    #[track_caller]
    pub fn max_axes(&self, axes: &[isize], keep: bool) -> Self {
        self.reduce(Reduction::Maximum, "max", axes, keep)
    }

    /// The smallest elements over `axes` (an empty list: all); NaN if any is NaN (PyTorch: `amin`).
    ///
    /// # Panics
    /// If an axis does not exist or is named twice, or there is nothing to choose from.
    #[must_use]
    #[track_caller]
    pub fn min_axes(&self, axes: &[isize], keep: bool) -> Self {
        self.reduce(Reduction::Minimum, "min", axes, keep)
    }

    /// Sums back to `shape`, undoing a broadcast: added leading axes vanish, stretched axes return to length 1.
    ///
    /// # Panics
    /// If `shape` does not broadcast to this one.
    #[must_use]
    #[track_caller]
    pub fn sum_to(&self, shape: &Shape) -> Self {
        if self.shape() == shape {
            return self.clone();
        }
        let broadcasts = shape.broadcast(self.shape()).as_ref() == Some(self.shape());
        assert!(broadcasts, "sum_to: shape does not broadcast: {shape} to {}", self.shape());
        let added = self.rank() - shape.len();
        let stretched = |&a: &usize| a < added || shape[a - added] == 1 && self.shape()[a] != 1;
        let axes: Vec<isize> = (0..self.rank()).filter(stretched).map(|a| a as isize).collect();
        if axes.is_empty() {
            return self.reshape(*shape);
        }
        self.sum_axes(&axes, true).reshape(*shape)
    }

    /// The place of the first largest element along `axis` (PyTorch: `argmax`); a NaN counts as largest.
    ///
    /// # Panics
    /// If there is no such axis or it is empty.
    #[must_use]
    #[track_caller]
    pub fn argmax(&self, axis: isize) -> Tensor<i64> {
        self.argument("argmax", axis, |new, best| new > best)
    }

    /// The place of the first smallest element along `axis` (PyTorch: `argmin`); a NaN counts as smallest.
    ///
    /// # Panics
    /// If there is no such axis or it is empty.
    #[must_use]
    #[track_caller]
    pub fn argmin(&self, axis: isize) -> Tensor<i64> {
        self.argument("argmin", axis, |new, best| new < best)
    }

    #[track_caller]
    fn argument(&self, name: &str, axis: isize, better: impl Fn(T, T) -> bool + Sync + Send) -> Tensor<i64> {
        let at = self.shape().axis(name, axis);
        let (n, inner) = (self.shape()[at], self.shape()[at + 1..].iter().product());
        assert!(n > 0, "{name}: nothing to choose from: {} axis {axis}", self.shape());
        let x = self.contiguous();
        Tensor::build(self.shape().remove(at), |out| {
            best_places(out, x.as_slice().unwrap_or(&[]), (n, inner), better);
        })
    }
}

impl<T: Float> Tensor<T> {
    /// The mean of all elements, as a scalar tensor; NaN of nothing.
    #[must_use]
    pub fn mean(&self) -> Self {
        self.mean_axes(&[], false)
    }

    /// Means over `axes` (an empty list: all), which keep length 1 if `keep` (PyTorch: `mean`).
    ///
    /// # Panics
    /// If an axis does not exist or is named twice.
    #[must_use]
    #[track_caller]
    pub fn mean_axes(&self, axes: &[isize], keep: bool) -> Self {
        let count = Axes::new("mean", self.shape(), axes).count(self.shape());
        self.sum_axes(axes, keep) / T::of(count as f64)
    }
}
