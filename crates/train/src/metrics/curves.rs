//! How well scores put positives before negatives, at every threshold at once: ROC and precision-recall curves and the
//! areas under them. It must never know what a score means: any increasing function of it gives the same.

use std::cmp::Ordering;

use gradus_tensor::{Float, Tensor};

use super::inputs::{class_numbers, numbers, same_shape};

const NAME: &str = "binary_curves";

/// The scores of all positives and negatives, 8 bytes a sample, for what no running sum can tell: the areas under the
/// ROC and the precision-recall curve. Equal scores are one threshold. The order and cutting of batches change no bit.
///
/// A NaN among the scores makes all values NaN. ±∞ are scores like others.
///
/// ```
/// use gradus_tensor::Tensor;
/// use gradus_train::metrics::BinaryCurves;
/// let mut curves = BinaryCurves::default();
/// curves.update(&Tensor::from([0.1_f32, 0.4, 0.35, 0.8]), &Tensor::from([0_i64, 0, 1, 1]));
/// assert_eq!(curves.roc_auc(), Some(0.75));
/// assert!((curves.average_precision().unwrap() - 5.0 / 6.0).abs() < 1e-12);
/// assert_eq!((curves.positives(), curves.negatives()), (2, 2));
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct BinaryCurves {
    positives: Vec<f64>,
    negatives: Vec<f64>,
}

/// What is predicted positive from one threshold on.
///
/// ```
/// use gradus_tensor::Tensor;
/// use gradus_train::metrics::{BinaryCurves, ThresholdPoint};
/// let mut curves = BinaryCurves::default();
/// curves.update(&Tensor::from([0.9_f32, 0.8, 0.3]), &Tensor::from([1_i64, 0, 1]));
/// let ThresholdPoint { threshold, precision, recall, .. } = curves.points()[2];
/// assert_eq!((threshold as f32, precision, recall), (0.8, 0.5, 0.5));
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ThresholdPoint {
    /// Scores from here up are predicted positive.
    pub threshold: f64,
    /// Positives found / all positives: the recall; NaN without positives.
    pub true_positive_rate: f64,
    /// Negatives taken for positives / all negatives; NaN without negatives.
    pub false_positive_rate: f64,
    /// Positives found / all predicted positive; 1 where nothing is.
    pub precision: f64,
    /// The same as the true positive rate.
    pub recall: f64,
}

/// Samples whose scores are equal.
struct Step {
    score: f64,
    positives: u64,
    negatives: u64,
}

impl BinaryCurves {
    /// Adds a batch: scores `[…]`, the greater the likelier positive, and targets `[…]` of 0 and 1.
    ///
    /// # Panics
    /// If the shapes differ, or a target is neither 0 nor 1.
    #[track_caller]
    pub fn update<T: Float>(&mut self, scores: &Tensor<T>, targets: &Tensor<i64>) {
        same_shape(NAME, scores.shape(), targets.shape());
        let targets = class_numbers(NAME, targets, 2);
        for (score, target) in numbers(scores).into_iter().zip(targets) {
            self.push(score, target == 1);
        }
    }

    pub(super) fn push(&mut self, score: f64, is_positive: bool) {
        let side = if is_positive { &mut self.positives } else { &mut self.negatives };
        // −0 becomes 0, to which it is equal.
        side.push(score + 0.0);
    }

    /// Adds what another measure has seen.
    ///
    /// ```
    /// use gradus_tensor::Tensor;
    /// use gradus_train::metrics::BinaryCurves;
    /// let (mut one, mut other) = (BinaryCurves::default(), BinaryCurves::default());
    /// one.update(&Tensor::from([0.1_f32, 0.2]), &Tensor::from([0_i64, 0]));
    /// assert_eq!(one.roc_auc(), None); // of one class only
    /// other.update(&Tensor::from([0.3_f32]), &Tensor::from([1_i64]));
    /// one.merge(&other);
    /// assert_eq!(one.roc_auc(), Some(1.0));
    /// ```
    pub fn merge(&mut self, other: &Self) {
        self.positives.extend(&other.positives);
        self.negatives.extend(&other.negatives);
    }

    /// How many positives there were.
    #[must_use]
    pub fn positives(&self) -> usize {
        self.positives.len()
    }

    /// How many negatives there were.
    #[must_use]
    pub fn negatives(&self) -> usize {
        self.negatives.len()
    }

    fn has_nan(&self) -> bool {
        self.positives.iter().chain(&self.negatives).any(|score| score.is_nan())
    }

    /// The distinct scores, largest first.
    fn steps(&self) -> Vec<Step> {
        let sorted = |side: &[f64]| {
            let mut scores = side.to_vec();
            scores.sort_unstable_by(|a, b| b.total_cmp(a));
            scores
        };
        let (positives, negatives) = (sorted(&self.positives), sorted(&self.negatives));
        let (mut p, mut n) = (0, 0);
        let mut out: Vec<Step> = Vec::new();
        while p < positives.len() || n < negatives.len() {
            let score = match (positives.get(p), negatives.get(n)) {
                (Some(a), Some(b)) if b.total_cmp(a) == Ordering::Greater => *b,
                (Some(a), _) => *a,
                (None, b) => b.copied().unwrap_or(f64::NAN),
            };
            let equal = |side: &[f64]| {
                side.iter().take_while(|other| other.total_cmp(&score) == Ordering::Equal).count()
            };
            let (more_p, more_n) = (equal(&positives[p..]), equal(&negatives[n..]));
            (p, n) = (p + more_p, n + more_n);
            out.push(Step { score, positives: more_p as u64, negatives: more_n as u64 });
        }
        out
    }

    /// The area under the ROC curve: the probability that a positive has a greater score than a negative, ties counting
    /// half (scikit-learn: `roc_auc_score`). `None` unless there are both. Calculated in whole numbers.
    ///
    /// ```
    /// use gradus_tensor::Tensor;
    /// use gradus_train::metrics::BinaryCurves;
    /// let mut same = BinaryCurves::default();
    /// same.update(&Tensor::from([0.5_f64; 4]), &Tensor::from([0_i64, 1, 1, 0]));
    /// assert_eq!(same.roc_auc(), Some(0.5));
    /// ```
    #[must_use]
    pub fn roc_auc(&self) -> Option<f64> {
        let pairs = self.positives.len() as u128 * self.negatives.len() as u128;
        if pairs == 0 {
            return None;
        }
        if self.has_nan() {
            return Some(f64::NAN);
        }
        let (mut halves, mut above) = (0_u128, 0_u128);
        for step in self.steps() {
            halves += (2 * above + u128::from(step.positives)) * u128::from(step.negatives);
            above += u128::from(step.positives);
        }
        Some(halves as f64 / (2 * pairs) as f64)
    }

    /// Average precision Σ (Rᵢ − Rᵢ₋₁)·Pᵢ over the thresholds, largest first (scikit-learn: `average_precision_score`).
    /// `None` without positives, where scikit-learn warns and says 0.
    #[must_use]
    pub fn average_precision(&self) -> Option<f64> {
        self.sum_over_recall(|_, now| now)
    }

    /// The area under the precision-recall curve by trapezoids, the curve beginning at recall 0 with precision 1
    /// (scikit-learn: `auc` of `precision_recall_curve`). `None` without positives. It is too kind where the curve has
    /// few points: see Davis and Goadrich 2006; [`BinaryCurves::average_precision`] is not.
    ///
    /// ```
    /// use gradus_tensor::Tensor;
    /// use gradus_train::metrics::BinaryCurves;
    /// let mut curves = BinaryCurves::default();
    /// curves.update(&Tensor::from([0.1_f32, 0.4, 0.35, 0.8]), &Tensor::from([0_i64, 0, 1, 1]));
    /// assert!((curves.precision_recall_auc().unwrap() - 19.0 / 24.0).abs() < 1e-12);
    /// ```
    #[must_use]
    pub fn precision_recall_auc(&self) -> Option<f64> {
        self.sum_over_recall(f64::midpoint)
    }

    /// Σ (Rᵢ − Rᵢ₋₁)·height(Pᵢ₋₁, Pᵢ).
    fn sum_over_recall(&self, height: impl Fn(f64, f64) -> f64) -> Option<f64> {
        if self.positives.is_empty() {
            return None;
        }
        if self.has_nan() {
            return Some(f64::NAN);
        }
        let (mut found, mut predicted, mut before, mut sum) = (0, 0, 1.0, 0.0);
        for step in self.steps() {
            found += step.positives;
            predicted += step.positives + step.negatives;
            let precision = found as f64 / predicted as f64;
            sum += step.positives as f64 * height(before, precision);
            before = precision;
        }
        Some(sum / self.positives.len() as f64)
    }

    /// Both curves, from the greatest threshold down (scikit-learn: `roc_curve` without leaving out points, and
    /// `precision_recall_curve` in the other direction). The first point, at the threshold ∞, predicts nothing. Empty of
    /// nothing, or if a score is NaN.
    ///
    /// ```
    /// use gradus_tensor::Tensor;
    /// use gradus_train::metrics::BinaryCurves;
    /// let mut curves = BinaryCurves::default();
    /// curves.update(&Tensor::from([0.1_f64, 0.4, 0.35, 0.8]), &Tensor::from([0_i64, 0, 1, 1]));
    /// let roc: Vec<_> =
    ///     curves.points().iter().map(|p| (p.false_positive_rate, p.true_positive_rate)).collect();
    /// assert_eq!(roc, [(0.0, 0.0), (0.0, 0.5), (0.5, 0.5), (0.5, 1.0), (1.0, 1.0)]);
    /// ```
    #[must_use]
    pub fn points(&self) -> Vec<ThresholdPoint> {
        if self.has_nan() || self.positives.len() + self.negatives.len() == 0 {
            return Vec::new();
        }
        let (all_positives, all_negatives) = (self.positives.len() as f64, self.negatives.len() as f64);
        let (mut positives, mut negatives) = (0, 0);
        let nothing = Step { score: f64::INFINITY, positives: 0, negatives: 0 };
        let mut point = |step: Step| {
            positives += step.positives;
            negatives += step.negatives;
            let predicted = positives + negatives;
            let recall = positives as f64 / all_positives;
            ThresholdPoint {
                threshold: step.score,
                true_positive_rate: recall,
                false_positive_rate: negatives as f64 / all_negatives,
                precision: if predicted == 0 { 1.0 } else { positives as f64 / predicted as f64 },
                recall,
            }
        };
        std::iter::once(nothing).chain(self.steps()).map(&mut point).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(scores: &[f64], targets: &[i64]) -> BinaryCurves {
        let mut curves = BinaryCurves::default();
        curves.update(&Tensor::from(scores), &Tensor::from(targets));
        curves
    }

    #[test]
    fn nothing_one_class_only_and_nan() {
        assert_eq!(BinaryCurves::default().roc_auc(), None);
        assert!(BinaryCurves::default().points().is_empty());
        let negatives = of(&[0.1, 0.2], &[0, 0]);
        assert_eq!((negatives.roc_auc(), negatives.average_precision()), (None, None));
        let positives = of(&[0.1, 0.2], &[1, 1]);
        assert_eq!((positives.roc_auc(), positives.average_precision()), (None, Some(1.0)));
        assert!(positives.points()[1].false_positive_rate.is_nan());
        let nan = of(&[0.1, f64::NAN, 0.3], &[0, 1, 1]);
        assert!(nan.roc_auc().unwrap().is_nan() && nan.average_precision().unwrap().is_nan());
        assert!(nan.points().is_empty());
    }

    #[test]
    fn both_zeros_are_one_score_and_infinities_are_the_ends() {
        assert_eq!(of(&[0.0, -0.0], &[0, 1]).roc_auc(), Some(0.5));
        let ends = [f64::INFINITY, f64::NEG_INFINITY, 0.0, f64::MAX];
        assert_eq!(of(&ends, &[1, 0, 0, 1]).roc_auc(), Some(1.0));
        assert_eq!(of(&ends, &[1, 0, 0, 1]).points().len(), 5);
    }

    #[test]
    fn the_area_is_the_share_of_ordered_pairs() {
        let mut rng = gradus_tensor::Rng::seed(5);
        let scores: Vec<f64> = (0..200).map(|_| rng.below(30) as f64).collect();
        let targets: Vec<i64> = scores.iter().map(|s| i64::from(rng.below(40) < *s as usize)).collect();
        let mut halves = 0;
        for (a, _) in scores.iter().zip(&targets).filter(|(_, t)| **t == 1) {
            for (b, _) in scores.iter().zip(&targets).filter(|(_, t)| **t == 0) {
                halves += if a > b { 2 } else { i32::from(a == b) };
            }
        }
        let curves = of(&scores, &targets);
        let want = f64::from(halves) / (2 * curves.positives() * curves.negatives()) as f64;
        assert_eq!(curves.roc_auc(), Some(want));
        // By trapezoids under the points.
        let points = curves.points();
        let area: f64 = points
            .windows(2)
            .map(|p| {
                let width = p[1].false_positive_rate - p[0].false_positive_rate;
                width * f64::midpoint(p[0].true_positive_rate, p[1].true_positive_rate)
            })
            .sum();
        assert!((area - want).abs() < 1e-12);
    }

    #[test]
    #[should_panic(expected = "binary_curves: shapes differ: [2] and [2, 1]")]
    fn refuses_silent_broadcasting() {
        BinaryCurves::default().update(&Tensor::<f32>::zeros([2]), &Tensor::<i64>::zeros([2, 1]));
    }
}
