//! Areas under curves with more than two classes: each class against the rest, or each pair against each other. The
//! curves themselves are in `curves`.

use gradus_tensor::{Float, Tensor};

use super::inputs::{class_count, class_numbers, numbers};
use super::{Average, BinaryCurves};

const NAME: &str = "multiclass_curves";

/// The scores of all samples, 8·C + 8 bytes each, for the areas under the ROC and precision-recall curves of C classes.
/// Take probabilities: one class's scores are compared across samples.
///
/// What is undefined, such as the area of a class that never occurs, is left out of the means (as torchmetrics does,
/// where scikit-learn refuses). A NaN among the scores makes the values NaN that it takes part in.
///
/// ```
/// use gradus_tensor::Tensor;
/// use gradus_train::metrics::{Average, MulticlassCurves};
/// let mut curves = MulticlassCurves::new(3);
/// let probabilities = Tensor::from([[0.8_f32, 0.1, 0.1], [0.5, 0.3, 0.2], [0.2, 0.2, 0.6], [0.6, 0.3, 0.1]]);
/// curves.update(&probabilities, &Tensor::from([0_i64, 1, 2, 0]));
/// assert_eq!(curves.one_vs_rest(Average::Macro), Some((1.0 + 5.0 / 6.0 + 1.0) / 3.0));
/// assert_eq!(curves.one_vs_one(), Some((0.875 + 1.0 + 1.0) / 3.0));
/// assert_eq!(curves.class(1).positives(), 1);
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct MulticlassCurves {
    classes: usize,
    /// `[N, C]`.
    scores: Vec<f64>,
    targets: Vec<usize>,
}

impl MulticlassCurves {
    /// An empty measure over `classes` classes.
    #[must_use]
    pub fn new(classes: usize) -> Self {
        Self { classes, scores: Vec::new(), targets: Vec::new() }
    }

    /// Adds a batch: scores `[…, C]` and class numbers `[…]`.
    ///
    /// # Panics
    /// If the shapes do not fit, there are other than C classes, or a class number lies outside.
    #[track_caller]
    pub fn update<T: Float>(&mut self, scores: &Tensor<T>, targets: &Tensor<i64>) {
        let classes = class_count(NAME, scores.shape(), targets.shape());
        let (have, want) = (scores.shape(), self.classes);
        assert!(classes == want, "{NAME}: number of classes differs: {have} and {want} ({classes} ≠ {want})");
        self.targets.extend(class_numbers(NAME, targets, classes));
        self.scores.extend(numbers(scores));
    }

    /// Adds what another measure has seen.
    ///
    /// ```
    /// use gradus_tensor::Tensor;
    /// use gradus_train::metrics::{Average, MulticlassCurves};
    /// let (mut one, mut other) = (MulticlassCurves::new(2), MulticlassCurves::new(2));
    /// one.update(&Tensor::from([[0.9_f32, 0.1]]), &Tensor::from([0_i64]));
    /// other.update(&Tensor::from([[0.2_f32, 0.8]]), &Tensor::from([1_i64]));
    /// one.merge(&other);
    /// assert_eq!((one.average_precision(Average::Macro), one.one_vs_one_weighted()), (Some(1.0), Some(1.0)));
    /// ```
    ///
    /// # Panics
    /// If it has another number of classes.
    #[track_caller]
    pub fn merge(&mut self, other: &Self) {
        let (a, b) = (self.classes, other.classes);
        assert!(a == b, "{NAME}: merge: number of classes differs: {a} and {b}");
        self.scores.extend(&other.scores);
        self.targets.extend(&other.targets);
    }

    /// The curves of one class against the rest.
    ///
    /// # Panics
    /// If there is no such class.
    #[must_use]
    #[track_caller]
    pub fn class(&self, class: usize) -> BinaryCurves {
        let classes = self.classes;
        assert!(class < classes, "{NAME}: no such class: {class} (0 ≤ class < {classes})");
        self.curves(class, |_| true)
    }

    /// The curves of a class against others, over the samples whose truth `takes_part`.
    fn curves(&self, class: usize, takes_part: impl Fn(usize) -> bool) -> BinaryCurves {
        let mut curves = BinaryCurves::default();
        for (row, &truth) in self.targets.iter().enumerate().filter(|&(_, &truth)| takes_part(truth)) {
            curves.push(self.scores[row * self.classes + class], truth == class);
        }
        curves
    }

    /// The area under the ROC curve of each class against the rest (scikit-learn: `roc_auc_score(multi_class="ovr")`).
    /// [`Average::Micro`] is over all C·N decisions together. `None` if no class has one.
    #[must_use]
    pub fn one_vs_rest(&self, average: Average) -> Option<f64> {
        self.over_classes(average, BinaryCurves::roc_auc)
    }

    /// [`BinaryCurves::average_precision`] of each class against the rest (scikit-learn: `average_precision_score`).
    /// `None` of nothing.
    #[must_use]
    pub fn average_precision(&self, average: Average) -> Option<f64> {
        self.over_classes(average, BinaryCurves::average_precision)
    }

    fn over_classes(&self, average: Average, value: fn(&BinaryCurves) -> Option<f64>) -> Option<f64> {
        if average == Average::Micro {
            let mut all = BinaryCurves::default();
            for (place, &score) in self.scores.iter().enumerate() {
                all.push(score, self.targets[place / self.classes] == place % self.classes);
            }
            return value(&all);
        }
        weighted((0..self.classes).map(|class| {
            let curves = self.curves(class, |_| true);
            let weight = if average == Average::Weighted { curves.positives() as f64 } else { 1.0 };
            (value(&curves), weight)
        }))
    }

    /// The mean over all pairs of classes of the area under the ROC curve among the samples of the two, taken by either
    /// class's scores (Hand and Till 2001; scikit-learn: `roc_auc_score(multi_class="ovo")`). `None` if no pair occurs.
    #[must_use]
    pub fn one_vs_one(&self) -> Option<f64> {
        self.over_pairs(|_| 1.0)
    }

    /// As [`MulticlassCurves::one_vs_one`], each pair weighted by the number of its samples (scikit-learn:
    /// `average="weighted"`).
    #[must_use]
    pub fn one_vs_one_weighted(&self) -> Option<f64> {
        self.over_pairs(|samples| samples as f64)
    }

    fn over_pairs(&self, weight: impl Fn(usize) -> f64) -> Option<f64> {
        let classes = self.classes;
        let pairs = (0..classes).flat_map(|a| (a + 1..classes).map(move |b| (a, b)));
        weighted(pairs.map(|(a, b)| {
            let area = |class| self.curves(class, |truth| truth == a || truth == b);
            let (of_a, of_b) = (area(a), area(b));
            let mean = of_a.roc_auc().zip(of_b.roc_auc()).map(|(a, b)| f64::midpoint(a, b));
            (mean, weight(of_a.positives() + of_a.negatives()))
        }))
    }
}

/// The weighted mean of what is defined.
fn weighted(values: impl Iterator<Item = (Option<f64>, f64)>) -> Option<f64> {
    let (mut sum, mut weights) = (0.0, 0.0);
    for (value, weight) in values.filter_map(|(value, weight)| Some((value?, weight))) {
        sum += weight * value;
        weights += weight;
    }
    (weights > 0.0).then(|| sum / weights)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_that_never_occur_are_left_out() {
        let mut curves = MulticlassCurves::new(3);
        assert_eq!((curves.one_vs_rest(Average::Micro), curves.one_vs_one()), (None, None));
        let scores = Tensor::from([[0.7_f64, 0.2, 0.1], [0.3, 0.5, 0.2], [0.6, 0.4, 0.0]]);
        curves.update(&scores, &Tensor::from([0_i64, 1, 1]));
        assert_eq!(curves.one_vs_rest(Average::Macro), Some(1.0));
        assert_eq!((curves.one_vs_one(), curves.class(2).roc_auc()), (Some(1.0), None));
    }

    #[test]
    #[should_panic(expected = "multiclass_curves: number of classes differs: [2, 3] and 2 (3 ≠ 2)")]
    fn refuses_other_classes() {
        MulticlassCurves::new(2).update(&Tensor::<f32>::zeros([2, 3]), &Tensor::from([0_i64, 1]));
    }
}
