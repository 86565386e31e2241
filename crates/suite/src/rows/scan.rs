//! Running sums, products and extremes along an axis.

use gradus_testkit::Dense;

use super::{along, any, filled};
use crate::draw::Draw;
use crate::law::Law::LinearIn;
use crate::row;
use crate::row::Row;

/// Few long rows, many short ones, and an axis with others behind it.
const LARGE: &[&[&[usize]]] = &[&[&[3, 130, 301]], &[&[2, 40_000]]];

/// All rows. Number 0 is the axis, number 1 the direction.
pub(super) fn rows() -> Vec<Row> {
    vec![
        row!("cumsum", any(1, 1), |x, p| x[0].cumsum(p.axis(0, x[0].rank()), p.flag(1)) => running(&x[0], p, 0.0, |s, x| s + x))
            .single_tolerance(4.0)
            .law(LinearIn(&[0]))
            .large(LARGE)
            .large_picks(3),
        row!("cumprod", any(1, 1), |x, p| x[0].cumprod(p.axis(0, x[0].rank()), p.flag(1)) => running(&x[0], p, 1.0, |s, x| s * x))
            .domain(-1.5..1.5)
            .large(LARGE)
            .large_picks(3),
        row!("linear_scan", any(2, 1), |x, p| x[0].linear_scan(&x[1], p.axis(0, x[0].rank()), p.flag(1)) => recurrence(x, p))
            .domains(&[-3.0..3.0, -0.95..0.95])
            .single_tolerance(4.0)
            .law(LinearIn(&[0]))
            .large(&[&[&[3, 130, 301], &[3, 130, 301]]])
            .large_picks(3),
        row!("logcumsumexp", any(1, 1), |x, p| x[0].logcumsumexp(p.axis(0, x[0].rank())) => logarithms(&x[0], p))
            .single_tolerance(4.0)
            .large(LARGE)
            .large_picks(3)
            .rounds_by_isa(),
        row!("cummax", filled(1, 1, 5), |x, p| x[0].cummax(p.axis(0, x[0].rank())).0
            => forward(&x[0], p, f64::NEG_INFINITY, f64::max))
        .large(LARGE)
        .large_picks(3),
        row!("cummin", filled(1, 1, 5), |x, p| x[0].cummin(p.axis(0, x[0].rank())).0
            => forward(&x[0], p, f64::INFINITY, f64::min))
        .large(LARGE)
        .large_picks(3),
    ]
}

fn forward(x: &Dense, p: &Draw, start: f64, step: impl Fn(f64, f64) -> f64) -> Dense {
    along(x, p.at(0, x.rank()), |row| {
        let mut s = start;
        row.iter()
            .map(|&x| {
                s = step(s, x);
                s
            })
            .collect()
    })
}

/// [`forward`], or from the end if the draw says so.
fn running(x: &Dense, p: &Draw, start: f64, step: impl Fn(f64, f64) -> f64) -> Dense {
    let turned = |x: &Dense| along(x, p.at(0, x.rank()), |row| row.iter().rev().copied().collect());
    if p.flag(1) { turned(&forward(&turned(x), p, start, step)) } else { forward(x, p, start, step) }
}

fn logarithms(x: &Dense, p: &Draw) -> Dense {
    forward(&x.map(f64::exp), p, 0.0, |s, x| s + x).map(f64::ln)
}

/// yₖ = xₖ + aₖ·(its neighbour), written out as Σ xⱼ·Π a between.
fn recurrence(x: &[Dense], p: &Draw) -> Dense {
    let (axis, n) = (p.at(0, x[0].rank()), x[0].shape()[p.at(0, x[0].rank())]);
    Dense::from_fn(x[0].shape(), |i| {
        let at = |of: &Dense, k: usize| of.at(&[&i[..axis], &[k], &i[axis + 1..]].concat());
        let (mut sum, mut factor) = (0.0, 1.0);
        let mut k = i[axis];
        loop {
            sum += factor * at(&x[0], k);
            factor *= at(&x[1], k);
            let end = if p.flag(1) { k + 1 == n } else { k == 0 };
            if end || factor.abs() < 1e-25 {
                return sum;
            }
            k = if p.flag(1) { k + 1 } else { k - 1 };
        }
    })
}
