//! Several labels at once, each of which may hold or not: precision, recall and F over labels or over examples.

use gradus_tensor::{Float, Tensor};

use super::inputs::{class_numbers, numbers, same_shape};
use super::scores::{averaged, averaged_scores};
use super::{Average, Counts, Scores};

const NAME: &str = "multilabel";

/// Precision, recall and F of L labels, each predicted where its score is greater than a threshold (scikit-learn:
/// `precision_recall_fscore_support` of an indicator matrix). With one label: of a binary problem. A NaN score predicts
/// nothing.
///
/// ```
/// use gradus_tensor::Tensor;
/// use gradus_train::metrics::{Average, Multilabel};
/// let mut labels = Multilabel::new(2); // threshold 0.5, for probabilities; take 0 for logits
/// labels.update(&Tensor::from([[0.9_f32, 0.2], [0.6, 0.7]]), &Tensor::from([[1_i64, 0], [0, 1]]));
/// assert_eq!((labels.scores(0).precision, labels.scores(1).precision), (0.5, 1.0));
/// assert_eq!(labels.average(Average::Micro).recall, 1.0);
/// assert_eq!(labels.average_over_examples().map(|scores| scores.precision), Some(0.75));
/// assert_eq!((labels.exact(), labels.hamming_loss()), (Some(0.5), Some(0.25)));
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Multilabel {
    threshold: f64,
    counts: Vec<Counts>,
    examples: u64,
    exact: u64,
    wrong: u64,
    /// Sums of each example's own scores.
    sums: Scores,
}

impl Multilabel {
    /// An empty measure of `labels` labels with the threshold 0.5.
    #[must_use]
    pub fn new(labels: usize) -> Self {
        let counts = vec![Counts::default(); labels];
        Self { threshold: 0.5, counts, examples: 0, exact: 0, wrong: 0, sums: Scores::default() }
    }

    /// Another threshold, that scores must exceed: 0 for logits.
    ///
    /// ```
    /// use gradus_tensor::Tensor;
    /// use gradus_train::metrics::Multilabel;
    /// let mut binary = Multilabel::new(1).threshold(0.0);
    /// binary.update(&Tensor::from([[0.1_f32], [-3.0]]), &Tensor::from([[1_i64], [1]]));
    /// assert_eq!((binary.scores(0).recall, binary.f_beta(0, 2.0)), (0.5, 5.0 / 9.0));
    /// ```
    #[must_use]
    pub fn threshold(mut self, threshold: f64) -> Self {
        self.threshold = threshold;
        self
    }

    /// Adds a batch: scores `[…, L]`, and targets `[…, L]` of 0 and 1.
    ///
    /// # Panics
    /// If the shapes differ, the last axis is not L, or a target is neither 0 nor 1.
    #[track_caller]
    pub fn update<T: Float>(&mut self, scores: &Tensor<T>, targets: &Tensor<i64>) {
        let labels = self.counts.len();
        same_shape(NAME, scores.shape(), targets.shape());
        let last = targets.shape().last().copied();
        assert!(
            last == Some(labels),
            "{NAME}: number of labels differs: {} and {labels} (scores and targets are […, {labels}])",
            targets.shape()
        );
        if labels == 0 {
            return;
        }
        let (truths, scores) = (class_numbers(NAME, targets, 2), numbers(scores));
        for (truths, scores) in truths.chunks(labels).zip(scores.chunks(labels)) {
            self.add(truths, scores);
        }
    }

    /// Adds one example.
    fn add(&mut self, truths: &[usize], scores: &[f64]) {
        let mut own = Counts::default();
        let mut wrong = 0;
        for (counts, (&truth, &score)) in self.counts.iter_mut().zip(truths.iter().zip(scores)) {
            let (truth, predicted) = (truth as u64, u64::from(score > self.threshold));
            let one = Counts { right: truth & predicted, predicted, truth };
            counts.add(&one);
            own.add(&one);
            wrong += truth ^ predicted;
        }
        let scores = own.scores();
        self.sums.precision += scores.precision;
        self.sums.recall += scores.recall;
        self.sums.f1 += scores.f1;
        self.examples += 1;
        self.exact += u64::from(wrong == 0);
        self.wrong += wrong;
    }

    /// Adds what another measure has seen.
    ///
    /// ```
    /// use gradus_tensor::Tensor;
    /// use gradus_train::metrics::Multilabel;
    /// let (mut one, mut other) = (Multilabel::new(1), Multilabel::new(1));
    /// one.update(&Tensor::from([[0.9_f32]]), &Tensor::from([[1_i64]]));
    /// other.update(&Tensor::from([[0.9_f32]]), &Tensor::from([[0_i64]]));
    /// one.merge(&other);
    /// assert_eq!((one.exact(), one.counts()[0].predicted), (Some(0.5), 2));
    /// ```
    ///
    /// # Panics
    /// If it has another number of labels or another threshold.
    #[track_caller]
    pub fn merge(&mut self, other: &Self) {
        let (a, b) = (self.counts.len(), other.counts.len());
        assert!(a == b, "{NAME}: merge: number of labels differs: {a} and {b}");
        let (a, b) = (self.threshold, other.threshold);
        assert!(a == b, "{NAME}: merge: thresholds differ: {a} and {b}");
        self.counts.iter_mut().zip(&other.counts).for_each(|(own, other)| own.add(other));
        self.examples += other.examples;
        self.exact += other.exact;
        self.wrong += other.wrong;
        self.sums.precision += other.sums.precision;
        self.sums.recall += other.sums.recall;
        self.sums.f1 += other.sums.f1;
    }

    /// The counts of each label.
    #[must_use]
    pub fn counts(&self) -> &[Counts] {
        &self.counts
    }

    /// Precision, recall and F1 of one label.
    ///
    /// # Panics
    /// If there is no such label.
    #[must_use]
    #[track_caller]
    pub fn scores(&self, label: usize) -> Scores {
        self.of(label).scores()
    }

    /// F-β of one label.
    ///
    /// # Panics
    /// If there is no such label.
    #[must_use]
    #[track_caller]
    pub fn f_beta(&self, label: usize, beta: f64) -> f64 {
        self.of(label).f_beta(beta)
    }

    #[track_caller]
    fn of(&self, label: usize) -> &Counts {
        let labels = self.counts.len();
        assert!(label < labels, "{NAME}: no such label: {label} (0 ≤ label < {labels})");
        &self.counts[label]
    }

    /// Precision, recall and F1 over all labels. [`Average::Macro`] leaves out labels that are neither true nor
    /// predicted anywhere; scikit-learn counts those as 0.
    ///
    /// ```
    /// use gradus_tensor::Tensor;
    /// use gradus_train::metrics::{Average, Multilabel};
    /// let mut labels = Multilabel::new(2);
    /// labels.update(&Tensor::from([[0.9_f64, 0.1], [0.9, 0.1]]), &Tensor::from([[1_i64, 0], [0, 0]]));
    /// assert_eq!(labels.average(Average::Macro).precision, 0.5);
    /// assert_eq!(labels.average_f_beta(Average::Micro, 1.0), 2.0 / 3.0);
    /// assert_eq!(labels.counts()[0].predicted, 2);
    /// ```
    #[must_use]
    pub fn average(&self, average: Average) -> Scores {
        averaged_scores(&self.counts, average)
    }

    /// F-β over all labels.
    #[must_use]
    pub fn average_f_beta(&self, average: Average, beta: f64) -> f64 {
        averaged(&self.counts, average, |counts| counts.f_beta(beta))
    }

    /// The means of each example's own precision, recall and F1 (scikit-learn: `average="samples"`). `None` of nothing.
    #[must_use]
    pub fn average_over_examples(&self) -> Option<Scores> {
        let mean = |sum: f64| sum / self.examples as f64;
        let Scores { precision, recall, f1 } = self.sums;
        (self.examples > 0).then(|| Scores { precision: mean(precision), recall: mean(recall), f1: mean(f1) })
    }

    /// The share of examples all of whose labels are right (scikit-learn: `accuracy_score`). `None` of nothing.
    #[must_use]
    pub fn exact(&self) -> Option<f64> {
        (self.examples > 0).then(|| self.exact as f64 / self.examples as f64)
    }

    /// The share of labels that are wrong (scikit-learn: `hamming_loss`). `None` of nothing.
    #[must_use]
    pub fn hamming_loss(&self) -> Option<f64> {
        let all = self.examples * self.counts.len() as u64;
        (all > 0).then(|| self.wrong as f64 / all as f64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_nan_and_the_threshold_itself() {
        let mut labels = Multilabel::new(2);
        assert_eq!(
            (labels.exact(), labels.hamming_loss(), labels.average_over_examples()),
            (None, None, None)
        );
        assert_eq!(labels.average(Average::Macro), Scores::default());
        // Neither NaN nor the threshold itself predicts.
        labels.update(&Tensor::from([[f32::NAN, 0.5]]), &Tensor::from([[1_i64, 0]]));
        assert_eq!(labels.counts(), [Counts { truth: 1, ..Counts::default() }, Counts::default()]);
    }

    #[test]
    #[should_panic(
        expected = "multilabel: number of labels differs: [1, 3] and 2 (scores and targets are […, 2])"
    )]
    fn refuses_other_labels() {
        Multilabel::new(2).update(&Tensor::<f32>::zeros([1, 3]), &Tensor::<i64>::zeros([1, 3]));
    }

    #[test]
    #[should_panic(expected = "multilabel: no such class: 2 at [0, 1] of [1, 2] (0 ≤ class < 2)")]
    fn refuses_targets_that_are_no_flags() {
        Multilabel::new(2).update(&Tensor::<f32>::zeros([1, 2]), &Tensor::from([[0_i64, 2]]));
    }
}
