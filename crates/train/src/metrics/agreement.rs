//! What a confusion matrix says as a whole: agreement beyond chance, and the overlap of areas. It must never know how a
//! class was predicted.

use super::ConfusionMatrix;

/// How much a confusion of class i with class j counts in Cohen's κ (scikit-learn: `weights`).
///
/// ```
/// use gradus_tensor::Tensor;
/// use gradus_train::metrics::{ConfusionMatrix, KappaWeights};
/// let mut grades = ConfusionMatrix::of_classes(3);
/// grades.update_classes(&Tensor::from([0_i64, 1, 2, 1]), &Tensor::from([0_i64, 1, 2, 2]));
/// let plain = grades.kappa(KappaWeights::Equal);
/// assert!(grades.kappa(KappaWeights::Quadratic) > plain); // the one mistake was a near miss
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KappaWeights {
    /// 1 for each confusion.
    Equal,
    /// |i − j|, for classes in an order.
    Linear,
    /// (i − j)², for classes in an order.
    Quadratic,
}

impl KappaWeights {
    fn of(self, truth: usize, prediction: usize) -> f64 {
        let distance = truth.abs_diff(prediction) as f64;
        match self {
            Self::Equal => f64::from(u8::from(truth != prediction)),
            Self::Linear => distance,
            Self::Quadratic => distance * distance,
        }
    }
}

impl ConfusionMatrix {
    /// The mean of the recalls of all classes that are true somewhere (scikit-learn: `balanced_accuracy_score`). `None`
    /// of nothing.
    ///
    /// ```
    /// use gradus_tensor::Tensor;
    /// use gradus_train::metrics::ConfusionMatrix;
    /// let mut matrix = ConfusionMatrix::of_classes(2);
    /// assert_eq!(matrix.balanced_accuracy(), None);
    /// matrix.update_classes(&Tensor::from([0_i64; 10]), &Tensor::from([0_i64, 0, 0, 0, 0, 0, 0, 0, 0, 1]));
    /// assert_eq!((matrix.accuracy(), matrix.balanced_accuracy()), (0.9, Some(0.5)));
    /// ```
    #[must_use]
    pub fn balanced_accuracy(&self) -> Option<f64> {
        let occurring = self.all_counts().into_iter().filter(|counts| counts.truth > 0);
        mean(occurring.map(|counts| counts.recall()))
    }

    /// Matthews' correlation of truths and predictions, −1 to 1: (n·Σₖ nₖₖ − Σₖ tₖpₖ) /
    /// √((n² − Σₖ tₖ²)(n² − Σₖ pₖ²)) with n examples, tₖ of class k and pₖ predicted as k (scikit-learn:
    /// `matthews_corrcoef`; Gorodkin 2004 for more than two classes). 0 if all truths or all predictions are one class;
    /// `None` of nothing.
    ///
    /// ```
    /// use gradus_tensor::Tensor;
    /// use gradus_train::metrics::ConfusionMatrix;
    /// let mut matrix = ConfusionMatrix::of_classes(2);
    /// matrix.update_classes(&Tensor::from([1_i64, 0, 1, 1]), &Tensor::from([1_i64, 1, 1, 0]));
    /// assert!((matrix.matthews().unwrap() + 1.0 / 3.0).abs() < 1e-12);
    /// ```
    #[must_use]
    pub fn matthews(&self) -> Option<f64> {
        let n = i128::from(self.total());
        let sum = |of: &dyn Fn(usize) -> i128| (0..self.labels().len()).map(of).sum::<i128>();
        let truths = |class| i128::from(self.truths(class));
        let predictions = |class| i128::from(self.predictions(class));
        let both = n * i128::from(self.right()) - sum(&|class| truths(class) * predictions(class));
        let truth_spread = n * n - sum(&|class| truths(class).pow(2));
        let prediction_spread = n * n - sum(&|class| predictions(class).pow(2));
        let below = (truth_spread as f64 * prediction_spread as f64).sqrt();
        (n > 0).then(|| if below == 0.0 { 0.0 } else { both as f64 / below })
    }

    /// Cohen's κ = 1 − Σ wᵢⱼnᵢⱼ / Σ wᵢⱼeᵢⱼ, with eᵢⱼ = tᵢpⱼ/n what chance would give (scikit-learn:
    /// `cohen_kappa_score`). `None` if chance alone agrees always, as when all is one class, or of nothing.
    ///
    /// ```
    /// use gradus_tensor::Tensor;
    /// use gradus_train::metrics::{ConfusionMatrix, KappaWeights};
    /// let mut matrix = ConfusionMatrix::of_classes(2);
    /// matrix.update_classes(&Tensor::from([0_i64, 0, 1, 1]), &Tensor::from([0_i64, 1, 1, 1]));
    /// assert_eq!(matrix.kappa(KappaWeights::Equal), Some(0.5));
    /// ```
    #[must_use]
    pub fn kappa(&self, weights: KappaWeights) -> Option<f64> {
        let (classes, n) = (self.labels().len(), self.total() as f64);
        let (mut have, mut chance) = (0.0, 0.0);
        for truth in 0..classes {
            for prediction in 0..classes {
                let weight = weights.of(truth, prediction);
                have += weight * self.count(truth, prediction) as f64;
                chance += weight * self.truths(truth) as f64 * self.predictions(prediction) as f64 / n;
            }
        }
        (chance > 0.0).then(|| 1.0 - have / chance)
    }

    /// Jaccard's index of one class, right / (truths + predictions − right): of a segmentation its intersection over
    /// union (scikit-learn: `jaccard_score`). `None` if the class is neither true nor predicted anywhere.
    ///
    /// # Panics
    /// If there is no such class.
    #[must_use]
    #[track_caller]
    pub fn iou(&self, class: usize) -> Option<f64> {
        let counts = self.counts(class);
        let union = counts.truth + counts.predicted - counts.right;
        (union > 0).then(|| counts.right as f64 / union as f64)
    }

    /// Dice's coefficient of one class, 2·right / (truths + predictions), which is its F1. `None` if the class is
    /// neither true nor predicted anywhere.
    ///
    /// # Panics
    /// If there is no such class.
    #[must_use]
    #[track_caller]
    pub fn dice(&self, class: usize) -> Option<f64> {
        let counts = self.counts(class);
        (counts.truth + counts.predicted > 0).then(|| counts.scores().f1)
    }

    /// The mean of [`ConfusionMatrix::iou`] over the classes that have one. `None` of nothing.
    ///
    /// ```
    /// use gradus_tensor::Tensor;
    /// use gradus_train::metrics::ConfusionMatrix;
    /// let mut pixels = ConfusionMatrix::of_classes(3); // the third does not occur
    /// pixels.update_classes(&Tensor::from([[0_i64, 1], [1, 1]]), &Tensor::from([[0_i64, 0], [1, 1]]));
    /// assert_eq!((pixels.iou(0), pixels.iou(1), pixels.iou(2)), (Some(0.5), Some(2.0 / 3.0), None));
    /// assert_eq!((pixels.mean_iou(), pixels.dice(1)), (Some((0.5 + 2.0 / 3.0) / 2.0), Some(0.8)));
    /// assert!(pixels.mean_dice() > pixels.mean_iou());
    /// ```
    #[must_use]
    pub fn mean_iou(&self) -> Option<f64> {
        mean((0..self.labels().len()).filter_map(|class| self.iou(class)))
    }

    /// The mean of [`ConfusionMatrix::dice`] over the classes that have one. `None` of nothing.
    #[must_use]
    pub fn mean_dice(&self) -> Option<f64> {
        mean((0..self.labels().len()).filter_map(|class| self.dice(class)))
    }
}

/// The mean; `None` of nothing.
pub(super) fn mean(values: impl Iterator<Item = f64>) -> Option<f64> {
    let (sum, count) = values.fold((0.0, 0_u64), |(sum, count), value| (sum + value, count + 1));
    (count > 0).then(|| sum / count as f64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use gradus_tensor::Tensor;

    #[test]
    fn nothing_and_one_class_only() {
        let mut m = ConfusionMatrix::of_classes(2);
        assert_eq!((m.matthews(), m.kappa(KappaWeights::Equal), m.mean_iou()), (None, None, None));
        m.update_classes(&Tensor::from([1_i64, 1]), &Tensor::from([1_i64, 1]));
        assert_eq!((m.balanced_accuracy(), m.matthews()), (Some(1.0), Some(0.0)));
        assert_eq!((m.kappa(KappaWeights::Linear), m.mean_dice()), (None, Some(1.0)));
    }

    #[test]
    fn counts_beyond_what_their_products_fit_in_64_bits() {
        // n² is 2⁶⁶ here; of (5, 3; 3, 5)·2³¹ the correlation is 1/4.
        let mut m = ConfusionMatrix::of_classes(2);
        for (truth, prediction, times) in [(0, 0, 5_u64), (0, 1, 3), (1, 0, 3), (1, 1, 5)] {
            let mut one = ConfusionMatrix::of_classes(2);
            one.update_classes(&Tensor::from([prediction]), &Tensor::from([truth]));
            for _ in 0..29 {
                let half = one.clone();
                one.merge(&half);
            }
            (0..times).for_each(|_| m.merge(&one));
        }
        assert_eq!((m.total(), m.matthews()), (1 << 33, Some(0.25)));
    }
}
