//! mixup, CutMix and Cutout: what is mixed, in which proportion, and what is refused.

use gradus_data::{cutmix, cutout, mixup};
use gradus_tensor::{Rng, Tensor};

/// Images whose pixels all hold the number of the sample, and one-hot targets.
fn batch(samples: usize) -> (Tensor<f64>, Tensor<f64>) {
    let x = Tensor::from_fn([samples, 2, 6, 5], |i| i[0] as f64);
    (x, Tensor::from_fn([samples, samples], |i| f64::from(u8::from(i[0] == i[1]))))
}

/// The number of a sample is its mean target's number, in whatever proportion it was mixed.
fn numbers(y: &Tensor<f64>) -> Tensor<f64> {
    let n = y.shape()[1];
    (y * &Tensor::from_fn([n], |i| i[0] as f64)).sum_axes(&[1], false)
}

#[test]
fn targets_are_mixed_as_samples_are() {
    let (x, y) = batch(7);
    for seed in 0..20 {
        for (mixed, targets) in [
            mixup(&x, &y, 0.5, &mut Rng::seed(seed)).unwrap(),
            cutmix(&x, &y, 0.5, &mut Rng::seed(seed)).unwrap(),
        ] {
            assert!((targets.sum_axes(&[1], false) - 1.0).abs().max_axes(&[0], false).item() < 1e-12);
            let off = (mixed.mean_axes(&[1, 2, 3], false) - numbers(&targets)).abs();
            assert!(off.max_axes(&[0], false).item() < 1e-12, "seed {seed}");
        }
    }
}

#[test]
fn cutmix_moves_one_box_and_mixup_every_pixel() {
    let (x, y) = batch(5);
    let (mixed, _) = cutmix(&x, &y, 1.0, &mut Rng::seed(4)).unwrap();
    let whole = mixed.to_vec().iter().all(|value| value.fract() == 0.0);
    assert!(whole && mixed != x, "pixels are copied, not blended");
    let (mixed, _) = mixup(&x, &y, 1.0, &mut Rng::seed(4)).unwrap();
    assert!(mixed.to_vec().iter().any(|value| value.fract() != 0.0));
}

#[test]
fn cutout_blanks_one_square_per_image_in_all_channels() {
    let x = Tensor::<f32>::ones([40, 3, 9, 7]);
    let cut = cutout(&x, 3, &mut Rng::seed(8)).unwrap();
    let mut sizes = Vec::new();
    for image in 0..40 {
        let image = cut.select(0, image);
        assert!((1..3).all(|channel| image.select(0, channel) == image.select(0, 0)));
        let blank = |i: usize, j: usize| image.at(&[0, i, j]) == 0.0;
        let rows: Vec<usize> = (0..9).filter(|&i| (0..7).any(|j| blank(i, j))).collect();
        let columns: Vec<usize> = (0..7).filter(|&j| (0..9).any(|i| blank(i, j))).collect();
        let cells = (0..63).filter(|k| blank(k / 7, k % 7)).count();
        assert_eq!(cells, rows.len() * columns.len());
        assert!((1..=3).contains(&rows.len()) && (1..=3).contains(&columns.len()));
        sizes.push(cells);
    }
    assert!(sizes.contains(&9) && sizes.iter().any(|&size| size < 9), "inside and at the border: {sizes:?}");
}

#[test]
fn nothing_is_mixed_at_alpha_nought_and_seeds_decide() {
    let (x, y) = batch(4);
    assert_eq!(mixup(&x, &y, 0.0, &mut Rng::seed(1)).unwrap(), (x.clone(), y.clone()));
    assert_eq!(cutmix(&x, &y, 0.0, &mut Rng::seed(1)).unwrap(), (x.clone(), y.clone()));
    let run = |seed| cutmix(&x, &y, 1.0, &mut Rng::seed(seed)).unwrap();
    assert_eq!(run(5), run(5));
    assert_ne!(run(5), run(6));
}

#[test]
fn bad_input_is_told() {
    let (x, y) = batch(3);
    let rng = &mut Rng::seed(0);
    let told = |error: gradus_data::DataError| error.to_string();
    assert_eq!(
        told(mixup(&x, &y, -0.5, rng).unwrap_err()),
        "mixup: alpha is -0.5; give a finite number, 0 or more"
    );
    assert_eq!(
        told(cutmix(&x, &y.narrow(0, 0, 2), 1.0, rng).unwrap_err()),
        "cutmix: samples [3, 2, 6, 5] and targets [2, 3] are not equally many; give one target for each sample, [N, …] and [N, …]"
    );
    assert_eq!(
        told(cutout(&y, 2, rng).unwrap_err()),
        "cutout: [3, 3] is no batch of images; give [N, C, H, W]"
    );
}
