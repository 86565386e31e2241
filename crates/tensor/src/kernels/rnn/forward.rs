//! All steps forward. Knows the order of steps and who owns which rows; the arithmetic is in `cells` and `product`.

use super::Sizes;
use super::blocks::{Cut, cost};
use super::cells::CellForward;
use super::product::{Rows, Weights};
use crate::element::Float;
use crate::isa::Isa;
use crate::parallel;

/// The steps of one direction of one layer. N rows of all steps, B sequences, G gates in S slots, as [`Sizes`] has them.
#[derive(Debug)]
pub struct Forward<'a, T> {
    /// Which cell, how many of what.
    pub sizes: Sizes<'a>,
    /// `[G·H, P]`.
    pub w_hh: &'a [T],
    /// The projection, `[P, H]`.
    pub w_hr: Option<&'a [T]>,
    /// First hidden state `[B, P]`; none: noughts.
    pub h0: Option<&'a [T]>,
    /// First cell state `[B, H]`; none: noughts.
    pub c0: Option<&'a [T]>,
    /// `[N, S·H]`: the inputs' share of the sums with the biases, replaced by the gates.
    pub gates: &'a mut [T],
    /// Result for LSTM: cell states `[N, H]`; else empty.
    pub cells: &'a mut [T],
    /// Result: hidden states `[N, P]`.
    pub hidden: &'a mut [T],
}

/// What all tasks read.
struct Common<'a, T: Float> {
    sizes: Sizes<'a>,
    isa: Isa,
    spread: bool,
    w_hh: Weights<T>,
    w_hr: Option<Weights<T>>,
    h0: Option<&'a [T]>,
    c0: Option<&'a [T]>,
    zeros: &'a [T],
}

/// A block's rows of one step.
struct Step<'a, T> {
    gates: &'a mut [T],
    cells: &'a mut [T],
    hidden: &'a mut [T],
}

/// Takes all sequences through all steps.
///
/// # Panics
/// If a slice has not the length that its shape asks for.
pub fn forward<T: Float>(call: Forward<'_, T>) {
    T::rnn_forward(call);
}

pub(in crate::kernels) fn run<T: Float>(call: Forward<'_, T>) {
    let Forward { sizes, w_hh, w_hr, h0, c0, gates, cells, hidden } = call;
    let (rows, batch) = (sizes.steps.rows(), sizes.steps.batch());
    let (units, recurrent) = (sizes.hidden, sizes.recurrent().1);
    sizes.check("w_hh", w_hh.len(), recurrent, sizes.output);
    sizes.check("w_hr", w_hr.map_or(0, <[T]>::len), if w_hr.is_some() { sizes.output } else { 0 }, units);
    sizes.check("h0", h0.map_or(batch * sizes.output, <[T]>::len), batch, sizes.output);
    sizes.check("c0", c0.map_or(batch * sizes.cell_width(), <[T]>::len), batch, sizes.cell_width());
    sizes.check("gates", gates.len(), rows, sizes.row());
    sizes.check("cells", cells.len(), rows, sizes.cell_width());
    sizes.check("hidden", hidden.len(), rows, sizes.output);
    let cut = Cut::of(&sizes, size_of_val(w_hh));
    let zeros = vec![T::ZERO; batch * units.max(sizes.output)];
    let common = Common {
        sizes,
        isa: crate::current_isa(),
        spread: cut.spread,
        w_hh: Weights::transposed(w_hh, [sizes.output, recurrent]),
        w_hr: w_hr.map(|w| Weights::transposed(w, [units, sizes.output])),
        h0,
        c0,
        zeros: &zeros,
    };
    let gates = cut.split(&sizes, gates, sizes.row());
    let cells = cut.split(&sizes, cells, sizes.cell_width());
    let hidden = cut.split(&sizes, hidden, sizes.output);
    let join = |((gates, cells), hidden): ((Vec<_>, Vec<_>), Vec<_>)| {
        let rows = gates.into_iter().zip(cells).zip(hidden);
        rows.map(|((gates, cells), hidden)| Step { gates, cells, hidden }).collect::<Vec<_>>()
    };
    let mut tasks: Vec<_> = gates.into_iter().zip(cells).zip(hidden).map(join).collect();
    parallel::chunks_mut(&mut tasks, 1, cost(&sizes), |i, tasks| {
        tasks.iter_mut().for_each(|steps| common.block(cut.block(batch, i).0, steps));
    });
}

impl<T: Float> Common<'_, T> {
    /// Takes the block of sequences from `first` on through all steps.
    fn block(&self, first: usize, steps: &mut [Step<'_, T>]) {
        let width = self.sizes.row();
        for s in 0..steps.len() {
            let (done, rest) = steps.split_at_mut(s);
            let step = &mut rest[0];
            let rows = step.gates.len() / width;
            // Sequences that took the step before go on from there, the others begin.
            let carried = done.last().map_or(0, |before| before.gates.len() / width).min(rows);
            if let Some(before) = done.last().filter(|_| carried > 0) {
                let state = (&before.hidden[..carried * self.sizes.output], &*before.cells);
                self.step(step, (0, carried), (true, state.0, state.1));
            }
            if rows > carried {
                let (from, units) = (first + carried, self.sizes.cell_width());
                let h = self.h0.map_or(self.zeros, |h| &h[from * self.sizes.output..]);
                let c = self.c0.map_or(self.zeros, |c| &c[from * units..]);
                self.step(step, (carried, rows - carried), (self.h0.is_some(), h, c));
            }
        }
    }

    /// Some rows of one step, whose state before lies in the first rows of `h` and `c`.
    fn step(&self, step: &mut Step<'_, T>, (from, rows): (usize, usize), (moves, h, c): (bool, &[T], &[T])) {
        let sizes = &self.sizes;
        let (units, output, c_width) = (sizes.hidden, sizes.output, sizes.cell_width());
        let gates = &mut step.gates[from * sizes.row()..][..rows * sizes.row()];
        let cells = &mut step.cells[from * c_width..][..rows * c_width];
        let hidden = &mut step.hidden[from * output..][..rows * output];
        if moves {
            let c = (&mut gates[sizes.recurrent().0..], sizes.row());
            self.w_hh.multiply(rows, Rows { data: h, stride: output }, c, true, self.spread);
        }
        let mut inner = vec![T::ZERO; if self.w_hr.is_some() { rows * units } else { 0 }];
        let cell = CellForward {
            cell: sizes.cell,
            width: units,
            gates,
            cells_before: &c[..rows * c_width],
            cells,
            hidden_before: &h[..rows * output],
            hidden: if self.w_hr.is_some() { &mut inner } else { &mut *hidden },
        };
        cell.run(self.isa, self.spread);
        if let Some(projection) = &self.w_hr {
            projection.multiply(
                rows,
                Rows { data: &inner, stride: units },
                (hidden, output),
                false,
                self.spread,
            );
        }
    }
}
