//! Samples drawn in proportion to weights. It must never know what the weights stand for.

use std::collections::BTreeMap;

use gradus_tensor::Rng;

use super::{Cut, Plan, Sampler};
use crate::error::DataError;

const OP: &str = "weighted sampler";

/// Samples drawn in proportion to their weights, with replacement unless told otherwise (PyTorch:
/// `WeightedRandomSampler`). An epoch has as many draws as there are weights unless told otherwise.
///
/// ```
/// use gradus_data::{Cut, Sampler, Weighted};
/// use gradus_tensor::Rng;
/// let rare = Weighted::new(vec![1.0, 0.0, 3.0])?.draws(4000);
/// let order = rare.plan(3, Cut { size: 4000, drop_last: false }, &mut Rng::seed(0)).batch(0);
/// let count = |sample| order.iter().filter(|&&index| index == sample).count();
/// assert!(count(1) == 0 && (2900..3100).contains(&count(2)));
/// # Ok::<(), gradus_data::DataError>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Weighted {
    weights: Vec<f64>,
    /// Of the weights up to each one.
    sums: Vec<f64>,
    draws: usize,
    replacement: bool,
}

impl Weighted {
    /// One weight per sample; they need not add up to 1.
    ///
    /// # Errors
    /// If a weight is negative or not finite, or none is positive.
    pub fn new(weights: Vec<f64>) -> Result<Self, DataError> {
        if let Some(sample) = weights.iter().position(|w| !(w.is_finite() && *w >= 0.0)) {
            let what = format!("sample {sample} has the weight {}", weights[sample]);
            return Err(DataError::unfit(OP, what, "give finite numbers, 0 or more"));
        }
        let mut sum = 0.0;
        let sums: Vec<f64> = weights
            .iter()
            .map(|weight| {
                sum += weight;
                sum
            })
            .collect();
        if !(sum > 0.0 && sum.is_finite()) {
            let what = format!("the {} weights add up to {sum}", weights.len());
            return Err(DataError::unfit(OP, what, "give a positive weight to some sample"));
        }
        let draws = weights.len();
        Ok(Self { weights, sums, draws, replacement: true })
    }

    /// Each class equally often: the weight of a sample is 1 over the size of its class.
    ///
    /// ```
    /// use gradus_data::{Cut, Sampler, Weighted};
    /// use gradus_tensor::Rng;
    /// let labels = [0, 0, 0, 0, 0, 0, 0, 0, 0, 1];
    /// let order = Weighted::balanced(&labels)?.draws(2000);
    /// let order = order.plan(10, Cut { size: 2000, drop_last: false }, &mut Rng::seed(0)).batch(0);
    /// let ones = order.iter().filter(|&&index| labels[index] == 1).count();
    /// assert!((900..1100).contains(&ones));
    /// # Ok::<(), gradus_data::DataError>(())
    /// ```
    ///
    /// # Errors
    /// If there are no labels.
    pub fn balanced(labels: &[i64]) -> Result<Self, DataError> {
        let mut counts: BTreeMap<i64, f64> = BTreeMap::new();
        labels.iter().for_each(|&label| *counts.entry(label).or_default() += 1.0);
        Self::new(labels.iter().map(|label| counts[label].recip()).collect())
    }

    /// How many samples an epoch has.
    #[must_use]
    pub fn draws(mut self, draws: usize) -> Self {
        self.draws = draws;
        self
    }

    /// No sample twice in an epoch: each draw is in proportion to the weights of those that are left (Efraimidis &
    /// Spirakis 2006).
    ///
    /// ```
    /// use gradus_data::{Cut, Sampler, Weighted};
    /// use gradus_tensor::Rng;
    /// let two = Weighted::new(vec![1.0, 0.0, 3.0])?.draws(2).without_replacement();
    /// let mut seen = two.plan(3, Cut { size: 2, drop_last: false }, &mut Rng::seed(0)).batch(0);
    /// seen.sort_unstable();
    /// assert_eq!(seen, [0, 2]);
    /// assert!(two.draws(3).check(3).is_err()); // the one without weight is never drawn
    /// # Ok::<(), gradus_data::DataError>(())
    /// ```
    #[must_use]
    pub fn without_replacement(mut self) -> Self {
        self.replacement = false;
        self
    }

    fn with_repeats(&self, rng: &mut Rng) -> Vec<usize> {
        let total = self.sums.last().copied().unwrap_or(0.0);
        let last = self.weights.iter().rposition(|&weight| weight > 0.0).unwrap_or(0);
        let draw = |_| {
            let place = rng.uniform01::<f64>() * total;
            // The product may be rounded up to the total.
            self.sums.partition_point(|&sum| sum <= place).min(last)
        };
        (0..self.draws).map(draw).collect()
    }

    fn without_repeats(&self, rng: &mut Rng) -> Vec<usize> {
        let mut keys: Vec<(f64, usize)> = Vec::with_capacity(self.weights.len());
        for (index, &weight) in self.weights.iter().enumerate() {
            // Who waits least, if each waits an exponential time of rate `weight`, is drawn first.
            let wait = -(1.0 - rng.uniform01::<f64>()).ln() / weight;
            if weight > 0.0 {
                keys.push((wait, index));
            }
        }
        keys.sort_unstable_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        keys.into_iter().take(self.draws).map(|(_, index)| index).collect()
    }
}

impl Sampler for Weighted {
    fn plan(&self, _: usize, cut: Cut, rng: &mut Rng) -> Plan {
        let order = if self.replacement { self.with_repeats(rng) } else { self.without_repeats(rng) };
        Plan::new(order, cut)
    }

    fn check(&self, samples: usize) -> Result<(), DataError> {
        super::buckets::one_each(OP, "weights", self.weights.len(), samples)?;
        let drawable = self.weights.iter().filter(|&&weight| weight > 0.0).count();
        if !self.replacement && self.draws > drawable {
            let what = format!("{} draws without replacement of {drawable} samples with weight", self.draws);
            return Err(DataError::unfit(OP, what, "ask for fewer draws, or for replacement"));
        }
        Ok(())
    }
}
