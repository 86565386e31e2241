//! Recurrent layers. Cells in PyTorch's form run in the library's own loops; ONNX's other forms (peepholes, the reset gate
//! before the product) step by step. It must never know layers of more than one direction each.

use gradus_tensor::{BatchSizes, Float, Recurrence, RnnOperands, RnnSpec, Tensor};

use super::Mapping;
use super::binary::like;
use crate::call::{Answer, Call, all};
use crate::value::{Array, Result, on_floats, unmapped};

pub(super) const TABLE: &[(&str, Mapping)] = &[
    ("GRU", |c| recurrent(c, Recurrence::Gru, &[1, 0, 2])),
    ("LSTM", |c| recurrent(c, Recurrence::Lstm, &[0, 2, 3, 1])),
    ("RNN", |c| recurrent(c, Recurrence::Tanh, &[0])),
];

/// What one direction reads. Gates are in the library's order.
struct Direction<T: Float> {
    /// `[T, B, I]`.
    x: Tensor<T>,
    w: Tensor<T>,
    r: Tensor<T>,
    bias_w: Tensor<T>,
    bias_r: Tensor<T>,
    h0: Tensor<T>,
    c0: Tensor<T>,
    /// Of LSTM, i, o, f: `[3H]`.
    peepholes: Option<Tensor<T>>,
    reverse: bool,
}

/// Hidden states of all steps `[T, B, H]`, the last one, and the last cell state, `[B, H]` each.
type Run<T> = (Tensor<T>, Tensor<T>, Tensor<T>);

fn recurrent(call: &Call, cell: Recurrence, order: &[usize]) -> Answer {
    let cell = activation(call, cell)?;
    let x = call.array(0)?;
    on_floats!(x, |t| {
        let by_batch = call.flag("layout", false);
        let steps_first = |t: Tensor<_>| if by_batch { t.transpose(0, 1) } else { t };
        let input = steps_first(t.clone());
        let (w, r) = (like(t, call.array(1)?), like(t, call.array(2)?));
        let (directions, hidden) = (w.dim(0), r.dim(-1));
        let noughts = || Tensor::zeros([directions, input.dim(1), hidden]);
        let (h0, c0) = (
            call.tensor(5).map_or_else(noughts, steps_first),
            call.tensor(6).map_or_else(noughts, steps_first),
        );
        let bias = call.tensor(3).unwrap_or_else(|| Tensor::zeros([directions, 2 * order.len() * hidden]));
        lengths(call, input.dim(0))?;
        let mut runs = Vec::new();
        for d in 0..directions {
            let gates = |p: Tensor<_>| ordered(&p, order, hidden);
            let (bias_w, bias_r) = (bias.select(0, d).narrow(0, 0, order.len() * hidden), bias.select(0, d));
            let direction = Direction {
                x: input.clone(),
                w: gates(w.select(0, d)),
                r: gates(r.select(0, d)),
                bias_w: gates(bias_w),
                bias_r: gates(bias_r.narrow(0, order.len() * hidden, order.len() * hidden)),
                h0: h0.select(0, d),
                c0: c0.select(0, d),
                peepholes: call.tensor(7).map(|p: Tensor<_>| p.select(0, d)),
                reverse: d == 1 || call.text("direction", "forward") == "reverse",
            };
            let reset_first = cell == Recurrence::Gru && !call.flag("linear_before_reset", false);
            runs.push(if reset_first || direction.peepholes.is_some() {
                direction.step_by_step(cell)
            } else {
                direction.at_once(cell)
            });
        }
        let stacked = |parts: Vec<&Tensor<_>>, axis| Tensor::stack(&parts, axis);
        let y = stacked(runs.iter().map(|run| &run.0).collect(), 1);
        let last = [runs.iter().map(|run| &run.1).collect(), runs.iter().map(|run| &run.2).collect()];
        let [h, c] = last.map(|parts| stacked(parts, 0));
        let y = if by_batch { y.permute(&[2, 0, 1, 3]) } else { y };
        let mut outputs = vec![x.with(&y), x.with(&steps_first(h))];
        if cell == Recurrence::Lstm {
            outputs.push(x.with(&steps_first(c)));
        }
        all(outputs)
    })
}

/// The cell with the activation that the node asks for.
fn activation(call: &Call, cell: Recurrence) -> Result<Recurrence> {
    if call.has("clip") || call.flag("input_forget", false) {
        return unmapped("recurrent layers with clipping or coupled gates");
    }
    let Some(names) = call.texts("activations") else { return Ok(cell) };
    let plain = |names: &[String], each: &[&str]| names.chunks(each.len()).all(|part| part == each);
    match cell {
        Recurrence::Tanh if plain(&names, &["Tanh"]) => Ok(cell),
        Recurrence::Tanh if plain(&names, &["Relu"]) => Ok(Recurrence::Relu),
        Recurrence::Lstm if plain(&names, &["Sigmoid", "Tanh", "Tanh"]) => Ok(cell),
        Recurrence::Gru if plain(&names, &["Sigmoid", "Tanh"]) => Ok(cell),
        _ => unmapped("recurrent layers with other activations"),
    }
}

fn lengths(call: &Call, steps: usize) -> Result<()> {
    match call.maybe(4).map(Array::ints) {
        Some(lengths) if lengths.iter().any(|&n| n != steps as i64) => {
            unmapped("recurrent layers with lengths")
        }
        _ => Ok(()),
    }
}

/// Blocks of `hidden` rows in another order.
fn ordered<T: Float>(p: &Tensor<T>, order: &[usize], hidden: usize) -> Tensor<T> {
    let blocks: Vec<Tensor<T>> = order.iter().map(|&gate| p.narrow(0, gate * hidden, hidden)).collect();
    Tensor::cat(&blocks.iter().collect::<Vec<_>>(), 0)
}

impl<T: Float> Direction<T> {
    fn at_once(&self, cell: Recurrence) -> Run<T> {
        let [steps, batch, inputs] = self.x.dims();
        let spec = RnnSpec { cell, steps: BatchSizes::even(steps, batch), reverse: self.reverse };
        let rows = self.x.reshape([steps * batch, inputs]);
        let run = spec.forward(&RnnOperands {
            b_ih: Some(&self.bias_w),
            b_hh: Some(&self.bias_r),
            h0: Some(&self.h0),
            c0: (cell == Recurrence::Lstm).then_some(&self.c0),
            ..RnnOperands::new(&rows, &self.w, &self.r)
        });
        let last = spec.steps.last_rows(self.reverse);
        let last: Tensor<i64> = last.iter().map(|&row| row as i64).collect();
        let hidden = self.r.dim(-1);
        let c = if cell == Recurrence::Lstm { run.cells.index_select(0, &last) } else { self.c0.clone() };
        (run.hidden.reshape([steps, batch, hidden]), run.hidden.index_select(0, &last), c)
    }

    fn step_by_step(&self, cell: Recurrence) -> Run<T> {
        let steps = self.x.dim(0);
        let (mut h, mut c) = (self.h0.clone(), self.c0.clone());
        let mut hidden = vec![h.clone(); steps];
        for turn in 0..steps {
            let at = if self.reverse { steps - 1 - turn } else { turn };
            let x = self.x.select(0, at).matmul(&self.w.t()) + &self.bias_w;
            if cell == Recurrence::Lstm {
                (h, c) = self.lstm_step(&x, &h, &c);
            } else {
                h = self.gru_step(&x, &h);
            }
            hidden[at] = h.clone();
        }
        (Tensor::stack(&hidden.iter().collect::<Vec<_>>(), 0), h, c)
    }

    /// Gates i, f, g, o, each seeing the cell state through its peephole.
    fn lstm_step(&self, x: &Tensor<T>, h: &Tensor<T>, c: &Tensor<T>) -> (Tensor<T>, Tensor<T>) {
        let size = h.dim(-1);
        let sums = x + &(h.matmul(&self.r.t()) + &self.bias_r);
        let gate = |i: usize| sums.narrow(1, i * size, size);
        let peep = |i: usize, c: &Tensor<T>| match &self.peepholes {
            Some(p) => c * &p.narrow(0, i * size, size),
            None => Tensor::zeros([]),
        };
        let i = (gate(0) + &peep(0, c)).sigmoid();
        let f = (gate(1) + &peep(2, c)).sigmoid();
        let c = f * c + &(i * &gate(2).tanh());
        let o = (gate(3) + &peep(1, &c)).sigmoid();
        (o * &c.tanh(), c)
    }

    /// n = tanh(W x + R (r·h) + b): the reset gate acts before the product.
    fn gru_step(&self, x: &Tensor<T>, h: &Tensor<T>) -> Tensor<T> {
        let size = h.dim(-1);
        let part = |p: &Tensor<T>, from: usize, count: usize| p.narrow(-1, from * size, count * size);
        let (r_gates, r_new) = (self.r.narrow(0, 0, 2 * size), self.r.narrow(0, 2 * size, size));
        let gates = (part(x, 0, 2) + &(h.matmul(&r_gates.t()) + &part(&self.bias_r, 0, 2))).sigmoid();
        let (reset, update) = (part(&gates, 0, 1), part(&gates, 1, 1));
        let new = (part(x, 2, 1) + &((reset * h).matmul(&r_new.t()) + &part(&self.bias_r, 2, 1))).tanh();
        &new + &(update * &(h - &new))
    }
}
