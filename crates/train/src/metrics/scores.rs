//! Precision, recall and F from counts, for one class and over several: what confusion matrices, multilabel problems and
//! entity spans share. It must never know where the counts come from.

/// How scores of several classes become one (scikit-learn: `average`).
///
/// ```
/// use gradus_tensor::Tensor;
/// use gradus_train::metrics::{Average, ConfusionMatrix};
/// let mut matrix = ConfusionMatrix::of_classes(2);
/// matrix.update_classes(&Tensor::from([0_i64, 0, 0, 1]), &Tensor::from([0_i64, 0, 0, 0]));
/// assert_eq!(matrix.average(Average::Macro).recall, 0.375); // (3/4 + 0) / 2
/// assert_eq!(matrix.average(Average::Weighted).recall, 0.75); // class 1 is never true
/// assert_eq!(matrix.average(Average::Micro).recall, 0.75);
/// ```
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

/// What precision and recall of one class are made of.
///
/// ```
/// use gradus_train::metrics::Counts;
/// let counts = Counts { right: 6, predicted: 8, truth: 12 };
/// assert_eq!((counts.precision(), counts.recall(), counts.scores().f1), (0.75, 0.5, 0.6));
/// assert_eq!(counts.f_beta(2.0), 30.0 / 56.0); // (1 + 4)·6 / (4·12 + 8): recall counts more
/// assert_eq!(Counts::default().precision(), 0.0);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Predictions of the class that are right: true positives.
    pub right: u64,
    /// All predictions of the class: true and false positives.
    pub predicted: u64,
    /// All examples of the class: true positives and false negatives.
    pub truth: u64,
}

pub(super) fn share(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}

impl Counts {
    /// right / predicted, 0 of nothing (scikit-learn: `precision_score`).
    #[must_use]
    pub fn precision(&self) -> f64 {
        share(self.right, self.predicted)
    }

    /// right / truth, 0 of nothing (scikit-learn: `recall_score`).
    #[must_use]
    pub fn recall(&self) -> f64 {
        share(self.right, self.truth)
    }

    /// (1 + β²)·right / (β²·truth + predicted), 0 of nothing: recall counts β times as much as precision (scikit-learn:
    /// `fbeta_score`).
    #[must_use]
    pub fn f_beta(&self, beta: f64) -> f64 {
        let square = beta * beta;
        let below = square * self.truth as f64 + self.predicted as f64;
        if below == 0.0 { 0.0 } else { (1.0 + square) * self.right as f64 / below }
    }

    /// All three, with β = 1.
    #[must_use]
    pub fn scores(&self) -> Scores {
        let f1 = share(2 * self.right, self.predicted + self.truth);
        Scores { precision: self.precision(), recall: self.recall(), f1 }
    }

    pub(super) fn add(&mut self, other: &Self) {
        self.right += other.right;
        self.predicted += other.predicted;
        self.truth += other.truth;
    }
}

/// One number over several classes. `score` is of one class; with [`Average::Micro`] of the counts' sum.
pub(super) fn averaged(classes: &[Counts], average: Average, score: impl Fn(&Counts) -> f64) -> f64 {
    let weight = |class: &Counts| match average {
        Average::Weighted => class.truth as f64,
        _ => f64::from(u8::from(class.truth + class.predicted > 0)),
    };
    if average == Average::Micro {
        let mut all = Counts::default();
        classes.iter().for_each(|class| all.add(class));
        return score(&all);
    }
    let (mut sum, mut weights) = (0.0, 0.0);
    for class in classes {
        sum += weight(class) * score(class);
        weights += weight(class);
    }
    if weights == 0.0 { 0.0 } else { sum / weights }
}

/// Precision, recall and F1 over several classes.
pub(super) fn averaged_scores(classes: &[Counts], average: Average) -> Scores {
    Scores {
        precision: averaged(classes, average, Counts::precision),
        recall: averaged(classes, average, Counts::recall),
        f1: averaged(classes, average, |class| class.scores().f1),
    }
}
