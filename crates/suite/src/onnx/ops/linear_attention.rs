//! Attention without a softmax, causal convolution with a state, and attention whose scores a graph changes. It must never know
//! layers.

use gradus_tensor::{AttentionOptions, Float, Tensor};

use super::Mapping;
use super::binary::like;
use super::conv::convolved;
use super::window::Window;
use crate::call::{Answer, Call, all, one};
use crate::value::{Array, Result, Value, failed, on_floats, unmapped};

pub(super) const TABLE: &[(&str, Mapping)] = &[
    ("CausalConvWithState", causal_conv),
    ("LinearAttention", linear_attention),
    ("ai.onnx.preview::FlexAttention", flex_attention),
];

fn causal_conv(call: &Call) -> Answer {
    let (x, weight) = (call.array(0)?, call.array(1)?);
    on_floats!(x, |t| {
        let [batch, channels, length] = t.dims();
        let k = weight.shape()[2];
        let past = call.tensor(3).unwrap_or_else(|| Tensor::zeros([batch, channels, k - 1]));
        let padded = Tensor::cat(&[&past, t], 2);
        let window =
            Window { kernel: vec![k], stride: vec![1], dilation: vec![1], pads: vec![(0, 0)], ceil: false };
        let y = convolved(&padded, &like(t, weight), call.tensor(2).as_ref(), &window, channels)?;
        let y = match call.text("activation", "none").as_str() {
            "none" => y,
            "silu" | "swish" => y.silu(),
            other => return unmapped(format!("CausalConvWithState with {other}")),
        };
        all([x.with(&y), x.with(&padded.narrow(2, length, k - 1))])
    })
}

/// `[B, T, heads·E] → [B, heads, T, E]`.
fn heads<T: Float>(x: &Tensor<T>, heads: usize) -> Tensor<T> {
    let [batch, steps, width] = x.dims();
    x.reshape([batch, steps, heads, width / heads]).transpose(1, 2)
}

fn linear_attention(call: &Call) -> Answer {
    let (x, k, v) = (call.array(0)?, call.array(1)?, call.array(2)?);
    let (q_heads, kv_heads) = (call.int("q_num_heads", 1) as usize, call.int("kv_num_heads", 1) as usize);
    on_floats!(x, |t| {
        let (q, k, v) = (heads(t, q_heads), heads(&like(t, k), kv_heads), heads(&like(t, v), kv_heads));
        let ([batch, _, steps, width], value_width) = (q.dims(), v.dim(-1));
        let mut state =
            call.tensor(3).unwrap_or_else(|| Tensor::zeros([batch, kv_heads, width, value_width]));
        let decay = call.tensor(4).map(|decay: Tensor<_>| heads(&decay, kv_heads));
        let beta = call.tensor(5).map(|beta: Tensor<_>| heads(&beta, beta.dim(-1)));
        let scale = match call.float("scale", 0.0) {
            0.0 => 1.0 / (width as f64).sqrt(),
            scale => scale,
        };
        let mut outputs = Vec::new();
        for step in 0..steps {
            let at = |x: &Tensor<_>| x.narrow(2, step, 1);
            let (k, mut v) = (at(&k), at(&v));
            if let Some(decay) = &decay {
                state *= &at(decay).exp().transpose(-2, -1);
            }
            if let Some(beta) = &beta {
                v = (v - &k.matmul(&state)) * &at(beta);
            }
            state += &k.transpose(-2, -1).matmul(&v);
            outputs.push(at(&q).matmul(&state.repeat_interleave(q_heads / kv_heads, 1)).mul_scalar(scale));
        }
        let y = Tensor::cat(&outputs.iter().collect::<Vec<_>>(), 2).transpose(1, 2);
        let y = y.reshape([batch, steps, q_heads * value_width]);
        let kind = call.maybe(3).unwrap_or(x);
        all([x.with(&y), kind.with(&state)])
    })
}

/// The scores or probabilities as a graph among the attributes changes them.
fn changed<T: Float>(call: &Call, name: &str, x: &Tensor<T>) -> Result<Tensor<T>> {
    if !call.has(name) {
        return Ok(x.clone());
    }
    let outputs = call.run(call.graph(name)?, vec![Some(Value::Array(Array::new(x)))])?;
    match outputs.first() {
        Some(Value::Array(y)) => Ok(y.cast()),
        _ => failed(format!("FlexAttention: {name} answers no array")),
    }
}

fn flex_attention(call: &Call) -> Answer {
    let (x, k, v) = (call.array(0)?, call.array(1)?, call.array(2)?);
    on_floats!(x, |q| {
        let (k, v) = (like(q, k), like(q, v));
        let scale = call.float("scale", 1.0 / (q.dim(-1) as f64).sqrt());
        if !call.has("score_mod") && !call.has("prob_mod") {
            let options = AttentionOptions::new().scale(scale);
            return one(x.with(&q.scaled_dot_product_attention(&k, &v, &options)));
        }
        let each = q.dim(1) / k.dim(1);
        let (k, v) = (k.repeat_interleave(each, 1), v.repeat_interleave(each, 1));
        let scores = changed(call, "score_mod", &q.matmul(&k.transpose(-2, -1)).mul_scalar(scale))?;
        one(x.with(&changed(call, "prob_mod", &scores.softmax(-1))?.matmul(&v)))
    })
}
