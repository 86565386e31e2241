//! The confusion matrix, and what follows from it for each class: precision, recall, F. What it says of the agreement as
//! a whole is in `agreement`. It must never know how a class was predicted.

use std::fmt;

use gradus_tensor::{Float, Tensor};

use super::inputs::{class_numbers, predicted, same_shape};
use super::scores::{averaged, averaged_scores, share};
use super::{Average, Counts, Scores};

const NAME: &str = "confusion_matrix";

/// Counts of (true class, predicted class) (scikit-learn: `confusion_matrix`): rows are the truth.
///
/// Its `Display` is an aligned table.
///
/// ```
/// use gradus_tensor::Tensor;
/// use gradus_train::metrics::{Average, ConfusionMatrix};
/// let mut matrix = ConfusionMatrix::new(["cat", "dog"]);
/// matrix.update_classes(&Tensor::from([0_i64, 0, 1]), &Tensor::from([0_i64, 1, 1]));
/// assert_eq!(matrix.count(1, 0), 1); // one dog was taken for a cat
/// assert_eq!(matrix.scores(0).precision, 0.5);
/// assert_eq!(matrix.average(Average::Micro).f1, matrix.accuracy());
/// println!("{matrix}");
///
/// let mut matrix = ConfusionMatrix::of_classes(2);
/// let logits = Tensor::from([[2.0_f32, 1.0], [0.0, 1.0], [3.0, 0.0]]); // predicts 0, 1, 0
/// matrix.update(&logits, &Tensor::from([0_i64, 1, 1]));
/// assert_eq!((matrix.total(), matrix.truths(1), matrix.predictions(1)), (3, 2, 1));
/// assert_eq!((matrix.confusions(), matrix.labels()), (vec![(1, 0, 1)], &["0".to_owned(), "1".to_owned()][..]));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfusionMatrix {
    labels: Vec<String>,
    counts: Vec<u64>,
}

impl ConfusionMatrix {
    /// An empty matrix over classes with these names.
    #[must_use]
    pub fn new<S: Into<String>>(labels: impl IntoIterator<Item = S>) -> Self {
        let labels: Vec<String> = labels.into_iter().map(Into::into).collect();
        let counts = vec![0; labels.len() * labels.len()];
        Self { labels, counts }
    }

    /// An empty matrix over `classes` classes, named by their numbers.
    #[must_use]
    pub fn of_classes(classes: usize) -> Self {
        Self::new((0..classes).map(|class| class.to_string()))
    }

    /// Adds a batch: logits or probabilities `[…, C]` and class numbers `[…]`.
    ///
    /// # Panics
    /// If the shapes do not fit, or a class number lies outside.
    #[track_caller]
    pub fn update<T: Float>(&mut self, logits: &Tensor<T>, targets: &Tensor<i64>) {
        self.update_classes(&predicted(NAME, logits, targets), targets);
    }

    /// Adds a batch of predicted class numbers `[…]`.
    ///
    /// # Panics
    /// If the shapes differ, or a class number lies outside.
    #[track_caller]
    pub fn update_classes(&mut self, predictions: &Tensor<i64>, targets: &Tensor<i64>) {
        same_shape(NAME, predictions.shape(), targets.shape());
        let classes = self.labels.len();
        let predictions = class_numbers(NAME, predictions, classes);
        for (prediction, truth) in predictions.into_iter().zip(class_numbers(NAME, targets, classes)) {
            self.counts[truth * classes + prediction] += 1;
        }
    }

    /// Adds what another matrix has seen.
    ///
    /// ```
    /// use gradus_tensor::Tensor;
    /// use gradus_train::metrics::ConfusionMatrix;
    /// let (mut one, mut other) = (ConfusionMatrix::of_classes(2), ConfusionMatrix::of_classes(2));
    /// other.update_classes(&Tensor::from([1_i64]), &Tensor::from([0_i64]));
    /// one.merge(&other);
    /// assert_eq!(one.count(0, 1), 1);
    /// ```
    ///
    /// # Panics
    /// If its classes are others.
    #[track_caller]
    pub fn merge(&mut self, other: &Self) {
        let (a, b) = (&self.labels, &other.labels);
        assert!(a == b, "{NAME}: merge: classes differ: {a:?} and {b:?}");
        self.counts.iter_mut().zip(&other.counts).for_each(|(own, other)| *own += other);
    }

    /// The names of the classes.
    #[must_use]
    pub fn labels(&self) -> &[String] {
        &self.labels
    }

    /// How many examples of class `truth` were taken for class `prediction`.
    ///
    /// # Panics
    /// If there is no such class.
    #[must_use]
    #[track_caller]
    pub fn count(&self, truth: usize, prediction: usize) -> u64 {
        let classes = self.labels.len();
        let known = truth < classes && prediction < classes;
        assert!(known, "count: no such class: ({truth}, {prediction}) (0 ≤ class < {classes})");
        self.counts[truth * classes + prediction]
    }

    /// All examples.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// How many examples of a class there are.
    ///
    /// # Panics
    /// If there is no such class.
    #[must_use]
    #[track_caller]
    pub fn truths(&self, class: usize) -> u64 {
        (0..self.labels.len()).map(|prediction| self.count(class, prediction)).sum()
    }

    /// How many predictions of a class there are.
    ///
    /// # Panics
    /// If there is no such class.
    #[must_use]
    #[track_caller]
    pub fn predictions(&self, class: usize) -> u64 {
        (0..self.labels.len()).map(|truth| self.count(truth, class)).sum()
    }

    pub(super) fn right(&self) -> u64 {
        (0..self.labels.len()).map(|class| self.count(class, class)).sum()
    }

    /// The share of right predictions; 0 of nothing.
    #[must_use]
    pub fn accuracy(&self) -> f64 {
        share(self.right(), self.total())
    }

    /// What precision and recall of one class are made of.
    ///
    /// ```
    /// use gradus_tensor::Tensor;
    /// use gradus_train::metrics::{Average, ConfusionMatrix, Counts};
    /// let mut matrix = ConfusionMatrix::of_classes(2);
    /// matrix.update_classes(&Tensor::from([0_i64, 1, 1]), &Tensor::from([1_i64, 1, 0]));
    /// assert_eq!(matrix.counts(1), Counts { right: 1, predicted: 2, truth: 2 });
    /// assert_eq!((matrix.f_beta(1, 2.0), matrix.average_f_beta(Average::Macro, 2.0)), (0.5, 0.25));
    /// ```
    ///
    /// # Panics
    /// If there is no such class.
    #[must_use]
    #[track_caller]
    pub fn counts(&self, class: usize) -> Counts {
        Counts {
            right: self.count(class, class),
            predicted: self.predictions(class),
            truth: self.truths(class),
        }
    }

    pub(super) fn all_counts(&self) -> Vec<Counts> {
        (0..self.labels.len()).map(|class| self.counts(class)).collect()
    }

    /// Precision, recall and F1 of one class.
    ///
    /// # Panics
    /// If there is no such class.
    #[must_use]
    #[track_caller]
    pub fn scores(&self, class: usize) -> Scores {
        self.counts(class).scores()
    }

    /// F-β of one class (scikit-learn: `fbeta_score`).
    ///
    /// # Panics
    /// If there is no such class.
    #[must_use]
    #[track_caller]
    pub fn f_beta(&self, class: usize, beta: f64) -> f64 {
        self.counts(class).f_beta(beta)
    }

    /// Precision, recall and F1 over all classes (scikit-learn: `precision_recall_fscore_support`).
    #[must_use]
    pub fn average(&self, average: Average) -> Scores {
        averaged_scores(&self.all_counts(), average)
    }

    /// F-β over all classes (scikit-learn: `fbeta_score`).
    #[must_use]
    pub fn average_f_beta(&self, average: Average, beta: f64) -> f64 {
        averaged(&self.all_counts(), average, |counts| counts.f_beta(beta))
    }

    /// The confusions that occurred, most frequent first: (truth, prediction, count).
    #[must_use]
    pub fn confusions(&self) -> Vec<(usize, usize, u64)> {
        let classes = self.labels.len();
        let mut out: Vec<(usize, usize, u64)> = (0..classes * classes)
            .map(|i| (i / classes, i % classes, self.counts[i]))
            .filter(|&(truth, prediction, count)| truth != prediction && count > 0)
            .collect();
        out.sort_by_key(|&(_, _, count)| std::cmp::Reverse(count));
        out
    }
}

impl fmt::Display for ConfusionMatrix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const CORNER: &str = "true \\ predicted";
        let classes = self.labels.len();
        let length = |text: &str| text.chars().count();
        let first = self.labels.iter().map(|l| length(l)).chain([length(CORNER)]).max().unwrap_or(0);
        let width = |class: usize| {
            let widest = (0..classes).map(|truth| self.count(truth, class)).max().unwrap_or(0);
            length(&self.labels[class]).max(widest.to_string().len())
        };
        let widths: Vec<usize> = (0..classes).map(width).collect();
        write!(f, "{CORNER:first$}")?;
        for (label, width) in self.labels.iter().zip(&widths) {
            write!(f, "  {label:>width$}")?;
        }
        write!(f, "  recall")?;
        for truth in 0..classes {
            write!(f, "\n{:>first$}", self.labels[truth])?;
            for (prediction, width) in widths.iter().enumerate() {
                match self.count(truth, prediction) {
                    0 => write!(f, "  {:>width$}", "·")?,
                    count => write!(f, "  {count:>width$}")?,
                }
            }
            write!(f, "  {:>6.3}", self.scores(truth).recall)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matrix(truth: &[i64], predictions: &[i64], classes: usize) -> ConfusionMatrix {
        let mut matrix = ConfusionMatrix::of_classes(classes);
        matrix.update_classes(&Tensor::from(predictions), &Tensor::from(truth));
        matrix
    }

    fn close(have: Scores, want: [f64; 3]) {
        for (have, want) in [have.precision, have.recall, have.f1].into_iter().zip(want) {
            assert!((have - want).abs() < 1e-12, "{have} ≠ {want}");
        }
    }

    #[test]
    fn agrees_with_scikit_learn() {
        // The example of scikit-learn's documentation of precision_recall_fscore_support.
        let m = matrix(&[0, 1, 2, 0, 1, 2], &[0, 2, 1, 0, 0, 1], 3);
        close(m.average(Average::Macro), [2.0 / 9.0, 1.0 / 3.0, 4.0 / 15.0]);
        close(m.average(Average::Micro), [1.0 / 3.0; 3]);
        close(m.average(Average::Weighted), [2.0 / 9.0, 1.0 / 3.0, 4.0 / 15.0]);
        close(m.scores(0), [2.0 / 3.0, 1.0, 0.8]);
        close(m.scores(1), [0.0; 3]);
        // Uneven classes, by hand: class 0 has 3 of 4 right, class 1 has 1 of 1, once predicted wrongly.
        let m = matrix(&[0, 0, 0, 0, 1], &[0, 0, 0, 1, 1], 2);
        close(m.scores(0), [1.0, 0.75, 6.0 / 7.0]);
        close(m.scores(1), [0.5, 1.0, 2.0 / 3.0]);
        close(m.average(Average::Macro), [0.75, 0.875, (6.0 / 7.0 + 2.0 / 3.0) / 2.0]);
        close(m.average(Average::Weighted), [0.9, 0.8, (4.0 * 6.0 / 7.0 + 2.0 / 3.0) / 5.0]);
        assert_eq!(m.accuracy(), 0.8);
    }

    #[test]
    fn classes_that_never_occur_do_not_count() {
        let small = matrix(&[0, 1, 1], &[0, 1, 0], 2);
        let large = matrix(&[0, 1, 1], &[0, 1, 0], 5);
        assert_eq!(small.average(Average::Macro), large.average(Average::Macro));
        assert_eq!(ConfusionMatrix::of_classes(3).average(Average::Macro), Scores::default());
    }

    #[test]
    fn rows_are_the_truth() {
        let mut m = ConfusionMatrix::of_classes(3);
        m.update(&Tensor::from([[0.0_f32, 0.1, 0.9], [0.9, 0.1, 0.0]]), &Tensor::from([1_i64, 0]));
        assert_eq!((m.count(1, 2), m.count(2, 1), m.total()), (1, 0, 2));
        assert_eq!(m.confusions(), [(1, 2, 1)]);
    }

    #[test]
    fn prints_an_aligned_table() {
        let mut m = ConfusionMatrix::new(["a", "long"]);
        let truth: Vec<i64> = (0..120).map(|i| i64::from(i % 12 == 0)).collect();
        m.update_classes(&Tensor::zeros([120]), &Tensor::from(truth));
        let want = "true \\ predicted    a  long  recall\n               a  110     ·   1.000\n            long   10     ·   0.000";
        assert_eq!(m.to_string(), want);
    }

    #[test]
    #[should_panic(expected = "confusion_matrix: no such class: 3 at [0] of [1] (0 ≤ class < 3)")]
    fn refuses_unknown_classes() {
        let _ = matrix(&[3], &[0], 3);
    }
}
