//! Reductions that are made of others: variance and deviation, norms, truth values and counts, log-sum-exp over several
//! axes, sums that skip NaN, extremes with their places. They know no loops.

use crate::element::{Element, Float, Number};
use crate::reduce::Axes;
use crate::tensor::Tensor;

impl<T: Float> Tensor<T> {
    /// Variances over `axes` (an empty list: all): Σ (x − mean)² / (n − correction) (PyTorch: `var(correction)`). NaN where
    /// n ≤ correction and there is nothing, ∞ or NaN as the division says. In two passes, and what the mean is off by
    /// rounding is taken out again, so that large values of little spread keep their digits.
    ///
    /// ```
    /// use gradus_tensor::Tensor;
    /// let x = Tensor::from([1.0_f64, 2.0, 3.0, 4.0]);
    /// assert_eq!(x.var_axes(&[0], 0.0, false).item(), 1.25);
    /// assert_eq!(x.var_axes(&[0], 1.0, false).item(), 5.0 / 3.0);
    /// ```
    ///
    /// # Panics
    /// If an axis does not exist or is named twice.
    #[must_use]
    #[track_caller]
    pub fn var_axes(&self, axes: &[isize], correction: f64, keep: bool) -> Self {
        let count = Axes::new("var", self.shape(), axes).count(self.shape());
        let deviation = self - &self.mean_axes(axes, true);
        let off = deviation.sum_axes(axes, keep);
        let squares = deviation.square().sum_axes(axes, keep);
        let n = T::of(count as f64);
        (squares - &(off.square() / n)).clamp_min(0.0) / T::of((count as f64 - correction).max(0.0))
    }

    /// Standard deviations over `axes`: the roots of [`Tensor::var_axes`] (PyTorch: `std(correction)`).
    ///
    /// ```
    /// use gradus_tensor::Tensor;
    /// assert_eq!(Tensor::from([1.0_f64, 5.0]).std_axes(&[0], 0.0, false).item(), 2.0);
    /// ```
    ///
    /// # Panics
    /// If an axis does not exist or is named twice.
    #[must_use]
    #[track_caller]
    pub fn std_axes(&self, axes: &[isize], correction: f64, keep: bool) -> Self {
        self.var_axes(axes, correction, keep).sqrt()
    }

    /// The p-norm over `axes` (an empty list: all): (Σ |x|ᵖ)^(1/p); for p = ∞ and −∞ the largest and the smallest |x|, for
    /// p = 0 how many are not 0 (PyTorch: `linalg.vector_norm`). Neither overflows nor underflows on the way. 0 of nothing
    /// for p ≥ 0.
    ///
    /// ```
    /// use gradus_tensor::Tensor;
    /// let x = Tensor::from([3e30_f32, 4e30]);
    /// assert_eq!(x.norm_axes(2.0, &[], false).item(), 5e30);
    /// assert_eq!(x.norm_axes(f64::INFINITY, &[], false).item(), 4e30);
    /// ```
    ///
    /// # Panics
    /// If an axis does not exist or is named twice, p is NaN, or p < 0 (or p = ∞) and there is nothing to choose from.
    #[must_use]
    #[track_caller]
    pub fn norm_axes(&self, p: f64, axes: &[isize], keep: bool) -> Self {
        assert!(!p.is_nan(), "norm: p is NaN: {} over {axes:?}", self.shape());
        let plain = if p == 0.0 {
            let one = <T as Element>::ONE;
            return self.map(|x| if x == <T as Element>::ZERO { x } else { one }).sum_axes(axes, keep);
        } else if p == f64::INFINITY {
            return self.abs().max_axes(axes, keep);
        } else if p == f64::NEG_INFINITY {
            return self.abs().min_axes(axes, keep);
        } else if p == 1.0 {
            return self.abs().sum_axes(axes, keep);
        } else if p == 2.0 {
            self.square().sum_axes(axes, keep).sqrt()
        } else {
            self.abs().powf(p).sum_axes(axes, keep).powf(1.0 / p)
        };
        // The p-th powers may have left the range of numbers that are held in full.
        let tiny = <T as num_traits::Float>::min_positive_value().as_f64() / T::EPS;
        let (low, high) = (tiny.powf(1.0 / p.abs()), tiny.recip().powf(1.0 / p.abs()));
        if plain.map(|y| y.as_f64() > low && y.as_f64() < high).all() || self.is_empty() {
            return plain;
        }
        let scale = if p > 0.0 { self.abs().max_axes(axes, true) } else { self.abs().min_axes(axes, true) };
        let usable = scale.map(|s| s > <T as Element>::ZERO && s.is_finite());
        let scale = usable.choose(&scale, &Tensor::scalar(<T as Element>::ONE));
        let scaled = (self / &scale).abs().powf(p).sum_axes(axes, keep).powf(1.0 / p);
        &scaled * &scale.reshape(*scaled.shape())
    }

    /// ln Σ eˣ over `axes` (an empty list: all), without overflow (PyTorch: `logsumexp`); −∞ of nothing and where all are
    /// −∞.
    ///
    /// ```
    /// use gradus_tensor::Tensor;
    /// let y = Tensor::from([[0.0_f64, 0.0], [0.0, 0.0]]).logsumexp_axes(&[], false);
    /// assert!((y.item() - 4_f64.ln()).abs() < 1e-15);
    /// ```
    ///
    /// # Panics
    /// If an axis does not exist or is named twice.
    #[must_use]
    #[track_caller]
    pub fn logsumexp_axes(&self, axes: &[isize], keep: bool) -> Self {
        let resolved = Axes::new("logsumexp", self.shape(), axes);
        let (order, kept) = resolved.to_the_end(self.rank());
        let count = resolved.count(self.shape());
        let rows = self.permute(&order).reshape(resolved.dropped_shape(self.shape()).insert(kept, count));
        rows.logsumexp(-1, false).reshape(resolved.result_shape(self.shape(), keep))
    }

    /// Sums over `axes` (an empty list: all) of what is not NaN (PyTorch: `nansum`).
    ///
    /// ```
    /// use gradus_tensor::Tensor;
    /// assert_eq!(Tensor::from([1.0_f32, f32::NAN, 3.0]).nan_sum_axes(&[], false).item(), 4.0);
    /// ```
    ///
    /// # Panics
    /// If an axis does not exist or is named twice.
    #[must_use]
    #[track_caller]
    pub fn nan_sum_axes(&self, axes: &[isize], keep: bool) -> Self {
        self.map(|x| if x.is_nan() { <T as Element>::ZERO } else { x }).sum_axes(axes, keep)
    }

    /// Means over `axes` (an empty list: all) of what is not NaN; NaN of nothing (PyTorch: `nanmean`).
    ///
    /// ```
    /// use gradus_tensor::Tensor;
    /// assert_eq!(Tensor::from([1.0_f32, f32::NAN, 3.0]).nan_mean_axes(&[], false).item(), 2.0);
    /// ```
    ///
    /// # Panics
    /// If an axis does not exist or is named twice.
    #[must_use]
    #[track_caller]
    pub fn nan_mean_axes(&self, axes: &[isize], keep: bool) -> Self {
        let counts = self.map(|x| if x.is_nan() { <T as Element>::ZERO } else { <T as Element>::ONE });
        self.nan_sum_axes(axes, keep) / counts.sum_axes(axes, keep)
    }
}

impl<T: Number> Tensor<T> {
    /// The product of all elements, as a scalar tensor; 1 of nothing (PyTorch: `prod`).
    ///
    /// ```
    /// use gradus_tensor::Tensor;
    /// assert_eq!(Tensor::from([[2_i64, 3], [4, 5]]).prod().item(), 120);
    /// ```
    #[must_use]
    pub fn prod(&self) -> Self {
        self.prod_axes(&[], false)
    }

    /// The smallest and the largest elements over `axes` (an empty list: all); NaN if any is NaN (PyTorch: `aminmax`).
    ///
    /// ```
    /// use gradus_tensor::Tensor;
    /// let (low, high) = Tensor::from([[2_i64, 3], [4, 1]]).min_max_axes(&[0], false);
    /// assert_eq!((low.to_vec(), high.to_vec()), (vec![2, 1], vec![4, 3]));
    /// ```
    ///
    /// # Panics
    /// If an axis does not exist or is named twice, or there is nothing to choose from.
    #[must_use]
    #[track_caller]
    pub fn min_max_axes(&self, axes: &[isize], keep: bool) -> (Self, Self) {
        (self.min_axes(axes, keep), self.max_axes(axes, keep))
    }

    /// The largest element along `axis` and its place, the first of equals; NaN if any is NaN (PyTorch: `max(dim)`).
    ///
    /// ```
    /// use gradus_tensor::Tensor;
    /// let (values, places) = Tensor::from([[1_i64, 5], [7, 2]]).max(1, false);
    /// assert_eq!((values.to_vec(), places.to_vec()), (vec![5, 7], vec![1, 0]));
    /// ```
    ///
    /// # Panics
    /// If there is no such axis or it is empty.
    #[must_use]
    #[track_caller]
    pub fn max(&self, axis: isize, keep: bool) -> (Self, Tensor<i64>) {
        self.with_places(self.argmax(axis), axis, keep)
    }

    /// The smallest element along `axis` and its place, the first of equals; NaN if any is NaN (PyTorch: `min(dim)`).
    ///
    /// ```
    /// use gradus_tensor::Tensor;
    /// let (values, places) = Tensor::from([[1_i64, 5], [7, 2]]).min(1, false);
    /// assert_eq!((values.to_vec(), places.to_vec()), (vec![1, 2], vec![0, 1]));
    /// ```
    ///
    /// # Panics
    /// If there is no such axis or it is empty.
    #[must_use]
    #[track_caller]
    pub fn min(&self, axis: isize, keep: bool) -> (Self, Tensor<i64>) {
        self.with_places(self.argmin(axis), axis, keep)
    }

    fn with_places(&self, places: Tensor<i64>, axis: isize, keep: bool) -> (Self, Tensor<i64>) {
        let at = self.shape().axis("max", axis);
        let places = places.reshape(self.shape().with(at, 1));
        let values = self.gather(axis, &places);
        if keep { (values, places) } else { (values.squeeze(axis), places.squeeze(axis)) }
    }
}

impl<T: Element> Tensor<T> {
    /// How many elements over `axes` (an empty list: all) are not 0; a NaN is not 0 (PyTorch: `count_nonzero`).
    ///
    /// ```
    /// use gradus_tensor::Tensor;
    /// let x = Tensor::from([[1.0_f32, 0.0], [2.0, 3.0]]);
    /// assert_eq!(x.count_axes(&[0], false).to_vec(), [2, 1]);
    /// ```
    ///
    /// # Panics
    /// If an axis does not exist or is named twice.
    #[must_use]
    #[track_caller]
    pub fn count_axes(&self, axes: &[isize], keep: bool) -> Tensor<i64> {
        self.map(|x| i64::from(x != T::ZERO)).sum_axes(axes, keep)
    }

    /// How many elements are not 0; a NaN is not 0 (PyTorch: `count_nonzero`).
    ///
    /// ```
    /// use gradus_tensor::Tensor;
    /// assert_eq!(Tensor::from([1.0_f32, 0.0, -2.0]).count_nonzero(), 2);
    /// ```
    #[must_use]
    pub fn count_nonzero(&self) -> usize {
        self.count_axes(&[], false).item() as usize
    }
}

impl Tensor<bool> {
    /// Whether all over `axes` (an empty list: all) are true; yes of nothing (PyTorch: `all(dim)`).
    ///
    /// ```
    /// use gradus_tensor::Tensor;
    /// let x = Tensor::from([[true, false], [true, true]]);
    /// assert_eq!(x.all_axes(&[1], false).to_vec(), [false, true]);
    /// assert_eq!(x.any_axes(&[0], false).to_vec(), [true, true]);
    /// ```
    ///
    /// # Panics
    /// If an axis does not exist or is named twice.
    #[must_use]
    #[track_caller]
    pub fn all_axes(&self, axes: &[isize], keep: bool) -> Self {
        self.cast::<u8>().prod_axes(axes, keep).cast()
    }

    /// Whether any over `axes` (an empty list: all) is true; no of nothing (PyTorch: `any(dim)`).
    ///
    /// # Panics
    /// If an axis does not exist or is named twice.
    #[must_use]
    #[track_caller]
    pub fn any_axes(&self, axes: &[isize], keep: bool) -> Self {
        self.logical_not().all_axes(axes, keep).logical_not()
    }

    /// How many are true.
    ///
    /// ```
    /// use gradus_tensor::Tensor;
    /// assert_eq!(Tensor::from([true, false, true]).count_true(), 2);
    /// ```
    #[must_use]
    pub fn count_true(&self) -> usize {
        self.count_nonzero()
    }

    /// Whether all are true; yes of nothing.
    ///
    /// ```
    /// use gradus_tensor::Tensor;
    /// assert!(!Tensor::from([true, false]).all());
    /// ```
    #[must_use]
    pub fn all(&self) -> bool {
        self.all_axes(&[], false).item()
    }

    /// Whether any is true; no of nothing.
    ///
    /// ```
    /// use gradus_tensor::Tensor;
    /// assert!(Tensor::from([true, false]).any());
    /// ```
    #[must_use]
    pub fn any(&self) -> bool {
        self.any_axes(&[], false).item()
    }
}
