//! The running mean: of losses, norms, anything that comes once per batch. Exists so that a smaller last batch counts
//! for what it is.

/// A weighted mean, Σ weight·value / Σ weight, summed in f64.
///
/// ```
/// use gradus_train::metrics::Mean;
/// let mut loss = Mean::default();
/// loss.update(0.5, 32); // a batch of 32 with mean loss 0.5
/// loss.update(2.0, 16);
/// assert_eq!(loss.value(), Some(1.0));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Mean {
    sum: f64,
    weight: u64,
}

impl Mean {
    /// A mean that resumes from what [`Mean::sum`] and [`Mean::weight`] told.
    ///
    /// ```
    /// use gradus_train::metrics::Mean;
    /// let mut loss = Mean::default();
    /// loss.update(0.5, 32);
    /// let mut resumed = Mean::from_parts(loss.sum(), loss.weight());
    /// resumed.update(2.0, 16);
    /// assert_eq!(resumed.value(), Some(1.0));
    /// ```
    #[must_use]
    pub fn from_parts(sum: f64, weight: u64) -> Self {
        Self { sum, weight }
    }

    /// Adds a value that stands for `weight` examples.
    pub fn update(&mut self, value: f64, weight: usize) {
        self.sum += value * weight as f64;
        self.weight += weight as u64;
    }

    /// Adds what another mean has seen.
    ///
    /// ```
    /// use gradus_train::metrics::Mean;
    /// let mut loss = Mean::from_parts(16.0, 32);
    /// loss.merge(&Mean::from_parts(32.0, 16));
    /// assert_eq!(loss.value(), Some(1.0));
    /// ```
    pub fn merge(&mut self, other: &Self) {
        self.sum += other.sum;
        self.weight += other.weight;
    }

    /// The mean; `None` of nothing.
    #[must_use]
    pub fn value(&self) -> Option<f64> {
        (self.weight > 0).then(|| self.sum / self.weight as f64)
    }

    /// Σ weight·value.
    #[must_use]
    pub fn sum(&self) -> f64 {
        self.sum
    }

    /// Σ weight.
    #[must_use]
    pub fn weight(&self) -> u64 {
        self.weight
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weighs_batches_by_their_size() {
        let mut mean = Mean::default();
        assert_eq!(mean.value(), None);
        for (value, weight) in [(1.0, 3), (5.0, 1)] {
            mean.update(value, weight);
        }
        assert_eq!(mean.value(), Some(2.0)); // (1 + 1 + 1 + 5) / 4
        assert_eq!(Mean::from_parts(mean.sum(), mean.weight()), mean);
    }
}
