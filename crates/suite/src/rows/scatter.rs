//! Picking and placing single elements along an axis.

use gradus_tensor::ScatterReduce;
use gradus_testkit::Dense;

use super::index::{count, length, set_length};
use super::{any, filled};
use crate::draw::Draw;
use crate::law::Law::LinearIn;
use crate::row;
use crate::row::Row;

/// A source that is shorter or longer along the axis than what it goes to.
const LARGE: &[&[&[usize]]] = &[&[&[200, 401], &[300, 401]]];

/// All rows. Number 0 is the axis, 1 a length along it, 4 the indices.
pub(super) fn rows() -> Vec<Row> {
    vec![
        row!("gather", any(1, 1), |x, p| x[0].gather(p.axis(0, x[0].rank()), &p.index_tensor(4, &along(p, count(p)), length(p)))
            => gathered(&x[0], p))
        .law(LinearIn(&[0]))
        .large_picks(3),
        row!("scatter_add", any(2, 1), |x, p| x[0].scatter_add(p.axis(0, x[0].rank()), &p.index_tensor(4, &p.shapes[1], length(p)), &x[1])
            => scattered(x, p))
        .fit(|p| set_length(p, 1, 1))
        .law(LinearIn(&[0, 1]))
        .large(LARGE),
        row!("take_along", filled(1, 2, 5), |x, p| x[0].take_along(&p.index_tensor(4, &single(p, 3), length(p)), p.axis(0, x[0].rank()))
            => taken(&x[0], p))
        .law(LinearIn(&[0])),
        row!("scatter", any(2, 1), |x, p| x[0].scatter(p.axis(0, x[0].rank()), &p.index_tensor(4, &p.shapes[1], length(p)), &x[1])
            => met(x, p, |own, new| *new.last().unwrap_or(&own)))
        .fit(|p| set_length(p, 1, 1))
        .law(LinearIn(&[0, 1]))
        .large(LARGE),
        row!("scatter_value", any(2, 1), |x, p| x[0].scatter_value(p.axis(0, x[0].rank()), &p.index_tensor(4, &p.shapes[1], length(p)), 0.75)
            => met(x, p, |own, new| if new.is_empty() { own } else { 0.75 }))
        .fit(|p| set_length(p, 1, 1))
        .large(LARGE),
        row!("scatter_reduce", any(2, 1), |x, p| x[0].scatter_reduce(p.axis(0, x[0].rank()), &p.index_tensor(4, &p.shapes[1], length(p)), &x[1], reduction(p), p.flag(3))
            => met(x, p, |own, new| reduced(own, new, p)))
        .fit(|p| set_length(p, 1, 1))
        .clearance(lead)
        .single_tolerance(4.0)
        .large(&[&[&[280, 280], &[280, 280]]])
        .large_picks(5),
    ]
}

const REDUCTIONS: [ScatterReduce; 5] = [
    ScatterReduce::Sum,
    ScatterReduce::Mean,
    ScatterReduce::Product,
    ScatterReduce::Maximum,
    ScatterReduce::Minimum,
];

fn reduction(p: &Draw) -> ScatterReduce {
    REDUCTIONS[p.below(2, 5)]
}

/// What is at a place after all that is new has met what was there.
fn reduced(own: f64, new: &[f64], p: &Draw) -> f64 {
    if new.is_empty() {
        return own;
    }
    let mut all = new.to_vec();
    if p.flag(3) {
        all.push(own);
    }
    match reduction(p) {
        ScatterReduce::Sum => all.iter().sum(),
        ScatterReduce::Mean => all.iter().sum::<f64>() / all.len() as f64,
        ScatterReduce::Product => all.iter().product(),
        ScatterReduce::Maximum => all.iter().copied().fold(f64::NEG_INFINITY, f64::max),
        ScatterReduce::Minimum => all.iter().copied().fold(f64::INFINITY, f64::min),
    }
}

/// By how much the winner leads where only it counts.
fn lead(x: &[Dense], p: &Draw) -> f64 {
    let sign = match reduction(p) {
        ScatterReduce::Maximum => 1.0,
        ScatterReduce::Minimum => -1.0,
        ScatterReduce::Sum | ScatterReduce::Mean | ScatterReduce::Product => return f64::INFINITY,
    };
    let leads = met(x, p, |own, new| {
        let mut all: Vec<f64> = new.iter().map(|x| sign * x).collect();
        if p.flag(3) {
            all.push(sign * own);
        }
        all.sort_by(f64::total_cmp);
        if let [.., second, first] = all[..] { first - second } else { f64::INFINITY }
    });
    leads.data().iter().copied().fold(f64::INFINITY, f64::min)
}

/// The first input's shape with another length along the axis.
fn along(p: &Draw, length: usize) -> Vec<usize> {
    let mut shape = p.shapes[0].clone();
    shape[p.at(0, p.shapes[0].len())] = length;
    shape
}

fn gathered(x: &Dense, p: &Draw) -> Dense {
    let (axis, shape) = (p.at(0, x.rank()), along(p, count(p)));
    let mut index = p.index(4, shape.iter().product(), length(p)).into_iter();
    Dense::from_fn(&shape, |i| {
        let mut i = i.to_vec();
        i[axis] = index.next().unwrap_or(usize::MAX);
        x.at(&i)
    })
}

/// A shape of ones with a length along the axis.
fn single(p: &Draw, length: usize) -> Vec<usize> {
    let mut shape = vec![1; p.shapes[0].len()];
    shape[p.at(0, p.shapes[0].len())] = length;
    shape
}

fn taken(x: &Dense, p: &Draw) -> Dense {
    let (axis, index) = (p.at(0, x.rank()), p.index(4, 3, length(p)));
    Dense::from_fn(&along(p, 3), |i| {
        let mut i = i.to_vec();
        i[axis] = index[i[axis]];
        x.at(&i)
    })
}

fn scattered(x: &[Dense], p: &Draw) -> Dense {
    met(x, p, |own, new| own + new.iter().sum::<f64>())
}

/// For each place `f` of what x₀ has there and of all that x₁ has for it, in order.
fn met(x: &[Dense], p: &Draw, f: impl Fn(f64, &[f64]) -> f64) -> Dense {
    let axis = p.at(0, x[0].rank());
    let mut index = p.index(4, x[1].data().len(), length(p)).into_iter();
    let places = Dense::from_fn(x[1].shape(), |_| index.next().unwrap_or(usize::MAX) as f64);
    Dense::from_fn(x[0].shape(), |i| {
        let mut j = i.to_vec();
        let mut new = Vec::new();
        for k in 0..x[1].shape()[axis] {
            j[axis] = k;
            if places.at(&j) == i[axis] as f64 {
                new.push(x[1].at(&j));
            }
        }
        f(x[0].at(i), &new)
    })
}
