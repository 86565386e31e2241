//! Scans along one axis: running sums, products, linear recurrences, log-sum-exps, extremes. The data is dense and seen as
//! `[outer, n, inner]`; the inner axis runs in lanes. Floats accumulate in `f64`, integers in `i64` (they wrap as their
//! type does), so the error of a running sum stays that of one rounding. Knows no `Tensor`.

use crate::element::{Element, Number};
use crate::parallel::{self, Cost};

/// What is carried along the axis.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scan {
    /// s ← s + x.
    Sum,
    /// s ← s·x.
    Product,
    /// s ← x + a·s, from 0.
    Linear,
    /// s ← ln(eˢ + eˣ), from −∞.
    LogSumExp,
}

/// One scan.
#[derive(Debug)]
pub struct Call<'a, T> {
    /// A value per element.
    pub out: &'a mut [T],
    /// The elements x.
    pub x: &'a [T],
    /// The factors a of a linear recurrence; x again for the others.
    pub a: &'a [T],
    /// The axis' length.
    pub n: usize,
    /// The elements per step along the axis.
    pub inner: usize,
    /// From the end to the start.
    pub reverse: bool,
}

/// Columns that run side by side.
const LANES: usize = 64;
/// The least elements of a part.
const PART: usize = 16 * 1024;

/// Runs a scan.
pub fn scan<T: Number>(op: Scan, call: Call<'_, T>) {
    let real = |x: T| x.as_f64();
    let whole = |x: T| x.as_i64().unwrap_or(0);
    let is_float = T::ONE.as_i64().is_none();
    match op {
        Scan::Sum if is_float => run(call, 0.0, |s, x, _| s + real(x), T::of_f64),
        Scan::Sum => run(call, 0, |s: i64, x, _| s.wrapping_add(whole(x)), T::of_i64),
        Scan::Product if is_float => run(call, 1.0, |s, x, _| s * real(x), T::of_f64),
        Scan::Product => run(call, 1, |s: i64, x, _| s.wrapping_mul(whole(x)), T::of_i64),
        Scan::Linear => run(call, 0.0, |s, x, a| real(x) + real(a) * s, T::of_f64),
        Scan::LogSumExp => {
            run(call, f64::NEG_INFINITY, |s, x, _| crate::special::logaddexp(s, real(x)), T::of_f64);
        }
    }
}

fn run<T: Number, A: Copy + Send + Sync>(
    call: Call<'_, T>,
    start: A,
    step: impl Fn(A, T, T) -> A + Sync + Send,
    store: impl Fn(A) -> T + Sync + Send,
) {
    let Call { out, x, a, n, inner, reverse } = call;
    let block = n * inner;
    if block == 0 {
        return;
    }
    let many = (PART / block).max(1) * block;
    let cost = Cost { bytes: 3 * size_of_val(out), flops: 16 * out.len() };
    parallel::chunks_mut(out, many, cost, |part, out| {
        for (i, out) in out.chunks_mut(block).enumerate() {
            let from = part * many + i * block;
            let (x, a) = (&x[from..][..block], &a[from..][..block]);
            for first in (0..inner).step_by(LANES) {
                let width = LANES.min(inner - first);
                let mut carried = [start; LANES];
                for k in 0..n {
                    let at = if reverse { n - 1 - k } else { k } * inner + first;
                    let (x, a) = (&x[at..][..width], &a[at..][..width]);
                    let lanes = carried[..width].iter_mut().zip(&mut out[at..][..width]).zip(x).zip(a);
                    for (((s, out), &x), &a) in lanes {
                        *s = step(*s, x, a);
                        *out = store(*s);
                    }
                }
            }
        }
    });
}

/// The best element so far and its place, for each element: among equals the last, and a NaN stays the best.
pub fn running_best<T: Element>(
    (values, places): (&mut [T], &mut [i64]),
    x: &[T],
    (n, inner): (usize, usize),
    largest: bool,
) {
    let block = n * inner;
    if block == 0 {
        return;
    }
    let many = (PART / block).max(1) * block;
    let cost = Cost { bytes: 3 * size_of_val(x), flops: 8 * x.len() };
    parallel::chunks_mut2((values, many), (places, many), cost, |part, values, places| {
        let x = &x[part * many..][..values.len()];
        let blocks = values.chunks_mut(block).zip(places.chunks_mut(block)).zip(x.chunks(block));
        for ((values, places), x) in blocks {
            values[..inner].copy_from_slice(&x[..inner]);
            places[..inner].fill(0);
            for k in inner..block {
                let (new, old) = (x[k], values[k - inner]);
                let better = if largest { new >= old } else { new <= old };
                let wins = is_nan(new) || (better && !is_nan(old));
                values[k] = if wins { new } else { old };
                places[k] = if wins { (k / inner) as i64 } else { places[k - inner] };
            }
        }
    });
}

/// The place of the first best element along the axis, `[outer, inner]`; a NaN is best.
pub fn best_places<T: Element>(
    places: &mut [i64],
    x: &[T],
    (n, inner): (usize, usize),
    better: impl Fn(T, T) -> bool + Sync + Send,
) {
    let block = n * inner;
    let many = (PART / block.max(1)).max(1);
    let cost = Cost { bytes: size_of_val(x), flops: 2 * x.len() };
    let wins = |new: T, old: T| better(new, old) || (is_nan(new) && !is_nan(old));
    parallel::chunks_mut(places, many * inner, cost, |part, places| {
        for (i, places) in places.chunks_mut(inner).enumerate() {
            let x = &x[(part * many + i) * block..][..block];
            let mut best = x[..inner].to_vec();
            places.fill(0);
            for (k, row) in x.chunks_exact(inner).enumerate().skip(1) {
                for ((best, place), &new) in best.iter_mut().zip(&mut *places).zip(row) {
                    if wins(new, *best) {
                        (*best, *place) = (new, k as i64);
                    }
                }
            }
        }
    });
}

#[allow(clippy::eq_op)] // x != x asks for NaN
pub(crate) fn is_nan<T: Element>(x: T) -> bool {
    x != x
}
