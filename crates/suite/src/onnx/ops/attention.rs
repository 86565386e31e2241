//! Attention and rotary positions. Where the library's fused attention says all that the node says it is used; else the
//! products are written out. It must never know layers.

use gradus_tensor::{AnyTensor, AttentionOptions, Element, Float, Tensor};

use super::Mapping;
use super::binary::like;
use crate::call::{Answer, Call, all, one};
use crate::value::{Array, Result, failed, on_floats, unmapped};

pub(super) const TABLE: &[(&str, Mapping)] = &[("Attention", attention), ("RotaryEmbedding", rotary)];

/// `[B, L, heads·E] → [B, heads, L, E]`.
fn heads<T: Element>(x: &Tensor<T>, count: i64) -> Result<Tensor<T>> {
    match x.shape()[..] {
        [_, _, _, _] => Ok(x.clone()),
        [batch, length, width] if count > 0 => {
            let count = count as usize;
            Ok(x.reshape([batch, length, count, width / count]).transpose(1, 2))
        }
        _ => failed(format!("Attention: {} with {count} heads", x.shape())),
    }
}

fn attention(call: &Call) -> Answer {
    let (x, k, v) = (call.array(0)?, call.array(1)?, call.array(2)?);
    if call.int("left_window_size", -1) >= 0 || call.int("right_window_size", -1) >= 0 {
        return unmapped("attention in a sliding window");
    }
    on_floats!(x, |t| {
        let q = heads(t, call.int("q_num_heads", 0))?;
        let mut k = heads(&like(t, k), call.int("kv_num_heads", 0))?;
        let mut v = heads(&like(t, v), call.int("kv_num_heads", 0))?;
        let mut past = 0;
        if let (Some(old_k), Some(old_v)) = (call.tensor(4), call.tensor(5)) {
            past = old_k.dim(2);
            (k, v) = (Tensor::cat(&[&old_k, &k], 2), Tensor::cat(&[&old_v, &v], 2));
        }
        let bias = bias(call, &q, k.dim(2), past)?;
        let (y, scores) = attend(call, [&q, &k, &v], &bias)?;
        let y = if t.rank() == 3 {
            let [batch, heads, length, width] = y.dims();
            y.transpose(1, 2).reshape([batch, length, heads * width])
        } else {
            y
        };
        let mut outputs = vec![x.with(&y), x.with(&k), x.with(&v)];
        outputs.extend(scores.map(|scores| x.with(&scores)));
        all(outputs)
    })
}

/// All that hides keys, as one sum: 0 where a query sees a key, −∞ where not, and the mask's own numbers.
fn bias<T: Float>(call: &Call, q: &Tensor<T>, keys: usize, past: usize) -> Result<Tensor<T>> {
    let queries = q.dim(2);
    let hidden = |keep: &Tensor<bool>| keep.choose(&Tensor::scalar(T::ZERO), &Tensor::scalar(T::LOWEST));
    let mut bias = Tensor::zeros([queries, keys]);
    if let Some(mask) = call.maybe(3) {
        let mask = match &mask.data {
            AnyTensor::Bool(keep) => hidden(keep),
            _ => like(q, mask),
        };
        let mut widths = vec![(0, 0); mask.rank()];
        widths[mask.rank() - 1].1 = keys - mask.dim(-1);
        bias = &bias + &mask.pad(&widths, T::LOWEST);
    }
    let lengths = call.tensor::<i64>(6).map(|lengths| lengths.reshape([lengths.len(), 1, 1, 1]));
    let place = Tensor::<i64>::arange(keys);
    if call.flag("is_causal", false) {
        // Cached keys come before the queries.
        let first = match (&lengths, past) {
            (Some(lengths), 0) if call.version >= 24 => lengths - queries as i64,
            _ => Tensor::scalar(past as i64),
        };
        let last = Tensor::<i64>::arange(queries).reshape([queries, 1]) + &first;
        bias = &bias + &hidden(&place.less_equal(&last));
    }
    if let Some(lengths) = &lengths {
        bias = &bias + &hidden(&place.less(lengths));
    }
    Ok(bias)
}

/// The answer, and the scores if the node names them.
fn attend<T: Float>(
    call: &Call,
    [q, k, v]: [&Tensor<T>; 3],
    bias: &Tensor<T>,
) -> Result<(Tensor<T>, Option<Tensor<T>>)> {
    let scale = call.float("scale", 1.0 / (q.dim(-1) as f64).sqrt());
    let softcap = call.float("softcap", 0.0);
    if softcap == 0.0 && !call.wants(3) {
        let options = AttentionOptions::new().scale(scale).bias(bias.clone());
        return Ok((q.scaled_dot_product_attention(k, v, &options), None));
    }
    let each = q.dim(1) / k.dim(1);
    let (k, v) = (k.repeat_interleave(each, 1), v.repeat_interleave(each, 1));
    let raw = q.matmul(&k.transpose(-2, -1)).mul_scalar(scale);
    let capped =
        if softcap > 0.0 { raw.mul_scalar(1.0 / softcap).tanh().mul_scalar(softcap) } else { raw.clone() };
    let biased = &capped + bias;
    // A query that sees no key gets nothing.
    let blind = bias.max_axes(&[-1], true).equal(&Tensor::scalar(T::LOWEST));
    let shares = blind.choose(&Tensor::scalar(T::ZERO), &biased.softmax(-1));
    let y = shares.matmul(&v);
    let scores = match call.int("qk_matmul_output_mode", 0) {
        0 => raw,
        1 => capped,
        2 => biased,
        3 => shares,
        mode => return failed(format!("Attention: no such output: {mode}")),
    };
    Ok((y, call.wants(3).then_some(scores)))
}

fn rotary(call: &Call) -> Answer {
    let (x, cos, sin) = (call.array(0)?, call.array(1)?, call.array(2)?);
    on_floats!(x, |t| {
        // Positions before heads: [B, L, heads, E].
        let input = match t.shape()[..] {
            [batch, length, width] => {
                let heads = call.int("num_heads", 0).max(1) as usize;
                t.reshape([batch, length, heads, width / heads])
            }
            _ => t.transpose(1, 2),
        };
        let angles = |cache: &Array| {
            let cache = like(t, cache);
            let Some(positions) = call.maybe(3) else { return cache.unsqueeze(2) };
            let [batch, length] = positions.cast::<i64>().dims();
            let rows = cache.index_select(0, &positions.cast::<i64>().reshape([batch * length]));
            rows.reshape([batch, length, 1, cache.dim(-1)])
        };
        let y = rotated(&input, &angles(cos), &angles(sin), call)?;
        one(x.with(&if t.rank() == 3 { y.reshape(t.shape()) } else { y.transpose(1, 2) }))
    })
}

/// Pairs of the first numbers of each head turned by their angles.
fn rotated<T: Float>(x: &Tensor<T>, cos: &Tensor<T>, sin: &Tensor<T>, call: &Call) -> Result<Tensor<T>> {
    let width = match call.int("rotary_embedding_dim", 0) {
        0 => x.dim(-1),
        width => width as usize,
    };
    let (turned, rest) = (x.narrow(-1, 0, width), x.narrow(-1, width, x.dim(-1) - width));
    let interleaved = call.flag("interleaved", false);
    let (a, b) = if interleaved {
        (turned.slice(-1, 0, width, 2), turned.slice(-1, 1, width, 2))
    } else {
        (turned.narrow(-1, 0, width / 2), turned.narrow(-1, width / 2, width / 2))
    };
    let (real, imaginary) = (cos * &a - &(sin * &b), sin * &a + &(cos * &b));
    let turned = if interleaved {
        Tensor::stack(&[&real, &imaginary], -1).reshape(turned.shape())
    } else {
        Tensor::cat(&[&real, &imaginary], -1)
    };
    Ok(Tensor::cat(&[&turned, &rest], -1))
}
