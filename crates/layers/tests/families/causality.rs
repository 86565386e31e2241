//! A causal layer's output at t does not depend on inputs after t: neither value nor gradient, to the last bit.

use gradus_autodiff::Var;
use gradus_layers::*;
use gradus_module::{Context, Layer};
use gradus_tensor::{AttentionOptions, Rng, Tensor};

use crate::common::noise;

const STEPS: usize = 9;

/// `[2, 9, 8] → [2, 9, …]`.
fn check(name: &str, f: impl Fn(&Var<f64>) -> Var<f64>) {
    let x = noise([2, STEPS, 8], 1);
    let want = f(&Var::from(&x)).into_value();
    for t in [0, 3, 7] {
        let other = noise([2, STEPS, 8], 2) * 10.0;
        let changed = Tensor::cat(&[&x.narrow(1, 0, t + 1), &other.narrow(1, t + 1, STEPS - t - 1)], 1);
        let have = f(&Var::from(&changed)).into_value();
        assert_eq!(have.narrow(1, 0, t + 1).to_vec(), want.narrow(1, 0, t + 1).to_vec(), "{name} at {t}");
        assert_ne!(have.to_vec(), want.to_vec(), "{name} sees its inputs");
        let leaf = Var::leaf(x.clone());
        let g = f(&leaf).narrow(1, t, 1).square().sum().backward();
        let g = g.of(&leaf).unwrap();
        assert!(
            g.narrow(1, t + 1, STEPS - t - 1).to_vec().iter().all(|&g| g == 0.0),
            "{name}: gradient at {t}"
        );
        assert!(g.narrow(1, 0, t + 1).to_vec().iter().any(|&g| g != 0.0), "{name}: no gradient at {t}");
    }
}

#[test]
fn attention_of_every_kind() {
    let rng = &mut Rng::seed(3);
    let plain = MultiheadAttention::<f64>::new(8, 2, rng).unwrap().causal();
    let kinds = [
        ("plain", plain.clone()),
        ("alibi", plain.clone().alibi()),
        ("rotary", plain.clone().rotary(Rotary::new(4).unwrap()).unwrap()),
        ("relative", plain.clone().relative_bias(RelativeBias::new(8, 16, 2, rng).unwrap()).unwrap()),
        ("added keys", plain.clone().with_bias_kv(rng).with_zero_attention()),
        ("grouped", MultiheadAttention::grouped(8, 4, 2, rng).unwrap().causal()),
    ];
    for (name, layer) in &kinds {
        check(name, |x| layer.forward(x, &mut Context::eval()));
        check(name, |x| layer.attend([x, x, x], &AttentionOptions::new(), &mut Context::eval()));
        check(name, |x| {
            layer.attend_with_weights([x, x, x], &AttentionOptions::new(), &mut Context::eval()).0
        });
    }
}

#[test]
fn transformers_and_recurrent_layers() {
    let rng = &mut Rng::seed(4);
    let causal = AttentionOptions::new().causal();
    let like = TransformerBuilder::new(8, 2).feed_forward(16).batch_first();
    let encoder = like.norm_first().final_norm().encoder::<f64>(2, rng).unwrap();
    check("encoder", |x| encoder.forward_with(x, &causal, &mut Context::eval()));
    let decoder = like.decoder::<f64>(2, rng).unwrap();
    let memory = Var::from(noise([2, 5, 8], 5));
    check("decoder", |x| {
        decoder.forward(x, &memory, &causal, &AttentionOptions::new(), &mut Context::eval())
    });
    let mask = AttentionOptions::new().mask(subsequent_mask(STEPS).map(|later| !later));
    check("encoder with a mask", |x| encoder.forward_with(x, &mask, &mut Context::eval()));
    let lstm = Lstm::builder(8, 4).layers(2).batch_first().build::<f64>(rng).unwrap();
    check("lstm", |x| lstm.forward(x, &mut Context::eval()));
    let gru = Gru::builder(8, 4).batch_first().build::<f64>(rng).unwrap();
    check("gru", |x| gru.forward(x, &mut Context::eval()));
}
