//! Sources around sources: some of the samples, what a function makes of them, and augmentation whose random numbers
//! belong to (seed, epoch, sample). It must never know who asks for the samples, nor in which order.

use gradus_tensor::{Element, Rng, Tensor};

use crate::error::DataError;
use crate::source::{Draws, Source};

/// Parts the random numbers of augmentation from those that others draw from the same seed.
const STREAM: u64 = 0x0061_7567_6D65_6E74; // "augment"
/// And those of whole batches from those of samples.
const BATCHES: u64 = 0x0062_6174_6368_6573; // "batches"

/// Inputs that part into those of single samples and join again.
///
/// ```
/// use gradus_data::Samples;
/// use gradus_tensor::Tensor;
/// let parts = Tensor::from([[1, 2], [3, 4]]).part();
/// assert_eq!((parts.len(), parts[1].to_vec()), (2, vec![3, 4]));
/// assert!(Tensor::join(vec![Tensor::from([1, 2]), Tensor::from([3])]).is_err());
/// assert_eq!(vec!["a", "b"].part(), ["a", "b"]);
/// ```
pub trait Samples: Sized {
    /// The inputs of one sample.
    type One;

    /// The samples.
    fn part(self) -> Vec<Self::One>;

    /// The inputs of these samples.
    ///
    /// # Errors
    /// If they do not fit together.
    fn join(samples: Vec<Self::One>) -> Result<Self, DataError>;
}

impl<X: Element> Samples for Tensor<X> {
    type One = Self;

    fn part(self) -> Vec<Self> {
        (0..self.shape().first().copied().unwrap_or(0)).map(|sample| self.select(0, sample)).collect()
    }

    fn join(samples: Vec<Self>) -> Result<Self, DataError> {
        let Some(first) = samples.first() else { return Ok(Self::zeros([0])) };
        if let Some(other) = samples.iter().position(|sample| sample.shape() != first.shape()) {
            let what = format!(
                "sample {other} of a batch is {}, sample 0 is {}",
                samples[other].shape(),
                first.shape()
            );
            return Err(DataError::unfit(
                "batch",
                what,
                "bring all samples to one shape, or load them as a `Vec`",
            ));
        }
        Ok(Self::stack(&samples.iter().collect::<Vec<_>>(), 0))
    }
}

impl<V> Samples for Vec<V> {
    type One = V;

    fn part(self) -> Vec<V> {
        self
    }

    fn join(samples: Vec<V>) -> Result<Self, DataError> {
        Ok(samples)
    }
}

/// What [`Source::map`] gives: batches that went through a function.
///
/// ```
/// use gradus_data::{Pairs, Source};
/// use gradus_tensor::Tensor;
/// let data = Pairs::new(Tensor::from([0_u8, 255]), Tensor::from([0_i64, 1]))?;
/// let scaled = data.map(|x, y| Ok((x.cast::<f32>() * (1.0 / 255.0), y)));
/// assert_eq!(scaled.fetch(&[1])?.0.to_vec(), [1.0]);
/// # Ok::<(), gradus_data::DataError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Mapped<S, F> {
    pub(crate) source: S,
    pub(crate) f: F,
}

impl<S, F, X, Y> Source for Mapped<S, F>
where
    S: Source,
    F: Fn(S::Inputs, S::Targets) -> Result<(X, Y), DataError>,
{
    type Inputs = X;
    type Targets = Y;

    fn len(&self) -> usize {
        self.source.len()
    }

    fn fetch_drawn(&self, draws: &Draws<'_>) -> Result<(X, Y), DataError> {
        let (inputs, targets) = self.source.fetch_drawn(draws)?;
        (self.f)(inputs, targets)
    }

    fn fetch(&self, indices: &[usize]) -> Result<(X, Y), DataError> {
        self.fetch_in(0, indices)
    }
}

/// What [`Source::augment`] gives: samples that went through a random function.
///
/// ```
/// use gradus_data::{Augmented, Pairs, Source};
/// use gradus_tensor::Tensor;
/// let data = Pairs::new(Tensor::<f32>::zeros([9, 4]), Tensor::<i64>::arange(9))?;
/// let noisy: Augmented<_, _> = data.augment(7, |x, rng| x + Tensor::normal([4], 0.0, 0.1, rng));
/// let (both, _) = noisy.fetch_in(2, &[3, 5])?;
/// let (one, _) = noisy.fetch_in(2, &[5])?;
/// assert_eq!(both.narrow(0, 1, 1), one); // sample 5 in epoch 2, whoever is fetched beside it
/// assert_ne!(noisy.fetch_in(3, &[5])?.0, one);
/// # Ok::<(), gradus_data::DataError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Augmented<S, F> {
    pub(crate) source: S,
    pub(crate) seed: u64,
    pub(crate) f: F,
}

impl<S, F> Source for Augmented<S, F>
where
    S: Source,
    S::Inputs: Samples,
    F: Fn(<S::Inputs as Samples>::One, &mut Rng) -> <S::Inputs as Samples>::One,
{
    type Inputs = S::Inputs;
    type Targets = S::Targets;

    fn len(&self) -> usize {
        self.source.len()
    }

    fn fetch_drawn(&self, draws: &Draws<'_>) -> Result<(S::Inputs, S::Targets), DataError> {
        let (inputs, targets) = self.source.fetch_drawn(draws)?;
        if draws.indices.is_empty() {
            return Ok((inputs, targets));
        }
        let numbers = Rng::seed(self.seed).fork(STREAM).fork(draws.epoch);
        let change = |(place, sample)| {
            let own = numbers.fork(draws.indices[place] as u64);
            let mut own = if draws.turn(place) == 0 { own } else { own.fork(u64::from(draws.turn(place))) };
            (self.f)(sample, &mut own)
        };
        let samples = inputs.part().into_iter().take(draws.indices.len()).enumerate();
        Ok((S::Inputs::join(samples.map(change).collect())?, targets))
    }

    fn fetch(&self, indices: &[usize]) -> Result<(S::Inputs, S::Targets), DataError> {
        self.fetch_in(0, indices)
    }
}

/// What [`Source::augment_batches`] gives: batches that went through a random function.
///
/// ```
/// use gradus_data::{BatchAugmented, Pairs, Source, mixup};
/// use gradus_tensor::Tensor;
/// let data = Pairs::new(Tensor::<f32>::arange(8).reshape([4, 2]), Tensor::<f32>::eye(4))?;
/// let mixed: BatchAugmented<_, _> = data.augment_batches(7, |x, y, rng| mixup(&x, &y, 0.2, rng));
/// assert_eq!(mixed.fetch_in(1, &[0, 1])?, mixed.fetch_in(1, &[0, 1])?);
/// # Ok::<(), gradus_data::DataError>(())
/// ```
#[derive(Clone, Debug)]
pub struct BatchAugmented<S, F> {
    pub(crate) source: S,
    pub(crate) seed: u64,
    pub(crate) f: F,
}

impl<S, F> Source for BatchAugmented<S, F>
where
    S: Source,
    F: Fn(S::Inputs, S::Targets, &mut Rng) -> Result<(S::Inputs, S::Targets), DataError>,
{
    type Inputs = S::Inputs;
    type Targets = S::Targets;

    fn len(&self) -> usize {
        self.source.len()
    }

    fn fetch_drawn(&self, draws: &Draws<'_>) -> Result<(S::Inputs, S::Targets), DataError> {
        let (inputs, targets) = self.source.fetch_drawn(draws)?;
        (self.f)(inputs, targets, &mut of_batch(self.seed, draws.epoch, draws.indices))
    }

    fn fetch(&self, indices: &[usize]) -> Result<(S::Inputs, S::Targets), DataError> {
        self.fetch_in(0, indices)
    }
}

/// The random numbers of a batch: they belong to the samples in it.
pub(crate) fn of_batch(seed: u64, epoch: u64, indices: &[usize]) -> Rng {
    let numbers = Rng::seed(seed).fork(STREAM).fork(epoch).fork(BATCHES);
    indices.iter().fold(numbers, |numbers, &index| numbers.fork(index as u64))
}

/// What [`Source::subset`] gives: some of the samples.
///
/// ```
/// use gradus_data::{Chosen, Pairs, Source};
/// use gradus_tensor::Tensor;
/// let data = Pairs::new(Tensor::from([0.0_f32, 1.0, 2.0]), Tensor::from([5_i64, 6, 7]))?;
/// let some: Chosen<_> = data.subset(vec![2, 0]);
/// assert_eq!((some.len(), some.fetch(&[0])?.1.to_vec()), (2, vec![7]));
/// # Ok::<(), gradus_data::DataError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Chosen<S> {
    pub(crate) source: S,
    pub(crate) indices: Vec<usize>,
}

impl<S: Source> Source for Chosen<S> {
    type Inputs = S::Inputs;
    type Targets = S::Targets;

    fn len(&self) -> usize {
        self.indices.len()
    }

    fn fetch_drawn(&self, draws: &Draws<'_>) -> Result<(S::Inputs, S::Targets), DataError> {
        let own = |&index: &usize| {
            self.indices.get(index).copied().ok_or_else(|| no_sample(index, self.indices.len()))
        };
        let indices = draws.indices.iter().map(own).collect::<Result<Vec<_>, _>>()?;
        self.source.fetch_drawn(&Draws { indices: &indices, ..*draws })
    }

    fn fetch(&self, indices: &[usize]) -> Result<(S::Inputs, S::Targets), DataError> {
        self.fetch_in(0, indices)
    }
}

/// The answer to a number that no sample has.
pub(crate) fn no_sample(index: usize, samples: usize) -> DataError {
    let what = format!("there is no sample {index}, the set has {samples}");
    DataError::unfit("fetch", what, "ask for numbers below the set's length")
}
