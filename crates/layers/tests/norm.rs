//! Normalisation against naive computations; running statistics against hand-computed numbers.

use crate::common::{check_layer, close, names, noise};
use gradus_autodiff::{Var, grad, no_grad};
use gradus_layers::{BatchNorm1d, BatchNorm2d, BatchNorm3d, GroupNorm, LayerNorm, RmsNorm};
use gradus_module::{Context, Layer, Module, Param, apply_updates};
use gradus_tensor::{Rng, Tensor};

/// (x − mean)/√(variance + eps) of a slice.
fn standard(x: &[f64], eps: f64) -> Vec<f64> {
    let n = x.len() as f64;
    let mean = x.iter().sum::<f64>() / n;
    let variance = x.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / n;
    x.iter().map(|v| (v - mean) / (variance + eps).sqrt()).collect()
}

fn eval<L: Layer<f64>>(layer: &L, x: &Tensor<f64>) -> Tensor<f64> {
    layer.forward(&Var::from(x), &mut Context::eval()).into_value()
}

fn train<L: Layer<f64>>(layer: &L, x: &Var<f64>) -> Var<f64> {
    layer.forward(x, &mut Context::train(&mut Rng::seed(0)))
}

fn state(model: &impl Module, name: &str) -> Vec<f64> {
    model.state().get(name).map_or_else(Vec::new, |value| value.cast::<f64>().to_vec())
}

#[test]
fn layer_norm_normalises_the_last_axes() {
    let x = noise([4, 3, 5], 1);
    let mut layer: LayerNorm<f64> = LayerNorm::new([5]);
    assert_eq!(names(&layer), ["weight", "bias"]);
    let rows: Vec<f64> = x.to_vec().chunks(5).flat_map(|row| standard(row, 1e-5)).collect();
    close(&eval(&layer, &x), &rows, 1e-13);
    layer.weight = Some(Param::new(noise([5], 2)));
    layer.bias = Some(Param::new(noise([5], 3)));
    let (w, b) = (noise([5], 2), noise([5], 3));
    let affine: Vec<f64> =
        rows.iter().enumerate().map(|(i, v)| v * w.at(&[i % 5]) + b.at(&[i % 5])).collect();
    close(&eval(&layer, &x), &affine, 1e-13);
    check_layer(&mut layer, &x, |layer, x| layer.forward(x, &mut Context::eval()));

    let mut wide: LayerNorm<f64> = LayerNorm::new([3, 5]).eps(0.1).unwrap().without_bias();
    assert_eq!((names(&wide), wide.parameter_count()), (vec!["weight".to_owned()], 15));
    let samples: Vec<f64> = x.to_vec().chunks(15).flat_map(|sample| standard(sample, 0.1)).collect();
    close(&eval(&wide, &x), &samples, 1e-13);
    check_layer(&mut wide, &x, |layer, x| layer.forward(x, &mut Context::eval()));
    let mut bare = wide.without_affine();
    assert!(names(&bare).is_empty());
    check_layer(&mut bare, &x, |layer, x| layer.forward(x, &mut Context::eval()));
    assert_eq!(
        LayerNorm::<f64>::new([2]).eps(-1.0).unwrap_err().to_string(),
        "LayerNorm: eps is -1, but it must be finite and ≥ 0"
    );
}

#[test]
#[should_panic(expected = "LayerNorm: the last axes differ from those normalised: [2, 5] and [4]")]
fn layer_norm_refuses_other_axes() {
    let _ = eval(&LayerNorm::new([4]), &noise([2, 5], 1));
}

#[test]
fn rms_norm_divides_by_the_root_mean_square() {
    let x = noise([4, 6], 4);
    let mut layer: RmsNorm<f64> = RmsNorm::new([6]).eps(1e-3).unwrap();
    assert_eq!(names(&layer), ["weight"]);
    layer.weight = Some(Param::new(noise([6], 5)));
    let w = noise([6], 5);
    let want: Vec<f64> = x
        .to_vec()
        .chunks(6)
        .flat_map(|row| {
            let scale = (row.iter().map(|v| v * v).sum::<f64>() / 6.0 + 1e-3).sqrt();
            (0..6).map(|i| row[i] / scale * w.at(&[i])).collect::<Vec<_>>()
        })
        .collect();
    close(&eval(&layer, &x), &want, 1e-13);
    check_layer(&mut layer, &x, |layer, x| layer.forward(x, &mut Context::eval()));
    // The default ε is the element type's machine epsilon, as in PyTorch.
    let tiny = Var::constant(Tensor::from([[1e-4_f32, 1e-4]]));
    let y = RmsNorm::<f32>::new([2]).forward(&tiny, &mut Context::eval());
    let want = 1e-4 / (1e-8 + f32::EPSILON).sqrt();
    assert!((y.value().at(&[0, 0]) - want).abs() < 1e-6, "{want}");
}

#[test]
fn group_norm_normalises_groups_of_channels() {
    let x = noise([2, 6, 2, 3], 6);
    let mut layer: GroupNorm<f64> = GroupNorm::new(3, 6).unwrap();
    assert_eq!(names(&layer), ["weight", "bias"]);
    let (w, b) = (noise([6], 7), noise([6], 8));
    layer.weight = Some(Param::new(w.clone()));
    layer.bias = Some(Param::new(b.clone()));
    let normal: Vec<f64> = x.to_vec().chunks(12).flat_map(|group| standard(group, 1e-5)).collect();
    let channel = |i: usize| i / 6 % 6;
    let want: Vec<f64> =
        normal.iter().enumerate().map(|(i, v)| v * w.at(&[channel(i)]) + b.at(&[channel(i)])).collect();
    close(&eval(&layer, &x), &want, 1e-13);
    check_layer(&mut layer, &x, |layer, x| layer.forward(x, &mut Context::eval()));
    close(&eval(&layer, &x.reshape([2, 6, 6])), &want, 1e-13);
    // One group of two numbers: signs.
    let pair = eval(&GroupNorm::new(1, 2).unwrap().without_affine(), &Tensor::from([[1.0, 3.0]]));
    close(&pair, &[-1.0, 1.0], 1e-4);
    let error = GroupNorm::<f64>::new(4, 6).unwrap_err();
    assert_eq!(error.to_string(), "GroupNorm: groups is 4, but it must be a divisor of the 6 channels");
}

#[test]
fn batch_norm_uses_the_batch_in_training() {
    let x = noise([3, 2, 4, 5], 9);
    let mut layer: BatchNorm2d<f64> = BatchNorm2d::new(2);
    assert_eq!(names(&layer), ["weight", "bias", "running_mean", "running_var", "num_batches_tracked"]);
    let mut new = layer.state();
    new.push("weight", Tensor::from([0.5, -2.0]));
    new.push("bias", Tensor::from([0.1, 0.2]));
    layer.load(&new).unwrap();
    let y = train(&layer, &Var::from(&x));
    for (channel, (w, b)) in [(0.5, 0.1), (-2.0, 0.2)].into_iter().enumerate() {
        let values = x.select(1, channel).to_vec();
        let want: Vec<f64> = standard(&values, 1e-5).into_iter().map(|v| v * w + b).collect();
        close(&y.value().select(1, channel), &want, 1e-13);
    }
    check_layer(&mut layer, &x, train);
    check_layer(&mut layer, &x, |layer, x| layer.forward(x, &mut Context::eval()));
    let mut bare: BatchNorm2d<f64> = BatchNorm2d::new(2).without_affine();
    assert_eq!(names(&bare), ["running_mean", "running_var", "num_batches_tracked"]);
    check_layer(&mut bare, &x, train);
}

#[test]
fn running_statistics_ride_with_the_gradients() {
    let mut layer: BatchNorm1d<f64> = BatchNorm1d::new(2);
    // Channel means 2 and 20; unbiased variances 1 and 100.
    let x = Tensor::from([[1.0, 10.0], [2.0, 20.0], [3.0, 30.0]]);
    let loss = train(&layer, &Var::from(&x)).sum();
    assert_eq!(state(&layer, "running_mean"), [0.0, 0.0], "a forward pass alone changes nothing");
    let gradients = loss.backward();
    assert_eq!(gradients.updates().count(), 3);
    apply_updates(&mut layer, &gradients);
    close(layer.running_mean().unwrap(), &[0.2, 2.0], 1e-15);
    close(layer.running_var().unwrap(), &[0.9 + 0.1, 0.9 + 10.0], 1e-15);
    assert_eq!(state(&layer, "num_batches_tracked"), [1.0]);
    // Evaluation uses them and changes nothing.
    let y = eval(&layer, &Tensor::from([[1.2, 2.0]]));
    close(&y, &[1.0 / (1.0 + 1e-5_f64).sqrt(), 0.0], 1e-14);
    let leaf = Var::leaf(x.clone());
    let gradients = layer.forward(&leaf, &mut Context::eval()).sum().backward();
    assert_eq!(gradients.updates().count(), 0);
    // Two passes in one graph: both count, in their order. Means 2 and 4 (all doubled).
    let both = train(&layer, &Var::from(&x)).sum() + train(&layer, &Var::constant(&x * 2.0)).sum();
    apply_updates(&mut layer, &both.backward());
    close(
        layer.running_mean().unwrap(),
        &[0.9 * (0.9 * 0.2 + 0.2) + 0.4, 0.9 * (0.9 * 2.0 + 2.0) + 4.0],
        1e-14,
    );
    close(layer.running_var().unwrap(), &[0.9 * 1.0 + 0.4, 0.9 * (0.9 * 10.9 + 10.0) + 40.0], 1e-14);
    assert_eq!(state(&layer, "num_batches_tracked"), [3.0]);
    // No gradient, no update.
    let silent = no_grad(|| train(&layer, &Var::from(&x)).sum());
    assert_eq!(silent.backward().updates().count(), 0);
}

#[test]
fn momentum_is_an_option() {
    let x = Var::constant(Tensor::from([[1.0], [3.0]]));
    let mut quick: BatchNorm1d<f64> = BatchNorm1d::new(1).momentum(0.5).unwrap();
    let gradients = train(&quick, &x).sum().backward();
    apply_updates(&mut quick, &gradients);
    close(quick.running_mean().unwrap(), &[1.0], 1e-15);
    let mut mean: BatchNorm1d<f64> = BatchNorm1d::new(1).cumulative();
    for factor in [1.0, 2.0, 6.0] {
        let gradients = train(&mean, &(&x * factor)).sum().backward();
        apply_updates(&mut mean, &gradients);
    }
    // Means 2, 4, 12; unbiased variances 2, 8, 72.
    close(mean.running_mean().unwrap(), &[6.0], 1e-14);
    close(mean.running_var().unwrap(), &[82.0 / 3.0], 1e-14);
    let text = BatchNorm1d::<f64>::new(1).momentum(1.5).unwrap_err().to_string();
    assert_eq!(text, "BatchNorm1d: momentum is 1.5, but it must be a fraction (0 ≤ momentum ≤ 1)");
    let free: BatchNorm1d<f64> = BatchNorm1d::new(1).without_running_statistics();
    assert_eq!(names(&free), ["weight", "bias"]);
    close(&eval(&free, x.value()), &standard(&[1.0, 3.0], 1e-5), 1e-14);
    assert_eq!(train(&free, &x).sum().backward().updates().count(), 0);
}

#[test]
fn batch_norm_takes_sequences_and_volumes() {
    let x = noise([3, 2, 4], 11);
    let y = train(&BatchNorm1d::new(2), &Var::from(&x));
    close(&y.value().select(1, 1), &standard(&x.select(1, 1).to_vec(), 1e-5), 1e-13);
    let x = noise([3, 2, 4, 2, 2], 12);
    let layer: BatchNorm3d<f64> = BatchNorm3d::new(2).eps(0.5).unwrap();
    let y = train(&layer, &Var::from(&x));
    close(&y.value().select(1, 0), &standard(&x.select(1, 0).to_vec(), 0.5), 1e-13);
    assert!(layer.weight().is_some() && layer.bias().is_some());
}

#[test]
fn the_gradient_of_a_gradient_needs_no_statistics() {
    let x = Var::leaf(noise([4, 3], 13));
    let y = train(&BatchNorm1d::new(3), &x).powf(3.0).sum();
    let first = grad(&y, &[&x]).remove(0);
    assert!(grad(&first.square().sum(), &[&x]).remove(0).value().square().sum().item() > 0.0);
}

#[test]
#[should_panic(expected = "BatchNorm2d: not [N, C, H, W]: [3, 2] (2 axes)")]
fn batch_norm_refuses_other_ranks() {
    let _ = eval(&BatchNorm2d::new(2), &noise([3, 2], 1));
}

#[test]
#[should_panic(expected = "BatchNorm1d: channels differ: [3, 2] and 5 channels (2 ≠ 5)")]
fn batch_norm_refuses_other_channels() {
    let _ = eval(&BatchNorm1d::new(5), &noise([3, 2], 1));
}

#[test]
#[should_panic(
    expected = "BatchNorm1d: a batch's variance needs more than one value per channel: [1, 2] (1 < 2)"
)]
fn one_value_has_no_variance() {
    let _ = train(&BatchNorm1d::new(2), &Var::from(noise([1, 2], 1)));
}
