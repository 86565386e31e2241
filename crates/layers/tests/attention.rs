//! Multi-head attention: recorded values of PyTorch, gradients, names, masks, groups, decoding through a cache, ALiBi's slopes.

use crate::common::{check_layer, close, names, noise};
use gradus_autodiff::Var;
use gradus_layers::*;
use gradus_module::{Context, Layer, Param};
use gradus_tensor::{AttentionOptions, Rng, Tensor};

/// (multiplier·i mod modulus − shift) / divisor
fn pattern<const N: usize>(
    shape: [usize; N],
    [multiplier, modulus, shift, divisor]: [usize; 4],
) -> Tensor<f64> {
    let mut i = 0;
    Tensor::from_fn(shape, |_| {
        i += 1;
        ((i - 1) * multiplier % modulus) as f64 / divisor as f64 - shift as f64 / divisor as f64
    })
}

/// The layer that PyTorch's values were recorded with.
fn recorded() -> MultiheadAttention<f64> {
    let Ok(mut layer) = MultiheadAttention::new(4, 2, &mut Rng::seed(0)) else { panic!("2 divides 4") };
    let in_proj_weight = Param::new(pattern([12, 4], [7, 11, 5, 10]));
    layer.in_proj = InProjection::Fused { in_proj_weight };
    layer.in_proj_bias = Some(Param::new(pattern([12], [5, 7, 3, 10])));
    layer.out_proj.weight = Param::new(pattern([4, 4], [3, 7, 3, 5]));
    layer.out_proj.bias = Some(Param::new(Tensor::from([0.1, -0.2, 0.3, 0.0])));
    layer
}

#[test]
fn cross_attention_with_padding_is_pytorch_s() {
    let (layer, cx) = (recorded(), &mut Context::eval());
    let x = Var::constant(pattern([2, 3, 4], [5, 13, 6, 4]));
    let memory = Var::constant(pattern([2, 5, 4], [3, 11, 5, 3]));
    let padding = Tensor::from([[false, false, true, false, true], [false, true, false, false, false]]);
    let options = AttentionOptions::new().mask(key_padding_mask(&padding));
    // torch 2.15: MultiheadAttention(4, 2, batch_first=True)(x, memory, memory, key_padding_mask=padding)
    let want = [
        -0.234_144_57,
        -0.159_635_51,
        0.204_567_85,
        -0.352_940_65,
        -0.317_380_28,
        -0.166_563_12,
        0.154_335_07,
        -0.406_780_30,
        -0.262_278_80,
        -0.229_178_89,
        0.252_865_94,
        -0.344_497_74,
        0.012_371_43,
        -0.386_799_75,
        0.695_017_99,
        0.121_862_40,
        -0.422_328_32,
        -0.713_355_84,
        0.953_803_30,
        0.486_495_79,
        0.042_959_64,
        -0.360_995_41,
        0.675_766_94,
        0.093_239_45,
    ];
    close(layer.attend([&x, &memory, &memory], &options, cx).value(), &want, 1e-6);
    let weights = layer.weights(&x, &memory, &options);
    assert_eq!(weights.dims(), [2, 2, 3, 5]);
    let first = [0.387_312_98, 0.390_751_54, 0.0, 0.221_935_45, 0.0];
    close(&weights.value().narrow(0, 0, 1).narrow(1, 0, 1).narrow(2, 0, 1), &first, 1e-6);
    let last = [0.080_081_31, 0.0, 0.078_863_77, 0.422_138_12, 0.418_916_85];
    close(&weights.value().narrow(0, 1, 1).narrow(1, 1, 1).narrow(2, 2, 1), &last, 1e-6);
}

#[test]
fn causal_self_attention_is_pytorch_s() {
    let (layer, cx) = (recorded().causal(), &mut Context::eval());
    let x = Var::constant(pattern([2, 3, 4], [5, 13, 6, 4]));
    // torch 2.15: the same module, attn_mask=torch.triu(torch.ones(3, 3, dtype=bool), 1)
    let want = [
        -0.305,
        0.62,
        -0.525,
        -0.825,
        -0.220_479_76,
        -0.146_864_06,
        0.114_880_06,
        -0.174_389_78,
        -0.097_844_74,
        -0.421_961_25,
        0.345_913_35,
        0.042_231_66,
        -0.215,
        -0.305,
        0.72,
        -0.28,
        -0.213_376_05,
        -0.153_679_70,
        0.480_824_23,
        -0.344_547_48,
        -0.184_873_10,
        -0.281_589_48,
        0.637_304_54,
        -0.264_210_22,
    ];
    close(layer.forward(&x, cx).value(), &want, 1e-6);
    close(layer.attend([&x, &x, &x], &AttentionOptions::new(), cx).value(), &want, 1e-6);
}

#[test]
fn gradients_and_names() {
    let mut layer = recorded().causal().alibi();
    assert_eq!(names(&layer), ["in_proj_weight", "in_proj_bias", "out_proj.weight", "out_proj.bias"]);
    let x = noise([2, 5, 4], 1);
    check_layer(&mut layer, &x, |layer, x| layer.forward(x, &mut Context::eval()));
    check_layer(&mut layer, &x, |layer, x| {
        layer.attend([x, &x.flip(1), x], &AttentionOptions::new(), &mut Context::eval())
    });
    let mut plain = MultiheadAttention::grouped(12, 6, 2, &mut Rng::seed(4)).unwrap().without_bias();
    assert_eq!(names(&plain), ["in_proj_weight", "out_proj.weight"]);
    let InProjection::Fused { in_proj_weight } = &plain.in_proj else { panic!("one width") };
    assert_eq!((in_proj_weight.dims(), plain.head_size()), ([20, 12], 2));
    check_layer(&mut plain, &noise([3, 4, 12], 2), |layer, x| layer.forward(x, &mut Context::eval()));
}

#[test]
fn decoding_through_a_cache_is_the_whole_pass() {
    for (heads, key_heads) in [(4, 4), (4, 2), (6, 1)] {
        let layer = MultiheadAttention::<f64>::grouped(12, heads, key_heads, &mut Rng::seed(3)).unwrap();
        let layer = layer.causal().alibi();
        let (x, cx) = (noise([2, 100, 12], 4), &mut Context::eval());
        let want = layer.forward(&Var::from(&x), cx);
        let mut cache = KeyValueCache::with_capacity(3);
        let mut start = 0;
        for length in [40, 1, 1, 23, 1, 30, 1, 1, 2] {
            let y = layer.decode(&Var::from(x.narrow(1, start, length)), &mut cache, cx);
            close(y.value(), &want.value().narrow(1, start, length).to_vec(), 1e-13);
            start += length;
            assert_eq!(cache.len(), start);
        }
        cache.truncate(50);
        let y = layer.decode(&Var::from(x.narrow(1, 50, 1)), &mut cache, cx);
        close(y.value(), &want.value().narrow(1, 50, 1).to_vec(), 1e-13);
    }
}

#[test]
fn a_cache_grows_in_place() {
    let mut cache = KeyValueCache::<f64>::new();
    assert!(cache.is_empty() && cache.keys().is_empty());
    let token = |i: usize| Tensor::full([2, 3, 1, 4], i as f64);
    cache.append(&token(0), &token(0));
    let place = cache.keys().storage().as_ptr();
    for i in 1..64 {
        cache.append(&token(i), &(token(i) * -1.0));
    }
    assert_eq!(cache.keys().storage().as_ptr(), place, "nothing was copied");
    cache.append(&token(64), &(token(64) * -1.0));
    assert_eq!(cache.keys().storage().len(), 2 * 3 * 128 * 4, "the room has doubled");
    for (x, sign) in [(cache.keys(), 1.0), (cache.values(), -1.0)] {
        assert_eq!(x.dims(), [2, 3, 65, 4]);
        assert!((0..65).all(|i| x.at(&[1, 2, i, 3]) == sign * i as f64));
    }
    let held = cache.keys();
    cache.append(&token(9), &token(9));
    assert_eq!(held.dims(), [2, 3, 65, 4], "a view that is held keeps its values");
    assert_eq!(held.at(&[0, 0, 64, 0]), 64.0);
}

#[test]
#[should_panic(expected = "KeyValueCache: tokens do not fit those held: [1, 2, 1, 4] (needs [2, 2, 1, 4])")]
fn a_cache_refuses_another_batch() {
    let mut cache = KeyValueCache::<f32>::new();
    cache.append(&Tensor::zeros([2, 2, 3, 4]), &Tensor::zeros([2, 2, 3, 4]));
    cache.append(&Tensor::zeros([1, 2, 1, 4]), &Tensor::zeros([1, 2, 1, 4]));
}

#[test]
fn dropout_drops_in_training_alone() {
    let layer = MultiheadAttention::<f64>::new(8, 2, &mut Rng::seed(5)).unwrap().dropout(0.5).unwrap();
    let x = Var::constant(noise([2, 6, 8], 6));
    let run = |seed| layer.forward(&x, &mut Context::train(&mut Rng::seed(seed))).into_value();
    assert_eq!(run(1), run(1));
    assert_ne!(run(1), run(2));
    let plain = layer.clone().dropout(0.0).unwrap();
    let eval = layer.forward(&x, &mut Context::eval());
    assert_eq!(*eval.value(), plain.forward(&x, &mut Context::eval()).into_value());
}

#[test]
fn slopes_are_the_paper_s() {
    // From the published `get_slopes`.
    assert_eq!(alibi_slopes::<f64>(4).to_vec(), [0.25, 0.0625, 0.015_625, 0.003_906_25]);
    assert_eq!(alibi_slopes::<f64>(1).to_vec(), [1.0 / 256.0]);
    let twelve = alibi_slopes::<f64>(12);
    let want: Vec<f64> =
        (1..=8).map(|i| 0.5_f64.powi(i)).chain([0.5_f64, 1.5, 2.5, 3.5].map(|e| (-e).exp2())).collect();
    close(&twelve, &want, 1e-15);
    assert!(alibi_slopes::<f64>(0).is_empty());
}

#[test]
fn constructors_say_what_does_not_fit() {
    let rng = &mut Rng::seed(0);
    let said = |result: Result<MultiheadAttention, LayerError>| result.unwrap_err().to_string();
    assert_eq!(
        said(MultiheadAttention::new(10, 3, rng)),
        "MultiheadAttention: heads is 3, but it must be a divisor of the 10 features"
    );
    assert!(said(MultiheadAttention::new(10, 0, rng)).contains("heads is 0"));
    assert_eq!(
        said(MultiheadAttention::grouped(12, 6, 4, rng)),
        "MultiheadAttention: key_heads is 4, but it must be a divisor of the 6 heads"
    );
    assert!(
        said(MultiheadAttention::new(4, 2, rng).and_then(|layer| layer.dropout(1.5)))
            .contains("dropout is 1.5")
    );
}

#[test]
#[should_panic(expected = "MultiheadAttention: not […, L, E]: [2, 3] (Some(3) ≠ 4)")]
fn a_wrong_width_is_named() {
    let _ = recorded().forward(&Var::constant(Tensor::zeros([2, 3])), &mut Context::eval());
}
