//! Picking and placing elements by index. It must never know what the elements mean.

use gradus_tensor::{AnyTensor, Number, ScatterReduce, Tensor};

use super::Mapping;
use super::binary::like;
use super::shape::{permuted, reshaped};
use crate::call::{Answer, Call, one};
use crate::value::{Array, Result, failed, on_any, on_numbers, unmapped};

pub(super) const TABLE: &[(&str, Mapping)] = &[
    ("Compress", compress),
    ("Gather", gather),
    ("GatherElements", gather_elements),
    ("GatherND", gather_nd),
    ("OneHot", one_hot),
    ("ReverseSequence", reverse_sequence),
    ("Scatter", scatter_elements),
    ("ScatterElements", scatter_elements),
    ("ScatterND", scatter_nd),
    ("TensorScatter", tensor_scatter),
];

/// Indices from 0: negative ones count from the end.
fn from_front(index: &Array, length: usize) -> Tensor<i64> {
    let length = length as i64;
    index.cast::<i64>().map(move |i| if i < 0 { i + length } else { i })
}

fn gather(call: &Call) -> Answer {
    let (x, index) = (call.array(0)?, call.array(1)?);
    let axis = x.axis(call.int("axis", 0))?;
    let picks = from_front(index, x.shape()[axis]).reshape([index.len()]);
    let shape = [&x.shape()[..axis], index.shape(), &x.shape()[axis + 1..]].concat();
    on_any!(x, |t| one(x.with(&t.index_select(axis as isize, &picks).reshape(shape))))
}

fn gather_elements(call: &Call) -> Answer {
    let (x, index) = (call.array(0)?, call.array(1)?);
    let axis = x.axis(call.int("axis", 0))?;
    let picks = from_front(index, x.shape()[axis]);
    on_any!(x, |t| one(x.with(&t.gather(axis as isize, &picks))))
}

/// Rows of a flat view that tuples of indices mean: the tuples are the last axis of `index` and count the axes of `dims`
/// after the first `batch` ones, which index and data share.
fn flat_rows(index: &Array, dims: &[usize], batch: usize) -> Result<Tensor<i64>> {
    let Some(&width) = index.shape().last() else { return failed("indices without axes") };
    if batch + width > dims.len() {
        return failed(format!("indices of {width} numbers into {dims:?}"));
    }
    let inner: usize = dims[batch..batch + width].iter().product();
    let tuples = index.ints();
    let count = tuples.len() / width.max(1);
    let shared: usize = dims[..batch].iter().product();
    let per_batch = count / shared.max(1);
    let row = |(i, tuple): (usize, &[i64])| {
        let at = tuple.iter().zip(&dims[batch..]).fold(0, |at, (&i, &d)| {
            let d = d as i64;
            at * d + if i < 0 { i + d } else { i }
        });
        at + (i / per_batch.max(1) * inner) as i64
    };
    Ok(tuples.chunks(width.max(1)).enumerate().map(row).collect())
}

fn gather_nd(call: &Call) -> Answer {
    let (x, index) = (call.array(0)?, call.array(1)?);
    let batch = call.int("batch_dims", 0) as usize;
    let rows = flat_rows(index, x.shape(), batch)?;
    let width = index.shape()[index.rank() - 1];
    let (outer, inner) = x.shape().split_at(batch + width);
    let shape = [&index.shape()[..index.rank() - 1], inner].concat();
    let flat = [outer.iter().product(), inner.iter().product()];
    on_any!(x, |t| one(x.with(&t.reshape(flat).index_select(0, &rows).reshape(shape))))
}

/// How what is placed meets what is there; nothing: it replaces it.
fn reduction(call: &Call) -> Result<Option<ScatterReduce>> {
    Ok(Some(match call.text("reduction", "none").as_str() {
        "none" => return Ok(None),
        "add" => ScatterReduce::Sum,
        "mul" => ScatterReduce::Product,
        "max" => ScatterReduce::Maximum,
        "min" => ScatterReduce::Minimum,
        other => return unmapped(format!("Scatter by {other}")),
    }))
}

fn scatter_elements(call: &Call) -> Answer {
    let (x, index, updates) = (call.array(0)?, call.array(1)?, call.array(2)?);
    let axis = x.axis(call.int("axis", 0))? as isize;
    let reduction = reduction(call)?;
    let places = from_front(index, x.shape()[axis as usize]);
    on_numbers!(x, |t| one(x.with(&scattered(t, axis, &places, &like(t, updates), reduction))))
}

fn scattered<T: Number>(
    x: &Tensor<T>,
    axis: isize,
    places: &Tensor<i64>,
    updates: &Tensor<T>,
    reduction: Option<ScatterReduce>,
) -> Tensor<T> {
    match reduction {
        None => x.scatter(axis, places, updates),
        Some(reduction) => x.scatter_reduce(axis, places, updates, reduction, true),
    }
}

/// `updates` `[K, inner]` placed in rows of `x` `[N, inner]`.
fn placed<T: Number>(
    x: &Tensor<T>,
    rows: &Tensor<i64>,
    updates: &Tensor<T>,
    reduction: Option<ScatterReduce>,
) -> Tensor<T> {
    let places = rows.unsqueeze(1).expand(updates.shape());
    scattered(x, 0, &places, updates, reduction)
}

fn scatter_nd(call: &Call) -> Answer {
    let (x, index, updates) = (call.array(0)?, call.array(1)?, call.array(2)?);
    let reduction = reduction(call)?;
    let rows = flat_rows(index, x.shape(), 0)?;
    let (outer, inner) = x.shape().split_at(index.shape()[index.rank() - 1]);
    let inner: usize = inner.iter().product();
    on_numbers!(x, |t| {
        let flat = t.reshape([outer.iter().product(), inner]);
        let updates = like(t, updates).reshape([rows.len(), inner]);
        one(x.with(&placed(&flat, &rows, &updates, reduction).reshape(x.shape())))
    })
}

/// New entries of a cache, from a position of its own in each sequence on.
fn tensor_scatter(call: &Call) -> Answer {
    let (cache, updates) = (call.array(0)?, call.array(1)?);
    let axis = cache.axis(call.int("axis", -2))?;
    if axis == 0 {
        return failed("TensorScatter along the batch");
    }
    let (length, steps) = (cache.shape()[axis], updates.shape()[axis]);
    let starts = call.maybe(2).map_or_else(|| vec![0; cache.shape()[0]], Array::ints);
    let circular = call.text("mode", "linear") == "circular";
    // Batch and axis come first, all else is a row.
    let mut order: Vec<usize> = (0..cache.rank()).filter(|&a| a != 0 && a != axis).collect();
    order.splice(0..0, [0, axis]);
    let mut back = vec![0; order.len()];
    order.iter().enumerate().for_each(|(i, &a)| back[a] = i);
    let mut rows = Vec::new();
    for (batch, &start) in starts.iter().enumerate() {
        for step in 0..steps as i64 {
            let at = if circular { (start + step).rem_euclid(length as i64) } else { start + step };
            rows.push((batch * length) as i64 + at);
        }
    }
    let (moved, updates) = (permuted(cache, &order), permuted(updates, &order));
    let inner: usize = moved.shape()[2..].iter().product();
    on_numbers!(moved, |t| {
        let flat = t.reshape([cache.shape()[0] * length, inner]);
        let updates = like(t, &updates).reshape([rows.len(), inner]);
        let new = placed(&flat, &rows.into(), &updates, None).reshape(t.shape());
        one(permuted(&moved.with(&new), &back))
    })
}

fn compress(call: &Call) -> Answer {
    let (x, condition) = (call.array(0)?, call.array(1)?.cast::<bool>().to_vec());
    let (x, axis) = match call.has("axis") {
        true => (x.clone(), x.axis(call.int("axis", 0))?),
        false => (reshaped(x, [x.len()]), 0),
    };
    let picks: Tensor<i64> = (0..).zip(&condition).filter(|(_, keep)| **keep).map(|(i, _)| i).collect();
    on_any!(x, |t| one(x.with(&t.index_select(axis as isize, &picks))))
}

fn one_hot(call: &Call) -> Answer {
    let (index, values) = (call.array(0)?, call.array(2)?);
    let depth = call.array(1)?.cast::<i64>().to_vec().first().map_or(0, |&d| d.max(0)) as usize;
    let classes = from_front(index, depth);
    // What is no class lights nothing: it gets a class of its own, which is cut off.
    let inside = classes.map(move |i| if (0..depth as i64).contains(&i) { i } else { depth as i64 });
    let hot = inside.one_hot::<bool>(depth + 1).narrow(-1, 0, depth);
    let rank = hot.rank() as i64;
    let axis = call.int("axis", -1);
    let axis = (if axis < 0 { axis + rank } else { axis }) as usize;
    let mut order: Vec<usize> = (0..hot.rank() - 1).collect();
    order.insert(axis, hot.rank() - 1);
    let hot = hot.permute(&order);
    on_any!(values, |v| one(values.with(&hot.choose(&v.select(0, 1), &v.select(0, 0)))))
}

fn reverse_sequence(call: &Call) -> Answer {
    let (x, lengths) = (call.array(0)?, call.array(1)?.ints());
    let (batch, time) = (call.int("batch_axis", 1) as usize, call.int("time_axis", 0) as usize);
    let index = Tensor::<i64>::from_fn(x.shape(), |i| {
        let (length, at) = (lengths[i[batch]], i[time] as i64);
        if at < length { length - 1 - at } else { at }
    });
    Ok(vec![
        Array { kind: x.kind, data: on_any!(x, |t| AnyTensor::new(&t.gather(time as isize, &index))) }.into(),
    ])
}
