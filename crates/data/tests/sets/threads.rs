//! Loader threads: the same batches at any number, failures at their place, nothing left behind.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::Duration;

use gradus_data::{
    Augmented, Batch, Bucketed, DataError, Loader, Pairs, Position, Samples, Source, Weighted, mixup,
};
use gradus_tensor::{Rng, Tensor, with_threads};

fn pairs(count: usize) -> Pairs<f32, f32> {
    Pairs::new(Tensor::from_fn([count, 3], |i| (10 * i[0] + i[1]) as f32), Tensor::arange(count)).unwrap()
}

/// Samples that take longer the smaller their number: late ones are ready first.
struct Slow(Pairs<f32, f32>);

impl Source for Slow {
    type Inputs = Tensor<f32>;
    type Targets = Tensor<f32>;
    fn len(&self) -> usize {
        self.0.len()
    }
    fn fetch(&self, indices: &[usize]) -> Result<(Tensor<f32>, Tensor<f32>), DataError> {
        std::thread::sleep(Duration::from_micros(300_u64.saturating_sub(10 * indices[0] as u64)));
        self.0.fetch(indices)
    }
}

/// All of a source's augmentations at once.
fn augmented(seed: u64) -> impl Source<Inputs = Tensor<f32>, Targets = Tensor<f32>> + Send + Sync + 'static {
    Slow(pairs(37))
        .augment(seed, |x, rng| x + Tensor::normal([3], 0.0, 1.0, rng))
        .augment_batches(seed, |x, y, rng| mixup(&x, &y, 0.4, rng))
        .map(|x, y| Ok((x * 2.0, y)))
}

type Seen = Vec<(Position, Option<Batch<Tensor<f32>, Tensor<f32>>>)>;

fn walk<S>(loader: &mut Loader<S>, epochs: u64) -> Seen
where
    S: Source<Inputs = Tensor<f32>, Targets = Tensor<f32>>,
{
    let mut seen = Vec::new();
    // On a mutable reference `position` would be the iterator's.
    while Loader::position(loader).epoch < epochs {
        let place = Loader::position(loader);
        seen.push((place, loader.next().transpose().unwrap()));
    }
    seen
}

#[test]
fn batches_are_the_same_at_any_number_of_threads() {
    let lengths: Vec<usize> = (0..37).map(|i| i * 5 % 17).collect();
    let make = |kind, threads| {
        let loader = Loader::new(augmented(3), 5, 11);
        match kind {
            0 => Ok(loader),
            1 => loader.sampler(Bucketed::new(lengths.clone())),
            _ => loader.sampler(Weighted::new(vec![1.0; 37]).unwrap().draws(20)),
        }
        .unwrap()
        .threads(threads)
    };
    for kind in 0..3 {
        let plain = walk(&mut make(kind, 0), 3);
        for threads in [1, 2, 3, 8] {
            for factor in [1, 3] {
                let mut loader = make(kind, threads).prefetch_factor(factor);
                assert!(walk(&mut loader, 3) == plain, "{threads} threads, factor {factor}, sampler {kind}");
            }
        }
    }
    // Nor does the number of threads that compute show.
    for (compute, threads) in [(1, 3), (2, 2), (4, 8)] {
        let seen = with_threads(compute, || walk(&mut make(1, threads), 2));
        assert!(seen == walk(&mut make(1, 0), 2), "{compute} and {threads} threads");
    }
    // The augmentation is there, and each epoch has its own.
    let (one, other) = (augmented(3).fetch_in(0, &[4]).unwrap(), augmented(3).fetch_in(1, &[4]).unwrap());
    assert!(one != other && one != augmented(4).fetch_in(0, &[4]).unwrap());
}

#[test]
fn augmentation_belongs_to_seed_epoch_and_sample() {
    let noisy: Augmented<_, _> = pairs(20).augment(5, |x, rng| x + Tensor::normal([3], 0.0, 1.0, rng));
    let whole = noisy.fetch_in(2, &(0..20).collect::<Vec<_>>()).unwrap().0.part();
    for size in [1, 3, 7] {
        for batch in Loader::new(&noisy, size, 1).map(Result::unwrap).take(20 / size) {
            let again = noisy.fetch_in(2, &batch.indices).unwrap().0.part();
            assert!(again.iter().zip(&batch.indices).all(|(sample, &index)| *sample == whole[index]));
        }
    }
    // Each sample and each epoch has numbers of its own.
    let all: Vec<usize> = (0..20).collect();
    let noise = |epoch| -> Vec<u32> {
        let changed = noisy.fetch_in(epoch, &all).unwrap().0 - pairs(20).inputs();
        changed.to_vec().iter().map(|value| (value * 1e4).round().to_bits()).collect()
    };
    let mut seen: Vec<u32> = (0..5).flat_map(noise).collect();
    seen.sort_unstable();
    seen.dedup();
    assert!(seen.len() > 290, "only {} of 300 numbers differ", seen.len());
    // A sample that comes again in its epoch is changed anew, whatever the batches and threads.
    let weighted = |size, threads| -> Vec<(usize, u32)> {
        let sampler = Weighted::new(vec![1.0; 20]).unwrap().draws(60);
        let noisy = pairs(20).augment(5, |x, rng| x + Tensor::normal([3], 0.0, 1.0, rng));
        let loader = Loader::new(noisy, size, 1).sampler(sampler).unwrap().threads(threads);
        let batches = loader.map(Result::unwrap);
        let rows = |batch: Batch<Tensor<f32>, _>| {
            let first: Vec<u32> =
                batch.inputs.select(1, 0).to_vec().iter().map(|value| value.to_bits()).collect();
            batch.indices.into_iter().zip(first)
        };
        batches.flat_map(rows).collect()
    };
    let mut drawn = weighted(7, 0);
    assert!(drawn == weighted(13, 3));
    drawn.sort_unstable();
    assert!(drawn.windows(2).all(|pair| pair[0] != pair[1]), "a repeated sample is changed alike: {drawn:?}");
    assert!(drawn.windows(2).any(|pair| pair[0].0 == pair[1].0));
    // And so has each batch, by what is in it.
    let moved = pairs(20).augment_batches(5, |x, y, rng| Ok((x + rng.uniform01::<f32>(), y)));
    let shift = |epoch, indices: &[usize]| {
        let (x, _) = moved.fetch_in(epoch, indices).unwrap();
        ((x.at(&[0, 0]) - 10.0 * indices[0] as f32) * 1e4).round() as i32
    };
    let shifts = [shift(0, &[1, 2]), shift(0, &[1, 3]), shift(0, &[2, 1]), shift(1, &[1, 2])];
    assert!((0..4).all(|i| (0..i).all(|j| shifts[i] != shifts[j])), "{shifts:?}");
    assert_eq!(shift(0, &[1, 2]), shifts[0]);
}

#[test]
fn seeking_re_aims_the_threads() {
    let plain = walk(&mut Loader::new(augmented(3), 4, 2), 3);
    let mut rng = Rng::seed(8);
    let mut loader = Loader::new(augmented(3), 4, 2).threads(3);
    for _ in 0..60 {
        let start = rng.below(plain.len());
        let place = plain[start].0;
        loader.seek(place.epoch, place.batch).unwrap();
        for (place, batch) in plain.iter().skip(start).take(rng.below(6)) {
            assert_eq!(loader.position(), *place);
            assert!(loader.next().transpose().unwrap() == *batch);
        }
    }
    let mut twin = loader.clone();
    assert_eq!(twin.position(), loader.position());
    assert!(twin.next().transpose().unwrap() == loader.next().transpose().unwrap());
}

/// Fails at one sample and panics at another.
struct Broken;

impl Source for Broken {
    type Inputs = usize;
    type Targets = ();
    fn len(&self) -> usize {
        30
    }
    fn fetch(&self, indices: &[usize]) -> Result<(usize, ()), DataError> {
        assert!(!indices.contains(&17), "sample 17 is cursed");
        if indices.contains(&8) {
            let cause = std::io::Error::other("bad sector");
            return Err(DataError::System { file: "8.png".into(), action: "read", cause });
        }
        Ok((indices[0], ()))
    }
}

#[test]
fn errors_and_panics_arrive_at_their_batch() {
    for threads in [0, 1, 3, 8] {
        let mut loader = Loader::new(Broken, 3, 0).in_order().threads(threads);
        for epoch in 0..2 {
            for batch in 0..10 {
                assert_eq!(loader.position(), Position { epoch, batch });
                let result = catch_unwind(AssertUnwindSafe(|| loader.next()));
                match batch {
                    5 => {
                        let panic = result.unwrap_err();
                        assert_eq!(panic.downcast_ref::<&str>(), Some(&"sample 17 is cursed"));
                    }
                    2 => {
                        let error = result.unwrap().unwrap().unwrap_err().to_string();
                        assert_eq!(error, "8.png: cannot read: bad sector", "{threads} threads");
                    }
                    _ => assert_eq!(result.unwrap().unwrap().unwrap().inputs, 3 * batch as usize),
                }
            }
            assert!(loader.next().is_none());
        }
    }
}

#[test]
fn threads_work_ahead_but_not_further_than_they_may() {
    /// Counts what was fetched.
    struct Counting(Arc<AtomicUsize>);
    impl Source for Counting {
        type Inputs = ();
        type Targets = ();
        fn len(&self) -> usize {
            1000
        }
        fn fetch(&self, _: &[usize]) -> Result<((), ()), DataError> {
            self.0.fetch_add(1, SeqCst);
            Ok(((), ()))
        }
    }
    let count = Arc::new(AtomicUsize::new(0));
    let mut loader = Loader::new(Counting(Arc::clone(&count)), 10, 0).threads(2).prefetch_factor(3);
    loader.next();
    while count.load(SeqCst) < 7 {
        std::thread::yield_now();
    }
    std::thread::sleep(Duration::from_millis(20));
    assert_eq!(count.load(SeqCst), 7, "one was taken, six wait");
    assert_eq!(loader.by_ref().count(), 99);
    assert_eq!(count.load(SeqCst), 100, "no thread begins the next epoch by itself");
    drop(loader);
    assert_eq!(Arc::strong_count(&count), 1, "the source is gone with the loader");
}

/// Threads of this process.
#[cfg(target_os = "linux")]
fn tasks() -> usize {
    std::fs::read_dir("/proc/self/task").unwrap().count()
}

/// Resident memory in kB.
#[cfg(target_os = "linux")]
fn resident() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

/// In a process of its own, where nobody else starts threads or allocates.
#[test]
#[cfg(target_os = "linux")]
fn nothing_is_left_behind() {
    let program = std::env::current_exe().unwrap();
    let arguments = ["--exact", "threads::a_thousand_epochs", "--ignored", "--test-threads=1", "--nocapture"];
    let output = Command::new(program).args(arguments).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success() && text.contains("1 passed"),
        "{text}{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

#[test]
#[cfg(target_os = "linux")]
#[ignore = "run by nothing_is_left_behind"]
fn a_thousand_epochs() {
    let before = tasks();
    // Blocks of a size that threads keep to themselves, and of one that all share.
    let wide = Pairs::new(Tensor::<f32>::ones([8, 5000]), Tensor::<f32>::ones([8, 10])).unwrap();
    let mut loader = Loader::new(wide.clone(), 2, 1).threads(3);
    let mut rest = || loader.by_ref().for_each(|batch| drop(batch.unwrap()));
    (0..100).for_each(|_| rest());
    let (warm, live) = (resident(), gradus_tensor::memory().live);
    (0..900).for_each(|_| rest());
    assert_eq!(tasks(), before + 3);
    let grown = resident().saturating_sub(warm);
    // 140 MB went by. What is allowed: the MiB of small blocks that the taking thread keeps, and as much again.
    assert!(grown < 2048, "{grown} kB more than {warm}");
    assert!(gradus_tensor::memory().live <= live + 4 * 1024 * 1024);
    drop(loader);
    assert_eq!(tasks(), before, "threads outlive their loader");
    // In the middle of an epoch, and right after a seek.
    for round in 0..50 {
        let mut loader = Loader::new(wide.clone(), 2, 1).threads(1 + round % 4);
        for _ in 0..round % 5 {
            loader.next().transpose().unwrap();
        }
        loader.seek(3, 1).unwrap();
        if round % 2 == 0 {
            loader.next().transpose().unwrap();
        }
    }
    assert_eq!(tasks(), before, "threads outlive their loader");
}
