//! Pooling over planes: largest element or mean of each window, and the adjoints. Planes are independent, so work is
//! cut by planes; within one, whole rows of places are treated side by side, tap by tap. Operands are dense; knows no
//! `Tensor`.

use super::window::Window;
use crate::element::Float;
use crate::isa::{Body, Isa, dispatch};
use crate::parallel::{self, Cost};

/// One pooling function; `x` and `out` (or `g`) hold planes one after the other.
#[derive(Debug)]
pub enum Pool<'a, T> {
    /// The largest element of each window and its place in the plane.
    Max {
        /// Where the windows lie; each sees at least one element.
        window: Window,
        /// Planes.
        x: &'a [T],
        /// Result.
        out: &'a mut [T],
        /// Place of the result in its plane.
        index: &'a mut [i64],
    },
    /// g added at the places that `index` names.
    MaxGrad {
        /// Elements of one plane of `g` and of `out`.
        planes: [usize; 2],
        /// Cotangent.
        g: &'a [T],
        /// Places in the plane of `out`, each inside it.
        index: &'a [i64],
        /// Result.
        out: &'a mut [T],
    },
    /// The sum of each window divided by `rows[oy]·columns[ox]`.
    Average {
        /// Where the windows lie.
        window: Window,
        /// Divisors per row and column of places.
        divisors: [&'a [T]; 2],
        /// Planes.
        x: &'a [T],
        /// Result.
        out: &'a mut [T],
    },
    /// The adjoint of `Average`.
    AverageGrad {
        /// Where the windows lie.
        window: Window,
        /// Divisors per row and column of places.
        divisors: [&'a [T]; 2],
        /// Cotangent.
        g: &'a [T],
        /// Result.
        out: &'a mut [T],
    },
    /// The mean of each of OH × OW nearly equal cells.
    Adaptive {
        /// [H, W].
        input: [usize; 2],
        /// [OH, OW].
        output: [usize; 2],
        /// Planes.
        x: &'a [T],
        /// Result.
        out: &'a mut [T],
    },
    /// The adjoint of `Adaptive`.
    AdaptiveGrad {
        /// [H, W].
        input: [usize; 2],
        /// [OH, OW].
        output: [usize; 2],
        /// Cotangent.
        g: &'a [T],
        /// Result.
        out: &'a mut [T],
    },
}

/// Elements that one part of the work covers.
const PART: usize = 16 * 1024;

/// Runs one pooling function.
pub fn pool<T: Float>(isa: Isa, call: Pool<'_, T>) {
    match call {
        Pool::Max { window, x, out, index } => {
            let (plane, places) = (window.plane(), window.positions());
            let each = (PART / plane.max(1)).max(1);
            let taps = window.kernel[0] * window.kernel[1];
            let cost = Cost { bytes: size_of_val(x), flops: out.len() * taps * 3 };
            parallel::chunks_mut2((out, each * places), (index, each * places), cost, |part, out, index| {
                let x = &x[part * each * plane..];
                dispatch(isa, Max { window: &window, x, out, index });
            });
        }
        Pool::MaxGrad { planes: [from, to], g, index, out } => {
            let (out_len, each) = (out.len(), (PART / to.max(1)).max(1));
            parallel::chunks_mut(out, each * to, Cost::bytes(out_len * 4 * size_of::<T>()), |part, out| {
                out.fill(T::ZERO);
                for (i, out) in out.chunks_mut(to.max(1)).enumerate() {
                    let first = (part * each + i) * from;
                    for (&g, &place) in g[first..][..from].iter().zip(&index[first..][..from]) {
                        let sum = &mut out[place as usize];
                        *sum = *sum + g;
                    }
                }
            });
        }
        Pool::Average { window, divisors, x, out } => {
            let taps = window.kernel[0] * window.kernel[1];
            map(isa, (x, window.plane()), (out, window.positions()), taps, |x, out| {
                average(&window, divisors, x, out);
            });
        }
        Pool::AverageGrad { window, divisors, g, out } => {
            let taps = window.kernel[0] * window.kernel[1];
            map(isa, (g, window.positions()), (out, window.plane()), taps, |g, out| {
                average_grad(&window, divisors, g, out);
            });
        }
        Pool::Adaptive { input, output, x, out } => {
            map(isa, (x, input[0] * input[1]), (out, output[0] * output[1]), 4, |x, out| {
                adaptive(input, output, x, out);
            });
        }
        Pool::AdaptiveGrad { input, output, g, out } => {
            map(isa, (g, output[0] * output[1]), (out, input[0] * input[1]), 4, |g, out| {
                adaptive_grad(input, output, g, out);
            });
        }
    }
}

/// `f(plane of x, plane of out)` for each plane; `taps` is what one element costs.
fn map<T: Float>(
    isa: Isa,
    (x, from): (&[T], usize),
    (out, to): (&mut [T], usize),
    taps: usize,
    f: impl Fn(&[T], &mut [T]) + Sync + Send,
) {
    let each = (PART / from.max(to).max(1)).max(1);
    let elements = x.len().max(out.len());
    let cost = Cost { bytes: elements * 2 * size_of::<T>(), flops: x.len().min(out.len()) * taps * 2 };
    parallel::chunks_mut(out, each * to, cost, |part, out| {
        dispatch(isa, Planes { x: &x[part * each * from..], from, out, to, f: &f });
    });
}

struct Planes<'a, T, F> {
    x: &'a [T],
    from: usize,
    out: &'a mut [T],
    to: usize,
    f: &'a F,
}

impl<T: Float, F: Fn(&[T], &mut [T])> Body for Planes<'_, T, F> {
    type Output = ();
    #[inline(always)]
    fn run(self) {
        for (i, out) in self.out.chunks_mut(self.to.max(1)).enumerate() {
            (self.f)(&self.x[i * self.from..][..self.from], out);
        }
    }
}

struct Max<'a, T> {
    window: &'a Window,
    x: &'a [T],
    out: &'a mut [T],
    index: &'a mut [i64],
}

impl<T: Float> Body for Max<'_, T> {
    type Output = ();
    #[inline(always)]
    fn run(self) {
        let (plane, width) = (self.window.plane(), self.window.output[1]);
        let step = self.window.stride[1];
        let rows = self.out.chunks_exact_mut(width).zip(self.index.chunks_exact_mut(width));
        for (row, (out, index)) in rows.enumerate() {
            let (image, oy) = (row / self.window.output[0], row % self.window.output[0]);
            let x = &self.x[image * plane..][..plane];
            out.fill(T::LOWEST);
            index.fill(-1);
            for (_, tap) in self.window.taps(1) {
                self.window.runs(tap, oy * width, width, |range, place| {
                    let Some(at) = place else { return };
                    let (out, index) = (&mut out[range.clone()], &mut index[range]);
                    for (i, (best, index)) in out.iter_mut().zip(index).enumerate() {
                        let (new, place) = (x[at + i * step], (at + i * step) as i64);
                        let better = *index < 0 || new > *best || (new.is_nan() && !best.is_nan());
                        *best = if better { new } else { *best };
                        *index = if better { place } else { *index };
                    }
                });
            }
        }
    }
}

#[inline(always)]
fn average<T: Float>(window: &Window, [rows, columns]: [&[T]; 2], x: &[T], out: &mut [T]) {
    let (width, step) = (window.output[1], window.stride[1]);
    for (oy, out) in out.chunks_exact_mut(width).enumerate() {
        out.fill(T::ZERO);
        for (_, tap) in window.taps(1) {
            window.runs(tap, oy * width, width, |range, place| {
                let Some(at) = place else { return };
                for (sum, &x) in out[range].iter_mut().zip(x[at..].iter().step_by(step)) {
                    *sum = *sum + x;
                }
            });
        }
        for (sum, &column) in out.iter_mut().zip(columns) {
            *sum = *sum / (rows[oy] * column);
        }
    }
}

#[inline(always)]
fn average_grad<T: Float>(window: &Window, [rows, columns]: [&[T]; 2], g: &[T], out: &mut [T]) {
    let (width, step) = (window.output[1], window.stride[1]);
    out.fill(T::ZERO);
    let mut share = vec![T::ZERO; width];
    for (oy, g) in g.chunks_exact(width).enumerate() {
        for (share, (&g, &column)) in share.iter_mut().zip(g.iter().zip(columns)) {
            *share = g / (rows[oy] * column);
        }
        for (_, tap) in window.taps(1) {
            window.runs(tap, oy * width, width, |range, place| {
                let Some(at) = place else { return };
                for (&share, sum) in share[range].iter().zip(out[at..].iter_mut().step_by(step)) {
                    *sum = *sum + share;
                }
            });
        }
    }
}

/// Cell `i` of `cells` over `length` elements: ⌊i·length/cells⌋ .. ⌈(i + 1)·length/cells⌉; neighbours may overlap.
#[inline(always)]
#[must_use]
pub fn cell(i: usize, cells: usize, length: usize) -> std::ops::Range<usize> {
    i * length / cells..((i + 1) * length).div_ceil(cells)
}

/// Rows of a cell are added first, side by side; then the columns of each cell.
#[inline(always)]
fn adaptive<T: Float>([h, w]: [usize; 2], [oh, ow]: [usize; 2], x: &[T], out: &mut [T]) {
    let mut sums = vec![T::ZERO; w];
    for (oy, out) in out.chunks_exact_mut(ow).enumerate() {
        let rows = cell(oy, oh, h);
        sums.fill(T::ZERO);
        for row in x[rows.start * w..rows.end * w].chunks_exact(w) {
            sums.iter_mut().zip(row).for_each(|(sum, &x)| *sum = *sum + x);
        }
        for (ox, out) in out.iter_mut().enumerate() {
            let columns = cell(ox, ow, w);
            let area = T::of((rows.len() * columns.len()) as f64);
            *out = sums[columns].iter().fold(T::ZERO, |sum, &x| sum + x) / area;
        }
    }
}

#[inline(always)]
fn adaptive_grad<T: Float>([h, w]: [usize; 2], [oh, ow]: [usize; 2], g: &[T], out: &mut [T]) {
    let mut share = vec![T::ZERO; w];
    out.fill(T::ZERO);
    for (oy, g) in g.chunks_exact(ow).enumerate() {
        let rows = cell(oy, oh, h);
        share.fill(T::ZERO);
        for (ox, &g) in g.iter().enumerate() {
            let columns = cell(ox, ow, w);
            let part = g / T::of((rows.len() * columns.len()) as f64);
            share[columns].iter_mut().for_each(|share| *share = *share + part);
        }
        for row in out[rows.start * w..rows.end * w].chunks_exact_mut(w) {
            row.iter_mut().zip(&share).for_each(|(sum, &share)| *sum = *sum + share);
        }
    }
}
