//! Batches that resume exactly: which samples batch b of epoch e holds is a function of (seed, e, b) alone, so two
//! integers put a loader back where it stood. It must never know what a sample is.

use std::sync::{Arc, OnceLock};

use gradus_tensor::Rng;

use crate::ahead::{Ahead, FACTOR};
use crate::error::DataError;
use crate::pairs::Batch;
use crate::sampler::{Cut, InOrder, Plan, Sampler, Shard, Shuffled};
use crate::source::{Draws, Source};

/// Parts the loader's random numbers from those that others draw from the same seed.
const STREAM: u64 = 0x6C6F_6164_6572; // "loader"

/// Where a loader stands: `batch` batches of epoch `epoch` have been given out. Both count from 0.
///
/// ```
/// use gradus_data::{Loader, Pairs, Position};
/// use gradus_tensor::Tensor;
/// let data = Pairs::new(Tensor::<f32>::arange(5), Tensor::<f32>::arange(5))?;
/// let loader = || Loader::new(&data, 2, 7).drop_last();
/// let mut first = loader();
/// first.next();
/// let Position { epoch, batch } = first.position();
/// let mut second = loader();
/// second.seek(epoch, batch)?;
/// assert_eq!(second.next().transpose()?, first.next().transpose()?);
/// assert_eq!((second.batch_size(), second.batches_per_epoch(), second.source().len()), (2, 2, 5));
/// # Ok::<(), gradus_data::DataError>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Position {
    /// The epoch.
    pub epoch: u64,
    /// The next batch in it.
    pub batch: u64,
}

/// Batches of a [`Source`] in an order that depends on the seed and the epoch alone (PyTorch: `DataLoader`).
///
/// As an iterator it gives one epoch, then `None` once, and goes on with the next epoch:
///
/// ```
/// use gradus_data::{Loader, Pairs};
/// use gradus_tensor::Tensor;
/// let data = Pairs::new(Tensor::<f32>::arange(5), Tensor::<f32>::arange(5))?;
/// let mut loader = Loader::new(data, 2, 7);
/// for epoch in 0..3 {
///     assert_eq!(loader.position().epoch, epoch);
///     let sizes: Result<Vec<_>, _> = loader.by_ref().map(|batch| Ok(batch?.inputs.len())).collect();
///     assert_eq!(sizes?, [2, 2, 1]);
/// }
/// # Ok::<(), gradus_data::DataError>(())
/// ```
///
/// A batch that cannot be read is an error in its place; the next call goes on behind it.
#[derive(Debug)]
pub struct Loader<S: Source> {
    source: Arc<S>,
    cut: Cut,
    seed: u64,
    /// What plans the epochs of all ranks together.
    sampler: Arc<dyn Sampler>,
    /// Which share of them this loader gives: rank and ranks.
    share: Option<(usize, usize)>,
    position: Position,
    /// The plan of an epoch of so many samples, made when its first batch is asked for.
    plan: Option<(u64, usize, Plan)>,
    /// How many batches so many samples give: some samplers know it only from a plan.
    counted: OnceLock<(usize, usize)>,
    /// How many batches each thread may be ahead.
    factor: usize,
    ahead: Option<Workers<S>>,
}

/// What a batch is made of.
struct Job {
    epoch: u64,
    indices: Vec<usize>,
    /// How many times each sample came before in the epoch; empty if none came twice.
    turns: Vec<u32>,
}
type Workers<S> = Ahead<Job, Batch<<S as Source>::Inputs, <S as Source>::Targets>>;

fn job(plan: &Plan, epoch: u64, batch: usize) -> Job {
    Job { epoch, indices: plan.batch(batch), turns: plan.turns(batch) }
}

fn fetch<S: Source>(source: &S, job: Job) -> Result<Batch<S::Inputs, S::Targets>, DataError> {
    let Job { epoch, indices, turns } = job;
    let (inputs, targets) = source.fetch_drawn(&Draws::new(epoch, &indices).again(&turns))?;
    Ok(Batch { inputs, targets, indices })
}

impl<S: Source> Loader<S> {
    /// Batches of `size` samples, in an order drawn anew from `seed` for each epoch; each epoch's last batch may be
    /// shorter.
    ///
    /// # Panics
    /// If `size` is 0.
    #[must_use]
    #[track_caller]
    pub fn new(source: S, size: usize, seed: u64) -> Self {
        assert!(size > 0, "loader: a batch needs samples: size {size} (> 0)");
        Self {
            source: Arc::new(source),
            cut: Cut { size, drop_last: false },
            seed,
            sampler: Arc::new(Shuffled),
            share: None,
            position: Position::default(),
            plan: None,
            counted: OnceLock::new(),
            factor: FACTOR,
            ahead: None,
        }
    }

    /// Gives the samples in the source's order.
    ///
    /// ```
    /// use gradus_data::{Loader, Pairs};
    /// use gradus_tensor::Tensor;
    /// let data = Pairs::new(Tensor::<f32>::arange(5), Tensor::<i64>::arange(5))?;
    /// let first = Loader::new(data, 2, 7).in_order().next().transpose()?;
    /// assert_eq!(first.map(|batch| batch.indices), Some(vec![0, 1]));
    /// # Ok::<(), gradus_data::DataError>(())
    /// ```
    #[must_use]
    pub fn in_order(self) -> Self {
        self.with_sampler(Arc::new(InOrder))
    }

    /// Takes samples, order and batches from `sampler`.
    ///
    /// ```
    /// use gradus_data::{Loader, Pairs, Weighted};
    /// use gradus_tensor::Tensor;
    /// let labels = Tensor::from([0_i64, 0, 0, 0, 0, 0, 0, 1]);
    /// let sampler = Weighted::balanced(&labels.to_vec())?;
    /// let data = Pairs::new(Tensor::<f32>::arange(8), labels)?;
    /// let loader = Loader::new(data, 4, 7).sampler(sampler)?;
    /// assert_eq!(loader.batches_per_epoch(), 2);
    /// # Ok::<(), gradus_data::DataError>(())
    /// ```
    ///
    /// # Errors
    /// If the sampler was made for another number of samples.
    pub fn sampler(self, sampler: impl Sampler + 'static) -> Result<Self, DataError> {
        sampler.check(self.source.len())?;
        Ok(self.with_sampler(Arc::new(sampler)))
    }

    /// Gives the share of one of `ranks` equal workers of what the sampler plans; see [`Shard`]. All have the same
    /// seed.
    ///
    /// ```
    /// use gradus_data::{Loader, Pairs};
    /// use gradus_tensor::Tensor;
    /// let data = Pairs::new(Tensor::<f32>::arange(8), Tensor::<i64>::arange(8))?;
    /// let loader = Loader::new(data, 2, 7).shard(1, 2)?;
    /// assert_eq!(loader.batches_per_epoch(), 2);
    /// # Ok::<(), gradus_data::DataError>(())
    /// ```
    ///
    /// # Errors
    /// If there is no such rank.
    pub fn shard(mut self, rank: usize, ranks: usize) -> Result<Self, DataError> {
        Shard::new(InOrder, rank, ranks)?;
        self.share = Some((rank, ranks));
        self.forget();
        Ok(self)
    }

    /// Asks the sampler, or this rank's share of it.
    fn ask<R>(&self, question: impl FnOnce(&dyn Sampler) -> R) -> Result<R, DataError> {
        match self.share {
            None => Ok(question(&*self.sampler)),
            Some((rank, ranks)) => Ok(question(&Shard::new(Arc::clone(&self.sampler), rank, ranks)?)),
        }
    }

    fn with_sampler(mut self, sampler: Arc<dyn Sampler>) -> Self {
        self.sampler = sampler;
        self.forget();
        self
    }

    /// Leaves out batches that the end of the data cuts short.
    #[must_use]
    pub fn drop_last(mut self) -> Self {
        self.cut.drop_last = true;
        self.forget();
        self
    }

    /// Forgets what was planned under other conditions.
    fn forget(&mut self) {
        (self.plan, self.counted) = (None, OnceLock::new());
        self.ahead.iter_mut().for_each(Ahead::clear);
    }

    /// Fetches on so many threads of its own, ahead of time (PyTorch: `num_workers`); 0 is none. Batches, their order
    /// and their bits are the same at any number. Errors and panics of a fetch come out at its batch. The threads start
    /// with the first batch, stay within the epoch that is asked for, and end with the loader, which waits for what
    /// they are fetching. Kernels that a fetch calls run on its thread alone.
    ///
    /// ```
    /// use gradus_data::{DataError, Loader, Pairs};
    /// use gradus_tensor::Tensor;
    /// let data = Pairs::new(Tensor::<f32>::arange(20), Tensor::<i64>::arange(20))?;
    /// let order = |threads| {
    ///     let loader = Loader::new(data.clone(), 3, 7).threads(threads);
    ///     loader.map(|batch| Ok(batch?.indices)).collect::<Result<Vec<_>, DataError>>()
    /// };
    /// assert_eq!(order(0)?, order(3)?);
    /// # Ok::<(), DataError>(())
    /// ```
    #[must_use]
    pub fn threads(mut self, threads: usize) -> Self
    where
        S: Send + Sync + 'static,
        S::Inputs: Send + 'static,
        S::Targets: Send + 'static,
    {
        let source = Arc::clone(&self.source);
        self.ahead = (threads > 0).then(|| Ahead::new(threads, move |job| fetch(&*source, job)));
        self
    }

    /// How many batches each thread may be ahead (PyTorch: `prefetch_factor`); 2 unless set, 0 counts as 1.
    ///
    /// ```
    /// use gradus_data::{Loader, Pairs};
    /// use gradus_tensor::Tensor;
    /// let data = Pairs::new(Tensor::<f32>::arange(20), Tensor::<i64>::arange(20))?;
    /// let loader = Loader::new(data, 3, 7).threads(2).prefetch_factor(4); // at most 8 batches wait
    /// assert_eq!(loader.count(), 7);
    /// # Ok::<(), gradus_data::DataError>(())
    /// ```
    #[must_use]
    pub fn prefetch_factor(mut self, batches: usize) -> Self {
        self.factor = batches.max(1);
        self
    }

    /// Where the samples come from.
    #[must_use]
    pub fn source(&self) -> &S {
        &self.source
    }

    /// Samples per batch; of samplers that make batches by other rules, the most.
    #[must_use]
    pub fn batch_size(&self) -> usize {
        self.cut.size
    }

    /// The number of batches in each epoch.
    #[must_use]
    pub fn batches_per_epoch(&self) -> u64 {
        let samples = self.source.len();
        // That there is such a rank was seen when it was set.
        let count = || (samples, self.ask(|sampler| sampler.batches(samples, self.cut)).unwrap_or(0));
        let &(of, batches) = self.counted.get_or_init(count);
        (if of == samples { batches } else { count().1 }) as u64
    }

    /// Where it stands: what [`Loader::seek`] needs to bring another loader of the same source, size and seed here. On a
    /// `&mut Loader` write `Loader::position(loader)`: the dot finds the iterator's `position` first.
    #[must_use]
    pub fn position(&self) -> Position {
        self.position
    }

    /// Goes to a place in any epoch. All batches from there on are those that follow there without a break; `batch`
    /// may be the number of batches: the epoch's end.
    ///
    /// # Errors
    /// If an epoch has fewer batches.
    pub fn seek(&mut self, epoch: u64, batch: u64) -> Result<(), DataError> {
        let batches = self.batches_per_epoch();
        if batch > batches {
            let what = format!("there is no batch {batch}, an epoch has {batches}");
            let mend = "resume with the same data, batch size and `drop_last` as before";
            return Err(DataError::unfit("loader", what, mend));
        }
        let there = Position { epoch, batch };
        if there != self.position {
            self.position = there;
            self.ahead.iter_mut().for_each(Ahead::clear);
        }
        Ok(())
    }

    /// The plan of the epoch at hand.
    fn plan(&mut self) -> Result<&Plan, DataError> {
        let (epoch, samples) = (self.position.epoch, self.source.len());
        let made = self.plan.take().filter(|(of, from, _)| (*of, *from) == (epoch, samples));
        let plan = match made {
            Some((.., plan)) => plan,
            None => self.make_plan(epoch, samples)?,
        };
        Ok(&self.plan.insert((epoch, samples, plan)).2)
    }

    fn make_plan(&self, epoch: u64, samples: usize) -> Result<Plan, DataError> {
        const MEND: &str = "let plans name samples of the source, in equally many batches each epoch";
        self.sampler.check(samples)?;
        let rng = &mut Rng::seed(self.seed).fork(STREAM).fork(epoch);
        let mut plan = self.ask(|sampler| sampler.plan(samples, self.cut, rng))?;
        let batches = self.batches_per_epoch();
        if plan.len() as u64 != batches {
            let what = format!("epoch {epoch} has {} batches instead of {batches}", plan.len());
            return Err(DataError::unfit("sampler", what, MEND));
        }
        if let Some(index) = plan.stranger(samples) {
            let what = format!("epoch {epoch} asks for sample {index}, the source has {samples}");
            return Err(DataError::unfit("sampler", what, MEND));
        }
        plan.count_turns(samples);
        Ok(plan)
    }

    /// Lets the threads fetch what comes next, as far ahead as they may.
    fn send_ahead(&mut self) -> Result<(), DataError> {
        let Some((depth, waiting)) =
            self.ahead.as_ref().map(|ahead| (ahead.threads() * self.factor, ahead.waiting()))
        else {
            return Ok(());
        };
        let Position { epoch, batch } = self.position;
        let end = (batch as usize + depth).min(self.batches_per_epoch() as usize);
        let plan = self.plan()?;
        let jobs: Vec<Job> = (batch as usize + waiting..end).map(|b| job(plan, epoch, b)).collect();
        match &mut self.ahead {
            Some(ahead) => jobs.into_iter().try_for_each(|job| ahead.give(job)),
            None => Ok(()),
        }
    }

    fn step(&mut self) -> Result<Batch<S::Inputs, S::Targets>, DataError> {
        let Position { epoch, batch } = self.position;
        let sent = self.send_ahead();
        self.position.batch += 1;
        sent?;
        if let Some(result) = self.ahead.as_mut().and_then(Ahead::take) {
            // What fails here fails in the next step again and is told there, at its batch.
            let _ = self.send_ahead();
            return result;
        }
        let job = job(self.plan()?, epoch, batch as usize);
        fetch(&*self.source, job)
    }
}

impl<S: Source> Clone for Loader<S> {
    /// Stands at the same place; shares the source and starts threads of its own.
    fn clone(&self) -> Self {
        Self {
            source: Arc::clone(&self.source),
            sampler: Arc::clone(&self.sampler),
            plan: self.plan.clone(),
            counted: self.counted.clone(),
            ahead: self.ahead.as_ref().map(Ahead::again),
            ..*self
        }
    }
}

impl<S: Source> Iterator for Loader<S> {
    type Item = Result<Batch<S::Inputs, S::Targets>, DataError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.position.batch >= self.batches_per_epoch() {
            self.position = Position { epoch: self.position.epoch.wrapping_add(1), batch: 0 };
            return None;
        }
        Some(self.step())
    }
}
