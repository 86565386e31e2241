//! The confusion matrix, and what follows from it: precision, recall, F1.

use std::fmt;

use gradus_tensor::{Float, Tensor};

use super::predicted;

/// How scores of several classes become one (scikit-learn: `average`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Average {
    /// The plain mean over the classes that occur as truth or prediction.
    Macro,
    /// From the counts of all classes together; for single-label problems all three equal the accuracy.
    Micro,
    /// The mean weighted by how often each class is true.
    Weighted,
}

/// Precision, recall and their harmonic mean; 0 where a quotient has no denominator.
///
/// ```
/// use gradus_tensor::Tensor;
/// use gradus_train::metrics::{ConfusionMatrix, Scores};
/// let mut matrix = ConfusionMatrix::of_classes(2);
/// let logits = Tensor::from([[2.0_f32, 1.0], [0.0, 1.0], [3.0, 0.0]]); // predicts 0, 1, 0
/// matrix.update(&logits, &Tensor::from([0_i64, 1, 1]));
/// let Scores { precision, recall, .. } = matrix.scores(1);
/// assert_eq!((precision, recall), (1.0, 0.5));
/// assert_eq!((matrix.total(), matrix.truths(1), matrix.predictions(1)), (3, 2, 1));
/// assert_eq!((matrix.confusions(), matrix.labels()), (vec![(1, 0, 1)], &["0".to_owned(), "1".to_owned()][..]));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Scores {
    /// Right predictions of the class / all predictions of the class.
    pub precision: f64,
    /// Right predictions of the class / all examples of the class.
    pub recall: f64,
    /// 2·precision·recall / (precision + recall).
    pub f1: f64,
}

fn share(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}

impl Scores {
    fn of(right: u64, predicted: u64, truth: u64) -> Self {
        let f1 = share(2 * right, predicted + truth);
        Self { precision: share(right, predicted), recall: share(right, truth), f1 }
    }
}

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
        self.update_classes(&predicted("confusion_matrix", logits, targets), targets);
    }

    /// Adds a batch of predicted class numbers `[…]`.
    ///
    /// # Panics
    /// If the shapes differ, or a class number lies outside.
    #[track_caller]
    pub fn update_classes(&mut self, predictions: &Tensor<i64>, targets: &Tensor<i64>) {
        let (a, b) = (predictions.shape(), targets.shape());
        assert!(a == b, "confusion_matrix: shapes differ: {a} and {b}");
        let classes = self.labels.len();
        let (predictions, targets) = (predictions.to_vec(), targets.to_vec());
        for &class in predictions.iter().chain(&targets) {
            let known = usize::try_from(class).is_ok_and(|class| class < classes);
            assert!(known, "confusion_matrix: no such class: {class} (0 ≤ class < {classes})");
        }
        for (p, t) in predictions.into_iter().zip(targets) {
            self.counts[t as usize * classes + p as usize] += 1;
        }
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

    fn right(&self) -> u64 {
        (0..self.labels.len()).map(|class| self.count(class, class)).sum()
    }

    /// The share of right predictions; 0 of nothing.
    #[must_use]
    pub fn accuracy(&self) -> f64 {
        share(self.right(), self.total())
    }

    /// Precision, recall and F1 of one class.
    ///
    /// # Panics
    /// If there is no such class.
    #[must_use]
    #[track_caller]
    pub fn scores(&self, class: usize) -> Scores {
        Scores::of(self.count(class, class), self.predictions(class), self.truths(class))
    }

    /// Precision, recall and F1 over all classes (scikit-learn: `precision_recall_fscore_support`).
    #[must_use]
    pub fn average(&self, average: Average) -> Scores {
        let weight = |class: usize| match average {
            Average::Weighted => self.truths(class) as f64,
            _ => f64::from(u8::from(self.truths(class) + self.predictions(class) > 0)),
        };
        if average == Average::Micro {
            return Scores::of(self.right(), self.total(), self.total());
        }
        let mut sum = Scores::default();
        let mut weights = 0.0;
        for class in 0..self.labels.len() {
            let (own, weight) = (self.scores(class), weight(class));
            sum.precision += weight * own.precision;
            sum.recall += weight * own.recall;
            sum.f1 += weight * own.f1;
            weights += weight;
        }
        let mean = |sum: f64| if weights == 0.0 { 0.0 } else { sum / weights };
        Scores { precision: mean(sum.precision), recall: mean(sum.recall), f1: mean(sum.f1) }
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
    #[should_panic(expected = "confusion_matrix: no such class: 3 (0 ≤ class < 3)")]
    fn refuses_unknown_classes() {
        let _ = matrix(&[3], &[0], 3);
    }
}
