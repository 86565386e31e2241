//! The table: every op's rows, by family.

mod arithmetic;
mod attention;
mod contract;
mod conv;
mod convs;
mod each;
mod elementwise;
mod functions;
mod index;
mod linalg;
mod matmul;
mod matrices;
mod order;
mod pieces;
mod pool;
mod pools;
mod reduce;
mod resample;
mod rnn;
mod sample;
mod scan;
mod scatter;
mod softmax;
mod statistics;
mod view;

use gradus_testkit::{Dense, broadcastable, filled_shape, shape};
use proptest::prelude::*;

use crate::row::{Row, Shapes};

/// All rows.
#[must_use]
pub fn table() -> Vec<Row> {
    let families = [
        elementwise::rows(),
        arithmetic::rows(),
        reduce::rows(),
        view::rows(),
        index::rows(),
        matmul::rows(),
        contract::rows(),
        pieces::rows(),
        linalg::rows(),
        softmax::rows(),
        attention::rows(),
        conv::rows(),
        convs::rows(),
        pool::rows(),
        pools::rows(),
        resample::rows(),
        sample::rows(),
        rnn::rows(),
        functions::rows(),
        scan::rows(),
        order::rows(),
        scatter::rows(),
        statistics::rows(),
    ];
    families.into_iter().flatten().collect()
}

/// `inputs` inputs of one shape, of a rank of at least `lowest` and at most 5; empty axes allowed.
fn any(inputs: usize, lowest: usize) -> Shapes {
    shape(lowest..=5).prop_map(move |shape| vec![shape; inputs]).boxed()
}

/// As [`any`] without empty axes, of rank `lowest` to `highest`.
fn filled(inputs: usize, lowest: usize, highest: usize) -> Shapes {
    filled_shape(lowest..=highest).prop_map(move |shape| vec![shape; inputs]).boxed()
}

/// Two inputs that broadcast.
fn pair() -> Shapes {
    broadcastable().prop_map(Vec::from).boxed()
}

/// Two inputs that broadcast, and a third like the second.
fn triple() -> Shapes {
    let third = |pair: [Vec<usize>; 2]| vec![pair[0].clone(), pair[1].clone(), pair[1].clone()];
    broadcastable().prop_map(third).boxed()
}

/// `f` of each row along an axis; the rows it answers are all of one length.
fn along(x: &Dense, axis: usize, f: impl Fn(&[f64]) -> Vec<f64>) -> Dense {
    let n = x.shape()[axis];
    let mut shape = x.shape().to_vec();
    shape[axis] = f(&vec![0.5; n]).len();
    let row = |i: &[usize]| {
        let at = |k: usize| x.at(&[&i[..axis], &[k], &i[axis + 1..]].concat());
        (0..n).map(at).collect::<Vec<f64>>()
    };
    // Each row once, though it is asked for element by element.
    let mut starts = shape.clone();
    starts[axis] = usize::from(shape[axis] > 0);
    let mut rows = Vec::new();
    let places = Dense::from_fn(&starts, |i| {
        rows.push(f(&row(i)));
        rows.len() as f64 - 1.0
    });
    Dense::from_fn(&shape, |i| {
        rows[places.at(&[&i[..axis], &[0], &i[axis + 1..]].concat()) as usize][i[axis]]
    })
}
