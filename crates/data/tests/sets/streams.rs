//! Streams: the order of an epoch, places in it, and what goes wrong while reading.

use std::path::PathBuf;

use gradus_data::{Batch, DataError, Lines, Position, Stream, StreamLoader};
use gradus_tensor::{Rng, Tensor};

/// Shards of different lengths, an empty one among them: 0 … 9, none, 10 … 12, 13 … 29.
struct Numbers {
    ends: Vec<usize>,
    /// A record that cannot be read.
    broken: Option<usize>,
}

impl Numbers {
    fn new() -> Self {
        Self { ends: vec![10, 10, 13, 30], broken: None }
    }
}

impl Stream for Numbers {
    type Record = usize;
    fn shards(&self) -> usize {
        self.ends.len()
    }
    fn open(
        &self,
        shard: usize,
    ) -> Result<impl Iterator<Item = Result<usize, DataError>> + 'static, DataError> {
        let start = if shard == 0 { 0 } else { self.ends[shard - 1] };
        let broken = self.broken;
        Ok((start..self.ends[shard]).map(move |number| {
            let cause = std::io::Error::other("bad sector");
            let bad = DataError::System { file: format!("shard {shard}"), action: "read", cause };
            if broken == Some(number) { Err(bad) } else { Ok(number) }
        }))
    }
    fn count(&self, shard: usize) -> Result<usize, DataError> {
        Ok(self.ends[shard] - if shard == 0 { 0 } else { self.ends[shard - 1] })
    }
}

type Inputs = Tensor<f32>;

fn loader(stream: Numbers, size: usize) -> StreamLoader<Numbers, Inputs, Vec<usize>> {
    StreamLoader::new(stream, size, 5, |records, rng: &mut Rng| {
        if records.contains(&99) {
            return Err(DataError::Unfit { op: "collate", what: "99".into(), mend: "" });
        }
        Ok((Tensor::normal([records.len()], 0.0, 1.0, rng), records))
    })
    .unwrap()
    .shuffle_buffer(6)
}

type Seen = Vec<(Position, Option<Batch<Inputs, Vec<usize>>>)>;

fn walk<S: Stream>(loader: &mut StreamLoader<S, Inputs, Vec<usize>>, epochs: u64) -> Seen {
    let mut seen = Vec::new();
    // On a mutable reference `position` would be the iterator's.
    while StreamLoader::position(loader).epoch < epochs {
        let place = StreamLoader::position(loader);
        seen.push((place, loader.next().transpose().unwrap()));
    }
    seen
}

#[test]
fn every_record_comes_once_an_epoch_in_an_order_of_its_own() {
    let seen = walk(&mut loader(Numbers::new(), 4), 3);
    let mut orders = Vec::new();
    for epoch in 0..3 {
        let own = seen.iter().filter(|(place, _)| place.epoch == epoch);
        let order: Vec<usize> = own
            .filter_map(|(_, batch)| batch.as_ref())
            .inspect(|batch| assert_eq!(batch.indices, batch.targets))
            .flat_map(|batch| batch.indices.clone())
            .collect();
        let mut sorted = order.clone();
        sorted.sort_unstable();
        assert_eq!(sorted, (0..30).collect::<Vec<_>>());
        orders.push(order);
    }
    assert!(
        orders[0] != orders[1] && orders[1] != orders[2] && orders[0][..10] != [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]
    );
    assert!(seen[0].1.as_ref().unwrap().inputs != seen[8 + 1].1.as_ref().unwrap().inputs);
    let plain: Vec<usize> =
        loader(Numbers::new(), 7).in_order().flat_map(|batch| batch.unwrap().indices).collect();
    assert_eq!(plain, (0..30).collect::<Vec<_>>());
    let sizes: Vec<_> = loader(Numbers::new(), 7).drop_last().map(|b| b.unwrap().indices.len()).collect();
    assert_eq!(sizes, [7; 4]);
}

#[test]
fn a_shuffle_buffer_draws_as_its_description_says() {
    // A twin: the shards one after the other in their drawn order, a buffer refilled from behind.
    let mut rng = Rng::seed(5).fork(0x7374_7265_616D).fork(2);
    let mut shards = [0, 1, 2, 3];
    rng.shuffle(&mut shards);
    let parts: [Vec<usize>; 4] = [(0..10).collect(), vec![], (10..13).collect(), (13..30).collect()];
    let mut rest: std::collections::VecDeque<usize> = shards.iter().flat_map(|&s| parts[s].clone()).collect();
    let (mut buffer, mut order) = (Vec::new(), Vec::new());
    while !(rest.is_empty() && buffer.is_empty()) {
        while buffer.len() < 6 && !rest.is_empty() {
            buffer.extend(rest.pop_front());
        }
        let place = if buffer.len() > 1 { rng.below(buffer.len()) } else { 0 };
        order.push(buffer.swap_remove(place));
    }
    let mut loader = loader(Numbers::new(), 4);
    loader.seek(2, 0).unwrap();
    let own: Vec<usize> = loader.flat_map(|batch| batch.unwrap().indices).collect();
    assert_eq!(own, order);
}

#[test]
fn any_place_is_reached_at_any_number_of_threads() {
    let plain = walk(&mut loader(Numbers::new(), 4), 3);
    for threads in [1, 2, 3, 8] {
        assert!(walk(&mut loader(Numbers::new(), 4).threads(threads), 3) == plain, "{threads} threads");
    }
    let mut rng = Rng::seed(1);
    for threads in [0, 3] {
        let mut loader = loader(Numbers::new(), 4).threads(threads);
        for _ in 0..60 {
            let start = rng.below(plain.len());
            loader.seek(plain[start].0.epoch, plain[start].0.batch).unwrap();
            for (place, batch) in plain.iter().skip(start).take(rng.below(5)) {
                assert!(loader.position() == *place && loader.next().transpose().unwrap() == *batch);
            }
        }
    }
    assert!(
        loader(Numbers::new(), 4).seek(0, 9).unwrap_err().to_string().contains("no batch 9, an epoch has 8")
    );
}

#[test]
fn what_cannot_be_read_fails_at_its_batch() {
    for threads in [0, 3] {
        let broken = Numbers { broken: Some(11), ..Numbers::new() };
        let mut loader = loader(broken, 4).in_order().threads(threads);
        let results: Vec<Result<Vec<usize>, String>> = loader
            .by_ref()
            .map(|batch| batch.map(|batch| batch.indices).map_err(|error| error.to_string()))
            .collect();
        assert_eq!(results[1], Ok(vec![4, 5, 6, 7]));
        // Nobody can read on behind it.
        let bad = Err("shard 2: cannot read: bad sector".to_owned());
        assert!(results.len() == 8 && results[2..].iter().all(|result| *result == bad), "{results:?}");
        loader.seek(1, 1).unwrap();
        assert_eq!(loader.next().unwrap().unwrap().indices, [4, 5, 6, 7]);
    }
}

#[test]
fn a_stream_that_changes_is_noticed() {
    /// Claims three records and has another number of them.
    struct Changed(usize);
    impl Stream for Changed {
        type Record = usize;
        fn shards(&self) -> usize {
            1
        }
        fn open(
            &self,
            _: usize,
        ) -> Result<impl Iterator<Item = Result<usize, DataError>> + 'static, DataError> {
            Ok((0..self.0).map(Ok))
        }
        fn count(&self, _: usize) -> Result<usize, DataError> {
            Ok(3)
        }
    }
    let first = |records| {
        let loader = StreamLoader::new(Changed(records), 2, 0, |records, _| Ok((records, ()))).unwrap();
        loader.last().unwrap().map(|batch| batch.indices)
    };
    assert!(first(2).unwrap_err().to_string().contains("shard 0 has fewer than 3 records"));
    assert!(first(4).unwrap_err().to_string().contains("shard 0 has more than 3 records"));
    assert_eq!(first(3).unwrap().len(), 1);
}

#[test]
fn lines_of_files_are_records() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, bytes: &[u8]| -> PathBuf {
        let path = folder.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        path
    };
    let paths = [file("a", b"one\r\n\ntwo\n"), file("b", b""), file("c", "drei\nvier \u{fc}".as_bytes())];
    let lines = Lines::new(&paths);
    let read = |shard| lines.open(shard).unwrap().collect::<Result<Vec<_>, _>>().unwrap();
    assert_eq!(
        (read(0), read(1), read(2)),
        (
            vec!["one".into(), String::new(), "two".into()],
            vec![],
            vec!["drei".to_owned(), "vier \u{fc}".into()]
        )
    );
    for shard in 0..3 {
        assert_eq!(lines.count(shard).unwrap(), read(shard).len());
    }
    // Ends at the edges of what is read at once.
    for length in [(1 << 16) - 1, 1 << 16, (1 << 16) + 1] {
        let mut bytes = vec![b'x'; length];
        bytes[length - 1] = b'\n';
        bytes.extend(b"last");
        assert_eq!(Lines::new([file("f", &bytes)]).count(0).unwrap(), 2);
    }
    let bad = Lines::new([file("d", b"good\n\xFF\n")]);
    let first = |lines: &Lines| lines.open(0).unwrap().find_map(Result::err).unwrap().to_string();
    let error = first(&bad);
    assert!(error.contains("line 2: it is no UTF-8") && error.contains("save the file as UTF-8"), "{error}");
    let error = Lines::new(["no/such/file"]).count(0).unwrap_err().to_string();
    assert!(error.starts_with("no/such/file: cannot open"), "{error}");
    let long = Lines::new([file("e", &vec![b'x'; (1 << 24) + 1])]);
    assert!(first(&long).contains("line 1: it is longer than 16777216 bytes"));
}

#[test]
fn ranks_share_the_batches_of_a_stream() {
    let whole: Vec<Vec<usize>> = loader(Numbers::new(), 4).map(|batch| batch.unwrap().indices).collect();
    for (ranks, each) in [(2, 4), (3, 2)] {
        for rank in 0..ranks {
            let mut own = loader(Numbers::new(), 4).shard(rank, ranks).unwrap().threads(rank);
            assert_eq!(own.batches_per_epoch(), each as u64);
            let batches: Vec<Vec<usize>> = own.by_ref().map(|batch| batch.unwrap().indices).collect();
            assert!(batches.iter().eq(whole.iter().skip(rank).step_by(ranks).take(each)));
            own.seek(0, 1).unwrap();
            assert_eq!(own.next().unwrap().unwrap().indices, batches[1]);
        }
    }
    assert!(loader(Numbers::new(), 4).shard(3, 3).is_err());
}
