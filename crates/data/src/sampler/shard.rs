//! Samplers around others: one rank's share of every epoch, and some of the samples. They must never know how the inner
//! one orders.

use gradus_tensor::Rng;

use super::plan::{Ends, Order};
use super::{Cut, Plan, Sampler};
use crate::error::DataError;

/// What one of several equal workers trains with: of the order that all of them plan alike, rank r takes the places r,
/// r + ranks, r + 2·ranks … (PyTorch: `DistributedSampler`). Of samplers that make batches of their own (bucketed,
/// grouped) it takes every so-manieth batch. Every rank gets equally many: the first ones are repeated to fill up, or,
/// with `drop_last`, the last ones left out.
///
/// ```
/// use gradus_data::{Cut, InOrder, Sampler, Shard};
/// use gradus_tensor::Rng;
/// let cut = Cut { size: 2, drop_last: false };
/// let shares = [0, 1].map(|rank| Shard::new(InOrder, rank, 2).map(|own| own.plan(5, cut, &mut Rng::seed(0))));
/// let [first, second] = shares;
/// assert_eq!((first?.batch(0), second?.batch(1)), (vec![0, 2], vec![0])); // 0 2 4 and 1 3 0
/// # Ok::<(), gradus_data::DataError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shard<S> {
    inner: S,
    rank: usize,
    ranks: usize,
}

impl<S: Sampler> Shard<S> {
    /// The share of `rank` (from 0) among `ranks`.
    ///
    /// # Errors
    /// If there is no such rank.
    pub fn new(inner: S, rank: usize, ranks: usize) -> Result<Self, DataError> {
        if rank >= ranks {
            let what = format!("there is no rank {rank} among {ranks}");
            return Err(DataError::unfit("shard", what, "give a rank from 0 to ranks − 1"));
        }
        Ok(Self { inner, rank, ranks })
    }

    /// The places of this rank among `count` of them; those beyond the end stand for the first ones.
    fn places(&self, count: usize, drop_last: bool) -> impl Iterator<Item = usize> {
        let each = if drop_last { count / self.ranks } else { count.div_ceil(self.ranks) };
        let (rank, ranks) = (self.rank, self.ranks);
        (0..each).map(move |turn| (turn * ranks + rank) % count)
    }
}

impl<S: Sampler> Sampler for Shard<S> {
    fn plan(&self, samples: usize, cut: Cut, rng: &mut Rng) -> Plan {
        let whole = self.inner.plan(samples, cut, rng);
        if let Ends::At(_) = whole.ends {
            return Plan::of_batches(
                self.places(whole.len(), cut.drop_last).map(|b| whole.batch(b)).collect(),
            );
        }
        let order = whole.into_order();
        Plan::new(self.places(order.len(), cut.drop_last).map(|place| order[place]).collect(), cut)
    }

    fn check(&self, samples: usize) -> Result<(), DataError> {
        self.inner.check(samples)
    }
}

/// Some of the samples, in the order of another sampler, which sees them as 0 .. their number (PyTorch:
/// `SubsetRandomSampler`, with [`Shuffled`](super::Shuffled)).
///
/// ```
/// use gradus_data::{Cut, Sampler, Shuffled, Subset};
/// use gradus_tensor::Rng;
/// let some = Subset::new(vec![4, 8], Shuffled);
/// let mut seen = some.plan(10, Cut { size: 2, drop_last: false }, &mut Rng::seed(0)).batch(0);
/// seen.sort_unstable();
/// assert_eq!(seen, [4, 8]);
/// assert!(some.check(8).is_err()); // there is no sample 8
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subset<S> {
    indices: Vec<usize>,
    inner: S,
}

impl<S: Sampler> Subset<S> {
    /// The samples of these numbers.
    #[must_use]
    pub fn new(indices: Vec<usize>, inner: S) -> Self {
        Self { indices, inner }
    }
}

impl<S: Sampler> Sampler for Subset<S> {
    fn plan(&self, _: usize, cut: Cut, rng: &mut Rng) -> Plan {
        let plan = self.inner.plan(self.indices.len(), cut, rng);
        let order = match &plan.order {
            Order::All(_) => self.indices.clone(),
            Order::List(order) => order.iter().map(|&place| self.indices[place]).collect(),
        };
        Plan { order: Order::List(order), ..plan }
    }

    fn batches(&self, _: usize, cut: Cut) -> usize {
        self.inner.batches(self.indices.len(), cut)
    }

    fn check(&self, samples: usize) -> Result<(), DataError> {
        if let Some(none) = self.indices.iter().find(|&&index| index >= samples) {
            let what = format!("there is no sample {none}, the source has {samples}");
            return Err(DataError::unfit("subset", what, "give numbers of samples that exist"));
        }
        self.inner.check(self.indices.len())
    }
}
