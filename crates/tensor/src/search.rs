//! Searching and counting: unique elements, places in a sorted row, bins.

use crate::element::{Element, Float, Number};
use crate::kernels::order::sorted_places;
use crate::parallel::{self, Cost};
use crate::tensor::Tensor;

/// What [`Tensor::unique`] answers.
///
/// ```
/// use gradus_tensor::{Tensor, Unique};
/// let Unique { values, inverse, counts } = Tensor::from([5_i64, 5, 2]).unique();
/// assert_eq!((values.to_vec(), inverse.to_vec(), counts.to_vec()), (vec![2, 5], vec![1, 1, 0], vec![1, 2]));
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Unique<T: Element> {
    /// The different elements, `[U]`.
    pub values: Tensor<T>,
    /// Which of them each element is, in the tensor's shape.
    pub inverse: Tensor<i64>,
    /// How often each occurs, `[U]`.
    pub counts: Tensor<i64>,
}

impl<T: Element> Tensor<T> {
    /// The different elements in ascending order, which of them each element is, and how often each occurs (PyTorch:
    /// `unique(return_inverse=True, return_counts=True)`). −0 equals 0; every NaN counts as a value of its own.
    ///
    /// ```
    /// use gradus_tensor::Tensor;
    /// let unique = Tensor::from([3_i64, 1, 3, 2]).unique();
    /// assert_eq!(unique.values.to_vec(), [1, 2, 3]);
    /// assert_eq!(unique.inverse.to_vec(), [2, 0, 2, 1]);
    /// assert_eq!(unique.counts.to_vec(), [1, 1, 2]);
    /// ```
    #[must_use]
    pub fn unique(&self) -> Unique<T> {
        let x = self.contiguous();
        let order = sorted_places(x.as_slice().unwrap_or(&[]));
        x.runs_of(order.into_iter())
    }

    /// The elements without those that equal their predecessor in row-major order, which run each element belongs to, and
    /// the runs' lengths (PyTorch: `unique_consecutive`).
    ///
    /// ```
    /// use gradus_tensor::Tensor;
    /// let runs = Tensor::from([7_i64, 7, 1, 7]).unique_consecutive();
    /// assert_eq!((runs.values.to_vec(), runs.counts.to_vec()), (vec![7, 1, 7], vec![2, 1, 1]));
    /// ```
    #[must_use]
    pub fn unique_consecutive(&self) -> Unique<T> {
        self.contiguous().runs_of(0..self.len())
    }

    /// Runs of equal elements among a dense tensor's elements in some order.
    fn runs_of(&self, order: impl Iterator<Item = usize>) -> Unique<T> {
        let x = self.as_slice().unwrap_or(&[]);
        let (mut values, mut counts): (Vec<T>, Vec<i64>) = (Vec::new(), Vec::new());
        let mut inverse = vec![0; x.len()];
        for place in order {
            if values.last() != Some(&x[place]) {
                values.push(x[place]);
                counts.push(0);
            }
            inverse[place] = values.len() as i64 - 1;
            if let Some(count) = counts.last_mut() {
                *count += 1;
            }
        }
        Unique { values: values.into(), inverse: Tensor::new(self.shape(), &inverse), counts: counts.into() }
    }

    /// For each value the place in the ascending row `self` where it belongs: the first i with selfᵢ ≥ value, or with
    /// `right` the first with selfᵢ > value (PyTorch: `searchsorted`, whose first argument `self` is). `self` is one row
    /// `[N]` for all values, or has a row for each row of values; NaN comes last: `[N], […] → […]` or
    /// `[…, N], […, K] → […, K]`.
    ///
    /// ```
    /// use gradus_tensor::Tensor;
    /// let (row, x) = (Tensor::from([1_i64, 3, 5]), Tensor::from([3_i64, 6]));
    /// assert_eq!(row.searchsorted(&x, false).to_vec(), [1, 3]);
    /// assert_eq!(row.searchsorted(&x, true).to_vec(), [2, 3]);
    /// ```
    ///
    /// # Panics
    /// If `self` has several rows and `values` not just as many.
    #[must_use]
    #[track_caller]
    pub fn searchsorted(&self, values: &Self, right: bool) -> Tensor<i64> {
        let (rows, shape) = (self.shape(), values.shape());
        let fits = rows.len() == 1
            || rows.len() == shape.len()
                && !rows.is_empty()
                && rows[..rows.len() - 1] == shape[..rows.len() - 1];
        assert!(fits, "searchsorted: rows differ: {rows} and values {shape} (all axes but the last equal)");
        let n = rows[rows.len() - 1];
        let columns = if rows.len() == 1 { values.len() } else { shape[shape.len() - 1] }.max(1);
        let (sorted, x) = (self.contiguous(), values.contiguous());
        let (sorted, x) = (sorted.as_slice().unwrap_or(&[]), x.as_slice().unwrap_or(&[]));
        let cost = Cost::flops(x.len() * 8 * (1 + n.max(1).ilog2() as usize));
        Tensor::build(*shape, |out| {
            parallel::chunks_mut(out, PART, cost, |part, out| {
                for (i, out) in out.iter_mut().enumerate() {
                    let at = part * PART + i;
                    let row = &sorted[if rows.len() == 1 { 0 } else { at / columns * n }..][..n];
                    let below = |&y: &T| if right { !before(x[at], y) } else { before(y, x[at]) };
                    *out = row.partition_point(below) as i64;
                }
            });
        })
    }

    /// The bin of each element among ascending boundaries: how many of them are < x, or with `right` ≤ x (PyTorch:
    /// `bucketize`). `[…], [N] → […]`.
    ///
    /// ```
    /// use gradus_tensor::Tensor;
    /// let bins = Tensor::from([0.5_f32, 1.0, 9.0]).bucketize(&Tensor::from([1.0, 2.0]), false);
    /// assert_eq!(bins.to_vec(), [0, 0, 2]);
    /// ```
    ///
    /// # Panics
    /// If the boundaries are not one row.
    #[must_use]
    #[track_caller]
    pub fn bucketize(&self, boundaries: &Self, right: bool) -> Tensor<i64> {
        let shape = boundaries.shape();
        assert!(shape.len() == 1, "bucketize: boundaries are not one row: {shape} ({} axes)", shape.len());
        boundaries.searchsorted(self, right)
    }
}

/// Elements that a thread takes at a time.
const PART: usize = 4096;

/// a < b, where NaN comes last.
#[allow(clippy::eq_op)] // b != b asks for NaN
fn before<T: Element>(a: T, b: T) -> bool {
    a < b || (b != b && a == a)
}

impl Tensor<i64> {
    /// How often each of 0, 1, … occurs, at least up to `minimum_length` (PyTorch: `bincount(minlength)`): `[…] → [N]`.
    ///
    /// ```
    /// let counts = gradus_tensor::Tensor::from([1_i64, 3, 1]).bincount(0);
    /// assert_eq!(counts.to_vec(), [0, 2, 0, 1]);
    /// ```
    ///
    /// # Panics
    /// If an element is negative.
    #[must_use]
    #[track_caller]
    pub fn bincount(&self, minimum_length: usize) -> Tensor<i64> {
        self.bincount_weighted(&Tensor::scalar(1).expand(self.shape()), minimum_length)
    }

    /// For each of 0, 1, … the sum of the weights where it occurs (PyTorch: `bincount(weights)`): `[…], […] → [N]`.
    ///
    /// ```
    /// use gradus_tensor::Tensor;
    /// let weights = Tensor::from([0.5_f32, 1.0, 2.0]);
    /// assert_eq!(Tensor::from([1_i64, 0, 1]).bincount_weighted(&weights, 3).to_vec(), [1.0, 2.5, 0.0]);
    /// ```
    ///
    /// # Panics
    /// If an element is negative or the shapes differ.
    #[must_use]
    #[track_caller]
    pub fn bincount_weighted<T: Number>(&self, weights: &Tensor<T>, minimum_length: usize) -> Tensor<T> {
        let (shape, other) = (self.shape(), weights.shape());
        assert!(shape == other, "bincount: shapes of bins and weights differ: {shape} and {other}");
        let (bins, weights) = (self.to_vec(), weights.contiguous());
        if let Some(place) = bins.iter().position(|&bin| bin < 0) {
            panic!("bincount: bin {} at position {place} is negative", bins[place]);
        }
        let length = bins.iter().max().map_or(0, |&most| most as usize + 1).max(minimum_length);
        let mut sums = vec![T::ZERO; length];
        for (&bin, &weight) in bins.iter().zip(weights.as_slice().unwrap_or(&[])) {
            sums[bin as usize] = sums[bin as usize].plus(weight);
        }
        sums.into()
    }
}

impl<T: Float> Tensor<T> {
    /// How many elements fall into each of `bins` equal parts of `low` ..= `high`, the last border included; where both
    /// are equal, the smallest and the largest element take their place (PyTorch: `histc`). What lies outside or is NaN
    /// does not count. `[…] → [bins]`.
    ///
    /// ```
    /// let x = gradus_tensor::Tensor::from([1.0_f32, 2.0, 1.0, 3.0, 9.0]);
    /// assert_eq!(x.histc(4, 0.0, 3.0).to_vec(), [0, 2, 1, 1]);
    /// ```
    ///
    /// # Panics
    /// If `bins` is 0, `low` > `high`, or a border is not finite.
    #[must_use]
    #[track_caller]
    pub fn histc(&self, bins: usize, low: f64, high: f64) -> Tensor<i64> {
        let (mut low, mut high) = (low, high);
        if low == high && !self.is_empty() {
            (low, high) =
                (self.min_axes(&[], false).item().as_f64(), self.max_axes(&[], false).item().as_f64());
        }
        if low == high {
            (low, high) = (low - 1.0, high + 1.0);
        }
        let fits = bins > 0 && low < high && (high - low).is_finite();
        assert!(fits, "histc: no range to count in: {bins} bins from {low} to {high}");
        let mut counts = vec![0; bins];
        let width = (high - low) / bins as f64;
        for x in self.to_vec() {
            let x = x.as_f64();
            if x >= low && x <= high {
                counts[(((x - low) / width) as usize).min(bins - 1)] += 1;
            }
        }
        counts.into()
    }
}
