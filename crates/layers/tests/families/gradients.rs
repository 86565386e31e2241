//! Gradients to second order, and of parameters, against central differences, for what is not checked elsewhere.

use gradus_autodiff::{Var, check_grads};
use gradus_layers::functional::*;
use gradus_layers::*;
use gradus_module::{Context, Layer, Param};
use gradus_tensor::{AttentionOptions, Rng, Tensor};

use crate::common::{check_layer, close, noise};

fn layer<L: Layer<f64>>(mut layer: L, x: &Tensor<f64>) {
    check_layer(&mut layer, x, |layer, x| layer.forward(x, &mut Context::eval()));
}

#[test]
fn functions() {
    let x = noise([3, 6], 1);
    let check =
        |f: &dyn Fn(&Var<f64>) -> Var<f64>| check_grads(|x| f(&x[0]), std::slice::from_ref(&x), 2).unwrap();
    check(&|x| softplus(x, 2.0, 20.0));
    check(&|x| hardtanh(x, -0.7, 0.4));
    check(&|x| threshold(x, 0.1, 3.0));
    check(&|x| softmin(x, 0));
    check(&|x| glu(x, -1));
    check(&|x| reglu(x, -1));
    check(&|x| geglu(x, 1));
    check(&|x| swiglu(x, -1));
    check(&|x| maxout(x, 3, -1));
    check(&|x| prelu(x, &Var::constant([0.3])));
}

/// Values of the gated family from their definitions; maxout with ties.
#[test]
fn gates() {
    let x = noise([2, 4, 3], 2);
    let want = |f: fn(f64) -> f64| -> Vec<f64> {
        let pairs = (0..2).flat_map(|n| (0..2).flat_map(move |c| (0..3).map(move |i| (n, c, i))));
        pairs.map(|(n, c, i)| f(x.at(&[n, c, i])) * x.at(&[n, c + 2, i])).collect()
    };
    let v = Var::from(&x);
    close(reglu(&v, 1).value(), &want(|a| a.max(0.0)), 1e-12);
    close(swiglu(&v, -2).value(), &want(|a| a / (1.0 + (-a).exp())), 1e-12);
    close(
        geglu(&v, 1).value(),
        &Var::from(&x)
            .narrow(1, 0, 2)
            .gelu()
            .value()
            .to_vec()
            .iter()
            .zip(x.narrow(1, 2, 2).to_vec())
            .map(|(a, b)| a * b)
            .collect::<Vec<_>>(),
        1e-12,
    );
    let tied = Var::leaf(Tensor::from([2.0, 2.0, -1.0, 5.0]));
    let y = maxout(&tied, 2, 0);
    assert_eq!(y.value().to_vec(), [2.0, 5.0]);
    assert_eq!(y.sum().backward().of(&tied).unwrap().to_vec(), [0.5, 0.5, 0.0, 1.0]);
    // NaN stays, and borders have no slope.
    let edge = Var::leaf(Tensor::from([f64::NAN, -0.7, 0.4, 0.0]));
    let y = hardtanh(&edge, -0.7, 0.4);
    assert!(y.value().at(&[0]).is_nan() && threshold(&edge, 0.0, 1.0).value().at(&[0]).is_nan());
    assert_eq!(y.sum().backward().of(&edge).unwrap().to_vec()[1..], [0.0, 0.0, 1.0]);
}

#[test]
fn norms_and_maps() {
    layer(InstanceNorm1d::<f64>::new(3).with_affine(), &noise([2, 3, 4], 3));
    layer(InstanceNorm2d::<f64>::new(3), &noise([2, 3, 2, 2], 4));
    let mut bilinear = Bilinear::<f64>::new(3, 2, 4, &mut Rng::seed(1)).unwrap();
    let other = Var::from(noise([5, 2], 5));
    check_layer(&mut bilinear, &noise([5, 3], 6), |layer, x| layer.forward(x, &other, &mut Context::eval()));
    layer(WeightNorm::<_, f64>::new(Linear::new(3, 2, &mut Rng::seed(2))).unwrap(), &noise([4, 3], 7));
    layer(
        WeightNorm::<_, f64>::of(Linear::new(3, 2, &mut Rng::seed(2)), "weight", None).unwrap(),
        &noise([4, 3], 7),
    );
    layer(
        SpectralNorm::<_, f64>::new(Linear::new(3, 2, &mut Rng::seed(3)), &mut Rng::seed(4)).unwrap(),
        &noise([4, 3], 8),
    );
    layer(Unflatten::new(1, &[3, 2]).unwrap(), &noise([2, 6], 9));
}

/// W/σ through W to second order, which the power iteration takes no part in.
#[test]
fn spectral_norm_to_second_order() {
    let linear: Linear<f64> = Linear::new(3, 2, &mut Rng::seed(3)).without_bias();
    let norm = SpectralNorm::<_, f64>::new(linear, &mut Rng::seed(4)).unwrap();
    let x = Var::from(noise([4, 3], 5));
    let loss = norm.forward(&x, &mut Context::eval()).square().sum();
    let first = gradus_autodiff::grad(&loss, &[norm.original()]).remove(0);
    let direction = Var::from(noise([2, 3], 6));
    let second = gradus_autodiff::grad(&(&first * &direction).sum(), &[norm.original()]).remove(0);
    let step = 1e-5;
    let at = |step: f64| {
        let mut moved = norm.clone();
        let change = direction.value() * step;
        let mut path = gradus_module::Path::root();
        gradus_module::Module::visit_mut(&mut moved, &mut path, &mut |_, entry| {
            if let Some(param) = entry.as_any_mut().downcast_mut::<Param<f64>>() {
                *param.value_mut() += &change;
            }
        });
        let loss = moved.forward(&x, &mut Context::eval()).square().sum();
        loss.backward().of(moved.original()).unwrap().clone()
    };
    let numeric = (at(step) - &at(-step)) * (0.5 / step);
    close(second.value(), &numeric.to_vec(), 1e-6);
}

#[test]
fn transformer_layers() {
    let rng = &mut Rng::seed(5);
    let like = TransformerBuilder::new(4, 2).feed_forward(5).activation(gradus_tensor::Unary::gelu());
    layer(like.encoder_layer::<f64>(rng).unwrap(), &noise([3, 2, 4], 10));
    let memory = Var::from(noise([4, 2, 4], 11));
    let mut decoder = like.norm_first().decoder_layer::<f64>(rng).unwrap();
    let (causal, all) = (AttentionOptions::new().causal(), AttentionOptions::new());
    check_layer(&mut decoder, &noise([3, 2, 4], 12), |layer, x| {
        layer.forward(x, &memory, &causal, &all, &mut Context::eval())
    });
}

/// Layers are their functions, along the axis that they are told.
#[test]
fn gated_layers() {
    let x = Var::from(noise([2, 4, 6], 23));
    let cx = &mut Context::eval();
    let mut same =
        |layer: &dyn Layer<f64>, want: Var<f64>| assert_eq!(layer.forward(&x, cx).value(), want.value());
    same(&Glu::default(), glu(&x, -1));
    same(&ReGlu::new(1), reglu(&x, 1));
    same(&GeGlu::default(), geglu(&x, 2));
    same(&SwiGlu::new(-2), swiglu(&x, 1));
    same(&Softmin::new(0), softmin(&x, 0));
    same(&Maxout::new(3).unwrap(), maxout(&x, 3, -1));
    same(&Maxout::new(2).unwrap().axis(1), maxout(&x, 2, 1));
    same(&Threshold::new(0.2, -1.0).unwrap(), threshold(&x, 0.2, -1.0));
    same(&Softplus::new(3.0).unwrap(), softplus(&x, 3.0, f64::INFINITY));
}

/// Forward mode, which transposes the rules: against a step along the tangent.
#[test]
fn forward_mode() {
    let check = |f: &dyn Fn(&Var<f64>) -> Var<f64>, shape: &[usize]| {
        let (x, v) = (noise(shape, 20), noise(shape, 21));
        let (_, slope) = gradus_autodiff::jvp(|x| f(&x[0]), &[&Var::from(&x)], &[&Var::from(&v)]);
        let at = |step: f64| f(&Var::from(&x + &(&v * step))).into_value();
        let numeric = (at(1e-5) - &at(-1e-5)) * 5e4;
        close(slope.value(), &numeric.to_vec(), 1e-7);
    };
    let rng = &mut Rng::seed(22);
    let rotary = Rotary::<f64>::new(4).unwrap();
    check(&|x| rotary.turn(x, 2), &[2, 3, 4]);
    let crf = Crf::<f64>::new(3, rng).unwrap().batch_first();
    let tags = Tensor::from([[0_i64, 2, 1], [1, 1, 0]]);
    check(&|x| crf.log_likelihood(x, &tags, None, &mut Context::eval()), &[2, 3, 3]);
    check(&|x| crf.log_partition(&x.square(), None), &[2, 3, 3]);
    let spectral = SpectralNorm::<_, f64>::new(Linear::new(3, 2, rng), rng).unwrap();
    check(&|x| spectral.forward(x, &mut Context::eval()), &[4, 3]);
    let encoder = TransformerBuilder::new(4, 2).feed_forward(5).encoder_layer::<f64>(rng).unwrap();
    check(&|x| encoder.forward(x, &mut Context::eval()), &[3, 2, 4]);
    let mixture =
        MixtureOfExperts::new(3, (0..3).map(|_| Linear::<f64>::new(3, 2, rng)).collect(), 2, rng).unwrap();
    check(&|x| mixture.forward(x, &mut Context::eval()), &[5, 3]);
}
