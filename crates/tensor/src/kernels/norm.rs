//! Normalisation of whole rows, y = (x − mean)·scale·w + b with scale = 1/√(variance + ε), forward and backward, each in
//! one visit of the row while it lies in the cache. Without centring the mean is 0 and the variance the mean square.
//!
//! Sums run in fixed lanes and blocks, and the rows' shares of the weight's gradient are added by parts that follow from
//! the sizes alone: the bits depend on neither threads nor instruction set. Rows are dense; knows no `Tensor`.

use super::stream::prefetch;
use crate::element::Float;
use crate::isa::{Body, Isa, dispatch};
use crate::parallel::{self, Cost};

/// Rows to normalise.
#[derive(Debug)]
pub struct Forward<'a, T> {
    /// Elements of a row, at least 1.
    pub n: usize,
    /// Added to the variance.
    pub eps: f64,
    /// Whether the mean is taken out.
    pub centred: bool,
    /// Rows.
    pub x: &'a [T],
    /// `[n]`, 1 if there is none.
    pub weight: Option<&'a [T]>,
    /// `[n]`, 0 if there is none.
    pub bias: Option<&'a [T]>,
    /// Result.
    pub y: &'a mut [T],
    /// Result: mean and scale of each row, beside each other.
    pub statistics: &'a mut [T],
}

/// Rows whose gradients are wanted.
#[derive(Debug)]
pub struct Backward<'a, T> {
    /// Elements of a row, at least 1.
    pub n: usize,
    /// Whether the mean was taken out.
    pub centred: bool,
    /// Rows.
    pub x: &'a [T],
    /// Cotangents of the results.
    pub g: &'a [T],
    /// What [`forward`] answered.
    pub statistics: &'a [T],
    /// `[n]`, 1 if there is none.
    pub weight: Option<&'a [T]>,
    /// Result: the rows' cotangents.
    pub dx: &'a mut [T],
    /// Result: the weight's and, behind it, the bias's cotangent, `[2·n]`; empty if nobody wants them.
    pub affine: &'a mut [T],
}

/// Elements that one part of the work covers at least.
const PART: usize = 16 * 1024;
/// Parts that are enough for any machine: each holds the weight's gradient once.
const MOST_PARTS: usize = 64;
/// Sums side by side.
const LANES: usize = 64;
/// Elements that are summed in the element type before they go into a sum in double precision.
const BLOCK: usize = 4096;

fn rows_per_part(rows: usize, n: usize) -> usize {
    PART.div_ceil(n).max(rows.div_ceil(MOST_PARTS))
}

fn assert_rows<T>(n: usize, lengths: &[&[T]], per_row: &[T], vectors: &[Option<&[T]>]) {
    let first = lengths[0].len();
    assert!(n > 0 && first.is_multiple_of(n), "norm: {first} elements are no rows of {n}");
    let even = lengths.iter().all(|x| x.len() == first) && per_row.len() == 2 * (first / n);
    assert!(even, "norm: operands and results of different lengths");
    assert!(vectors.iter().flatten().all(|v| v.len() == n), "norm: weight or bias not of {n} elements");
}

/// Normalises.
///
/// # Panics
/// If the lengths do not fit.
pub fn forward<T: Float>(isa: Isa, call: Forward<'_, T>) {
    let Forward { n, eps, centred, x, weight, bias, y, statistics } = call;
    assert_rows(n, &[x, y], statistics, &[weight, bias]);
    let each = rows_per_part(x.len() / n, n);
    let cost = Cost { bytes: 2 * size_of_val(x), flops: 8 * x.len() };
    parallel::chunks_mut2((y, each * n), (statistics, 2 * each), cost, |part, y, statistics| {
        let x = &x[part * each * n..];
        dispatch(isa, Forth { n, eps, centred, x, weight, bias, y, statistics });
    });
}

/// The gradients of [`forward`].
///
/// # Panics
/// If the lengths do not fit.
pub fn backward<T: Float>(isa: Isa, call: Backward<'_, T>) {
    let Backward { n, centred, x, g, statistics, weight, dx, affine } = call;
    assert_rows(n, &[x, g, dx], statistics, &[weight]);
    let is_wanted = !affine.is_empty();
    assert!(!is_wanted || affine.len() == 2 * n, "norm: room for the weight's gradient is not twice {n}");
    let each = rows_per_part(x.len() / n, n);
    let parts = (x.len() / n).div_ceil(each);
    let mut shares = vec![T::ZERO; if is_wanted { 2 * n * parts } else { parts }];
    let share = if is_wanted { 2 * n } else { 1 };
    let cost = Cost { bytes: 3 * size_of_val(x), flops: 16 * x.len() };
    parallel::chunks_mut2((dx, each * n), (&mut shares, share), cost, |part, dx, share| {
        let range = part * each * n..part * each * n + dx.len();
        let statistics = &statistics[2 * part * each..];
        let share = if is_wanted { share } else { &mut [] };
        dispatch(isa, Back { n, centred, x: &x[range.clone()], g: &g[range], statistics, weight, dx, share });
    });
    if is_wanted {
        affine.fill(T::ZERO);
        for share in shares.chunks_exact(2 * n) {
            affine.iter_mut().zip(share).for_each(|(sum, &part)| *sum = *sum + part);
        }
    }
}

/// Σ f(xᵢ, hᵢ) over rows of one length.
#[inline(always)]
fn sum<T: Float>(x: &[T], h: &[T], f: impl Fn(T, T) -> T) -> f64 {
    let mut total = 0.0;
    for (x, h) in x.chunks(BLOCK).zip(h.chunks(BLOCK)) {
        let mut lanes = [T::ZERO; LANES];
        let ((x, rest_x), (h, rest_h)) = (x.as_chunks::<LANES>(), h.as_chunks::<LANES>());
        for (x, h) in x.iter().zip(h) {
            for lane in 0..LANES {
                lanes[lane] = lanes[lane] + f(x[lane], h[lane]);
            }
        }
        for (lane, (&x, &h)) in lanes.iter_mut().zip(rest_x.iter().zip(rest_h)) {
            *lane = *lane + f(x, h);
        }
        let mut width = LANES;
        while width > 1 {
            width /= 2;
            for lane in 0..width {
                lanes[lane] = lanes[lane] + lanes[lane + width];
            }
        }
        total += lanes[0].as_f64();
    }
    total
}

struct Forth<'a, T> {
    n: usize,
    eps: f64,
    centred: bool,
    x: &'a [T],
    weight: Option<&'a [T]>,
    bias: Option<&'a [T]>,
    y: &'a mut [T],
    statistics: &'a mut [T],
}

/// (x − mean)·scale·w + b. In a function of its own so that the compiler knows the slices apart.
#[inline(always)]
fn scaled<T: Float>(
    x: &[T],
    (mean, scale): (T, T),
    (weight, bias): (Option<&[T]>, Option<&[T]>),
    y: &mut [T],
) {
    let n = y.len();
    let x = &x[..n];
    match (weight, bias) {
        (Some(w), Some(b)) => {
            let (w, b) = (&w[..n], &b[..n]);
            for i in 0..n {
                y[i] = (x[i] - mean) * scale * w[i] + b[i];
            }
        }
        (Some(w), None) => {
            let w = &w[..n];
            for i in 0..n {
                y[i] = (x[i] - mean) * scale * w[i];
            }
        }
        (None, b) => {
            for i in 0..n {
                y[i] = (x[i] - mean) * scale;
            }
            if let Some(b) = b {
                y.iter_mut().zip(b).for_each(|(y, &b)| *y = *y + b);
            }
        }
    }
}

impl<T: Float> Body for Forth<'_, T> {
    type Output = ();
    #[inline(always)]
    fn run(self) {
        let n = self.n;
        let rows = self.y.chunks_exact_mut(n).zip(self.statistics.chunks_exact_mut(2));
        for (row, (y, statistics)) in rows.enumerate() {
            let x = &self.x[row * n..][..n];
            let mean = if self.centred { T::of(sum(x, x, |x, _| x) / n as f64) } else { T::ZERO };
            let square = |x: T, _| {
                let deviation = x - mean;
                deviation * deviation
            };
            let variance = sum(x, x, square) / n as f64;
            let scale = T::of(1.0 / (variance + self.eps).sqrt());
            statistics[0] = mean;
            statistics[1] = scale;
            // The next row comes while this one is written.
            prefetch(self.x, (row + 1) * n, n);
            scaled(x, (mean, scale), (self.weight, self.bias), y);
        }
    }
}

struct Back<'a, T> {
    n: usize,
    centred: bool,
    x: &'a [T],
    g: &'a [T],
    statistics: &'a [T],
    weight: Option<&'a [T]>,
    dx: &'a mut [T],
    share: &'a mut [T],
}

impl<T: Float> Body for Back<'_, T> {
    type Output = ();
    /// With n = (x − mean)·scale and h = g·w: dx = scale·(h − mean h − n·mean(h·n)), dw = Σ g·n, db = Σ g.
    #[inline(always)]
    fn run(self) {
        let n = self.n;
        let rows = self.dx.chunks_exact_mut(n).zip(self.x.chunks_exact(n)).zip(self.g.chunks_exact(n));
        for (((dx, x), g), statistics) in rows.zip(self.statistics.chunks_exact(2)) {
            let (mean, scale) = (statistics[0], statistics[1]);
            // dx holds h first.
            match self.weight {
                Some(w) => {
                    let w = &w[..n];
                    for i in 0..n {
                        dx[i] = g[i] * w[i];
                    }
                }
                None => dx.copy_from_slice(g),
            }
            let along = T::of(sum(x, dx, |x, h| (x - mean) * scale * h) / n as f64);
            let across = if self.centred { T::of(sum(dx, dx, |h, _| h) / n as f64) } else { T::ZERO };
            for i in 0..n {
                let normal = (x[i] - mean) * scale;
                dx[i] = (dx[i] - across - normal * along) * scale;
            }
            if !self.share.is_empty() {
                let (dw, db) = self.share.split_at_mut(n);
                for i in 0..n {
                    dw[i] = dw[i] + g[i] * ((x[i] - mean) * scale);
                    db[i] = db[i] + g[i];
                }
            }
        }
    }
}
