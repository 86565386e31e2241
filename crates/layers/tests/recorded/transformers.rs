//! Transformer layers and stacks: PyTorch's names and numbers.

use gradus_layers::*;
use gradus_tensor::{AttentionOptions, Float, Rng, Unary};

use super::case::Case;

fn case(name: &'static str) -> Case {
    Case::new(include_str!("../golden/transformers.csv"), name)
}

fn like() -> TransformerBuilder {
    TransformerBuilder::new(4, 2).feed_forward(6).dropout(0.0)
}

fn layers<T: Float>() {
    let (rng, causal) = (&mut Rng::seed(0), AttentionOptions::<T>::new().causal());
    for (norm, first) in [("post", false), ("pre", true)] {
        for (name, activation) in [("relu", Unary::relu()), ("gelu", Unary::gelu())] {
            let like = like().activation(activation);
            let like = if first { like.norm_first() } else { like };
            let encoder = case(String::leak(format!("encoder_layer_{norm}_{name}")));
            let ignored = encoder.flags("ignored");
            let options = AttentionOptions::new().mask(key_padding_mask(&ignored));
            encoder.check(like.encoder_layer::<T>(rng).unwrap(), |layer, x, cx| {
                vec![layer.forward_with(&x[0], &options, cx)]
            });
            let decoder = case(String::leak(format!("decoder_layer_{norm}_{name}")));
            let between = AttentionOptions::new().mask(attention_mask(&decoder.flags("blocked"), &ignored));
            decoder.check(like.decoder_layer::<T>(rng).unwrap(), |layer, x, cx| {
                vec![layer.forward(&x[0], &x[1], &causal, &between, cx)]
            });
        }
    }
    let first = like().batch_first().without_bias().eps(1e-3);
    case("encoder_layer_batch_first").layer(first.encoder_layer::<T>(rng).unwrap());
    case("encoder_layer_single").layer(like().encoder_layer::<T>(rng).unwrap());
}

fn stacks<T: Float>() {
    let (rng, all) = (&mut Rng::seed(0), AttentionOptions::<T>::new());
    let causal = all.clone().causal();
    let encoder = like().norm_first().final_norm().encoder::<T>(2, rng).unwrap();
    case("encoder").check(encoder, |stack, x, cx| vec![stack.forward_with(&x[0], &causal, cx)]);
    let decoder = like().decoder::<T>(2, rng).unwrap();
    case("decoder").check(decoder, |stack, x, cx| vec![stack.forward(&x[0], &x[1], &causal, &all, cx)]);
    let padded = AttentionOptions::new().mask(key_padding_mask(&case("transformer").flags("ignored")));
    let model = like().transformer::<T>(2, 1, rng).unwrap();
    case("transformer")
        .check(model, |model, x, cx| vec![model.forward(&x[0], &x[1], [&padded, &causal, &padded], cx)]);
}

#[test]
fn single_layers() {
    layers::<f64>();
    layers::<f32>();
}

#[test]
fn whole_stacks() {
    stacks::<f64>();
    stacks::<f32>();
}
