//! Convolutions, pools, resizing, sampling and patches against PyTorch, recorded in f64 by
//! `crates/suite/golden/make_signal.py`: values and all gradients, in both precisions.
#![allow(clippy::unwrap_used)] // helpers of tests may stop at the first surprise

use gradus_autodiff::{Gradients, Var};
use gradus_layers::*;
use gradus_module::{Context, Layer};
use gradus_tensor::{
    Float, GridSampling, Interpolation, InterpolationMode, PadMode, PatchSpec, PoolSpec, Resize, Rng,
    SamplingMode, SamplingPadding, Tensor,
};

const RECORDED: &str = include_str!("golden/signal.csv");

fn recorded(name: &str, what: &str) -> Option<Vec<f64>> {
    let start = format!("{name},{what}");
    let numbers = RECORDED.lines().find_map(|line| {
        let rest = line.strip_prefix(&start)?;
        if rest.is_empty() { Some(rest) } else { rest.strip_prefix(',') }
    })?;
    Some(numbers.split(',').filter(|number| !number.is_empty()).map(|n| n.parse().unwrap()).collect())
}

/// sin(1.7·i + k + 1) for element i.
fn wave<T: Float>(shape: &[usize], k: usize, scale: f64) -> Tensor<T> {
    let count: usize = shape.iter().product();
    let values: Vec<T> = (0..count).map(|i| T::of((1.7 * i as f64 + k as f64 + 1.0).sin() * scale)).collect();
    Tensor::new(shape, &values)
}

#[track_caller]
fn close<T: Float>(name: &str, what: &str, have: &Tensor<T>) {
    let want = recorded(name, what).unwrap_or_else(|| panic!("no record of {name} {what}"));
    let have = have.to_vec();
    assert_eq!(have.len(), want.len(), "{name} {what}");
    // Gradients sum up to a few dozen terms of size 1, so that what is left of them is rounded as these are.
    let (relative, absolute) = if T::EPS < 1e-10 { (1e-10, 1e-11) } else { (1e-5, 4e-6) };
    for (i, (a, b)) in have.iter().map(|a| a.as_f64()).zip(want).enumerate() {
        let same = (a - b).abs() <= absolute + relative * b.abs() || a.is_nan() && b.is_nan();
        assert!(same, "{name} {what} at {i} in {}: {a} and {b}", T::DTYPE);
    }
}

/// The value of `y`, and the gradients of Σ y·cos(0.9·i).
#[track_caller]
fn finish<T: Float>(name: &str, y: &Var<T>) -> Gradients<T> {
    let shape: Vec<f64> = y.shape().iter().map(|&length| length as f64).collect();
    assert_eq!(Some(shape), recorded(name, "shape"), "{name}");
    close(name, "y", y.value());
    let weights: Vec<T> = (0..y.len()).map(|i| T::of((0.9 * i as f64).cos())).collect();
    y.clone().backward_with(Tensor::new(*y.shape(), &weights))
}

#[track_caller]
fn check_in<T: Float>(name: &str, shapes: &[(&[usize], f64)], f: impl Fn(&[Var<T>]) -> Var<T>) {
    let wave = |(k, (shape, scale)): (usize, &(&[usize], f64))| Var::leaf(wave::<T>(shape, k, *scale));
    let x: Vec<Var<T>> = shapes.iter().enumerate().map(wave).collect();
    let gradients = finish(name, &f(&x));
    for (k, x) in x.iter().enumerate() {
        let what = format!("g{k}");
        match gradients.of(x) {
            Some(gradient) => close(name, &what, gradient),
            // PyTorch answers noughts where nothing depends on an input.
            None => {
                assert!(recorded(name, &what).is_none_or(|g| g.iter().all(|g| *g == 0.0)), "{name} {what}")
            }
        }
    }
}

/// Runs the same closure in both precisions.
macro_rules! check {
    ($name:expr, [$(($shape:expr, $scale:expr)),*], $f:expr) => {{
        check_in::<f64>($name, &[$((&$shape, $scale)),*], $f);
        check_in::<f32>($name, &[$((&$shape, $scale)),*], $f);
    }};
    ($name:expr, $shape:expr, $f:expr) => { check!($name, [($shape, 1.0)], $f) };
}

/// A layer whose weight and bias are waves, in both precisions.
macro_rules! layer {
    ($name:literal, $shape:expr, $builder:expr) => {
        layer!($name, $shape, $builder, f64);
        layer!($name, $shape, $builder, f32);
    };
    ($name:literal, $shape:expr, $builder:expr, $t:ty) => {{
        let mut layer = $builder.build::<$t>(&mut Rng::seed(1)).unwrap();
        *layer.weight.value_mut() = wave(&layer.weight.shape().clone(), 1, 1.0);
        if let Some(bias) = &mut layer.bias {
            *bias.value_mut() = wave(&bias.shape().clone(), 2, 1.0);
        }
        let x = Var::leaf(wave::<$t>(&$shape, 0, 1.0));
        let gradients = finish($name, &layer.forward(&x, &mut Context::eval()));
        close($name, "g0", gradients.of(&x).unwrap());
        close($name, "g1", gradients.of(&layer.weight).unwrap());
        if let Some(bias) = &layer.bias {
            close($name, "g2", gradients.of(bias).unwrap());
        }
    }};
}

#[test]
fn convolutions() {
    layer!("conv1d", [2, 4, 9], Conv1d::builder(4, 6, 3).stride(2).padding(1).dilation(2).groups(2));
    layer!("conv1d_same", [2, 2, 6], Conv1d::builder(2, 3, 4).same_padding());
    layer!("conv2d", [2, 2, 4, 5], Conv2d::builder(2, 3, 3));
    let all = Conv2d::builder(4, 4, [3, 2]).stride([2, 1]).padding([1, 2]).dilation([1, 2]).groups(2);
    layer!("conv2d_all", [2, 4, 5, 4], all);
    layer!("conv2d_depthwise", [1, 3, 4, 4], Conv2d::builder(3, 6, 3).padding(1).groups(3).without_bias());
    layer!("conv2d_depthwise_strided", [2, 3, 5, 6], Conv2d::builder(3, 3, 3).stride(2).padding(1).groups(3));
    let around = |mode| Conv2d::builder(2, 2, 3).padding(2).padding_mode(mode);
    layer!("conv2d_reflect", [1, 2, 4, 5], around(PadMode::Reflect));
    layer!("conv2d_replicate", [1, 2, 4, 5], around(PadMode::Replicate));
    layer!("conv2d_circular", [1, 2, 4, 5], around(PadMode::Circular).padding([2, 1]));
    layer!("conv2d_same", [1, 2, 4, 5], Conv2d::builder(2, 2, [2, 4]).same_padding());
    let mirrored = Conv2d::builder(2, 2, [4, 3]).same_padding().padding_mode(PadMode::Reflect);
    layer!("conv2d_same_reflect", [1, 2, 4, 5], mirrored);
    layer!("conv2d_empty", [0, 2, 4, 5], Conv2d::builder(2, 3, 3).padding(1));
    layer!("conv3d", [1, 2, 3, 3, 4], Conv3d::builder(2, 2, 2));
    let all = Conv3d::builder(4, 4, [3, 1, 2]).stride([2, 1, 2]).padding([2, 0, 1]).dilation([1, 1, 2]);
    layer!("conv3d_all", [1, 4, 3, 2, 4], all.groups(2));
    let replicated = Conv3d::builder(1, 2, [3, 2, 2]).padding(1).padding_mode(PadMode::Replicate);
    layer!("conv3d_replicate", [2, 1, 2, 3, 2], replicated);
    layer!("conv3d_empty", [0, 2, 3, 3, 4], Conv3d::builder(2, 2, 2));
}

#[test]
fn transposed_convolutions() {
    let builder = ConvTranspose1d::builder(2, 3, 3).stride(2).padding(1).output_padding(1);
    layer!("conv_transpose1d", [2, 2, 4], builder);
    let dilated = ConvTranspose1d::builder(4, 2, 2).dilation(3).output_padding(2).groups(2);
    layer!("conv_transpose1d_dilated", [1, 4, 4], dilated);
    layer!("conv_transpose2d", [1, 2, 3, 4], ConvTranspose2d::builder(2, 3, 3));
    let all = ConvTranspose2d::builder(4, 4, [3, 2]).stride([2, 3]).padding([1, 0]).output_padding([1, 2]);
    layer!("conv_transpose2d_all", [2, 4, 2, 3], all.dilation([2, 1]).groups(2));
    layer!("conv_transpose2d_empty", [0, 2, 3, 4], ConvTranspose2d::builder(2, 3, 3).without_bias());
    let builder = ConvTranspose3d::builder(2, 1, 2).stride([1, 2, 1]).padding([1, 0, 0]);
    layer!("conv_transpose3d", [1, 2, 3, 2, 2], builder.output_padding([0, 1, 0]));
    let groups = ConvTranspose3d::builder(4, 2, [2, 1, 2]).stride(2).groups(2).dilation([2, 1, 1]);
    layer!("conv_transpose3d_groups", [1, 4, 2, 2, 2], groups);
}

const LINE: [usize; 3] = [2, 2, 9];
const PLANE: [usize; 4] = [2, 2, 7, 8];
const VOLUME: [usize; 5] = [1, 2, 4, 5, 5];

/// A layer without parameters, of any kind that has a constructor's `Result`.
fn run<T: Float>(layer: impl Layer<T>) -> impl Fn(&[Var<T>]) -> Var<T> {
    move |x| layer.forward(&x[0], &mut Context::eval())
}

/// Places times the input's sum, so that they are compared too.
fn placed<T: Float>(place: &Tensor<i64>, x: &Var<T>) -> Var<T> {
    Var::constant(place.cast::<T>()) * x.sum()
}

#[test]
fn maxima() {
    let pool = MaxPool1d::new(3).unwrap().stride(2).unwrap().padding(1).unwrap().dilation(2).unwrap();
    check!("max_pool1d", LINE, run(pool.ceil_mode()));
    let pool = MaxPool2d::new([3, 2]).unwrap().stride([2, 1]).unwrap().padding([1, 0]).unwrap();
    check!("max_pool2d", PLANE, run(pool.dilation([1, 2]).unwrap()));
    let halves = MaxPool2d::new(3).unwrap().stride(2).unwrap();
    check!("max_pool2d_ceil", PLANE, run(halves.ceil_mode()));
    let padded = halves.padding(1).unwrap();
    check!("max_pool2d_indices", PLANE, |x| placed(
        &padded.forward_with_indices(&x[0], &mut Context::eval()).1,
        &x[0]
    ));
    check!("max_pool2d_empty", [0, 2, 4, 4], run(MaxPool2d::new(2).unwrap()));
    let pool = MaxPool3d::new([2, 3, 2]).unwrap().stride([2, 1, 2]).unwrap().padding([1, 1, 0]).unwrap();
    check!("max_pool3d", VOLUME, run(pool.ceil_mode()));
    let steps = PoolSpec { stride: [1, 2, 1], ..PoolSpec::new([2; 3]) };
    check!("max_pool3d_indices", VOLUME, |x| placed(&x[0].max_pool_with_indices(steps).1, &x[0]));
    check!("adaptive_max_pool1d", LINE, run(AdaptiveMaxPool1d::new(4).unwrap()));
    check!("adaptive_max_pool2d", PLANE, run(AdaptiveMaxPool2d::new([3, 9]).unwrap()));
    check!("adaptive_max_pool3d", VOLUME, run(AdaptiveMaxPool3d::new([3, 2, 4]).unwrap()));
    check!("adaptive_max_pool2d_indices", PLANE, |x| placed(
        &x[0].adaptive_max_pool_with_indices([3, 3]).1,
        &x[0]
    ));
    let to = [3, 2, 4];
    check!("adaptive_max_pool3d_indices", VOLUME, |x| placed(
        &x[0].adaptive_max_pool_with_indices(to).1,
        &x[0]
    ));
}

#[test]
fn unpooled() {
    check!("max_unpool1d", LINE, |x| {
        let cx = &mut Context::eval();
        let (y, place) = MaxPool1d::new(2).unwrap().forward_with_indices(&x[0], cx);
        MaxUnpool1d::new(2).unwrap().forward_to(&y, &place, [9], cx)
    });
    check!("max_unpool2d", [2, 2, 6, 4], |x| {
        let cx = &mut Context::eval();
        let (y, place) = MaxPool2d::new(2).unwrap().forward_with_indices(&x[0], cx);
        MaxUnpool2d::new(2).unwrap().forward(&y, &place, cx)
    });
    check!("max_unpool3d", [1, 2, 4, 4, 2], |x| {
        let cx = &mut Context::eval();
        let (y, place) = MaxPool3d::new(2).unwrap().forward_with_indices(&x[0], cx);
        MaxUnpool3d::new(2).unwrap().forward(&y, &place, cx)
    });
}

#[test]
fn means_and_powers() {
    let thirds = AvgPool1d::new(3).unwrap().stride(2).unwrap().padding(1).unwrap();
    check!("avg_pool1d", LINE, run(thirds.ceil_mode()));
    let fourths = AvgPool1d::new(4).unwrap().stride(3).unwrap().padding(2).unwrap();
    check!("avg_pool1d_uncounted", LINE, run(fourths.without_border()));
    let uneven = AvgPool2d::new([3, 2]).unwrap().stride(2).unwrap().padding(1).unwrap();
    check!("avg_pool2d", PLANE, run(uneven.ceil_mode()));
    let pool = AvgPool2d::new(3).unwrap().stride(2).unwrap().padding(1).unwrap();
    check!("avg_pool2d_uncounted", PLANE, run(pool.without_border().ceil_mode()));
    check!("avg_pool2d_divisor", PLANE, run(pool.divisor(5).unwrap()));
    let uneven = AvgPool3d::new([2, 3, 2]).unwrap().stride([2, 2, 1]).unwrap().padding([1, 1, 0]).unwrap();
    check!("avg_pool3d", VOLUME, run(uneven.ceil_mode()));
    let pool = AvgPool3d::new(3).unwrap().stride(2).unwrap().padding(1).unwrap();
    check!("avg_pool3d_uncounted", VOLUME, run(pool.without_border()));
    check!("avg_pool3d_divisor", VOLUME, run(AvgPool3d::new(2).unwrap().divisor(3).unwrap()));
    check!("adaptive_avg_pool1d", LINE, run(AdaptiveAvgPool1d::new(4).unwrap()));
    check!("adaptive_avg_pool2d", PLANE, run(AdaptiveAvgPool2d::new([3, 9]).unwrap()));
    check!("adaptive_avg_pool3d", VOLUME, run(AdaptiveAvgPool3d::new([3, 2, 4]).unwrap()));
    check!("lp_pool1d", LINE, run(LpPool1d::new(2.0, 3).unwrap().stride(2).unwrap()));
    check!("lp_pool2d", PLANE, run(LpPool2d::new(2.0, 3).unwrap().stride(2).unwrap().ceil_mode()));
    let cubes = PoolSpec::new([2, 3]);
    check!("lp_pool2d_cubes", PLANE, |x| x[0].square().lp_pool2d(3.0, cubes));
    check!("lp_pool3d", VOLUME, run(LpPool3d::new(4.0, 2).unwrap().stride(1).unwrap()));
}

const SHORT: [usize; 3] = [1, 2, 5];
const IMAGE: [usize; 4] = [1, 2, 4, 5];
const BLOCK: [usize; 5] = [1, 1, 2, 3, 3];

#[test]
fn resizing() {
    use InterpolationMode::{Area, Cubic, Linear, Nearest, NearestExact};
    let sizes = |name: &str, shape: &[usize], to: &[usize], how: Interpolation| {
        check!(name, *shape, |x| x[0].interpolate(Resize::Sizes(to), how));
    };
    let factors = |name: &str, shape: &[usize], by: &[f64], mode| {
        let how = Interpolation::new(mode);
        check!(name, *shape, |x| x[0].interpolate(Resize::Factors(by), how));
    };
    let plain = Interpolation::new;
    for (name, mode) in
        [("nearest", Nearest), ("nearest-exact", NearestExact), ("linear", Linear), ("area", Area)]
    {
        sizes(&format!("resize_{name}_up"), &SHORT, &[8], plain(mode));
        sizes(&format!("resize_{name}_down"), &SHORT, &[3], plain(mode));
    }
    let corners = Interpolation { align_corners: true, ..plain(Linear) };
    sizes("resize_linear_corners", &SHORT, &[8], corners);
    sizes("resize_linear_one", &SHORT, &[1], corners);
    for (name, mode) in [("bilinear", Linear), ("bicubic", Cubic)] {
        for (end, align_corners) in [("", false), ("_corners", true)] {
            let how = Interpolation { align_corners, ..plain(mode) };
            sizes(&format!("resize_{name}{end}_up"), &IMAGE, &[7, 8], how);
            sizes(&format!("resize_{name}{end}_down"), &IMAGE, &[3, 2], how);
            let smooth = Interpolation { antialias: true, ..how };
            sizes(&format!("resize_{name}{end}_smooth"), &IMAGE, &[3, 2], smooth);
        }
        let smooth = Interpolation { antialias: true, ..plain(mode) };
        sizes(&format!("resize_{name}_smooth_up"), &IMAGE, &[6, 3], smooth);
        factors(&format!("resize_{name}_factor"), &IMAGE, &[1.7, 0.55], mode);
    }
    factors("resize_nearest_factor", &IMAGE, &[1.7, 0.55], Nearest);
    factors("resize_nearest-exact_factor", &IMAGE, &[2.3, 0.7], NearestExact);
    sizes("resize_area", &IMAGE, &[3, 2], plain(Area));
    sizes("resize_trilinear", &BLOCK, &[3, 2, 5], plain(Linear));
    sizes("resize_trilinear_corners", &BLOCK, &[3, 2, 5], corners);
    factors("resize_nearest_volume", &BLOCK, &[2.0; 3], Nearest);
    sizes("resize_area_volume", &BLOCK, &[1, 2, 2], plain(Area));
}

#[test]
fn borders() {
    let modes =
        [("reflect", PadMode::Reflect), ("replicate", PadMode::Replicate), ("circular", PadMode::Circular)];
    for (name, mode) in modes {
        check!(&format!("pad_{name}_1d"), SHORT, run(Pad1d::uneven(mode, [(2, 1)])));
        check!(&format!("pad_{name}_2d"), IMAGE, run(Pad2d::uneven(mode, [(2, 0), (1, 3)])));
        check!(&format!("pad_{name}_3d"), BLOCK, run(Pad3d::uneven(mode, [(1, 1), (0, 1), (1, 2)])));
    }
}

#[test]
fn sampling() {
    let modes = [
        ("bilinear", SamplingMode::Linear),
        ("nearest", SamplingMode::Nearest),
        ("bicubic", SamplingMode::Cubic),
    ];
    let (zeros, border, reflection) =
        (SamplingPadding::Zeros, SamplingPadding::Border, SamplingPadding::Reflection);
    for (name, mode) in modes {
        for (around, padding) in [("zeros", zeros), ("border", border), ("reflection", reflection)] {
            for (end, align_corners) in [("", false), ("_corners", true)] {
                let how = GridSampling { mode, padding, align_corners };
                let name = format!("grid_{name}_{around}{end}");
                check!(&name, [([1, 2, 3, 4], 1.0), ([1, 3, 3, 2], 1.6)], |x| x[0].grid_sample(&x[1], how));
            }
        }
    }
    for (name, mode) in &modes[..2] {
        let cases = [("zeros", zeros, false), ("border", border, true), ("reflection", reflection, false)];
        for (around, padding, align_corners) in cases {
            let how = GridSampling { mode: *mode, padding, align_corners };
            let name = format!("grid3d_{name}_{around}");
            check!(&name, [([1, 2, 2, 3, 3], 1.0), ([1, 2, 2, 2, 3], 1.4)], |x| x[0].grid_sample(&x[1], how));
        }
    }
    for (end, corners) in [("", false), ("_corners", true)] {
        check!(&format!("affine2d{end}"), [2, 2, 3], |x| x[0].affine_grid([2, 1, 3, 2], corners));
        check!(&format!("affine3d{end}"), [1, 3, 4], |x| x[0].affine_grid([1, 1, 2, 1, 3], corners));
    }
}

#[test]
fn patches_and_shuffles() {
    let unfold =
        Unfold::new([2, 3]).unwrap().stride([2, 1]).unwrap().padding([1, 0]).dilation([1, 2]).unwrap();
    check!("unfold", [2, 2, 5, 6], run(unfold));
    let fold =
        Fold::new([5, 6], [2, 3]).unwrap().stride([2, 1]).unwrap().padding([1, 0]).dilation([1, 2]).unwrap();
    check!("fold", [2, 12, 6], run(fold));
    let spec = PatchSpec { stride: [2, 1], padding: [1, 0], dilation: [1, 2], ..PatchSpec::new([2, 3]) };
    assert_eq!(spec.places([5, 6]), [3, 2]);
    check!("pixel_shuffle", [2, 8, 2, 3], run(PixelShuffle::new(2).unwrap()));
    check!("pixel_unshuffle", [2, 1, 3, 6], run(PixelUnshuffle::new(3).unwrap()));
    check!("channel_shuffle", [1, 6, 2, 2], run(ChannelShuffle::new(3).unwrap()));
    let even = LocalResponseNorm::new(4).unwrap().alpha(0.3).k(1.5);
    check!("local_response_even", [2, 6, 3], run(even));
    let odd = LocalResponseNorm::new(3).unwrap().alpha(0.5).beta(0.5);
    check!("local_response_odd", [1, 5, 2, 2], run(odd));
}

/// Every line that was recorded is read by a test above.
#[test]
fn nothing_was_recorded_in_vain() {
    let source = include_str!("signal.rs");
    let names = RECORDED.lines().skip(1).filter_map(|line| line.split(',').next());
    let plain =
        |name: &&str| !name.starts_with("resize_") && !name.starts_with("grid") && !name.starts_with("pad_");
    for name in names.filter(plain).filter(|name| !name.starts_with("affine")) {
        assert!(source.contains(&format!("\"{name}\"")), "{name}");
    }
}
