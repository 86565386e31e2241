//! Softmax and its logarithm along any axis.

use gradus_testkit::Dense;

use super::any;
use crate::draw::Draw;
use crate::law::Law::Between;
use crate::row;
use crate::row::Row;

const LARGE: &[&[&[usize]]] = &[&[&[3, 130, 301]], &[&[40, 3000]]];

/// All rows. Number 0 is the axis.
pub(super) fn rows() -> Vec<Row> {
    vec![
        row!("softmax", any(1, 1), |x, p| x[0].softmax(p.axis(0, x[0].rank())) => softmax(&x[0], p))
            .law(Between(0.0, 1.0))
            .large(LARGE)
            .large_picks(3)
            .rounds_by_isa(),
        row!("log_softmax", any(1, 1), |x, p| x[0].log_softmax(p.axis(0, x[0].rank())) => softmax(&x[0], p).map(f64::ln))
            .law(Between(f64::NEG_INFINITY, 0.0))
            .large(LARGE)
            .large_picks(3)
            .rounds_by_isa(),
    ]
}

fn softmax(x: &Dense, p: &Draw) -> Dense {
    let powers = x.map(f64::exp);
    let sums = powers.reduce(&[p.at(0, x.rank())], true, |values| values.iter().sum());
    powers.zip(&sums, |power, sum| power / sum)
}
