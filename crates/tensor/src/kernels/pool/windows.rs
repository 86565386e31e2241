//! The largest element of each window of a regular grid, and the adjoint. What is remembered of a maximum is which tap of
//! its window it was: one byte, from which the place follows. Each tap is one pass over a line of windows, so that the
//! windows lie side by side in vectors. Knows no `Tensor`.

use super::planes_each;
use crate::element::Float;
use crate::isa::{Body, Isa, dispatch};
use crate::kernels::window::Window;
use crate::parallel::{self, Cost};

/// Whether a tap of these windows fits a byte.
#[must_use]
pub fn has_taps(window: &Window) -> bool {
    window.kernel[0] * window.kernel[1] <= 256
}

/// The place y·W + x of each window's tap, in the plane of its own.
pub fn places(window: &Window, taps: &[u8], places: &mut [i64]) {
    let Window { input: [_, w], output: [oh, ow], kernel: [_, kw], stride, padding, dilation } = *window;
    let lines = places.chunks_exact_mut(ow.max(1)).zip(taps.chunks_exact(ow.max(1)));
    for (i, (places, taps)) in lines.enumerate() {
        for (x, (place, &tap)) in places.iter_mut().zip(taps).enumerate() {
            let (ky, kx) = (usize::from(tap) / kw, usize::from(tap) % kw);
            let row = (i % oh * stride[0] + ky * dilation[0]).wrapping_sub(padding[0]);
            let column = (x * stride[1] + kx * dilation[1]).wrapping_sub(padding[1]);
            *place = (row * w + column) as i64;
        }
    }
}

/// The largest element of each window and its tap ky·KW + kx; the first of equals, NaN above all.
pub(super) fn largest<T: Float>(isa: Isa, window: &Window, x: &[T], out: &mut [T], tap: &mut [u8]) {
    let (plane, places) = (window.plane(), window.positions());
    if out.is_empty() {
        return;
    }
    let each = planes_each([plane, places]);
    let cost = Cost { bytes: size_of_val(x) * 2, flops: out.len() * window.kernel[0] * window.kernel[1] };
    parallel::chunks_mut2((out, each * places), (tap, each * places), cost, |part, out, tap| {
        dispatch(isa, Largest { window, x: &x[part * each * plane..], out, tap });
    });
}

/// out ← g where each window's maximum stood, added up where windows share it.
pub(super) fn largest_grad<T: Float>(isa: Isa, window: &Window, g: &[T], tap: &[u8], out: &mut [T]) {
    let (plane, places) = (window.plane(), window.positions());
    if g.is_empty() {
        return out.fill(T::ZERO);
    }
    let each = planes_each([plane, places]);
    let cost = Cost::bytes((size_of_val(out) + size_of_val(g)) * 2);
    parallel::chunks_mut(out, each * plane, cost, |part, out| {
        let at = part * each * places;
        dispatch(isa, LargestGrad { window, g: &g[at..], tap: &tap[at..], out });
    });
}

/// Windows of 2 × 2 side by side.
fn is_halving(window: &Window) -> bool {
    let Window { input, output, kernel, stride, padding, dilation } = *window;
    let fits = 2 * output[0] <= input[0] && 2 * output[1] <= input[1];
    fits && kernel == [2, 2] && stride == [2, 2] && padding == [0, 0] && dilation == [1, 1]
}

struct Largest<'a, T> {
    window: &'a Window,
    x: &'a [T],
    out: &'a mut [T],
    tap: &'a mut [u8],
}

impl<T: Float> Body for Largest<'_, T> {
    type Output = ();
    #[inline(always)]
    fn run(self) {
        let Self { window, x, out, tap } = self;
        let ([oh, ow], w, halving) = (window.output, window.input[1], is_halving(window));
        let mut taps = vec![0_i32; ow];
        let lines = out.chunks_exact_mut(ow).zip(tap.chunks_exact_mut(ow));
        for (i, (out, tap)) in lines.enumerate() {
            let (plane, y) = (&x[i / oh * window.plane()..][..window.plane()], i % oh);
            if halving {
                let (above, below) = plane[2 * y * w..].split_at(w);
                quarter(above, below, out, tap);
            } else {
                line(window, plane, y, out, &mut taps);
                tap.iter_mut().zip(&taps).for_each(|(tap, &at)| *tap = at as u8);
            }
        }
    }
}

/// Whether a maximum moves on to `new`.
#[inline(always)]
#[allow(clippy::eq_op)] // x != x asks for NaN
pub(super) fn is_larger<T: Float>(new: T, best: T) -> bool {
    (new > best) | ((new != new) & (best == best))
}

/// One line of windows of 2 × 2.
#[inline(always)]
fn quarter<T: Float>(above: &[T], below: &[T], out: &mut [T], tap: &mut [u8]) {
    let rows = above.chunks_exact(2).zip(below.chunks_exact(2));
    for ((out, tap), (a, b)) in out.iter_mut().zip(tap).zip(rows) {
        let (mut best, mut at) = (a[0], 0_i32);
        for (new, k) in [(a[1], 1), (b[0], 2), (b[1], 3)] {
            let better = is_larger(new, best);
            best = if better { new } else { best };
            at = if better { k } else { at };
        }
        (*out, *tap) = (best, at as u8);
    }
}

/// One line of windows of any kind: tap after tap over all windows that have it.
#[inline(always)]
fn line<T: Float>(window: &Window, plane: &[T], y: usize, best: &mut [T], taps: &mut [i32]) {
    let Window { input: [_, w], output: [_, ow], kernel: [kh, kw], stride, padding, dilation } = *window;
    // Windows from `known` on have a maximum so far: the first tap of a window in the plane starts it.
    let mut known = ow;
    for ky in (0..kh).filter(|&ky| window.inside(0, ky).contains(&y)) {
        let row = &plane[(y * stride[0] + ky * dilation[0] - padding[0]) * w..][..w];
        for kx in 0..kw {
            let range = window.inside(1, kx);
            if range.is_empty() {
                continue;
            }
            let tap = (ky * kw + kx) as i32;
            let from = &row[range.start * stride[1] + kx * dilation[1] - padding[1]..];
            let new = known.clamp(range.start, range.end) - range.start;
            let (best, taps) = (&mut best[range.clone()], &mut taps[range.clone()]);
            for i in 0..new {
                (best[i], taps[i]) = (from[i * stride[1]], tap);
            }
            known = known.min(range.start);
            let (best, taps) = (&mut best[new..], &mut taps[new..]);
            match stride[1] {
                _ if best.is_empty() => {}
                1 => raise::<T, 1>(best, taps, &from[new..], tap),
                2 => raise::<T, 2>(best, taps, &from[2 * new..], tap),
                step => {
                    let from = from[step * new..].iter().step_by(step);
                    for ((best, at), &new) in best.iter_mut().zip(taps).zip(from) {
                        if is_larger(new, *best) {
                            (*best, *at) = (new, tap);
                        }
                    }
                }
            }
        }
    }
}

/// `best[i] ← from[i · S]` wherever that is larger. There is at least one.
#[inline(always)]
fn raise<T: Float, const S: usize>(best: &mut [T], taps: &mut [i32], from: &[T], tap: i32) {
    let last = best.len() - 1;
    let whole = best[..last].iter_mut().zip(&mut taps[..last]).zip(from.chunks_exact(S));
    for ((best, at), new) in whole {
        let better = is_larger(new[0], *best);
        *best = if better { new[0] } else { *best };
        *at = if better { tap } else { *at };
    }
    // The last one's chunk may end with the plane.
    if is_larger(from[last * S], best[last]) {
        (best[last], taps[last]) = (from[last * S], tap);
    }
}

struct LargestGrad<'a, T> {
    window: &'a Window,
    g: &'a [T],
    tap: &'a [u8],
    out: &'a mut [T],
}

impl<T: Float> Body for LargestGrad<'_, T> {
    type Output = ();
    #[inline(always)]
    fn run(self) {
        let Self { window, g, tap, out } = self;
        let Window { input: [h, w], output: [_, ow], kernel: [_, kw], stride, padding, dilation } = *window;
        let (halving, places) = (is_halving(window), window.positions());
        let planes = g.chunks_exact(places).zip(tap.chunks_exact(places));
        for (out, (g, tap)) in out.chunks_exact_mut(window.plane()).zip(planes) {
            if halving {
                spread_quarters(out, w, g, tap, ow);
                continue;
            }
            out.fill(T::ZERO);
            for (y, (g, tap)) in g.chunks_exact(ow).zip(tap.chunks_exact(ow)).enumerate() {
                for (x, (&g, &tap)) in g.iter().zip(tap).enumerate() {
                    let (ky, kx) = (usize::from(tap) / kw, usize::from(tap) % kw);
                    let row = (y * stride[0] + ky * dilation[0]).wrapping_sub(padding[0]);
                    let column = (x * stride[1] + kx * dilation[1]).wrapping_sub(padding[1]);
                    assert!(row < h && column < w, "max_pool2d: a tap lies outside the plane");
                    let sum = &mut out[row * w + column];
                    *sum = *sum + g;
                }
            }
        }
    }
}

/// The adjoint of [`quarter`] over a plane.
#[inline(always)]
fn spread_quarters<T: Float>(out: &mut [T], w: usize, g: &[T], tap: &[u8], ow: usize) {
    let lines = g.chunks_exact(ow).zip(tap.chunks_exact(ow));
    let covered = 2 * w * (g.len() / ow);
    for (out, (g, tap)) in out.chunks_exact_mut(2 * w).zip(lines) {
        let (above, below) = out.split_at_mut(w);
        let (above, right) = above.split_at_mut(2 * ow);
        right.fill(T::ZERO);
        let (below, right) = below.split_at_mut(2 * ow);
        right.fill(T::ZERO);
        let pairs = above.chunks_exact_mut(2).zip(below.chunks_exact_mut(2));
        for ((a, b), (&g, &tap)) in pairs.zip(g.iter().zip(tap)) {
            let tap = i32::from(tap);
            let pick = |k: i32| if tap == k { g } else { T::ZERO };
            (a[0], a[1], b[0], b[1]) = (pick(0), pick(1), pick(2), pick(3));
        }
    }
    out[covered..].fill(T::ZERO);
}
