//! Functions of whole rows: softmax and its relatives, each in one visit of the row while it lies in the cache.
//!
//! A row's sums run in fixed lanes and blocks, so their bits do not depend on threads. Rows are
//! dense; knows no `Tensor`.

use super::stream::prefetch;
use crate::element::Float;
use crate::isa::{Isa, Kernel, MulAdd, dispatch_kernel};
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
        Rows::Softmax { x, out } => map(isa, n, x, x, out, &Softmax),
        Rows::LogSoftmax { x, out } => map(isa, n, x, x, out, &LogSoftmax),
        Rows::SoftmaxGrad { y, g, out } => map(isa, n, y, g, out, &SoftmaxGrad),
        Rows::LogSoftmaxGrad { y, g, out } => map(isa, n, y, g, out, &LogSoftmaxGrad),
        Rows::CrossEntropyGrad { x, targets, g, out } => {
            map(isa, n, x, x, out, &CrossEntropyGrad { targets, g });
        }
        Rows::LogSumExp { x, out } => {
            let each = PART.div_ceil(n.max(1));
            parallel::chunks_mut(out, each, cost::<T>(x.len()), |part, out| {
                dispatch_kernel(isa, LogSumExp { x: &x[part * each * n..], out, n });
            });
        }
        Rows::CrossEntropy { x, targets, losses, sums } => {
            let each = PART.div_ceil(n.max(1));
            let cost = cost::<T>(x.len());
            parallel::chunks_mut2((losses, each), (sums, each), cost, |part, losses, sums| {
                let (x, targets) = (&x[part * each * n..], &targets[part * each..]);
                dispatch_kernel(isa, CrossEntropy { x, targets, losses, sums, n });
            });
        }
    }
}

fn cost<T>(elements: usize) -> Cost {
    Cost { bytes: elements * 2 * size_of::<T>(), flops: elements * 30 }
}

/// A function from rows to a row. A trait and not a closure: only a method can be told to be inlined always, and what is
/// not inlined into a [`Kernel`] is compiled for the baseline instruction set.
trait RowFunction<T>: Sync {
    fn row<M: MulAdd>(&self, row: usize, a: &[T], b: &[T], out: &mut [T]);
}

/// `f` of each row.
fn map<T: Float>(isa: Isa, n: usize, a: &[T], b: &[T], out: &mut [T], f: &impl RowFunction<T>) {
    let each = PART.div_ceil(n.max(1));
    parallel::chunks_mut(out, each * n, cost::<T>(a.len()), |part, out| {
        let (a, b) = (&a[part * each * n..], &b[part * each * n..]);
        dispatch_kernel(isa, Map { first: part * each, n, a, b, out, f });
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

impl<T: Float, F: RowFunction<T>> Kernel for Map<'_, T, F> {
    type Output = ();
    #[inline(always)]
    fn run<M: MulAdd>(self) {
        let n = self.n.max(1);
        for (row, out) in self.out.chunks_exact_mut(n).enumerate() {
            let (a, b) = (&self.a[row * n..][..n], &self.b[row * n..][..n]);
            // Long functions leave the memory idle: the next row comes meanwhile.
            prefetch(self.a, (row + 1) * n, n);
            self.f.row::<M>(self.first + row, a, b, out);
        }
    }
}

struct LogSumExp<'a, T> {
    x: &'a [T],
    out: &'a mut [T],
    n: usize,
}

impl<T: Float> Kernel for LogSumExp<'_, T> {
    type Output = ();
    #[inline(always)]
    fn run<M: MulAdd>(self) {
        for (row, out) in self.out.iter_mut().enumerate() {
            let (shift, sum) = shifted::<T, M>(&self.x[row * self.n..][..self.n]);
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

impl<T: Float> Kernel for CrossEntropy<'_, T> {
    type Output = ();
    #[inline(always)]
    fn run<M: MulAdd>(self) {
        for (row, (loss, out)) in self.losses.iter_mut().zip(self.sums).enumerate() {
            let x = &self.x[row * self.n..][..self.n];
            let (shift, sum) = shifted::<T, M>(x);
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

/// Numbers of a pack (see [`crate::Pack`]); they lie `LANES` apart.
const K: usize = 4;
type Chunk<T> = [[T; LANES]; K];

/// e^(x − shift), which is also added to the sums. A function of its own so that the compiler knows the slices apart.
#[inline(always)]
fn exponentials_of<T: Float, M: MulAdd>(x: &Chunk<T>, shift: T, out: &mut Chunk<T>, sums: &mut Chunk<T>) {
    for lane in 0..LANES {
        let mut pack = [T::ZERO; K];
        let mut k = 0;
        while k < K {
            pack[k] = x[k][lane] - shift;
            k += 1;
        }
        let e = T::exp_falling_pack::<K, M>(pack);
        let mut k = 0;
        while k < K {
            out[k][lane] = e[k];
            sums[k][lane] = sums[k][lane] + e[k];
            k += 1;
        }
    }
}

/// Σ e^(x − shift), for a shift that no x exceeds; the terms go to `out` unless it is empty.
#[inline(always)]
fn exponentials<T: Float, M: MulAdd>(x: &[T], shift: T, out: &mut [T]) -> T {
    let (chunks, _) = x.as_chunks::<LANES>().0.as_chunks::<K>();
    let whole = chunks.len() * K * LANES;
    let rest = &x[whole..];
    let mut padded = [[T::LOWEST; LANES]; K]; // e^−∞ adds nothing
    padded.as_flattened_mut()[..rest.len()].copy_from_slice(rest);
    let is_kept = !out.is_empty();
    let (out, last) = out.split_at_mut(if is_kept { whole } else { 0 });
    let out = out.as_chunks_mut::<LANES>().0.as_chunks_mut::<K>().0;
    let mut end = [[T::ZERO; LANES]; K];
    let mut total = T::ZERO;
    let count = chunks.len() + usize::from(!rest.is_empty());
    let mut start = 0;
    while start < count {
        let stop = count.min(start + BLOCK / (K * LANES));
        let mut sums = [[T::ZERO; LANES]; K];
        // The padded rest goes through the same loop as all: the function is compiled once.
        for i in start..stop {
            let x = chunks.get(i).unwrap_or(&padded);
            exponentials_of::<T, M>(x, shift, out.get_mut(i).unwrap_or(&mut end), &mut sums);
        }
        start = stop;
        let [a, b, c, d] = sums;
        let mut lanes = [T::ZERO; LANES];
        for lane in 0..LANES {
            lanes[lane] = (a[lane] + b[lane]) + (c[lane] + d[lane]);
        }
        total = total + fold(lanes, |a, b| a + b);
    }
    if is_kept {
        last.copy_from_slice(&end.as_flattened()[..last.len()]);
    }
    total
}

/// The shift c and Σ e^(x − c). The shift is the maximum, or 0 if that is infinite, which leaves ln Σ e^x = c + ln Σ
/// right for rows of −∞ or with +∞.
#[inline(always)]
fn shifted<T: Float, M: MulAdd>(x: &[T]) -> (T, T) {
    let shift = largest(x);
    if shift == T::HIGHEST {
        return (T::ZERO, x.iter().fold(T::ZERO, |sum, &x| sum + x.exp()));
    }
    let shift = if shift.is_infinite() { T::ZERO } else { shift };
    (shift, exponentials::<T, M>(x, shift, &mut []))
}

struct Softmax;
impl<T: Float> RowFunction<T> for Softmax {
    #[inline(always)]
    fn row<M: MulAdd>(&self, _: usize, x: &[T], _: &[T], out: &mut [T]) {
        let scale = exponentials::<T, M>(x, largest(x), out).recip();
        out.iter_mut().for_each(|e| *e = *e * scale);
    }
}

struct LogSoftmax;
impl<T: Float> RowFunction<T> for LogSoftmax {
    #[inline(always)]
    fn row<M: MulAdd>(&self, _: usize, x: &[T], _: &[T], out: &mut [T]) {
        let shift = largest(x);
        let log = exponentials::<T, M>(x, shift, &mut []).ln();
        for (out, &x) in out.iter_mut().zip(x) {
            *out = (x - shift) - log;
        }
    }
}

struct SoftmaxGrad;
impl<T: Float> RowFunction<T> for SoftmaxGrad {
    #[inline(always)]
    fn row<M: MulAdd>(&self, _: usize, y: &[T], g: &[T], out: &mut [T]) {
        let dot = total(y, g, |y, g| y * g);
        for (out, (&y, &g)) in out.iter_mut().zip(y.iter().zip(g)) {
            *out = y * (g - dot);
        }
    }
}

struct LogSoftmaxGrad;
impl<T: Float> RowFunction<T> for LogSoftmaxGrad {
    #[inline(always)]
    fn row<M: MulAdd>(&self, _: usize, y: &[T], g: &[T], out: &mut [T]) {
        let sum = total(g, g, |g, _| g);
        for (out, (&y, &g)) in out.iter_mut().zip(y.iter().zip(g)) {
            *out = g - y.fast_exp() * sum;
        }
    }
}

struct CrossEntropyGrad<'a, T> {
    targets: &'a [usize],
    g: &'a [T],
}
impl<T: Float> RowFunction<T> for CrossEntropyGrad<'_, T> {
    #[inline(always)]
    fn row<M: MulAdd>(&self, row: usize, x: &[T], _: &[T], out: &mut [T]) {
        let g = self.g[row];
        let scale = g / exponentials::<T, M>(x, largest(x), out);
        out.iter_mut().for_each(|e| *e = *e * scale);
        let p = &mut out[self.targets[row]];
        *p = *p - g;
    }
}
