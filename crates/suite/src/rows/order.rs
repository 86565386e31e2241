//! Sorting and choosing by rank along an axis. The drawn values are all different, so what is chosen is certain.

use gradus_tensor::QuantileMethod;
use gradus_testkit::Dense;

use super::{along, any, filled};
use crate::draw::Draw;
use crate::row;
use crate::row::Row;

/// Few long rows, many short ones, and an axis with others behind it.
const LARGE: &[&[&[usize]]] = &[&[&[3, 130, 301]], &[&[40_000, 2]]];

/// All rows. Number 0 is the axis, 1 whether it is kept, 2 and 3 what else there is to choose.
pub(super) fn rows() -> Vec<Row> {
    vec![
        row!("sort", any(1, 1), |x, p| x[0].sort(p.axis(0, x[0].rank()), p.flag(2)).0
            => along(&x[0], p.at(0, x[0].rank()), |row| sorted(row, p.flag(2))))
        .large(LARGE)
        .large_picks(3),
        row!("top_k", any(1, 1), |x, p| x[0].top_k(k(p), p.axis(0, x[0].rank()), p.flag(2), true).0
            => along(&x[0], p.at(0, x[0].rank()), |row| sorted(row, p.flag(2))[..k(p)].to_vec()))
        .large(LARGE)
        .large_picks(3),
        row!("kth_value", filled(1, 1, 5), |x, p| x[0].kth_value(k(p).max(1), p.axis(0, x[0].rank()), p.flag(1)).0
            => one(&x[0], p, |row| sorted(row, false)[k(p).max(1) - 1]))
        .large(LARGE)
        .large_picks(3),
        row!("median", filled(1, 1, 5), |x, p| x[0].median(p.axis(0, x[0].rank()), p.flag(1)).0
            => one(&x[0], p, |row| sorted(row, false)[(row.len() - 1) / 2]))
        .large(LARGE)
        .large_picks(3),
        row!("nan_median", filled(1, 1, 5), |x, p| x[0].nan_median(p.axis(0, x[0].rank()), p.flag(1)).0
            => one(&x[0], p, |row| sorted(row, false)[(row.len() - 1) / 2]))
        .large(LARGE)
        .large_picks(3),
        row!("mode", filled(1, 1, 5), |x, p| x[0].mode(p.axis(0, x[0].rank()), p.flag(1)).0
            => one(&x[0], p, |row| sorted(row, false)[0]))
        .large(LARGE)
        .large_picks(3),
        row!("max", filled(1, 1, 5), |x, p| x[0].max(p.axis(0, x[0].rank()), p.flag(1)).0
            => one(&x[0], p, |row| sorted(row, true)[0]))
        .large(LARGE)
        .large_picks(3),
        row!("min", filled(1, 1, 5), |x, p| x[0].min(p.axis(0, x[0].rank()), p.flag(1)).0
            => one(&x[0], p, |row| sorted(row, false)[0]))
        .large(LARGE)
        .large_picks(3),
        row!("min_max_axes", filled(1, 0, 5), |x, p| {
            let (low, high) = x[0].min_max_axes(&p.axes(0, x[0].rank()), p.flag(1));
            low * 2.0 + high
        } => x[0].reduce(&p.axes_at(0, x[0].rank()), p.flag(1), |v| 2.0 * sorted(v, false)[0] + sorted(v, true)[0])),
        row!("quantile", filled(1, 1, 5), |x, p| x[0].quantile(q(p), p.axis(0, x[0].rank()), taken(p), p.flag(1))
            => one(&x[0], p, |row| quantile(row, q(p), taken(p))))
        .large(LARGE)
        .large_picks(5),
        row!("nan_quantile", filled(1, 1, 5), |x, p| x[0].nan_quantile(q(p), p.axis(0, x[0].rank()), taken(p), p.flag(1))
            => one(&x[0], p, |row| quantile(row, q(p), taken(p))))
        .large(LARGE)
        .large_picks(5),
        row!("quantiles", filled(1, 1, 5), |x, p| x[0].quantiles(&[0.0, q(p), 0.5], p.axis(0, x[0].rank()), taken(p))
            => along(&x[0], p.at(0, x[0].rank()), |row| [0.0, q(p), 0.5].map(|q| quantile(row, q, taken(p))).to_vec()))
        .large(LARGE)
        .large_picks(5),
    ]
}

fn sorted(row: &[f64], descending: bool) -> Vec<f64> {
    let mut row = row.to_vec();
    row.sort_by(|a, b| if descending { b.total_cmp(a) } else { a.total_cmp(b) });
    row
}

fn one(x: &Dense, p: &Draw, f: impl Fn(&[f64]) -> f64) -> Dense {
    x.reduce(&[p.at(0, x.rank())], p.flag(1), f)
}

/// How many of the row, from none to all.
fn k(p: &Draw) -> usize {
    let shape = &p.shapes[0];
    p.below(3, shape[p.at(0, shape.len())] + 1)
}

fn q(p: &Draw) -> f64 {
    p.below(3, 32) as f64 / 31.0
}

fn taken(p: &Draw) -> QuantileMethod {
    [
        QuantileMethod::Linear,
        QuantileMethod::Lower,
        QuantileMethod::Higher,
        QuantileMethod::Nearest,
        QuantileMethod::Midpoint,
    ][p.below(2, 5)]
}

fn quantile(row: &[f64], q: f64, interpolation: QuantileMethod) -> f64 {
    let (row, rank) = (sorted(row, false), q * (row.len() as f64 - 1.0));
    let (low, high) = (row[rank.floor() as usize], row[rank.ceil() as usize]);
    match interpolation {
        QuantileMethod::Linear => low * (1.0 - rank.fract()) + high * rank.fract(),
        QuantileMethod::Lower => low,
        QuantileMethod::Higher => high,
        QuantileMethod::Nearest => row[rank.round_ties_even() as usize],
        QuantileMethod::Midpoint => (low + high) / 2.0,
    }
}
