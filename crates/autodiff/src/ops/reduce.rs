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
    ///
    /// ```
    /// use gradus_autodiff::Var;
    /// let x = Var::leaf([[1.0_f32, 2.0], [3.0, 4.0]]);
    /// assert_eq!(x.sum().item(), 10.0);
    /// assert_eq!(x.sum().backward().of(&x).map(|g| g.to_vec()), Some(vec![1.0; 4]));
    /// ```
    #[must_use]
    #[track_caller]
    pub fn sum(&self) -> Self {
        self.sum_axes(&[], false)
    }

    /// Sums over `axes` (an empty list: all), which keep length 1 if `keep`.
    ///
    /// ```
    /// use gradus_autodiff::Var;
    /// let x = Var::leaf([[1.0_f32, 2.0], [3.0, 4.0]]);
    /// assert_eq!(x.sum_axes(&[0], false).value().to_vec(), [4.0, 6.0]);
    /// assert_eq!(x.sum_axes(&[-1], true).dims(), [2, 1]);
    /// ```
    ///
    /// # Panics
    /// If an axis does not exist or is named twice.
    #[must_use]
    #[track_caller]
    pub fn sum_axes(&self, axes: &[isize], keep: bool) -> Self {
        apply(Sum { axes: axes.to_vec(), keep }, &[self])
    }

    /// The mean of all elements; NaN of nothing.
    ///
    /// ```
    /// use gradus_autodiff::Var;
    /// let x = Var::leaf([[1.0_f32, 2.0], [3.0, 4.0]]);
    /// assert_eq!(x.mean().item(), 2.5);
    /// assert_eq!(x.mean().backward().of(&x).map(|g| g.to_vec()), Some(vec![0.25; 4]));
    /// ```
    #[must_use]
    #[track_caller]
    pub fn mean(&self) -> Self {
        self.mean_axes(&[], false)
    }

    /// Means over `axes` (an empty list: all), which keep length 1 if `keep`.
    ///
    /// ```
    /// use gradus_autodiff::Var;
    /// assert_eq!(Var::leaf([[1.0_f32, 2.0], [3.0, 4.0]]).mean_axes(&[0], false).value().to_vec(), [2.0, 3.0]);
    /// ```
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
    /// ```
    /// use gradus_autodiff::Var;
    /// let x = Var::leaf([1.0_f32, 5.0, 5.0]);
    /// let largest = x.max_axes(&[], false);
    /// assert_eq!(largest.item(), 5.0);
    /// assert_eq!(largest.backward().of(&x).map(|g| g.to_vec()), Some(vec![0.0, 0.5, 0.5]));
    /// ```
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
    /// ```
    /// use gradus_autodiff::Var;
    /// assert_eq!(Var::leaf([[1.0_f32, 5.0], [3.0, 4.0]]).min_axes(&[1], false).value().to_vec(), [1.0, 3.0]);
    /// ```
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
    /// ```
    /// use gradus_autodiff::Var;
    /// use gradus_tensor::Shape;
    /// let x = Var::leaf([[1.0_f32, 2.0], [3.0, 4.0]]);
    /// assert_eq!(x.sum_to(&Shape::new(&[2, 1])).value().to_vec(), [3.0, 7.0]);
    /// ```
    ///
    /// # Panics
    /// If `shape` does not broadcast to this one.
    #[must_use]
    #[track_caller]
    pub fn sum_to(&self, shape: &Shape) -> Self {
        if self.shape() == shape { self.clone() } else { apply(SumTo(*shape), &[self]) }
    }
}
