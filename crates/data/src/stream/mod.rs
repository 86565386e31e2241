//! Sets that are read from front to back, because they are larger than memory or have no numbers: records in shards, a
//! buffer that shuffles them, and batches whose order is a function of (seed, epoch) alone. It must never know what a
//! record is.

mod epoch;
mod lines;
mod loader;

use std::sync::Arc;

use crate::error::DataError;

pub use lines::Lines;
pub use loader::StreamLoader;

/// Records in shards, each of which is read from front to back (PyTorch: `IterableDataset`).
///
/// ```
/// use gradus_data::{DataError, Stream};
/// /// Three shards of five numbers.
/// struct Numbers;
/// impl Stream for Numbers {
///     type Record = usize;
///     fn shards(&self) -> usize { 3 }
///     fn open(&self, shard: usize) -> Result<impl Iterator<Item = Result<usize, DataError>> + 'static, DataError> {
///         Ok((5 * shard..5 * shard + 5).map(Ok))
///     }
/// }
/// assert_eq!(Numbers.count(1)?, 5);
/// # Ok::<(), DataError>(())
/// ```
pub trait Stream {
    /// What is read: a line, a record, a sample.
    type Record;

    /// The number of shards: files, say.
    fn shards(&self) -> usize;

    /// The records of a shard from its beginning: the same ones each time.
    ///
    /// # Errors
    /// If it cannot be read.
    fn open(
        &self,
        shard: usize,
    ) -> Result<impl Iterator<Item = Result<Self::Record, DataError>> + 'static, DataError>;

    /// How many records a shard has. As it stands it reads them all.
    ///
    /// # Errors
    /// If it cannot be read.
    fn count(&self, shard: usize) -> Result<usize, DataError> {
        self.open(shard)?.try_fold(0, |count, record| record.map(|_| count + 1))
    }
}

impl<S: Stream> Stream for Arc<S> {
    type Record = S::Record;

    fn shards(&self) -> usize {
        (**self).shards()
    }

    fn open(
        &self,
        shard: usize,
    ) -> Result<impl Iterator<Item = Result<S::Record, DataError>> + 'static, DataError> {
        (**self).open(shard)
    }

    fn count(&self, shard: usize) -> Result<usize, DataError> {
        (**self).count(shard)
    }
}
