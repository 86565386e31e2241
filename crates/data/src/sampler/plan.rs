//! One epoch, planned: the numbers of its samples in order, and where its batches end. It must never know how the order
//! was found.

use std::ops::Range;

/// How an epoch is cut into batches.
///
/// ```
/// use gradus_data::Cut;
/// assert_eq!(Cut { size: 4, drop_last: false }.batches(10), 3);
/// assert_eq!(Cut { size: 4, drop_last: true }.batches(10), 2);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cut {
    /// The samples of a batch; at least 1.
    pub size: usize,
    /// Whether a batch that the end of the data cuts short is left out.
    pub drop_last: bool,
}

impl Cut {
    /// How many batches so many samples give.
    #[must_use]
    pub fn batches(self, samples: usize) -> usize {
        if self.drop_last { samples / self.size } else { samples.div_ceil(self.size) }
    }
}

/// The batches of one epoch.
///
/// ```
/// use gradus_data::{Cut, Plan};
/// let plan = Plan::new(vec![3, 1, 2, 0, 4], Cut { size: 2, drop_last: true });
/// assert_eq!((plan.len(), plan.batch(1), plan.is_empty()), (2, vec![2, 0], false));
/// let plan = Plan::of_batches(vec![vec![3], vec![1, 2]]);
/// assert_eq!((plan.len(), plan.batch(1)), (2, vec![1, 2]));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    pub(super) order: Order,
    pub(super) ends: Ends,
    /// How many times each sample came before; none if no sample comes twice.
    pub(super) turns: Option<Vec<u32>>,
}

/// The samples' numbers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Order {
    /// 0 .. n: a list of a hundred million numbers would only say this.
    All(usize),
    List(Vec<usize>),
}

/// Where batches end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Ends {
    Every(Cut),
    At(Vec<usize>),
}

impl Plan {
    /// These samples, in batches of equal size.
    #[must_use]
    pub fn new(order: Vec<usize>, cut: Cut) -> Self {
        Self { order: Order::List(order), ends: Ends::Every(cut), turns: None }
    }

    /// The samples 0 .. `samples`, in batches of equal size; needs no memory.
    ///
    /// ```
    /// use gradus_data::{Cut, Plan};
    /// assert_eq!(Plan::in_order(1 << 40, Cut { size: 2, drop_last: false }).batch(5), [10, 11]);
    /// ```
    #[must_use]
    pub fn in_order(samples: usize, cut: Cut) -> Self {
        Self { order: Order::All(samples), ends: Ends::Every(cut), turns: None }
    }

    /// These batches, of any sizes; empty ones are left out.
    #[must_use]
    pub fn of_batches(batches: Vec<Vec<usize>>) -> Self {
        let mut ends = Vec::with_capacity(batches.len());
        let mut order = Vec::with_capacity(batches.iter().map(Vec::len).sum());
        for batch in batches.into_iter().filter(|batch| !batch.is_empty()) {
            order.extend(batch);
            ends.push(order.len());
        }
        Self { order: Order::List(order), ends: Ends::At(ends), turns: None }
    }

    /// The number of batches.
    #[must_use]
    pub fn len(&self) -> usize {
        match &self.ends {
            Ends::Every(cut) => cut.batches(self.samples()),
            Ends::At(ends) => ends.len(),
        }
    }

    /// Whether there are no batches.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The numbers of the samples of batch `index`, from 0.
    ///
    /// # Panics
    /// If there is no such batch.
    #[must_use]
    #[track_caller]
    pub fn batch(&self, index: usize) -> Vec<usize> {
        let batches = self.len();
        assert!(index < batches, "plan: there is no batch {index}: an epoch has {batches}");
        let range = self.range(index);
        match &self.order {
            Order::All(_) => range.collect(),
            Order::List(order) => order[range].to_vec(),
        }
    }

    /// The places of a batch in the order.
    fn range(&self, index: usize) -> Range<usize> {
        match &self.ends {
            Ends::Every(cut) => index * cut.size..((index + 1) * cut.size).min(self.samples()),
            Ends::At(ends) => index.checked_sub(1).map_or(0, |before| ends[before])..ends[index],
        }
    }

    /// Finds out, for each place, how many times its sample came before. No number in the order is `samples` or more.
    pub(crate) fn count_turns(&mut self, samples: usize) {
        let Order::List(order) = &self.order else { return };
        let mut counts = vec![0; samples];
        let turn = |&index: &usize| {
            counts[index] += 1;
            counts[index] - 1
        };
        let turns: Vec<u32> = order.iter().map(turn).collect();
        self.turns = turns.iter().any(|&turn| turn > 0).then_some(turns);
    }

    /// How many times each sample of a batch came before; empty if no sample comes twice or nobody counted.
    pub(crate) fn turns(&self, index: usize) -> Vec<u32> {
        self.turns.as_ref().map_or(Vec::new(), |turns| turns[self.range(index)].to_vec())
    }

    /// The samples in the order, those included that a dropped batch leaves out.
    pub(super) fn samples(&self) -> usize {
        match &self.order {
            Order::All(samples) => *samples,
            Order::List(order) => order.len(),
        }
    }

    /// The order as a list.
    pub(super) fn into_order(self) -> Vec<usize> {
        match self.order {
            Order::All(samples) => (0..samples).collect(),
            Order::List(order) => order,
        }
    }

    /// The first number that is not below `samples`.
    pub(crate) fn stranger(&self, samples: usize) -> Option<usize> {
        match &self.order {
            Order::All(own) => (*own > samples).then_some(samples),
            Order::List(order) => order.iter().copied().find(|&index| index >= samples),
        }
    }
}
