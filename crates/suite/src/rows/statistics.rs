//! Products, deviations, norms and log-sum-exps over every set of axes.

use gradus_testkit::Dense;

use super::{any, filled};
use crate::draw::Draw;
use crate::row;
use crate::row::Row;

const LARGE: &[&[&[usize]]] = &[&[&[3, 257, 301]], &[&[70_000, 3]]];

/// All rows. Number 0 is the set of axes, number 1 whether they are kept.
pub(super) fn rows() -> Vec<Row> {
    let mut rows = vec![
        row!("prod", any(1, 0), |x, p| x[0].prod() => Dense::scalar(x[0].data().iter().product()))
            .domain(0.9..1.1)
            .single_tolerance(8.0)
            .large(&[&[&[300, 257]]]),
        row!("prod_axes", any(1, 0), |x, p| x[0].prod_axes(&p.axes(0, x[0].rank()), p.flag(1)) => over(x, p, |v| v.iter().product()))
            .domain(-1.25..1.25)
            .large(&[&[&[3, 257, 301]]])
            .large_picks(4),
        row!("std_axes", filled(1, 0, 5), |x, p| x[0].std_axes(&p.axes(0, x[0].rank()), 0.0, p.flag(1)) => over(x, p, |v| variance(v).sqrt()))
            .large(LARGE)
            .large_picks(4),
        row!("var_axes", filled(1, 0, 5), |x, p| x[0].var_axes(&p.axes(0, x[0].rank()), 0.0, p.flag(1)) => over(x, p, variance))
            .large(LARGE)
            .large_picks(8),
        row!("var_axes", filled(1, 0, 5), |x, p| x[0].var_axes(&p.axes(0, x[0].rank()), -1.5, p.flag(1))
            => over(x, p, |v| variance(v) * v.len() as f64 / (v.len() as f64 + 1.5))),
        row!("logsumexp_axes", filled(1, 0, 5), |x, p| x[0].logsumexp_axes(&p.axes(0, x[0].rank()), p.flag(1))
            => over(x, p, |v| v.iter().map(|x| x.exp()).sum::<f64>().ln()))
        .large(LARGE)
        .large_picks(4)
        .rounds_by_isa(),
    ];
    rows.extend([1.0, 2.0, 3.0].map(|p| norm(p).kinks(&[0.0])));
    // The largest or smallest size jumps from one element to another where two sizes are equal, which values of both signs may be.
    for domain in [0.5..3.0, -3.0..-0.5] {
        rows.extend([f64::INFINITY, f64::NEG_INFINITY].map(|p| norm(p).domain(domain.clone())));
    }
    rows.extend([0.0, 0.5, 1.5, -1.0].map(|p| norm(p).domain(0.5..3.0)));
    rows
}

/// One power is enough for the large shapes: they all take the same ways.
fn norm(power: f64) -> Row {
    let function = crate::Function {
        single: Box::new(move |x, p| x[0].norm_axes(power, &p.axes(0, x[0].rank()), p.flag(1))),
        double: Box::new(move |x, p| x[0].norm_axes(power, &p.axes(0, x[0].rank()), p.flag(1))),
    };
    let reference = move |x: &[Dense], p: &Draw| over(x, p, |v| norm_of(v, power));
    Row::new("norm_axes", filled(1, 0, 5), function, Box::new(reference))
        .single_tolerance(4.0)
        .large(&[&[&[3, 130, 301]]])
}

fn norm_of(values: &[f64], power: f64) -> f64 {
    let sizes = values.iter().map(|x| x.abs());
    match power {
        f64::INFINITY => sizes.fold(0.0, f64::max),
        f64::NEG_INFINITY => sizes.fold(f64::INFINITY, f64::min),
        0.0 => sizes.filter(|&x| x != 0.0).count() as f64,
        _ => sizes.map(|x| x.powf(power)).sum::<f64>().powf(1.0 / power),
    }
}

fn variance(values: &[f64]) -> f64 {
    let mean = values.iter().sum::<f64>() / values.len() as f64;
    values.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / values.len() as f64
}

fn over(x: &[Dense], p: &Draw, f: impl Fn(&[f64]) -> f64) -> Dense {
    x[0].reduce(&p.axes_at(0, x[0].rank()), p.flag(1), f)
}
