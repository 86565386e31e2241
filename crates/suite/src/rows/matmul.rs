//! Matrix products: matrices, vectors, batches, broadcast batches, and the affine map.

use gradus_testkit::axis_length;
use proptest::prelude::*;

use crate::law::Law::LinearIn;
use crate::row;
use crate::row::{Row, Shapes};

/// All rows.
pub(super) fn rows() -> Vec<Row> {
    vec![
        row!("matmul", products(), |x, p| x[0].matmul(&x[1]) => x[0].matmul(&x[1]))
            .law(LinearIn(&[0]))
            .law(LinearIn(&[1]))
            .large(&[
                &[&[200, 64], &[64, 301]],
                &[&[3, 150, 40], &[3, 40, 150]],
                &[&[2, 130, 33], &[33, 260]],
                &[&[1500], &[1500, 70]],
                &[&[70, 1500], &[1500]],
            ])
            .single_tolerance(10.0)
            .rounds_by_isa(),
        row!("linear", affine(), |x, p| x[0].linear(&x[1], Some(&x[2])) => x[0].matmul(&transposed(&x[1])).zip(&x[2], |y, b| y + b))
            .law(LinearIn(&[1, 2]))
            .large(&[&[&[260, 70], &[301, 70], &[301]], &[&[9, 33, 70], &[257, 70], &[257]]])
            .single_tolerance(10.0)
            .rounds_by_isa(),
        row!("linear", affine(), |x, p| x[0].linear(&x[1], None) + (&x[2] * 0.0) => x[0].matmul(&transposed(&x[1])))
            .law(LinearIn(&[0]))
            .law(LinearIn(&[1]))
            .large(&[&[&[260, 70], &[301, 70], &[301]]])
            .single_tolerance(10.0)
            .rounds_by_isa(),
    ]
}

fn transposed(x: &gradus_testkit::Dense) -> gradus_testkit::Dense {
    gradus_testkit::Dense::from_fn(&[x.shape()[1], x.shape()[0]], |i| x.at(&[i[1], i[0]]))
}

/// `[…, M, K]` and `[…, K, N]`, where either may be a vector and the leading axes broadcast.
fn products() -> Shapes {
    let lead = prop::collection::vec(1..=3_usize, 0..=3);
    let single = prop::collection::vec(any::<bool>(), 6);
    (0..6_usize, axis_length(), axis_length(), axis_length(), lead, single)
        .prop_map(|(kind, m, k, n, lead, single)| {
            let part = |skip: usize, single: &[bool]| {
                let lengths = lead.iter().zip(single).map(|(&length, &one)| if one { 1 } else { length });
                lengths.skip(skip).collect::<Vec<_>>()
            };
            let (a, b) =
                (part(usize::from(single[0]), &single[..3]), part(usize::from(single[3]), &single[3..]));
            match kind {
                0 => vec![vec![m, k], vec![k, n]],
                1 => vec![vec![k], vec![k]],
                2 => vec![vec![k], [&b[..], &[k, n]].concat()],
                3 => vec![[&a[..], &[m, k]].concat(), vec![k]],
                4 => vec![[&a[..], &[m, k]].concat(), vec![k, n]],
                _ => vec![[&a[..], &[m, k]].concat(), [&b[..], &[k, n]].concat()],
            }
        })
        .boxed()
}

/// `[…, I]`, `[O, I]`, `[O]`.
fn affine() -> Shapes {
    (prop::collection::vec(axis_length(), 0..=3), axis_length(), axis_length())
        .prop_map(|(lead, i, o)| vec![[&lead[..], &[i]].concat(), vec![o, i], vec![o]])
        .boxed()
}
