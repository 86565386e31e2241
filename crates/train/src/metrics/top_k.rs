//! Top-k accuracy: the share of examples whose class is among the k most probable.

use std::cmp::Ordering;

use gradus_tensor::{Float, Tensor};

use super::MetricError;
use super::error::at_least_one;
use super::inputs::{class_count, class_numbers};

/// Examples whose true class is among the k with the largest scores / all examples (scikit-learn:
/// `top_k_accuracy_score`). Of equal scores the first class comes first, and a NaN counts as largest, so that k = 1 is
/// [`super::Accuracy`].
///
/// ```
/// use gradus_tensor::Tensor;
/// use gradus_train::metrics::TopKAccuracy;
/// let mut top2 = TopKAccuracy::new(2)?;
/// top2.update(&Tensor::from([[0.5_f32, 0.2, 0.3], [0.1, 0.1, 0.8]]), &Tensor::from([2_i64, 1]));
/// assert_eq!(top2.value(), Some(0.5)); // of the second's two classes with 0.1, class 0 comes first
/// # Ok::<(), gradus_train::metrics::MetricError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TopKAccuracy {
    k: usize,
    right: u64,
    count: u64,
}

impl TopKAccuracy {
    /// An empty measure of the `k` best.
    ///
    /// # Errors
    /// If `k` is 0.
    pub fn new(k: usize) -> Result<Self, MetricError> {
        Ok(Self { k: at_least_one("top_k_accuracy", "k", k)?, right: 0, count: 0 })
    }

    /// Adds a batch: scores `[…, C]` of any kind and class numbers `[…]`.
    ///
    /// # Panics
    /// If the shapes do not fit, or a class number lies outside.
    #[track_caller]
    pub fn update<T: Float>(&mut self, scores: &Tensor<T>, targets: &Tensor<i64>) {
        const NAME: &str = "top_k_accuracy";
        let classes = class_count(NAME, scores.shape(), targets.shape());
        let targets = class_numbers(NAME, targets, classes);
        self.count += targets.len() as u64;
        let scores = scores.to_vec();
        for (&target, row) in targets.iter().zip(scores.chunks(classes.max(1))) {
            let is_ahead = |&(class, &score): &(usize, &T)| match order(score, row[target]) {
                Ordering::Greater => true,
                Ordering::Equal => class < target,
                Ordering::Less => false,
            };
            let ahead = row.iter().enumerate().filter(is_ahead).count();
            self.right += u64::from(ahead < self.k);
        }
    }

    /// Adds what another measure has seen.
    ///
    /// ```
    /// use gradus_tensor::Tensor;
    /// use gradus_train::metrics::TopKAccuracy;
    /// let (mut one, mut other) = (TopKAccuracy::new(1)?, TopKAccuracy::new(1)?);
    /// one.update(&Tensor::from([[0.9_f32, 0.1]]), &Tensor::from([0_i64]));
    /// other.update(&Tensor::from([[0.9_f32, 0.1]]), &Tensor::from([1_i64]));
    /// one.merge(&other);
    /// assert_eq!(one.value(), Some(0.5));
    /// # Ok::<(), gradus_train::metrics::MetricError>(())
    /// ```
    ///
    /// # Panics
    /// If its k is another.
    #[track_caller]
    pub fn merge(&mut self, other: &Self) {
        assert!(self.k == other.k, "top_k_accuracy: merge: k differs: {} and {}", self.k, other.k);
        self.right += other.right;
        self.count += other.count;
    }

    /// The share of hits, 0 to 1; `None` of nothing.
    #[must_use]
    pub fn value(&self) -> Option<f64> {
        (self.count > 0).then(|| self.right as f64 / self.count as f64)
    }
}

/// The order of two scores, in which NaN is the largest number and equal to itself.
fn order<T: Float>(a: T, b: T) -> Ordering {
    a.partial_cmp(&b).unwrap_or_else(|| a.is_nan().cmp(&b.is_nan()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::Accuracy;

    #[test]
    fn the_best_one_is_the_accuracy_also_with_ties_and_nan() {
        let nan = f32::NAN;
        let logits = Tensor::from([[1.0_f32, 1.0, 0.0], [0.0, 2.0, 2.0], [0.0, nan, 5.0], [nan, nan, 0.0]]);
        for target in 0..3 {
            let targets = Tensor::from([target; 4]);
            let (mut one, mut accuracy) = (TopKAccuracy::new(1).unwrap(), Accuracy::default());
            one.update(&logits, &targets);
            accuracy.update(&logits, &targets);
            assert_eq!(one.value(), accuracy.value(), "{target}");
        }
    }

    #[test]
    fn nothing_and_more_than_all() {
        let mut all = TopKAccuracy::new(9).unwrap();
        assert_eq!(all.value(), None);
        all.update(&Tensor::from([[0.0_f64, 1.0]]), &Tensor::from([0_i64]));
        assert_eq!(all.value(), Some(1.0));
    }

    #[test]
    #[should_panic(expected = "top_k_accuracy: no such class: -1 at [1] of [2] (0 ≤ class < 3)")]
    fn refuses_unknown_classes() {
        TopKAccuracy::new(1).unwrap().update(&Tensor::<f32>::zeros([2, 3]), &Tensor::from([0_i64, -1]));
    }
}
