//! The table: every op's rows, by family.

mod arithmetic;
mod attention;
mod contract;
mod conv;
mod convs;
mod each;
mod elementwise;
mod index;
mod linalg;
mod matmul;
mod matrices;
mod pieces;
mod pool;
mod pools;
mod reduce;
mod resample;
mod rnn;
mod sample;
mod softmax;
mod view;

use gradus_testkit::{broadcastable, filled_shape, shape};
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
