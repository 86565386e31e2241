//! All steps backward. Knows the order of steps and who owns which rows; the arithmetic is in `cells` and `product`.

use super::Sizes;
use super::blocks::{Cut, cost, starts};
use super::cells::CellBackward;
use super::product::{Rows, Weights};
use crate::element::Float;
use crate::isa::Isa;
use crate::parallel;

/// The steps of one direction of one layer, backward. Letters as in [`super::Forward`], whose results are read.
#[derive(Debug)]
pub struct Backward<'a, T> {
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
    /// The gates, `[N, S·H]`.
    pub gates: &'a [T],
    /// Cell states `[N, H]` for LSTM, else empty.
    pub cells: &'a [T],
    /// Hidden states `[N, P]`.
    pub hidden: &'a [T],
    /// Their cotangent `[N, P]`.
    pub g: &'a [T],
    /// Result: cotangents of the gates' sums, `[N, S·H]`.
    pub d_gates: &'a mut [T],
    /// Result with a projection: cotangent of each hidden state with what later steps add to it, `[N, P]`; else empty.
    pub d_projected: &'a mut [T],
    /// Noughts, replaced by the cotangent of the first hidden state, `[B, P]`.
    pub dh: &'a mut [T],
    /// Cotangent of the last cell state, replaced by that of the first, `[B, H]` for LSTM, else empty.
    pub dc: &'a mut [T],
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
    gates: &'a [T],
    cells: &'a [T],
    hidden: &'a [T],
    g: &'a [T],
    starts: Vec<(usize, usize)>,
    zeros: &'a [T],
}

/// What one block of sequences writes: rows per step, and a row per sequence.
struct Block<'a, T> {
    d_gates: Vec<&'a mut [T]>,
    d_projected: Vec<&'a mut [T]>,
    dh: &'a mut [T],
    dc: &'a mut [T],
}

/// Takes all sequences back through all steps.
///
/// # Panics
/// If a slice has not the length that its shape asks for.
pub fn backward<T: Float>(call: Backward<'_, T>) {
    T::rnn_backward(call);
}

impl<T: Float> Backward<'_, T> {
    fn check(&self) {
        let sizes = &self.sizes;
        let (rows, batch, output, c_width) =
            (sizes.steps.rows(), sizes.steps.batch(), sizes.output, sizes.cell_width());
        let projected = if self.w_hr.is_some() { output } else { 0 };
        sizes.check("w_hh", self.w_hh.len(), sizes.recurrent().1, output);
        sizes.check("w_hr", self.w_hr.map_or(0, <[T]>::len), projected, sizes.hidden);
        sizes.check("h0", self.h0.map_or(batch * output, <[T]>::len), batch, output);
        sizes.check("c0", self.c0.map_or(batch * c_width, <[T]>::len), batch, c_width);
        sizes.check("gates", self.gates.len(), rows, sizes.row());
        sizes.check("cells", self.cells.len(), rows, c_width);
        sizes.check("hidden", self.hidden.len(), rows, output);
        sizes.check("g", self.g.len(), rows, output);
        sizes.check("d_gates", self.d_gates.len(), rows, sizes.row());
        sizes.check("d_projected", self.d_projected.len(), rows, projected);
        sizes.check("dh", self.dh.len(), batch, output);
        sizes.check("dc", self.dc.len(), batch, c_width);
    }
}

pub(in crate::kernels) fn run<T: Float>(call: Backward<'_, T>) {
    call.check();
    let Backward { sizes, w_hh, w_hr, h0, c0, gates, cells, hidden, g, d_gates, d_projected, dh, dc } = call;
    let (batch, units, recurrent) = (sizes.steps.batch(), sizes.hidden, sizes.recurrent().1);
    let cut = Cut::of(&sizes, size_of_val(w_hh));
    let zeros = vec![T::ZERO; batch * units.max(sizes.output)];
    let common = Common {
        sizes,
        isa: crate::current_isa(),
        spread: cut.spread,
        w_hh: Weights::plain(w_hh, [recurrent, sizes.output]),
        w_hr: w_hr.map(|w| Weights::plain(w, [sizes.output, units])),
        h0,
        c0,
        gates,
        cells,
        hidden,
        g,
        starts: starts(&sizes),
        zeros: &zeros,
    };
    let projected = if w_hr.is_some() { sizes.output } else { 0 };
    let rows =
        cut.split(&sizes, d_gates, sizes.row()).into_iter().zip(cut.split(&sizes, d_projected, projected));
    let states = cut.split_batch(batch, dh, sizes.output).into_iter().zip(cut.split_batch(
        batch,
        dc,
        sizes.cell_width(),
    ));
    let mut tasks: Vec<_> = rows
        .zip(states)
        .map(|((d_gates, d_projected), (dh, dc))| Block { d_gates, d_projected, dh, dc })
        .collect();
    parallel::chunks_mut(&mut tasks, 1, cost(&sizes), |i, tasks| {
        tasks.iter_mut().for_each(|block| common.block(cut.block(batch, i).0, block));
    });
}

impl<T: Float> Common<'_, T> {
    /// Takes the block of sequences from `first` on back through all steps.
    fn block(&self, first: usize, block: &mut Block<'_, T>) {
        let sizes = &self.sizes;
        let (output, c_width, units) = (sizes.output, sizes.cell_width(), sizes.hidden);
        let sequences = block.dh.len() / output;
        let mut inner = vec![T::ZERO; if self.w_hr.is_some() { sequences * units } else { 0 }];
        for s in (0..self.starts.len()).rev() {
            let rows = block.d_gates[s].len() / sizes.row();
            if rows == 0 {
                continue;
            }
            let at = self.starts[s].0 + first;
            if let Some(projection) = &self.w_hr {
                let sums = &mut *block.d_projected[s];
                let parts = self.g[at * output..].iter().zip(&*block.dh);
                sums.iter_mut().zip(parts).for_each(|(sum, (&g, &dh))| *sum = g + dh);
                projection.multiply(
                    rows,
                    Rows { data: sums, stride: output },
                    (&mut inner, units),
                    false,
                    self.spread,
                );
            }
            // Sequences that took the step before came from there, the others began.
            let before = if s > 0 { self.starts[s - 1] } else { (0, 0) };
            let carried = before.1.saturating_sub(first).min(rows);
            let from = if carried > 0 { before.0 + first } else { 0 };
            let h0 = self.h0.map_or(self.zeros, |h| &h[(first + carried) * output..]);
            let c0 = self.c0.map_or(self.zeros, |c| &c[(first + carried) * c_width..]);
            let groups = [
                (0, carried, &self.hidden[from * output..], &self.cells[from * c_width..]),
                (carried, rows - carried, h0, c0),
            ];
            for (row, rows, h, c) in groups.into_iter().filter(|group| group.1 > 0) {
                let inner = if self.w_hr.is_some() { &inner[row * units..][..rows * units] } else { &[] };
                self.cells(block, s, (at, row, rows), (h, c), inner);
            }
            let a = Rows { data: &block.d_gates[s][sizes.recurrent().0..], stride: sizes.row() };
            let adds = sizes.cell == super::Recurrence::Gru;
            self.w_hh.multiply(rows, a, (&mut block.dh[..rows * output], output), adds, self.spread);
        }
    }

    /// The cells of some rows of step `s`, whose rows lie from `at` on.
    fn cells(
        &self,
        block: &mut Block<'_, T>,
        s: usize,
        (at, row, rows): (usize, usize, usize),
        (h, c): (&[T], &[T]),
        inner: &[T],
    ) {
        let sizes = &self.sizes;
        let (width, output, units, c_width) = (sizes.row(), sizes.output, sizes.hidden, sizes.cell_width());
        let at = at + row;
        let mut nought;
        let (g, dh) = if self.w_hr.is_some() {
            nought = vec![T::ZERO; rows * units];
            (inner, &mut nought[..])
        } else {
            (&self.g[at * output..][..rows * output], &mut block.dh[row * output..][..rows * output])
        };
        let cell = CellBackward {
            cell: sizes.cell,
            width: units,
            gates: &self.gates[at * width..][..rows * width],
            cells_before: &c[..rows * c_width],
            cells: &self.cells[at * c_width..][..rows * c_width],
            hidden_before: &h[..rows * output],
            hidden: &self.hidden[at * output..][..rows * output],
            g,
            dh,
            dc: &mut block.dc[row * c_width..][..rows * c_width],
            d_gates: &mut block.d_gates[s][row * width..][..rows * width],
        };
        cell.run(self.isa, self.spread);
    }
}
