//! Convolutions against the sum that defines them.

use crate::common::{check_layer, close, names, noise, shift};
use gradus_autodiff::Var;
use gradus_layers::{BatchNorm2d, Conv1d, Conv2d, fold_batch_norm};
use gradus_module::{Context, Layer, Module, summary};
use gradus_tensor::{Rng, Tensor};

fn eval<L: Layer<f64>>(layer: &L, x: &Tensor<f64>) -> Tensor<f64> {
    layer.forward(&Var::from(x), &mut Context::eval()).into_value()
}

/// Element `[n, o, i, j]` of a convolution: stride, padding, dilation per axis.
fn element(x: &Tensor<f64>, w: &Tensor<f64>, groups: usize, how: [[usize; 2]; 3], at: [usize; 4]) -> f64 {
    let [stride, padding, dilation] = how;
    let ([_, _, height, width], [outputs, inputs, rows, columns]) = (x.dims(), w.dims());
    let group = at[1] / (outputs / groups);
    let mut sum = 0.0;
    for c in 0..inputs {
        for p in 0..rows {
            for q in 0..columns {
                let i = (at[2] * stride[0] + p * dilation[0]).wrapping_sub(padding[0]);
                let j = (at[3] * stride[1] + q * dilation[1]).wrapping_sub(padding[1]);
                if i < height && j < width {
                    sum += x.at(&[at[0], group * inputs + c, i, j]) * w.at(&[at[1], c, p, q]);
                }
            }
        }
    }
    sum
}

#[test]
fn conv2d_is_its_sum() {
    let mut layer: Conv2d<f64> = Conv2d::builder(4, 6, [3, 2])
        .stride([2, 1])
        .padding([1, 2])
        .dilation([1, 2])
        .groups(2)
        .build(&mut Rng::seed(1))
        .unwrap();
    assert_eq!(
        (names(&layer), layer.parameter_count()),
        (vec!["weight".into(), "bias".into()], 6 * 2 * 6 + 6)
    );
    let x = noise([2, 4, 5, 6], 2);
    let y = eval(&layer, &x);
    assert_eq!(y.dims(), [2, 6, 3, 8]);
    let (w, b) = (layer.weight.value().clone(), layer.bias.as_ref().unwrap().value().clone());
    let want = Tensor::from_fn([2, 6, 3, 8], |i| {
        b.at(&[i[1]]) + element(&x, &w, 2, [[2, 1], [1, 2], [1, 2]], [i[0], i[1], i[2], i[3]])
    });
    close(&y, &want.to_vec(), 1e-12);
    check_layer(&mut layer, &x, |layer, x| layer.forward(x, &mut Context::eval()));
    let table = summary(&layer, |cx| drop(layer.forward(&Var::from(&x), cx)));
    assert_eq!((table.rows[0].kind, table.rows[0].multiply_adds), ("Conv2d", 2 * 6 * 3 * 8 * 2 * 6));
}

#[test]
fn conv1d_is_conv2d_of_height_one() {
    let mut layer: Conv1d<f64> =
        Conv1d::builder(2, 3, 3).stride(2).padding(1).without_bias().build(&mut Rng::seed(1)).unwrap();
    assert_eq!((names(&layer), layer.weight.dims()), (vec!["weight".to_owned()], [3, 2, 3]));
    let x = noise([2, 2, 7], 3);
    let (image, w) = (x.unsqueeze(2), layer.weight.value().unsqueeze(2));
    let how = [[1, 2], [0, 1], [1, 1]];
    let want = Tensor::from_fn([2, 3, 4], |i| element(&image, &w, 1, how, [i[0], i[1], 0, i[2]]));
    let y = eval(&layer, &x);
    assert_eq!(y.dims(), [2, 3, 4]);
    close(&y, &want.to_vec(), 1e-12);
    check_layer(&mut layer, &x, |layer, x| layer.forward(x, &mut Context::eval()));
}

#[test]
fn convolutions_start_as_in_pytorch() {
    // 16 inputs per group · 3 · 3: bound 1/12.
    let layer: Conv2d<f64> = Conv2d::builder(32, 64, 3).groups(2).build(&mut Rng::seed(3)).unwrap();
    assert_eq!(layer.weight.dims(), [64, 16, 3, 3]);
    let most = layer.weight.value().abs().to_vec().into_iter().fold(0.0, f64::max);
    assert!(most <= 1.0 / 12.0 && most > 0.99 / 12.0, "{most}");
    let square = layer.weight.value().square().mean().item();
    assert!((square * 3.0 * 144.0 - 1.0).abs() < 0.05, "{square}");
}

#[test]
fn builders_refuse_nonsense() {
    let mut rng = Rng::seed(0);
    let error = |builder: gradus_layers::Conv2dBuilder, rng: &mut Rng| {
        builder.build::<f64>(rng).unwrap_err().to_string()
    };
    assert_eq!(
        error(Conv2d::builder(1, 1, [3, 0]), &mut rng),
        "Conv2d: kernel is [3, 0], but it must be at least 1"
    );
    assert_eq!(
        error(Conv2d::builder(1, 1, 3).stride(0), &mut rng),
        "Conv2d: stride is [0, 0], but it must be at least 1"
    );
    let text = error(Conv2d::builder(4, 6, 3).groups(4), &mut rng);
    assert_eq!(text, "Conv2d: groups is 4, but it must be a divisor of 4 inputs and 6 outputs");
    assert!(Conv1d::builder(4, 6, 3).groups(0).build::<f32>(&mut rng).is_err());
}

#[test]
#[should_panic(
    expected = "Conv2d: input is not [N, C, H, W] with C = 3: [2, 4, 5, 6] and weight [6, 3, 3, 3]"
)]
fn conv2d_refuses_other_channels() {
    let layer: Conv2d<f64> = Conv2d::builder(3, 6, 3).build(&mut Rng::seed(1)).unwrap();
    let _ = eval(&layer, &noise([2, 4, 5, 6], 2));
}

#[test]
fn a_folded_normalisation_computes_the_same() {
    let rng = &mut Rng::seed(11);
    for bias in [true, false] {
        let builder = Conv2d::builder(3, 5, 3).padding(1);
        let builder = if bias { builder } else { builder.without_bias() };
        let conv = builder.build::<f64>(rng).unwrap();
        let mut norm = BatchNorm2d::<f64>::new(5).momentum(0.7).unwrap();
        // A pass in training moves the running statistics; a shift stands for what was learnt.
        shift(&mut norm, 0.3);
        let x = Tensor::normal([4, 3, 6, 7], 1.0, 2.0, rng);
        let y = norm.forward(&conv.forward(&Var::from(&x), &mut Context::eval()), &mut Context::train(rng));
        let gradients = y.sum().backward();
        gradus_module::apply_updates(&mut norm, &gradients);
        let want = eval(&norm, &eval(&conv, &x));
        let folded = fold_batch_norm(&conv, &norm).unwrap();
        close(&eval(&folded, &x), &want.to_vec(), 1e-12);
        close(&eval(&folded.with_relu().frozen(), &x), &want.relu().to_vec(), 1e-12);
    }
}
