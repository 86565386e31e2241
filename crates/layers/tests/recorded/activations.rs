//! Activations, at extreme inputs too.

use gradus_layers::*;
use gradus_module::Layer;
use gradus_tensor::{DType, Float};

use super::case::Case;

fn check<T: Float>(name: &'static str, layer: impl Layer<T> + 'static) {
    // PyTorch divides the gradient of hardsigmoid by a 6 of single precision, whatever the element type.
    let slack = if name == "hardsigmoid" && T::DTYPE == DType::F64 { 1e3 } else { 1.0 };
    let layer: Box<dyn Layer<T>> = Box::new(layer);
    Case::new(include_str!("../golden/activations.csv"), name).layer_to(layer, slack);
}

fn all<T: Float>() {
    check::<T>("relu", Relu);
    check::<T>("relu6", Relu6);
    check::<T>("leaky_relu", LeakyRelu::default());
    check::<T>("leaky_relu_steep", LeakyRelu::new(0.3).unwrap());
    check::<T>("elu", Elu::default());
    check::<T>("elu_half", Elu::new(0.5).unwrap());
    check::<T>("celu", Celu::new(2.0).unwrap());
    check::<T>("selu", Selu);
    check::<T>("gelu", Gelu);
    check::<T>("gelu_tanh", GeluTanh);
    check::<T>("silu", Silu);
    check::<T>("mish", Mish);
    check::<T>("hardswish", Hardswish);
    check::<T>("hardsigmoid", Hardsigmoid);
    check::<T>("hardtanh", Hardtanh::default());
    check::<T>("hardtanh_wide", Hardtanh::new(-2.0, 0.5).unwrap());
    check::<T>("softplus", Softplus::default().threshold(20.0));
    check::<T>("softplus_sharp", Softplus::new(2.0).unwrap().threshold(5.0));
    check::<T>("softsign", Softsign);
    check::<T>("tanhshrink", Tanhshrink);
    check::<T>("softshrink", Softshrink::default());
    check::<T>("hardshrink", Hardshrink::default());
    check::<T>("threshold", Threshold::new(0.3, -2.0).unwrap());
    check::<T>("sigmoid", Sigmoid);
    check::<T>("tanh", Tanh);
    check::<T>("log_sigmoid", LogSigmoid);
    check::<T>("prelu", PRelu::<T>::new());
    check::<T>("prelu_channels", PRelu::<T>::per_channel(3));
    check::<T>("softmax", Softmax::new(-1));
    check::<T>("log_softmax", LogSoftmax::new(-1));
    check::<T>("softmin", Softmin::new(0));
    check::<T>("glu", Glu::default());
    check::<T>("glu_first", Glu::new(0));
    check::<T>("softmax2d", Softmax2d);
    check::<T>("empty", Softmax::new(-1));
}

#[test]
fn in_double_precision() {
    all::<f64>();
}

#[test]
fn in_single_precision() {
    all::<f32>();
}

/// In evaluation the slope of a random relu is the mean of its bounds.
#[test]
fn random_relu_evaluates() {
    let case = Case::new(include_str!("../golden/activations.csv"), "rrelu");
    let layer = RRelu::new(0.1, 0.4).unwrap();
    case.check(layer, |layer, x: &[gradus_autodiff::Var<f64>], _| {
        vec![layer.forward(&x[0], &mut gradus_module::Context::eval())]
    });
}
