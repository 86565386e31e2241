//! Batches of a stream. A place is reached by reading up to it again: exact, at the price of reading. It must never know
//! what a record is.

use std::fmt;
use std::sync::Arc;

use gradus_tensor::Rng;

use super::Stream;
use super::epoch::Epoch;
use crate::adapt::of_batch;
use crate::ahead::{Ahead, FACTOR};
use crate::error::DataError;
use crate::loader::Position;
use crate::pairs::Batch;
use crate::sampler::{Cut, InOrder, Shard};

/// Epoch, numbers of the records, records.
type Job<R> = (u64, Vec<usize>, Vec<R>);
type Workers<R, X, Y> = Ahead<Job<R>, Batch<X, Y>>;
type Collate<R, X, Y> = Arc<dyn Fn(Job<R>) -> Result<Batch<X, Y>, DataError> + Send + Sync>;

/// Batches of a [`Stream`] in an order that depends on the seed and the epoch alone: the shards are shuffled, and each
/// record is drawn from a buffer of 1,000 that is filled up in the shards' order (TensorFlow: `Dataset.shuffle`).
///
/// As an iterator it gives one epoch, then `None` once, and goes on with the next epoch.
///
/// ```
/// use gradus_data::{DataError, Lines, StreamLoader};
/// use gradus_tensor::Tensor;
/// # let path = std::env::temp_dir().join(format!("gradus-stream-{}.txt", std::process::id()));
/// std::fs::write(&path, "1\n2\n3\n")?;
/// let numbers = |lines: Vec<String>, _: &mut _| {
///     let x: Tensor<f32> = lines.iter().map(|line| line.parse().unwrap_or(f32::NAN)).collect();
///     Ok((x.clone(), x * 2.0))
/// };
/// let mut loader = StreamLoader::new(Lines::new([&path]), 2, 7, numbers)?.threads(2);
/// assert_eq!((loader.records(), loader.batches_per_epoch()), (3, 2));
/// for batch in loader.by_ref() {
///     let batch = batch?;
///     assert_eq!(batch.inputs.at(&[0]), (batch.indices[0] + 1) as f32);
/// }
/// loader.seek(5, 1)?;
/// assert_eq!(loader.position().epoch, 5);
/// # std::fs::remove_file(&path)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct StreamLoader<S: Stream, X, Y> {
    stream: S,
    /// Where each shard's numbers begin, and where the last ones end.
    starts: Arc<[usize]>,
    cut: Cut,
    room: usize,
    seed: u64,
    /// Rank and ranks.
    share: (u64, u64),
    collate: Collate<S::Record, X, Y>,
    position: Position,
    /// What is being read, and where in it; batches are counted as all ranks count them.
    reading: Option<(Position, Epoch<S::Record>)>,
    /// How many batches each thread may be ahead.
    factor: usize,
    ahead: Option<Workers<S::Record, X, Y>>,
}

impl<S: Stream, X, Y> StreamLoader<S, X, Y> {
    /// Batches of `size` records, made by `collate`, whose random numbers belong to the seed, the epoch and the records
    /// in the batch. Counts the records first.
    ///
    /// # Errors
    /// If the records cannot be counted.
    ///
    /// # Panics
    /// If `size` is 0.
    #[track_caller]
    pub fn new<F>(stream: S, size: usize, seed: u64, collate: F) -> Result<Self, DataError>
    where
        F: Fn(Vec<S::Record>, &mut Rng) -> Result<(X, Y), DataError> + Send + Sync + 'static,
    {
        assert!(size > 0, "stream loader: a batch needs records: size {size} (> 0)");
        let mut starts = vec![0];
        for shard in 0..stream.shards() {
            starts.push(starts[shard] + stream.count(shard)?);
        }
        let collate = move |(epoch, indices, records): Job<S::Record>| {
            let (inputs, targets) = collate(records, &mut of_batch(seed, epoch, &indices))?;
            Ok(Batch { inputs, targets, indices })
        };
        Ok(Self {
            stream,
            starts: starts.into(),
            cut: Cut { size, drop_last: false },
            room: 1000,
            seed,
            share: (0, 1),
            collate: Arc::new(collate),
            position: Position::default(),
            reading: None,
            factor: FACTOR,
            ahead: None,
        })
    }

    /// Draws each record out of a buffer of so many: the more, the better shuffled, and the more memory. 1 (and 0) draws
    /// none: [`StreamLoader::in_order`].
    ///
    /// ```
    /// # use gradus_data::{DataError, Stream, StreamLoader};
    /// # struct Numbers;
    /// # impl Stream for Numbers {
    /// #     type Record = usize;
    /// #     fn shards(&self) -> usize { 1 }
    /// #     fn open(&self, _: usize) -> Result<impl Iterator<Item = Result<usize, DataError>> + 'static, DataError> {
    /// #         Ok((0..5).map(Ok))
    /// #     }
    /// # }
    /// let loader = StreamLoader::new(Numbers, 2, 7, |records, _| Ok((records, ())))?;
    /// let batches: Vec<_> = loader.in_order().drop_last().collect::<Result<_, _>>()?;
    /// assert_eq!((&batches[0].inputs, &batches[1].indices), (&vec![0, 1], &vec![2, 3]));
    ///
    /// let loader = StreamLoader::new(Numbers, 2, 7, |records, _| Ok((records, ())))?;
    /// assert_eq!(loader.shuffle_buffer(3).threads(2).prefetch_factor(4).count(), 3);
    /// # Ok::<(), DataError>(())
    /// ```
    #[must_use]
    pub fn shuffle_buffer(mut self, records: usize) -> Self {
        self.room = records.max(1);
        self.forget();
        self
    }

    /// Gives the records in the order of the shards and in theirs.
    #[must_use]
    pub fn in_order(self) -> Self {
        self.shuffle_buffer(1)
    }

    /// Gives the share of one of `ranks` equal workers: every so-manieth batch of an order that all plan alike, and all
    /// read; batches that do not go round are left out.
    ///
    /// ```
    /// # use gradus_data::{DataError, Stream, StreamLoader};
    /// # struct Numbers;
    /// # impl Stream for Numbers {
    /// #     type Record = usize;
    /// #     fn shards(&self) -> usize { 1 }
    /// #     fn open(&self, _: usize) -> Result<impl Iterator<Item = Result<usize, DataError>> + 'static, DataError> {
    /// #         Ok((0..9).map(Ok))
    /// #     }
    /// # }
    /// let loader = StreamLoader::new(Numbers, 2, 7, |records, _| Ok((records, ())))?.in_order().shard(1, 2)?;
    /// let batches: Vec<_> = loader.map(|batch| Ok(batch?.inputs)).collect::<Result<_, DataError>>()?;
    /// assert_eq!(batches, [[2, 3], [6, 7]]);
    /// # Ok::<(), DataError>(())
    /// ```
    ///
    /// # Errors
    /// If there is no such rank.
    pub fn shard(mut self, rank: usize, ranks: usize) -> Result<Self, DataError> {
        Shard::new(InOrder, rank, ranks)?;
        self.share = (rank as u64, ranks as u64);
        self.forget();
        Ok(self)
    }

    /// Leaves out each epoch's last batch if it is shorter than the others.
    #[must_use]
    pub fn drop_last(mut self) -> Self {
        self.cut.drop_last = true;
        self.forget();
        self
    }

    fn forget(&mut self) {
        self.reading = None;
        self.ahead.iter_mut().for_each(Ahead::clear);
    }

    /// Makes batches on so many threads of its own, ahead of time; 0 is none. Records are read on the calling thread, in
    /// order; batches are the same at any number.
    #[must_use]
    pub fn threads(mut self, threads: usize) -> Self
    where
        S::Record: Send + 'static,
        X: Send + 'static,
        Y: Send + 'static,
    {
        let collate = Arc::clone(&self.collate);
        self.ahead = (threads > 0).then(|| Ahead::new(threads, move |job| collate(job)));
        self.reading = None;
        self
    }

    /// How many batches each thread may be ahead (PyTorch: `prefetch_factor`); 2 unless set, 0 counts as 1.
    #[must_use]
    pub fn prefetch_factor(mut self, batches: usize) -> Self {
        self.factor = batches.max(1);
        self
    }

    /// The number of records.
    #[must_use]
    pub fn records(&self) -> usize {
        self.starts.last().copied().unwrap_or(0)
    }

    /// The number of batches in each epoch.
    #[must_use]
    pub fn batches_per_epoch(&self) -> u64 {
        self.cut.batches(self.records()) as u64 / self.share.1
    }

    /// Where it stands; see [`Loader::position`](crate::Loader::position).
    #[must_use]
    pub fn position(&self) -> Position {
        self.position
    }

    /// Goes to a place in any epoch; the records before it are read again when the next batch is asked for.
    ///
    /// # Errors
    /// If an epoch has fewer batches.
    pub fn seek(&mut self, epoch: u64, batch: u64) -> Result<(), DataError> {
        let batches = self.batches_per_epoch();
        if batch > batches {
            let what = format!("there is no batch {batch}, an epoch has {batches}");
            let mend = "resume with the same data, batch size and `drop_last` as before";
            return Err(DataError::unfit("stream loader", what, mend));
        }
        let there = Position { epoch, batch };
        if there != self.position {
            self.position = there;
            self.ahead.iter_mut().for_each(Ahead::clear);
        }
        Ok(())
    }

    /// Reads the records of the batch at `place`. What goes wrong there goes wrong there again: nothing is kept of it.
    fn read(&mut self, place: Position) -> Result<Job<S::Record>, DataError> {
        // As all ranks count.
        let batch = place.batch * self.share.1 + self.share.0;
        let reading = self.reading.take();
        let reading = reading.filter(|(at, _)| at.epoch == place.epoch && at.batch <= batch);
        let (mut at, mut epoch) = reading.unwrap_or_else(|| {
            let start = Position { batch: 0, ..place };
            (start, Epoch::new(self.starts.len() - 1, self.room, self.seed, place.epoch))
        });
        let skipped = (batch - at.batch) as usize * self.cut.size;
        for _ in 0..skipped {
            epoch.draw(&self.stream, &self.starts)?;
        }
        let (mut indices, mut records) = (Vec::new(), Vec::new());
        while records.len() < self.cut.size
            && let Some((index, record)) = epoch.draw(&self.stream, &self.starts)?
        {
            indices.push(index);
            records.push(record);
        }
        at.batch = batch + 1;
        self.reading = Some((at, epoch));
        Ok((place.epoch, indices, records))
    }

    /// Lets the threads make what comes next, as far ahead as they may; stops before what cannot be read.
    fn send_ahead(&mut self) -> Result<(), DataError> {
        let Some((depth, waiting)) =
            self.ahead.as_ref().map(|ahead| (ahead.threads() * self.factor, ahead.waiting()))
        else {
            return Ok(());
        };
        let Position { epoch, batch } = self.position;
        let end = (batch + depth as u64).min(self.batches_per_epoch());
        for batch in batch + waiting as u64..end {
            let Ok(job) = self.read(Position { epoch, batch }) else { break };
            if let Some(ahead) = &mut self.ahead {
                ahead.give(job)?;
            }
        }
        Ok(())
    }

    fn step(&mut self) -> Result<Batch<X, Y>, DataError> {
        let place = self.position;
        let sent = self.send_ahead();
        self.position.batch += 1;
        sent?;
        if let Some(result) = self.ahead.as_mut().and_then(Ahead::take) {
            // What fails here fails in the next step again and is told there.
            let _ = self.send_ahead();
            return result;
        }
        let job = self.read(place)?;
        (self.collate)(job)
    }
}

impl<S: Stream, X, Y> Iterator for StreamLoader<S, X, Y> {
    type Item = Result<Batch<X, Y>, DataError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.position.batch >= self.batches_per_epoch() {
            self.position = Position { epoch: self.position.epoch.wrapping_add(1), batch: 0 };
            return None;
        }
        Some(self.step())
    }
}

impl<S: Stream, X, Y> fmt::Debug for StreamLoader<S, X, Y> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { cut, room, seed, position, ahead, .. } = self;
        f.debug_struct("StreamLoader")
            .field("records", &self.records())
            .field("cut", cut)
            .field("shuffle_buffer", room)
            .field("seed", seed)
            .field("position", position)
            .field("ahead", ahead)
            .finish_non_exhaustive()
    }
}
