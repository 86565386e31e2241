//! Joining, splitting, repeating, padding. It must never know what the elements are.

use gradus_tensor::{AnyTensor, Element, PadMode, Tensor};

use super::Mapping;
use super::shape::lengths;
use crate::call::{Answer, Call, all, one};
use crate::value::{Array, Result, failed, on_any, unmapped};

pub(super) const TABLE: &[(&str, Mapping)] = &[
    ("CenterCropPad", center_crop_pad),
    ("Concat", |c| one(joined(&c.arrays()?, c.int("axis", 1))?)),
    ("Pad", pad),
    ("Split", split),
    ("Tile", tile),
];

/// The arrays one after the other along an axis.
pub(super) fn joined(arrays: &[&Array], axis: i64) -> Result<Array> {
    let Some(first) = arrays.first() else { return failed("Concat: nothing to join") };
    let axis = first.axis(axis)?;
    Ok(on_any!(first, |t| first.with(&joined_tensors(t, arrays, axis))))
}

fn joined_tensors<T: Element>(_: &Tensor<T>, arrays: &[&Array], axis: usize) -> Tensor<T> {
    let parts: Vec<Tensor<T>> = arrays.iter().map(|array| array.cast()).collect();
    Tensor::cat(&parts.iter().collect::<Vec<_>>(), axis as isize)
}

/// The part `from .. from + length` of an axis.
pub(super) fn part(x: &Array, axis: usize, from: usize, length: usize) -> Array {
    Array { kind: x.kind, data: on_any!(x, |t| AnyTensor::new(&t.narrow(axis as isize, from, length))) }
}

/// Pieces of the given lengths.
pub(super) fn pieces(x: &Array, axis: usize, sizes: &[usize]) -> Result<Vec<Array>> {
    if sizes.iter().sum::<usize>() != x.shape()[axis] {
        return failed(format!("pieces {sizes:?} of {} along axis {axis}", x.shape()));
    }
    let mut from = 0;
    let piece = |&size: &usize| {
        from += size;
        part(x, axis, from - size, size)
    };
    Ok(sizes.iter().map(piece).collect())
}

fn split(call: &Call) -> Answer {
    let x = call.array(0)?;
    let axis = x.axis(call.int("axis", 0))?;
    let sizes = match call.ints_or_input("split", 1) {
        Some(sizes) => lengths(&sizes)?,
        None => {
            let count = call.int("num_outputs", call.node.output.len() as i64).max(1) as usize;
            let (length, size) = (x.shape()[axis], x.shape()[axis].div_ceil(count));
            (0..count).map(|i| size.min(length.saturating_sub(i * size))).collect()
        }
    };
    all(pieces(x, axis, &sizes)?)
}

fn tile(call: &Call) -> Answer {
    let x = call.array(0)?;
    if call.version < 6 {
        return unmapped("Tile along one axis");
    }
    let counts = lengths(&call.array(1)?.ints())?;
    one(on_any!(x, |t| x.with(&t.tile(&counts))))
}

fn pad(call: &Call) -> Answer {
    let x = call.array(0)?;
    let given =
        call.ints("pads").or_else(|| call.ints("paddings")).or_else(|| call.maybe(1).map(Array::ints));
    let Some(given) = given else { return failed("Pad: no widths") };
    let axes = match call.maybe(3) {
        Some(axes) => axes.ints().iter().map(|&axis| x.axis(axis)).collect::<Result<_>>()?,
        None => (0..x.rank()).collect::<Vec<_>>(),
    };
    let mut widths = vec![(0, 0); x.rank()];
    for (i, &axis) in axes.iter().enumerate() {
        widths[axis] = (given[i], given[axes.len() + i]);
    }
    let mode = call.text("mode", "constant");
    on_any!(x, |t| {
        let value = call.tensor(2).map_or_else(|| Element::of_f64(call.float("value", 0.0)), |v| v.item());
        one(x.with(&padded(t, &widths, &mode, value)?))
    })
}

/// Widths may be negative: they crop.
pub(super) fn padded<T: Element>(
    x: &Tensor<T>,
    widths: &[(i64, i64)],
    mode: &str,
    value: T,
) -> Result<Tensor<T>> {
    let mut x = x.clone();
    let mut grow = Vec::new();
    for (axis, &(before, after)) in widths.iter().enumerate() {
        let (cut, end) = ((-before).max(0) as usize, (-after).max(0) as usize);
        x = x.narrow(axis as isize, cut, x.shape()[axis] - cut - end);
        grow.push((before.max(0) as usize, after.max(0) as usize));
    }
    if mode == "constant" {
        return Ok(x.pad(&grow, value));
    }
    let (mode, most): (_, fn(usize) -> usize) = match mode {
        "edge" => (PadMode::Replicate, |_| usize::MAX),
        "wrap" => (PadMode::Circular, |length| length),
        "reflect" => (PadMode::Reflect, |length| length.saturating_sub(1)),
        _ => return unmapped(format!("Pad by {mode}")),
    };
    if grow.iter().zip(x.shape().iter()).any(|(width, &length)| width.0.max(width.1) > most(length)) {
        return unmapped("Pad by more than the axis shows");
    }
    Ok(x.pad_with(&grow, mode))
}

fn center_crop_pad(call: &Call) -> Answer {
    let x = call.array(0)?;
    let wanted = call.array(1)?.ints();
    let axes = call.ints("axes").unwrap_or_else(|| (0..x.rank() as i64).collect());
    let mut widths = vec![(0, 0); x.rank()];
    for (&axis, &want) in axes.iter().zip(&wanted) {
        let axis = x.axis(axis)?;
        let more = want - x.shape()[axis] as i64;
        // The odd element is cut, or added, at the end.
        let before = if more < 0 { -(-more / 2) } else { more / 2 };
        widths[axis] = (before, more - before);
    }
    on_any!(x, |t| one(x.with(&padded(t, &widths, "constant", Element::ZERO)?)))
}
