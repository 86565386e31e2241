//! The cells: what one step does to each hidden unit once its sums are there, and its derivative. One visit of the row,
//! in plain Rust that vectorises on each instruction set. Knows no steps and no products.

use super::Recurrence;
use crate::element::Float;
use crate::isa::{Body, Isa, dispatch};
use crate::parallel::{self, Cost};

/// One step of some sequences forward; all slices are rows of `width` (gates: `slots·width`) numbers.
pub(super) struct CellForward<'a, T> {
    pub(super) cell: Recurrence,
    pub(super) width: usize,
    /// The gates' sums, replaced by the gates.
    pub(super) gates: &'a mut [T],
    /// Cell state before (LSTM).
    pub(super) cells_before: &'a [T],
    /// Cell state after (LSTM).
    pub(super) cells: &'a mut [T],
    /// Hidden state before (GRU).
    pub(super) hidden_before: &'a [T],
    /// Hidden state after.
    pub(super) hidden: &'a mut [T],
}

/// One step of some sequences backward.
pub(super) struct CellBackward<'a, T> {
    pub(super) cell: Recurrence,
    pub(super) width: usize,
    /// The gates.
    pub(super) gates: &'a [T],
    pub(super) cells_before: &'a [T],
    pub(super) cells: &'a [T],
    pub(super) hidden_before: &'a [T],
    pub(super) hidden: &'a [T],
    /// Cotangent of the hidden state from outside.
    pub(super) g: &'a [T],
    /// Cotangent of the hidden state after, from the next step; replaced by the share of the state before that does
    /// not come through a product (GRU).
    pub(super) dh: &'a mut [T],
    /// Cotangent of the cell state after; replaced by that of the state before (LSTM).
    pub(super) dc: &'a mut [T],
    /// Cotangents of the gates' sums.
    pub(super) d_gates: &'a mut [T],
}

/// N runs of `width` numbers.
#[inline(always)]
fn runs<T, const N: usize>(x: &[T], width: usize) -> [&[T]; N] {
    std::array::from_fn(|i| &x[i * width..][..width])
}

/// N runs of `width` numbers, to write.
#[inline(always)]
fn runs_mut<T, const N: usize>(x: &mut [T], width: usize) -> [&mut [T]; N] {
    let mut rest = x;
    std::array::from_fn(|_| {
        let (run, after) = std::mem::take(&mut rest).split_at_mut(width);
        rest = after;
        run
    })
}

/// Numbers of hidden state that one task covers when a step is spread over threads.
const PART: usize = 8 * 1024;

/// Cuts the first `rows` rows of `width` numbers off; a slice that holds nothing gives nothing.
fn take<'a, T>(x: &mut &'a [T], rows: usize, width: usize) -> &'a [T] {
    let (part, rest) = x.split_at((rows * width).min(x.len()));
    *x = rest;
    part
}

/// [`take`], to write.
fn take_mut<'a, T>(x: &mut &'a mut [T], rows: usize, width: usize) -> &'a mut [T] {
    let end = (rows * width).min(x.len());
    let (part, rest) = std::mem::take(x).split_at_mut(end);
    *x = rest;
    part
}

/// Runs steps, each of `width` numbers in a row, on one thread or several.
fn run_all<S: Body<Output = ()> + Send>(isa: Isa, mut parts: Vec<Option<S>>, numbers: usize) {
    // A number costs some five exponentials.
    let cost = Cost::flops(numbers * 100);
    parallel::chunks_mut(&mut parts, 1, cost, |_, parts| {
        parts.iter_mut().filter_map(Option::take).for_each(|part| dispatch(isa, part));
    });
}

impl<T: Float> CellForward<'_, T> {
    /// Runs the step, on several threads if `spread` and it is large.
    pub(super) fn run(mut self, isa: Isa, spread: bool) {
        let (width, slots) = (self.width, self.cell.slots());
        let rows = self.gates.len() / (slots * width);
        let each = PART.div_ceil(width);
        if !spread || rows <= each {
            return dispatch(isa, self);
        }
        let part = |_| {
            Some(CellForward {
                gates: take_mut(&mut self.gates, each, slots * width),
                cells_before: take(&mut self.cells_before, each, width),
                cells: take_mut(&mut self.cells, each, width),
                hidden_before: take(&mut self.hidden_before, each, width),
                hidden: take_mut(&mut self.hidden, each, width),
                ..self
            })
        };
        run_all(isa, (0..rows.div_ceil(each)).map(part).collect(), rows * width);
    }

    #[inline(always)]
    fn lstm(self) {
        let n = self.width;
        let gates = self.gates.chunks_exact_mut(4 * n);
        let states = self.cells_before.chunks_exact(n).zip(self.cells.chunks_exact_mut(n));
        for ((gates, (before, c)), h) in gates.zip(states).zip(self.hidden.chunks_exact_mut(n)) {
            let [i, f, g, o] = runs_mut(gates, n);
            let (before, c, h) = (&before[..n], &mut c[..n], &mut h[..n]);
            for j in 0..n {
                i[j] = i[j].logistic();
                f[j] = f[j].logistic();
                g[j] = g[j].fast_tanh();
                o[j] = o[j].logistic();
                c[j] = f[j] * before[j] + i[j] * g[j];
                h[j] = o[j] * c[j].fast_tanh();
            }
        }
    }

    #[inline(always)]
    fn gru(self) {
        let n = self.width;
        let states = self.hidden_before.chunks_exact(n).zip(self.hidden.chunks_exact_mut(n));
        for (gates, (before, h)) in self.gates.chunks_exact_mut(4 * n).zip(states) {
            let [new, r, z, recurrent] = runs_mut(gates, n);
            let (before, h) = (&before[..n], &mut h[..n]);
            for j in 0..n {
                r[j] = r[j].logistic();
                z[j] = z[j].logistic();
                new[j] = (new[j] + r[j] * recurrent[j]).fast_tanh();
                h[j] = new[j] + z[j] * (before[j] - new[j]);
            }
        }
    }
}

impl<T: Float> Body for CellForward<'_, T> {
    type Output = ();
    #[inline(always)]
    fn run(self) {
        match self.cell {
            Recurrence::Tanh => {
                self.hidden.iter_mut().zip(&*self.gates).for_each(|(h, a)| *h = a.fast_tanh())
            }
            Recurrence::Relu => {
                let positive =
                    |(h, &a): (&mut T, &T)| *h = if a > T::ZERO || a.is_nan() { a } else { T::ZERO };
                self.hidden.iter_mut().zip(&*self.gates).for_each(positive);
            }
            Recurrence::Lstm => self.lstm(),
            Recurrence::Gru => self.gru(),
        }
    }
}

impl<T: Float> CellBackward<'_, T> {
    /// Runs the step, on several threads if `spread` and it is large.
    pub(super) fn run(mut self, isa: Isa, spread: bool) {
        let (width, slots) = (self.width, self.cell.slots());
        let rows = self.gates.len() / (slots * width);
        let each = PART.div_ceil(width);
        if !spread || rows <= each {
            return dispatch(isa, self);
        }
        let part = |_| {
            Some(CellBackward {
                gates: take(&mut self.gates, each, slots * width),
                cells_before: take(&mut self.cells_before, each, width),
                cells: take(&mut self.cells, each, width),
                hidden_before: take(&mut self.hidden_before, each, width),
                hidden: take(&mut self.hidden, each, width),
                g: take(&mut self.g, each, width),
                dh: take_mut(&mut self.dh, each, width),
                dc: take_mut(&mut self.dc, each, width),
                d_gates: take_mut(&mut self.d_gates, each, slots * width),
                ..self
            })
        };
        run_all(isa, (0..rows.div_ceil(each)).map(part).collect(), rows * width);
    }

    #[inline(always)]
    fn plain(self, slope: impl Fn(T) -> T) {
        let flows = self.g.iter().zip(&*self.dh);
        for ((d, &h), (&g, &dh)) in self.d_gates.iter_mut().zip(self.hidden).zip(flows) {
            *d = (g + dh) * slope(h);
        }
    }

    #[inline(always)]
    fn lstm(self) {
        let n = self.width;
        let gates = self.gates.chunks_exact(4 * n).zip(self.d_gates.chunks_exact_mut(4 * n));
        let states = self.cells_before.chunks_exact(n).zip(self.cells.chunks_exact(n));
        let flows = self.g.chunks_exact(n).zip(self.dh.chunks_exact(n)).zip(self.dc.chunks_exact_mut(n));
        for (((gates, d_gates), (before, c)), ((g_out, dh), dc)) in gates.zip(states).zip(flows) {
            let [i, f, g, o] = runs(gates, n);
            let [di, df, dg, d_o] = runs_mut(d_gates, n);
            let (before, c, g_out, dh, dc) = (&before[..n], &c[..n], &g_out[..n], &dh[..n], &mut dc[..n]);
            for j in 0..n {
                let (dh, t) = (g_out[j] + dh[j], c[j].fast_tanh());
                let d = dc[j] + dh * o[j] * (T::ONE - t * t);
                d_o[j] = dh * t * (o[j] * (T::ONE - o[j]));
                di[j] = d * g[j] * (i[j] * (T::ONE - i[j]));
                df[j] = d * before[j] * (f[j] * (T::ONE - f[j]));
                dg[j] = d * i[j] * (T::ONE - g[j] * g[j]);
                dc[j] = d * f[j];
            }
        }
    }

    #[inline(always)]
    fn gru(self) {
        let n = self.width;
        let gates = self.gates.chunks_exact(4 * n).zip(self.d_gates.chunks_exact_mut(4 * n));
        let flows = self.g.chunks_exact(n).zip(self.dh.chunks_exact_mut(n));
        for (((gates, d_gates), before), (g, dh)) in gates.zip(self.hidden_before.chunks_exact(n)).zip(flows)
        {
            let [new, r, z, recurrent] = runs(gates, n);
            let [d_new, dr, dz, d_recurrent] = runs_mut(d_gates, n);
            let (before, g, dh) = (&before[..n], &g[..n], &mut dh[..n]);
            for j in 0..n {
                let d = g[j] + dh[j];
                let slope = d * (T::ONE - z[j]) * (T::ONE - new[j] * new[j]);
                d_new[j] = slope;
                d_recurrent[j] = slope * r[j];
                dr[j] = slope * recurrent[j] * (r[j] * (T::ONE - r[j]));
                dz[j] = d * (before[j] - new[j]) * (z[j] * (T::ONE - z[j]));
                dh[j] = d * z[j];
            }
        }
    }
}

impl<T: Float> Body for CellBackward<'_, T> {
    type Output = ();
    #[inline(always)]
    fn run(self) {
        match self.cell {
            Recurrence::Tanh => self.plain(|h| T::ONE - h * h),
            Recurrence::Relu => self.plain(|h| if h > T::ZERO { T::ONE } else { T::ZERO }),
            Recurrence::Lstm => self.lstm(),
            Recurrence::Gru => self.gru(),
        }
    }
}
