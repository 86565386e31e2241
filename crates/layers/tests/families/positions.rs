//! Positions: waves, rotations, T5's buckets, each against its formula.

use gradus_autodiff::{Var, check_grads};
use gradus_layers::*;
use gradus_module::{Context, Layer};
use gradus_tensor::{Rng, Tensor};

use crate::common::{close, names, noise};

#[test]
fn waves_are_the_paper_s() {
    let table = sinusoidal_table::<f64>(50, 7);
    for t in 0..50 {
        for c in 0..7 {
            let angle = t as f64 / 10_000_f64.powf((2 * (c / 2)) as f64 / 7.0);
            let want = if c % 2 == 0 { angle.sin() } else { angle.cos() };
            assert!((table.at(&[t, c]) - want).abs() < 1e-12);
        }
    }
    let (layer, cx) = (SinusoidalPositions::new(7).unwrap(), &mut Context::eval());
    let x = Var::from(noise([2, 4, 7], 1));
    close((layer.forward(&x, cx) - &x).value(), &table.narrow(0, 0, 4).expand([2, 4, 7]).to_vec(), 1e-12);
    let later = layer.forward_at(&x, 3, cx) - &x;
    close(later.value(), &table.narrow(0, 3, 4).expand([2, 4, 7]).to_vec(), 1e-12);
}

#[test]
fn trained_positions_get_gradients() {
    let (layer, cx) = (LearnedPositions::<f64>::new(6, 3, &mut Rng::seed(1)).unwrap(), &mut Context::eval());
    assert_eq!(names(&layer), ["weight"]);
    let x = Var::from(noise([2, 4, 3], 1));
    let g = layer.forward_at(&x, 1, cx).sum().backward();
    let want: Vec<f64> = [0.0, 2.0, 2.0, 2.0, 2.0, 0.0].iter().flat_map(|&n| [n; 3]).collect();
    close(g.of(&layer.weight).unwrap(), &want, 0.0);
}

#[test]
#[should_panic(expected = "LearnedPositions: the sequence is too long: [2, 4, 3] (7 > 6)")]
fn trained_positions_end() {
    let layer = LearnedPositions::<f64>::new(6, 3, &mut Rng::seed(1)).unwrap();
    let _ = layer.forward_at(&Var::from(noise([2, 4, 3], 1)), 3, &mut Context::eval());
}

/// The pair (a, b) as a complex number, turned.
fn turned(x: &[f64], t: usize, base: f64, turned: usize, interleaved: bool) -> Vec<f64> {
    let mut out = x.to_vec();
    for i in 0..turned / 2 {
        let (a, b) = if interleaved { (2 * i, 2 * i + 1) } else { (i, i + turned / 2) };
        let angle = t as f64 * base.powf(-2.0 * i as f64 / turned as f64);
        out[a] = x[a] * angle.cos() - x[b] * angle.sin();
        out[b] = x[a] * angle.sin() + x[b] * angle.cos();
    }
    out
}

#[test]
fn rotations_are_complex_products() {
    let x = noise([2, 3, 40, 8], 1);
    for interleaved in [false, true] {
        for (base, part, offset) in [(10_000.0, 8, 0), (500.0, 8, 7), (10_000.0, 4, 100)] {
            let rotary = Rotary::new(8).unwrap().base(base).unwrap().partial(part).unwrap();
            let rotary = if interleaved { rotary.interleaved() } else { rotary };
            let rows = x.to_vec();
            let rows = rows.chunks(8).enumerate();
            let want: Vec<f64> =
                rows.flat_map(|(row, x)| turned(x, row % 40 + offset, base, part, interleaved)).collect();
            close(rotary.turn(&Var::from(&x), offset).value(), &want, 1e-12);
        }
    }
    let rotary = Rotary::<f64>::new(8).unwrap();
    let at = [5, 0, 2];
    let x = noise([3, 8], 2);
    let rows = x.to_vec();
    let want: Vec<f64> = rows.chunks(8).zip(at).flat_map(|(x, t)| turned(x, t, 10_000.0, 8, false)).collect();
    close(rotary.turn_at(&Var::from(&x), &at).value(), &want, 1e-12);
    check_grads(|x| rotary.turn(&x[0], 3), &[noise([2, 3, 8], 3)], 2).unwrap();
    assert_eq!(rotary.turn(&Var::from(noise([2, 0, 8], 3)), 3).dims(), [2, 0, 8]);
}

/// Attention with rotations: through the fused projection, query by query through a cache, and by hand.
#[test]
fn rotary_attention() {
    for (heads, key_heads) in [(2, 2), (4, 2)] {
        let layer = MultiheadAttention::<f64>::grouped(16, heads, key_heads, &mut Rng::seed(3)).unwrap();
        let layer = layer.causal().rotary(Rotary::new(16 / heads).unwrap()).unwrap();
        let (x, cx) = (Var::from(noise([2, 9, 16], 4)), &mut Context::eval());
        let want = layer.forward(&x, cx);
        let apart = layer.attend([&x, &x, &x], &gradus_tensor::AttentionOptions::new(), cx);
        close(apart.value(), &want.value().to_vec(), 1e-12);
        let mut cache = KeyValueCache::new();
        for (start, length) in [(0, 4), (4, 1), (5, 4)] {
            let y = layer.decode(&x.narrow(1, start, length), &mut cache, cx);
            close(y.value(), &want.value().narrow(1, start, length).to_vec(), 1e-12);
        }
        // What counts is the distance: the same tokens further back give the same.
        let later = gradus_tensor::AttentionOptions::new();
        let q = layer.weights(&x, &x, &later);
        assert_eq!(q.dims(), [2, heads, 9, 9]);
        let g = want.sum().backward();
        let InProjection::Fused { in_proj_weight } = &layer.in_proj else { panic!("one width") };
        assert!(g.of(in_proj_weight).is_some());
    }
}

/// The published definition, in whole numbers where that decides: bucket b begins at the first distance d with
/// exact·(max/exact)^((b − exact)/(buckets − exact)) ≤ d.
fn bucket(distance: isize, buckets: usize, most: usize, bidirectional: bool) -> usize {
    let (buckets, first) = if bidirectional { (buckets / 2, buckets / 2) } else { (buckets, 0) };
    let first = if distance > 0 { first } else { 0 };
    let n = if bidirectional { distance.unsigned_abs() } else { (-distance).max(0) as usize };
    let exact = buckets / 2;
    if n < exact {
        return first + n;
    }
    let ratio = most as f64 / exact as f64;
    let begins = |b: usize| exact as f64 * ratio.powf((b - exact) as f64 / (buckets - exact) as f64);
    first + (exact..buckets).rev().find(|&b| begins(b) <= n as f64 * (1.0 + 1e-12)).unwrap_or(exact)
}

#[test]
fn buckets_are_t5_s() {
    for (buckets, most) in [(32, 128), (8, 20), (16, 100)] {
        let both = RelativeBias::<f64>::new(buckets, most, 1, &mut Rng::seed(0)).unwrap();
        let back = both.clone().one_direction().unwrap();
        for distance in -300..300 {
            assert_eq!(both.bucket(distance), bucket(distance, buckets, most, true), "{distance}");
            assert_eq!(back.bucket(distance), bucket(distance, buckets, most, false), "{distance}");
        }
    }
    // Hugging Face transformers 5.24, `T5Attention._relative_position_bucket` of −12 … 12.
    let both = RelativeBias::<f64>::new(32, 128, 1, &mut Rng::seed(0)).unwrap();
    let want = [9, 8, 8, 8, 8, 7, 6, 5, 4, 3, 2, 1, 0, 17, 18, 19, 20, 21, 22, 23, 24, 24, 24, 24, 25];
    let have: Vec<usize> = (-12..13).map(|distance| both.bucket(distance)).collect();
    assert_eq!(have, want);
}

#[test]
fn relative_biases_are_rows_of_the_table() {
    let bias = RelativeBias::<f64>::new(8, 20, 3, &mut Rng::seed(1)).unwrap();
    assert_eq!(names(&bias), ["weight"]);
    for (queries, keys, offset) in [(4, 6, 0), (1, 6, 5), (3, 3, 2), (0, 4, 1)] {
        let y = bias.forward(queries, keys, offset);
        assert_eq!(y.dims(), [3, queries, keys]);
        for i in 0..queries {
            for j in 0..keys {
                let row = bias.bucket(j as isize - (i + offset) as isize);
                assert!((0..3).all(|h| y.value().at(&[h, i, j]) == bias.weight.value().at(&[row, h])));
            }
        }
    }
}

/// T5's attention, written out; its bias learns; a cache gives the same.
#[test]
fn relative_attention() {
    let rng = &mut Rng::seed(5);
    let bias = RelativeBias::new(8, 20, 2, rng).unwrap().one_direction().unwrap();
    let layer = MultiheadAttention::<f64>::new(8, 2, rng).unwrap().without_bias().scale(1.0).unwrap();
    let mut layer = layer.relative_bias(bias).unwrap().causal();
    assert_eq!(names(&layer), ["in_proj_weight", "out_proj.weight", "relative_attention_bias.weight"]);
    let x = noise([2, 7, 8], 6);
    let bias = layer.relative_attention_bias.as_ref().unwrap().forward(7, 7, 0);
    let mut plain = layer.clone();
    plain.relative_attention_bias = None;
    let options = gradus_tensor::AttentionOptions::new().bias(bias.value().clone());
    let (v, cx) = (Var::from(&x), &mut Context::eval());
    let want = plain.forward_with(&v, &options, cx);
    let y = layer.forward(&v, cx);
    close(y.value(), &want.value().to_vec(), 1e-12);
    let weights = layer.weights(&v, &v, &gradus_tensor::AttentionOptions::new());
    close(weights.value(), &plain.weights(&v, &v, &options).value().to_vec(), 1e-12);
    let mut cache = KeyValueCache::new();
    for (start, length) in [(0, 3), (3, 1), (4, 3)] {
        let y = layer.decode(&v.narrow(1, start, length), &mut cache, cx);
        close(y.value(), &want.value().narrow(1, start, length).to_vec(), 1e-12);
    }
    crate::common::check_layer(&mut layer, &x, |layer, x| layer.forward(x, &mut Context::eval()));
    // Grouped keys.
    let grouped = MultiheadAttention::<f64>::grouped(8, 4, 2, rng).unwrap();
    let mut grouped = grouped.relative_bias(RelativeBias::new(8, 20, 4, rng).unwrap()).unwrap();
    crate::common::check_layer(&mut grouped, &x, |layer, x| layer.forward(x, &mut Context::eval()));
}

/// ALiBi adds slope·(j − i) to the scores: as a mask of numbers it is the same.
#[test]
fn alibi_is_a_bias() {
    let rng = &mut Rng::seed(7);
    let layer = MultiheadAttention::<f64>::new(12, 6, rng).unwrap();
    let slopes: Vec<f64> = [0.25, 0.0625, 0.015_625, 0.003_906_25, 0.5, 0.125].to_vec();
    let bias = Tensor::from_fn([6, 5, 5], |at| slopes[at[0]] * (at[2] as f64 - at[1] as f64));
    let (x, cx) = (Var::from(noise([2, 5, 12], 8)), &mut Context::eval());
    let want = layer.forward_with(&x, &gradus_tensor::AttentionOptions::new().bias(bias), cx);
    close(layer.alibi().forward(&x, cx).value(), &want.value().to_vec(), 1e-12);
}
