//! Proper scores of probabilities: log loss and Brier's. Both are least, on average, for the true probabilities. They must
//! never know how the probabilities were made.

use gradus_tensor::{Float, Tensor};

use super::Mean;
use super::inputs::{class_count, class_numbers, probabilities, same_shape};

/// −ln p of the true class, averaged over the samples (scikit-learn: `log_loss`): cross-entropy in nats.
///
/// Probabilities are taken to lie in ε … 1 − ε, with ε the machine's for their type, as scikit-learn does, so that one
/// wrong certainty does not make it ∞. Logits need no such limit. NaN gives NaN.
///
/// ```
/// use gradus_tensor::Tensor;
/// use gradus_train::metrics::LogLoss;
/// let mut loss = LogLoss::default();
/// loss.update(&Tensor::from([[0.75_f64, 0.25], [0.5, 0.5]]), &Tensor::from([0_i64, 1]));
/// assert!((loss.value().unwrap() + (0.75_f64.ln() + 0.5_f64.ln()) / 2.0).abs() < 1e-12);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct LogLoss {
    mean: Mean,
}

impl LogLoss {
    /// Adds a batch: probabilities `[…, C]` and class numbers `[…]`.
    ///
    /// # Panics
    /// If the shapes do not fit, a class number lies outside, or a number is no probability.
    #[track_caller]
    pub fn update<T: Float>(&mut self, values: &Tensor<T>, targets: &Tensor<i64>) {
        const NAME: &str = "log_loss";
        let classes = class_count(NAME, values.shape(), targets.shape());
        let targets = class_numbers(NAME, targets, classes);
        let rows = probabilities(NAME, values);
        for (row, target) in rows.chunks(classes.max(1)).zip(targets) {
            self.mean.update(-bounded::<T>(row[target]).ln(), 1);
        }
    }

    /// Adds a batch: the probabilities of class 1, `[…]`, and targets `[…]` of 0 and 1.
    ///
    /// ```
    /// use gradus_tensor::Tensor;
    /// use gradus_train::metrics::LogLoss;
    /// let mut loss = LogLoss::default();
    /// loss.update_binary(&Tensor::from([0.75_f64, 0.5]), &Tensor::from([1_i64, 0]));
    /// assert!((loss.value().unwrap() + (0.75_f64.ln() + 0.5_f64.ln()) / 2.0).abs() < 1e-12);
    /// ```
    ///
    /// # Panics
    /// If the shapes differ, a target is neither 0 nor 1, or a number is no probability.
    #[track_caller]
    pub fn update_binary<T: Float>(&mut self, values: &Tensor<T>, targets: &Tensor<i64>) {
        const NAME: &str = "log_loss";
        same_shape(NAME, values.shape(), targets.shape());
        let targets = class_numbers(NAME, targets, 2);
        for (p, target) in probabilities(NAME, values).into_iter().zip(targets) {
            let of_truth = if target == 1 { p } else { 1.0 - p };
            self.mean.update(-bounded::<T>(of_truth).ln(), 1);
        }
    }

    /// Adds a batch: logits `[…, C]` and class numbers `[…]`.
    ///
    /// ```
    /// use gradus_tensor::Tensor;
    /// use gradus_train::metrics::LogLoss;
    /// let (mut one, mut other) = (LogLoss::default(), LogLoss::default());
    /// one.update_logits(&Tensor::from([[0.0_f64, 0.0]]), &Tensor::from([1_i64]));
    /// other.update_logits(&Tensor::from([[1000.0_f64, 0.0]]), &Tensor::from([1_i64])); // no limit
    /// one.merge(&other);
    /// assert_eq!(one.value(), Some((2.0_f64.ln() + 1000.0) / 2.0));
    /// ```
    ///
    /// # Panics
    /// If the shapes do not fit, or a class number lies outside.
    #[track_caller]
    pub fn update_logits<T: Float>(&mut self, logits: &Tensor<T>, targets: &Tensor<i64>) {
        const NAME: &str = "log_loss";
        let classes = class_count(NAME, logits.shape(), targets.shape());
        let targets = class_numbers(NAME, targets, classes);
        let rows = logits.reshape([targets.len(), classes]);
        let (losses, _) = rows.cross_entropy_rows(&targets);
        losses.to_vec().into_iter().for_each(|loss| self.mean.update(loss.as_f64(), 1));
    }

    /// Adds what another measure has seen.
    pub fn merge(&mut self, other: &Self) {
        self.mean.merge(&other.mean);
    }

    /// The mean in nats; `None` of nothing.
    #[must_use]
    pub fn value(&self) -> Option<f64> {
        self.mean.value()
    }
}

/// Kept away from 0 and 1 by the machine epsilon of T.
fn bounded<T: Float>(p: f64) -> f64 {
    p.clamp(T::EPS, 1.0 - T::EPS)
}

/// The squared distance of probabilities from the truth, averaged over the samples (Brier 1950; scikit-learn:
/// `brier_score_loss`). NaN gives NaN.
///
/// ```
/// use gradus_tensor::Tensor;
/// use gradus_train::metrics::Brier;
/// let mut brier = Brier::default();
/// brier.update(&Tensor::from([[0.5_f64, 0.25, 0.25]]), &Tensor::from([0_i64]));
/// assert_eq!(brier.value(), Some(0.375)); // 0.5² + 0.25² + 0.25²
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Brier {
    mean: Mean,
}

impl Brier {
    /// Adds a batch: probabilities `[…, C]` and class numbers `[…]`; a sample's score is Σ (p_c − y_c)², 0 to 2.
    ///
    /// # Panics
    /// If the shapes do not fit, a class number lies outside, or a number is no probability.
    #[track_caller]
    pub fn update<T: Float>(&mut self, values: &Tensor<T>, targets: &Tensor<i64>) {
        const NAME: &str = "brier";
        let classes = class_count(NAME, values.shape(), targets.shape());
        let targets = class_numbers(NAME, targets, classes);
        let rows = probabilities(NAME, values);
        for (row, target) in rows.chunks(classes.max(1)).zip(targets) {
            let far = |(class, p): (usize, &f64)| (p - f64::from(u8::from(class == target))).powi(2);
            self.mean.update(row.iter().enumerate().map(far).sum(), 1);
        }
    }

    /// Adds a batch: the probabilities of class 1, `[…]`, and targets `[…]` of 0 and 1; a sample's score is (p − y)², 0
    /// to 1, which is half of what two classes would give.
    ///
    /// ```
    /// use gradus_tensor::Tensor;
    /// use gradus_train::metrics::Brier;
    /// let (mut one, mut other) = (Brier::default(), Brier::default());
    /// one.update_binary(&Tensor::from([0.5_f64]), &Tensor::from([1_i64]));
    /// other.update_binary(&Tensor::from([0.0_f64]), &Tensor::from([0_i64]));
    /// one.merge(&other);
    /// assert_eq!(one.value(), Some(0.125));
    /// ```
    ///
    /// # Panics
    /// If the shapes differ, a target is neither 0 nor 1, or a number is no probability.
    #[track_caller]
    pub fn update_binary<T: Float>(&mut self, values: &Tensor<T>, targets: &Tensor<i64>) {
        const NAME: &str = "brier";
        same_shape(NAME, values.shape(), targets.shape());
        let targets = class_numbers(NAME, targets, 2);
        for (p, target) in probabilities(NAME, values).into_iter().zip(targets) {
            self.mean.update((p - target as f64).powi(2), 1);
        }
    }

    /// Adds what another measure has seen.
    pub fn merge(&mut self, other: &Self) {
        self.mean.merge(&other.mean);
    }

    /// The mean; `None` of nothing.
    #[must_use]
    pub fn value(&self) -> Option<f64> {
        self.mean.value()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn certainty_has_a_limit_and_nan_has_none() {
        let mut loss = LogLoss::default();
        assert_eq!((loss.value(), Brier::default().value()), (None, None));
        loss.update(&Tensor::from([[1.0_f64, 0.0]]), &Tensor::from([1_i64]));
        assert_eq!(loss.value(), Some(-f64::EPSILON.ln()));
        loss.update_binary(&Tensor::from([f64::NAN]), &Tensor::from([1_i64]));
        assert!(loss.value().unwrap().is_nan());
        let mut brier = Brier::default();
        brier.update(&Tensor::from([[f32::NAN, 0.0]]), &Tensor::from([1_i64]));
        assert!(brier.value().unwrap().is_nan());
    }

    #[test]
    #[should_panic(expected = "log_loss: no probability: 2.5 at [1, 0] of [2, 2] (0 ≤ p ≤ 1)")]
    fn refuses_logits() {
        let logits = Tensor::from([[0.5_f32, 0.5], [2.5, -1.0]]);
        LogLoss::default().update(&logits, &Tensor::from([0_i64, 1]));
    }
}
