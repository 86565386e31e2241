//! One direction of one recurrent layer over whole sequences, and its first derivative. What the operands mean and
//! which shapes fit stands here, together with the products that cover all steps at once; the steps themselves are in
//! `kernels::rnn`. It must never know layers or gradients' bookkeeping.

use crate::element::Float;
use crate::kernels::matmul::{Gemm, MatRef};
use crate::kernels::rnn::{Backward, BatchSizes, Forward, Recurrence, Sizes};
use crate::tensor::Tensor;

/// A recurrent layer's direction: which cell, which sequences, from which end.
///
/// ```
/// use gradus_tensor::{BatchSizes, Recurrence, RnnOperands, RnnSpec, Tensor};
/// let spec = RnnSpec { cell: Recurrence::Relu, steps: BatchSizes::even(3, 1), reverse: false };
/// let (x, one) = (Tensor::from([[1.0_f32], [2.0], [3.0]]), Tensor::from([[1.0_f32]]));
/// let run = spec.forward(&RnnOperands::new(&x, &one, &one)); // h ← max(x + h, 0)
/// assert_eq!(run.hidden.to_vec(), [1.0, 3.0, 6.0]);
/// ```
#[derive(Clone, Debug)]
pub struct RnnSpec {
    /// Which cell.
    pub cell: Recurrence,
    /// How many sequences take each step; N rows in all, B sequences.
    pub steps: BatchSizes,
    /// From the last step of each sequence to its first.
    pub reverse: bool,
}

/// What a recurrent layer reads, or the cotangents of that. G is 1, for LSTM 4 (gates i, f, g, o), for GRU 3 (r, z, n); P
/// is H but for a projection.
///
/// ```
/// use gradus_tensor::{RnnOperands, Tensor};
/// let (x, w_ih, w_hh) = (Tensor::<f32>::ones([5, 2]), Tensor::ones([3, 2]), Tensor::ones([3, 3])); // N, I, H = 5, 2, 3
/// let mut operands = RnnOperands::new(x, w_ih, w_hh);
/// operands.b_ih = Some(Tensor::zeros([3]));
/// assert_eq!(operands.map(Tensor::len).into_vec(), [10, 6, 9, 3]);
/// ```
#[derive(Clone, Debug)]
pub struct RnnOperands<V> {
    /// Rows of all steps, step by step: `[N, I]`.
    pub x: V,
    /// `[G·H, I]`.
    pub w_ih: V,
    /// `[G·H, P]`.
    pub w_hh: V,
    /// `[G·H]`.
    pub b_ih: Option<V>,
    /// `[G·H]`.
    pub b_hh: Option<V>,
    /// Projection of LSTM's hidden state, `[P, H]`.
    pub w_hr: Option<V>,
    /// First hidden state `[B, P]`; none: noughts.
    pub h0: Option<V>,
    /// First cell state of LSTM `[B, H]`; none: noughts.
    pub c0: Option<V>,
}

impl<V> RnnOperands<V> {
    /// Without biases, projection and first states.
    pub fn new(x: V, w_ih: V, w_hh: V) -> Self {
        Self { x, w_ih, w_hh, b_ih: None, b_hh: None, w_hr: None, h0: None, c0: None }
    }

    /// All that are there, in the order of the fields.
    pub fn into_vec(self) -> Vec<V> {
        let rest = [self.b_ih, self.b_hh, self.w_hr, self.h0, self.c0];
        [self.x, self.w_ih, self.w_hh].into_iter().chain(rest.into_iter().flatten()).collect()
    }

    /// `f` of each, in the order of the fields.
    pub fn map<'a, W>(&'a self, mut f: impl FnMut(&'a V) -> W) -> RnnOperands<W> {
        RnnOperands {
            x: f(&self.x),
            w_ih: f(&self.w_ih),
            w_hh: f(&self.w_hh),
            b_ih: self.b_ih.as_ref().map(&mut f),
            b_hh: self.b_hh.as_ref().map(&mut f),
            w_hr: self.w_hr.as_ref().map(&mut f),
            h0: self.h0.as_ref().map(&mut f),
            c0: self.c0.as_ref().map(&mut f),
        }
    }
}

/// What a forward run leaves for the backward one.
#[derive(Clone, Debug)]
pub struct RnnRun<T: Float> {
    /// Hidden states, `[N, P]`.
    pub hidden: Tensor<T>,
    /// Cell states of LSTM, `[N, H]`; else `[N, 0]`.
    pub cells: Tensor<T>,
    gates: Tensor<T>,
}

/// Rows of the weights for the inputs (from, count, in units of H) and the slot of the gates that they feed.
const fn pieces(cell: Recurrence) -> &'static [(usize, usize, usize)] {
    match cell {
        Recurrence::Tanh | Recurrence::Relu => &[(0, 1, 0)],
        Recurrence::Lstm => &[(0, 4, 0)],
        Recurrence::Gru => &[(0, 2, 1), (2, 1, 0)],
    }
}

/// The elements of a dense tensor.
fn dense<T: Float>(x: &Tensor<T>) -> &[T] {
    x.as_slice().unwrap_or(&[])
}

/// A row-major matrix from element `offset` on.
fn rows<T>(data: &[T], offset: usize, stride: usize) -> MatRef<'_, T> {
    MatRef { data, offset, row_stride: stride as isize, column_stride: 1 }
}

/// The same read by columns.
fn columns<T>(data: &[T], offset: usize, stride: usize) -> MatRef<'_, T> {
    MatRef { data, offset, row_stride: 1, column_stride: stride as isize }
}

/// C `[m, n]` ← A·B (+ C), C dense.
fn product<T: Float>(
    [m, n, k]: [usize; 3],
    a: MatRef<'_, T>,
    b: MatRef<'_, T>,
    c: &mut [T],
    accumulate: bool,
) {
    T::gemm(Gemm { m, n, k, a, b, c, c_stride: n, accumulate, bias: None });
}

impl RnnSpec {
    /// The hidden states of all steps (PyTorch: `torch.rnn_tanh`, `rnn_relu`, `lstm`, `gru`, of one layer and direction).
    ///
    /// # Panics
    /// If shapes do not fit each other and the cell.
    #[must_use]
    #[track_caller]
    pub fn forward<T: Float>(&self, operands: &RnnOperands<&Tensor<T>>) -> RnnRun<T> {
        let sizes = self.sizes(operands);
        let dense_operands = operands.map(|x| x.contiguous());
        let (n, h) = (self.steps.rows(), sizes.hidden);
        let mut gates = Tensor::build([n, self.cell.slots() * h].into(), |gates| {
            self.sums(&dense_operands, h, gates);
        });
        let o = dense_operands.map(dense);
        let mut cells = Tensor::build([n, if self.is_lstm() { h } else { 0 }].into(), |_| ());
        let hidden = Tensor::build([n, sizes.output].into(), |hidden| {
            T::rnn_forward(Forward {
                sizes,
                w_hh: o.w_hh,
                w_hr: o.w_hr,
                h0: o.h0,
                c0: o.c0,
                gates: gates.make_mut(),
                cells: cells.make_mut(),
                hidden,
            });
        });
        RnnRun { hidden, cells, gates }
    }

    /// The cotangents of the operands from those of the hidden states `[N, P]` and, for LSTM, of the last cell states
    /// `[B, H]`. That of `x` is left out (`[0, I]`) unless `wants_x`; those of first states are there if the operand is.
    ///
    /// ```
    /// use gradus_tensor::{BatchSizes, Recurrence, RnnOperands, RnnRun, RnnSpec, Tensor};
    /// let spec = RnnSpec { cell: Recurrence::Relu, steps: BatchSizes::even(2, 1), reverse: false };
    /// let (x, one) = (Tensor::from([[1.0_f32], [2.0]]), Tensor::from([[1.0_f32]]));
    /// let operands = RnnOperands::new(&x, &one, &one);
    /// let run: RnnRun<f32> = spec.forward(&operands); // h₀ = x₀, h₁ = x₁ + h₀
    /// let slopes = spec.backward(&operands, &run, (&Tensor::ones([2, 1]), None), true);
    /// assert_eq!(slopes.x.to_vec(), [2.0, 1.0]);
    /// ```
    ///
    /// # Panics
    /// If shapes do not fit.
    #[must_use]
    #[track_caller]
    pub fn backward<T: Float>(
        &self,
        operands: &RnnOperands<&Tensor<T>>,
        run: &RnnRun<T>,
        (g, g_cell): (&Tensor<T>, Option<&Tensor<T>>),
        wants_x: bool,
    ) -> RnnOperands<Tensor<T>> {
        let sizes = self.sizes(operands);
        g.check_cotangent("rnn", run.hidden.shape());
        let dense_operands = operands.map(|x| x.contiguous());
        let (o, g) = (dense_operands.map(dense), g.contiguous());
        let (n, batch, h, p) = (self.steps.rows(), self.steps.batch(), sizes.hidden, sizes.output);
        let projected = if o.w_hr.is_some() { p } else { 0 };
        let c_width = if self.is_lstm() { h } else { 0 };
        let mut d_hidden = Tensor::build([n, projected].into(), |_| ());
        let mut dh = Tensor::zeros([batch, p]);
        let mut dc = match g_cell {
            Some(g) if self.is_lstm() => g.contiguous(),
            _ => Tensor::zeros([batch, c_width]),
        };
        let d_gates = Tensor::build([n, self.cell.slots() * h].into(), |d_gates| {
            T::rnn_backward(Backward {
                sizes,
                w_hh: o.w_hh,
                w_hr: o.w_hr,
                h0: o.h0,
                c0: o.c0,
                gates: dense(&run.gates),
                cells: dense(&run.cells),
                hidden: dense(&run.hidden),
                g: dense(&g),
                d_gates,
                d_projected: d_hidden.make_mut(),
                dh: dh.make_mut(),
                dc: dc.make_mut(),
            });
        });
        let sums = d_gates.sum_axes(&[0], false);
        let of_slots = |pieces: &[(usize, usize, usize)]| {
            let parts: Vec<_> =
                pieces.iter().map(|&(_, count, slot)| sums.narrow(0, slot * h, count * h)).collect();
            Tensor::cat(&parts.iter().collect::<Vec<_>>(), 0)
        };
        RnnOperands {
            x: if wants_x {
                self.d_inputs(&o, &d_gates, h, operands.x.dim(1))
            } else {
                Tensor::zeros([0, operands.x.dim(1)])
            },
            w_ih: self.d_input_weights(&o, &d_gates, h, operands.x.dim(1)),
            w_hh: self.d_recurrent_weights(&o, &d_gates, &run.hidden, &sizes),
            b_ih: o.b_ih.map(|_| of_slots(pieces(self.cell))),
            b_hh: o.b_hh.map(|_| of_slots(&[(0, self.cell.gates(), self.cell.first())])),
            w_hr: o.w_hr.map(|_| d_hidden.t().matmul(&(run.gates.narrow(1, 3 * h, h) * &run.cells.tanh()))),
            h0: o.h0.map(|_| dh),
            c0: o.c0.map(|_| dc),
        }
    }

    fn is_lstm(&self) -> bool {
        self.cell == Recurrence::Lstm
    }

    /// x·W_ihᵀ and the biases, in the slots of each gate.
    fn sums<T: Float>(&self, o: &RnnOperands<Tensor<T>>, h: usize, gates: &mut [T]) {
        let width = self.cell.slots() * h;
        let (n, inputs) = (self.steps.rows(), o.x.dim(1));
        let (x, w) = (dense(&o.x), dense(&o.w_ih));
        let bias = |b: &Option<Tensor<T>>, at: usize| b.as_ref().map_or(T::ZERO, |b| dense(b)[at]);
        for &(from, count, slot) in pieces(self.cell) {
            // The recurrent part of GRU's candidate keeps its bias to itself.
            let apart = self.cell == Recurrence::Gru && slot == 0;
            let both = |at| bias(&o.b_ih, at) + if apart { T::ZERO } else { bias(&o.b_hh, at) };
            let b: Vec<T> = (from * h..(from + count) * h).map(both).collect();
            T::gemm(Gemm {
                m: n,
                n: count * h,
                k: inputs,
                a: rows(x, 0, inputs),
                b: columns(w, from * h * inputs, inputs),
                c: &mut gates[slot * h..],
                c_stride: width,
                accumulate: false,
                bias: (o.b_ih.is_some() || o.b_hh.is_some()).then_some(&b),
            });
        }
        if self.cell == Recurrence::Gru {
            let b: Vec<T> = (2 * h..3 * h).map(|at| bias(&o.b_hh, at)).collect();
            gates.chunks_exact_mut(width).for_each(|row| row[3 * h..].copy_from_slice(&b));
        }
    }

    fn d_inputs<T: Float>(
        &self,
        o: &RnnOperands<&[T]>,
        d_gates: &Tensor<T>,
        h: usize,
        inputs: usize,
    ) -> Tensor<T> {
        let (n, d) = (self.steps.rows(), dense(d_gates));
        Tensor::build([n, inputs].into(), |out| {
            for (i, &(from, count, slot)) in pieces(self.cell).iter().enumerate() {
                let (a, b) = (rows(d, slot * h, d_gates.dim(1)), rows(o.w_ih, from * h * inputs, inputs));
                product([n, inputs, count * h], a, b, out, i > 0);
            }
        })
    }

    fn d_input_weights<T: Float>(
        &self,
        o: &RnnOperands<&[T]>,
        d_gates: &Tensor<T>,
        h: usize,
        inputs: usize,
    ) -> Tensor<T> {
        let (n, d) = (self.steps.rows(), dense(d_gates));
        Tensor::build([self.cell.gates() * h, inputs].into(), |out| {
            for &(from, count, slot) in pieces(self.cell) {
                let (a, b) = (columns(d, slot * h, d_gates.dim(1)), rows(o.x, 0, inputs));
                let out = &mut out[from * h * inputs..][..count * h * inputs];
                product([count * h, inputs, n], a, b, out, false);
            }
        })
    }

    /// Σ over all rows of the gates' cotangents times the hidden state before.
    fn d_recurrent_weights<T: Float>(
        &self,
        o: &RnnOperands<&[T]>,
        d_gates: &Tensor<T>,
        hidden: &Tensor<T>,
        sizes: &Sizes<'_>,
    ) -> Tensor<T> {
        let (n, batch, p, h) = (self.steps.rows(), self.steps.batch(), sizes.output, sizes.hidden);
        let (d, hidden, width) = (dense(d_gates), dense(hidden), d_gates.dim(1));
        let (m, slot) = (self.cell.gates() * h, self.cell.first() * h);
        Tensor::build([m, p].into(), |out| {
            if !self.steps.is_even() {
                let before = self.before(hidden, o.h0, p);
                return product([m, p, n], columns(d, slot, width), rows(&before, 0, p), out, false);
            }
            // The state before lies one step further: behind in one direction, ahead in the other.
            let (later, earlier) = if self.reverse { (0, batch) } else { (batch, 0) };
            let carried = n - batch;
            let a = columns(&d[later * width..], slot, width);
            product([m, p, carried], a, rows(&hidden[earlier * p..], 0, p), out, false);
            if let Some(h0) = o.h0 {
                let first = if self.reverse { carried } else { 0 };
                product([m, p, batch], columns(&d[first * width..], slot, width), rows(h0, 0, p), out, true);
            }
        })
    }

    /// The hidden state before each row, for sequences of several lengths.
    fn before<T: Float>(&self, hidden: &[T], h0: Option<&[T]>, p: usize) -> Vec<T> {
        let mut out = Vec::with_capacity(hidden.len());
        for place in self.steps.previous(self.reverse) {
            match (place, h0) {
                (Ok(row), _) => out.extend_from_slice(&hidden[row * p..][..p]),
                (Err(sequence), Some(h0)) => out.extend_from_slice(&h0[sequence * p..][..p]),
                (Err(_), None) => out.resize(out.len() + p, T::ZERO),
            }
        }
        out
    }

    /// Checks all shapes.
    #[track_caller]
    fn sizes<T: Float>(&self, o: &RnnOperands<&Tensor<T>>) -> Sizes<'_> {
        let gates = self.cell.gates();
        let (x, w_ih) = (o.x.shape(), o.w_ih.shape());
        assert!(
            x.len() == 2 && x[0] == self.steps.rows(),
            "rnn: input is not [N, I]: {x} (N = {})",
            self.steps.rows()
        );
        assert!(
            self.steps.batch() > 0,
            "rnn: no step: {x} ({} steps, {} sequences)",
            self.steps.steps(),
            self.steps.batch()
        );
        let fits = w_ih.len() == 2 && w_ih[0] > 0 && w_ih[0].is_multiple_of(gates);
        assert!(fits, "rnn: input weights are not [{gates}·H, I]: {w_ih}");
        assert!(
            w_ih[1] == x[1],
            "rnn: input does not fit the weights: {x} · {w_ih}ᵀ ({} ≠ {})",
            x[1],
            w_ih[1]
        );
        let h = w_ih[0] / gates;
        assert!(
            o.w_hr.is_none() || self.is_lstm(),
            "rnn: a projection belongs to LSTM alone: {:?}",
            self.cell
        );
        assert!(o.c0.is_none() || self.is_lstm(), "rnn: a cell state belongs to LSTM alone: {:?}", self.cell);
        let p = o.w_hr.map_or(h, |w| w.shape().first().copied().unwrap_or(0));
        assert!(p > 0, "rnn: projects to nothing: {w_ih} ({p} = 0)");
        let batch = self.steps.batch();
        let check = |name: &str, given: Option<&&Tensor<T>>, want: &[usize]| {
            if let Some(given) = given {
                let shape = given.shape();
                assert!(
                    shape[..] == *want,
                    "rnn: {name} does not fit: {shape} (needs {})",
                    crate::Shape::new(want)
                );
            }
        };
        check("w_hh", Some(&o.w_hh), &[gates * h, p]);
        check("w_hr", o.w_hr.as_ref(), &[p, h]);
        check("b_ih", o.b_ih.as_ref(), &[gates * h]);
        check("b_hh", o.b_hh.as_ref(), &[gates * h]);
        check("h0", o.h0.as_ref(), &[batch, p]);
        check("c0", o.c0.as_ref(), &[batch, h]);
        Sizes { cell: self.cell, steps: &self.steps, reverse: self.reverse, hidden: h, output: p }
    }
}
