//! What the trainer asks of a loader: batches in an order that is a function of the epoch, so that a run resumes in the
//! middle of one. It must never know what is in a batch.

use std::error::Error;

use gradus_data::{Batch, DataError, Loader, Source, Stream, StreamLoader};

/// A source of batches that can be sent to any place. [`Loader`] and [`StreamLoader`] are two; write your own for data of another kind.
///
/// ```
/// use gradus_train::BatchStream;
/// use std::convert::Infallible;
/// /// The numbers 0 .. 4, two in a batch, the same in each epoch.
/// struct Numbers(usize);
/// impl BatchStream for Numbers {
///     type Batch = Vec<usize>;
///     type Error = Infallible;
///     fn seek(&mut self, _: u64, batch: u64) -> Result<(), Infallible> {
///         self.0 = 2 * batch as usize;
///         Ok(())
///     }
///     fn next_batch(&mut self) -> Result<Option<Vec<usize>>, Infallible> {
///         let first = self.0;
///         self.0 += 2;
///         Ok((first < 4).then(|| vec![first, first + 1]))
///     }
///     fn batches_per_epoch(&self) -> u64 { 2 }
///     fn indices(batch: &Vec<usize>) -> &[usize] { batch }
/// }
/// let mut numbers = Numbers(0);
/// numbers.seek(3, 1)?;
/// assert_eq!(numbers.next_batch()?, Some(vec![2, 3]));
/// assert_eq!(numbers.next_batch()?, None);
/// # Ok::<(), Infallible>(())
/// ```
pub trait BatchStream {
    /// What a training closure is given.
    type Batch;
    /// Why a batch could not be delivered.
    type Error: Error + Send + Sync + 'static;

    /// Goes to batch number `batch` of epoch number `epoch`, both from 0. The batches from there on depend on these two
    /// numbers alone, not on what was delivered before.
    ///
    /// # Errors
    /// If there is no such place.
    fn seek(&mut self, epoch: u64, batch: u64) -> Result<(), Self::Error>;

    /// The next batch; `None` at the end of the epoch.
    ///
    /// # Errors
    /// If it cannot be read.
    fn next_batch(&mut self) -> Result<Option<Self::Batch>, Self::Error>;

    /// How many batches an epoch has.
    fn batches_per_epoch(&self) -> u64;

    /// The examples in a batch, by number.
    fn indices(batch: &Self::Batch) -> &[usize];
}

impl<S: Source> BatchStream for Loader<S> {
    type Batch = Batch<S::Inputs, S::Targets>;
    type Error = DataError;

    fn seek(&mut self, epoch: u64, batch: u64) -> Result<(), DataError> {
        Loader::seek(self, epoch, batch)
    }

    fn next_batch(&mut self) -> Result<Option<Self::Batch>, DataError> {
        self.next().transpose()
    }

    fn batches_per_epoch(&self) -> u64 {
        Loader::batches_per_epoch(self)
    }

    fn indices(batch: &Self::Batch) -> &[usize] {
        &batch.indices
    }
}

impl<S: Stream, X, Y> BatchStream for StreamLoader<S, X, Y> {
    type Batch = Batch<X, Y>;
    type Error = DataError;

    fn seek(&mut self, epoch: u64, batch: u64) -> Result<(), DataError> {
        StreamLoader::seek(self, epoch, batch)
    }

    fn next_batch(&mut self) -> Result<Option<Self::Batch>, DataError> {
        self.next().transpose()
    }

    fn batches_per_epoch(&self) -> u64 {
        StreamLoader::batches_per_epoch(self)
    }

    fn indices(batch: &Self::Batch) -> &[usize] {
        &batch.indices
    }
}
