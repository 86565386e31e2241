//! Folds, grouped and ordered parts, and leaks between parts.

use std::collections::BTreeSet;

use gradus_data::{
    Columns, DataError, Fold, Leak, Pairs, group_k_fold, grouped_split, k_fold, leaks, leave_one_out,
    stratified_group_k_fold, stratified_grouped_split, stratified_k_fold, time_ordered_split,
    time_series_folds,
};
use gradus_tensor::{Rng, Tensor};

/// Validation parts that hold each of 0 .. count once, each with all others to train on.
#[track_caller]
fn check_cover(folds: &[Fold], count: usize) {
    let mut judged: Vec<usize> = folds.iter().flat_map(|fold| fold.validation.clone()).collect();
    judged.sort_unstable();
    assert_eq!(judged, (0..count).collect::<Vec<_>>());
    for Fold { train, validation } in folds {
        assert!(train.is_sorted() && validation.is_sorted());
        let both: BTreeSet<_> = train.iter().chain(validation).collect();
        assert!(both.len() == count && train.len() + validation.len() == count);
    }
}

fn draws(rng: &mut Rng, count: usize, below: usize) -> Vec<i64> {
    (0..count).map(|_| rng.below(below) as i64 * 3 - 4).collect()
}

fn spread(counts: impl Iterator<Item = usize> + Clone) -> usize {
    counts.clone().max().unwrap_or(0) - counts.min().unwrap_or(0)
}

fn count_of(part: &[usize], labels: &[i64], class: i64) -> usize {
    part.iter().filter(|&&index| labels[index] == class).count()
}

#[test]
fn stratified_folds_hold_every_class_to_the_nearest_sample() {
    let mut rng = Rng::seed(3);
    for round in 0..100 {
        let folds = 2 + rng.below(3);
        let count = 60 + rng.below(40);
        let labels = draws(&mut rng, count, 3);
        let Ok(parts) = stratified_k_fold(&labels, folds, &mut Rng::seed(round)) else { continue };
        check_cover(&parts, count);
        assert!(spread(parts.iter().map(|fold| fold.validation.len())) <= 1);
        for class in labels.iter().copied().collect::<BTreeSet<_>>() {
            assert!(spread(parts.iter().map(|fold| count_of(&fold.validation, &labels, class))) <= 1);
        }
        assert_ne!(parts, stratified_k_fold(&labels, folds, &mut Rng::seed(round + 1)).unwrap());
    }
}

#[test]
fn no_group_is_in_two_parts() {
    let mut rng = Rng::seed(4);
    for round in 0..60 {
        let groups = draws(&mut rng, 80, 20);
        let labels: Vec<i64> = draws(&mut rng, 80, 2);
        let rng = || Rng::seed(round);
        let apart = |parts: &[Vec<usize>]| {
            let sets: Vec<BTreeSet<i64>> =
                parts.iter().map(|part| part.iter().map(|&index| groups[index]).collect()).collect();
            let all: BTreeSet<&i64> = sets.iter().flatten().collect();
            assert_eq!(sets.iter().map(BTreeSet::len).sum::<usize>(), all.len());
        };
        let plain = group_k_fold(&groups, 4, &mut rng()).unwrap();
        let stratified = stratified_group_k_fold(&labels, &groups, 4, &mut rng()).unwrap();
        for folds in [&plain, &stratified] {
            check_cover(folds, 80);
            apart(&folds.iter().map(|fold| fold.validation.clone()).collect::<Vec<_>>());
            // Largest first: no fold is off by more than a group.
            let largest =
                (0..20).map(|g| groups.iter().filter(|&&of| of == g * 3 - 4).count()).max().unwrap();
            assert!(spread(folds.iter().map(|fold| fold.validation.len())) <= largest);
        }
        let fractions = [0.6, 0.0, 0.4];
        for parts in [
            grouped_split(&groups, &fractions, &mut rng()).unwrap(),
            stratified_grouped_split(&labels, &groups, &fractions, &mut rng()).unwrap(),
        ] {
            apart(&parts);
            assert!(parts[1].is_empty() && parts[0].len() + parts[2].len() == 80);
            assert!((parts[0].len() as f64 - 48.0).abs() <= 4.0, "{} of 48", parts[0].len());
        }
        let parts = stratified_grouped_split(&labels, &groups, &[0.5, 0.5], &mut rng()).unwrap();
        for class in [-4, -1] {
            assert!(spread(parts.iter().map(|part| count_of(part, &labels, class))) <= 5);
        }
    }
}

#[test]
fn stratified_groups_are_dealt_by_class() {
    // Eight groups of three: four of class 0, four of class 1. Any other deal than two and two is worse.
    let groups: Vec<i64> = (0..24).map(|i| i / 3).collect();
    let labels: Vec<i64> = (0..24).map(|i| i / 12).collect();
    for seed in 0..20 {
        for fold in stratified_group_k_fold(&labels, &groups, 4, &mut Rng::seed(seed)).unwrap() {
            let ones = count_of(&fold.validation, &labels, 1);
            assert_eq!((fold.validation.len(), ones), (6, 3));
        }
    }
}

#[test]
fn time_goes_forward() {
    // As scikit-learn 1.9.1: TimeSeriesSplit(3).split(range(11)), and with gap=2.
    let ends = |folds: Vec<Fold>| -> Vec<(usize, usize, usize)> {
        let of = |fold: Fold| (fold.train.len(), fold.validation[0], fold.validation.len());
        folds.into_iter().map(of).collect()
    };
    assert_eq!(ends(time_series_folds(11, 3, 0).unwrap()), [(5, 5, 2), (7, 7, 2), (9, 9, 2)]);
    assert_eq!(ends(time_series_folds(11, 3, 2).unwrap()), [(3, 5, 2), (5, 7, 2), (7, 9, 2)]);
    let error = time_series_folds(11, 3, 5).unwrap_err().to_string();
    assert!(
        error.contains("11 samples in 3 folds leave 5 before the first one, and the gap is 5"),
        "{error}"
    );
    let parts = time_ordered_split(103, &[0.5, 0.25, 0.25]).unwrap();
    assert_eq!(parts.concat(), (0..103).collect::<Vec<_>>());
    assert!(parts.iter().map(Vec::len).eq([51, 26, 26]) || parts.iter().map(Vec::len).eq([52, 26, 25]));
    check_cover(&leave_one_out(5).unwrap(), 5);
    check_cover(&k_fold(5, 5, &mut Rng::seed(0)).unwrap(), 5);
}

#[test]
fn what_cannot_be_parted_is_refused() {
    let text = |result: Result<(), DataError>| result.unwrap_err().to_string();
    let rng = &mut Rng::seed(0);
    assert!(text(stratified_k_fold(&[0, 0, 0, 1], 2, rng).map(drop)).contains("1 samples of class 1 cannot"));
    assert!(
        text(group_k_fold(&[5, 5, 5], 2, rng).map(drop)).contains("1 groups cannot be parted into 2 folds")
    );
    assert!(text(stratified_group_k_fold(&[0], &[0, 1], 2, rng).map(drop)).contains("1 labels and 2 groups"));
    assert!(text(stratified_grouped_split(&[0], &[0, 1], &[1.0], rng).map(drop)).contains("1 labels and 2"));
    assert!(text(grouped_split(&[0, 1], &[0.5, 0.6], rng).map(drop)).contains("add up to 1.1"));
    assert!(text(leave_one_out(1).map(drop)).contains("1 samples cannot be parted"));
    let pairs =
        |labels: &[i64]| Pairs::new(Tensor::<f32>::ones([labels.len(), 1]), Tensor::from(labels.to_vec()));
    let classes = |labels: &[i64], count| text(pairs(labels).unwrap().classes(count).map(drop));
    assert!(classes(&[], 3).contains("hold no samples"));
    assert!(classes(&[1, -1], 3).contains("sample 1 has the label -1, and there are 3 classes (0 to 2)"));
    assert!(classes(&[0], 0).contains("sample 0 has the label 0, and there are no classes"));
    let grid = Pairs::new(Tensor::<f32>::ones([2, 1]), Tensor::from([[0_i64, 1], [7, 0]])).unwrap();
    assert!(text(grid.classes(2).map(drop)).contains("sample 1 has the label 7"));
}

#[test]
fn leaking_rows_are_named() {
    let mut rng = Rng::seed(9);
    let train = Tensor::<f32>::normal([200, 3], 0.0, 1.0, &mut rng);
    let mut test = Tensor::<f32>::normal([50, 3], 0.0, 1.0, &mut rng).to_vec();
    for (to, from) in [(4, 180), (30, 0), (49, 7)] {
        test[3 * to..3 * to + 3].copy_from_slice(&train.to_vec()[3 * from..3 * from + 3]);
    }
    let test = Tensor::new([50, 3], &test);
    let found = leaks(&train, &test);
    let expected = [(180, 4), (0, 30), (7, 49)].map(|(train, test)| Leak { train, test });
    assert_eq!(found, expected);
    assert_eq!(leaks(&test, &test).len(), 50);
    // The first of several; a last bit makes a difference, a view does not, a gap equals a gap.
    let twice = Tensor::from([[1.0_f64, f64::NAN], [2.0, 3.0], [1.0, f64::NAN]]);
    let other = Tensor::from([[1.0, 2.0, 2.0_f64.next_up()], [f64::NAN, 3.0, 3.0]]).t();
    let found = leaks(&twice, &other);
    assert_eq!(found, [(0, 0), (1, 1)].map(|(train, test)| Leak { train, test }));
    assert!(leaks(&Tensor::from([[1_i64 << 53]]), &Tensor::from([[(1 << 53) + 1]])).is_empty());
    assert!(leaks(&Tensor::<u8>::zeros([0, 3]), &Tensor::zeros([2, 3])).is_empty());
    let table = |sizes: Vec<f64>, towns: Vec<&str>| {
        Columns::new().with("size", sizes).and_then(|table| table.with("town", towns)).unwrap()
    };
    let (train, test) =
        (table(vec![1.0, 2.0], vec!["Ulm", "Bonn"]), table(vec![2.0, 2.0], vec!["Ulm", "Bonn"]));
    assert_eq!(leaks(&train, &test), [Leak { train: 1, test: 1 }]);
}
