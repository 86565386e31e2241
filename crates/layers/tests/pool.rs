//! Pools against loops over their windows.

use crate::common::{check_layer, close, noise};
use gradus_autodiff::Var;
use gradus_layers::{AdaptiveAvgPool1d, AdaptiveAvgPool2d, AvgPool1d, AvgPool2d, MaxPool1d, MaxPool2d};
use gradus_module::{Context, Layer};
use gradus_tensor::Tensor;

fn eval<L: Layer<f64>>(layer: &L, x: &Tensor<f64>) -> Tensor<f64> {
    layer.forward(&Var::from(x), &mut Context::eval()).into_value()
}

/// The elements of a window that lie inside: window `at`, kernel, stride, padding, dilation.
fn window(x: &Tensor<f64>, at: [usize; 4], how: [[usize; 2]; 4]) -> Vec<f64> {
    let [kernel, stride, padding, dilation] = how;
    let [_, _, height, width] = x.dims();
    let mut out = Vec::new();
    for p in 0..kernel[0] {
        for q in 0..kernel[1] {
            let i = (at[2] * stride[0] + p * dilation[0]).wrapping_sub(padding[0]);
            let j = (at[3] * stride[1] + q * dilation[1]).wrapping_sub(padding[1]);
            if i < height && j < width {
                out.push(x.at(&[at[0], at[1], i, j]));
            }
        }
    }
    out
}

#[test]
fn maxima_of_windows() {
    let x = noise([2, 3, 7, 8], 1);
    let mut layer = MaxPool2d::new([3, 2])
        .unwrap()
        .stride([2, 1])
        .unwrap()
        .padding([1, 0])
        .unwrap()
        .dilation([1, 2])
        .unwrap();
    let y = eval(&layer, &x);
    assert_eq!(y.dims(), [2, 3, 4, 6]);
    let how = [[3, 2], [2, 1], [1, 0], [1, 2]];
    let want = Tensor::from_fn([2, 3, 4, 6], |i| {
        window(&x, [i[0], i[1], i[2], i[3]], how).into_iter().fold(f64::NEG_INFINITY, f64::max)
    });
    close(&y, &want.to_vec(), 0.0);
    check_layer(&mut layer, &x, |layer, x| layer.forward(x, &mut Context::eval()));
    let sequence = Tensor::from([[[1.0, 5.0, 2.0, 4.0, 3.0]]]);
    close(&eval(&MaxPool1d::new(2).unwrap(), &sequence), &[5.0, 4.0], 0.0);
    close(&eval(&MaxPool1d::new(2).unwrap().ceil_mode(), &sequence), &[5.0, 4.0, 3.0], 0.0);
}

#[test]
fn means_of_windows() {
    let x = noise([2, 2, 6, 5], 2);
    let layer = AvgPool2d::new(3).unwrap().stride(2).unwrap().padding(1).unwrap();
    let how = [[3, 3], [2, 2], [1, 1], [1, 1]];
    for (mut layer, border) in [(layer, true), (layer.without_border(), false)] {
        let y = eval(&layer, &x);
        assert_eq!(y.dims(), [2, 2, 3, 3]);
        let want = Tensor::from_fn([2, 2, 3, 3], |i| {
            let inside = window(&x, [i[0], i[1], i[2], i[3]], how);
            let count = if border { 9 } else { inside.len() };
            inside.iter().sum::<f64>() / count as f64
        });
        close(&y, &want.to_vec(), 1e-14);
        check_layer(&mut layer, &x, |layer, x| layer.forward(x, &mut Context::eval()));
    }
    let sequence = Tensor::from([[[1.0, 5.0, 2.0, 4.0]]]);
    close(&eval(&AvgPool1d::new(2).unwrap(), &sequence), &[3.0, 3.0], 0.0);
    close(&eval(&AvgPool1d::new(2).unwrap().stride(1).unwrap(), &sequence), &[3.0, 3.5, 3.0], 0.0);
}

#[test]
fn means_of_regions() {
    let x = noise([2, 3, 7, 5], 3);
    let mut layer = AdaptiveAvgPool2d::new([3, 2]).unwrap();
    let region = |i: usize, length: usize, size: usize| i * length / size..((i + 1) * length).div_ceil(size);
    let want = Tensor::from_fn([2, 3, 3, 2], |i| {
        let (rows, columns) = (region(i[2], 7, 3), region(i[3], 5, 2));
        let count = (rows.len() * columns.len()) as f64;
        rows.flat_map(|r| columns.clone().map(move |c| (r, c)))
            .map(|(r, c)| x.at(&[i[0], i[1], r, c]))
            .sum::<f64>()
            / count
    });
    close(&eval(&layer, &x), &want.to_vec(), 1e-14);
    check_layer(&mut layer, &x, |layer, x| layer.forward(x, &mut Context::eval()));
    let means = eval(&AdaptiveAvgPool2d::new(1).unwrap(), &x);
    close(&means, &x.mean_axes(&[2, 3], true).to_vec(), 1e-14);
    close(&eval(&AdaptiveAvgPool1d::new(2).unwrap(), &Tensor::from([[[1.0, 2.0, 6.0]]])), &[1.5, 4.0], 1e-15);
}

#[test]
fn pools_refuse_nonsense() {
    let text = |error: Option<gradus_layers::LayerError>| error.unwrap().to_string();
    assert_eq!(text(MaxPool2d::new(0).err()), "MaxPool2d: kernel is [0, 0], but it must be at least 1");
    assert_eq!(text(MaxPool1d::new(0).err()), "MaxPool1d: kernel is [0], but it must be at least 1");
    let padded = AvgPool2d::new([3, 2]).unwrap().padding([1, 2]);
    assert_eq!(
        text(padded.err()),
        "AvgPool2d: padding is [1, 2], but it must be at most half the kernel, [1, 1]"
    );
    assert!(MaxPool1d::new(2).unwrap().dilation(0).is_err() && AvgPool1d::new(2).unwrap().stride(0).is_err());
    assert_eq!(
        text(AdaptiveAvgPool1d::new(0).err()),
        "AdaptiveAvgPool1d: size is [0], but it must be at least 1"
    );
}

#[test]
#[should_panic(expected = "MaxPool1d: input is not [N, C, L]: [2, 2] (2 axes)")]
fn pools_refuse_other_ranks() {
    let _ = eval(&MaxPool1d::new(2).unwrap(), &noise([2, 2], 1));
}
