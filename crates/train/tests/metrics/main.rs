//! Every metric against what scikit-learn, seqeval, sacrebleu, pycocotools and others said of the same data, recorded by
//! `reference/make_metrics.py`; in one batch, in random batches, and in two halves that are merged.

#![allow(clippy::unwrap_used)] // helpers outside #[test] are test code too

mod classes;
mod found;
mod texts;

use gradus_tensor::{Rng, Tensor};
use gradus_train::metrics::{Average, Scores};
use serde_json::Value;

/// Rounding of double precision.
const CLOSE: f64 = 1e-12;
/// torchmetrics calculates some of its values in single precision.
const SINGLE: f64 = 1e-6;

/// The data and the results of one part.
struct Part {
    data: Value,
    want: Value,
}

fn part(name: &str) -> Part {
    let all: Value = serde_json::from_str(include_str!("../reference/metrics.json")).unwrap();
    Part { data: all[name]["data"].clone(), want: all[name]["want"].clone() }
}

/// All numbers in a list, whatever its nesting.
fn flat(value: &Value) -> Vec<f64> {
    match value {
        Value::Array(values) => values.iter().flat_map(flat).collect(),
        number => vec![number.as_f64().unwrap()],
    }
}

fn rows(value: &Value) -> Vec<Vec<f64>> {
    value.as_array().unwrap().iter().map(flat).collect()
}

fn whole(value: &Value) -> Vec<i64> {
    flat(value).into_iter().map(|x| x as i64).collect()
}

/// `[N, C]` of some rows.
fn matrix(rows: &[Vec<f64>]) -> Tensor<f64> {
    Tensor::new([rows.len(), rows.first().map_or(0, Vec::len)], &rows.concat())
}

#[track_caller]
fn close(have: f64, want: &Value, tolerance: f64) {
    let want = want.as_f64().unwrap();
    assert!((have - want).abs() <= tolerance * want.abs().max(1.0), "{have} ≠ {want}");
}

#[track_caller]
fn all_close(have: &[f64], want: &Value) {
    let want = flat(want);
    assert_eq!(have.len(), want.len());
    for (have, want) in have.iter().zip(want) {
        assert!((have - want).abs() <= CLOSE * want.abs().max(1.0), "{have} ≠ {want}");
    }
}

fn list(scores: Scores) -> [f64; 3] {
    [scores.precision, scores.recall, scores.f1]
}

const AVERAGES: [(&str, Average); 3] =
    [("macro", Average::Macro), ("micro", Average::Micro), ("weighted", Average::Weighted)];

/// The samples 0 .. `count` fed in one batch, in random batches (empty ones among them), and as two halves that are
/// merged. The first two must give equal measures, bit for bit; `check` judges all three.
#[track_caller]
fn however_cut<M: Clone + PartialEq + std::fmt::Debug>(
    count: usize,
    new: &M,
    update: impl Fn(&mut M, std::ops::Range<usize>),
    merge: impl Fn(&mut M, &M),
    check: impl Fn(&M),
) {
    let mut at_once = new.clone();
    update(&mut at_once, 0..count);
    check(&at_once);
    let mut rng = Rng::seed(count as u64);
    for _ in 0..3 {
        let (mut cut, mut start) = (new.clone(), 0);
        while start < count {
            let end = (start + rng.below(count / 3 + 2)).min(count);
            update(&mut cut, start..end);
            start = end;
        }
        assert_eq!(cut, at_once);
    }
    let middle = count / 3;
    let (mut merged, mut rest) = (new.clone(), new.clone());
    update(&mut merged, 0..middle);
    update(&mut rest, middle..count);
    merge(&mut merged, &rest);
    check(&merged);
    // An empty measure changes nothing, on either side.
    merge(&mut merged, new);
    check(&merged);
    let mut empty = new.clone();
    merge(&mut empty, &at_once);
    check(&empty);
}
