//! Weight norm and spectral norm around layers: PyTorch's parametrizations, with u and v after training.

use gradus_autodiff::Var;
use gradus_layers::*;
use gradus_module::Module;
use gradus_tensor::{Float, Rng};

use super::case::Case;

fn case(name: &'static str) -> Case {
    Case::new(include_str!("../golden/wrappers.csv"), name)
}

fn linear<T: Float>() -> Linear<T> {
    Linear::new(3, 2, &mut Rng::seed(0))
}

fn conv<T: Float>() -> Conv2d<T> {
    Conv2d::builder(2, 3, 2).build(&mut Rng::seed(0)).unwrap()
}

fn all<T: Float>() {
    case("weight_norm").layer(WeightNorm::<_, T>::new(linear()).unwrap());
    case("weight_norm_second").layer(WeightNorm::<_, T>::of(linear(), "weight", Some(1)).unwrap());
    case("weight_norm_conv").layer(WeightNorm::<_, T>::new(conv()).unwrap());
    let rnn = Rnn::builder(3, 2).build::<T>(&mut Rng::seed(0)).unwrap();
    let rnn = WeightNorm::<_, T>::of(rnn, "weight_hh_l0", Some(0)).unwrap();
    case("weight_norm_rnn")
        .check(rnn, |rnn, x: &[Var<T>], cx| vec![rnn.effective().forward_from(&x[0], None, cx).0]);
    let rng = &mut Rng::seed(1);
    case("spectral_norm_linear_1").layer(SpectralNorm::<_, T>::new(linear(), rng).unwrap());
    case("spectral_norm_eval").layer(SpectralNorm::<_, T>::new(linear(), rng).unwrap());
    let three = SpectralNorm::<_, T>::new(linear(), rng).unwrap().iterations(3).unwrap();
    case("spectral_norm_linear_3").layer(three);
    case("spectral_norm_conv_1").layer(SpectralNorm::<_, T>::new(conv(), rng).unwrap());
    let three = SpectralNorm::<_, T>::new(conv(), rng).unwrap().iterations(3).unwrap();
    case("spectral_norm_conv_3").layer(three);
}

#[test]
fn in_double_precision() {
    all::<f64>();
}

#[test]
fn in_single_precision() {
    all::<f32>();
}

/// A layer comes out as it went in, and names stay.
#[test]
fn wrapping_and_unwrapping() {
    let want = linear::<f64>();
    let back = WeightNorm::<_, f64>::new(want.clone()).unwrap().into_layer();
    for (a, b) in back.weight.value().to_vec().iter().zip(want.weight.value().to_vec()) {
        assert!((a - b).abs() < 1e-15);
    }
    let names = |model: &dyn Module| model.state().names().map(str::to_owned).collect::<Vec<_>>();
    assert_eq!(names(&back), ["weight", "bias"]);
    let wrapped = SpectralNorm::<_, f64>::new(want, &mut Rng::seed(0)).unwrap();
    let tail = ["original", "0._u", "0._v"].map(|name| format!("parametrizations.weight.{name}"));
    assert_eq!(names(&wrapped), [&["bias".to_owned()], &tail[..]].concat());
    assert_eq!(names(&wrapped.into_layer()), ["weight", "bias"]);
}
