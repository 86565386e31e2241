//! Recurrent layers over whole sequences. The value and first-order gradients come from kernels that know the sequence;
//! gradients of any order from the same cells written in operations, step by step.

use gradus_tensor::{Float, Recurrence, RnnOperands, RnnRun, RnnSpec, Tensor};

use crate::alias::renamed;
use crate::engine::grad_with;
use crate::mode::{is_recording, with_recording};
use crate::op::{Cotangents, Op, Save, Saved};
use crate::var::{Var, apply};

/// Operands beside the three that are always there.
const OPTIONAL: usize = 5;

/// (x, w_ih, w_hh, then those of b_ih, b_hh, w_hr, h0, c0 that are there) ↦ hidden states `[N, P]`, or with the cell
/// states after each sequence's last step behind them, as one axis `[N·P + B·H]`.
struct Recurrent<T: Float> {
    spec: RnnSpec,
    present: [bool; OPTIONAL],
    with_cells: bool,
    run: Option<RnnRun<T>>,
}

impl<T: Float> Recurrent<T> {
    /// The operands by name from their list.
    fn named<V>(&self, list: Vec<V>) -> RnnOperands<V> {
        let mut rest = list.into_iter();
        let mut next = || match rest.next() {
            Some(operand) => operand,
            None => panic!("rnn: an operand is missing"),
        };
        let mut operands = RnnOperands::new(next(), next(), next());
        let mut optional = self.present.into_iter().map(|is_there| is_there.then(&mut next));
        operands.b_ih = optional.next().flatten();
        operands.b_hh = optional.next().flatten();
        operands.w_hr = optional.next().flatten();
        operands.h0 = optional.next().flatten();
        operands.c0 = optional.next().flatten();
        operands
    }

    /// The cell states after each sequence's last step, `[B, H]`.
    fn last_cells(&self, run: &RnnRun<T>) -> Tensor<T> {
        let (batch, steps) = (self.spec.steps.batch(), &self.spec.steps);
        if steps.is_even() {
            return run.cells.narrow(0, if self.spec.reverse { 0 } else { steps.rows() - batch }, batch);
        }
        let rows: Vec<i64> = steps.last_rows(self.spec.reverse).into_iter().map(|row| row as i64).collect();
        run.cells.index_select(0, &Tensor::new([batch], &rows))
    }
}

/// Two tensors of any shapes, one after the other along a single axis.
fn flat<T: Float>(a: &Tensor<T>, b: &Tensor<T>) -> Tensor<T> {
    Tensor::cat(&[&a.reshape([a.len()]), &b.reshape([b.len()])], 0)
}

impl<T: Float> Op<T> for Recurrent<T> {
    fn name(&self) -> &'static str {
        "rnn"
    }

    fn saves(&self) -> Save {
        Save::INPUTS
    }

    fn forward(&mut self, inputs: &[&Tensor<T>]) -> Tensor<T> {
        let run = self.spec.forward(&self.named(inputs.to_vec()));
        let out =
            if self.with_cells { flat(&run.hidden, &self.last_cells(&run)) } else { run.hidden.clone() };
        self.run = Some(run);
        out
    }

    fn vjp(&self, saved: &Saved<Var<T>>, g: &Var<T>) -> Cotangents<Var<T>> {
        let records = is_recording();
        with_recording(true, || {
            let count = 3 + self.present.into_iter().filter(|&is_there| is_there).count();
            let own = |i: usize| match saved.input(i) {
                x if !saved.wants(i) => x.detach(),
                x => renamed(&x),
            };
            let inputs: Vec<Var<T>> = (0..count).map(own).collect();
            let (hidden, cells) = cell_by_cell(&self.spec, &self.named(inputs.iter().collect()));
            let y = if self.with_cells {
                let (hidden, cells) = (hidden.reshape([hidden.len()]), cells.reshape([cells.len()]));
                Var::cat(&[&hidden, &cells], 0)
            } else {
                hidden
            };
            let cotangents = grad_with(&y, g, &inputs.iter().collect::<Vec<_>>());
            let keep = |(i, c): (usize, Var<T>)| saved.wants(i).then(|| if records { c } else { c.detach() });
            cotangents.into_iter().enumerate().map(keep).collect()
        })
    }

    fn vjp_fused(
        &self,
        saved: &mut Saved<Tensor<T>>,
        g: Tensor<T>,
    ) -> Result<Cotangents<Tensor<T>>, Tensor<T>> {
        let Some(run) = &self.run else { return Err(g) };
        let count = 3 + self.present.into_iter().filter(|&is_there| is_there).count();
        let inputs: Vec<Tensor<T>> = (0..count).map(|i| saved.input(i)).collect();
        let operands = self.named(inputs.iter().collect());
        let (hidden, cells) = if self.with_cells {
            let (length, units) = (run.hidden.len(), run.cells.dim(1));
            let cells = g.narrow(0, length, g.len() - length).reshape([self.spec.steps.batch(), units]);
            (g.narrow(0, 0, length).reshape(*run.hidden.shape()), Some(cells))
        } else {
            (g, None)
        };
        let cotangents = self.spec.backward(&operands, run, (&hidden, cells.as_ref()), saved.wants(0));
        let keep = |(i, c): (usize, Tensor<T>)| saved.wants(i).then_some(c);
        Ok(cotangents.into_vec().into_iter().enumerate().map(keep).collect())
    }
}

/// The hidden states `[N, P]`, and for LSTM the cell states after each sequence's last step `[B, H]`, by the cells' formulas.
fn cell_by_cell<T: Float>(spec: &RnnSpec, o: &RnnOperands<&Var<T>>) -> (Var<T>, Var<T>) {
    let batch = spec.steps.batch();
    let units = o.w_ih.dim(0) / spec.cell.gates();
    let c_width = if spec.cell == Recurrence::Lstm { units } else { 0 };
    let first = |given: Option<&Var<T>>, width| {
        given.cloned().unwrap_or_else(|| Var::constant(Tensor::zeros([batch, width])))
    };
    let (h0, c0) = (first(o.h0, o.w_hh.dim(1)), first(o.c0, c_width));
    let mut state = (h0.narrow(0, 0, 0), c0.narrow(0, 0, 0));
    let (mut hidden, mut ended) = (Vec::new(), Vec::new());
    let mut start = 0;
    let place = |&size: &usize| {
        start += size;
        (start - size, size)
    };
    let mut steps: Vec<(usize, usize)> = spec.steps.sizes().iter().map(place).collect();
    if spec.reverse {
        steps.reverse();
    }
    for (start, size) in steps {
        let going = state.0.dim(0);
        if going > size {
            ended.push(state.1.narrow(0, size, going - size));
            state = (state.0.narrow(0, 0, size), state.1.narrow(0, 0, size));
        } else if going < size {
            let begun =
                |old: &Var<T>, first: &Var<T>| Var::cat(&[old, &first.narrow(0, going, size - going)], 0);
            state = (begun(&state.0, &h0), begun(&state.1, &c0));
        }
        state = cell(spec.cell, &o.x.narrow(0, start, size), &state, o);
        hidden.push(state.0.clone());
    }
    ended.push(state.1);
    ended.reverse();
    if spec.reverse {
        hidden.reverse();
    }
    let join = |parts: &[Var<T>]| Var::cat(&parts.iter().collect::<Vec<_>>(), 0);
    (join(&hidden), join(&ended))
}

/// One step: x `[B, I]`, state (h `[B, P]`, c `[B, H]`) → state.
fn cell<T: Float>(
    cell: Recurrence,
    x: &Var<T>,
    (h, c): &(Var<T>, Var<T>),
    o: &RnnOperands<&Var<T>>,
) -> (Var<T>, Var<T>) {
    let (a, b) = (x.linear(o.w_ih, o.b_ih), h.linear(o.w_hh, o.b_hh));
    let units = a.dim(1) / cell.gates();
    let gate = |sums: &Var<T>, i: usize| sums.narrow(1, i * units, units);
    match cell {
        Recurrence::Tanh => ((a + b).tanh(), c.clone()),
        Recurrence::Relu => ((a + b).relu(), c.clone()),
        Recurrence::Lstm => {
            let sums = a + b;
            let (i, f, o_gate) =
                (gate(&sums, 0).sigmoid(), gate(&sums, 1).sigmoid(), gate(&sums, 3).sigmoid());
            let c = f * c + i * gate(&sums, 2).tanh();
            let h = o_gate * c.tanh();
            (o.w_hr.map_or_else(|| h.clone(), |w| h.linear(w, None)), c)
        }
        Recurrence::Gru => {
            let (r, z) = ((gate(&a, 0) + gate(&b, 0)).sigmoid(), (gate(&a, 1) + gate(&b, 1)).sigmoid());
            let new = (gate(&a, 2) + r * gate(&b, 2)).tanh();
            (&new + z * (h - &new), c.clone())
        }
    }
}

impl<T: Float> Var<T> {
    #[track_caller]
    fn recurrent(spec: &RnnSpec, operands: &RnnOperands<&Self>, with_cells: bool) -> Self {
        let present = [
            operands.b_ih.is_some(),
            operands.b_hh.is_some(),
            operands.w_hr.is_some(),
            operands.h0.is_some(),
            operands.c0.is_some(),
        ];
        let op = Recurrent { spec: spec.clone(), present, with_cells, run: None };
        apply(op, &operands.map(|x| *x).into_vec())
    }

    /// The hidden states of a recurrent layer in one direction: `[N, I] → [N, P]`, rows of all steps, step by step
    /// (PyTorch: `torch.rnn_tanh`, `torch.rnn_relu`, `torch.lstm`, `torch.gru`). With σ the logistic function, a′ and h′ the
    /// states before:
    ///
    /// * RNN: h = tanh(W_ih·x + b_ih + W_hh·h′ + b_hh), or max(…, 0);
    /// * LSTM: i, f, o = σ(…), g = tanh(…) in the same way, c = f·c′ + i·g, h = o·tanh c, and with a projection W_hr·h;
    /// * GRU: r, z = σ(…), n = tanh(W_in·x + b_in + r·(W_hn·h′ + b_hn)), h = (1 − z)·n + z·h′.
    ///
    /// ```
    /// use gradus_autodiff::Var;
    /// use gradus_tensor::{BatchSizes, Recurrence, RnnOperands, RnnSpec};
    /// let spec = RnnSpec { cell: Recurrence::Tanh, steps: BatchSizes::even(2, 1), reverse: false };
    /// let (x, w) = (Var::constant([[1.0_f64], [0.0]]), Var::leaf([[0.5_f64]]));
    /// let h = Var::rnn(&spec, &RnnOperands::new(&x, &w, &w));
    /// let first = 0.5_f64.tanh();
    /// assert_eq!(h.value().to_vec(), [first, (0.5 * first).tanh()]);
    /// ```
    ///
    /// # Panics
    /// If shapes do not fit each other and the cell.
    #[must_use]
    #[track_caller]
    pub fn rnn(spec: &RnnSpec, operands: &RnnOperands<&Self>) -> Self {
        Self::recurrent(spec, operands, false)
    }

    /// [`Var::rnn`] of an LSTM with the cell states after each sequence's last step, `[B, H]`.
    ///
    /// ```
    /// use gradus_autodiff::Var;
    /// use gradus_tensor::{BatchSizes, Recurrence, RnnOperands, RnnSpec, Tensor};
    /// let spec = RnnSpec { cell: Recurrence::Lstm, steps: BatchSizes::even(2, 1), reverse: false };
    /// let (x, w) = (Var::constant(Tensor::<f64>::ones([2, 1])), Var::leaf(Tensor::zeros([4, 1]))); // all gates ½
    /// let c0 = Var::constant([[8.0]]);
    /// let (h, c) = Var::rnn_with_cells(&spec, &RnnOperands { c0: Some(&c0), ..RnnOperands::new(&x, &w, &w) });
    /// assert_eq!((h.dims(), c.item()), ([2, 1], 8.0 * 0.5 * 0.5));
    /// ```
    ///
    /// # Panics
    /// As `rnn`, or if the cell is no LSTM.
    #[must_use]
    #[track_caller]
    pub fn rnn_with_cells(spec: &RnnSpec, operands: &RnnOperands<&Self>) -> (Self, Self) {
        assert!(spec.cell == Recurrence::Lstm, "rnn_with_cells: no LSTM: {:?}", spec.cell);
        let both = Self::recurrent(spec, operands, true);
        let (rows, batch, output) = (spec.steps.rows(), spec.steps.batch(), operands.w_hh.dim(1));
        let length = rows * output;
        let hidden = both.narrow(0, 0, length).reshape([rows, output]);
        let units = operands.w_ih.dim(0) / spec.cell.gates();
        (hidden, both.narrow(0, length, batch * units).reshape([batch, units]))
    }
}
