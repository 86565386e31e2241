//! Running sums, products and extremes of tensors along one axis. The loops are in `kernels::scan`; this file brings any
//! layout into `[outer, n, inner]`. It must never know how a gradient is recorded.

use crate::element::{Float, Number};
use crate::kernels::scan::{Call, Scan, running_best};
use crate::tensor::Tensor;

impl<T: Number> Tensor<T> {
    #[track_caller]
    fn scan(&self, name: &str, op: Scan, axis: isize, factors: Option<&Self>, reverse: bool) -> Self {
        let at = self.shape().axis(name, axis);
        let (x, a) = (self.contiguous(), factors.unwrap_or(self).contiguous());
        let (n, inner) = (self.shape()[at], self.shape()[at + 1..].iter().product());
        Self::build(*self.shape(), |out| {
            let (x, a) = (x.as_slice().unwrap_or(&[]), a.as_slice().unwrap_or(&[]));
            T::scan(op, Call { out, x, a, n, inner, reverse });
        })
    }

    /// Running sums along `axis`: yₖ = Σ xⱼ over j ≤ k (PyTorch: `cumsum`); with `reverse` over j ≥ k. Floats are added in
    /// `f64`. `[…] → […]`.
    ///
    /// ```
    /// use gradus_tensor::Tensor;
    /// let x = Tensor::from([[1.0_f32, 2.0, 3.0], [4.0, 5.0, 6.0]]);
    /// assert_eq!(x.cumsum(1, false).to_vec(), [1.0, 3.0, 6.0, 4.0, 9.0, 15.0]);
    /// assert_eq!(x.cumsum(0, true).to_vec(), [5.0, 7.0, 9.0, 4.0, 5.0, 6.0]);
    /// ```
    ///
    /// # Panics
    /// If there is no such axis.
    #[must_use]
    #[track_caller]
    pub fn cumsum(&self, axis: isize, reverse: bool) -> Self {
        self.scan("cumsum", Scan::Sum, axis, None, reverse)
    }

    /// Running products along `axis`: yₖ = Π xⱼ over j ≤ k (PyTorch: `cumprod`); with `reverse` over j ≥ k. `[…] → […]`.
    ///
    /// ```
    /// use gradus_tensor::Tensor;
    /// assert_eq!(Tensor::from([2_i64, 3, 4]).cumprod(0, false).to_vec(), [2, 6, 24]);
    /// ```
    ///
    /// # Panics
    /// If there is no such axis.
    #[must_use]
    #[track_caller]
    pub fn cumprod(&self, axis: isize, reverse: bool) -> Self {
        self.scan("cumprod", Scan::Product, axis, None, reverse)
    }

    /// The largest element so far along `axis`, and its place: the last of equals (PyTorch: `cummax`). From the first NaN on
    /// all are NaN. `[…] → […], […]`.
    ///
    /// ```
    /// use gradus_tensor::Tensor;
    /// let (values, places) = Tensor::from([1_i64, 3, 3, 2]).cummax(0);
    /// assert_eq!((values.to_vec(), places.to_vec()), (vec![1, 3, 3, 3], vec![0, 1, 2, 2]));
    /// ```
    ///
    /// # Panics
    /// If there is no such axis.
    #[must_use]
    #[track_caller]
    pub fn cummax(&self, axis: isize) -> (Self, Tensor<i64>) {
        self.running("cummax", axis, true)
    }

    /// The smallest element so far along `axis`, and its place: the last of equals (PyTorch: `cummin`). From the first NaN
    /// on all are NaN. `[…] → […], […]`.
    ///
    /// ```
    /// use gradus_tensor::Tensor;
    /// let (values, places) = Tensor::from([3_i64, 1, 2]).cummin(0);
    /// assert_eq!((values.to_vec(), places.to_vec()), (vec![3, 1, 1], vec![0, 1, 1]));
    /// ```
    ///
    /// # Panics
    /// If there is no such axis.
    #[must_use]
    #[track_caller]
    pub fn cummin(&self, axis: isize) -> (Self, Tensor<i64>) {
        self.running("cummin", axis, false)
    }

    #[track_caller]
    fn running(&self, name: &str, axis: isize, largest: bool) -> (Self, Tensor<i64>) {
        let at = self.shape().axis(name, axis);
        let x = self.contiguous();
        let lengths = (self.shape()[at], self.shape()[at + 1..].iter().product());
        let mut places = Tensor::zeros(*self.shape());
        let values = Self::build(*self.shape(), |values| {
            let x = x.as_slice().unwrap_or(&[]);
            running_best((values, places.make_mut()), x, lengths, largest);
        });
        (values, places)
    }
}

impl<T: Float> Tensor<T> {
    /// Running ln Σ eˣ along `axis` over j ≤ k, without overflow (PyTorch: `logcumsumexp`). `[…] → […]`.
    ///
    /// ```
    /// use gradus_tensor::Tensor;
    /// let y = Tensor::from([1e4_f64, 1e4]).logcumsumexp(0);
    /// assert_eq!(y.to_vec(), [1e4, 1e4 + 2.0_f64.ln()]);
    /// ```
    ///
    /// # Panics
    /// If there is no such axis.
    #[must_use]
    #[track_caller]
    pub fn logcumsumexp(&self, axis: isize) -> Self {
        self.scan("logcumsumexp", Scan::LogSumExp, axis, None, false)
    }

    /// The linear recurrence yₖ = xₖ + aₖ·yₖ₋₁ along `axis` from y₋₁ = 0, or with `reverse` yₖ = xₖ + aₖ·yₖ₊₁ from the end.
    /// It is what the gradients of scans are made of, and the core of a diagonal state-space model. `[…], […] → […]`.
    ///
    /// ```
    /// use gradus_tensor::Tensor;
    /// let (x, a) = (Tensor::from([1.0_f32, 1.0, 1.0]), Tensor::from([0.5_f32, 0.5, 0.5]));
    /// assert_eq!(x.linear_scan(&a, 0, false).to_vec(), [1.0, 1.5, 1.75]);
    /// ```
    ///
    /// # Panics
    /// If there is no such axis or the shapes differ.
    #[must_use]
    #[track_caller]
    pub fn linear_scan(&self, factors: &Self, axis: isize, reverse: bool) -> Self {
        let (x, a) = (self.shape(), factors.shape());
        assert!(x == a, "linear_scan: shapes differ: {x} and {a}");
        self.scan("linear_scan", Scan::Linear, axis, Some(factors), reverse)
    }
}
