//! Running sums, products, log-sum-exps and extremes along an axis. Their gradients are linear recurrences, whose own
//! gradients are such again: O(n), to any order, and right where factors are 0.

use gradus_tensor::{Float, Tensor};

use super::functions::number;
use crate::choose;
use crate::op::{Cotangents, Op, Save, Saved};
use crate::per_example::{Batch, Flow};
use crate::var::{Var, apply};

/// yₖ = xₖ₋₁ along the axis, or xₖ₊₁ if `back`; `fill` comes in at the border.
fn shifted<T: Float>(x: &Var<T>, axis: isize, back: bool, fill: f64) -> Var<T> {
    let length = x.dim(axis);
    if length == 0 {
        return x.clone();
    }
    let at = x.shape().axis("scan", axis);
    let border = Var::constant(Tensor::full(x.shape().with(at, 1), T::of(fill)));
    let rest = x.narrow(axis, usize::from(back), length - 1);
    if back { Var::cat(&[&rest, &border], axis) } else { Var::cat(&[&border, &rest], axis) }
}

/// The examples keep their place, unless the scan runs from one to the next.
fn beside<T: Float>(g: &Tensor<T>, axis: isize, batch: Batch, inputs: usize) -> Option<Vec<Flow<T>>> {
    let apart = batch.place(g.shape())?.axis != g.shape().axis("scan", axis);
    apart.then(|| (0..inputs).map(|_| Flow::Along(batch)).collect())
}

struct CumSum {
    axis: isize,
    reverse: bool,
}

impl<T: Float> Op<T> for CumSum {
    fn name(&self) -> &'static str {
        "cumsum"
    }

    fn saves(&self) -> Save {
        Save::NOTHING
    }

    fn forward(&mut self, inputs: &[&Tensor<T>]) -> Tensor<T> {
        inputs[0].cumsum(self.axis, self.reverse)
    }

    fn vjp(&self, _: &Saved<Var<T>>, g: &Var<T>) -> Cotangents<Var<T>> {
        vec![Some(g.cumsum(self.axis, !self.reverse))]
    }

    fn per_example(&self, _: &Saved<Tensor<T>>, g: &Tensor<T>, batch: Batch) -> Option<Vec<Flow<T>>> {
        beside(g, self.axis, batch, 1)
    }
}

struct CumProd {
    axis: isize,
    reverse: bool,
}

impl<T: Float> Op<T> for CumProd {
    fn name(&self) -> &'static str {
        "cumprod"
    }

    fn saves(&self) -> Save {
        Save::input(0)
    }

    fn forward(&mut self, inputs: &[&Tensor<T>]) -> Tensor<T> {
        inputs[0].cumprod(self.axis, self.reverse)
    }

    /// (Π of what comes before)·r, where rₖ = gₖ + xₖ₊₁·rₖ₊₁ collects what comes after.
    fn vjp(&self, saved: &Saved<Var<T>>, g: &Var<T>) -> Cotangents<Var<T>> {
        let (x, Self { axis, reverse }) = (saved.input(0), self);
        let before = shifted(&x.cumprod(*axis, *reverse), *axis, *reverse, 1.0);
        let after = g.linear_scan(&shifted(&x, *axis, !reverse, 0.0), *axis, !reverse);
        vec![Some(before * after)]
    }

    fn per_example(&self, _: &Saved<Tensor<T>>, g: &Tensor<T>, batch: Batch) -> Option<Vec<Flow<T>>> {
        beside(g, self.axis, batch, 1)
    }
}

struct LinearScan {
    axis: isize,
    reverse: bool,
}

impl<T: Float> Op<T> for LinearScan {
    fn name(&self) -> &'static str {
        "linear_scan"
    }

    fn saves(&self) -> Save {
        Save::input(1).and(Save::OUTPUT)
    }

    fn forward(&mut self, inputs: &[&Tensor<T>]) -> Tensor<T> {
        inputs[0].linear_scan(inputs[1], self.axis, self.reverse)
    }

    /// rₖ = gₖ + aₖ₊₁·rₖ₊₁ for x, and rₖ·yₖ₋₁ for a.
    fn vjp(&self, saved: &Saved<Var<T>>, g: &Var<T>) -> Cotangents<Var<T>> {
        let Self { axis, reverse } = *self;
        let r = g.linear_scan(&shifted(&saved.input(1), axis, !reverse, 0.0), axis, !reverse);
        let of_factors = saved.wants(1).then(|| &r * shifted(&saved.output(), axis, reverse, 0.0));
        vec![Some(r), of_factors]
    }

    fn per_example(&self, _: &Saved<Tensor<T>>, g: &Tensor<T>, batch: Batch) -> Option<Vec<Flow<T>>> {
        beside(g, self.axis, batch, 2)
    }
}

struct LogCumSumExp(isize);

impl<T: Float> Op<T> for LogCumSumExp {
    fn name(&self) -> &'static str {
        "logcumsumexp"
    }

    fn saves(&self) -> Save {
        Save::input(0).and(Save::OUTPUT)
    }

    fn forward(&mut self, inputs: &[&Tensor<T>]) -> Tensor<T> {
        inputs[0].logcumsumexp(self.0)
    }

    /// e^(xₖ − yₖ)·rₖ with rₖ = gₖ + e^(yₖ − yₖ₊₁)·rₖ₊₁: no exponent is above 0. Nothing flows where all so far is −∞.
    fn vjp(&self, saved: &Saved<Var<T>>, g: &Var<T>) -> Cotangents<Var<T>> {
        let (x, y, axis) = (saved.input(0), saved.output(), self.0);
        let next = shifted(&y, axis, true, f64::INFINITY);
        let same = y.value().zip(next.value(), |a, b| a == b && a.is_infinite());
        let keeps = choose(&same, &number(0.0), &(&y - next)).exp();
        let nothing = y.value().equal_scalar(T::of(f64::NEG_INFINITY));
        let share = choose(&nothing, &number(f64::NEG_INFINITY), &(x - y)).exp();
        vec![Some(share * g.linear_scan(&keeps, axis, true))]
    }

    fn per_example(&self, _: &Saved<Tensor<T>>, g: &Tensor<T>, batch: Batch) -> Option<Vec<Flow<T>>> {
        beside(g, self.0, batch, 1)
    }
}

impl<T: Float> Var<T> {
    /// Running sums along `axis`: yₖ = Σ xⱼ over j ≤ k (PyTorch: `cumsum`); with `reverse` over j ≥ k. `[…] → […]`.
    ///
    /// ```
    /// use gradus_autodiff::Var;
    /// let x = Var::leaf([1.0_f32, 2.0, 3.0]);
    /// let y = x.cumsum(0, false);
    /// assert_eq!(y.value().to_vec(), [1.0, 3.0, 6.0]);
    /// assert_eq!(y.sum().backward().of(&x).unwrap().to_vec(), [3.0, 2.0, 1.0]);
    /// ```
    ///
    /// # Panics
    /// If there is no such axis.
    #[must_use]
    #[track_caller]
    pub fn cumsum(&self, axis: isize, reverse: bool) -> Self {
        apply(CumSum { axis, reverse }, &[self])
    }

    /// Running products along `axis`: yₖ = Π xⱼ over j ≤ k (PyTorch: `cumprod`); with `reverse` over j ≥ k. The gradient
    /// divides by nothing, so it is right where factors are 0. `[…] → […]`.
    ///
    /// ```
    /// use gradus_autodiff::Var;
    /// let x = Var::leaf([2.0_f32, 0.0, 3.0]);
    /// let slope = x.cumprod(0, false).sum().backward(); // 2 + 2·0 + 2·0·3
    /// assert_eq!(slope.of(&x).unwrap().to_vec(), [1.0, 8.0, 0.0]);
    /// ```
    ///
    /// # Panics
    /// If there is no such axis.
    #[must_use]
    #[track_caller]
    pub fn cumprod(&self, axis: isize, reverse: bool) -> Self {
        apply(CumProd { axis, reverse }, &[self])
    }

    /// The linear recurrence yₖ = xₖ + aₖ·yₖ₋₁ along `axis` from y₋₁ = 0, or with `reverse` yₖ = xₖ + aₖ·yₖ₊₁ from the
    /// end. `[…], […] → […]`.
    ///
    /// ```
    /// use gradus_autodiff::Var;
    /// let (x, a) = (Var::leaf([1.0_f32, 1.0, 1.0]), Var::leaf([0.5_f32, 0.5, 0.5]));
    /// let y = x.linear_scan(&a, 0, false).select(0, 2); // 1 + ½(1 + ½)
    /// let slope = y.backward();
    /// assert_eq!(slope.of(&x).unwrap().to_vec(), [0.25, 0.5, 1.0]);
    /// assert_eq!(slope.of(&a).unwrap().to_vec(), [0.0, 0.5, 1.5]);
    /// ```
    ///
    /// # Panics
    /// If there is no such axis or the shapes differ.
    #[must_use]
    #[track_caller]
    pub fn linear_scan(&self, factors: &Self, axis: isize, reverse: bool) -> Self {
        apply(LinearScan { axis, reverse }, &[self, factors])
    }

    /// Running ln Σ eˣ along `axis` over j ≤ k, without overflow (PyTorch: `logcumsumexp`); where all so far is −∞ the
    /// gradient is 0 (PyTorch: NaN). `[…] → […]`.
    ///
    /// ```
    /// use gradus_autodiff::Var;
    /// let x = Var::leaf([1e4_f64, 1e4]);
    /// let slope = x.logcumsumexp(0).sum().backward().of(&x).unwrap().clone(); // 1 + ½, ½
    /// assert!((slope.at(&[0]) - 1.5).abs() + (slope.at(&[1]) - 0.5).abs() < 1e-9);
    /// ```
    ///
    /// # Panics
    /// If there is no such axis.
    #[must_use]
    #[track_caller]
    pub fn logcumsumexp(&self, axis: isize) -> Self {
        apply(LogCumSumExp(axis), &[self])
    }

    /// The largest element so far along `axis`, and its place: the last of equals, which gets the gradient (PyTorch:
    /// `cummax`). `[…] → […], […]`.
    ///
    /// ```
    /// use gradus_autodiff::Var;
    /// let x = Var::leaf([1.0_f32, 3.0, 2.0]);
    /// assert_eq!(x.cummax(0).0.sum().backward().of(&x).unwrap().to_vec(), [1.0, 2.0, 0.0]);
    /// ```
    ///
    /// # Panics
    /// If there is no such axis.
    #[must_use]
    #[track_caller]
    pub fn cummax(&self, axis: isize) -> (Self, Tensor<i64>) {
        let places = self.value().cummax(axis).1;
        (self.gather(axis, &places), places)
    }

    /// The smallest element so far along `axis`, and its place: the last of equals, which gets the gradient (PyTorch:
    /// `cummin`). `[…] → […], […]`.
    ///
    /// ```
    /// use gradus_autodiff::Var;
    /// let x = Var::leaf([3.0_f32, 1.0, 2.0]);
    /// assert_eq!(x.cummin(0).0.sum().backward().of(&x).unwrap().to_vec(), [1.0, 2.0, 0.0]);
    /// ```
    ///
    /// # Panics
    /// If there is no such axis.
    #[must_use]
    #[track_caller]
    pub fn cummin(&self, axis: isize) -> (Self, Tensor<i64>) {
        let places = self.value().cummin(axis).1;
        (self.gather(axis, &places), places)
    }
}
