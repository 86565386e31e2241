//! Splits: disjoint, covering, in proportion; and the standardiser's numbers.

use gradus_data::{DataError, Pairs, Standardiser, k_fold, random_split, stratified_split};
use gradus_tensor::{Rng, Tensor};

/// Sorted parts that hold each of 0 .. count once.
#[track_caller]
fn check_cover(parts: &[Vec<usize>], count: usize) {
    assert!(parts.iter().all(|part| part.is_sorted()));
    let mut all = parts.concat();
    all.sort_unstable();
    assert_eq!(all, (0..count).collect::<Vec<_>>());
}

#[test]
fn stratified_parts_hold_each_class_to_the_nearest_sample() -> Result<(), DataError> {
    let mut rng = Rng::seed(6);
    for round in 0..300 {
        let classes = 1 + rng.below(6);
        let labels: Vec<i64> = (0..rng.below(80)).map(|_| rng.below(classes) as i64 * 7 - 9).collect();
        let weights: Vec<f64> = (0..1 + rng.below(4)).map(|_| rng.below(4) as f64).collect();
        let sum: f64 = weights.iter().sum();
        if sum == 0.0 {
            continue;
        }
        let fractions: Vec<f64> = weights.iter().map(|w| w / sum).collect();
        let parts = stratified_split(&labels, &fractions, &mut Rng::seed(round))?;
        check_cover(&parts, labels.len());
        assert_eq!(parts, stratified_split(&labels, &fractions, &mut Rng::seed(round))?);
        for class in (0..classes).map(|c| c as i64 * 7 - 9) {
            let count = |of: &mut dyn Iterator<Item = i64>| of.filter(|&l| l == class).count() as f64;
            let total = count(&mut labels.iter().copied());
            for (part, fraction) in parts.iter().zip(&fractions) {
                let got = count(&mut part.iter().map(|&i| labels[i]));
                assert!(
                    (got - fraction * total).abs() < 1.0,
                    "round {round}: {got} of {total} at {fraction}"
                );
                assert!(*fraction > 0.0 || got == 0.0);
            }
        }
    }
    Ok(())
}

#[test]
fn many_small_classes_do_not_all_favour_one_part() -> Result<(), DataError> {
    // 20 classes of 3: each splits 2 to 1 at best, the whole must still be even.
    let labels: Vec<i64> = (0..60).map(|i| i % 20).collect();
    let parts = stratified_split(&labels, &[0.5, 0.5], &mut Rng::seed(1))?;
    assert_eq!((parts[0].len(), parts[1].len()), (30, 30));
    Ok(())
}

#[test]
fn awkward_fractions_give_whole_parts() -> Result<(), DataError> {
    let sizes = |count, fractions: &[f64]| -> Result<Vec<usize>, DataError> {
        let parts = random_split(count, fractions, &mut Rng::seed(0))?;
        check_cover(&parts, count);
        Ok(parts.iter().map(Vec::len).collect())
    };
    assert_eq!(sizes(100, &[0.29, 0.71])?, [29, 71]); // 0.29 · 100 is 28.999…
    assert_eq!(sizes(10, &[0.1, 0.2, 0.7])?, [1, 2, 7]);
    assert_eq!(sizes(10, &[1.0])?, [10]);
    assert_eq!(sizes(3, &[0.25, 0.25, 0.25, 0.25])?, [1, 1, 1, 0]);
    assert_eq!(sizes(1, &[0.4, 0.6])?, [0, 1]);
    assert_eq!(sizes(0, &[0.5, 0.5])?, [0, 0]);
    assert_eq!(sizes(7, &[0.0, 1.0])?, [0, 7]);
    let third = 1.0 / 3.0;
    assert_eq!(sizes(9, &[third, third, third])?, [3, 3, 3]);
    Ok(())
}

#[test]
fn the_split_is_random_and_uniform() -> Result<(), DataError> {
    // How often each of 10 samples lands in the part of 3: 0.3 each, within 5 standard deviations.
    let mut counts = [0_u32; 10];
    for seed in 0..4000 {
        for &index in &random_split(10, &[0.3, 0.7], &mut Rng::seed(seed))?[0] {
            counts[index] += 1;
        }
    }
    let spread = (4000.0_f64 * 0.3 * 0.7).sqrt();
    assert!(counts.iter().all(|&c| (f64::from(c) - 1200.0).abs() < 5.0 * spread), "{counts:?}");
    Ok(())
}

#[test]
fn fractions_that_are_none_are_refused() {
    let words = |fractions: &[f64]| match random_split(10, fractions, &mut Rng::seed(0)) {
        Ok(parts) => panic!("{parts:?}"),
        Err(error) => error.to_string(),
    };
    assert!(words(&[0.5, 0.6]).contains("add up to 1.1"));
    assert!(words(&[0.5]).contains("add up to 0.5"));
    assert!(words(&[]).contains("add up to"));
    assert!(words(&[1.5, -0.5]).contains("the fraction 1.5"));
    assert!(words(&[f64::NAN, 1.0]).contains("the fraction NaN"));
    assert!(stratified_split(&[1, 2], &[0.5, 0.6], &mut Rng::seed(0)).is_err());
}

#[test]
fn folds_cover_and_complete_each_other() -> Result<(), DataError> {
    for (count, folds) in [(10, 3), (10, 10), (7, 2), (100, 7)] {
        let parts = k_fold(count, folds, &mut Rng::seed(2))?;
        check_cover(&parts.iter().map(|fold| fold.validation.clone()).collect::<Vec<_>>(), count);
        for fold in &parts {
            check_cover(&[fold.train.clone(), fold.validation.clone()].map(|p| p), count);
            assert!(fold.validation.len() == count / folds || fold.validation.len() == count / folds + 1);
        }
    }
    assert!(k_fold(10, 1, &mut Rng::seed(0)).is_err());
    assert!(k_fold(3, 4, &mut Rng::seed(0)).is_err());
    Ok(())
}

#[test]
fn pairs_split_with_their_labels() -> Result<(), DataError> {
    let labels: Tensor<i64> = (0..40).map(|i| i % 4).collect();
    let data = Pairs::new(Tensor::<f32>::arange(40), labels)?;
    let parts = data.stratified_split(&[0.75, 0.25], &mut Rng::seed(3))?;
    for (part, each) in parts.iter().zip([7.5, 2.5]) {
        for (x, y) in part.inputs().to_vec().into_iter().zip(part.targets().to_vec()) {
            assert_eq!(x as i64 % 4, y);
        }
        let ones = part.targets().to_vec().into_iter().filter(|&y| y == 1).count() as f64;
        assert!((ones - each).abs() <= 0.5);
    }
    assert_eq!(data.random_split(&[0.5, 0.5], &mut Rng::seed(3))?[0].len(), 20);
    let wide = Pairs::new(Tensor::<f32>::arange(4), Tensor::<i64>::zeros([4, 2]))?;
    assert!(wide.stratified_split(&[1.0], &mut Rng::seed(3)).is_err());
    Ok(())
}

#[test]
fn standardised_features_have_mean_0_and_deviation_1() -> Result<(), DataError> {
    let mut rng = Rng::seed(8);
    let x = Tensor::<f64>::normal([200, 3, 2], 50.0, 7.0, &mut rng);
    let scale = Standardiser::fit(&x)?;
    assert_eq!(scale.mean().dims(), [3, 2]);
    // Against a naive calculation, sample by sample.
    for feature in 0..6 {
        let values: Vec<f64> = x.to_vec().into_iter().skip(feature).step_by(6).collect();
        let mean = values.iter().sum::<f64>() / 200.0;
        let std = (values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / 200.0).sqrt();
        assert!((scale.mean().to_vec()[feature] - mean).abs() < 1e-12 * mean.abs());
        assert!((scale.std().to_vec()[feature] - std).abs() < 1e-12 * std);
    }
    let z = scale.apply(&x);
    assert!(z.mean_axes(&[0], false).to_vec().iter().all(|m| m.abs() < 1e-12));
    assert!(z.var_axes(&[0], 0.0, false).to_vec().iter().all(|v| (v - 1.0).abs() < 1e-12));
    let back = scale.invert(&z).to_vec();
    assert!(back.iter().zip(x.to_vec()).all(|(a, b)| (a - b).abs() < 1e-12 * b.abs()));
    let again = Standardiser::from_parts(scale.mean().clone(), scale.std().clone())?;
    assert_eq!(again, scale);
    Ok(())
}

#[test]
fn constant_features_stay_themselves() -> Result<(), DataError> {
    // 0.1 three times has a rounded mean that is not 0.1 in every precision.
    let x = Tensor::from([[0.1_f32, 1.0], [0.1, 2.0], [0.1, 3.0]]);
    let scale = Standardiser::fit(&x)?;
    assert_eq!((scale.mean().at(&[0]), scale.std().at(&[0])), (0.1, 1.0));
    let z = scale.apply(&x);
    assert_eq!(z.select(1, 0).to_vec(), [0.0; 3]);
    assert_eq!(scale.invert(&z).select(1, 0).to_vec(), [0.1; 3]);
    let one = Standardiser::fit(&Tensor::from([[5.0_f32]]))?;
    assert_eq!((one.mean().item(), one.std().item()), (5.0, 1.0));
    Ok(())
}

#[test]
fn what_cannot_be_scaled_is_refused() {
    let words = |x: &Tensor<f32>| match Standardiser::fit(x) {
        Ok(scale) => panic!("{scale:?}"),
        Err(error) => error.to_string(),
    };
    assert!(words(&Tensor::zeros([0, 3])).contains("[0, 3] holds no samples"));
    assert!(words(&Tensor::scalar(1.0)).contains("holds no samples"));
    assert!(words(&Tensor::from([[1.0, f32::NAN], [1.0, 2.0]])).contains("feature 1 has mean NaN"));
    assert!(words(&Tensor::from([[f32::INFINITY], [1.0]])).contains("feature 0"));
    assert!(words(&Tensor::from([[f32::INFINITY], [f32::INFINITY]])).contains("feature 0"));
    let two = |a: [f32; 2], b: [f32; 2]| Standardiser::from_parts(a.into(), b.into());
    assert!(two([0.0, 0.0], [1.0, 0.0]).is_err() && two([0.0, f32::NAN], [1.0, 1.0]).is_err());
    assert!(Standardiser::<f32>::from_parts([0.0].into(), [1.0, 1.0].into()).is_err());
}

#[test]
#[should_panic(expected = "standardise: apply: features differ: [2, 3] needs [N, …] with [2] behind N")]
fn other_features_panic() {
    let Ok(scale) = Standardiser::fit(&Tensor::from([[1.0_f32, 2.0], [3.0, 4.0]])) else { return };
    let _ = scale.apply(&Tensor::zeros([2, 3]));
}
