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

/// Hidden units that are computed together: whole vectors on each instruction set, whose operands the compiler sees to be
/// different memory.
const PACK: usize = 16;
type Pack<T> = [T; PACK];

/// The units from `at` on; what lies behind the last one is 0.
#[inline(always)]
fn load<T: Float>(x: &[T], at: usize) -> Pack<T> {
    match x[at..].first_chunk() {
        Some(pack) => *pack,
        None => {
            let mut pack = [T::ZERO; PACK];
            pack[..x.len() - at].copy_from_slice(&x[at..]);
            pack
        }
    }
}

/// Writes the units from `at` on.
#[inline(always)]
fn store<T: Float>(x: &mut [T], at: usize, pack: &Pack<T>) {
    match x[at..].first_chunk_mut() {
        Some(to) => *to = *pack,
        None => {
            let rest = &mut x[at..];
            let count = rest.len();
            rest.copy_from_slice(&pack[..count]);
        }
    }
}

/// The units from `at` on of run number `run`, each `width` numbers long.
#[inline(always)]
fn load_run<T: Float>(x: &[T], width: usize, run: usize, at: usize) -> Pack<T> {
    load(&x[run * width..][..width], at)
}

/// Writes them.
#[inline(always)]
fn store_run<T: Float>(x: &mut [T], width: usize, run: usize, at: usize, pack: &Pack<T>) {
    store(&mut x[run * width..][..width], at, pack);
}

/// `f` of each unit.
#[inline(always)]
fn each<T: Float>(f: impl Fn(usize) -> T) -> Pack<T> {
    let mut out = [T::ZERO; PACK];
    for (k, out) in out.iter_mut().enumerate() {
        *out = f(k);
    }
    out
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
        for ((gates, (before, after)), hidden) in gates.zip(states).zip(self.hidden.chunks_exact_mut(n)) {
            for at in (0..n).step_by(PACK) {
                let (i, f) = (load_run(gates, n, 0, at), load_run(gates, n, 1, at));
                let (i, f) = (each(|k| i[k].logistic()), each(|k| f[k].logistic()));
                store_run(gates, n, 0, at, &i);
                store_run(gates, n, 1, at, &f);
                let (g, o) = (load_run(gates, n, 2, at), load_run(gates, n, 3, at));
                let (g, o) = (each(|k| g[k].fast_tanh()), each(|k| o[k].logistic()));
                store_run(gates, n, 2, at, &g);
                store_run(gates, n, 3, at, &o);
                let before = load(before, at);
                let c = each(|k| f[k] * before[k] + i[k] * g[k]);
                store(after, at, &c);
                store(hidden, at, &each(|k| o[k] * c[k].fast_tanh()));
            }
        }
    }

    #[inline(always)]
    fn gru(self) {
        let n = self.width;
        let states = self.hidden_before.chunks_exact(n).zip(self.hidden.chunks_exact_mut(n));
        for (gates, (before, hidden)) in self.gates.chunks_exact_mut(4 * n).zip(states) {
            for at in (0..n).step_by(PACK) {
                let (r, z) = (load_run(gates, n, 1, at), load_run(gates, n, 2, at));
                let (r, z) = (each(|k| r[k].logistic()), each(|k| z[k].logistic()));
                store_run(gates, n, 1, at, &r);
                store_run(gates, n, 2, at, &z);
                let (new, recurrent) = (load_run(gates, n, 0, at), load_run(gates, n, 3, at));
                let new = each(|k| (new[k] + r[k] * recurrent[k]).fast_tanh());
                store_run(gates, n, 0, at, &new);
                let before = load(before, at);
                store(hidden, at, &each(|k| new[k] + z[k] * (before[k] - new[k])));
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
            for at in (0..n).step_by(PACK) {
                let (c, o) = (load(c, at), load_run(gates, n, 3, at));
                let (g_out, dh, d) = (load(g_out, at), load(dh, at), load(dc, at));
                let dh = each(|k| g_out[k] + dh[k]);
                let t = each(|k| c[k].fast_tanh());
                let d = each(|k| d[k] + dh[k] * o[k] * (T::ONE - t[k] * t[k]));
                store_run(d_gates, n, 3, at, &each(|k| dh[k] * t[k] * (o[k] * (T::ONE - o[k]))));
                let (f, before) = (load_run(gates, n, 1, at), load(before, at));
                store(dc, at, &each(|k| d[k] * f[k]));
                store_run(d_gates, n, 1, at, &each(|k| d[k] * before[k] * (f[k] * (T::ONE - f[k]))));
                let (i, g) = (load_run(gates, n, 0, at), load_run(gates, n, 2, at));
                store_run(d_gates, n, 0, at, &each(|k| d[k] * g[k] * (i[k] * (T::ONE - i[k]))));
                store_run(d_gates, n, 2, at, &each(|k| d[k] * i[k] * (T::ONE - g[k] * g[k])));
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
            for at in (0..n).step_by(PACK) {
                let (before, g, next) = (load(before, at), load(g, at), load(dh, at));
                let (new, z) = (load_run(gates, n, 0, at), load_run(gates, n, 2, at));
                let d = each(|k| g[k] + next[k]);
                store(dh, at, &each(|k| d[k] * z[k]));
                let dz = each(|k| d[k] * (before[k] - new[k]) * (z[k] * (T::ONE - z[k])));
                store_run(d_gates, n, 2, at, &dz);
                let slope = each(|k| d[k] * (T::ONE - z[k]) * (T::ONE - new[k] * new[k]));
                store_run(d_gates, n, 0, at, &slope);
                let (r, recurrent) = (load_run(gates, n, 1, at), load_run(gates, n, 3, at));
                store_run(d_gates, n, 3, at, &each(|k| slope[k] * r[k]));
                store_run(d_gates, n, 1, at, &each(|k| slope[k] * recurrent[k] * (r[k] * (T::ONE - r[k]))));
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
