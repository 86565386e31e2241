//! What attention adds to PyTorch's layer: heads that share keys, options that hold together, dropout of weights.

use gradus_autodiff::Var;
use gradus_layers::*;
use gradus_module::{Context, Layer, Param};
use gradus_tensor::{AttentionOptions, Rng, Tensor};

use crate::common::{check_layer, close, noise};

/// Four heads of queries that share two of keys are four heads whose key weights stand there twice.
#[test]
fn grouped_heads_are_repeated_ones() {
    let grouped = MultiheadAttention::<f64>::grouped(8, 4, 2, &mut Rng::seed(1)).unwrap();
    let mut all = MultiheadAttention::<f64>::new(8, 4, &mut Rng::seed(2)).unwrap();
    let InProjection::Fused { in_proj_weight } = &grouped.in_proj else { panic!("one width") };
    let rows = |first: usize, count: usize| in_proj_weight.value().narrow(0, first * 2, count * 2);
    let twice = |first: usize| [rows(first, 1), rows(first, 1), rows(first + 1, 1), rows(first + 1, 1)];
    let parts = [&[rows(0, 4)][..], &twice(4), &twice(6)].concat();
    let wide = Tensor::cat(&parts.iter().collect::<Vec<_>>(), 0);
    all.in_proj = InProjection::Fused { in_proj_weight: Param::new(wide) };
    all.out_proj = grouped.out_proj.clone();
    let (x, cx) = (Var::from(noise([2, 5, 8], 3)), &mut Context::eval());
    close(grouped.forward(&x, cx).value(), &all.forward(&x, cx).value().to_vec(), 1e-12);
    let options = AttentionOptions::new().causal();
    let (have, want) = (grouped.weights(&x, &x, &options), all.weights(&x, &x, &options));
    close(have.value(), &want.value().to_vec(), 1e-12);
    let (y, weights) = grouped.attend_with_weights([&x, &x, &x], &options, cx);
    close(y.value(), &all.attend([&x, &x, &x], &options, cx).value().to_vec(), 1e-12);
    close(weights.value(), &want.value().to_vec(), 1e-12);
}

/// Keys that the layer adds stay visible under causality, and every gradient is right.
#[test]
fn added_keys_with_causality() {
    let rng = &mut Rng::seed(4);
    let layer = MultiheadAttention::<f64>::new(4, 2, rng).unwrap().with_bias_kv(rng).with_zero_attention();
    let mut layer = layer.causal().alibi();
    let x = noise([2, 3, 4], 5);
    let v = Var::from(&x);
    let weights = layer.weights(&v, &v, &AttentionOptions::new());
    assert_eq!(weights.dims(), [2, 2, 3, 5]);
    assert_eq!(weights.value().at(&[0, 0, 0, 1]), 0.0);
    assert!(weights.value().at(&[0, 0, 0, 3]) > 0.0 && weights.value().at(&[0, 0, 0, 4]) > 0.0);
    check_layer(&mut layer, &x, |layer, x| layer.forward(x, &mut Context::eval()));
    let mut cross = MultiheadAttention::<f64>::cross(4, 2, 3, 5, rng).unwrap().with_zero_attention();
    check_layer(&mut cross, &x, |layer, x| {
        let (k, v) = (Var::from(noise([2, 6, 3], 6)), Var::from(noise([2, 6, 5], 7)));
        layer.attend([x, &k, &v], &AttentionOptions::new(), &mut Context::eval())
    });
}

/// A query that sees nothing answers the projection's bias, and its gradient is nought, not NaN.
#[test]
fn a_query_that_sees_nothing() {
    let rng = &mut Rng::seed(8);
    let layer = MultiheadAttention::<f64>::new(4, 2, rng).unwrap();
    let relative = layer.clone().relative_bias(RelativeBias::new(8, 20, 2, rng).unwrap()).unwrap();
    let keep = Tensor::from([[true, true], [false, false]]);
    for layer in [layer, relative] {
        let x = Var::leaf(noise([1, 2, 4], 9));
        let options = AttentionOptions::new().mask(keep.clone());
        let y = layer.forward_with(&x, &options, &mut Context::eval());
        close(&y.value().select(1, 1), &[0.0; 4], 0.0);
        let g = y.sum().backward();
        assert!(g.of(&x).unwrap().to_vec().iter().all(|g| g.is_finite()));
    }
}

/// Dropout in training differs from call to call, repeats from its seed, and keeps the mean.
#[test]
fn dropout_of_weights() {
    let layer = MultiheadAttention::<f64>::new(4, 2, &mut Rng::seed(10)).unwrap().dropout(0.5).unwrap();
    let x = Var::from(noise([1, 6, 4], 11));
    let run = |seed: u64| {
        let rng = &mut Rng::seed(seed);
        let cx = &mut Context::train(rng);
        layer.attend_with_weights([&x, &x, &x], &AttentionOptions::new(), cx).0.into_value()
    };
    assert_eq!(run(1), run(1));
    assert_ne!(run(1), run(2));
    let mean = (0..600).map(run).reduce(|a, b| a + &b).unwrap() * (1.0 / 600.0);
    let want = layer.forward(&x, &mut Context::eval());
    for (a, b) in mean.to_vec().iter().zip(want.value().to_vec()) {
        assert!((a - b).abs() < 0.15, "{a} {b}");
    }
}

#[test]
#[should_panic(expected = "attention_mask: keys differ: [2, 3] and [4, 5] (3 ≠ 5)")]
fn masks_agree_on_keys() {
    let _ = attention_mask(&Tensor::from_fn([2, 3], |_| true), &Tensor::from_fn([4, 5], |_| true));
}

#[test]
#[should_panic(expected = "MultiheadAttention: not […, S, E]: [2, 3, 4] (Some(4) ≠ 5)")]
fn keys_have_their_own_width() {
    let layer = MultiheadAttention::<f64>::cross(4, 2, 5, 4, &mut Rng::seed(0)).unwrap();
    let x = Var::from(noise([2, 3, 4], 1));
    let _ = layer.attend([&x, &x, &x], &AttentionOptions::new(), &mut Context::eval());
}
