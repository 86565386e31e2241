//! Linear, embedding, dropout, activations, sequential: values, gradients, names, refusals.

use crate::common::{check_layer, close, names, noise};
use gradus_autodiff::{Var, no_grad};
use gradus_layers::*;
use gradus_module::{Context, Layer, Param, summary};
use gradus_tensor::{Rng, Tensor};

fn eval<L: Layer<f64>>(layer: &L, x: &Tensor<f64>) -> Tensor<f64> {
    layer.forward(&Var::from(x), &mut Context::eval()).into_value()
}

#[test]
fn linear_is_x_times_the_weight_transposed_plus_bias() {
    let mut layer: Linear<f64> = Linear::new(3, 2, &mut Rng::seed(1));
    assert_eq!(names(&layer), ["weight", "bias"]);
    assert_eq!(layer.weight.dims(), [2, 3]);
    let x = noise([4, 5, 3], 2);
    let (w, b) = (layer.weight.value().clone(), layer.bias.as_ref().unwrap().value().clone());
    let mut want = Vec::new();
    for row in x.to_vec().chunks(3) {
        for o in 0..2 {
            want.push(b.at(&[o]) + (0..3).map(|i| row[i] * w.at(&[o, i])).sum::<f64>());
        }
    }
    let y = eval(&layer, &x);
    assert_eq!(y.dims(), [4, 5, 2]);
    close(&y, &want, 1e-14);
    close(&eval(&layer, &x.select(0, 0).select(0, 0)), &want[..2], 1e-14);
    check_layer(&mut layer, &x, |layer, x| layer.forward(x, &mut Context::eval()));
    let mut plain = layer.clone().without_bias();
    assert_eq!(names(&plain), ["weight"]);
    check_layer(&mut plain, &x, |layer, x| layer.forward(x, &mut Context::eval()));
}

#[test]
fn inference_is_evaluation_up_to_rounding_and_follows_the_weight() {
    let mut layer: Linear<f64> = Linear::new(30, 20, &mut Rng::seed(1));
    let x = noise([40, 30], 2);
    for _ in 0..2 {
        let want = eval(&layer, &x).to_vec();
        let cx = &mut Context::inference();
        let y = no_grad(|| layer.forward(&Var::from(&x), cx));
        close(y.value(), &want, 1e-13);
        // Where gradients are asked for, it is as ever.
        let y = layer.forward(&Var::from(&x), cx);
        close(y.value(), &want, 1e-13);
        assert!(y.sum().backward().of(&layer.weight).is_some());
        *layer.weight.value_mut() *= -1.5;
    }
}

#[test]
fn linear_starts_as_in_pytorch() {
    let layer: Linear<f64> = Linear::new(100, 400, &mut Rng::seed(5));
    for values in [layer.weight.value().to_vec(), layer.bias.as_ref().unwrap().value().to_vec()] {
        let most = values.iter().fold(0.0_f64, |a, v| a.max(v.abs()));
        assert!(most <= 0.1 && most > 0.095, "{most}");
        let square = values.iter().map(|v| v * v).sum::<f64>() / values.len() as f64;
        assert!((square / (0.01 / 3.0) - 1.0).abs() < 0.25, "{square}");
    }
    let again: Linear<f64> = Linear::new(100, 400, &mut Rng::seed(5));
    assert_eq!(again.weight.value().to_vec(), layer.weight.value().to_vec());
    let empty: Linear = Linear::new(0, 2, &mut Rng::seed(5));
    assert_eq!(empty.bias.unwrap().value().to_vec(), [0.0, 0.0]);
}

#[test]
#[should_panic(expected = "Linear: input does not fit the weight: [32, 784] · [10, 128]ᵀ (784 ≠ 128)")]
fn linear_refuses_other_inputs() {
    let layer: Linear = Linear::new(128, 10, &mut Rng::seed(0));
    let _ = layer.forward(&Var::constant(Tensor::zeros([32, 784])), &mut Context::eval());
}

#[test]
fn embedding_picks_rows_and_adds_gradients_up() {
    let mut layer: Embedding<f64> = Embedding::new(5, 3, &mut Rng::seed(1));
    assert_eq!(names(&layer), ["weight"]);
    let indices = Tensor::from([[4_i64, 0], [4, 2]]);
    let y = layer.forward(&indices, &mut Context::eval());
    assert_eq!(y.dims(), [2, 2, 3]);
    let row = |i: usize| layer.weight.value().select(0, i).to_vec();
    close(y.value(), &[row(4), row(0), row(4), row(2)].concat(), 0.0);
    let g = y.sum().backward();
    let counts: Vec<f64> = [1.0, 0.0, 1.0, 0.0, 2.0].iter().flat_map(|&n| [n; 3]).collect();
    close(g.of(&layer.weight).unwrap(), &counts, 0.0);
    let x = noise([1], 3);
    check_layer(&mut layer, &x, |layer, x| layer.forward(&indices, &mut Context::eval()) * x);

    let scalar = layer.forward(&Tensor::scalar(3), &mut Context::eval());
    assert_eq!(scalar.dims(), [3]);
    let gaussian: Embedding<f64> = Embedding::new(100, 100, &mut Rng::seed(2));
    let square = gaussian.weight.value().square().mean().item();
    assert!((square - 1.0).abs() < 0.07, "{square}");
}

#[test]
fn padding_is_nothing_and_stays_nothing() {
    let layer: Embedding<f64> = Embedding::new(5, 2, &mut Rng::seed(1)).padding(3).unwrap();
    let y = layer.forward(&Tensor::from([3_i64, 1, 3]), &mut Context::eval());
    close(&y.value().select(0, 0), &[0.0, 0.0], 0.0);
    assert!(y.value().at(&[1, 0]) != 0.0);
    let g = (y * 2.0).sum().backward();
    close(g.of(&layer.weight).unwrap(), &[0.0, 0.0, 2.0, 2.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0], 0.0);
    let error = Embedding::<f64>::new(5, 2, &mut Rng::seed(1)).padding(5).unwrap_err();
    assert_eq!(
        error.to_string(),
        "Embedding: padding is 5, but it must be an index of the vocabulary 0 .. 5"
    );
}

#[test]
#[should_panic(expected = "Embedding: no such index: 7 at [1, 2] of [2, 3] (vocabulary 0 .. 7)")]
fn embedding_says_which_index_is_wrong() {
    let layer: Embedding = Embedding::new(7, 2, &mut Rng::seed(1));
    let _ = layer.forward(&Tensor::from([[0_i64, 1, 6], [3, 4, 7]]), &mut Context::eval());
}

#[test]
#[should_panic(expected = "Embedding: no such index: -1 at [] of []")]
fn embedding_refuses_negative_indices() {
    let layer: Embedding = Embedding::new(7, 2, &mut Rng::seed(1));
    let _ = layer.forward(&Tensor::scalar(-1), &mut Context::eval());
}

#[test]
fn dropout_keeps_the_mean_and_repeats_from_its_seed() {
    let (x, layer) = (Var::constant(Tensor::<f64>::ones([200, 100])), Dropout::new(0.3).unwrap());
    let run = |seed| layer.forward(&x, &mut Context::train(&mut Rng::seed(seed))).value().to_vec();
    let y = run(1);
    assert_eq!(y, run(1));
    assert_ne!(y, run(2));
    let dropped = y.iter().filter(|&&v| v == 0.0).count() as f64;
    assert!((dropped - 6000.0).abs() < 5.0 * (20_000.0 * 0.3 * 0.7_f64).sqrt(), "{dropped}");
    assert!(y.iter().all(|&v| v == 0.0 || (v - 1.0 / 0.7).abs() < 1e-15));
    assert_eq!(eval(&layer, x.value()).to_vec(), x.value().to_vec());
    let forward = |p: f64| {
        Dropout::new(p).unwrap().forward(&x, &mut Context::train(&mut Rng::seed(3))).value().to_vec()
    };
    assert!(forward(0.0).iter().all(|&v| v == 1.0) && forward(1.0).iter().all(|&v| v == 0.0));
    // Two passes of one context differ; the gradient is the mask of its own pass.
    let (leaf, mut rng) = (Var::leaf(Tensor::<f64>::ones([100])), Rng::seed(4));
    let mut cx = Context::train(&mut rng);
    let (first, second) = (layer.forward(&leaf, &mut cx), layer.forward(&leaf, &mut cx));
    assert_ne!(first.value().to_vec(), second.value().to_vec());
    let mask = first.value().to_vec();
    assert_eq!(first.sum().backward().of(&leaf).unwrap().to_vec(), mask);
    for p in [-0.1, 1.5, f64::NAN] {
        let want = format!("Dropout: p is {p}, but it must be a probability (0 ≤ p ≤ 1)");
        assert_eq!(Dropout::new(p).unwrap_err().to_string(), want);
    }
}

#[test]
fn channels_and_paths_drop_as_a_whole() {
    let x = Var::constant(Tensor::<f64>::ones([30, 20, 2, 3]));
    let mut rng = Rng::seed(9);
    let y = ChannelDropout::new(0.5).unwrap().forward(&x, &mut Context::train(&mut rng)).value().to_vec();
    assert!(y.chunks(6).all(|channel| channel == [0.0; 6] || channel == [2.0; 6]));
    assert!(y.chunks(120).any(|sample| sample.contains(&0.0) && sample.contains(&2.0)));
    let y = DropPath::new(0.75).unwrap().forward(&x, &mut Context::train(&mut rng)).value().to_vec();
    assert!(y.chunks(120).all(|sample| sample == [0.0; 120] || sample == [4.0; 120]));
    assert!(y.contains(&0.0) && y.contains(&4.0));
}

#[test]
fn activations_are_their_functions() {
    let x: Tensor<f64> = Tensor::from([-3.5, -0.7, -0.2, 0.0, 0.3, 1.9, 7.0]);
    let sigmoid = |x: f64| 1.0 / (1.0 + (-x).exp());
    let check = |layer: &dyn Layer<f64>, f: &dyn Fn(f64) -> f64| {
        let y = layer.forward(&Var::from(&x), &mut Context::eval());
        close(y.value(), &x.to_vec().into_iter().map(f).collect::<Vec<_>>(), 1e-12);
        assert!(layer.state().is_empty());
    };
    check(&Relu, &|x| x.max(0.0));
    check(&Relu6, &|x| x.clamp(0.0, 6.0));
    check(&LeakyRelu::default(), &|x| if x > 0.0 { x } else { 0.01 * x });
    check(&LeakyRelu::new(0.3).unwrap(), &|x| if x > 0.0 { x } else { 0.3 * x });
    check(&Elu::default(), &|x| if x > 0.0 { x } else { x.exp() - 1.0 });
    check(&Celu::new(2.0).unwrap(), &|x| if x > 0.0 { x } else { 2.0 * ((x / 2.0).exp() - 1.0) });
    check(&Silu, &|x| x * sigmoid(x));
    check(&Mish, &|x| x * x.exp().ln_1p().tanh());
    check(&Tanh, &f64::tanh);
    check(&Sigmoid, &sigmoid);
    check(&LogSigmoid, &|x| sigmoid(x).ln());
    check(&Softplus::default(), &|x| x.exp().ln_1p());
    check(&Softsign, &|x| x / (1.0 + x.abs()));
    check(&Tanhshrink, &|x| x - x.tanh());
    check(&Hardtanh::default(), &|x| x.clamp(-1.0, 1.0));
    check(&Hardsigmoid, &|x| (x / 6.0 + 0.5).clamp(0.0, 1.0));
    check(&Hardswish, &|x| x * (x / 6.0 + 0.5).clamp(0.0, 1.0));
    check(&Hardshrink::default(), &|x| if x.abs() > 0.5 { x } else { 0.0 });
    check(&Softshrink::default(), &|x| x.signum() * (x.abs() - 0.5).max(0.0));
    check(&GeluTanh, &|x| {
        0.5 * x * (1.0 + ((2.0 / std::f64::consts::PI).sqrt() * (x + 0.044_715 * x.powi(3))).tanh())
    });
    let (scale, alpha) = (1.050_700_987_355_480_5, 1.673_263_242_354_377_2);
    check(&Selu, &|x| scale * if x > 0.0 { x } else { alpha * (x.exp() - 1.0) });
    // Φ(1) from a table.
    close(
        &eval(&Gelu, &Tensor::from([1.0, -1.0])),
        &[0.841_344_746_068_542_9, -0.158_655_253_931_457_05],
        1e-12,
    );
    let exps: Vec<f64> = x.to_vec().iter().map(|x| x.exp()).collect();
    let total: f64 = exps.iter().sum();
    close(&eval(&Softmax::new(-1), &x), &exps.iter().map(|e| e / total).collect::<Vec<_>>(), 1e-12);
    close(&eval(&LogSoftmax::new(0), &x), &exps.iter().map(|e| (e / total).ln()).collect::<Vec<_>>(), 1e-12);
}

#[test]
fn activations_refuse_nonsense() {
    assert!(Celu::new(0.0).is_err() && Softshrink::new(-0.1).is_err() && LeakyRelu::new(f64::NAN).is_err());
    let text = Hardshrink::new(-1.0).unwrap_err().to_string();
    assert_eq!(text, "Hardshrink: lambda is -1, but it must be finite and ≥ 0");
}

#[test]
fn prelu_trains_its_slopes() {
    let x = noise([3, 2, 4], 1);
    let mut one = PRelu::<f64>::new();
    assert_eq!((names(&one), one.weight.value().to_vec()), (vec!["weight".to_owned()], vec![0.25]));
    close(&eval(&one, &Tensor::from([-2.0, 0.0, 3.0])), &[-0.5, 0.0, 3.0], 0.0);
    check_layer(&mut one, &x, |layer, x| layer.forward(x, &mut Context::eval()));
    let mut two = PRelu::<f64>::per_channel(2);
    two.weight = Param::new([0.5, 2.0]);
    let y = eval(&two, &Tensor::from([[-1.0, -1.0], [4.0, -3.0]]));
    close(&y, &[-0.5, -2.0, 4.0, -6.0], 0.0);
    check_layer(&mut two, &x, |layer, x| layer.forward(x, &mut Context::eval()));
}

#[test]
#[should_panic(expected = "PRelu: channels do not fit the weight: [3, 4] and [2] (4 ≠ 2)")]
fn prelu_refuses_other_channels() {
    let _ = eval(&PRelu::per_channel(2), &noise([3, 4], 1));
}

#[test]
fn sequential_runs_in_order_and_summarises() {
    let mut rng = Rng::seed(0);
    let mut model = Sequential::<f64>::new()
        .push(Flatten::new())
        .push(Linear::new(6, 4, &mut rng))
        .push(Tanh)
        .push(Sequential::new().push(Linear::new(4, 2, &mut rng)).push(Identity));
    assert_eq!(names(&model), ["1.weight", "1.bias", "3.0.weight", "3.0.bias"]);
    assert_eq!((model.len(), model.iter().count(), model.is_empty()), (4, 4, false));
    let x = noise([5, 2, 3], 1);
    let mut by_hand = Var::from(&x);
    for layer in model.iter() {
        by_hand = layer.forward(&by_hand, &mut Context::eval());
    }
    close(&eval(&model, &x), &by_hand.value().to_vec(), 0.0);
    assert_eq!(by_hand.dims(), [5, 2]);
    check_layer(&mut model, &x, |model, x| model.forward(x, &mut Context::eval()));
    let table = summary(&model, |cx| drop(model.forward(&Var::from(&x), cx)));
    let rows: Vec<_> =
        table.rows.iter().map(|r| (r.path.as_str(), r.kind, r.parameters, r.multiply_adds)).collect();
    let want =
        [("", "Flatten", 0, 0), ("1", "Linear", 28, 120), ("", "Tanh", 0, 0), ("3.0", "Linear", 10, 40)];
    assert_eq!(rows, want);
    let y = eval(&Flatten::axes(0, 1), &x);
    assert_eq!(y.dims(), [10, 3]);
    close(&eval(&Sequential::new(), &x), &x.to_vec(), 0.0);
    fn shared<S: Send + Sync>(_: &S) {}
    shared(&model);
}
