//! Reductions: sum, mean, maximum, minimum, and the sum that undoes a broadcast.

use gradus_tensor::{Float, Shape, Tensor};

use crate::op::{Cotangents, Op, Save, Saved};
use crate::per_example::{Batch, Flow};
use crate::var::{Var, apply};

/// The shape with the reduced axes at length 1, to which a reduced cotangent is reshaped before it stretches.
#[track_caller]
pub(super) fn kept(shape: &Shape, axes: &[isize]) -> Shape {
    let mut out = *shape;
    for (axis, length) in out.iter_mut().enumerate() {
        if axes.is_empty() || axes.iter().any(|&a| shape.axis("reduce", a) == axis) {
            *length = 1;
        }
    }
    out
}

/// The examples lie along an axis that is left.
pub(super) fn reduced<T: Float>(shape: &Shape, axes: &[isize], batch: Batch) -> Option<Vec<Flow<T>>> {
    batch.aligned(&kept(shape, axes), shape).map(|batch| vec![Flow::Along(batch)])
}

struct Sum {
    axes: Vec<isize>,
    keep: bool,
}

impl<T: Float> Op<T> for Sum {
    fn name(&self) -> &'static str {
        "sum"
    }

    fn saves(&self) -> Save {
        Save::NOTHING
    }

    fn forward(&mut self, inputs: &[&Tensor<T>]) -> Tensor<T> {
        inputs[0].sum_axes(&self.axes, self.keep)
    }

    fn vjp(&self, saved: &Saved<Var<T>>, g: &Var<T>) -> Cotangents<Var<T>> {
        let shape = saved.shape(0);
        vec![Some(g.reshape(kept(&shape, &self.axes)).expand(shape))]
    }

    fn per_example(&self, saved: &Saved<Tensor<T>>, _: &Tensor<T>, batch: Batch) -> Option<Vec<Flow<T>>> {
        reduced(&saved.shape(0), &self.axes, batch)
    }
}

struct Extreme {
    axes: Vec<isize>,
    keep: bool,
    largest: bool,
}

impl<T: Float> Op<T> for Extreme {
    fn name(&self) -> &'static str {
        if self.largest { "max" } else { "min" }
    }

    fn saves(&self) -> Save {
        Save::input(0).and(Save::OUTPUT)
    }

    fn forward(&mut self, inputs: &[&Tensor<T>]) -> Tensor<T> {
        let x = inputs[0];
        if self.largest { x.max_axes(&self.axes, self.keep) } else { x.min_axes(&self.axes, self.keep) }
    }

    /// All ties share the cotangent evenly.
    fn vjp(&self, saved: &Saved<Var<T>>, g: &Var<T>) -> Cotangents<Var<T>> {
        let (shape, x) = (saved.shape(0), saved.input(0));
        let kept = kept(&shape, &self.axes);
        let best = saved.output().value().reshape(kept);
        let ties = x.value().equal(&best.expand(shape)).cast::<T>();
        let shares = &ties / &ties.sum_axes(&self.axes, true);
        vec![Some(g.reshape(kept).expand(shape) * Var::constant(shares))]
    }

    fn per_example(&self, saved: &Saved<Tensor<T>>, _: &Tensor<T>, batch: Batch) -> Option<Vec<Flow<T>>> {
        reduced(&saved.shape(0), &self.axes, batch)
    }
}

struct SumTo(Shape);

impl<T: Float> Op<T> for SumTo {
    fn name(&self) -> &'static str {
        "sum_to"
    }

    fn saves(&self) -> Save {
        Save::NOTHING
    }

    fn forward(&mut self, inputs: &[&Tensor<T>]) -> Tensor<T> {
        inputs[0].sum_to(&self.0)
    }

    fn vjp(&self, saved: &Saved<Var<T>>, g: &Var<T>) -> Cotangents<Var<T>> {
        vec![Some(g.expand(saved.shape(0)))]
    }

    fn per_example(&self, saved: &Saved<Tensor<T>>, g: &Tensor<T>, batch: Batch) -> Option<Vec<Flow<T>>> {
        batch.aligned(g.shape(), &saved.shape(0)).map(|batch| vec![Flow::Along(batch)])
    }
}

impl<T: Float> Var<T> {
    /// The sum of all elements.
    #[must_use]
    #[track_caller]
    pub fn sum(&self) -> Self {
        self.sum_axes(&[], false)
    }

    /// Sums over `axes` (an empty list: all), which keep length 1 if `keep`.
    ///
    /// # Panics
    /// If an axis does not exist or is named twice.
    #[must_use]
    #[track_caller]
    pub fn sum_axes(&self, axes: &[isize], keep: bool) -> Self {
        apply(Sum { axes: axes.to_vec(), keep }, &[self])
    }

    /// The mean of all elements; NaN of nothing.
    #[must_use]
    #[track_caller]
    pub fn mean(&self) -> Self {
        self.mean_axes(&[], false)
    }

    /// Means over `axes` (an empty list: all), which keep length 1 if `keep`.
    ///
    /// # Panics
    /// If an axis does not exist or is named twice.
    #[must_use]
    #[track_caller]
    pub fn mean_axes(&self, axes: &[isize], keep: bool) -> Self {
        let sum = self.sum_axes(axes, keep);
        let count = self.len() as f64 / sum.len().max(1) as f64;
        sum / count
    }

    /// The largest elements over `axes` (an empty list: all); equals share the gradient evenly (PyTorch: `amax`).
    ///
    /// # Panics
    /// If an axis does not exist or is named twice, or there is nothing to choose from.
    #[must_use]
    #[track_caller]
    pub fn max_axes(&self, axes: &[isize], keep: bool) -> Self {
        apply(Extreme { axes: axes.to_vec(), keep, largest: true }, &[self])
    }

    /// The smallest elements over `axes` (an empty list: all); equals share the gradient evenly (PyTorch: `amin`).
    ///
    /// # Panics
    /// If an axis does not exist or is named twice, or there is nothing to choose from.
    #[must_use]
    #[track_caller]
    pub fn min_axes(&self, axes: &[isize], keep: bool) -> Self {
        apply(Extreme { axes: axes.to_vec(), keep, largest: false }, &[self])
    }

    /// Sums back to `shape`, undoing a broadcast.
    ///
    /// # Panics
    /// If `shape` does not broadcast to this one.
    #[must_use]
    #[track_caller]
    pub fn sum_to(&self, shape: &Shape) -> Self {
        if self.shape() == shape { self.clone() } else { apply(SumTo(*shape), &[self]) }
    }
}
