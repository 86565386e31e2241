//! Reductions over every set of axes.

use gradus_testkit::Dense;

use super::{any, filled, pair};
use crate::draw::Draw;
use crate::law::Law::LinearIn;
use crate::row;
use crate::row::Row;

/// Results far apart, together, few, many: each takes another path.
const LARGE: &[&[&[usize]]] = &[&[&[3, 257, 301]], &[&[70_000, 3]]];

/// All rows.
pub(super) fn rows() -> Vec<Row> {
    vec![
        row!("sum", any(1, 0), |x, p| x[0].sum() => all(&x[0], sum)).single_tolerance(4.0).law(LinearIn(&[0])).large(LARGE),
        row!("mean", filled(1, 0, 5), |x, p| x[0].mean() => all(&x[0], mean)).law(LinearIn(&[0])).large(LARGE),
        row!("sum_axes", any(1, 0), |x, p| x[0].sum_axes(&p.axes(0, x[0].rank()), p.flag(1)) => over(x, p, sum))
            .single_tolerance(4.0)
            .law(LinearIn(&[0]))
            .large(LARGE)
            .large_picks(8),
        row!("mean_axes", filled(1, 0, 5), |x, p| x[0].mean_axes(&p.axes(0, x[0].rank()), p.flag(1)) => over(x, p, mean))
            .law(LinearIn(&[0]))
            .large(LARGE)
            .large_picks(8),
        row!("max_axes", filled(1, 0, 5), |x, p| x[0].max_axes(&p.axes(0, x[0].rank()), p.flag(1)) => over(x, p, largest))
            .large(LARGE)
            .large_picks(8),
        row!("min_axes", filled(1, 0, 5), |x, p| x[0].min_axes(&p.axes(0, x[0].rank()), p.flag(1)) => over(x, p, smallest))
            .large(LARGE)
            .large_picks(8),
        row!("logsumexp", filled(1, 1, 5), |x, p| x[0].logsumexp(p.axis(0, x[0].rank()), p.flag(1)) => logsumexp(&x[0], p))
            .large(LARGE)
            .large_picks(4)
            .rounds_by_isa(),
        row!("sum_to", pair(), |x, p| (&x[0] + &x[1]).sum_to(&x[0].shape().to_vec().into()) => sum_to(&x[0].zip(&x[1], |a, b| a + b), x[0].shape()))
            .law(LinearIn(&[0, 1]))
            .large(&[&[&[257, 1], &[3, 257, 301]], &[&[301], &[700, 301]]]),
    ]
}

fn sum(values: &[f64]) -> f64 {
    values.iter().sum()
}

fn mean(values: &[f64]) -> f64 {
    sum(values) / values.len() as f64
}

fn largest(values: &[f64]) -> f64 {
    values.iter().copied().fold(f64::NEG_INFINITY, f64::max)
}

fn smallest(values: &[f64]) -> f64 {
    values.iter().copied().fold(f64::INFINITY, f64::min)
}

fn all(x: &Dense, f: impl Fn(&[f64]) -> f64) -> Dense {
    Dense::scalar(f(x.data()))
}

fn over(x: &[Dense], p: &Draw, f: impl Fn(&[f64]) -> f64) -> Dense {
    x[0].reduce(&p.axes_at(0, x[0].rank()), p.flag(1), f)
}

fn logsumexp(x: &Dense, p: &Draw) -> Dense {
    x.reduce(&[p.at(0, x.rank())], p.flag(1), |values| values.iter().map(|x| x.exp()).sum::<f64>().ln())
}

/// Every element added where broadcasting would have taken it from.
fn sum_to(x: &Dense, shape: &[usize]) -> Dense {
    let added = x.rank() - shape.len();
    let axes: Vec<usize> = (0..x.rank()).filter(|&a| a < added || shape[a - added] == 1).collect();
    x.reduce(&axes, true, |values| values.iter().sum()).reshape(shape)
}
