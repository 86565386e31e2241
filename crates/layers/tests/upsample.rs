//! What the layers of signals refuse, in which words, and what holds without a record: invariants of shuffles, of global
//! pooling, of transposed convolution.
#![allow(clippy::unwrap_used)] // helpers of tests may stop at the first surprise

use crate::common::{check_layer, close, names, noise};
use gradus_autodiff::Var;
use gradus_layers::*;
use gradus_module::{Context, Layer, summary};
use gradus_tensor::{InterpolationMode, PadMode, Rng, Tensor};

fn eval<L: Layer<f64>>(layer: &L, x: &Tensor<f64>) -> Tensor<f64> {
    layer.forward(&Var::from(x), &mut Context::eval()).into_value()
}

fn text<T>(result: Result<T, LayerError>) -> String {
    result.err().unwrap().to_string()
}

#[test]
fn constructors_refuse_nonsense() {
    let rng = &mut Rng::seed(0);
    let same = Conv2d::builder(1, 1, 3).stride(2).same_padding().build::<f32>(rng);
    assert_eq!(
        text(same),
        "Conv2d: stride is [2, 2], but it must be 1 where the result is as long as the input"
    );
    let groups = Conv3d::builder(4, 6, 3).groups(4).build::<f32>(rng);
    assert_eq!(text(groups), "Conv3d: groups is 4, but it must be a divisor of 4 inputs and 6 outputs");
    let kernel = ConvTranspose1d::builder(1, 1, 0).build::<f32>(rng);
    assert_eq!(text(kernel), "ConvTranspose1d: kernel is [0], but it must be at least 1");
    let stride = ConvTranspose3d::builder(1, 1, 2).stride([1, 0, 1]).build::<f32>(rng);
    assert_eq!(text(stride), "ConvTranspose3d: stride is [1, 0, 1], but it must be at least 1");
    let more = ConvTranspose2d::builder(1, 1, 2).stride(2).output_padding([1, 2]).build::<f32>(rng);
    assert_eq!(
        text(more),
        "ConvTranspose2d: output_padding is [1, 2], but it must be below the stride [2, 2] or the dilation [1, 1]"
    );
    let inputs = DepthwiseSeparable::builder(0, 4, 3).build::<f32>(rng);
    assert_eq!(text(inputs), "DepthwiseSeparable: inputs is 0, but it must be at least 1");
    assert_eq!(text(MaxPool3d::new([1, 0, 2])), "MaxPool3d: kernel is [1, 0, 2], but it must be at least 1");
    let border = AvgPool3d::new(3).unwrap().padding(2);
    assert_eq!(
        text(border),
        "AvgPool3d: padding is [2, 2, 2], but it must be at most half the kernel, [1, 1, 1]"
    );
    assert_eq!(
        text(AvgPool1d::new(3).unwrap().divisor(0)),
        "AvgPool1d: divisor is 0, but it must be at least 1"
    );
    assert_eq!(
        text(AdaptiveMaxPool2d::new([2, 0])),
        "AdaptiveMaxPool2d: size is [2, 0], but it must be at least 1"
    );
    assert_eq!(text(LpPool2d::new(0.0, 2)), "LpPool2d: exponent is 0, but it must be a positive number");
    assert_eq!(
        text(MaxUnpool2d::new(2).unwrap().stride(0)),
        "MaxUnpool2d: stride is [0, 0], but it must be at least 1"
    );
    assert_eq!(text(LocalResponseNorm::new(0)), "LocalResponseNorm: size is 0, but it must be at least 1");
    assert_eq!(text(PixelShuffle::new(0)), "PixelShuffle: factor is 0, but it must be at least 1");
    assert_eq!(text(ChannelShuffle::new(0)), "ChannelShuffle: groups is 0, but it must be at least 1");
    assert_eq!(text(Unfold::new([2, 0])), "Unfold: kernel is [2, 0], but it must be at least 1");
    assert_eq!(text(Fold::new([0, 4], 2)), "Fold: size is [0, 4], but it must be at least 1");
}

#[test]
fn upsampling_refuses_nonsense() {
    assert_eq!(
        text(Upsample::to([4, 0])),
        "Upsample: sizes is [4, 0], but it must be one to three sizes of at least 1"
    );
    assert_eq!(
        text(Upsample::by([-1.0])),
        "Upsample: factors is [-1.0], but it must be one to three positive factors"
    );
    let corners = Upsample::to([4]).unwrap().align_corners();
    assert_eq!(
        text(corners),
        "Upsample: mode is Nearest, but it must be Linear or Cubic where corners are aligned or antialiasing is asked for"
    );
    let linear = Upsample::to([4]).unwrap().mode(InterpolationMode::Linear).unwrap().antialias().unwrap();
    assert!(linear.mode(InterpolationMode::Area).is_err());
}

#[test]
fn states_have_the_names_of_pytorch() {
    let rng = &mut Rng::seed(1);
    let conv = Conv3d::builder(2, 4, [1, 2, 3]).build::<f64>(rng).unwrap();
    assert_eq!((names(&conv), conv.weight.dims()), (vec!["weight".into(), "bias".into()], [4, 2, 1, 2, 3]));
    let back = ConvTranspose2d::builder(4, 6, 3).groups(2).build::<f64>(rng).unwrap();
    assert_eq!((names(&back), back.weight.dims()), (vec!["weight".into(), "bias".into()], [4, 3, 3, 3]));
    let separable = DepthwiseSeparable::builder(3, 5, 3).build::<f64>(rng).unwrap();
    assert_eq!(names(&separable), ["depthwise.weight", "pointwise.weight"]);
    assert_eq!(separable.depthwise.weight.dims(), [3, 1, 3, 3]);
    let most = back.weight.value().abs().to_vec().into_iter().fold(0.0, f64::max);
    assert!(most <= 1.0 / 27.0_f64.sqrt() && most > 0.8 / 27.0_f64.sqrt(), "3 outputs per group · 9: {most}");
}

#[test]
fn gradients_of_whole_layers() {
    let rng = &mut Rng::seed(2);
    let mut conv = Conv3d::builder(2, 2, 2).stride([1, 2, 1]).padding(1).padding_mode(PadMode::Circular);
    conv = conv.groups(2);
    check_layer(&mut conv.build(rng).unwrap(), &noise([1, 2, 2, 3, 2], 3), |layer: &Conv3d<f64>, x| {
        layer.forward(x, &mut Context::eval())
    });
    let back = ConvTranspose2d::builder(2, 3, [2, 3]).stride(2).padding([0, 1]).output_padding(1);
    check_layer(&mut back.build(rng).unwrap(), &noise([2, 2, 3, 2], 4), |layer: &ConvTranspose2d<f64>, x| {
        layer.forward(x, &mut Context::eval())
    });
    let separable = DepthwiseSeparable::builder(2, 3, 3).padding(1).dilation(2).padding(2).with_bias();
    check_layer(
        &mut separable.build(rng).unwrap(),
        &noise([1, 2, 4, 4], 5),
        |layer: &DepthwiseSeparable<f64>, x| layer.forward(x, &mut Context::eval()),
    );
}

#[test]
fn a_transposed_convolution_reaches_a_given_size() {
    let rng = &mut Rng::seed(6);
    let conv = Conv2d::builder(3, 4, 3).stride(2).padding(1).build::<f64>(rng).unwrap();
    let mut back =
        ConvTranspose2d::builder(4, 3, 3).stride(2).padding(1).without_bias().build::<f64>(rng).unwrap();
    *back.weight.value_mut() = conv.weight.value().clone();
    for size in [[7, 8], [8, 7]] {
        let x = noise([2, 3, size[0], size[1]], 7);
        let y = eval(&conv, &x);
        let g = noise(*y.shape(), 8);
        let cx = &mut Context::eval();
        let spread = back.forward_to(&Var::from(&g), size, cx).into_value();
        // ⟨conv(x) − bias, g⟩ = ⟨x, back(g)⟩
        let bias = conv.bias.as_ref().unwrap().value().reshape([4, 1, 1]);
        let (left, right) = ((&(&y - &bias) * &g).sum().item(), (&x * &spread).sum().item());
        assert!((left - right).abs() < 1e-12 * (1.0 + left.abs()), "{left} and {right}");
    }
    let table = summary(&back, |cx| drop(back.forward(&Var::from(&noise([1, 4, 2, 2], 9)), cx)));
    assert_eq!((table.rows[0].kind, table.rows[0].multiply_adds), ("ConvTranspose2d", 4 * 4 * 3 * 9));
}

#[test]
#[should_panic(
    expected = "ConvTranspose1d: size [9] is out of reach: [1, 1, 4] gives [7] and up to 1 more along axis 0"
)]
fn a_size_out_of_reach_is_named() {
    let back =
        ConvTranspose1d::builder(1, 1, 3).stride(2).padding(1).build::<f64>(&mut Rng::seed(1)).unwrap();
    let _ = back.forward_to(&Var::from(&noise([1, 1, 4], 1)), [9], &mut Context::eval());
}

#[test]
#[should_panic(
    expected = "Conv3d: input is not [N, C, D, H, W] with C = 2: [1, 2, 3, 3] and weight [1, 2, 1, 1, 1]"
)]
fn volumes_have_five_axes() {
    let layer = Conv3d::builder(2, 1, 1).build::<f64>(&mut Rng::seed(1)).unwrap();
    let _ = eval(&layer, &noise([1, 2, 3, 3], 1));
}

#[test]
#[should_panic(expected = "pad: wider than Reflect allows: (2, 2) round axis 2 of length 2 (2 > 1)")]
fn a_mirror_shows_no_more_than_there_is() {
    let _ = eval(&Pad2d::new(PadMode::Reflect, [2, 0]), &noise([1, 1, 2, 5], 1));
}

#[test]
fn frozen_convolutions_keep_their_border() {
    let rng = &mut Rng::seed(3);
    let x = noise([2, 3, 6, 5], 4);
    for builder in [
        Conv2d::builder(3, 4, 3).padding(2).padding_mode(PadMode::Reflect),
        Conv2d::builder(3, 4, [2, 4]).same_padding(),
    ] {
        let layer = builder.build::<f64>(rng).unwrap().with_relu();
        let (frozen, want) = (layer.frozen(), eval(&layer, &x));
        close(&eval(&frozen, &x), &want.to_vec(), 1e-14);
        let onto = frozen.forward_onto(&Var::from(&x), &Var::from(&want), &mut Context::eval()).into_value();
        assert_eq!(onto.shape(), want.shape());
        let g = |layer: &dyn Layer<f64>| {
            let x = Var::leaf(x.clone());
            layer.forward(&x, &mut Context::eval()).sum().backward().of(&x).unwrap().clone()
        };
        close(&g(&frozen), &g(&layer).to_vec(), 1e-14);
    }
}

#[test]
fn global_pools_are_reductions() {
    let x = noise([2, 3, 4, 5], 5);
    close(&eval(&AdaptiveAvgPool2d::global(), &x), &x.mean_axes(&[2, 3], true).to_vec(), 1e-14);
    close(&eval(&AdaptiveMaxPool2d::global(), &x), &x.max_axes(&[2, 3], true).to_vec(), 0.0);
}

/// What is not a number wins a maximum wherever it stands in the window; noughts of both signs are equal.
#[test]
fn maxima_of_volumes_meet_edge_values() {
    let mut x = Tensor::<f64>::zeros([1, 1, 2, 2, 2]);
    x.make_mut()[5] = f64::NAN;
    let (y, place) = MaxPool3d::new(2).unwrap().forward_with_indices(&Var::constant(x), &mut Context::eval());
    assert!(y.item().is_nan() && place.item() == 5);
    let low = Var::leaf(Tensor::full([1, 1, 2, 2, 2], f64::NEG_INFINITY));
    let y = MaxPool3d::new(2).unwrap().forward(&low, &mut Context::eval());
    assert_eq!(y.item(), f64::NEG_INFINITY);
    // The first of equals gets all.
    assert_eq!(y.sum().backward().of(&low).unwrap().to_vec(), [1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]);
}

#[test]
fn a_power_pool_of_noughts_has_no_slope() {
    let x = Var::leaf(Tensor::<f64>::zeros([1, 1, 2, 2]));
    let y = LpPool2d::new(2.0, 2).unwrap().forward(&x, &mut Context::eval());
    assert_eq!((y.item(), y.sum().backward().of(&x).unwrap().to_vec()), (0.0, vec![0.0; 4]));
}

/// A coordinate that is no number is read as −1, one that is infinite lies outside, and neither has a slope.
#[test]
fn sampling_meets_edge_values() {
    let x = Var::leaf(Tensor::<f64>::ones([1, 1, 2, 2]));
    let grid = Var::leaf(Tensor::new([1, 1, 3, 2], &[f64::NAN, 0.0, f64::INFINITY, 0.0, 1e300, -1e300]));
    let y = x.grid_sample(&grid, gradus_tensor::GridSampling { align_corners: true, ..Default::default() });
    assert_eq!(y.value().to_vec(), [1.0, 0.0, 0.0]);
    let gradients = y.sum().backward();
    assert!(gradients.of(&grid).unwrap().to_vec().iter().all(|g| g.is_finite()));
    assert_eq!(gradients.of(&x).unwrap().to_vec(), [0.5, 0.0, 0.5, 0.0]);
}
