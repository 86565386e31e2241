//! Views: other shapes, orders and parts of the same elements. It must never know what the elements are.

use gradus_tensor::{AnyTensor, Element, Shape, Tensor};

use super::Mapping;
use crate::call::{Answer, Call, one};
use crate::value::{Array, Result, Value, failed, on_any};

pub(super) const TABLE: &[(&str, Mapping)] = &[
    ("DepthToSpace", depth_to_space),
    ("Expand", expand),
    ("Flatten", flatten),
    ("Identity", |c| Ok(vec![c.value(0)?.clone()])),
    ("Reshape", reshape),
    ("Shape", shape),
    ("Size", |c| one(Tensor::scalar(c.array(0)?.len() as i64))),
    ("Slice", slice),
    ("SpaceToDepth", space_to_depth),
    ("Squeeze", squeeze),
    ("Transpose", transpose),
    ("Unsqueeze", unsqueeze),
];

/// The same elements in another shape.
pub(super) fn reshaped(x: &Array, shape: impl Into<Shape>) -> Array {
    let shape = shape.into();
    Array { kind: x.kind, data: on_any!(x, |t| AnyTensor::new(&t.reshape(shape))) }
}

/// The axes in another order.
pub(super) fn permuted(x: &Array, order: &[usize]) -> Array {
    Array { kind: x.kind, data: on_any!(x, |t| AnyTensor::new(&t.permute(order))) }
}

/// Whole numbers as lengths.
pub(super) fn lengths(numbers: &[i64]) -> Result<Vec<usize>> {
    numbers.iter().map(|&n| usize::try_from(n).or_else(|_| failed(format!("a length of {n}")))).collect()
}

fn reshape(call: &Call) -> Answer {
    let x = call.array(0)?;
    let Some(wanted) = call.ints_or_input("shape", 1) else { return failed("Reshape: no shape") };
    let copies = !call.flag("allowzero", false);
    let mut shape = Vec::new();
    for (axis, &n) in wanted.iter().enumerate() {
        shape.push(if n == 0 && copies { x.shape().get(axis).map_or(0, |&d| d as i64) } else { n });
    }
    if let Some(open) = shape.iter().position(|&n| n == -1) {
        let rest: i64 = shape.iter().filter(|&&n| n != -1).product();
        shape[open] = if rest == 0 { 0 } else { x.len() as i64 / rest };
    }
    one(reshaped(x, lengths(&shape)?))
}

fn flatten(call: &Call) -> Answer {
    let x = call.array(0)?;
    let axis = call.int("axis", 1);
    let axis = if axis < 0 { axis + x.rank() as i64 } else { axis } as usize;
    let (rows, columns) = (x.shape()[..axis].iter().product(), x.shape()[axis..].iter().product());
    one(reshaped(x, [rows, columns]))
}

fn squeeze(call: &Call) -> Answer {
    let x = call.array(0)?;
    let axes: Vec<usize> = match call.ints_or_input("axes", 1) {
        Some(axes) => axes.iter().map(|&axis| x.axis(axis)).collect::<Result<_>>()?,
        None => (0..x.rank()).filter(|&axis| x.shape()[axis] == 1).collect(),
    };
    if let Some(long) = axes.iter().find(|&&axis| x.shape()[axis] != 1) {
        return failed(format!("Squeeze: axis {long} of {}", x.shape()));
    }
    let kept = (0..x.rank()).filter(|axis| !axes.contains(axis)).map(|axis| x.shape()[axis]);
    one(reshaped(x, kept.collect::<Vec<_>>()))
}

fn unsqueeze(call: &Call) -> Answer {
    let x = call.array(0)?;
    let axes = call.ints_or_input("axes", 1).unwrap_or_default();
    let rank = (x.rank() + axes.len()) as i64;
    let new: Vec<i64> = axes.iter().map(|&axis| if axis < 0 { axis + rank } else { axis }).collect();
    let mut old = x.shape().iter();
    let shape: Vec<usize> = (0..rank)
        .map(|axis| if new.contains(&axis) { 1 } else { old.next().copied().unwrap_or(1) })
        .collect();
    one(reshaped(x, shape))
}

fn transpose(call: &Call) -> Answer {
    let x = call.array(0)?;
    let order = match call.ints("perm") {
        Some(order) => lengths(&order)?,
        None => (0..x.rank()).rev().collect(),
    };
    one(permuted(x, &order))
}

fn expand(call: &Call) -> Answer {
    let x = call.array(0)?;
    let wanted = Shape::from(lengths(&call.array(1)?.ints())?);
    let Some(shape) = x.shape().broadcast(&wanted) else {
        return failed(format!("Expand: {} to {wanted}", x.shape()));
    };
    one(on_any!(x, |t| x.with(&t.expand(shape))))
}

fn shape(call: &Call) -> Answer {
    let x = call.array(0)?;
    let rank = x.rank() as i64;
    let clamp = |i: i64| (if i < 0 { i + rank } else { i }).clamp(0, rank) as usize;
    let (start, end) = (clamp(call.int("start", 0)), clamp(call.int("end", rank)));
    let dims: Vec<i64> = x.shape()[start.min(end)..end].iter().map(|&d| d as i64).collect();
    one(Tensor::from(dims))
}

fn slice(call: &Call) -> Answer {
    let x = call.array(0)?;
    let (Some(starts), Some(ends)) = (call.ints_or_input("starts", 1), call.ints_or_input("ends", 2)) else {
        return failed("Slice: no starts or ends");
    };
    let axes = call.ints_or_input("axes", 3).unwrap_or_else(|| (0..starts.len() as i64).collect());
    let steps = call.maybe(4).map_or_else(|| vec![1; starts.len()], Array::ints);
    let mut ranges = Vec::new();
    for (i, &axis) in axes.iter().enumerate() {
        let axis = x.axis(axis)?;
        let (low, high) = range(starts[i], ends[i], steps[i], x.shape()[axis] as i64);
        ranges.push((axis as isize, low, high, steps[i] as isize));
    }
    one(Array { kind: x.kind, data: on_any!(x, |t| AnyTensor::new(&sliced(t, &ranges))) })
}

/// The elements `low .. high` that a walk from `start` to `end` meets, from whichever end.
fn range(start: i64, end: i64, step: i64, length: i64) -> (usize, usize) {
    let from_front = |i: i64| if i < 0 { i.saturating_add(length) } else { i };
    let (start, end) = (from_front(start), from_front(end));
    let (low, high) = if step > 0 {
        (start.clamp(0, length), end.clamp(0, length))
    } else {
        (end.clamp(-1, length - 1) + 1, start.clamp(-1, length - 1) + 1)
    };
    (low as usize, high.max(low) as usize)
}

fn sliced<T: Element>(x: &Tensor<T>, ranges: &[(isize, usize, usize, isize)]) -> Tensor<T> {
    ranges.iter().fold(x.clone(), |x, &(axis, low, high, step)| x.slice(axis, low, high, step))
}

/// Four axes taken apart, reordered and put together again.
fn blocks(x: &Array, apart: &[usize], order: &[usize], together: [usize; 4]) -> Answer {
    Ok(vec![Value::Array(reshaped(&permuted(&reshaped(x, apart), order), together))])
}

fn images<'a>(call: &'a Call) -> Result<(&'a Array, [usize; 4], usize)> {
    let x = call.array(0)?;
    let Ok(dims) = x.shape()[..].try_into() else { return failed(format!("no images: {}", x.shape())) };
    Ok((x, dims, call.int("blocksize", 1).max(1) as usize))
}

fn depth_to_space(call: &Call) -> Answer {
    let (x, [n, c, h, w], b) = images(call)?;
    let depth = c / (b * b);
    let together = [n, depth, h * b, w * b];
    match call.text("mode", "DCR").as_str() {
        "DCR" => blocks(x, &[n, b, b, depth, h, w], &[0, 3, 4, 1, 5, 2], together),
        _ => blocks(x, &[n, depth, b, b, h, w], &[0, 1, 4, 2, 5, 3], together),
    }
}

fn space_to_depth(call: &Call) -> Answer {
    let (x, [n, c, h, w], b) = images(call)?;
    blocks(x, &[n, c, h / b, b, w / b, b], &[0, 3, 5, 1, 2, 4], [n, c * b * b, h / b, w / b])
}

#[cfg(test)]
mod tests {
    use super::range;

    #[test]
    fn ranges_are_those_of_numpy() {
        assert_eq!(range(1, 3, 1, 5), (1, 3));
        assert_eq!(range(-2, i64::MAX, 1, 5), (3, 5));
        assert_eq!(range(4, 2, 1, 5), (4, 4));
        // x[4:1:-1] are elements 4, 3, 2; x[20::-1] all of them.
        assert_eq!(range(4, 1, -1, 5), (2, 5));
        assert_eq!(range(20, i64::MIN, -1, 5), (0, 5));
    }
}
