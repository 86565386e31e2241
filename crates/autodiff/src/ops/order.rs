//! Sorting and choosing by rank along an axis. The places come from the values; the variable's elements are then picked,
//! so the gradient goes to the places that were chosen.

use gradus_tensor::{Float, QuantileMethod, Tensor};

use super::functions::number;
use crate::choose;
use crate::var::Var;

impl<T: Float> Var<T> {
    /// The elements at `places`, of which there is one per row; with or without the axis.
    #[track_caller]
    fn picked(&self, axis: isize, (_, places): (Tensor<T>, Tensor<i64>), keep: bool) -> (Self, Tensor<i64>) {
        let values = self.gather(axis, &places);
        if keep { (values, places) } else { (values.squeeze(axis), places.squeeze(axis)) }
    }

    /// The elements in order along `axis`, and where each comes from (PyTorch: `sort(stable=True)`). Equals keep their
    /// order; NaN counts as largest. `[…] → […], […]`.
    ///
    /// ```
    /// use gradus_autodiff::Var;
    /// let x = Var::leaf([3.0_f32, 1.0, 2.0]);
    /// let (sorted, _) = x.sort(0, false);
    /// let slope = (sorted * Var::constant([10.0, 20.0, 30.0])).sum().backward();
    /// assert_eq!(slope.of(&x).unwrap().to_vec(), [30.0, 10.0, 20.0]);
    /// ```
    ///
    /// # Panics
    /// If there is no such axis.
    #[must_use]
    #[track_caller]
    pub fn sort(&self, axis: isize, descending: bool) -> (Self, Tensor<i64>) {
        self.picked(axis, self.value().sort(axis, descending), true)
    }

    /// The `k` largest (or smallest) elements along `axis` and their places, in order if `sorted` (PyTorch: `topk`). Of
    /// equals the first are taken. `[…, N, …] → […, k, …], […, k, …]`.
    ///
    /// ```
    /// use gradus_autodiff::Var;
    /// let x = Var::leaf([3.0_f32, 9.0, 1.0, 7.0]);
    /// let slope = x.top_k(2, 0, true, true).0.sum().backward();
    /// assert_eq!(slope.of(&x).unwrap().to_vec(), [0.0, 1.0, 0.0, 1.0]);
    /// ```
    ///
    /// # Panics
    /// If there is no such axis or it has fewer than `k` elements.
    #[must_use]
    #[track_caller]
    pub fn top_k(&self, k: usize, axis: isize, largest: bool, sorted: bool) -> (Self, Tensor<i64>) {
        self.picked(axis, self.value().top_k(k, axis, largest, sorted), true)
    }

    /// The `k`-th smallest element along `axis`, k counted from 1, and its place (PyTorch: `kthvalue`).
    ///
    /// ```
    /// use gradus_autodiff::Var;
    /// let x = Var::leaf([3.0_f32, 9.0, 1.0, 7.0]);
    /// let slope = x.kth_value(3, 0, false).0.sum().backward();
    /// assert_eq!(slope.of(&x).unwrap().to_vec(), [0.0, 0.0, 0.0, 1.0]);
    /// ```
    ///
    /// # Panics
    /// If there is no such axis or `k` is not 1 ..= its length.
    #[must_use]
    #[track_caller]
    pub fn kth_value(&self, k: usize, axis: isize, keep: bool) -> (Self, Tensor<i64>) {
        self.picked(axis, self.value().kth_value(k, axis, true), keep)
    }

    /// The middle element along `axis`, the lower one of two, and its place; NaN if any is NaN (PyTorch: `median`).
    ///
    /// ```
    /// use gradus_autodiff::Var;
    /// let x = Var::leaf([3.0_f32, 9.0, 1.0, 7.0]);
    /// let slope = x.median(0, false).0.sum().backward();
    /// assert_eq!(slope.of(&x).unwrap().to_vec(), [1.0, 0.0, 0.0, 0.0]);
    /// ```
    ///
    /// # Panics
    /// If there is no such axis or it is empty.
    #[must_use]
    #[track_caller]
    pub fn median(&self, axis: isize, keep: bool) -> (Self, Tensor<i64>) {
        self.picked(axis, self.value().median(axis, true), keep)
    }

    /// [`Var::median`] of the elements that are not NaN; NaN if all are (PyTorch: `nanmedian`).
    ///
    /// ```
    /// use gradus_autodiff::Var;
    /// let x = Var::leaf([f32::NAN, 2.0]);
    /// assert_eq!(x.nan_median(0, false).0.backward().of(&x).unwrap().to_vec(), [0.0, 1.0]);
    /// ```
    ///
    /// # Panics
    /// If there is no such axis or it is empty.
    #[must_use]
    #[track_caller]
    pub fn nan_median(&self, axis: isize, keep: bool) -> (Self, Tensor<i64>) {
        self.picked(axis, self.value().nan_median(axis, true), keep)
    }

    /// The most frequent element along `axis`, the smallest of several, and the last place where it stands (PyTorch:
    /// `mode`).
    ///
    /// ```
    /// use gradus_autodiff::Var;
    /// let x = Var::leaf([1.0_f32, 2.0, 1.0]);
    /// assert_eq!(x.mode(0, false).0.backward().of(&x).unwrap().to_vec(), [0.0, 0.0, 1.0]);
    /// ```
    ///
    /// # Panics
    /// If there is no such axis or it is empty.
    #[must_use]
    #[track_caller]
    pub fn mode(&self, axis: isize, keep: bool) -> (Self, Tensor<i64>) {
        self.picked(axis, self.value().mode(axis, true), keep)
    }

    /// The largest element along `axis` and its place, the first of equals, which gets the gradient (PyTorch: `max(dim)`;
    /// [`Var::max_axes`] shares it).
    ///
    /// ```
    /// use gradus_autodiff::Var;
    /// let x = Var::leaf([3.0_f32, 9.0, 1.0, 7.0]);
    /// let slope = x.max(0, false).0.sum().backward();
    /// assert_eq!(slope.of(&x).unwrap().to_vec(), [0.0, 1.0, 0.0, 0.0]);
    /// ```
    ///
    /// # Panics
    /// If there is no such axis or it is empty.
    #[must_use]
    #[track_caller]
    pub fn max(&self, axis: isize, keep: bool) -> (Self, Tensor<i64>) {
        self.picked(axis, self.value().max(axis, true), keep)
    }

    /// The smallest element along `axis` and its place, the first of equals, which gets the gradient (PyTorch:
    /// `min(dim)`; [`Var::min_axes`] shares it).
    ///
    /// ```
    /// use gradus_autodiff::Var;
    /// let x = Var::leaf([3.0_f32, 9.0, 1.0, 7.0]);
    /// let slope = x.min(0, false).0.sum().backward();
    /// assert_eq!(slope.of(&x).unwrap().to_vec(), [0.0, 0.0, 1.0, 0.0]);
    /// ```
    ///
    /// # Panics
    /// If there is no such axis or it is empty.
    #[must_use]
    #[track_caller]
    pub fn min(&self, axis: isize, keep: bool) -> (Self, Tensor<i64>) {
        self.picked(axis, self.value().min(axis, true), keep)
    }

    #[track_caller]
    fn quantiles_of(
        &self,
        name: &str,
        quantiles: &[f64],
        axis: isize,
        interpolation: (QuantileMethod, bool),
    ) -> Self {
        let places = self.value().quantile_places(name, quantiles, axis, interpolation);
        let (low, high) = (self.gather(axis, &places.low), self.gather(axis, &places.high));
        let (share, one) = (Var::constant(places.share), number(1.0));
        let inside = &low + (&high - &low) * &share;
        // Between equal infinities lies no NaN, nor between an infinity and a number.
        let same = low.value().equal(high.value());
        let beside = choose(&same, &low, &(&low * (one - &share) + &high * share));
        choose(&low.value().is_finite().logical_and(&high.value().is_finite()), &inside, &beside)
    }

    /// The `q`-quantile along `axis`: in the sorted row the element of rank q(n − 1), counted from 0, or what
    /// `interpolation` takes between two (PyTorch: `quantile`). NaN if any element is NaN. The gradient goes to the one or
    /// two elements that it was made of.
    ///
    /// ```
    /// use gradus_autodiff::Var;
    /// use gradus_tensor::QuantileMethod;
    /// let x = Var::leaf([40.0_f64, 0.0, 20.0, 10.0]);
    /// let y = x.quantile(0.75, 0, QuantileMethod::Linear, false);
    /// assert_eq!(y.item(), 25.0);
    /// assert_eq!(y.backward().of(&x).unwrap().to_vec(), [0.25, 0.0, 0.75, 0.0]);
    /// ```
    ///
    /// # Panics
    /// If there is no such axis, it is empty, or `q` lies outside 0 ..= 1.
    #[must_use]
    #[track_caller]
    pub fn quantile(&self, q: f64, axis: isize, interpolation: QuantileMethod, keep: bool) -> Self {
        let y = self.quantiles_of("quantile", &[q], axis, (interpolation, false));
        if keep { y } else { y.squeeze(axis) }
    }

    /// Several quantiles along `axis`, which take that axis' place: `[…, N, …] → […, quantiles, …]` (PyTorch puts them
    /// first). See [`Var::quantile`].
    ///
    /// ```
    /// use gradus_autodiff::Var;
    /// use gradus_tensor::QuantileMethod;
    /// let x = Var::leaf([3.0_f64, 1.0, 2.0]);
    /// let y = x.quantiles(&[0.0, 0.75], 0, QuantileMethod::Linear);
    /// assert_eq!(y.value().to_vec(), [1.0, 2.5]);
    /// assert_eq!(y.sum().backward().of(&x).unwrap().to_vec(), [0.5, 1.0, 0.5]);
    /// ```
    ///
    /// # Panics
    /// As `quantile`.
    #[must_use]
    #[track_caller]
    pub fn quantiles(&self, quantiles: &[f64], axis: isize, interpolation: QuantileMethod) -> Self {
        self.quantiles_of("quantiles", quantiles, axis, (interpolation, false))
    }

    /// [`Var::quantile`] of the elements that are not NaN; NaN if all are (PyTorch: `nanquantile`).
    ///
    /// ```
    /// use gradus_autodiff::Var;
    /// use gradus_tensor::QuantileMethod;
    /// let x = Var::leaf([f64::NAN, 3.0, 1.0]);
    /// let y = x.nan_quantile(0.5, 0, QuantileMethod::Linear, false);
    /// assert_eq!((y.item(), y.backward().of(&x).unwrap().to_vec()), (2.0, vec![0.0, 0.5, 0.5]));
    /// ```
    ///
    /// # Panics
    /// As `quantile`.
    #[must_use]
    #[track_caller]
    pub fn nan_quantile(&self, q: f64, axis: isize, interpolation: QuantileMethod, keep: bool) -> Self {
        let y = self.quantiles_of("nan_quantile", &[q], axis, (interpolation, true));
        if keep { y } else { y.squeeze(axis) }
    }
}

impl<T: Float> Var<T> {
    /// The smallest and the largest elements over `axes` (an empty list: all); equals share the gradient evenly (PyTorch:
    /// `aminmax`).
    ///
    /// ```
    /// use gradus_autodiff::Var;
    /// let x = Var::leaf([3.0_f32, 1.0, 2.0]);
    /// let (low, high) = x.min_max_axes(&[], false);
    /// assert_eq!((high - low).backward().of(&x).unwrap().to_vec(), [1.0, -1.0, 0.0]);
    /// ```
    ///
    /// # Panics
    /// If an axis does not exist or is named twice, or there is nothing to choose from.
    #[must_use]
    #[track_caller]
    pub fn min_max_axes(&self, axes: &[isize], keep: bool) -> (Self, Self) {
        (self.min_axes(axes, keep), self.max_axes(axes, keep))
    }
}
