//! Batches of samples that are alike: of similar length, or of one group. It must never know what a length measures.

use std::collections::BTreeMap;

use gradus_tensor::Rng;

use super::{Cut, Plan, Sampler};
use crate::error::DataError;

/// Refuses lists that were made for another number of samples.
pub(super) fn one_each(op: &'static str, what: &str, have: usize, samples: usize) -> Result<(), DataError> {
    if have == samples {
        return Ok(());
    }
    let what = format!("{have} {what} for {samples} samples");
    Err(DataError::unfit(op, what, "give one per sample of the loader's source"))
}

/// The batches of a list, whose last may be short, in random order.
fn shuffled_batches(lists: impl IntoIterator<Item = Vec<usize>>, cut: Cut, rng: &mut Rng) -> Plan {
    let mut batches: Vec<Vec<usize>> = Vec::new();
    for list in lists {
        let parts = list.chunks(cut.size).filter(|part| !cut.drop_last || part.len() == cut.size);
        batches.extend(parts.map(<[usize]>::to_vec));
    }
    rng.shuffle(&mut batches);
    Plan::of_batches(batches)
}

/// Batches of samples of similar length, so that little is padded: the samples are shuffled, then sorted by length
/// within pools of 100 batches, and the batches are shuffled (torchtext: `bucketbatch`).
///
/// ```
/// use gradus_data::{Bucketed, Cut, Sampler};
/// use gradus_tensor::Rng;
/// let lengths: Vec<usize> = (0..40).map(|i| i * 7 % 40).collect();
/// let sampler = Bucketed::new(lengths.clone()).pool(10);
/// let plan = sampler.plan(40, Cut { size: 4, drop_last: false }, &mut Rng::seed(0));
/// for batch in (0..plan.len()).map(|b| plan.batch(b)) {
///     let of = |i: &usize| lengths[*i];
///     assert!(batch.iter().map(of).max() < batch.iter().map(|i| of(i) + 4).min());
/// }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bucketed {
    lengths: Vec<usize>,
    pool: usize,
}

impl Bucketed {
    /// The length of each sample.
    #[must_use]
    pub fn new(lengths: Vec<usize>) -> Self {
        Self { lengths, pool: 100 }
    }

    /// Sorts within pools of so many batches: 1 is no sorting, more is less padding and less chance. 0 counts as 1.
    #[must_use]
    pub fn pool(mut self, batches: usize) -> Self {
        self.pool = batches.max(1);
        self
    }
}

impl Sampler for Bucketed {
    fn plan(&self, samples: usize, cut: Cut, rng: &mut Rng) -> Plan {
        let mut order = rng.permutation(samples);
        for pool in order.chunks_mut(cut.size.saturating_mul(self.pool)) {
            // Stable: what is equally long stays in random order.
            pool.sort_by_key(|&index| self.lengths[index]);
        }
        shuffled_batches([order], cut, rng)
    }

    fn batches(&self, samples: usize, cut: Cut) -> usize {
        cut.batches(samples)
    }

    fn check(&self, samples: usize) -> Result<(), DataError> {
        one_each("bucketed sampler", "lengths", self.lengths.len(), samples)
    }
}

/// Batches of samples of similar length whose padded size (samples × longest) stays within a budget, and which hold at
/// most as many samples as the loader's batch size (fairseq: `max-tokens`, `max-sentences`). Lengths are rounded up to
/// multiples of a width; which of equally long ones come together is drawn anew for each epoch, and so is the order of
/// the batches. Their number is the same in every epoch.
///
/// ```
/// use gradus_data::{Cut, Sampler, TokenBudget};
/// use gradus_tensor::Rng;
/// let plan = TokenBudget::new(vec![3, 9, 3, 4, 3], 12)?;
/// let plan = plan.plan(5, Cut { size: 100, drop_last: false }, &mut Rng::seed(0));
/// let mut batches: Vec<_> = (0..plan.len()).map(|b| plan.batch(b)).collect();
/// batches.iter_mut().for_each(|batch| batch.sort_unstable());
/// batches.sort();
/// assert_eq!(batches, [vec![0, 2, 4], vec![1], vec![3]]); // 3 × 3, 1 × 9 and 1 × 4 tokens
/// # Ok::<(), gradus_data::DataError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenBudget {
    lengths: Vec<usize>,
    budget: usize,
    width: usize,
}

impl TokenBudget {
    /// The length of each sample, and the most that a batch may hold with padding. Lengths are not rounded.
    ///
    /// # Errors
    /// If a sample alone is longer than the budget.
    pub fn new(lengths: Vec<usize>, budget: usize) -> Result<Self, DataError> {
        if let Some(sample) = lengths.iter().position(|&length| length > budget) {
            let what = format!("sample {sample} of length {} is above the budget {budget}", lengths[sample]);
            return Err(DataError::unfit("token budget", what, "shorten it or raise the budget"));
        }
        Ok(Self { lengths, budget, width: 1 })
    }

    /// Takes lengths within the same multiple of `width` as equal: more chance, more padding. 0 counts as 1.
    ///
    /// ```
    /// use gradus_data::{Cut, Sampler, TokenBudget};
    /// let sampler = TokenBudget::new(vec![3, 4, 3, 4, 3], 12)?.width(4); // all count as 4
    /// assert_eq!(sampler.batches(5, Cut { size: 100, drop_last: false }), 2);
    /// # Ok::<(), gradus_data::DataError>(())
    /// ```
    #[must_use]
    pub fn width(mut self, width: usize) -> Self {
        self.width = width.max(1);
        self
    }

    /// What a sample is taken to cost.
    fn cost(&self, index: usize) -> usize {
        self.lengths[index].max(1).next_multiple_of(self.width).min(self.budget.max(1))
    }
}

impl Sampler for TokenBudget {
    fn plan(&self, samples: usize, cut: Cut, rng: &mut Rng) -> Plan {
        let mut order = rng.permutation(samples);
        order.sort_by_key(|&index| self.cost(index));
        let mut batches: Vec<Vec<usize>> = Vec::new();
        let mut batch: Vec<usize> = Vec::new();
        for index in order {
            // Sorted: this one is the longest so far.
            let padded = (batch.len() + 1).saturating_mul(self.cost(index));
            if !batch.is_empty() && (padded > self.budget || batch.len() == cut.size) {
                batches.push(std::mem::take(&mut batch));
            }
            batch.push(index);
        }
        if !cut.drop_last {
            batches.push(batch);
        }
        rng.shuffle(&mut batches);
        Plan::of_batches(batches)
    }

    fn check(&self, samples: usize) -> Result<(), DataError> {
        one_each("token budget", "lengths", self.lengths.len(), samples)
    }
}

/// Batches whose samples all belong to one group (images of one shape, sentences of one language), shuffled within
/// groups and among batches (torchvision: `GroupedBatchSampler`). Each group's last batch may be short.
///
/// ```
/// use gradus_data::{Cut, Grouped, Sampler};
/// use gradus_tensor::Rng;
/// let groups = [7, 7, 8, 7, 8];
/// let plan = Grouped::new(groups.to_vec()).plan(5, Cut { size: 2, drop_last: false }, &mut Rng::seed(0));
/// assert_eq!(plan.len(), 3);
/// for batch in (0..3).map(|b| plan.batch(b)) {
///     assert!(batch.iter().all(|&i| groups[i] == groups[batch[0]]));
/// }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grouped {
    groups: Vec<i64>,
}

impl Grouped {
    /// The group of each sample: any integers.
    #[must_use]
    pub fn new(groups: Vec<i64>) -> Self {
        Self { groups }
    }
}

impl Sampler for Grouped {
    fn plan(&self, samples: usize, cut: Cut, rng: &mut Rng) -> Plan {
        let mut members: BTreeMap<i64, Vec<usize>> = BTreeMap::new();
        for index in rng.permutation(samples) {
            members.entry(self.groups[index]).or_default().push(index);
        }
        shuffled_batches(members.into_values(), cut, rng)
    }

    fn check(&self, samples: usize) -> Result<(), DataError> {
        one_each("grouped sampler", "groups", self.groups.len(), samples)
    }
}
