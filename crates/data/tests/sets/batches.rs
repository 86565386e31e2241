//! Pairs and loaders: every sample comes once, orders are functions of integers, resuming is exact.

use gradus_data::{DataError, Loader, Pairs, Position, Source};
use gradus_tensor::{Rng, Tensor, with_threads};

/// Sample i has the inputs [10 i, 10 i + 1] and the target i.
fn pairs(count: usize) -> Pairs<f32, i64> {
    let x = Tensor::from_fn([count, 2], |i| (10 * i[0] + i[1]) as f32);
    Pairs::new(x, Tensor::arange(count)).unwrap()
}

#[test]
fn counts_must_agree() {
    let error = Pairs::new(Tensor::<f32>::zeros([3, 2]), Tensor::<f32>::zeros([4])).unwrap_err().to_string();
    assert!(
        error.contains("inputs [3, 2] and targets [4]") && error.contains("one target per input"),
        "{error}"
    );
    assert!(Pairs::new(Tensor::scalar(1.0_f32), Tensor::scalar(1.0_f32)).is_err());
    assert!(Pairs::new(Tensor::<f32>::zeros([0, 2]), Tensor::<i64>::zeros([0])).unwrap().is_empty());
}

#[test]
fn batches_give_every_sample_once_and_keep_pairs_together() {
    for (count, size) in [(0, 3), (1, 3), (3, 3), (10, 3), (10, 1), (10, 100)] {
        let data = pairs(count);
        let mut rng = Rng::seed(4);
        let batches = data.batches(size, &mut rng);
        assert_eq!(batches.len(), count.div_ceil(size));
        let mut seen = Vec::new();
        for (x, y) in batches {
            assert!(x.dims() == [y.len(), 2] && (y.len() == size || seen.len() + y.len() == count));
            for (row, target) in y.to_vec().into_iter().enumerate() {
                let first = x.at(&[row, 0]);
                assert_eq!((first, x.at(&[row, 1])), (10.0 * target as f32, first + 1.0));
                seen.push(target);
            }
        }
        assert_eq!(rng.state().counter, {
            let mut r = Rng::seed(4);
            let _ = r.permutation(count);
            r.state().counter
        });
        seen.sort_unstable();
        assert_eq!(seen, (0..count as i64).collect::<Vec<_>>());
        let whole = data.batches(size, &mut rng).drop_last();
        assert_eq!(whole.len(), count / size);
        assert!(whole.map(|(x, _)| x.dim(0)).all(|n| n == size));
    }
}

#[test]
fn batches_are_in_random_order_and_in_order_ones_are_not() {
    let data = pairs(50);
    let targets = |batches: gradus_data::Batches<'_, f32, i64>| -> Vec<i64> {
        batches.flat_map(|(_, y)| y.to_vec()).collect()
    };
    let mut rng = Rng::seed(1);
    let (first, second) = (targets(data.batches(8, &mut rng)), targets(data.batches(8, &mut rng)));
    assert_ne!(first, second);
    assert_eq!(first, targets(data.batches(8, &mut Rng::seed(1))));
    assert_eq!(targets(data.in_order(8)), (0..50).collect::<Vec<_>>());
    let (x, _) = data.in_order(8).nth(1).unwrap();
    assert_eq!(x.storage().as_ptr(), data.inputs().storage().as_ptr(), "evaluation copies nothing");
}

#[test]
fn a_view_becomes_pairs_as_it_reads() {
    let turned = Tensor::<f32>::arange(6).reshape([2, 3]).transpose(0, 1);
    let data = Pairs::new(turned, Tensor::<i64>::arange(3)).unwrap();
    assert_eq!(data.select(&[2, 0]).inputs(), &Tensor::from([[2.0, 5.0], [0.0, 3.0]]));
}

#[test]
#[should_panic(expected = "batches: a batch needs samples: size 0")]
fn batches_of_nothing_panic() {
    let _ = pairs(3).batches(0, &mut Rng::seed(0));
}

#[test]
fn each_epoch_of_a_loader_gives_every_sample_once_in_its_own_order() {
    let mut loader = Loader::new(pairs(10), 3, 7);
    assert_eq!(loader.batches_per_epoch(), 4);
    let mut orders = Vec::new();
    for epoch in 0..4 {
        assert_eq!(loader.position(), Position { epoch, batch: 0 });
        let mut order = Vec::new();
        for batch in loader.by_ref().map(Result::unwrap) {
            assert_eq!(batch.targets.to_vec(), batch.indices.iter().map(|&i| i as i64).collect::<Vec<_>>());
            order.extend(batch.indices);
        }
        let mut sorted = order.clone();
        sorted.sort_unstable();
        assert_eq!(sorted, (0..10).collect::<Vec<_>>());
        orders.push(order);
    }
    orders.sort();
    orders.dedup();
    assert_eq!(orders.len(), 4, "epochs repeat an order");
}

#[test]
fn a_loader_resumes_at_any_place() {
    let data = pairs(11);
    let mut all = Loader::new(&data, 4, 9);
    let (mut places, mut batches) = (Vec::new(), Vec::new());
    while all.position().epoch < 3 {
        places.push(all.position());
        batches.push(all.next().transpose().unwrap());
    }
    assert_eq!(places.len(), 12); // three batches and the end, three times
    for (start, place) in places.iter().enumerate().rev() {
        let mut resumed = Loader::new(&data, 4, 9);
        resumed.seek(place.epoch, place.batch).unwrap();
        for (place, batch) in places.iter().zip(&batches).skip(start) {
            assert_eq!((resumed.position(), &resumed.next().transpose().unwrap()), (*place, batch));
        }
    }
    let error = all.seek(0, 4).unwrap_err().to_string();
    assert!(error.contains("no batch 4, an epoch has 3"), "{error}");
    let first = |seed| Loader::new(&data, 4, seed).next().transpose().unwrap();
    assert_ne!(first(9), first(10));
}

#[test]
fn a_loaders_order_is_the_same_at_any_number_of_threads() {
    let order = |threads| {
        with_threads(threads, || {
            Loader::new(pairs(5000), 64, 3).map(|batch| batch.unwrap().inputs.to_vec()).collect::<Vec<_>>()
        })
    };
    assert_eq!(order(1), order(4));
}

#[test]
fn a_loader_may_drop_the_last_batch_or_keep_the_order() {
    let sizes =
        |loader: Loader<Pairs<f32, i64>>| loader.map(|b| b.unwrap().indices.len()).collect::<Vec<_>>();
    assert_eq!(sizes(Loader::new(pairs(10), 4, 0).drop_last()), [4, 4]);
    assert_eq!(sizes(Loader::new(pairs(8), 4, 0).drop_last()), [4, 4]);
    assert_eq!(sizes(Loader::new(pairs(3), 4, 0).drop_last()), [0; 0]);
    assert_eq!(sizes(Loader::new(pairs(0), 4, 0)), [0; 0]);
    let plain: Vec<usize> =
        Loader::new(pairs(6), 4, 0).in_order().flat_map(|batch| batch.unwrap().indices).collect();
    assert_eq!(plain, [0, 1, 2, 3, 4, 5]);
}

#[test]
fn any_source_can_be_loaded() {
    struct Squares;
    impl Source for Squares {
        type Inputs = Vec<usize>;
        type Targets = usize;
        fn len(&self) -> usize {
            5
        }
        fn fetch(&self, indices: &[usize]) -> Result<(Vec<usize>, usize), DataError> {
            Ok((indices.iter().map(|i| i * i).collect(), indices.len()))
        }
    }
    let mut squares: Vec<usize> =
        Loader::new(Squares, 2, 1).flat_map(|batch| batch.unwrap().inputs).collect();
    squares.sort_unstable();
    assert_eq!(squares, [0, 1, 4, 9, 16]);
}
