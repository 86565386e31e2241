//! Running sums and products, the largest few, different elements, places of what is not nought. It must never know what the
//! elements mean.

use gradus_tensor::{AnyTensor, Element, Number, Tensor};

use super::Mapping;
use super::shape::{permuted, reshaped};
use crate::call::{Answer, Call, all, one};
use crate::value::{Array, Result, failed, on_any, on_numbers};

pub(super) const TABLE: &[(&str, Mapping)] = &[
    ("CumProd", |c| running(c, false)),
    ("CumSum", |c| running(c, true)),
    ("NonZero", nonzero),
    ("TopK", top_k),
    ("Unique", unique),
];

fn running(call: &Call, sum: bool) -> Answer {
    let x = call.array(0)?;
    let axis = x.axis(call.array(1)?.cast::<i64>().reshape([]).item())? as isize;
    let (reverse, exclusive) = (call.flag("reverse", false), call.flag("exclusive", false));
    on_numbers!(x, |t| {
        let y = if sum { t.cumsum(axis, reverse) } else { t.cumprod(axis, reverse) };
        one(x.with(&if exclusive { shifted(&y, axis, reverse, sum) } else { y }))
    })
}

/// Moved one place on, from nothing's sum or product.
fn shifted<T: Number>(x: &Tensor<T>, axis: isize, back: bool, sum: bool) -> Tensor<T> {
    let length = x.dim(axis);
    let mut widths = vec![(0, 0); x.rank()];
    widths[axis as usize] = if back { (0, 1) } else { (1, 0) };
    x.narrow(axis, usize::from(back), length - 1).pad(&widths, if sum { T::ZERO } else { T::ONE })
}

fn nonzero(call: &Call) -> Answer {
    let x = call.array(0)?;
    one(x.cast::<bool>().nonzero().t())
}

fn top_k(call: &Call) -> Answer {
    let x = call.array(0)?;
    let axis = x.axis(call.int("axis", -1))? as isize;
    let k = call.maybe(1).map_or(call.int("k", 0), |k| k.cast::<i64>().reshape([]).item()).max(0) as usize;
    on_any!(x, |t| {
        let (values, places) = t.top_k(k, axis, call.flag("largest", true), call.flag("sorted", true));
        all([x.with(&values), places.into()])
    })
}

/// Which of the different rows of `[N, M]` each one is, in lexicographic order: column by column, from the number that the
/// columns before have given it.
fn row_ranks<T: Element>(rows: &Tensor<T>) -> Tensor<i64> {
    let mut ranks = Tensor::<i64>::zeros([rows.dim(0)]);
    for column in 0..rows.dim(1) {
        let by_column = rows.select(1, column).unique();
        ranks = (ranks * by_column.values.len() as i64 + &by_column.inverse).unique().inverse;
    }
    ranks
}

fn unique(call: &Call) -> Answer {
    let x = call.array(0)?;
    let (parts, axis) = match call.has("axis") {
        true => (x.clone(), x.axis(call.int("axis", 0))?),
        false => (reshaped(x, [x.len()]), 0),
    };
    let mut order: Vec<usize> = (0..parts.rank()).filter(|&a| a != axis).collect();
    order.insert(0, axis);
    let rows = permuted(&parts, &order);
    let count = rows.shape()[0];
    let rows = reshaped(&rows, [count, rows.len() / count.max(1)]);
    let ranks = on_any!(rows, |t| row_ranks(t)).unique();
    // Where each of the different parts stands first.
    let mut first = vec![i64::MAX; ranks.values.len()];
    for (place, &rank) in ranks.inverse.to_vec().iter().enumerate() {
        let Some(first) = first.get_mut(rank as usize) else { return failed("Unique: no such rank") };
        *first = (*first).min(place as i64);
    }
    let mut first = Tensor::from(first);
    let (mut inverse, mut counts) = (ranks.inverse, ranks.counts);
    if !call.flag("sorted", true) {
        let by_place = first.argsort(0, false);
        let mut place_of = by_place.clone();
        by_place
            .to_vec()
            .iter()
            .zip(0..)
            .for_each(|(&rank, place)| place_of.make_mut()[rank as usize] = place);
        inverse = place_of.index_select(0, &inverse);
        (first, counts) = (first.index_select(0, &by_place), counts.index_select(0, &by_place));
    }
    let y = picked(&parts, axis, &first)?;
    all([y, first.into(), inverse.into(), counts.into()])
}

fn picked(x: &Array, axis: usize, index: &Tensor<i64>) -> Result<Array> {
    Ok(Array { kind: x.kind, data: on_any!(x, |t| AnyTensor::new(&t.index_select(axis as isize, index))) })
}
