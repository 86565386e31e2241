//! Accuracy: the share of examples whose most probable class is the right one.

use gradus_tensor::{Float, Tensor};

use super::inputs::{predicted, same_shape};

/// Right predictions / all predictions (scikit-learn: `accuracy_score`).
///
/// ```
/// use gradus_tensor::Tensor;
/// use gradus_train::metrics::Accuracy;
/// let logits = Tensor::from([[2.0_f32, 1.0, 0.0], [0.1, 0.2, 0.3]]);
/// let mut accuracy = Accuracy::default();
/// accuracy.update(&logits, &Tensor::from([0_i64, 1]));
/// assert_eq!(accuracy.value(), Some(0.5));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Accuracy {
    right: u64,
    count: u64,
}

impl Accuracy {
    /// Adds a batch: logits or probabilities `[…, C]` and class numbers `[…]`.
    ///
    /// # Panics
    /// If the shapes do not fit.
    #[track_caller]
    pub fn update<T: Float>(&mut self, logits: &Tensor<T>, targets: &Tensor<i64>) {
        self.update_classes(&predicted("accuracy", logits, targets), targets);
    }

    /// Adds a batch of predicted class numbers `[…]`.
    ///
    /// ```
    /// use gradus_tensor::Tensor;
    /// use gradus_train::metrics::Accuracy;
    /// let mut accuracy = Accuracy::default();
    /// accuracy.update_classes(&Tensor::from([2_i64, 0, 1]), &Tensor::from([2, 0, 0]));
    /// assert_eq!((accuracy.right(), accuracy.count()), (2, 3));
    /// ```
    ///
    /// # Panics
    /// If the shapes differ.
    #[track_caller]
    pub fn update_classes(&mut self, predictions: &Tensor<i64>, targets: &Tensor<i64>) {
        same_shape("accuracy", predictions.shape(), targets.shape());
        self.right += predictions.equal(targets).count_true() as u64;
        self.count += targets.len() as u64;
    }

    /// Adds what another measure has seen.
    ///
    /// ```
    /// use gradus_tensor::Tensor;
    /// use gradus_train::metrics::Accuracy;
    /// let (mut one, mut other) = (Accuracy::default(), Accuracy::default());
    /// one.update_classes(&Tensor::from([2_i64]), &Tensor::from([2]));
    /// other.update_classes(&Tensor::from([1_i64]), &Tensor::from([2]));
    /// one.merge(&other);
    /// assert_eq!(one.value(), Some(0.5));
    /// ```
    pub fn merge(&mut self, other: &Self) {
        self.right += other.right;
        self.count += other.count;
    }

    /// The share of right predictions, 0 to 1; `None` of nothing.
    #[must_use]
    pub fn value(&self) -> Option<f64> {
        (self.count > 0).then(|| self.right as f64 / self.count as f64)
    }

    /// How many predictions were right.
    #[must_use]
    pub fn right(&self) -> u64 {
        self.right
    }

    /// How many predictions there were.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.count
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_over_batches_of_any_rank() {
        let mut accuracy = Accuracy::default();
        assert_eq!(accuracy.value(), None);
        let logits = Tensor::from([[[0.0_f64, 1.0], [1.0, 0.0]], [[3.0, 2.0], [2.0, 3.0]]]);
        accuracy.update(&logits, &Tensor::from([[1_i64, 0], [1, 1]]));
        accuracy.update_classes(&Tensor::from([4_i64]), &Tensor::from([4_i64]));
        assert_eq!((accuracy.right(), accuracy.count(), accuracy.value()), (4, 5, Some(0.8)));
    }

    #[test]
    #[should_panic(expected = "accuracy: logits and targets differ: [2, 3] and [3]")]
    fn refuses_targets_of_another_batch() {
        Accuracy::default().update(&Tensor::<f32>::zeros([2, 3]), &Tensor::<i64>::zeros([3]));
    }
}
