//! Softmax and its relatives along one axis, with their backward rules fused. The loops are in `kernels::rows`; this
//! file brings any axis and layout into rows. It must never know how a gradient is recorded.

use crate::element::Float;
use crate::isa::current_isa;
use crate::kernels::rows::Rows;
use crate::shape::Shape;
use crate::tensor::Tensor;

/// The elements of a dense tensor.
fn dense<T: Float>(x: &Tensor<T>) -> &[T] {
    x.as_slice().unwrap_or(&[])
}

impl<T: Float> Tensor<T> {
    /// With `axis` brought to the end, dense.
    #[track_caller]
    fn rows(&self, op: &str, axis: isize) -> Self {
        let axis = self.shape().axis(op, axis) as isize;
        self.transpose(axis, -1).contiguous()
    }

    fn row_length(&self) -> usize {
        self.shape().last().copied().unwrap_or(1)
    }

    #[track_caller]
    fn row_map(
        &self,
        op: &str,
        axis: isize,
        call: impl for<'a> Fn(&'a [T], &'a mut [T]) -> Rows<'a, T>,
    ) -> Self {
        let x = self.rows(op, axis);
        let out = Self::build(*x.shape(), |out| T::rows(current_isa(), x.row_length(), call(dense(&x), out)));
        out.transpose(axis, -1)
    }

    #[track_caller]
    fn row_zip(
        &self,
        op: &str,
        g: &Self,
        axis: isize,
        call: impl for<'a> Fn(&'a [T], &'a [T], &'a mut [T]) -> Rows<'a, T>,
    ) -> Self {
        assert!(self.shape() == g.shape(), "{op}: shapes differ: {} and {}", self.shape(), g.shape());
        let (y, g) = (self.rows(op, axis), g.rows(op, axis));
        let out = Self::build(*y.shape(), |out| {
            T::rows(current_isa(), y.row_length(), call(dense(&y), dense(&g), out));
        });
        out.transpose(axis, -1)
    }

    /// e^xᵢ / Σⱼ e^xⱼ along `axis` (PyTorch: `softmax`). Shifted by the maximum, so that no size overflows; NaN where
    /// all are −∞, as in PyTorch.
    ///
    /// ```
    /// use gradus_tensor::Tensor;
    /// let p = Tensor::from([[0.0_f64, 0.0], [1e4, -1e4]]).softmax(-1);
    /// assert_eq!(p.to_vec(), [0.5, 0.5, 1.0, 0.0]);
    /// ```
    ///
    /// # Panics
    /// If there is no such axis.
    #[must_use]
    #[track_caller]
    pub fn softmax(&self, axis: isize) -> Self {
        self.row_map("softmax", axis, |x, out| Rows::Softmax { x, out })
    }

    /// xᵢ − ln Σⱼ e^xⱼ along `axis` (PyTorch: `log_softmax`). Exact where ln(softmax) would be −∞.
    ///
    /// ```
    /// use gradus_tensor::Tensor;
    /// let y = Tensor::from([[0.0_f64, 0.0], [0.0, 1e4]]).log_softmax(-1);
    /// assert!((y.at(&[0, 1]) + 2.0_f64.ln()).abs() < 1e-15);
    /// assert_eq!([y.at(&[1, 0]), y.at(&[1, 1])], [-1e4, 0.0]);
    /// ```
    ///
    /// # Panics
    /// If there is no such axis.
    #[must_use]
    #[track_caller]
    pub fn log_softmax(&self, axis: isize) -> Self {
        self.row_map("log_softmax", axis, |x, out| Rows::LogSoftmax { x, out })
    }

    /// ln Σⱼ e^xⱼ along `axis`, which keeps length 1 if `keep` (PyTorch: `logsumexp`); −∞ of nothing and where all
    /// are −∞.
    ///
    /// ```
    /// use gradus_tensor::Tensor;
    /// let x = Tensor::from([1e4_f64, 1e4]);
    /// assert!((x.logsumexp(0, false).item() - (1e4 + 2.0_f64.ln())).abs() < 1e-11);
    /// ```
    ///
    /// # Panics
    /// If there is no such axis.
    #[must_use]
    #[track_caller]
    pub fn logsumexp(&self, axis: isize, keep: bool) -> Self {
        let x = self.rows("logsumexp", axis);
        let shape = x.shape().with(x.rank() - 1, 1);
        let out = Self::build(shape, |out| {
            T::rows(current_isa(), x.row_length(), Rows::LogSumExp { x: dense(&x), out });
        });
        let out = out.transpose(axis, -1);
        if keep { out } else { out.squeeze(axis) }
    }

    /// The cotangent of softmax's input, where `self` is the softmax y: y·(g − Σ g·y) along `axis`.
    ///
    /// ```
    /// use gradus_tensor::Tensor;
    /// let y = Tensor::from([0.0_f64, 0.0]).softmax(0);
    /// assert_eq!(y.softmax_grad(&Tensor::from([1.0, 0.0]), 0).to_vec(), [0.25, -0.25]);
    /// ```
    ///
    /// # Panics
    /// If there is no such axis or the shapes differ.
    #[must_use]
    #[track_caller]
    pub fn softmax_grad(&self, g: &Self, axis: isize) -> Self {
        self.row_zip("softmax_grad", g, axis, |y, g, out| Rows::SoftmaxGrad { y, g, out })
    }

    /// The cotangent of log-softmax's input, where `self` is the log-softmax y: g − e^y·Σ g along `axis`.
    ///
    /// ```
    /// use gradus_tensor::Tensor;
    /// let y = Tensor::from([0.0_f64, 0.0]).log_softmax(0);
    /// let dx = y.log_softmax_grad(&Tensor::from([1.0, 0.0]), 0);
    /// assert!((dx.at(&[0]) - 0.5).abs() < 1e-15 && (dx.at(&[1]) + 0.5).abs() < 1e-15);
    /// ```
    ///
    /// # Panics
    /// If there is no such axis or the shapes differ.
    #[must_use]
    #[track_caller]
    pub fn log_softmax_grad(&self, g: &Self, axis: isize) -> Self {
        self.row_zip("log_softmax_grad", g, axis, |y, g, out| Rows::LogSoftmaxGrad { y, g, out })
    }

    /// The cross-entropy of logits `[N, C]` with one class per row, and ln Σ e^x, both `[N]`:
    /// lossₙ = ln Σ_c e^xₙ_c − xₙ_target, in one visit of each row (PyTorch: `cross_entropy(reduction="none")`).
    ///
    /// ```
    /// use gradus_tensor::Tensor;
    /// let (losses, sums) = Tensor::from([[0.0_f64, 0.0], [3.0, 3.0]]).cross_entropy_rows(&[0, 1]);
    /// assert!((losses.sum().item() - 2.0 * 2.0_f64.ln()).abs() < 1e-15);
    /// assert!((sums.at(&[1]) - (3.0 + 2.0_f64.ln())).abs() < 1e-15);
    /// ```
    ///
    /// # Panics
    /// If the logits are not `[N, C]`, there are not N targets, or one is not less than C.
    #[must_use]
    #[track_caller]
    pub fn cross_entropy_rows(&self, targets: &[usize]) -> (Self, Self) {
        let [rows, classes] = self.logits("cross_entropy", targets);
        let x = self.contiguous();
        let mut sums = Self::build(Shape::new(&[rows]), |sums| sums.fill(T::ZERO));
        let losses = Self::build(Shape::new(&[rows]), |losses| {
            let call = Rows::CrossEntropy { x: dense(&x), targets, losses, sums: sums.make_mut() };
            T::rows(current_isa(), classes, call);
        });
        (losses, sums)
    }

    /// The cotangent of the logits `[N, C]` of [`Tensor::cross_entropy_rows`], given the losses' cotangents `g` `[N]`:
    /// gₙ·(softmax(xₙ) − 1 at the target) → `[N, C]`.
    ///
    /// ```
    /// use gradus_tensor::Tensor;
    /// let dx = Tensor::from([[0.0_f64, 0.0]]).cross_entropy_rows_grad(&[1], &Tensor::from([2.0]));
    /// assert!((dx.at(&[0, 0]) - 1.0).abs() < 1e-15 && (dx.at(&[0, 1]) + 1.0).abs() < 1e-15);
    /// ```
    ///
    /// # Panics
    /// As `cross_entropy_rows`, or if `g` is not `[N]`.
    #[must_use]
    #[track_caller]
    pub fn cross_entropy_rows_grad(&self, targets: &[usize], g: &Self) -> Self {
        let [rows, classes] = self.logits("cross_entropy_grad", targets);
        assert!(
            g.shape()[..] == [rows],
            "cross_entropy_grad: one cotangent per row: {} and {} ([{rows}])",
            self.shape(),
            g.shape()
        );
        let (x, g) = (self.contiguous(), g.contiguous());
        Self::build(*self.shape(), |out| {
            let call = Rows::CrossEntropyGrad { x: dense(&x), targets, g: dense(&g), out };
            T::rows(current_isa(), classes, call);
        })
    }

    /// [N, C], once the targets are known to fit.
    #[track_caller]
    fn logits(&self, op: &str, targets: &[usize]) -> [usize; 2] {
        let (shape, count) = (self.shape(), targets.len());
        assert!(shape.len() == 2, "{op}: logits are not [N, C]: {shape} ({} axes)", shape.len());
        let [rows, classes] = [shape[0], shape[1]];
        assert!(rows == count, "{op}: one target per row: {shape} and {count} targets ({rows} ≠ {count})");
        for (row, &target) in targets.iter().enumerate() {
            assert!(target < classes, "{op}: no such class: {shape} row {row} ({target} ≥ {classes})");
        }
        [rows, classes]
    }
}
