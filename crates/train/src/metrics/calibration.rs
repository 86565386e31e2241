//! Calibration: whether of the predictions made with 80 % certainty 80 % are right. It must never know how certainty was
//! found.

use gradus_tensor::{Float, Tensor};

use super::MetricError;
use super::error::at_least_one;
use super::inputs::{class_count, class_numbers, probabilities, same_shape};

const NAME: &str = "calibration";

/// Certainty against accuracy in bins of equal width, and how far they are apart (Guo et al. 2017; torchmetrics:
/// `CalibrationError`). A certainty on the border of two bins belongs to the lower, 0 to the first.
///
/// ```
/// use gradus_tensor::Tensor;
/// use gradus_train::metrics::Calibration;
/// let mut calibration = Calibration::new(10)?;
/// let probabilities = Tensor::from([[0.75_f64, 0.25], [0.75, 0.25], [0.0, 1.0]]);
/// calibration.update(&probabilities, &Tensor::from([0_i64, 1, 1]));
/// assert_eq!(calibration.error(), Some(2.0 / 3.0 * 0.25)); // two of three are 75 % sure and 50 % right
/// assert_eq!(calibration.maximum_error(), Some(0.25));
/// let bin = calibration.bins()[7]; // for a plot
/// assert_eq!((bin.low, bin.high, bin.count, bin.certainty, bin.accuracy), (0.7, 0.8, 2, 0.75, 0.5));
/// # Ok::<(), gradus_train::metrics::MetricError>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Calibration {
    bins: Vec<Sums>,
    nans: u64,
}

/// Running sums of one bin.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Sums {
    count: u64,
    right: u64,
    certainty: f64,
}

/// One bin of a [`Calibration`].
///
/// ```
/// use gradus_train::metrics::{Calibration, CalibrationBin};
/// let bins: Vec<CalibrationBin> = Calibration::new(4)?.bins();
/// assert_eq!((bins[1].low, bins[1].high, bins[1].count), (0.25, 0.5, 0));
/// assert!(bins[1].accuracy.is_nan());
/// # Ok::<(), gradus_train::metrics::MetricError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CalibrationBin {
    /// Certainties in it are greater than this, or in the first bin equal.
    pub low: f64,
    /// Certainties in it are at most this.
    pub high: f64,
    /// How many predictions fell into it.
    pub count: u64,
    /// Their mean certainty; NaN in an empty bin.
    pub certainty: f64,
    /// The share of right ones; NaN in an empty bin.
    pub accuracy: f64,
}

impl Calibration {
    /// An empty measure with so many bins; 15 is usual for networks.
    ///
    /// # Errors
    /// If `bins` is 0.
    pub fn new(bins: usize) -> Result<Self, MetricError> {
        let bins = at_least_one(NAME, "bins", bins)?;
        Ok(Self { bins: vec![Sums::default(); bins], nans: 0 })
    }

    /// Adds a batch: probabilities `[…, C]` and class numbers `[…]`. The certainty is the largest probability, right is
    /// a prediction of the true class.
    ///
    /// # Panics
    /// If the shapes do not fit, a class number lies outside, or a number is no probability.
    #[track_caller]
    pub fn update<T: Float>(&mut self, values: &Tensor<T>, targets: &Tensor<i64>) {
        let classes = class_count(NAME, values.shape(), targets.shape());
        let targets = class_numbers(NAME, targets, classes);
        let rows = probabilities(NAME, values);
        let best = values.argmax(-1).to_vec();
        for ((row, target), best) in rows.chunks(classes.max(1)).zip(targets).zip(best) {
            self.add(row[best as usize], best as usize == target);
        }
    }

    /// Adds a batch: the probabilities of class 1, `[…]`, and targets `[…]` of 0 and 1. Here the bins hold the
    /// probability of class 1 and the share of class 1 (scikit-learn: `calibration_curve`), not certainty and accuracy.
    ///
    /// ```
    /// use gradus_tensor::Tensor;
    /// use gradus_train::metrics::Calibration;
    /// let (mut one, mut other) = (Calibration::new(5)?, Calibration::new(5)?);
    /// one.update_binary(&Tensor::from([0.25_f64, 0.25]), &Tensor::from([0_i64, 1]));
    /// other.update_binary(&Tensor::from([0.25_f64, 0.25]), &Tensor::from([0_i64, 0]));
    /// one.merge(&other);
    /// assert_eq!(one.error(), Some(0.0));
    /// # Ok::<(), gradus_train::metrics::MetricError>(())
    /// ```
    ///
    /// # Panics
    /// If the shapes differ, a target is neither 0 nor 1, or a number is no probability.
    #[track_caller]
    pub fn update_binary<T: Float>(&mut self, values: &Tensor<T>, targets: &Tensor<i64>) {
        same_shape(NAME, values.shape(), targets.shape());
        let targets = class_numbers(NAME, targets, 2);
        for (p, target) in probabilities(NAME, values).into_iter().zip(targets) {
            self.add(p, target == 1);
        }
    }

    fn add(&mut self, certainty: f64, is_right: bool) {
        if certainty.is_nan() {
            self.nans += 1;
            return;
        }
        let bins = self.bins.len();
        let border = |bin: usize| bin as f64 / bins as f64;
        // The product is rounded, so the neighbours are asked too.
        let mut bin = ((certainty * bins as f64) as usize).min(bins - 1);
        if bin > 0 && certainty <= border(bin) {
            bin -= 1;
        } else if bin + 1 < bins && certainty > border(bin + 1) {
            bin += 1;
        }
        let sums = &mut self.bins[bin];
        sums.count += 1;
        sums.right += u64::from(is_right);
        sums.certainty += certainty;
    }

    /// Adds what another measure has seen.
    ///
    /// # Panics
    /// If it has another number of bins.
    #[track_caller]
    pub fn merge(&mut self, other: &Self) {
        let (a, b) = (self.bins.len(), other.bins.len());
        assert!(a == b, "{NAME}: merge: number of bins differs: {a} and {b}");
        for (own, other) in self.bins.iter_mut().zip(&other.bins) {
            own.count += other.count;
            own.right += other.right;
            own.certainty += other.certainty;
        }
        self.nans += other.nans;
    }

    /// All bins, for a plot.
    #[must_use]
    pub fn bins(&self) -> Vec<CalibrationBin> {
        let border = |bin: usize| bin as f64 / self.bins.len() as f64;
        let show = |(bin, sums): (usize, &Sums)| {
            let count = sums.count as f64;
            CalibrationBin {
                low: border(bin),
                high: border(bin + 1),
                count: sums.count,
                certainty: sums.certainty / count,
                accuracy: sums.right as f64 / count,
            }
        };
        self.bins.iter().enumerate().map(show).collect()
    }

    /// The expected calibration error Σ nᵦ/n·|accuracyᵦ − certaintyᵦ| over the bins b. `None` of nothing, NaN if a
    /// certainty was.
    #[must_use]
    pub fn error(&self) -> Option<f64> {
        let total: u64 = self.bins.iter().map(|sums| sums.count).sum();
        let gaps = self.bins.iter().map(|sums| (sums.right as f64 - sums.certainty).abs());
        self.unless_nan(gaps.sum::<f64>() / total as f64)
    }

    /// The largest distance |accuracyᵦ − certaintyᵦ| of a bin that holds something. `None` of nothing, NaN if a
    /// certainty was.
    #[must_use]
    pub fn maximum_error(&self) -> Option<f64> {
        let full = self.bins.iter().filter(|sums| sums.count > 0);
        let gaps = full.map(|sums| (sums.right as f64 - sums.certainty).abs() / sums.count as f64);
        self.unless_nan(gaps.fold(0.0, f64::max))
    }

    fn unless_nan(&self, value: f64) -> Option<f64> {
        let is_empty = self.bins.iter().all(|sums| sums.count == 0);
        match (self.nans > 0, is_empty) {
            (true, _) => Some(f64::NAN),
            (false, true) => None,
            (false, false) => Some(value),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn borders_belong_to_the_lower_bin() {
        for bins in [1, 3, 7, 10, 15, 100] {
            let mut calibration = Calibration::new(bins).unwrap();
            let borders: Vec<f64> = (0..=bins).map(|bin| bin as f64 / bins as f64).collect();
            calibration.update_binary(&Tensor::from(borders), &Tensor::from(vec![0_i64; bins + 1]));
            let counts: Vec<u64> = calibration.bins().iter().map(|bin| bin.count).collect();
            let want: Vec<u64> = (0..bins).map(|bin| if bin == 0 { 2 } else { 1 }).collect();
            assert_eq!(counts, want);
        }
    }

    #[test]
    fn nothing_nan_and_no_bins() {
        let mut calibration = Calibration::new(3).unwrap();
        assert_eq!((calibration.error(), calibration.maximum_error()), (None, None));
        calibration.update(&Tensor::from([[f32::NAN, 0.5]]), &Tensor::from([1_i64]));
        assert!(calibration.error().unwrap().is_nan() && calibration.maximum_error().unwrap().is_nan());
        let error = Calibration::new(0).unwrap_err().to_string();
        assert_eq!(error, "calibration: bins is 0, and must be at least 1");
    }

    #[test]
    #[should_panic(expected = "calibration: no probability: -1 at [0, 1] of [1, 2] (0 ≤ p ≤ 1)")]
    fn refuses_logits() {
        let logits = Tensor::from([[1.0_f32, -1.0]]);
        Calibration::new(3).unwrap().update(&logits, &Tensor::from([0_i64]));
    }
}
