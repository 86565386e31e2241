//! Truth values, searching and counting of `Tensor`, which have no differentiable twin, against naive computations.
#![allow(clippy::unwrap_used)] // tests may stop at the first surprise

use gradus_suite::on_every_layout;
use gradus_tensor::{Element, Tensor, with_threads};
use gradus_testkit::{Dense, Noise, assert_close};

const NAN: f64 = f64::NAN;
const INF: f64 = f64::INFINITY;

fn truth(value: bool) -> f64 {
    f64::from(u8::from(value))
}

#[test]
fn comparisons_with_a_number() {
    on_every_layout(0, |x, dense, _| {
        let c = dense.data().first().copied().unwrap_or(0.0);
        assert_close(&x.equal_scalar(c), &dense.map(|x| truth(x == c)));
        assert_close(&x.not_equal_scalar(c), &dense.map(|x| truth(x != c)));
        assert_close(&x.less_scalar(c), &dense.map(|x| truth(x < c)));
        assert_close(&x.less_equal_scalar(c), &dense.map(|x| truth(x <= c)));
        assert_close(&x.greater_scalar(c), &dense.map(|x| truth(x > c)));
        assert_close(&x.greater_equal_scalar(c), &dense.map(|x| truth(x >= c)));
    });
}

#[test]
fn logic_is_that_of_truth_tables() {
    let (a, b) = (Tensor::from([[true], [false]]), Tensor::from([true, false]));
    assert_eq!(a.logical_and(&b).to_vec(), [true, false, false, false]);
    assert_eq!(a.logical_or(&b).to_vec(), [true, true, true, false]);
    assert_eq!(a.logical_xor(&b).to_vec(), [false, true, true, false]);
    assert_eq!(a.logical_not().to_vec(), [false, true]);
    assert_eq!((&a & &b, &a | &b, &a ^ &b), (a.logical_and(&b), a.logical_or(&b), a.logical_xor(&b)));
    assert_eq!(!&a, !a.clone());
}

#[test]
fn what_numbers_are() {
    let x = Tensor::from([NAN, INF, -INF, 0.0, -0.0, 1e-310, -2.0]);
    assert_eq!(x.is_nan().to_vec(), [true, false, false, false, false, false, false]);
    assert_eq!(x.is_finite().to_vec(), [false, false, false, true, true, true, true]);
    assert_eq!(x.is_infinite().to_vec(), [false, true, true, false, false, false, false]);
    assert_eq!(x.signbit().to_vec()[1..], [false, true, false, true, false, true]);
    let y = Tensor::from([NAN, INF, INF, 1e-9, 0.0, 0.0, -2.0001]);
    assert_eq!(x.is_close(&y, 1e-3, 1e-8).to_vec(), [false, true, false, true, true, true, true]);
}

#[test]
fn truth_over_axes() {
    on_every_layout(0, |x, dense, p| {
        let (mask, want) = (x.greater_scalar(0.5), dense.map(|x| truth(x > 0.5)));
        let (axes, at, keep) = (p.axes(0, x.rank()), p.axes_at(0, x.rank()), p.flag(1));
        let over = |f: fn(&[f64]) -> f64| want.reduce(&at, keep, f);
        assert_close(&mask.all_axes(&axes, keep), &over(|v| truth(v.iter().all(|&v| v == 1.0))));
        assert_close(&mask.any_axes(&axes, keep), &over(|v| truth(v.contains(&1.0))));
        assert_close(&mask.count_axes(&axes, keep), &over(|v| v.iter().sum()));
        assert_eq!(mask.count_nonzero(), want.data().iter().sum::<f64>() as usize);
    });
    assert_eq!(Tensor::from([NAN, 0.0, -0.0, 2.0]).count_nonzero(), 2);
}

#[test]
fn places_of_what_is_not_nought() {
    on_every_layout(0, |x, dense, _| {
        let mask = x.greater_scalar(0.0);
        let places = mask.nonzero();
        assert_eq!(places.dims(), [mask.count_true(), x.rank()]);
        let rows = places.to_vec();
        for row in rows.chunks(x.rank().max(1)).take(mask.count_true() * x.rank().min(1)) {
            let index: Vec<usize> = row.iter().map(|&i| i as usize).collect();
            assert!(dense.at(&index) > 0.0, "{index:?}");
        }
        let flat = |row: &[i64]| row.iter().zip(dense.shape()).fold(0, |at, (i, n)| at * *n as i64 + i);
        let order: Vec<i64> = rows.chunks(x.rank().max(1)).map(flat).collect();
        assert!(order.is_sorted_by(|a, b| a < b), "{order:?}");
    });
}

#[test]
fn three_operands_broadcast() {
    on_every_layout(1, |x, dense, _| {
        let (scale, flip) = (Tensor::scalar(2_i64), x.less_scalar(0.0));
        let y = x.zip3(&scale, &flip, |x, n, flip| if flip { -x } else { x * n as f64 });
        assert_close(&y, &dense.map(|x| if x < 0.0 { -x } else { 2.0 * x }));
    });
}

fn sorts_as<T: Element>(x: &[T], want: &[i64], descending: &[i64]) {
    let x = Tensor::from(x);
    assert_eq!(x.argsort(0, false).to_vec(), want, "{x:?}");
    assert_eq!(x.argsort(0, true).to_vec(), descending, "{x:?}");
}

#[test]
fn every_type_sorts_and_equals_keep_their_order() {
    sorts_as(&[1.0, NAN, -0.0, 0.0, INF, -INF, NAN], &[5, 2, 3, 0, 4, 1, 6], &[1, 6, 4, 0, 2, 3, 5]);
    sorts_as(&[1.0_f32, f32::NAN, -0.0, 0.0, -1e-45, -3.0], &[5, 4, 2, 3, 0, 1], &[1, 0, 2, 3, 4, 5]);
    sorts_as(&[i64::MAX, -1, i64::MIN, 0, -1], &[2, 1, 4, 3, 0], &[0, 3, 1, 4, 2]);
    sorts_as(&[i32::MAX, -1, i32::MIN, 0], &[2, 1, 3, 0], &[0, 3, 1, 2]);
    sorts_as(&[200_u8, 3, 255, 3], &[1, 3, 0, 2], &[2, 0, 1, 3]);
    sorts_as(&[true, false, true, false], &[1, 3, 0, 2], &[0, 2, 1, 3]);
}

/// Long enough for a row to be cut among threads, with many equals.
#[test]
fn a_long_row_sorts_to_the_same_at_any_number_of_threads() {
    let mut noise = Noise::new(5);
    let values: Vec<f32> = (0..300_000).map(|_| noise.below(1000) as f32 - 500.0).collect();
    let x = Tensor::from(values.as_slice());
    let mut want: Vec<i64> = (0..values.len() as i64).collect();
    want.sort_by(|&a, &b| values[a as usize].total_cmp(&values[b as usize]));
    for threads in [1, 2, 3, 5] {
        let (sorted, places) = with_threads(threads, || x.sort(0, false));
        assert!(places.to_vec() == want && sorted.to_vec().is_sorted(), "{threads} threads");
        let (best, at) = with_threads(threads, || x.top_k(700, 0, true, true));
        assert!(best.to_vec() == x.sort(0, true).0.to_vec()[..700], "{threads} threads");
        assert!(at.to_vec() == x.argsort(0, true).to_vec()[..700], "{threads} threads");
    }
}

#[test]
fn different_elements_and_runs() {
    let x = Tensor::from([[2.0, -0.0, NAN, 2.0], [0.0, NAN, 2.0, -1.0]]);
    let unique = x.unique();
    assert_eq!(unique.values.to_vec()[..3], [-1.0, 0.0, 2.0]);
    assert!(unique.values.to_vec()[3..].iter().all(|x| x.is_nan()));
    assert_eq!(unique.counts.to_vec(), [1, 2, 3, 1, 1]);
    assert_eq!((unique.inverse.dims(), unique.inverse.to_vec()), ([2, 4], vec![2, 1, 3, 2, 1, 4, 2, 0]));
    let runs = Tensor::from([1_i64, 1, 2, 1, 1, 1]).unique_consecutive();
    assert_eq!((runs.values.to_vec(), runs.counts.to_vec()), (vec![1, 2, 1], vec![2, 1, 3]));
    assert_eq!(runs.inverse.to_vec(), [0, 0, 1, 2, 2, 2]);
    assert!(Tensor::<f32>::zeros([0, 3]).unique().values.is_empty());
    on_every_layout(0, |x, dense, _| {
        let rounded = x.floor();
        let mut want: Vec<f64> = dense.data().iter().map(|x| x.floor()).collect();
        let all = want.clone();
        want.sort_by(f64::total_cmp);
        want.dedup();
        let unique = rounded.unique();
        assert_eq!(unique.values.to_vec(), want);
        assert_eq!(unique.values.take(&unique.inverse).to_vec(), all);
        assert_eq!(unique.counts.sum().item() as usize, all.len());
    });
}

#[test]
fn places_in_sorted_rows() {
    let row = Tensor::from([1.0, 2.0, 2.0, 4.0]);
    let x = Tensor::from([[0.0, 1.0, 2.0], [3.0, 5.0, NAN]]);
    assert_eq!(row.searchsorted(&x, false).to_vec(), [0, 0, 1, 3, 4, 4]);
    assert_eq!(row.searchsorted(&x, true).to_vec(), [0, 1, 3, 3, 4, 4]);
    assert_eq!(x.bucketize(&row, true), row.searchsorted(&x, true));
    let rows = Tensor::from([[1_i64, 3, 5], [2, 4, 6]]);
    assert_eq!(rows.searchsorted(&Tensor::from([[3_i64], [3]]), false).to_vec(), [1, 1]);
    assert_eq!(rows.searchsorted(&Tensor::from([[3_i64], [4]]), true).to_vec(), [2, 2]);
    let none = Tensor::<f64>::zeros([0]);
    assert_eq!(none.searchsorted(&x, false).to_vec(), [0; 6]);
    assert!(row.searchsorted(&none, false).is_empty());
}

#[test]
fn counts_in_bins() {
    let bins = Tensor::from([[1_i64, 3], [1, 0]]);
    assert_eq!(bins.bincount(0).to_vec(), [1, 2, 0, 1]);
    assert_eq!(bins.bincount(6).to_vec(), [1, 2, 0, 1, 0, 0]);
    let weights = Tensor::from([[0.5, 1.0], [0.25, -2.0]]);
    assert_eq!(bins.bincount_weighted(&weights, 0).to_vec(), [-2.0, 0.75, 0.0, 1.0]);
    assert!(Tensor::<i64>::zeros([0]).bincount(0).is_empty());
    let x = Tensor::from([1.0, 2.0, 1.0, 3.0, NAN, -1.0, 0.0, 9.0]);
    assert_eq!(x.histc(4, 0.0, 3.0).to_vec(), [1, 2, 1, 1]);
    assert_eq!(Tensor::from([1.0, 2.0, 3.0]).histc(2, 0.0, 0.0).to_vec(), [1, 2]);
    assert_eq!(Tensor::from([5.0, 5.0]).histc(2, 0.0, 0.0).to_vec(), [0, 2]);
}

#[track_caller]
fn says(want: &str, f: impl FnOnce() + std::panic::UnwindSafe) {
    let error = std::panic::catch_unwind(f).unwrap_err();
    let said = error.downcast_ref::<String>().cloned();
    let said = said.or_else(|| error.downcast_ref::<&str>().map(|&said| said.to_owned()));
    assert_eq!(said.as_deref(), Some(want));
}

#[test]
fn mistakes_are_named() {
    let x = || Tensor::from([[1.0, 2.0], [3.0, 4.0]]);
    let at = |i: i64| Tensor::from([[i], [0]]);
    says("gather: index 2 at position 0 lies outside 0 .. 2", move || drop(x().gather(1, &at(2))));
    says("gather: index differs beside axis 0: [2, 2] and [2, 1]", move || drop(x().gather(0, &at(0))));
    says("top_k: too few elements: [2, 2] axis 1 (3 > 2)", move || drop(x().top_k(3, 1, true, true)));
    says("kth_value: k lies outside 1 ..= 2: [2, 2] axis 0 (k = 0)", move || {
        drop(x().kth_value(0, 0, false))
    });
    says("median: nothing to choose from: [0, 2] axis 0", || {
        drop(Tensor::<f32>::zeros([0, 2]).median(0, false))
    });
    says("quantile: quantile lies outside 0 ..= 1: 1.5", move || {
        drop(x().quantile(1.5, 0, gradus_tensor::QuantileMethod::Linear, false));
    });
    says("searchsorted: rows differ: [2, 2] and values [3, 1] (all axes but the last equal)", move || {
        drop(x().searchsorted(&Tensor::zeros([3, 1]), false));
    });
    says("bucketize: boundaries are not one row: [2, 2] (2 axes)", move || drop(x().bucketize(&x(), false)));
    says("bincount: bin -1 at position 1 is negative", || drop(Tensor::from([0_i64, -1]).bincount(0)));
    says("histc: no range to count in: 0 bins from 0 to 1", move || drop(x().histc(0, 0.0, 1.0)));
    says("embedding: the table is not [V, D]: [4] (1 axes)", || {
        drop(Tensor::<f32>::zeros([4]).embedding(&Tensor::from([0])))
    });
    says("take: index 4 at position 0 lies outside 0 .. 4", move || drop(x().take(&Tensor::from([4_i64]))));
    says("take_along: index does not broadcast beside axis 1: [2, 2] and [3, 1]", move || {
        drop(x().take_along(&Tensor::from([[0_i64], [0], [0]]), 1));
    });
    says("scatter: index and source differ: [2, 1] and [2, 2]", move || drop(x().scatter(1, &at(0), &x())));
    says("index_copy: source does not fit: [2, 2] (needs [1, 2])", move || {
        drop(x().index_copy(0, &Tensor::from([0_i64]), &x()));
    });
    says("linear_scan: shapes differ: [2, 2] and [2]", move || {
        drop(x().linear_scan(&Tensor::from([1.0, 2.0]), 0, false));
    });
    says("cumsum: no axis 2: [2, 2] has 2 axes", move || drop(x().cumsum(2, false)));
    says("norm: p is NaN: [2, 2] over []", move || drop(x().norm_axes(NAN, &[], false)));
}

#[test]
fn rows_of_ties_agree_with_a_naive_choice() {
    let x = Dense::from_fn(&[40, 9], |i| ((i[0] * 7 + i[1] * 5) % 4) as f64);
    let tensor = x.tensor::<f64>();
    let (values, places) = tensor.mode(1, false);
    for row in 0..40 {
        let row_values: Vec<f64> = (0..9).map(|k| x.at(&[row, k])).collect();
        let count = |v: f64| row_values.iter().filter(|&&x| x == v).count();
        let most = row_values.iter().map(|&v| count(v)).max().unwrap_or(0);
        let want = row_values.iter().copied().filter(|&v| count(v) == most).fold(INF, f64::min);
        assert_eq!(values.at(&[row]), want);
        assert_eq!(Some(places.at(&[row]) as usize), row_values.iter().rposition(|&v| v == want));
    }
}
