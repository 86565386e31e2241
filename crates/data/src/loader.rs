//! Batches that resume exactly: which samples batch b of epoch e holds is a function of (seed, e, b) alone, so two
//! integers put a loader back where it stood. It must never know what a sample is.

use gradus_tensor::Rng;

use crate::error::DataError;
use crate::pairs::Batch;

/// Parts the loader's random numbers from those that others draw from the same seed.
const STREAM: u64 = 0x6C6F_6164_6572; // "loader"

/// Samples that can be asked for by number (PyTorch: a map-style `Dataset` with its `collate_fn`).
///
/// ```
/// use gradus_data::{DataError, Loader, Source};
/// /// Squares, made when asked for.
/// struct Squares(usize);
/// impl Source for Squares {
///     type Inputs = Vec<usize>;
///     type Targets = Vec<usize>;
///     fn len(&self) -> usize { self.0 }
///     fn fetch(&self, indices: &[usize]) -> Result<(Vec<usize>, Vec<usize>), DataError> {
///         Ok((indices.to_vec(), indices.iter().map(|i| i * i).collect()))
///     }
/// }
/// let batch = Loader::new(Squares(9), 4, 0).in_order().next().transpose()?;
/// assert_eq!(batch.map(|batch| batch.targets), Some(vec![0, 1, 4, 9]));
/// # Ok::<(), DataError>(())
/// ```
pub trait Source {
    /// The inputs of some samples.
    type Inputs;
    /// Their targets.
    type Targets;

    /// The number of samples.
    fn len(&self) -> usize;

    /// Inputs and targets of the samples with these numbers, in this order.
    ///
    /// # Errors
    /// If they cannot be read, or there is no such sample.
    fn fetch(&self, indices: &[usize]) -> Result<(Self::Inputs, Self::Targets), DataError>;

    /// Whether there are no samples.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl<S: Source + ?Sized> Source for &S {
    type Inputs = S::Inputs;
    type Targets = S::Targets;

    fn len(&self) -> usize {
        (**self).len()
    }

    fn fetch(&self, indices: &[usize]) -> Result<(Self::Inputs, Self::Targets), DataError> {
        (**self).fetch(indices)
    }
}

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
#[derive(Clone, Debug)]
pub struct Loader<S> {
    source: S,
    size: usize,
    seed: u64,
    shuffled: bool,
    drop_last: bool,
    position: Position,
    /// The order of an epoch, made when its first batch is asked for.
    order: Option<(u64, Vec<usize>)>,
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
        let position = Position::default();
        Self { source, size, seed, shuffled: true, drop_last: false, position, order: None }
    }

    /// Gives the samples in the source's order.
    #[must_use]
    pub fn in_order(mut self) -> Self {
        self.shuffled = false;
        self
    }

    /// Leaves out each epoch's last batch if it is shorter than the others.
    #[must_use]
    pub fn drop_last(mut self) -> Self {
        self.drop_last = true;
        self
    }

    /// Where the samples come from.
    #[must_use]
    pub fn source(&self) -> &S {
        &self.source
    }

    /// Samples per batch.
    #[must_use]
    pub fn batch_size(&self) -> usize {
        self.size
    }

    /// The number of batches in each epoch.
    #[must_use]
    pub fn batches_per_epoch(&self) -> u64 {
        let samples = self.source.len();
        let batches = if self.drop_last { samples / self.size } else { samples.div_ceil(self.size) };
        batches as u64
    }

    /// Where it stands: what [`Loader::seek`] needs to bring another loader of the same source, size and seed here.
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
        self.position = Position { epoch, batch };
        Ok(())
    }

    /// The numbers of the samples of the next batch.
    fn indices(&mut self) -> Vec<usize> {
        let samples = self.source.len();
        let start = self.position.batch as usize * self.size;
        let range = start..(start + self.size).min(samples);
        if !self.shuffled {
            return range.collect();
        }
        let epoch = self.position.epoch;
        let (seed, order) =
            (self.seed, self.order.take().filter(|(of, order)| *of == epoch && order.len() == samples));
        let (_, order) = self.order.insert(
            order.unwrap_or_else(|| (epoch, Rng::seed(seed).fork(STREAM).fork(epoch).permutation(samples))),
        );
        order[range].to_vec()
    }
}

impl<S: Source> Iterator for Loader<S> {
    type Item = Result<Batch<S::Inputs, S::Targets>, DataError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.position.batch >= self.batches_per_epoch() {
            self.position = Position { epoch: self.position.epoch.wrapping_add(1), batch: 0 };
            return None;
        }
        let indices = self.indices();
        self.position.batch += 1;
        Some(self.source.fetch(&indices).map(|(inputs, targets)| Batch { inputs, targets, indices }))
    }
}
