//! The same bits at 1, 2, 3 and 5 threads, forward and backward.

use gradus_autodiff::Var;
use gradus_layers::*;
use gradus_module::{Context, Layer, Module};
use gradus_tensor::{Rng, Tensor, with_threads};

/// Output and all gradients of a layer built from a seed, at so many threads.
fn bits<L: Module>(
    threads: usize,
    shape: &[usize],
    make: impl Fn(&mut Rng) -> L + Sync + Send,
    run: impl Fn(&L, &Var<f32>, &mut Context<'_>) -> Var<f32> + Sync + Send,
) -> Vec<u32> {
    with_threads(threads, || {
        let rng = &mut Rng::seed(1);
        let layer = make(rng);
        let x = Var::leaf(Tensor::normal(shape, 0.0, 1.0, rng));
        let y = run(&layer, &x, &mut Context::train(rng));
        let mut all = y.value().to_vec();
        let g = y.square().mean().backward();
        g.of(&x).into_iter().for_each(|g| all.extend(g.to_vec()));
        for (_, entry) in layer.entries() {
            let g = entry.leaf_id().and_then(|leaf| g.get(leaf));
            g.into_iter().for_each(|g| all.extend(g.to_vec()));
        }
        all.into_iter().map(f32::to_bits).collect()
    })
}

fn check<L: Module>(
    shape: &[usize],
    make: impl Fn(&mut Rng) -> L + Copy + Sync + Send,
    run: impl Fn(&L, &Var<f32>, &mut Context<'_>) -> Var<f32> + Copy + Sync + Send,
) {
    let one = bits(1, shape, make, run);
    assert!(one.len() > 1000);
    [2, 3, 5].into_iter().for_each(|threads| assert_eq!(one, bits(threads, shape, make, run)));
}

fn forward<L: Layer<f32>>(layer: &L, x: &Var<f32>, cx: &mut Context<'_>) -> Var<f32> {
    layer.forward(x, cx)
}

#[test]
fn attention_with_rotations() {
    let make = |rng: &mut Rng| {
        MultiheadAttention::<f32>::new(64, 4, rng).unwrap().causal().rotary(Rotary::new(16).unwrap()).unwrap()
    };
    check(&[4, 70, 64], make, forward);
}

#[test]
fn transformer_layers_with_dropout() {
    let make =
        |rng: &mut Rng| TransformerBuilder::new(32, 4).feed_forward(64).encoder_layer::<f32>(rng).unwrap();
    check(&[60, 8, 32], make, forward);
}

#[test]
fn experts() {
    let make = |rng: &mut Rng| {
        let experts = (0..4).map(|_| Linear::<f32>::new(32, 48, rng)).collect();
        MixtureOfExperts::new(32, experts, 2, rng).unwrap()
    };
    check(&[600, 32], make, forward);
}

#[test]
fn bags() {
    let make = |rng: &mut Rng| EmbeddingBag::<f32>::new(300, 40, BagMode::Mean, rng);
    check(&[1], make, |layer, x, cx| {
        let tokens = Tensor::from_fn([400, 30], |at| ((at[0] * 31 + at[1] * at[1] * 7) % 300) as i64);
        layer.forward(&tokens, cx) * x
    });
}

#[test]
fn norms_and_wrappers() {
    check(&[8, 16, 20, 20], |_: &mut Rng| InstanceNorm2d::<f32>::new(16).with_affine(), forward);
    let make = |rng: &mut Rng| WeightNorm::<_, f32>::new(Linear::new(60, 70, rng)).unwrap();
    check(&[300, 60], make, forward);
    let make = |rng: &mut Rng| {
        let linear = Linear::new(60, 70, rng);
        SpectralNorm::<_, f32>::new(linear, rng).unwrap()
    };
    check(&[300, 60], make, forward);
}
