//! Samplers: what an epoch holds, batch by batch.

use std::collections::BTreeMap;

use gradus_data::{
    Bucketed, Cut, DataError, Grouped, InOrder, Loader, Pairs, Plan, Sampler, Shard, Shuffled, Source,
    Subset, TokenBudget, Weighted,
};
use gradus_tensor::{Rng, Tensor};

fn batches(plan: &Plan) -> Vec<Vec<usize>> {
    (0..plan.len()).map(|batch| plan.batch(batch)).collect()
}

fn sorted(plan: &Plan) -> Vec<usize> {
    let mut all = batches(plan).concat();
    all.sort_unstable();
    all
}

/// Some lengths from 0 to 29, and groups from 0 to 3.
fn lengths(samples: usize, seed: u64) -> Vec<usize> {
    let mut rng = Rng::seed(seed);
    (0..samples).map(|_| rng.below(30)).collect()
}

fn groups(samples: usize, seed: u64) -> Vec<i64> {
    lengths(samples, seed).into_iter().map(|length| length as i64 % 4).collect()
}

#[test]
fn every_sample_comes_once_in_equally_many_batches_each_epoch() {
    for samples in [0, 1, 2, 7, 40, 203] {
        for size in [1, 3, 8, 500] {
            let cut = Cut { size, drop_last: false };
            let lengths = lengths(samples, 5);
            let all: [(&str, Box<dyn Sampler>); 6] = [
                ("in order", Box::new(InOrder)),
                ("shuffled", Box::new(Shuffled)),
                ("bucketed", Box::new(Bucketed::new(lengths.clone()).pool(3))),
                ("budget", Box::new(TokenBudget::new(lengths.clone(), 64).unwrap().width(4))),
                ("grouped", Box::new(Grouped::new(groups(samples, 6)))),
                ("subset", Box::new(Subset::new((0..samples).rev().collect(), Shuffled))),
            ];
            for (name, sampler) in all {
                sampler.check(samples).unwrap();
                for epoch in 0..4 {
                    let plan = sampler.plan(samples, cut, &mut Rng::seed(epoch));
                    assert_eq!(
                        sorted(&plan),
                        (0..samples).collect::<Vec<_>>(),
                        "{name}: {samples} in {size}"
                    );
                    assert_eq!(plan.len(), sampler.batches(samples, cut), "{name}: {samples} in {size}");
                    let right = |batch: &Vec<usize>| (1..=size).contains(&batch.len());
                    assert!(batches(&plan).iter().all(right), "{name}: {samples} in {size}");
                    assert_eq!(plan, sampler.plan(samples, cut, &mut Rng::seed(epoch)), "{name}");
                }
                if samples > 30 && name != "in order" {
                    let other = |epoch| sampler.plan(samples, cut, &mut Rng::seed(epoch));
                    assert_ne!(other(0), other(1), "{name}: epochs repeat an order");
                }
            }
        }
    }
}

#[test]
fn buckets_hold_what_is_alike() {
    let (lengths, groups) = (lengths(500, 1), groups(500, 2));
    let cut = Cut { size: 8, drop_last: false };
    let spread = |plan: &Plan| -> usize {
        let range = |batch: &Vec<usize>| {
            let of = batch.iter().map(|&i| lengths[i]);
            of.clone().max().unwrap() - of.min().unwrap()
        };
        batches(plan).iter().map(range).sum()
    };
    let rng = || Rng::seed(3);
    let (loose, tight) = (Shuffled, Bucketed::new(lengths.clone()));
    assert!(spread(&tight.plan(500, cut, &mut rng())) * 10 < spread(&loose.plan(500, cut, &mut rng())));
    // A pool of one batch sorts inside batches alone.
    let as_loose = Bucketed::new(lengths.clone()).pool(1).plan(500, cut, &mut rng());
    assert_eq!(spread(&as_loose), spread(&loose.plan(500, cut, &mut rng())));
    for batch in batches(&Grouped::new(groups.clone()).plan(500, cut, &mut rng())) {
        assert!(batch.iter().all(|&i| groups[i] == groups[batch[0]]));
    }
    for width in [1, 5, 16] {
        let budget = TokenBudget::new(lengths.clone(), 100).unwrap().width(width);
        let large = Cut { size: 1000, drop_last: false };
        let plan = budget.plan(500, large, &mut rng());
        for batch in batches(&plan) {
            let longest = batch.iter().map(|&i| lengths[i]).max().unwrap();
            assert!(longest * batch.len() <= 100, "width {width}: {} of {longest}", batch.len());
        }
        // Not many more batches than the tokens need: at most one is half empty per width.
        assert!(
            plan.len() <= lengths.iter().map(|l| l.next_multiple_of(width).max(1)).sum::<usize>() / 50 + 2
        );
    }
}

#[test]
fn short_batches_are_dropped_when_asked() {
    let cut = Cut { size: 3, drop_last: true };
    let rng = || Rng::seed(0);
    let full = |plan: &Plan| batches(plan).iter().all(|batch| batch.len() == 3);
    let grouped = Grouped::new(vec![0, 0, 0, 0, 1, 1, 1, 2, 2]);
    let plan = grouped.plan(9, cut, &mut rng());
    assert!(plan.len() == 2 && full(&plan) && grouped.batches(9, cut) == 2);
    let bucketed = Bucketed::new(lengths(11, 0));
    let plan = bucketed.plan(11, cut, &mut rng());
    assert!(plan.len() == 3 && full(&plan) && bucketed.batches(11, cut) == 3);
    let budget = TokenBudget::new(vec![5; 7], 10).unwrap();
    assert_eq!((budget.batches(7, Cut { size: 3, drop_last: false }), budget.batches(7, cut)), (4, 3));
}

#[test]
fn weights_are_proportions() {
    let cut = |size| Cut { size, drop_last: false };
    let weights = vec![0.0, 1.0, 2.0, 0.0, 5.0, 0.0];
    let order = Weighted::new(weights.clone()).unwrap().draws(8000);
    let mut counts = [0.0; 6];
    order.plan(6, cut(8000), &mut Rng::seed(1)).batch(0).into_iter().for_each(|i| counts[i] += 1.0);
    for (count, weight) in counts.into_iter().zip(&weights) {
        // Five standard deviations of a binomial draw.
        let (mean, p) = (1000.0 * weight, weight / 8.0);
        assert!((count - mean).abs() <= 5.0 * (8000.0 * p * (1.0 - p)).sqrt(), "{counts:?}");
    }
    // Without replacement the first of two draws has the chances 1/8, 2/8 and 5/8; the second 1/6 if the last came first.
    let two = Weighted::new(weights).unwrap().draws(2).without_replacement();
    let (mut first, mut pairs) = (BTreeMap::<usize, f64>::new(), 0.0);
    for seed in 0..4000 {
        let drawn = two.plan(6, cut(2), &mut Rng::seed(seed)).batch(0);
        assert_ne!(drawn[0], drawn[1]);
        *first.entry(drawn[0]).or_insert(0.0) += 1.0;
        pairs += f64::from(u8::from(drawn == [4, 1]));
    }
    assert!((first[&4] / 4000.0 - 0.625).abs() < 0.04 && (first[&1] / 4000.0 - 0.125).abs() < 0.03);
    assert!((pairs / 4000.0 - 0.625 / 3.0).abs() < 0.035, "{pairs}");
}

#[test]
fn ranks_share_an_epoch() {
    for (samples, ranks) in [(10, 3), (9, 3), (2, 5), (0, 2), (40, 1)] {
        for drop_last in [false, true] {
            let cut = Cut { size: 2, drop_last };
            let plan = |rank| {
                let shard = Shard::new(Shuffled, rank, ranks).unwrap();
                let plan = shard.plan(samples, cut, &mut Rng::seed(4));
                assert_eq!(plan.len(), shard.batches(samples, cut));
                batches(&plan).concat()
            };
            let shares: Vec<_> = (0..ranks).map(plan).collect();
            let each = if drop_last { samples / ranks / 2 * 2 } else { samples.div_ceil(ranks) };
            assert!(shares.iter().all(|share| share.len() == each), "{shares:?}");
            // As PyTorch: place p of the common order is rank p mod ranks' own.
            let whole = batches(&Shuffled.plan(samples, cut, &mut Rng::seed(4))).concat();
            let whole = if drop_last { Rng::seed(4).permutation(samples) } else { whole };
            for (rank, share) in shares.iter().enumerate() {
                let expected = (0..each).map(|turn| whole[(turn * ranks + rank) % samples]);
                assert!(share.iter().copied().eq(expected), "{shares:?} of {whole:?}");
            }
        }
    }
    // Batches of one kind stay whole.
    let groups = groups(50, 3);
    for rank in 0..3 {
        let shard = Shard::new(Grouped::new(groups.clone()), rank, 3).unwrap();
        for batch in batches(&shard.plan(50, Cut { size: 4, drop_last: false }, &mut Rng::seed(4))) {
            assert!(batch.iter().all(|&i| groups[i] == groups[batch[0]]));
        }
    }
}

#[test]
fn what_a_sampler_cannot_do_is_said() {
    let text = |error: Result<(), DataError>| error.unwrap_err().to_string();
    let new = |result: Result<Weighted, DataError>| result.map(|_| ());
    assert!(text(new(Weighted::new(vec![1.0, -2.0]))).contains("sample 1 has the weight -2"));
    assert!(text(new(Weighted::new(vec![1.0, f64::NAN]))).contains("sample 1 has the weight NaN"));
    assert!(text(new(Weighted::new(vec![0.0]))).contains("the 1 weights add up to 0"));
    assert!(text(new(Weighted::balanced(&[]))).contains("the 0 weights add up to 0"));
    assert!(text(Weighted::new(vec![1.0]).unwrap().check(3)).contains("1 weights for 3 samples"));
    let greedy = Weighted::new(vec![1.0, 0.0]).unwrap().without_replacement();
    assert!(text(greedy.check(2)).contains("2 draws without replacement of 1 samples with weight"));
    assert!(text(Bucketed::new(vec![1]).check(2)).contains("1 lengths for 2 samples"));
    assert!(text(Grouped::new(vec![]).check(2)).contains("0 groups for 2 samples"));
    assert!(text(Subset::new(vec![5], InOrder).check(5)).contains("there is no sample 5, the source has 5"));
    let budget = TokenBudget::new(vec![3, 9], 8).map(|_| ());
    assert!(text(budget).contains("sample 1 of length 9 is above the budget 8"));
    assert!(text(Shard::new(InOrder, 2, 2).map(|_| ())).contains("there is no rank 2 among 2"));

    let data = Pairs::new(Tensor::<f32>::arange(3), Tensor::<i64>::arange(3)).unwrap();
    assert!(Loader::new(&data, 2, 0).sampler(Bucketed::new(vec![1])).is_err());
    assert!(data.fetch(&[0, 3]).unwrap_err().to_string().contains("there is no sample 3, the set has 3"));
}

#[test]
fn a_loader_checks_the_plans_of_its_sampler() {
    /// Epochs of different lengths, or with a sample that does not exist.
    #[derive(Debug)]
    struct Wrong(bool);
    impl Sampler for Wrong {
        fn plan(&self, samples: usize, cut: Cut, rng: &mut Rng) -> Plan {
            let more = if self.0 { 1 } else { rng.below(1000) };
            Plan::new((0..samples + more).collect(), cut)
        }
        fn batches(&self, samples: usize, _: Cut) -> usize {
            samples + 1
        }
    }
    let data = Pairs::new(Tensor::<f32>::arange(3), Tensor::<i64>::arange(3)).unwrap();
    let first =
        |wrong| Loader::new(&data, 1, 0).sampler(wrong).unwrap().next().unwrap().unwrap_err().to_string();
    assert!(first(Wrong(true)).contains("epoch 0 asks for sample 3, the source has 3"));
    assert!(first(Wrong(false)).contains("batches instead of 4"));
}

#[test]
fn loaders_of_any_sampler_resume_at_any_place() {
    let data = Pairs::new(Tensor::<f32>::arange(23), Tensor::<i64>::arange(23)).unwrap();
    let make = |kind| {
        let loader = Loader::new(&data, 4, 9);
        match kind {
            0 => loader.sampler(Weighted::new((1..24).map(f64::from).collect()).unwrap().draws(30)),
            1 => loader.sampler(Bucketed::new(lengths(23, 0))),
            2 => loader.sampler(TokenBudget::new(lengths(23, 0), 60).unwrap()),
            // In either order.
            3 => loader.shard(1, 2).and_then(|loader| loader.sampler(Grouped::new(groups(23, 0)))),
            _ => loader.sampler(Subset::new(vec![3, 5, 8, 13, 21], Shuffled)),
        }
        .unwrap()
    };
    for kind in 0..5 {
        let mut all = make(kind);
        let (mut places, mut seen) = (Vec::new(), Vec::new());
        while all.position().epoch < 3 {
            places.push(all.position());
            seen.push(all.next().transpose().unwrap());
        }
        assert_eq!(places.len() as u64, 3 * (all.batches_per_epoch() + 1));
        for start in (0..places.len()).rev() {
            let mut resumed = make(kind);
            resumed.seek(places[start].epoch, places[start].batch).unwrap();
            for expected in &seen[start..] {
                assert_eq!(&resumed.next().transpose().unwrap(), expected, "sampler {kind}");
            }
        }
    }
}
