//! Joining and picking whole parts: cat, stack, rows by number.

use gradus_autodiff::Var;
use gradus_testkit::Dense;

use super::{any, filled, pair};
use crate::draw::Draw;
use crate::law::Law::LinearIn;
use crate::row;
use crate::row::Row;

/// All rows. Number 0 is the axis; numbers 1 to 3 are lengths along it, 4 the indices.
pub(super) fn rows() -> Vec<Row> {
    vec![
        row!("cat", any(3, 1), |x, p| Var::cat(&[&x[0], &x[1], &x[2]], p.axis(0, x[0].rank())) => joined(x, p.at(0, x[0].rank())))
            .fit(|p| (0..3).for_each(|k| set_length(p, k, k + 1)))
            .law(LinearIn(&[0, 1, 2]))
            .large(&[&[&[130, 401], &[7, 401], &[300, 401]]]),
        row!("stack", any(2, 0), |x, p| Var::stack(&[&x[0], &x[1]], p.axis(0, x[0].rank() + 1)) => stacked(x, p.at(0, x[0].rank() + 1)))
            .law(LinearIn(&[0, 1]))
            .large(&[&[&[3, 130, 301], &[3, 130, 301]]]),
        row!("index_select", any(1, 1), |x, p| x[0].index_select(p.axis(0, x[0].rank()), &p.index_tensor(4, &[count(p)], length(p)))
            => picked(&x[0], p.at(0, x[0].rank()), &p.index(4, count(p), length(p))))
        .law(LinearIn(&[0]))
        .large_picks(3),
        row!("index_add", any(2, 1), |x, p| x[0].index_add(p.axis(0, x[0].rank()), &p.index_tensor(4, &[source_length(p)], length(p)), &x[1])
            => added(x, p.at(0, x[0].rank()), |i| p.index(4, source_length(p), length(p))[i[p.at(0, i.len())]]))
        .fit(|p| set_length(p, 1, 1))
        .law(LinearIn(&[0, 1]))
        .large(&[&[&[200, 401], &[300, 401]]]),
        row!("index_fill", any(1, 1), |x, p| x[0].index_fill(p.axis(0, x[0].rank()), &p.index_tensor(4, &[count(p)], length(p)), 0.75)
            => filled_at(&x[0], p))
        .large_picks(3),
        row!("index_copy", any(2, 1), |x, p| x[0].index_copy(p.axis(0, x[0].rank()), &p.index_tensor(4, &[source_length(p)], length(p)), &x[1])
            => copied(x, p.at(0, x[0].rank()), &p.index(4, source_length(p), length(p))))
        .fit(|p| set_length(p, 1, 1))
        .law(LinearIn(&[0, 1]))
        .large(&[&[&[200, 401], &[300, 401]]]),
        row!("take", filled(1, 0, 5), |x, p| x[0].take(&p.index_tensor(4, &[3, 2], x[0].len()))
            => Dense::from_fn(&[3, 2], |i| x[0].data()[p.index(4, 6, x[0].data().len())[i[0] * 2 + i[1]]]))
        .law(LinearIn(&[0])),
        row!("embedding", filled(1, 2, 2), |x, p| x[0].embedding(&p.index_tensor(4, &[2, 3], x[0].dim(0)))
            => Dense::from_fn(&[2, 3, x[0].shape()[1]], |i| x[0].at(&[p.index(4, 6, x[0].shape()[0])[i[0] * 3 + i[1]], i[2]])))
        .law(LinearIn(&[0]))
        .large(&[&[&[700, 101]]]),
        row!("masked_select", pair(), |x, p| (&x[0] + &x[1]).masked_select(&p.mask(0, &p.shapes[1]).tensor::<bool>())
            => selected(&x[0].zip(&x[1], |a, b| a + b), &p.mask(0, &p.shapes[1])))
        .law(LinearIn(&[0, 1]))
        .large(&[&[&[3, 130, 301], &[130, 1]]]),
        row!("index_select", filled(1, 1, 4), |x, p| x[0].index_select(0, &p.index_tensor(4, &[9], x[0].shape()[0])).exp()
            => picked(&x[0], 0, &p.index(4, 9, x[0].shape()[0])).map(f64::exp))
        .rounds_by_isa(),
    ]
}

/// The length of the first input along the axis.
pub(super) fn length(p: &Draw) -> usize {
    p.shapes[0][p.at(0, p.shapes[0].len())]
}

/// How many parts are picked: none of nothing.
pub(super) fn count(p: &Draw) -> usize {
    if length(p) == 0 { 0 } else { p.below(1, 6) }
}

/// The length of the source along the axis.
pub(super) fn source_length(p: &Draw) -> usize {
    p.shapes[1][p.at(0, p.shapes[1].len())]
}

/// Input `k` gets another length along the axis: what number `from` says, and 0 where the first input has nothing to offer.
pub(super) fn set_length(p: &mut Draw, k: usize, from: usize) {
    let axis = p.at(0, p.shapes[k].len());
    let joins = p.shapes.len() > 2;
    p.shapes[k][axis] = if !joins && length(p) == 0 { 0 } else { p.below(from, 4) };
}

fn joined(x: &[Dense], axis: usize) -> Dense {
    let mut shape = x[0].shape().to_vec();
    shape[axis] = x.iter().map(|x| x.shape()[axis]).sum();
    Dense::from_fn(&shape, |i| {
        let mut i = i.to_vec();
        for part in x {
            if i[axis] < part.shape()[axis] {
                return part.at(&i);
            }
            i[axis] -= part.shape()[axis];
        }
        f64::NAN
    })
}

fn stacked(x: &[Dense], axis: usize) -> Dense {
    let mut shape = x[0].shape().to_vec();
    shape.insert(axis, x.len());
    Dense::from_fn(&shape, |i| {
        let mut i = i.to_vec();
        let part = i.remove(axis);
        x[part].at(&i)
    })
}

fn picked(x: &Dense, axis: usize, index: &[usize]) -> Dense {
    let mut shape = x.shape().to_vec();
    shape[axis] = index.len();
    Dense::from_fn(&shape, |i| {
        let mut i = i.to_vec();
        i[axis] = index[i[axis]];
        x.at(&i)
    })
}

/// x₀ with every element of x₁ added at `to` of its index.
fn added(x: &[Dense], axis: usize, to: impl Fn(&[usize]) -> usize) -> Dense {
    let places = Dense::from_fn(x[1].shape(), |i| to(i) as f64);
    sum_at(x, axis, &places)
}

/// out[i] = x₀[i] + Σ over j along the axis with places[j] = i of x₁[j].
fn sum_at(x: &[Dense], axis: usize, places: &Dense) -> Dense {
    Dense::from_fn(x[0].shape(), |i| {
        let mut j = i.to_vec();
        let mut sum = x[0].at(i);
        for k in 0..x[1].shape()[axis] {
            j[axis] = k;
            if places.at(&j) == i[axis] as f64 {
                sum += x[1].at(&j);
            }
        }
        sum
    })
}

/// x with 0.75 in the drawn parts.
fn filled_at(x: &Dense, p: &Draw) -> Dense {
    let (axis, index) = (p.at(0, x.rank()), p.index(4, count(p), length(p)));
    Dense::from_fn(x.shape(), |i| if index.contains(&i[axis]) { 0.75 } else { x.at(i) })
}

/// x₀ with the parts of x₁ in place; of several for one place the last.
fn copied(x: &[Dense], axis: usize, index: &[usize]) -> Dense {
    Dense::from_fn(x[0].shape(), |i| match index.iter().rposition(|&to| to == i[axis]) {
        Some(k) => x[1].at(&[&i[..axis], &[k], &i[axis + 1..]].concat()),
        None => x[0].at(i),
    })
}

/// The elements where the mask, stretched, is 1.
fn selected(x: &Dense, mask: &Dense) -> Dense {
    let stretched = x.zip(mask, |_, m| m);
    let chosen: Vec<f64> =
        x.data().iter().zip(stretched.data()).filter(|(_, m)| **m == 1.0).map(|(&x, _)| x).collect();
    Dense::from_fn(&[chosen.len()], |i| chosen[i[0]])
}
