//! The largest element of each window of a regular grid, when nobody will ask where it stood: first along every row of a
//! plane, then down the rows, so that windows that overlap share their rows. Taking the first of equals is associative,
//! so the answer is that of [`super::windows`], bit by bit. Knows no `Tensor`.

use super::planes_each;
use super::windows::is_larger;
use crate::element::Float;
use crate::isa::{Body, Isa, dispatch};
use crate::kernels::window::Window;
use crate::parallel::{self, Cost};

/// out ← the largest element of each window; the first of equals, NaN above all.
pub(super) fn largest<T: Float>(isa: Isa, window: &Window, x: &[T], out: &mut [T]) {
    let (plane, places) = (window.plane(), window.positions());
    if out.is_empty() {
        return;
    }
    let each = planes_each([plane, places]);
    let cost = Cost { bytes: size_of_val(x) * 2, flops: 2 * x.len() };
    parallel::chunks_mut(out, each * places, cost, |part, out| {
        let mut rows = vec![T::neg_infinity(); window.input[0] * window.output[1]];
        dispatch(isa, Values { window, x: &x[part * each * plane..], out, rows: &mut rows });
    });
}

struct Values<'a, T> {
    window: &'a Window,
    x: &'a [T],
    out: &'a mut [T],
    /// The largest of each window's taps in each row of a plane.
    rows: &'a mut [T],
}

impl<T: Float> Body for Values<'_, T> {
    type Output = ();
    #[inline(always)]
    fn run(self) {
        let Self { window, x, out, rows } = self;
        let Window { input: [_, w], output: [_, ow], kernel: [kh, _], stride, padding, dilation } = *window;
        let planes = out.chunks_exact_mut(window.positions()).zip(x.chunks_exact(window.plane()));
        for (out, x) in planes {
            for (row, x) in rows.chunks_exact_mut(ow).zip(x.chunks_exact(w)) {
                along(window, x, row);
            }
            for (y, out) in out.chunks_exact_mut(ow).enumerate() {
                out.fill(T::neg_infinity());
                for ky in (0..kh).filter(|&ky| window.inside(0, ky).contains(&y)) {
                    let row = &rows[(y * stride[0] + ky * dilation[0] - padding[0]) * ow..][..ow];
                    raise::<T, 1>(out, row);
                }
            }
        }
    }
}

/// The largest of one row's elements in each window of a line; −∞ where there are none.
#[inline(always)]
fn along<T: Float>(window: &Window, x: &[T], row: &mut [T]) {
    row.fill(T::neg_infinity());
    let step = window.stride[1];
    for kx in 0..window.kernel[1] {
        let range = window.inside(1, kx);
        if range.is_empty() {
            continue;
        }
        let from = &x[range.start * step + kx * window.dilation[1] - window.padding[1]..];
        let row = &mut row[range];
        match step {
            1 => raise::<T, 1>(row, from),
            2 => raise::<T, 2>(row, from),
            _ => row.iter_mut().zip(from.iter().step_by(step)).for_each(|(best, &new)| {
                *best = if is_larger(new, *best) { new } else { *best };
            }),
        }
    }
}

/// `best[i] ← from[i · S]` wherever that is larger. There is at least one.
#[inline(always)]
fn raise<T: Float, const S: usize>(best: &mut [T], from: &[T]) {
    let last = best.len() - 1;
    for (best, new) in best[..last].iter_mut().zip(from.chunks_exact(S)) {
        *best = if is_larger(new[0], *best) { new[0] } else { *best };
    }
    // The last one's chunk may end with the row.
    let new = from[last * S];
    best[last] = if is_larger(new, best[last]) { new } else { best[last] };
}
