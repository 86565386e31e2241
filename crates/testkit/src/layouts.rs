//! One logical tensor in many memory layouts. What lies between its elements is NaN, so that a read outside shows.

use gradus_tensor::{Element, Tensor};

/// A tensor laid out in some way, and its dense row-major twin.
pub struct Laid<T: Element> {
    /// What the layout is.
    pub name: &'static str,
    /// The twin.
    pub dense: Tensor<T>,
    /// The same elements in that layout.
    pub laid: Tensor<T>,
}

/// Makes one layout when it is asked to.
type Maker<'a, T> = (&'static str, Box<dyn Fn(&Tensor<T>) -> Tensor<T> + 'a>);

/// `x` in every layout that its rank admits: transposed, rotated axes, every second element, backwards, at an offset in
/// a larger buffer, and stretched (there the elements repeat, so the twin is not `x` itself).
#[must_use]
pub fn layout_variants<T: Element>(x: &Tensor<T>) -> Vec<Laid<T>> {
    some_layout_variants(x, usize::MAX, |_| 0)
}

/// At most `count` of [`layout_variants`], those that `pick` (a number below its argument) leaves; the others are not made.
#[must_use]
pub fn some_layout_variants<T: Element>(
    x: &Tensor<T>,
    count: usize,
    mut pick: impl FnMut(usize) -> usize,
) -> Vec<Laid<T>> {
    let dense = Tensor::from_fn(*x.shape(), |i| x.at(i));
    let rank = dense.rank();
    let mut makers: Vec<Maker<'_, T>> = vec![
        ("at an offset", Box::new(offset)),
        ("flipped", Box::new(flipped)),
        ("every second element", Box::new(|x| spread(x, 2))),
        ("every third element backwards", Box::new(|x| spread(x, -3))),
    ];
    if rank > 1 {
        makers.push(("transposed", Box::new(move |x| ordered(x, &(0..rank).rev().collect::<Vec<_>>()))));
    }
    if rank > 2 {
        let rotated = move |x: &Tensor<T>| ordered(x, &(0..rank).map(|a| (a + 1) % rank).collect::<Vec<_>>());
        makers.push(("axes rotated", Box::new(rotated)));
    }
    let stretches = [("first", 0..1), ("last", rank.max(1) - 1..rank), ("every", 0..rank)];
    let fixed = makers.len();
    let all = fixed + if rank > 0 && !dense.is_empty() { stretches.len() } else { 0 };
    let mut chosen: Vec<usize> = (0..all).collect();
    while chosen.len() > count {
        chosen.swap_remove(pick(chosen.len()));
    }
    let make = |k: usize| match makers.get(k) {
        Some((name, make)) => Laid { name, laid: make(&dense), dense: dense.clone() },
        None => {
            let (name, axes) = stretches[k - fixed].clone();
            stretched(&dense, name, |axis| axes.contains(&axis))
        }
    };
    chosen.into_iter().map(make).collect()
}

fn offset<T: Element>(x: &Tensor<T>) -> Tensor<T> {
    let outside = T::of_f64(f64::NAN);
    let shape = x.shape().insert(0, 3);
    Tensor::from_fn(shape, |i| if i[0] == 1 { x.at(&i[1..]) } else { outside }).select(0, 1)
}

fn flipped<T: Element>(x: &Tensor<T>) -> Tensor<T> {
    let mirror =
        |i: &[usize]| -> Vec<usize> { i.iter().zip(x.shape().iter()).map(|(i, d)| d - 1 - i).collect() };
    let mut out = Tensor::from_fn(*x.shape(), |i| x.at(&mirror(i)));
    for axis in 0..x.rank() {
        out = out.flip(axis as isize);
    }
    out
}

/// Every `step`-th element of a larger buffer, along each axis; backwards if `step` is negative.
fn spread<T: Element>(x: &Tensor<T>, step: isize) -> Tensor<T> {
    let (outside, gap) = (T::of_f64(f64::NAN), step.unsigned_abs());
    let mut shape = *x.shape();
    shape.iter_mut().for_each(|length| *length = *length * gap + 1);
    // Of the range 1 .. n·gap + 1 a walk forwards takes 1, 1 + gap, …, one backwards n·gap, (n − 1)·gap, …
    let place = |(&i, &n): (&usize, &usize)| match (step > 0, i) {
        (true, i) if i % gap == 1 => Some(i / gap),
        (false, i) if i > 0 && i.is_multiple_of(gap) => Some(n - i / gap),
        _ => None,
    };
    let mut out = Tensor::from_fn(shape, |i| {
        let index: Option<Vec<usize>> = i.iter().zip(x.shape().iter()).map(place).collect();
        index
            .filter(|index| index.iter().zip(x.shape().iter()).all(|(i, d)| i < d))
            .map_or(outside, |i| x.at(&i))
    });
    for (axis, &n) in x.shape().iter().enumerate() {
        out = out.slice(axis as isize, 1, n * gap + 1, step);
    }
    out
}

/// Stored with the axes in `order`, read in the old one.
fn ordered<T: Element>(x: &Tensor<T>, order: &[usize]) -> Tensor<T> {
    let dims: Vec<usize> = order.iter().map(|&a| x.shape()[a]).collect();
    let mut back = vec![0; order.len()];
    order.iter().enumerate().for_each(|(to, &from)| back[from] = to);
    let stored = Tensor::from_fn(dims, |i| {
        let index: Vec<usize> = back.iter().map(|&to| i[to]).collect();
        x.at(&index)
    });
    stored.permute(&back)
}

fn stretched<T: Element>(x: &Tensor<T>, which: &'static str, stretches: impl Fn(usize) -> bool) -> Laid<T> {
    let first = |i: &[usize]| -> Vec<usize> {
        i.iter().enumerate().map(|(axis, &i)| if stretches(axis) { 0 } else { i }).collect()
    };
    let mut short = *x.shape();
    short.iter_mut().enumerate().filter(|&(axis, _)| stretches(axis)).for_each(|(_, length)| *length = 1);
    let name = match which {
        "first" => "stretched along the first axis",
        "last" => "stretched along the last axis",
        _ => "one element stretched",
    };
    let laid = Tensor::from_fn(short, |i| x.at(i)).expand(*x.shape());
    Laid { name, dense: Tensor::from_fn(*x.shape(), |i| x.at(&first(i))), laid }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::close::assert_bits_equal;

    #[test]
    fn every_layout_holds_the_same_elements() {
        for dims in [&[][..], &[3], &[0], &[2, 3], &[2, 1, 4], &[2, 0, 3], &[2, 3, 1, 2, 2]] {
            let mut next = 0.0;
            let x = Tensor::from_fn(dims, |_| {
                next += 1.0;
                next
            });
            let variants = layout_variants::<f64>(&x);
            assert!(variants.len() >= 4);
            for Laid { name, dense, laid } in variants {
                let twin = Tensor::from_fn(*laid.shape(), |i| laid.at(i));
                assert_bits_equal(&twin, &dense);
                assert!(name.contains("stretched") || dense == x, "{name}");
            }
        }
    }
}
