//! Multi-head attention with all its masks and additions.

use gradus_autodiff::Var;
use gradus_layers::*;
use gradus_tensor::{AttentionOptions, Float, Rng};

use super::case::Case;

fn case(name: &'static str) -> Case {
    Case::new(include_str!("../golden/attention.csv"), name)
}

fn options<T: Float>(case: Case, mask: &str) -> AttentionOptions<T> {
    let options = AttentionOptions::new();
    match mask {
        "_blocked" => options.mask(case.flags("blocked").map(|blocked| !blocked)),
        "_bias" => options.bias(case.want("i:bias").cast::<T>()),
        "_ignored" => options.mask(key_padding_mask(&case.flags("ignored"))),
        "_both" => options.mask(attention_mask(&case.flags("blocked"), &case.flags("ignored"))),
        _ => options,
    }
}

fn kinds<T: Float>() -> [(&'static str, MultiheadAttention<T>); 5] {
    let rng = &mut Rng::seed(0);
    let plain = MultiheadAttention::new(4, 2, rng).unwrap();
    [
        ("unbiased", plain.clone().without_bias()),
        ("bias_kv", plain.clone().with_bias_kv(rng)),
        ("zero", plain.clone().with_zero_attention()),
        ("all", plain.clone().with_bias_kv(rng).with_zero_attention()),
        ("plain", plain),
    ]
}

fn all<T: Float>() {
    for (kind, layer) in kinds::<T>() {
        for mask in ["", "_blocked", "_bias", "_ignored", "_both"] {
            let case = case(String::leak(format!("{kind}{mask}")));
            case.check(layer.clone(), |layer, x, cx| {
                let options = options(case, mask);
                let (y, weights) = layer.attend_with_weights([&x[0], &x[1], &x[1]], &options, cx);
                // The fused way is the same.
                let fused = layer.attend([&x[0], &x[1], &x[1]], &options, cx);
                case.close("y0, fused", fused.value(), &case.want("y0"));
                case.close("weights", layer.weights(&x[0], &x[1], &options).value(), &case.want("y1"));
                vec![y, weights]
            });
        }
    }
    let rng = &mut Rng::seed(0);
    let wide = MultiheadAttention::<T>::cross(4, 2, 3, 6, rng).unwrap().with_bias_kv(rng);
    case("wide").check(wide, |layer, x, cx| {
        let options = options(case("wide"), "_ignored");
        let (y, weights) = layer.attend_with_weights([&x[0], &x[1], &x[2]], &options, cx);
        vec![y, weights]
    });
    let new = |heads| MultiheadAttention::<T>::new(4, heads, &mut Rng::seed(0)).unwrap();
    case("average").check(new(2), |layer, x, cx| {
        let options = AttentionOptions::new();
        let y = layer.attend([&x[0], &x[1], &x[1]], &options, cx);
        vec![y, layer.average_weights(&x[0], &x[1], &options)]
    });
    case("single").layer(new(2));
    case("empty").layer(new(2));
}

#[test]
fn in_double_precision() {
    all::<f64>();
}

#[test]
fn in_single_precision() {
    all::<f32>();
}

/// Scores of some thousands: in single precision their rounding is of the size of probabilities.
#[test]
fn large_causal_scores() {
    let layer = MultiheadAttention::<f64>::new(4, 4, &mut Rng::seed(0)).unwrap().causal();
    case("causal").layer(layer.clone());
    case("causal").check(layer, |layer, x: &[Var<f64>], cx| {
        vec![layer.attend([&x[0], &x[0], &x[0]], &AttentionOptions::new(), cx)]
    });
}
