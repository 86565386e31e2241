//! From special case to whole: a perceptron, BERT and GPT are the same blocks with parts left out or put on. Weights are copied across,
//! and outputs are equal.

use gradus_autodiff::Var;
use gradus_layers::{Linear, Transformer, TransformerEncoder, subsequent_mask};
use gradus_models::*;
use gradus_module::{Context, Layer, Module, Param};
use gradus_tensor::{AttentionOptions, Rng, Tensor, Unary};

use super::recorded::close;

/// A block whose attention's last map is 0 leaves the perceptron x + W₂·gelu(W₁·norm(x)).
#[test]
fn a_block_without_attention_is_a_perceptron() {
    let config = GptConfig { layers: 1, hidden_size: 16, inner_size: 32, ..GptConfig::small(20, 8) };
    let mut model = Gpt::new(config, &mut Rng::seed(1)).unwrap();
    let block = &mut model.h[0];
    let zero = |p: &mut Param| *p.value_mut() = p.value().zeros_like();
    zero(&mut block.attn.out_proj.weight);
    zero(block.attn.out_proj.bias.as_mut().unwrap());
    let x = Var::constant(Tensor::normal([2, 5, 16], 0.0, 1.0, &mut Rng::seed(2)));
    let cx = &mut Context::eval();
    let Linear { weight: w1, bias: b1 } = &block.mlp.c_fc;
    let Linear { weight: w2, bias: b2 } = &block.mlp.c_proj;
    let hidden = block.ln_2.forward(&x, cx).linear(w1, b1.as_deref()).gelu_tanh();
    let perceptron = &x + hidden.linear(w2, b2.as_deref());
    close(block.forward(&x, cx).value(), perceptron.value(), 1e-6);
}

/// BERT is PyTorch's Transformer encoder between its embeddings and its heads.
#[test]
fn bert_is_a_transformer_encoder_with_heads() {
    let config = BertConfig { dropout: 0.0, hidden_size: 32, inner_size: 64, ..BertConfig::small(20) };
    let bert = Bert::new(config, &mut Rng::seed(3)).unwrap();
    let described =
        Transformer::builder(32, 2).feed_forward(64).activation(Unary::gelu()).eps(1e-12).batch_first();
    let mut encoder: TransformerEncoder = described.encoder(2, &mut Rng::seed(4)).unwrap();
    encoder.load(&bert.state().below("encoder")).unwrap();
    let tokens = Tensor::randint([2, 6], 0, 20, &mut Rng::seed(5));
    let (cx, table) = (&mut Context::eval(), &bert.embeddings);
    let places: Tensor<i64> = (0..6).collect();
    let sum = table.word_embeddings.forward(&tokens, cx)
        + table.position_embeddings.forward(&places, cx)
        + table.token_type_embeddings.forward(&tokens.zeros_like(), cx);
    let stream = encoder.forward(&table.norm.forward(&sum, cx), cx);
    close(bert.forward(&BertInput::new(tokens), cx).unwrap().value(), stream.value(), 1e-6);
}

/// GPT's blocks are the same encoder, norms first, under a mask that hides what comes later.
#[test]
fn gpt_is_the_same_stack_under_a_causal_mask() {
    let config = GptConfig { layers: 2, hidden_size: 32, inner_size: 64, ..GptConfig::small(20, 8) };
    let gpt = Gpt::new(config, &mut Rng::seed(6)).unwrap();
    let described = Transformer::builder(32, 4)
        .feed_forward(64)
        .activation(Unary::gelu_tanh())
        .norm_first()
        .final_norm()
        .batch_first();
    let mut encoder: TransformerEncoder = described.encoder(2, &mut Rng::seed(7)).unwrap();
    let mut state = gradus_module::State::default();
    for (name, value) in gpt.state().iter() {
        let renamed = name
            .replace("h.", "layers.")
            .replace("ln_1", "norm1")
            .replace("ln_2", "norm2")
            .replace("attn", "self_attn")
            .replace("mlp.c_fc", "linear1")
            .replace("mlp.c_proj", "linear2")
            .replace("ln_f", "norm");
        if !renamed.starts_with('w') {
            state.push(renamed, value.clone());
        }
    }
    encoder.load(&state).unwrap();
    let tokens = Tensor::randint([2, 6], 0, 20, &mut Rng::seed(8));
    let cx = &mut Context::eval();
    let places = gpt.wpe.as_ref().unwrap().weight.narrow(0, 0, 6);
    let mask = subsequent_mask(6).map(|hidden| !hidden);
    let x = gpt.wte.forward(&tokens, cx) + places;
    let stream = encoder.forward_with(&x, &AttentionOptions::new().mask(mask), cx);
    close(gpt.hidden(&tokens, cx).value(), stream.value(), 1e-5);
}

/// A query that equals one key far from all others gets that key's value: attention is a soft look-up in a table.
#[test]
fn attention_is_a_soft_look_up() {
    let keys = Tensor::<f32>::from([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]);
    let values = Tensor::<f32>::from([[10.0, 1.0], [20.0, 2.0], [30.0, 3.0]]);
    let [q, k, v] = [keys.narrow(0, 1, 1), keys, values.clone()].map(|x| {
        let [rows, width] = x.dims();
        Var::constant(x.reshape([1, rows, width]))
    });
    // The sharper the scores, the harder the look-up; at 0 all values count alike.
    let at = |scale| {
        q.scaled_dot_product_attention(&k, &v, &AttentionOptions::new().scale(scale)).value().to_vec()
    };
    assert_eq!(at(1e3), [20.0, 2.0]);
    let even = at(0.0);
    assert!((even[0] - 20.0).abs() < 1e-5 && (even[1] - 2.0).abs() < 1e-5);
    let soft = at(1.0)[0];
    let weight = 1.0_f32.exp() / (1.0_f32.exp() + 2.0);
    let rest = (1.0 - weight) / 2.0;
    assert!((soft - (20.0 * weight + 40.0 * rest)).abs() < 1e-4);
}
