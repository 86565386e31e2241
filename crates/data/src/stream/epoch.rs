//! One epoch of a stream: shards in an order of its own, and a buffer out of which the next record is drawn. It must never
//! know batches.

use gradus_tensor::Rng;

use super::Stream;
use crate::error::DataError;

/// Parts the stream's random numbers from those that others draw from the same seed.
const STREAM: u64 = 0x7374_7265_616D; // "stream"

type Records<R> = Box<dyn Iterator<Item = Result<R, DataError>>>;

/// A shard that is being read.
struct Open<R> {
    shard: usize,
    /// How many records were taken of it.
    taken: usize,
    records: Records<R>,
}

pub(super) struct Epoch<R> {
    /// The shards that are still to be read, the next one at the end.
    shards: Vec<usize>,
    open: Option<Open<R>>,
    /// Records with their numbers in the whole set.
    buffer: Vec<(usize, R)>,
    /// What the buffer holds; 1 keeps the order.
    room: usize,
    rng: Rng,
}

impl<R> Epoch<R> {
    /// An epoch's beginning.
    pub(super) fn new(shards: usize, room: usize, seed: u64, epoch: u64) -> Self {
        let mut rng = Rng::seed(seed).fork(STREAM).fork(epoch);
        let mut order: Vec<usize> = (0..shards).collect();
        if room > 1 {
            rng.shuffle(&mut order);
        }
        order.reverse();
        Self { shards: order, open: None, buffer: Vec::new(), room, rng }
    }

    /// The next record as it lies in the shards, with its number; `starts` says where each shard's numbers begin, and
    /// at last where they end.
    fn read(
        &mut self,
        stream: &impl Stream<Record = R>,
        starts: &[usize],
    ) -> Result<Option<(usize, R)>, DataError> {
        loop {
            let open = match &mut self.open {
                Some(open) => open,
                None => {
                    let Some(shard) = self.shards.pop() else { return Ok(None) };
                    let records = Box::new(stream.open(shard)?);
                    self.open.insert(Open { shard, taken: 0, records })
                }
            };
            let (shard, count) = (open.shard, starts[open.shard + 1] - starts[open.shard]);
            let record = open.records.next().transpose()?;
            let taken = open.taken + usize::from(record.is_some());
            if taken > count || record.is_none() && taken < count {
                let what = format!(
                    "shard {shard} has {} than {count} records",
                    if taken > count { "more" } else { "fewer" }
                );
                let mend = "let a stream have the same records each time it is opened";
                return Err(DataError::unfit("stream", what, mend));
            }
            match record {
                Some(record) => {
                    open.taken = taken;
                    return Ok(Some((starts[shard] + taken - 1, record)));
                }
                None => self.open = None,
            }
        }
    }

    /// The next record of the epoch.
    pub(super) fn draw(
        &mut self,
        stream: &impl Stream<Record = R>,
        starts: &[usize],
    ) -> Result<Option<(usize, R)>, DataError> {
        while self.buffer.len() < self.room {
            let Some(record) = self.read(stream, starts)? else { break };
            self.buffer.push(record);
        }
        if self.buffer.is_empty() {
            return Ok(None);
        }
        let place = if self.buffer.len() > 1 { self.rng.below(self.buffer.len()) } else { 0 };
        Ok(Some(self.buffer.swap_remove(place)))
    }
}
