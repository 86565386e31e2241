//! Layers that are random in training: their moments, their masks, the same from the same seed, and nothing in evaluation.

use gradus_autodiff::Var;
use gradus_layers::*;
use gradus_module::{Context, Layer, Module};
use gradus_tensor::{Rng, Tensor};

use crate::common::{close, noise};

fn train(layer: &dyn Layer<f64>, x: &Var<f64>, seed: u64) -> Tensor<f64> {
    layer.forward(x, &mut Context::train(&mut Rng::seed(seed))).into_value()
}

#[test]
fn the_same_from_the_same_seed_and_nothing_in_evaluation() {
    let x = Var::from(noise([6, 4, 3, 2], 1));
    let linear = Linear::new(2, 3, &mut Rng::seed(2));
    let layers: Vec<(&str, Box<dyn Layer<f64>>, bool)> = vec![
        ("dropout", Box::new(Dropout::new(0.4).unwrap()), true),
        ("channels", Box::new(ChannelDropout::new(0.4).unwrap()), true),
        ("images", Box::new(Dropout2d::new(0.4).unwrap()), true),
        ("paths", Box::new(DropPath::new(0.4).unwrap()), true),
        ("alpha", Box::new(AlphaDropout::new(0.4).unwrap()), true),
        ("features", Box::new(FeatureAlphaDropout::new(0.4).unwrap()), true),
        ("noise", Box::new(GaussianNoise::new(0.4).unwrap()), true),
        ("slopes", Box::new(RRelu::default()), false),
        ("weights", Box::new(DropConnect::<_, f64>::new(linear, 0.4).unwrap()), false),
    ];
    for (name, layer, is_identity) in &layers {
        let eval = layer.forward(&x, &mut Context::eval());
        assert_eq!(eval.value(), layer.forward(&x, &mut Context::eval()).value(), "{name}");
        assert!(!is_identity || eval.value() == x.value(), "{name}");
        assert_eq!(train(&**layer, &x, 3), train(&**layer, &x, 3), "{name}");
        assert_ne!(train(&**layer, &x, 3), train(&**layer, &x, 4), "{name}");
        assert_ne!(train(&**layer, &x, 3), *eval.value(), "{name}");
    }
}

/// Mean 0 and variance 1 stay, and what is dropped becomes a·α′ + b.
#[test]
fn alpha_dropout_keeps_the_moments() {
    let (p, low) = (0.3, -1.758_099_340_847_376_6_f64);
    let a = ((1.0 - p) * (1.0 + p * low * low)).sqrt().recip();
    let b = -a * low * p;
    let x = Var::leaf(noise([200, 100], 1));
    let y = AlphaDropout::new(p).unwrap().forward(&x, &mut Context::train(&mut Rng::seed(2)));
    let values = y.value().to_vec();
    let mean = values.iter().sum::<f64>() / 20_000.0;
    let square = values.iter().map(|v| v * v).sum::<f64>() / 20_000.0;
    assert!(mean.abs() < 0.03 && (square - 1.0).abs() < 0.04, "{mean} {square}");
    let g = y.sum().backward();
    let mut dropped = 0;
    for ((x, y), g) in x.value().to_vec().iter().zip(&values).zip(g.of(&x).unwrap().to_vec()) {
        let is_dropped = (y - (a * low + b)).abs() < 1e-12;
        dropped += usize::from(is_dropped);
        assert!(is_dropped && g == 0.0 || (y - (a * x + b)).abs() < 1e-12 && (g - a).abs() < 1e-15);
    }
    assert!((dropped as f64 / 20_000.0 - p).abs() < 0.02);
    let whole = train(&FeatureAlphaDropout::new(0.5).unwrap(), &Var::from(Tensor::ones([30, 20, 6])), 3);
    assert!(whole.to_vec().chunks(6).all(|channel| channel.iter().all(|v| *v == channel[0])));
    let all = train(&AlphaDropout::new(1.0).unwrap(), &Var::from(noise([5], 1)), 4);
    assert!(all.to_vec().iter().all(|&v| v == 0.0));
}

#[test]
fn channels_drop_by_rank() {
    type Case = (Box<dyn Layer<f64>>, Vec<usize>, usize);
    let cases: [Case; 5] = [
        (Box::new(Dropout1d::new(0.5).unwrap()), vec![20, 10, 4], 4),
        (Box::new(Dropout1d::new(0.5).unwrap()), vec![40, 4], 4),
        (Box::new(Dropout2d::new(0.5).unwrap()), vec![20, 10, 2, 3], 6),
        (Box::new(Dropout3d::new(0.5).unwrap()), vec![20, 10, 1, 2, 3], 6),
        (Box::new(Dropout3d::new(0.5).unwrap()), vec![40, 1, 2, 3], 6),
    ];
    for (layer, shape, size) in cases {
        let y = train(&*layer, &Var::from(Tensor::ones(shape)), 1).to_vec();
        assert!(y.chunks(size).all(|channel| channel.iter().all(|v| *v == channel[0])));
        assert!(y.contains(&0.0) && y.contains(&2.0));
    }
}

#[test]
#[should_panic(expected = "Dropout2d: not [N, C, H, W]: [3, 4, 5] (3 axes)")]
fn images_have_four_axes() {
    let _ = train(&Dropout2d::new(0.5).unwrap(), &Var::from(noise([3, 4, 5], 1)), 1);
}

#[test]
fn gaussian_noise_has_its_spread() {
    let x = Var::leaf(Tensor::<f64>::full([20_000], 5.0));
    let y = GaussianNoise::new(0.2).unwrap().forward(&x, &mut Context::train(&mut Rng::seed(1)));
    let values = y.value().to_vec();
    let mean = values.iter().sum::<f64>() / 20_000.0;
    let std = (values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / 20_000.0).sqrt();
    assert!((mean - 5.0).abs() < 0.01 && (std - 0.2).abs() < 0.01, "{mean} {std}");
    assert!(y.sum().backward().of(&x).unwrap().to_vec().iter().all(|&g| g == 1.0));
}

#[test]
fn random_slopes_lie_between_their_bounds() {
    let x = Var::leaf(Tensor::<f64>::full([10_000], -1.0));
    let y = RRelu::new(0.1, 0.4).unwrap().forward(&x, &mut Context::train(&mut Rng::seed(1)));
    let slopes: Vec<f64> = y.value().to_vec().iter().map(|y| -y).collect();
    assert!(slopes.iter().all(|r| (0.1..=0.4).contains(r)));
    assert!((slopes.iter().sum::<f64>() / 10_000.0 - 0.25).abs() < 0.005);
    assert_eq!(y.sum().backward().of(&x).unwrap().to_vec(), slopes);
    let positive = train(&RRelu::default(), &Var::from(Tensor::ones([5])), 1);
    assert_eq!(positive.to_vec(), [1.0; 5]);
}

/// A linear layer of which weights are dropped: y is that of a masked weight, and the gradient passes the same mask.
#[test]
fn drop_connect_masks_weights() {
    let linear: Linear<f64> = Linear::new(6, 5, &mut Rng::seed(1));
    let layer = DropConnect::<_, f64>::new(linear.clone(), 0.5).unwrap();
    assert_eq!(layer.state().names().collect::<Vec<_>>(), ["weight", "bias"]);
    let masked = layer.effective(&mut Context::train(&mut Rng::seed(2)));
    let (w, m) = (linear.weight.value().to_vec(), masked.weight.value().to_vec());
    assert!(w.iter().zip(&m).all(|(w, m)| *m == 0.0 || (m - 2.0 * w).abs() < 1e-15));
    assert!(m.contains(&0.0) && m.iter().any(|&m| m != 0.0));
    let x = Var::from(noise([3, 6], 3));
    let y = layer.forward(&x, &mut Context::train(&mut Rng::seed(2)));
    close(y.value(), &masked.forward(&x, &mut Context::eval()).value().to_vec(), 0.0);
    let g = y.sum().backward();
    let g = g.of(&layer.layer.weight).unwrap();
    assert!(g.to_vec().iter().zip(&m).all(|(g, m)| (*g == 0.0) == (*m == 0.0)));
    // The recurrent weights of an LSTM, all its layers.
    let lstm = Lstm::builder(3, 4).layers(2).build::<f64>(&mut Rng::seed(4)).unwrap();
    let names = ["weight_hh_l0", "weight_hh_l1"];
    let dropped = DropConnect::<_, f64>::of(lstm, &names, 0.5).unwrap();
    let seen = dropped.effective(&mut Context::train(&mut Rng::seed(5)));
    for layer in 0..2 {
        assert!(seen.weights(layer, false).weight_hh.value().to_vec().contains(&0.0));
        assert!(!seen.weights(layer, false).weight_ih.value().to_vec().contains(&0.0));
    }
    let y = dropped.forward(&Var::from(noise([5, 2, 3], 6)), &mut Context::train(&mut Rng::seed(5)));
    let g = y.sum().backward();
    assert_eq!(g.len(), 8, "every parameter learns");
    assert!(dropped.entries().iter().all(|(_, entry)| g.get(entry.leaf_id().unwrap()).is_some()));
}

/// Batch norm inside a wrapper still counts: its buffers are the layer's own.
#[test]
fn wrapped_buffers_are_updated() {
    let rng = &mut Rng::seed(7);
    #[derive(Clone, Debug, Module)]
    struct Both {
        linear: Linear<f64>,
        norm: BatchNorm1d<f64>,
    }
    impl Layer<f64> for Both {
        fn forward(&self, x: &Var<f64>, cx: &mut Context<'_>) -> Var<f64> {
            self.norm.forward(&self.linear.forward(x, cx), cx)
        }
    }
    let both = Both { linear: Linear::new(3, 4, rng), norm: BatchNorm1d::new(4) };
    let mut layer = WeightNorm::<_, f64>::of(both, "linear.weight", Some(0)).unwrap();
    let x = Var::from(noise([8, 3], 8));
    let g = layer.forward(&x, &mut Context::train(rng)).square().sum().backward();
    gradus_module::apply_updates(&mut layer, &g);
    let state = layer.state();
    assert_eq!(state.get("norm.num_batches_tracked").unwrap().cast::<i64>().item(), 1);
    assert!(state.get("norm.running_mean").unwrap().cast::<f64>().to_vec().iter().all(|&m| m != 0.0));
    let names: Vec<&str> = state.names().collect();
    assert!(names.contains(&"parametrizations.linear.weight.original0"), "{names:?}");
}
