//! Views: other shapes, orders and parts of the same elements. All are linear; their gradients are their adjoints.

use gradus_autodiff::Var;
use gradus_testkit::{Dense, shape};
use proptest::prelude::*;

use super::{any, filled};
use crate::draw::Draw;
use crate::law::Law::{Involution, LinearIn};
use crate::row;
use crate::row::{Row, Shapes};

/// All rows. Number 0 is the axis, the others what else there is to choose.
pub(super) fn rows() -> Vec<Row> {
    let rows = [shapes_and_orders(), parts(), windows()].into_iter().flatten();
    rows.map(|row| row.law(LinearIn(&[0])).large_picks(3)).collect()
}

fn shapes_and_orders() -> Vec<Row> {
    vec![
        row!("reshape", any(1, 0), |x, p| x[0].reshape(reversed(x[0].shape())) => x[0].reshape(&reversed(x[0].shape()))),
        row!("reshape", any(1, 0), |x, p| x[0].reshape([1, x[0].len(), 1]) => x[0].reshape(&[1, x[0].data().len(), 1])),
        row!("flatten", any(1, 1), |x, p| x[0].flatten(ends(p).0 as isize, ends(p).1 as isize - x[0].rank() as isize) => flattened(&x[0], ends(p))),
        row!("permute", any(1, 0), |x, p| x[0].permute(&p.order(0, x[0].rank())) => permuted(&x[0], &p.order(0, x[0].rank()))),
        row!("transpose", any(1, 1), |x, p| x[0].transpose(p.axis(0, x[0].rank()), p.axis(1, x[0].rank())) => exchanged(&x[0], p.at(0, x[0].rank()), p.at(1, x[0].rank()))),
        row!("t", any(1, 2), |x, p| x[0].t() => exchanged(&x[0], x[0].rank() - 2, x[0].rank() - 1)).law(Involution),
        row!("expand", any(1, 0), |x, p| x[0].expand(wider(p)) => Dense::from_fn(&wider(p), |i| x[0].stretched_at(i))).large(&[&[&[257, 1, 301]], &[&[1, 300, 250]]]),
        row!("unsqueeze", any(1, 0), |x, p| x[0].unsqueeze(p.axis(0, x[0].rank() + 1)) => x[0].reshape(&with_one(x[0].shape(), p.at(0, x[0].rank() + 1)))),
        row!("squeeze", with_single_axis(), |x, p| x[0].squeeze(single(x[0].shape()) as isize) => x[0].reshape(&without_one(x[0].shape()))).large(&[&[&[257, 1, 301]]]),
        row!("flip", any(1, 1), |x, p| x[0].flip(p.axis(0, x[0].rank())) => mapped(&x[0], p, length(p), |i| length(p) - 1 - i)).law(Involution),
    ]
}

fn parts() -> Vec<Row> {
    vec![
        row!("slice", any(1, 1), |x, p| x[0].slice(p.axis(0, x[0].rank()), range(p).0, range(p).1, range(p).2) => sliced(&x[0], p)),
        row!("narrow", any(1, 1), |x, p| x[0].narrow(p.axis(0, x[0].rank()), range(p).0, range(p).1 - range(p).0)
            => mapped(&x[0], p, range(p).1 - range(p).0, |i| range(p).0 + i)),
        row!("select", filled(1, 1, 5), |x, p| x[0].select(p.axis(0, x[0].rank()), p.below(1, length(p))) => selected(&x[0], p)),
        row!("split", filled(1, 1, 5), |x, p| Var::cat(&x[0].split(1 + p.below(1, length(p)), p.axis(0, x[0].rank())).iter().rev().collect::<Vec<_>>(), p.axis(0, x[0].rank()))
            => split_backwards(&x[0], p)),
    ]
}

fn windows() -> Vec<Row> {
    vec![
        row!("unfold", filled(1, 1, 4), |x, p| x[0].unfold(p.axis(0, x[0].rank()), window(p).0, window(p).1) => unfolded(&x[0], p)),
        row!("diagonal", any(1, 2), |x, p| x[0].diagonal(p.below(2, 7) as isize - 3, p.axis(0, x[0].rank()), other_axis(p) as isize) => diagonal(&x[0], p)),
    ]
}

/// The first input's length along the axis.
fn length(p: &Draw) -> usize {
    p.shapes[0][p.at(0, p.shapes[0].len())]
}

fn reversed(shape: &[usize]) -> Vec<usize> {
    shape.iter().rev().copied().collect()
}

/// The first and the last of the axes to merge.
fn ends(p: &Draw) -> (usize, usize) {
    let first = p.at(0, p.shapes[0].len());
    (first, first + p.below(1, p.shapes[0].len() - first))
}

fn flattened(x: &Dense, (first, last): (usize, usize)) -> Dense {
    let merged = x.shape()[first..=last].iter().product();
    x.reshape(&[&x.shape()[..first], &[merged], &x.shape()[last + 1..]].concat())
}

fn permuted(x: &Dense, order: &[usize]) -> Dense {
    let shape: Vec<usize> = order.iter().map(|&a| x.shape()[a]).collect();
    Dense::from_fn(&shape, |i| {
        let mut source = vec![0; i.len()];
        order.iter().zip(i).for_each(|(&a, &i)| source[a] = i);
        x.at(&source)
    })
}

fn exchanged(x: &Dense, a: usize, b: usize) -> Dense {
    let mut order: Vec<usize> = (0..x.rank()).collect();
    order.swap(a, b);
    permuted(x, &order)
}

/// Up to two more axes in front, and axes of length 1 stretched to 3.
fn wider(p: &Draw) -> Vec<usize> {
    let stretched = p.shapes[0].iter().map(|&d| if d == 1 && p.flag(1) { 3 } else { d });
    std::iter::repeat_n(2, p.below(0, 3)).chain(stretched).collect()
}

fn with_one(shape: &[usize], at: usize) -> Vec<usize> {
    [&shape[..at], &[1], &shape[at..]].concat()
}

fn with_single_axis() -> Shapes {
    (shape(0..=4), 0..5_usize).prop_map(|(shape, at)| vec![with_one(&shape, at.min(shape.len()))]).boxed()
}

/// The first axis of length 1.
fn single(shape: &[usize]) -> usize {
    shape.iter().position(|&d| d == 1).unwrap_or(usize::MAX)
}

fn without_one(shape: &[usize]) -> Vec<usize> {
    let at = single(shape);
    [&shape[..at], &shape[at + 1..]].concat()
}

/// Start, end and step along the axis.
fn range(p: &Draw) -> (usize, usize, isize) {
    let start = p.below(1, length(p) + 1);
    (start, start + p.below(2, length(p) - start + 1), [1, 2, 3, -1, -2][p.below(3, 5)])
}

/// The array whose elements along the axis are those at `from` of their place.
fn mapped(x: &Dense, p: &Draw, count: usize, from: impl Fn(usize) -> usize) -> Dense {
    let axis = p.at(0, x.rank());
    let mut shape = x.shape().to_vec();
    shape[axis] = count;
    Dense::from_fn(&shape, |i| {
        let mut i = i.to_vec();
        i[axis] = from(i[axis]);
        x.at(&i)
    })
}

fn sliced(x: &Dense, p: &Draw) -> Dense {
    let (start, end, step) = range(p);
    let places: Vec<usize> = if step > 0 {
        (start..end).step_by(step.unsigned_abs()).collect()
    } else {
        (start..end).rev().step_by(step.unsigned_abs()).collect()
    };
    mapped(x, p, places.len(), |i| places[i])
}

fn selected(x: &Dense, p: &Draw) -> Dense {
    let axis = p.at(0, x.rank());
    let rest = [&x.shape()[..axis], &x.shape()[axis + 1..]].concat();
    mapped(x, p, 1, |_| p.below(1, length(p))).reshape(&rest)
}

/// The pieces of a split, joined last to first.
fn split_backwards(x: &Dense, p: &Draw) -> Dense {
    let size = 1 + p.below(1, length(p));
    let places: Vec<usize> = (0..length(p)).collect();
    let places: Vec<usize> = places.chunks(size).rev().flatten().copied().collect();
    mapped(x, p, places.len(), |i| places[i])
}

/// Size and step of the windows.
fn window(p: &Draw) -> (usize, usize) {
    (1 + p.below(1, length(p)), 1 + p.below(2, 3))
}

fn unfolded(x: &Dense, p: &Draw) -> Dense {
    let (axis, (size, step)) = (p.at(0, x.rank()), window(p));
    let mut shape = x.shape().to_vec();
    shape[axis] = (length(p) - size) / step + 1;
    shape.push(size);
    Dense::from_fn(&shape, |i| {
        let mut source = i[..x.rank()].to_vec();
        source[axis] = i[axis] * step + i[x.rank()];
        x.at(&source)
    })
}

/// An axis other than the first one chosen.
fn other_axis(p: &Draw) -> usize {
    let rank = p.shapes[0].len();
    (p.at(0, rank) + 1 + p.below(1, rank - 1)) % rank
}

fn diagonal(x: &Dense, p: &Draw) -> Dense {
    let (first, second, offset) = (p.at(0, x.rank()), other_axis(p), p.below(2, 7) as isize - 3);
    let (down, right) = ((-offset).max(0) as usize, offset.max(0) as usize);
    let rows = x.shape()[first].saturating_sub(down);
    let others: Vec<usize> = (0..x.rank()).filter(|&a| a != first && a != second).collect();
    let mut shape: Vec<usize> = others.iter().map(|&a| x.shape()[a]).collect();
    shape.push(rows.min(x.shape()[second].saturating_sub(right)));
    Dense::from_fn(&shape, |i| {
        let mut source = vec![0; x.rank()];
        others.iter().zip(i).for_each(|(&a, &i)| source[a] = i);
        (source[first], source[second]) = (i[others.len()] + down, i[others.len()] + right);
        x.at(&source)
    })
}
