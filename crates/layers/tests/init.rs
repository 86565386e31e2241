//! Initialisers: bounds, moments, orthogonality.

use crate::common::close;
use gradus_layers::init::{self, Fan, Nonlinearity, gain};
use gradus_tensor::{Rng, Tensor};

/// Panics unless mean and variance are those wanted, within five standard errors (of a uniform or Gaussian sample).
#[track_caller]
fn moments(x: &Tensor<f64>, std: f64, bound: Option<f64>) {
    let (n, values) = (x.len() as f64, x.to_vec());
    let mean = values.iter().sum::<f64>() / n;
    let variance = values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / n;
    assert!(mean.abs() < 5.0 * std / n.sqrt(), "mean {mean}");
    assert!(
        (variance / (std * std) - 1.0).abs() < 5.0 * (2.0 / n).sqrt(),
        "variance {variance}, wanted {}",
        std * std
    );
    if let Some(bound) = bound {
        let most = values.iter().fold(0.0_f64, |a, v| a.max(v.abs()));
        assert!(most <= bound && most > 0.99 * bound, "largest {most}, bound {bound}");
    }
}

#[test]
fn variances_follow_the_fans() {
    let mut rng = Rng::seed(1);
    // [O, I, K, K]: fan in 30·9, fan out 50·9.
    let (shape, fan_in, fan_out) = ([50, 30, 3, 3], 270.0_f64, 450.0_f64);
    assert_eq!(init::fans(&shape.into()), (270, 450));
    let std = (2.0 / (fan_in + fan_out)).sqrt();
    moments(&init::xavier_normal(shape, 1.0, &mut rng), std, None);
    moments(&init::xavier_uniform(shape, 2.0, &mut rng), 2.0 * std, Some(2.0 * std * 3.0_f64.sqrt()));
    let relu = Nonlinearity::Relu;
    moments(&init::kaiming_normal(shape, Fan::In, relu, &mut rng), (2.0 / fan_in).sqrt(), None);
    let out = (2.0 / fan_out).sqrt();
    moments(&init::kaiming_uniform(shape, Fan::Out, relu, &mut rng), out, Some(out * 3.0_f64.sqrt()));
    moments(&init::lecun_normal(shape, &mut rng), fan_in.recip().sqrt(), None);
    moments(&init::lecun_uniform(shape, &mut rng), fan_in.recip().sqrt(), Some((3.0 / fan_in).sqrt()));
    moments(&init::normal([100, 100], 0.0, 0.5, &mut rng), 0.5, None);
    moments(&init::uniform([100, 100], -3.0, 3.0, &mut rng), 3.0_f64.sqrt(), Some(3.0));
    // The variance of a Gaussian cut off at ±2σ: σ²(1 − 4φ(2)/(2Φ(2) − 1)).
    moments(
        &init::truncated_normal([100, 100], 0.0, 0.1, -0.2, 0.2, &mut rng),
        0.1 * 0.773_741_3_f64.sqrt(),
        Some(0.2),
    );
}

#[test]
fn gains_are_those_of_pytorch() {
    let want = [1.0, 1.0, 5.0 / 3.0, 2.0_f64.sqrt(), 1.0 / 3.0_f64.sqrt(), 0.75];
    use Nonlinearity::*;
    for (have, want) in
        [Linear, Sigmoid, Tanh, Relu, LeakyRelu(5.0_f64.sqrt()), Selu].map(gain).iter().zip(want)
    {
        assert!((have - want).abs() < 1e-15);
    }
}

#[test]
fn orthogonal_rows_or_columns() {
    let mut rng = Rng::seed(3);
    for (shape, gain) in [([70, 100], 1.0), ([100, 70], 2.0), ([65, 65], 1.0), ([1, 1], 1.0), ([3, 0], 1.0)] {
        let q: Tensor<f64> = init::orthogonal(shape, gain, &mut rng);
        let square = if shape[0] <= shape[1] { q.matmul(&q.t()) } else { q.t().matmul(&q) };
        let n = shape[0].min(shape[1]);
        close(&square, &(Tensor::<f64>::eye(n) * (gain * gain)).to_vec(), 1e-13);
    }
    let filters: Tensor<f32> = init::orthogonal([8, 3, 2, 2], 1.0, &mut rng);
    let rows = filters.reshape([8, 12]).cast::<f64>();
    close(&rows.matmul(&rows.t()), &Tensor::<f64>::eye(8).to_vec(), 1e-6);
    // Even over the group: signs of a 1×1 matrix, and the mean of an entry's square, 1/n.
    let signs: f64 = (0..1000).map(|_| init::orthogonal::<f64>([1, 1], 1.0, &mut rng).item()).sum();
    assert!(signs.abs() < 160.0, "{signs}");
    let corner: f64 =
        (0..2000).map(|_| init::orthogonal::<f64>([3, 3], 1.0, &mut rng).at(&[2, 2]).powi(2)).sum();
    assert!((corner / 2000.0 - 1.0 / 3.0).abs() < 0.035, "{corner}");
}

#[test]
fn constants_diagonals_and_holes() {
    assert_eq!(init::constant::<f32>([2, 2], 0.5).to_vec(), [0.5; 4]);
    assert_eq!(init::eye::<f32>(2, 3).to_vec(), [1.0, 0.0, 0.0, 0.0, 1.0, 0.0]);
    // A Dirac kernel passes the channels of each group.
    let x = crate::common::noise([2, 4, 5, 6], 5);
    let spec = gradus_tensor::Conv2dSpec { padding: [1, 1], groups: 2, ..Default::default() };
    close(&x.conv2d(&init::dirac([4, 2, 3, 3], 2), spec), &x.to_vec(), 0.0);
    let sparse: Tensor<f64> = init::sparse(10, 40, 0.25, 0.1, &mut Rng::seed(4));
    assert_eq!(sparse.dims(), [10, 40]);
    for column in 0..40 {
        assert_eq!(sparse.select(1, column).to_vec().iter().filter(|&&v| v == 0.0).count(), 3);
    }
    let rows_hit = (0..10).filter(|&row| sparse.select(0, row).to_vec().contains(&0.0)).count();
    assert_eq!(rows_hit, 10, "the places are random");
}

#[test]
#[should_panic(expected = "fans: fewer than two axes: [3] (1 < 2)")]
fn vectors_have_no_fans() {
    let _ = init::xavier_uniform::<f32>([3], 1.0, &mut Rng::seed(0));
}
