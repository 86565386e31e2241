//! Recurrent layers of every cell, from both ends, with sequences of one length and of several.

use gradus_autodiff::Var;
use gradus_tensor::{BatchSizes, Float, Recurrence, RnnOperands, RnnSpec};
use gradus_testkit::Dense;
use proptest::prelude::*;

use crate::draw::Draw;
use crate::row;
use crate::row::{Row, Shapes};

/// All rows. Inputs: x `[T, B, I]`, w_ih, w_hh, b_ih, b_hh, h0, c0, w_hr. Numbers 0 and 1 are lengths, 2 the direction.
pub(super) fn rows() -> Vec<Row> {
    vec![
        row!("rnn", operands(Recurrence::Tanh, false), |x, p| hidden(Recurrence::Tanh, x, p) => flat(Recurrence::Tanh, x, p).0)
            .large(&[&[&[5, 40, 24], &[72, 24], &[72, 72], &[72], &[72], &[40, 72]]])
            .domain(-1.0..1.0)
            .large_picks(3)
            .single_tolerance(20.0)
            .rounds_by_isa(),
        // Positive throughout: a kink would spoil the differences.
        row!("rnn", operands(Recurrence::Relu, false), |x, p| hidden(Recurrence::Relu, x, p) => flat(Recurrence::Relu, x, p).0)
            .domain(0.01..0.5)
            .large(&[&[&[3, 40, 24], &[6, 24], &[6, 6], &[6], &[6], &[40, 6]]])
            .single_tolerance(20.0)
            .rounds_by_isa(),
        row!("rnn", operands(Recurrence::Gru, false), |x, p| hidden(Recurrence::Gru, x, p) => flat(Recurrence::Gru, x, p).0)
            .large(&[&[&[5, 40, 24], &[120, 24], &[120, 40], &[120], &[120], &[40, 40]]])
            .domain(-1.0..1.0)
            .large_picks(3)
            .single_tolerance(20.0)
            .rounds_by_isa(),
        row!("rnn", operands(Recurrence::Lstm, false), |x, p| hidden(Recurrence::Lstm, x, p) => flat(Recurrence::Lstm, x, p).0)
            .large(&[&[&[5, 40, 24], &[160, 24], &[160, 40], &[160], &[160], &[40, 40], &[40, 40]]])
            .domain(-1.0..1.0)
            .large_picks(3)
            .single_tolerance(20.0)
            .rounds_by_isa(),
        row!("rnn_with_cells", operands(Recurrence::Lstm, true), |x, p| both(x, p) => joined(x, p))
            .large(&[&[&[5, 40, 24], &[160, 24], &[160, 24], &[160], &[160], &[40, 24], &[40, 40], &[24, 40]]])
            .domain(-1.0..1.0)
            .large_picks(3)
            .single_tolerance(20.0)
            .rounds_by_isa(),
    ]
}

/// T, B, I and H from 1, and P with a projection.
fn operands(cell: Recurrence, projects: bool) -> Shapes {
    ((1..=4_usize, 1..=3_usize), 1..=3_usize, 1..=3_usize, 1..=2_usize)
        .prop_map(move |((t, b), i, h, p)| {
            let (g, p) = (cell.gates() * h, if projects { p } else { h });
            let mut shapes = vec![
                vec![t, b, i],
                vec![g, i],
                vec![g, p],
                vec![g],
                vec![g],
                vec![b, p],
                vec![b, h],
                vec![p, h],
            ];
            shapes.truncate(if projects { 8 } else { 6 + usize::from(cell == Recurrence::Lstm) });
            shapes
        })
        .boxed()
}

fn spec(cell: Recurrence, p: &Draw) -> RnnSpec {
    let (t, b) = (p.shapes[0][0], p.shapes[0][1]);
    let fewer = p.below(0, 3);
    let lengths: Vec<usize> =
        (0..b).map(|s| t.saturating_sub(s * fewer / (1 + p.below(1, 2))).max(1)).collect();
    RnnSpec { cell, steps: BatchSizes::of_lengths(&lengths), reverse: p.flag(2) }
}

fn named<'a, T: Float>(x: &'a [Var<T>], rows: &'a Var<T>) -> RnnOperands<&'a Var<T>> {
    RnnOperands {
        b_ih: Some(&x[3]),
        b_hh: Some(&x[4]),
        h0: Some(&x[5]),
        c0: x.get(6),
        w_hr: x.get(7),
        ..RnnOperands::new(rows, &x[1], &x[2])
    }
}

fn rows_of<T: Float>(x: &Var<T>, spec: &RnnSpec) -> Var<T> {
    let [t, b, i] = x.dims();
    x.reshape([t * b, i]).narrow(0, 0, spec.steps.rows())
}

fn hidden<T: Float>(cell: Recurrence, x: &[Var<T>], p: &Draw) -> Var<T> {
    let spec = spec(cell, p);
    let rows = rows_of(&x[0], &spec);
    let h = Var::rnn(&spec, &named(x, &rows));
    h.reshape([h.len()])
}

fn both<T: Float>(x: &[Var<T>], p: &Draw) -> Var<T> {
    let spec = spec(Recurrence::Lstm, p);
    let rows = rows_of(&x[0], &spec);
    let (h, c) = Var::rnn_with_cells(&spec, &named(x, &rows));
    Var::cat(&[&h.reshape([h.len()]), &c.reshape([c.len()])], 0)
}

fn joined(x: &[Dense], p: &Draw) -> Dense {
    let (h, c) = flat(Recurrence::Lstm, x, p);
    let all = [h.data(), c.data()].concat();
    Dense::from_fn(&[all.len()], |i| all[i[0]])
}

fn sigmoid(x: f64) -> f64 {
    1.0 / (1.0 + (-x).exp())
}

/// By the definition, sequence by sequence, number by number: all hidden states and the last cell states.
fn flat(cell: Recurrence, x: &[Dense], p: &Draw) -> (Dense, Dense) {
    let spec = spec(cell, p);
    let (inputs, units, output) = (x[1].shape()[1], x[1].shape()[0] / cell.gates(), x[2].shape()[1]);
    let batch = spec.steps.batch();
    let mut hidden = vec![0.0; spec.steps.rows() * output];
    let mut cells = Vec::new();
    for b in 0..batch {
        let mut h: Vec<f64> = (0..output).map(|j| x[5].at(&[b, j])).collect();
        let mut c: Vec<f64> = x.get(6).map_or(Vec::new(), |c| (0..units).map(|j| c.at(&[b, j])).collect());
        let length = spec.steps.sizes().iter().filter(|&&size| size > b).count();
        for step in 0..length {
            let t = if spec.reverse { length - 1 - step } else { step };
            let row = spec.steps.sizes()[..t].iter().sum::<usize>() + b;
            let of_x = |g: usize| {
                (0..inputs).map(|k| x[1].at(&[g, k]) * x[0].data()[row * inputs + k]).sum::<f64>()
                    + x[3].at(&[g])
            };
            let of_h = |g: usize| (0..output).map(|k| x[2].at(&[g, k]) * h[k]).sum::<f64>() + x[4].at(&[g]);
            let sum = |gate: usize, j: usize| of_x(gate * units + j) + of_h(gate * units + j);
            let next = |j: usize| match cell {
                Recurrence::Tanh => (sum(0, j).tanh(), 0.0),
                Recurrence::Relu => (sum(0, j).max(0.0), 0.0),
                Recurrence::Lstm => {
                    let c = sigmoid(sum(1, j)) * c[j] + sigmoid(sum(0, j)) * sum(2, j).tanh();
                    (sigmoid(sum(3, j)) * c.tanh(), c)
                }
                Recurrence::Gru => {
                    let (r, z) = (sigmoid(sum(0, j)), sigmoid(sum(1, j)));
                    let new = (of_x(2 * units + j) + r * of_h(2 * units + j)).tanh();
                    ((1.0 - z) * new + z * h[j], 0.0)
                }
            };
            let (inner, after): (Vec<f64>, Vec<f64>) = (0..units).map(next).unzip();
            h = match x.get(7) {
                Some(w) => (0..output).map(|i| (0..units).map(|j| w.at(&[i, j]) * inner[j]).sum()).collect(),
                None => inner,
            };
            c = after;
            hidden[row * output..][..output].copy_from_slice(&h);
        }
        cells.extend(c);
    }
    (Dense::from_fn(&[hidden.len()], |i| hidden[i[0]]), Dense::from_fn(&[cells.len()], |i| cells[i[0]]))
}
