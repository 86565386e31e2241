//! Padding with a constant, and rolling round an axis.

use gradus_tensor::{Float, Tensor};

use crate::op::{Cotangents, Op, Save, Saved};
use crate::per_example::{Batch, Flow};
use crate::var::{Var, apply};

struct Pad {
    widths: Vec<(usize, usize)>,
    value: f64,
}

impl<T: Float> Op<T> for Pad {
    fn name(&self) -> &'static str {
        "pad"
    }

    fn saves(&self) -> Save {
        Save::NOTHING
    }

    fn forward(&mut self, inputs: &[&Tensor<T>]) -> Tensor<T> {
        inputs[0].pad(&self.widths, T::of(self.value))
    }

    fn vjp(&self, saved: &Saved<Var<T>>, g: &Var<T>) -> Cotangents<Var<T>> {
        let shape = saved.shape(0);
        let inside = |g: Var<T>, (axis, &(before, _)): (usize, &(usize, usize))| {
            g.narrow(axis as isize, before, shape[axis])
        };
        vec![Some(self.widths.iter().enumerate().fold(g.clone(), inside))]
    }

    fn per_example(&self, saved: &Saved<Tensor<T>>, g: &Tensor<T>, batch: Batch) -> Option<Vec<Flow<T>>> {
        batch.aligned(g.shape(), &saved.shape(0)).map(|batch| vec![Flow::Along(batch)])
    }
}

struct Roll(isize, isize);

impl<T: Float> Op<T> for Roll {
    fn name(&self) -> &'static str {
        "roll"
    }

    fn saves(&self) -> Save {
        Save::NOTHING
    }

    fn forward(&mut self, inputs: &[&Tensor<T>]) -> Tensor<T> {
        inputs[0].roll(self.0, self.1)
    }

    fn vjp(&self, _: &Saved<Var<T>>, g: &Var<T>) -> Cotangents<Var<T>> {
        vec![Some(g.roll(-self.0, self.1))]
    }

    fn per_example(&self, _: &Saved<Tensor<T>>, g: &Tensor<T>, batch: Batch) -> Option<Vec<Flow<T>>> {
        (batch.place(g.shape())?.axis != g.shape().axis("roll", self.1)).then(|| vec![Flow::Along(batch)])
    }
}

impl<T: Float> Var<T> {
    /// `value` put around: `widths` has (before, after) for each axis, the first axis first (PyTorch: `functional.pad`
    /// in constant mode, which lists the last axis first).
    ///
    /// ```
    /// use gradus_autodiff::Var;
    /// let y = Var::constant([1.0_f32, 2.0]).pad(&[(1, 2)], 9.0);
    /// assert_eq!(y.value().to_vec(), [9.0, 1.0, 2.0, 9.0, 9.0]);
    /// ```
    ///
    /// # Panics
    /// If there is not one pair per axis.
    #[must_use]
    #[track_caller]
    pub fn pad(&self, widths: &[(usize, usize)], value: f64) -> Self {
        apply(Pad { widths: widths.to_vec(), value }, &[self])
    }

    /// Elements shifted by `shift` along `axis`; what leaves at one end enters at the other (PyTorch: `roll`).
    ///
    /// ```
    /// use gradus_autodiff::Var;
    /// assert_eq!(Var::constant([1.0_f32, 2.0, 3.0]).roll(1, 0).value().to_vec(), [3.0, 1.0, 2.0]);
    /// ```
    ///
    /// # Panics
    /// If there is no such axis.
    #[must_use]
    #[track_caller]
    pub fn roll(&self, shift: isize, axis: isize) -> Self {
        apply(Roll(shift, axis), &[self])
    }
}
