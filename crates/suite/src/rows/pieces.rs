//! Pieces of an axis, moved and turned axes, diagonals, repetition, padding by own elements.

use gradus_autodiff::Var;
use gradus_tensor::PadMode;
use gradus_testkit::Dense;

use super::{any, filled};
use crate::draw::Draw;
use crate::law::Law::LinearIn;
use crate::row;
use crate::row::Row;

const MODES: [PadMode; 5] =
    [PadMode::Reflect, PadMode::Symmetric, PadMode::Replicate, PadMode::Circular, PadMode::Zeros];

/// All rows. Number 0 is the axis. All are linear.
pub(super) fn rows() -> Vec<Row> {
    let rows = vec![
        row!("movedim", any(1, 1), |x, p| x[0].movedim(p.axis(0, x[0].rank()), p.axis(1, x[0].rank())) => moved(&x[0], p.at(0, x[0].rank()), p.at(1, x[0].rank()))),
        row!("squeeze_all", any(1, 0), |x, p| x[0].squeeze_all() => x[0].reshape(&x[0].shape().iter().copied().filter(|&n| n != 1).collect::<Vec<_>>())),
        row!("rot90", any(1, 2), |x, p| x[0].rot90(p.below(2, 9) as isize - 4, p.axis(0, x[0].rank()), second(p) as isize) => turned(&x[0], p)),
        row!("diag_embed", filled(1, 1, 3), |x, p| x[0].diag_embed(p.below(2, 7) as isize - 3) => embedded(&x[0], p.below(2, 7) as isize - 3)).large(&[&[&[9, 60]]]).rounds_by_isa(),
        row!("chunk", any(1, 1), |x, p| backwards(x[0].chunk(1 + p.below(1, 4), p.axis(0, x[0].rank())), p) => pieces_backwards(&x[0], p, &chunks(p))),
        row!("split_sizes", any(1, 1), |x, p| backwards(x[0].split_sizes(&sizes(p), p.axis(0, x[0].rank())), p) => pieces_backwards(&x[0], p, &sizes(p))),
        row!("tensor_split", any(1, 1), |x, p| backwards(x[0].tensor_split(&[p.below(1, 5), p.below(1, 5) + p.below(2, 4)], p.axis(0, x[0].rank())), p)
            => pieces_backwards(&x[0], p, &between(p))),
        row!("tile", any(1, 0), |x, p| x[0].tile(&counts(p)) => tiled(&x[0], &counts(p))),
        row!("repeat_interleave", any(1, 1), |x, p| x[0].repeat_interleave(p.below(1, 4), p.axis(0, x[0].rank()))
            => along(&x[0], p.at(0, x[0].rank()), &(0..length(p) * p.below(1, 4)).map(|i| i / p.below(1, 4)).collect::<Vec<_>>())),
        row!("pad_with", filled(1, 1, 4), |x, p| x[0].pad_with(&widths(p), mode(p)) => padded(&x[0], p)),
    ];
    rows.into_iter().map(|row| row.law(LinearIn(&[0])).large_picks(3)).collect()
}

fn length(p: &Draw) -> usize {
    p.shapes[0][p.at(0, p.shapes[0].len())]
}

/// An axis other than number 0's.
fn second(p: &Draw) -> usize {
    let rank = p.shapes[0].len();
    (p.at(0, rank) + 1 + p.below(1, rank - 1)) % rank
}

fn moved(x: &Dense, from: usize, to: usize) -> Dense {
    let mut order: Vec<usize> = (0..x.rank()).filter(|&a| a != from).collect();
    order.insert(to, from);
    let shape: Vec<usize> = order.iter().map(|&a| x.shape()[a]).collect();
    Dense::from_fn(&shape, |i| {
        let mut source = vec![0; i.len()];
        order.iter().zip(i).for_each(|(&a, &i)| source[a] = i);
        x.at(&source)
    })
}

/// One right angle after the other: (i, j) of the result is (j, n − 1 − i) of the source.
fn turned(x: &Dense, p: &Draw) -> Dense {
    let (a, b) = (p.at(0, x.rank()), second(p));
    let turns = (p.below(2, 9) as isize - 4).rem_euclid(4);
    (0..turns).fold(x.clone(), |x, _| {
        let mut shape = x.shape().to_vec();
        shape.swap(a, b);
        Dense::from_fn(&shape, |i| {
            let mut source = i.to_vec();
            (source[a], source[b]) = (i[b], x.shape()[b] - 1 - i[a]);
            x.at(&source)
        })
    })
}

fn embedded(x: &Dense, offset: isize) -> Dense {
    let last = x.rank() - 1;
    let side = x.shape()[last] + offset.unsigned_abs();
    Dense::from_fn(&[&x.shape()[..last], &[side, side]].concat(), |i| {
        let (row, column) = (i[last], i[last + 1]);
        if column as isize - row as isize == offset {
            x.at(&[&i[..last], &[row.min(column)]].concat())
        } else {
            0.0
        }
    })
}

/// The pieces joined last to first.
fn backwards<T: gradus_tensor::Float>(pieces: Vec<Var<T>>, p: &Draw) -> Var<T> {
    Var::cat(&pieces.iter().rev().collect::<Vec<_>>(), p.axis(0, p.shapes[0].len()))
}

fn pieces_backwards(x: &Dense, p: &Draw, sizes: &[usize]) -> Dense {
    let mut places = Vec::new();
    let mut end = x.shape()[p.at(0, x.rank())];
    for size in sizes.iter().rev() {
        places.extend(end - size..end);
        end -= size;
    }
    along(x, p.at(0, x.rank()), &places)
}

fn chunks(p: &Draw) -> Vec<usize> {
    let size = length(p).div_ceil(1 + p.below(1, 4)).max(1);
    (0..length(p)).step_by(size).map(|at| size.min(length(p) - at)).collect()
}

fn sizes(p: &Draw) -> Vec<usize> {
    let first = p.below(1, length(p) + 1);
    vec![first, 0, length(p) - first]
}

fn between(p: &Draw) -> Vec<usize> {
    let first = p.below(1, 5).min(length(p));
    let last = (p.below(1, 5) + p.below(2, 4)).min(length(p));
    vec![first, last - first, length(p) - last]
}

fn counts(p: &Draw) -> Vec<usize> {
    let axes = p.shapes[0].len();
    let more = usize::from(p.flag(1) && axes < 5);
    (0..axes + more)
        .map(|k| p.below(k % 6, 4))
        .map(|count| if axes > 3 { count.min(1) } else { count })
        .collect()
}

fn tiled(x: &Dense, counts: &[usize]) -> Dense {
    let lead = counts.len() - x.rank();
    let shape: Vec<usize> =
        counts.iter().enumerate().map(|(k, c)| if k < lead { *c } else { c * x.shape()[k - lead] }).collect();
    Dense::from_fn(&shape, |i| x.at(&i[lead..].iter().zip(x.shape()).map(|(i, n)| i % n).collect::<Vec<_>>()))
}

/// The elements at `places` of an axis.
fn along(x: &Dense, axis: usize, places: &[usize]) -> Dense {
    let mut shape = x.shape().to_vec();
    shape[axis] = places.len();
    Dense::from_fn(&shape, |i| {
        let mut i = i.to_vec();
        i[axis] = places[i[axis]];
        x.at(&i)
    })
}

fn mode(p: &Draw) -> PadMode {
    MODES[p.below(1, 5)]
}

/// As wide as the axis allows, or less.
fn widths(p: &Draw) -> Vec<(usize, usize)> {
    let most = |n: usize| if mode(p) == PadMode::Reflect { n - 1 } else { n };
    let pair = |(k, &n): (usize, &usize)| {
        (p.below(k % 5 + 1, most(n) + 1).min(3), p.below(k % 4 + 2, most(n) + 1).min(3))
    };
    p.shapes[0].iter().enumerate().map(pair).collect()
}

/// Walks from the edge step by step, turning where the mode says so; what stands nowhere is nought.
fn padded(x: &Dense, p: &Draw) -> Dense {
    let widths = widths(p);
    let source = |place: isize, n: isize| match mode(p) {
        PadMode::Zeros => place,
        PadMode::Replicate => place.max(0).min(n - 1),
        PadMode::Circular => (place + n) % n,
        PadMode::Symmetric => {
            if place < 0 {
                -place - 1
            } else if place >= n {
                n - 1 - (place - n)
            } else {
                place
            }
        }
        PadMode::Reflect => {
            if place < 0 {
                -place
            } else if place >= n {
                n - 2 - (place - n)
            } else {
                place
            }
        }
    };
    let shape: Vec<usize> = x.shape().iter().zip(&widths).map(|(n, (a, b))| n + a + b).collect();
    Dense::from_fn(&shape, |i| {
        let places = i.iter().zip(&widths).zip(x.shape());
        let at: Option<Vec<usize>> = places
            .map(|((&i, &(before, _)), &n)| {
                let at = source(i as isize - before as isize, n as isize);
                usize::try_from(at).ok().filter(|&at| at < n)
            })
            .collect();
        at.map_or(0.0, |at| x.at(&at))
    })
}
