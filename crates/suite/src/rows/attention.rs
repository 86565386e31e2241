//! Attention: groups of heads, causality, masks, ALiBi and dropout, on their own and on a fused projection.

use gradus_tensor::{AttentionOptions, Float, PackedHeads, Rng, Tensor};
use gradus_testkit::Dense;
use proptest::prelude::*;

use crate::draw::Draw;
use crate::law::Law::LinearIn;
use crate::row;
use crate::row::{Row, Shapes};

/// All rows. Numbers 0 to 4 are causality, offset, mask, ALiBi and dropout; of the fused projection 5 is the grouping.
pub(super) fn rows() -> Vec<Row> {
    vec![
        row!("scaled_dot_product_attention", operands(), |x, p| {
            x[0].scaled_dot_product_attention(&x[1], &x[2], &options(p, &sides(x[0].shape(), x[1].shape())))
        } => attended(&x[0], &x[1], &x[2], p))
        .law(LinearIn(&[2]))
        .large(&[
            &[&[2, 2, 130, 8], &[2, 1, 150, 8], &[2, 1, 150, 5]],
            &[&[1, 1, 70, 3], &[1, 1, 300, 3], &[1, 1, 300, 4]],
        ])
        .large_picks(4)
        .single_tolerance(10.0)
        .rounds_by_isa(),
        row!("attention_weights", operands(), |x, p| {
            x[0].attention_weights(&x[1], &options(p, &sides(x[0].shape(), x[1].shape()))) + x[2].sum() * 0.0
        } => weights(&x[0], &x[1], p))
        .large(&[&[&[2, 2, 130, 8], &[2, 1, 150, 8], &[1]]])
        .large_picks(3)
        .single_tolerance(10.0)
        .rounds_by_isa(),
        row!("multi_head_attention", fused(), |x, p| {
            let heads = grouping(p);
            let rows = x[0].shape()[x[0].rank() - 2];
            x[0].multi_head_attention(heads, &options(p, &[heads.heads, rows, rows]))
        } => attended_rows(&x[0], p))
        .large(&[&[&[2, 130, 36]]])
        .large_picks(3)
        .single_tolerance(10.0)
        .rounds_by_isa(),
    ]
}

/// `[…, H, L, E]`, `[…, K, S, E]`, `[…, K, S, Ev]`, or matrices.
fn operands() -> Shapes {
    let lead = prop::collection::vec(1..=2_usize, 0..=2);
    let heads = (0..=2_usize, 1..=2_usize);
    (lead, heads, 0..=5_usize, 0..=5_usize, 1..=4_usize, 0..=3_usize)
        .prop_map(|(lead, (heads, group), l, s, e, ev)| {
            let with = |heads: usize, tail: [usize; 2]| match heads {
                0 => tail.to_vec(),
                heads => [&lead[..], &[heads], &tail].concat(),
            };
            vec![with(heads * group, [l, e]), with(heads, [s, e]), with(heads, [s, ev])]
        })
        .boxed()
}

/// `[…, T, 12·D]`: twelve slots hold 4 + 2·4, 6 + 2·3, 8 + 2·2 and 10 + 2·1 heads.
fn fused() -> Shapes {
    let lead = prop::collection::vec(1..=2_usize, 0..=2);
    (lead, 0..=5_usize, 1..=2_usize).prop_map(|(lead, t, d)| vec![[&lead[..], &[t, 12 * d]].concat()]).boxed()
}

fn grouping(p: &Draw) -> PackedHeads {
    let key_heads = [4, 3, 2, 1][p.below(5, 4)];
    PackedHeads { heads: 12 - 2 * key_heads, key_heads }
}

/// Heads, queries and keys.
fn sides(q: &[usize], k: &[usize]) -> [usize; 3] {
    let heads = if q.len() > 2 { q[q.len() - 3] } else { 1 };
    [heads, q[q.len() - 2], k[k.len() - 2]]
}

fn slope(head: usize) -> f64 {
    0.25 / (1 + head) as f64
}

fn options<T: Float>(p: &Draw, &[heads, queries, keys]: &[usize; 3]) -> AttentionOptions<T> {
    let mut options = AttentionOptions::new().offset(p.below(1, 3));
    if p.flag(0) {
        options = options.causal();
    }
    if p.below(2, 3) == 1 {
        options = options.mask(p.mask(2, &[queries, keys]).tensor());
    }
    if p.below(2, 3) == 2 {
        options = options.bias(bias(p, queries, keys).tensor());
    }
    if p.flag(3) {
        options = options.alibi(Tensor::from_fn([heads], |at| T::of(slope(at[0]))));
    }
    if p.below(4, 4) == 1 { options.dropout(0.25, &mut dropout_rng()) } else { options }
}

fn dropout_rng() -> Rng {
    Rng::seed(12)
}

/// Some −∞, else multiples of 1/4.
fn bias(p: &Draw, queries: usize, keys: usize) -> Dense {
    let mask = p.mask(2, &[queries, keys]);
    Dense::from_fn(&[queries, keys], |i| {
        if mask.at(i) == 0.0 && i[1] % 2 == 0 {
            f64::NEG_INFINITY
        } else {
            (i[0] % 4) as f64 * 0.25 - (i[1] % 3) as f64 * 0.5
        }
    })
}

fn weights(q: &Dense, k: &Dense, p: &Draw) -> Dense {
    let [heads, queries, keys] = sides(q.shape(), k.shape());
    let own = sides(k.shape(), k.shape())[0];
    let (width, rank) = (q.shape()[q.rank() - 1], q.rank());
    let (mask, bias) = (p.mask(2, &[queries, keys]), bias(p, queries, keys));
    let mut shape = q.shape().to_vec();
    shape[rank - 1] = keys;
    let at = |x: &Dense, lead: &[usize], tail: [usize; 2]| x.at(&[lead, &tail].concat());
    let score = |i: &[usize], j: usize| {
        let (lead, row) = (&i[..rank - 2], i[rank - 2]);
        let mut key_lead = lead.to_vec();
        if let Some(head) = key_lead.last_mut() {
            *head /= heads / own;
        }
        let dot: f64 = (0..width).map(|c| at(q, lead, [row, c]) * at(k, &key_lead, [j, c])).sum();
        let mut score = dot / (width as f64).sqrt();
        let position = (row + p.below(1, 3)) as f64;
        if p.flag(3) {
            score += slope(lead.last().copied().unwrap_or(0)) * (j as f64 - position);
        }
        match p.below(2, 3) {
            1 if mask.at(&[row, j]) == 0.0 => score = f64::NEG_INFINITY,
            2 => score += bias.at(&[row, j]),
            _ => {}
        }
        if p.flag(0) && j as f64 > position { f64::NEG_INFINITY } else { score }
    };
    let powers = Dense::from_fn(&shape, |i| score(i, i[rank - 1]).exp());
    let sums = powers.reduce(&[rank - 1], true, |row| row.iter().sum());
    powers.zip(&sums, |power, sum| if sum == 0.0 { 0.0 } else { power / sum })
}

fn attended(q: &Dense, k: &Dense, v: &Dense, p: &Draw) -> Dense {
    let [heads, queries, keys] = sides(q.shape(), k.shape());
    let own = sides(k.shape(), k.shape())[0];
    let weights = weights(q, k, p);
    let factors = options::<f64>(p, &[heads, queries, keys]).dropout_factors(&weights.shape().into());
    let weights = match factors {
        Some(factors) => weights.zip(&Dense::of(&factors), |weight, factor| weight * factor),
        None => weights,
    };
    let rank = q.rank();
    let mut shape = q.shape().to_vec();
    shape[rank - 1] = v.shape()[rank - 1];
    Dense::from_fn(&shape, |i| {
        let mut key_lead = i[..rank - 2].to_vec();
        if let Some(head) = key_lead.last_mut() {
            *head /= heads / own;
        }
        let term = |j: usize| {
            weights.at(&[&i[..rank - 1], &[j]].concat()) * v.at(&[&key_lead[..], &[j, i[rank - 1]]].concat())
        };
        (0..keys).map(term).sum()
    })
}

fn attended_rows(x: &Dense, p: &Draw) -> Dense {
    let PackedHeads { heads, key_heads } = grouping(p);
    let rank = x.rank();
    let (rows, width) = (x.shape()[rank - 2], x.shape()[rank - 1] / 12);
    let lead = &x.shape()[..rank - 2];
    let batch: usize = lead.iter().product();
    let split = x.reshape(&[batch, rows, 12, width]);
    let part = |first: usize, count: usize| {
        Dense::from_fn(&[batch, count, rows, width], |i| split.at(&[i[0], i[2], first + i[1], i[3]]))
    };
    let out = attended(&part(0, heads), &part(heads, key_heads), &part(heads + key_heads, key_heads), p);
    let merged = Dense::from_fn(&[batch, rows, heads, width], |i| out.at(&[i[0], i[2], i[1], i[3]]));
    merged.reshape(&[lead, &[rows, heads * width]].concat())
}
