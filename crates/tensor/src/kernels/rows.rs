//! Functions of whole rows: softmax and its relatives, each in one visit of the row while it lies in the cache.
//!
//! A row's sums run in fixed lanes and blocks, so their bits depend on neither threads nor instruction set. Rows are
//! dense; knows no `Tensor`.

use crate::element::Float;
use crate::isa::{Body, Isa, dispatch};
use crate::parallel::{self, Cost};

/// Which function, with its operands: `x`, `y`, `g` and `out` hold rows of equal length.
#[derive(Debug)]
pub enum Rows<'a, T> {
    /// out = e^x / Σ e^x.
    Softmax {
        /// Operand.
        x: &'a [T],
        /// Result.
        out: &'a mut [T],
    },
    /// out = x − ln Σ e^x.
    LogSoftmax {
        /// Operand.
        x: &'a [T],
        /// Result.
        out: &'a mut [T],
    },
    /// out = y·(g − Σ g·y), where y is a softmax.
    SoftmaxGrad {
        /// Softmax.
        y: &'a [T],
        /// Cotangent.
        g: &'a [T],
        /// Result.
        out: &'a mut [T],
    },
    /// out = g − e^y · Σ g, where y is a log-softmax.
    LogSoftmaxGrad {
        /// Log-softmax.
        y: &'a [T],
        /// Cotangent.
        g: &'a [T],
        /// Result.
        out: &'a mut [T],
    },
    /// out = g·(softmax x − 1 at the target), with one g and one target per row.
    CrossEntropyGrad {
        /// Logits.
        x: &'a [T],
        /// The class of each row, each less than a row's length.
        targets: &'a [usize],
        /// Cotangent of each row's loss.
        g: &'a [T],
        /// Result.
        out: &'a mut [T],
    },
    /// out = ln Σ e^x, one value per row.
    LogSumExp {
        /// Operand.
        x: &'a [T],
        /// Result.
        out: &'a mut [T],
    },
    /// losses = ln Σ e^x − x at the target, and sums = ln Σ e^x, one value each per row.
    CrossEntropy {
        /// Logits.
        x: &'a [T],
        /// The class of each row, each less than a row's length.
        targets: &'a [usize],
        /// Result.
        losses: &'a mut [T],
        /// Result.
        sums: &'a mut [T],
    },
}

/// Elements that one part of the work covers.
const PART: usize = 16 * 1024;

/// Computes one function over rows of `n` elements.
pub fn rows<T: Float>(isa: Isa, n: usize, call: Rows<'_, T>) {
    match call {
        Rows::Softmax { x, out } => map(isa, n, x, x, out, |_, x, _, out| softmax(x, out)),
        Rows::LogSoftmax { x, out } => map(isa, n, x, x, out, |_, x, _, out| log_softmax(x, out)),
        Rows::SoftmaxGrad { y, g, out } => map(isa, n, y, g, out, |_, y, g, out| softmax_grad(y, g, out)),
        Rows::LogSoftmaxGrad { y, g, out } => {
            map(isa, n, y, g, out, |_, y, g, out| log_softmax_grad(y, g, out));
        }
        Rows::CrossEntropyGrad { x, targets, g, out } => map(isa, n, x, x, out, |row, x, _, out| {
            softmax(x, out);
            if let Some(p) = out.get_mut(targets[row]) {
                *p = *p - T::ONE;
            }
            out.iter_mut().for_each(|p| *p = *p * g[row]);
        }),
        Rows::LogSumExp { x, out } => {
            let each = PART.div_ceil(n.max(1));
            parallel::chunks_mut(out, each, cost::<T>(x.len()), |part, out| {
                dispatch(isa, LogSumExp { x: &x[part * each * n..], out, n });
            });
        }
        Rows::CrossEntropy { x, targets, losses, sums } => {
            let each = PART.div_ceil(n.max(1));
            let cost = cost::<T>(x.len());
            parallel::chunks_mut2((losses, each), (sums, each), cost, |part, losses, sums| {
                let (x, targets) = (&x[part * each * n..], &targets[part * each..]);
                dispatch(isa, CrossEntropy { x, targets, losses, sums, n });
            });
        }
    }
}

fn cost<T>(elements: usize) -> Cost {
    Cost { bytes: elements * 2 * size_of::<T>(), flops: elements * 30 }
}

/// `f(row number, row of a, row of b, row of out)` for each row.
fn map<T: Float>(
    isa: Isa,
    n: usize,
    a: &[T],
    b: &[T],
    out: &mut [T],
    f: impl Fn(usize, &[T], &[T], &mut [T]) + Sync + Send,
) {
    let each = PART.div_ceil(n.max(1));
    parallel::chunks_mut(out, each * n, cost::<T>(a.len()), |part, out| {
        let range = part * each * n..part * each * n + out.len();
        dispatch(isa, Map { first: part * each, n, a: &a[range.clone()], b: &b[range], out, f: &f });
    });
}

struct Map<'a, T, F> {
    first: usize,
    n: usize,
    a: &'a [T],
    b: &'a [T],
    out: &'a mut [T],
    f: &'a F,
}

impl<T: Float, F: Fn(usize, &[T], &[T], &mut [T])> Body for Map<'_, T, F> {
    type Output = ();
    #[inline(always)]
    fn run(self) {
        let n = self.n.max(1);
        let rows = self.out.chunks_exact_mut(n).zip(self.a.chunks_exact(n)).zip(self.b.chunks_exact(n));
        for (row, ((out, a), b)) in rows.enumerate() {
            (self.f)(self.first + row, a, b, out);
        }
    }
}

struct LogSumExp<'a, T> {
    x: &'a [T],
    out: &'a mut [T],
    n: usize,
}

impl<T: Float> Body for LogSumExp<'_, T> {
    type Output = ();
    #[inline(always)]
    fn run(self) {
        for (row, out) in self.out.iter_mut().enumerate() {
            let (shift, sum) = shifted(&self.x[row * self.n..][..self.n]);
            *out = shift + sum.ln();
        }
    }
}

struct CrossEntropy<'a, T> {
    x: &'a [T],
    targets: &'a [usize],
    losses: &'a mut [T],
    sums: &'a mut [T],
    n: usize,
}

impl<T: Float> Body for CrossEntropy<'_, T> {
    type Output = ();
    #[inline(always)]
    fn run(self) {
        for (row, (loss, out)) in self.losses.iter_mut().zip(self.sums).enumerate() {
            let x = &self.x[row * self.n..][..self.n];
            let (shift, sum) = shifted(x);
            let log = sum.ln();
            *loss = (shift - x[self.targets[row]]) + log; // in this order a large shift costs no digits
            *out = shift + log;
        }
    }
}

const LANES: usize = 16;
/// Elements that are added before their sum joins the total.
const BLOCK: usize = 1024;

/// Σ f(aᵢ, bᵢ) over rows of one length.
#[inline(always)]
fn total<T: Float>(a: &[T], b: &[T], f: impl Fn(T, T) -> T) -> T {
    let mut total = T::ZERO;
    for (a, b) in a.chunks(BLOCK).zip(b.chunks(BLOCK)) {
        let mut lanes = [T::ZERO; LANES];
        let ((a, rest_a), (b, rest_b)) = (a.as_chunks::<LANES>(), b.as_chunks::<LANES>());
        for (a, b) in a.iter().zip(b) {
            for lane in 0..LANES {
                lanes[lane] = lanes[lane] + f(a[lane], b[lane]);
            }
        }
        for (lane, (&a, &b)) in lanes.iter_mut().zip(rest_a.iter().zip(rest_b)) {
            *lane = *lane + f(a, b);
        }
        total = total + fold(lanes, |a, b| a + b);
    }
    total
}

#[inline(always)]
fn fold<T: Float>(mut lanes: [T; LANES], f: impl Fn(T, T) -> T) -> T {
    let mut width = LANES;
    while width > 1 {
        width /= 2;
        for lane in 0..width {
            lanes[lane] = f(lanes[lane], lanes[lane + width]);
        }
    }
    lanes[0]
}

/// The largest number, −∞ of none; a NaN may be passed over (the exponentials find it).
#[inline(always)]
fn largest<T: Float>(x: &[T]) -> T {
    let larger = |a: T, b: T| if b > a { b } else { a };
    let mut lanes = [T::LOWEST; LANES];
    let (chunks, rest) = x.as_chunks::<LANES>();
    for chunk in chunks {
        for lane in 0..LANES {
            lanes[lane] = larger(lanes[lane], chunk[lane]);
        }
    }
    rest.iter().zip(&mut lanes).for_each(|(&x, lane)| *lane = larger(*lane, x));
    fold(lanes, larger)
}

/// The shift c and Σ e^(x − c). The shift is the maximum, or 0 if that is infinite, which leaves ln Σ e^x = c + ln Σ
/// right for rows of −∞ or with +∞.
#[inline(always)]
fn shifted<T: Float>(x: &[T]) -> (T, T) {
    let shift = largest(x);
    let shift = if shift.is_infinite() { T::ZERO } else { shift };
    (shift, total(x, x, |x, _| (x - shift).fast_exp()))
}

#[inline(always)]
fn softmax<T: Float>(x: &[T], out: &mut [T]) {
    let shift = largest(x);
    for (out, &x) in out.iter_mut().zip(x) {
        *out = (x - shift).fast_exp();
    }
    let sum = total(out, out, |e, _| e);
    out.iter_mut().for_each(|e| *e = *e / sum);
}

#[inline(always)]
fn log_softmax<T: Float>(x: &[T], out: &mut [T]) {
    let shift = largest(x);
    let log = total(x, x, |x, _| (x - shift).fast_exp()).ln();
    for (out, &x) in out.iter_mut().zip(x) {
        *out = (x - shift) - log;
    }
}

#[inline(always)]
fn softmax_grad<T: Float>(y: &[T], g: &[T], out: &mut [T]) {
    let dot = total(y, g, |y, g| y * g);
    for (out, (&y, &g)) in out.iter_mut().zip(y.iter().zip(g)) {
        *out = y * (g - dot);
    }
}

#[inline(always)]
fn log_softmax_grad<T: Float>(y: &[T], g: &[T], out: &mut [T]) {
    let sum = total(g, g, |g, _| g);
    for (out, (&y, &g)) in out.iter_mut().zip(y.iter().zip(g)) {
        *out = g - y.fast_exp() * sum;
    }
}
