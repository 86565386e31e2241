//! Softmax, its logarithm and log-sum-exp along an axis, shifted by the maximum so that nothing overflows.

use gradus_tensor::{Float, Tensor};

use crate::op::{Cotangents, Op, Save, Saved};
use crate::per_example::{Batch, Flow};
use crate::var::{Var, apply};

struct Softmax(isize);

impl<T: Float> Op<T> for Softmax {
    fn name(&self) -> &'static str {
        "softmax"
    }

    fn saves(&self) -> Save {
        Save::OUTPUT
    }

    fn forward(&mut self, inputs: &[&Tensor<T>]) -> Tensor<T> {
        inputs[0].softmax(self.0)
    }

    /// y·(g − Σ g·y).
    fn vjp(&self, saved: &Saved<Var<T>>, g: &Var<T>) -> Cotangents<Var<T>> {
        let y = saved.output();
        let mean = (g * &y).sum_axes(&[self.0], true);
        vec![Some((g - mean) * y)]
    }

    fn vjp_fused(
        &self,
        saved: &mut Saved<Tensor<T>>,
        g: Tensor<T>,
    ) -> Result<Cotangents<Tensor<T>>, Tensor<T>> {
        Ok(vec![Some(saved.output().softmax_grad(&g, self.0))])
    }

    fn per_example(&self, _: &Saved<Tensor<T>>, g: &Tensor<T>, batch: Batch) -> Option<Vec<Flow<T>>> {
        (batch.place(g.shape())?.axis != g.shape().axis("softmax", self.0)).then(|| vec![Flow::Along(batch)])
    }
}

struct LogSoftmax(isize);

impl<T: Float> Op<T> for LogSoftmax {
    fn name(&self) -> &'static str {
        "log_softmax"
    }

    fn saves(&self) -> Save {
        Save::OUTPUT
    }

    fn forward(&mut self, inputs: &[&Tensor<T>]) -> Tensor<T> {
        inputs[0].log_softmax(self.0)
    }

    /// g − e^y·Σ g.
    fn vjp(&self, saved: &Saved<Var<T>>, g: &Var<T>) -> Cotangents<Var<T>> {
        vec![Some(g - saved.output().exp() * g.sum_axes(&[self.0], true))]
    }

    fn vjp_fused(
        &self,
        saved: &mut Saved<Tensor<T>>,
        g: Tensor<T>,
    ) -> Result<Cotangents<Tensor<T>>, Tensor<T>> {
        Ok(vec![Some(saved.output().log_softmax_grad(&g, self.0))])
    }

    fn per_example(&self, _: &Saved<Tensor<T>>, g: &Tensor<T>, batch: Batch) -> Option<Vec<Flow<T>>> {
        (batch.place(g.shape())?.axis != g.shape().axis("softmax", self.0)).then(|| vec![Flow::Along(batch)])
    }
}

/// Keeps the reduced axis at length 1.
struct LogSumExp(isize);

impl<T: Float> Op<T> for LogSumExp {
    fn name(&self) -> &'static str {
        "logsumexp"
    }

    fn saves(&self) -> Save {
        Save::input(0)
    }

    fn forward(&mut self, inputs: &[&Tensor<T>]) -> Tensor<T> {
        inputs[0].logsumexp(self.0, true)
    }

    /// g·softmax(x).
    fn vjp(&self, saved: &Saved<Var<T>>, g: &Var<T>) -> Cotangents<Var<T>> {
        vec![Some(saved.input(0).softmax(self.0) * g)]
    }

    fn per_example(&self, saved: &Saved<Tensor<T>>, g: &Tensor<T>, batch: Batch) -> Option<Vec<Flow<T>>> {
        batch.aligned(g.shape(), &saved.shape(0)).map(|batch| vec![Flow::Along(batch)])
    }
}

impl<T: Float> Var<T> {
    /// eˣ / Σ eˣ along `axis`: positive, summing to 1 (PyTorch: `softmax`). `[…] → […]`.
    ///
    /// ```
    /// use gradus_autodiff::Var;
    /// let y = Var::constant([[1e4_f32, 1e4], [0.0, -1e4]]).softmax(-1);
    /// assert_eq!(y.value().to_vec(), [0.5, 0.5, 1.0, 0.0]);
    /// ```
    ///
    /// # Panics
    /// If there is no such axis.
    #[must_use]
    #[track_caller]
    pub fn softmax(&self, axis: isize) -> Self {
        apply(Softmax(axis), &[self])
    }

    /// ln softmax(x) along `axis`, accurate where softmax underflows (PyTorch: `log_softmax`). `[…] → […]`.
    ///
    /// ```
    /// use gradus_autodiff::Var;
    /// let y = Var::constant([[0.0_f64, 0.0], [0.0, 1e4]]).log_softmax(-1);
    /// assert!((y.value().at(&[0, 1]) + 2.0_f64.ln()).abs() < 1e-15);
    /// assert_eq!(y.value().at(&[1, 0]), -1e4);
    /// ```
    ///
    /// # Panics
    /// If there is no such axis.
    #[must_use]
    #[track_caller]
    pub fn log_softmax(&self, axis: isize) -> Self {
        apply(LogSoftmax(axis), &[self])
    }

    /// ln Σ eˣ along `axis`, which keeps length 1 if `keep` (PyTorch: `logsumexp`): `[…, N, …] → […, …]` or
    /// `[…, 1, …]`; −∞ of nothing and where all are −∞.
    ///
    /// ```
    /// use gradus_autodiff::Var;
    /// let y = Var::constant([1e4_f64, 1e4]).logsumexp(0, false);
    /// assert!((y.item() - (1e4 + 2.0_f64.ln())).abs() < 1e-11);
    /// ```
    ///
    /// # Panics
    /// If there is no such axis.
    #[must_use]
    #[track_caller]
    pub fn logsumexp(&self, axis: isize, keep: bool) -> Self {
        let out = apply(LogSumExp(axis), &[self]);
        if keep { out } else { out.squeeze(axis) }
    }
}
