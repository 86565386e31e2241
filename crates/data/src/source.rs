//! Sets whose samples have numbers: the one interface between data and loaders. It must never know which samples are asked
//! for, nor when.

use std::sync::Arc;

use gradus_tensor::Rng;

use crate::adapt::{Augmented, BatchAugmented, Chosen, Mapped, Samples};
use crate::error::DataError;

/// Which samples are asked for, in which epoch, and for which time in it: what an augmentation's random numbers depend on.
///
/// ```
/// use gradus_data::Draws;
/// let draws = Draws::new(3, &[7, 9]).again(&[0, 2]);
/// assert_eq!((draws.epoch(), draws.indices(), draws.turn(1)), (3, &[7, 9][..], 2));
/// assert_eq!(Draws::new(3, &[7, 9]).turn(1), 0);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Draws<'d> {
    pub(crate) epoch: u64,
    pub(crate) indices: &'d [usize],
    pub(crate) turns: &'d [u32],
}

impl<'d> Draws<'d> {
    /// These samples, each for the first time in this epoch.
    #[must_use]
    pub const fn new(epoch: u64, indices: &'d [usize]) -> Self {
        Self { epoch, indices, turns: &[] }
    }

    /// Of each sample, how many times it came before in this epoch; what is left out is 0.
    #[must_use]
    pub const fn again(mut self, turns: &'d [u32]) -> Self {
        self.turns = turns;
        self
    }

    /// The epoch, from 0.
    #[must_use]
    pub const fn epoch(&self) -> u64 {
        self.epoch
    }

    /// The samples' numbers.
    #[must_use]
    pub const fn indices(&self) -> &'d [usize] {
        self.indices
    }

    /// How many times the sample at this place came before in this epoch.
    #[must_use]
    pub fn turn(&self, place: usize) -> u32 {
        self.turns.get(place).copied().unwrap_or(0)
    }
}

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

    /// [`Source::fetch`] as part of an epoch: what loaders call. Sources that change their samples from draw to draw
    /// (augmentation) answer by it; for all others it is the same.
    ///
    /// # Errors
    /// As [`Source::fetch`].
    fn fetch_drawn(&self, draws: &Draws<'_>) -> Result<(Self::Inputs, Self::Targets), DataError> {
        self.fetch(draws.indices)
    }

    /// [`Source::fetch_drawn`] for samples that come for the first time in their epoch.
    ///
    /// # Errors
    /// As [`Source::fetch`].
    fn fetch_in(&self, epoch: u64, indices: &[usize]) -> Result<(Self::Inputs, Self::Targets), DataError> {
        self.fetch_drawn(&Draws::new(epoch, indices))
    }

    /// Whether there are no samples.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Batches that go through a function: conversions, tokenizers, the making of tensors.
    fn map<F, X, Y>(self, f: F) -> Mapped<Self, F>
    where
        Self: Sized,
        F: Fn(Self::Inputs, Self::Targets) -> Result<(X, Y), DataError>,
    {
        Mapped { source: self, f }
    }

    /// The inputs of each sample, changed by a function with random numbers of its own, which belong to the seed, the
    /// epoch, the sample's number and how many times it came before in the epoch: the same at any order, batch size, number
    /// of threads and after any resume.
    ///
    /// ```
    /// use gradus_data::{Loader, Pairs, Source};
    /// use gradus_tensor::Tensor;
    /// let data = Pairs::new(Tensor::<f32>::zeros([6, 2]), Tensor::<i64>::arange(6))?;
    /// let noisy = data.augment(7, |x, rng| x + Tensor::normal([2], 0.0, 0.1, rng));
    /// let mut loader = Loader::new(noisy, 3, 7).threads(2);
    /// assert_eq!(loader.next().transpose()?.map(|batch| batch.inputs.dims()), Some([3, 2]));
    /// # Ok::<(), gradus_data::DataError>(())
    /// ```
    fn augment<F>(self, seed: u64, f: F) -> Augmented<Self, F>
    where
        Self: Sized,
        Self::Inputs: Samples,
        F: Fn(<Self::Inputs as Samples>::One, &mut Rng) -> <Self::Inputs as Samples>::One,
    {
        Augmented { source: self, seed, f }
    }

    /// Batches changed by a function with random numbers that belong to the seed, the epoch and the samples in the
    /// batch: mixup, CutMix.
    fn augment_batches<F>(self, seed: u64, f: F) -> BatchAugmented<Self, F>
    where
        Self: Sized,
        F: Fn(Self::Inputs, Self::Targets, &mut Rng) -> Result<(Self::Inputs, Self::Targets), DataError>,
    {
        BatchAugmented { source: self, seed, f }
    }

    /// The samples of these numbers, which are then numbered from 0 (PyTorch: `Subset`).
    fn subset(self, indices: Vec<usize>) -> Chosen<Self>
    where
        Self: Sized,
    {
        Chosen { source: self, indices }
    }
}

macro_rules! sources_behind {
    ($($pointer:ty),*) => {$(
        impl<S: Source + ?Sized> Source for $pointer {
            type Inputs = S::Inputs;
            type Targets = S::Targets;

            fn len(&self) -> usize {
                (**self).len()
            }

            fn fetch(&self, indices: &[usize]) -> Result<(Self::Inputs, Self::Targets), DataError> {
                (**self).fetch(indices)
            }

            fn fetch_drawn(&self, draws: &Draws<'_>) -> Result<(Self::Inputs, Self::Targets), DataError> {
                (**self).fetch_drawn(draws)
            }
        }
    )*};
}
sources_behind!(&S, Box<S>, Arc<S>);
