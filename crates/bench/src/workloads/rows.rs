//! What memory bounds: softmax and layer normalisation over rows, GELU, a sum, a broadcast sum, a transposing copy.

use gradus::prelude::*;

use crate::workload::{Entry, Repeat, Started, Work};

const ROWS: usize = 4096;
const COLUMNS: usize = 1024;

fn draw<const D: usize>(shape: [usize; D]) -> Tensor<f32> {
    Tensor::normal(shape, 0.0, 1.0, &mut Rng::seed(2))
}

/// Bytes of `elements` numbers, each read `1` time and written `written` times.
fn traffic(elements: usize, written: usize) -> Work {
    Work::Bytes((elements * (1 + written) * size_of::<f32>()) as f64)
}

fn softmax() -> Started {
    let x = Var::constant(draw([ROWS, COLUMNS]));
    Repeat::start(traffic(x.len(), 1), move || no_grad(|| x.softmax(-1)))
}

fn layer_norm() -> Started {
    let x = Var::constant(draw([ROWS, COLUMNS]));
    let norm = LayerNorm::<f32>::new([COLUMNS]);
    Repeat::start(traffic(x.len(), 1), move || no_grad(|| norm.forward(&x, &mut Context::eval())))
}

/// An activation of 4 M numbers.
fn activation(function: fn(&Var) -> Var) -> Started {
    let x = Var::constant(draw([ROWS, COLUMNS]));
    Repeat::start(traffic(x.len(), 1), move || no_grad(|| function(&x)))
}

/// The sum of 16 M numbers.
fn sum() -> Started {
    let x = draw([4096, 4096]);
    Repeat::start(traffic(x.len(), 0), move || x.sum())
}

/// [R, C] + [C].
fn add_bcast() -> Started {
    let (x, row) = (draw([ROWS, COLUMNS]), draw([COLUMNS]));
    Repeat::start(traffic(x.len(), 1), move || &x + &row)
}

/// A dense copy of the transpose of 4096².
fn transpose() -> Started {
    let x = draw([4096, 4096]);
    Repeat::start(traffic(x.len(), 1), move || x.t().contiguous())
}

pub(super) const ENTRIES: &[Entry] = &[
    Entry { name: "softmax", start: softmax },
    Entry { name: "layer_norm", start: layer_norm },
    Entry { name: "gelu", start: || activation(Var::gelu) },
    Entry { name: "gelu_tanh", start: || activation(Var::gelu_tanh) },
    Entry { name: "sum", start: sum },
    Entry { name: "add_bcast", start: add_bcast },
    Entry { name: "transpose", start: transpose },
];
