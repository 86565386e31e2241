//! Which samples an epoch has, in which order and in which batches: a function of the number of samples, the batch size
//! and one epoch's random numbers. It exists so that a loader can be sent to any place of any epoch by two integers.
//! It must never know what a sample is, nor what came before.

mod buckets;
mod plan;
mod shard;
mod weighted;

use std::fmt::Debug;
use std::sync::Arc;

use gradus_tensor::Rng;

use crate::error::DataError;

pub use buckets::{Bucketed, Grouped, TokenBudget};
pub use plan::{Cut, Plan};
pub use shard::{Shard, Subset};
pub use weighted::Weighted;

/// Plans epochs (PyTorch: `Sampler` and `BatchSampler` in one).
///
/// ```
/// use gradus_data::{Cut, DataError, Loader, Pairs, Plan, Sampler};
/// use gradus_tensor::{Rng, Tensor};
/// /// The last samples first.
/// #[derive(Debug)]
/// struct Backwards;
/// impl Sampler for Backwards {
///     fn plan(&self, samples: usize, cut: Cut, _: &mut Rng) -> Plan {
///         Plan::new((0..samples).rev().collect(), cut)
///     }
/// }
/// let data = Pairs::new(Tensor::<f32>::arange(5), Tensor::<i64>::arange(5))?;
/// let batches = Loader::new(data, 2, 7).sampler(Backwards)?;
/// let orders: Vec<_> = batches.map(|batch| Ok(batch?.indices)).collect::<Result<_, DataError>>()?;
/// assert_eq!(orders, [vec![4, 3], vec![2, 1], vec![0]]);
/// # Ok::<(), DataError>(())
/// ```
pub trait Sampler: Debug + Send + Sync {
    /// The batches of the epoch to which `rng` belongs, out of `samples` samples. Their number is the same in every
    /// epoch.
    fn plan(&self, samples: usize, cut: Cut, rng: &mut Rng) -> Plan;

    /// How many batches [`Sampler::plan`] makes. As it stands it makes a plan to find out.
    fn batches(&self, samples: usize, cut: Cut) -> usize {
        self.plan(samples, cut, &mut Rng::seed(0)).len()
    }

    /// Whether it can plan for this many samples.
    ///
    /// # Errors
    /// If it was made for others.
    fn check(&self, _samples: usize) -> Result<(), DataError> {
        Ok(())
    }
}

impl<S: Sampler + ?Sized> Sampler for Arc<S> {
    fn plan(&self, samples: usize, cut: Cut, rng: &mut Rng) -> Plan {
        (**self).plan(samples, cut, rng)
    }

    fn batches(&self, samples: usize, cut: Cut) -> usize {
        (**self).batches(samples, cut)
    }

    fn check(&self, samples: usize) -> Result<(), DataError> {
        (**self).check(samples)
    }
}

/// Every sample once, in the source's order (PyTorch: `SequentialSampler`).
///
/// ```
/// use gradus_data::{Cut, InOrder, Sampler};
/// use gradus_tensor::Rng;
/// let plan = InOrder.plan(3, Cut { size: 2, drop_last: false }, &mut Rng::seed(0));
/// assert_eq!((plan.batch(0), plan.batch(1)), (vec![0, 1], vec![2]));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct InOrder;

impl Sampler for InOrder {
    fn plan(&self, samples: usize, cut: Cut, _: &mut Rng) -> Plan {
        Plan::in_order(samples, cut)
    }

    fn batches(&self, samples: usize, cut: Cut) -> usize {
        cut.batches(samples)
    }
}

/// Every sample once, in an order drawn anew for each epoch (PyTorch: `RandomSampler`).
///
/// ```
/// use gradus_data::{Cut, Sampler, Shuffled};
/// use gradus_tensor::Rng;
/// let mut seen = Shuffled.plan(9, Cut { size: 9, drop_last: false }, &mut Rng::seed(0)).batch(0);
/// seen.sort_unstable();
/// assert_eq!(seen, [0, 1, 2, 3, 4, 5, 6, 7, 8]);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Shuffled;

impl Sampler for Shuffled {
    fn plan(&self, samples: usize, cut: Cut, rng: &mut Rng) -> Plan {
        Plan::new(rng.permutation(samples), cut)
    }

    fn batches(&self, samples: usize, cut: Cut) -> usize {
        cut.batches(samples)
    }
}
