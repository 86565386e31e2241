//! Triangles of matrices, and the trace.

use gradus_tensor::{Float, Tensor};

use crate::op::{Cotangents, Op, Save, Saved};
use crate::per_example::{Batch, Flow};
use crate::var::{Var, apply};

struct Triangle {
    diagonal: isize,
    upper: bool,
}

impl<T: Float> Op<T> for Triangle {
    fn name(&self) -> &'static str {
        if self.upper { "triu" } else { "tril" }
    }

    fn saves(&self) -> Save {
        Save::NOTHING
    }

    fn forward(&mut self, inputs: &[&Tensor<T>]) -> Tensor<T> {
        if self.upper { inputs[0].triu(self.diagonal) } else { inputs[0].tril(self.diagonal) }
    }

    fn vjp(&self, _: &Saved<Var<T>>, g: &Var<T>) -> Cotangents<Var<T>> {
        vec![Some(if self.upper { g.triu(self.diagonal) } else { g.tril(self.diagonal) })]
    }

    fn per_example(&self, saved: &Saved<Tensor<T>>, g: &Tensor<T>, batch: Batch) -> Option<Vec<Flow<T>>> {
        Some(vec![batch.leading(g.shape(), 2, &saved.shape(0))?])
    }
}

impl<T: Float> Var<T> {
    /// The lower triangle, noughts elsewhere: element (i, j) stays where j ≤ i + `diagonal` (PyTorch: `tril`);
    /// `[…, M, N] → […, M, N]`.
    ///
    /// ```
    /// let x = gradus_autodiff::Var::constant([[1.0_f32, 2.0], [3.0, 4.0]]);
    /// assert_eq!(x.tril(0).value().to_vec(), [1.0, 0.0, 3.0, 4.0]);
    /// ```
    ///
    /// # Panics
    /// If there are fewer than two axes.
    #[must_use]
    #[track_caller]
    pub fn tril(&self, diagonal: isize) -> Self {
        apply(Triangle { diagonal, upper: false }, &[self])
    }

    /// The upper triangle, noughts elsewhere: element (i, j) stays where j ≥ i + `diagonal` (PyTorch: `triu`);
    /// `[…, M, N] → […, M, N]`.
    ///
    /// ```
    /// let x = gradus_autodiff::Var::constant([[1.0_f32, 2.0], [3.0, 4.0]]);
    /// assert_eq!(x.triu(1).value().to_vec(), [0.0, 2.0, 0.0, 0.0]);
    /// ```
    ///
    /// # Panics
    /// If there are fewer than two axes.
    #[must_use]
    #[track_caller]
    pub fn triu(&self, diagonal: isize) -> Self {
        apply(Triangle { diagonal, upper: true }, &[self])
    }

    /// The sum of the diagonal: `[…, M, N] → […]` (PyTorch: `trace`, which takes one matrix).
    ///
    /// ```
    /// let x = gradus_autodiff::Var::leaf([[1.0_f32, 2.0], [3.0, 4.0]]);
    /// assert_eq!(x.trace().item(), 5.0);
    /// assert_eq!(x.trace().backward().of(&x).map(|g| g.to_vec()), Some(vec![1.0, 0.0, 0.0, 1.0]));
    /// ```
    ///
    /// # Panics
    /// If there are fewer than two axes.
    #[must_use]
    #[track_caller]
    pub fn trace(&self) -> Self {
        let shape = self.shape();
        assert!(shape.len() >= 2, "trace: not a matrix: {shape} ([…, M, N])");
        self.diagonal(0, -2, -1).sum_axes(&[-1], false)
    }
}
