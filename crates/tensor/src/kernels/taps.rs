//! Weighted sums of few places along one axis. Where elements lie side by side behind the axis, whole rows of them are
//! added; at the last axis each sum stays in a register. Each result is the sum of its taps in their order, whatever the
//! threads. Knows no `Tensor`.

use crate::element::Float;
use crate::isa::{Body, Isa, dispatch};
use crate::parallel::{self, Cost};

/// The taps of each output: `starts[j] .. starts[j + 1]` of places and weights.
#[derive(Clone, Copy, Debug)]
pub struct Taps<'a, T> {
    /// One more than there are outputs.
    pub starts: &'a [usize],
    /// Places, each below the axis' length.
    pub index: &'a [usize],
    /// Weights.
    pub weight: &'a [T],
}

/// out `[…, m, inner]` ← x `[…, n, inner]`.
#[derive(Debug)]
pub struct Call<'a, T> {
    /// What to sum.
    pub taps: Taps<'a, T>,
    /// [n, m, inner].
    pub lengths: [usize; 3],
    /// Operand.
    pub x: &'a [T],
    /// Result, written in full.
    pub out: &'a mut [T],
}

/// Elements that one part of the work covers.
const PART: usize = 16 * 1024;
/// Elements side by side from which on whole rows are added.
const WIDE: usize = 8;

/// Runs it.
pub fn taps<T: Float>(isa: Isa, call: Call<'_, T>) {
    let Call { taps, lengths: [n, m, inner], x, out } = call;
    if x.is_empty() {
        return out.fill(T::ZERO); // nothing can be a tap
    }
    if out.is_empty() {
        return;
    }
    let each = taps.index.len() / m.max(1) + 1;
    let cost = Cost { bytes: size_of_val(out) + size_of_val(x), flops: 2 * each * out.len() };
    if inner >= WIDE {
        let rows = (PART / inner).max(1);
        parallel::chunks_mut(out, rows * inner, cost, |part, out| {
            dispatch(isa, Rows { taps, lengths: [n, m, inner], first: part * rows, x, out });
        });
    } else {
        let blocks = (PART / (m * inner).max(1)).max(1);
        parallel::chunks_mut(out, blocks * m * inner, cost, |part, out| {
            let x = &x[part * blocks * n * inner..];
            dispatch(isa, Blocks { taps, lengths: [n, m, inner], x, out });
        });
    }
}

impl<T: Copy> Taps<'_, T> {
    #[inline(always)]
    fn of(&self, output: usize) -> impl Iterator<Item = (usize, T)> {
        let range = self.starts[output]..self.starts[output + 1];
        self.index[range.clone()].iter().copied().zip(self.weight[range].iter().copied())
    }
}

/// Rows `first ..` of the result, each `inner` elements.
struct Rows<'a, T> {
    taps: Taps<'a, T>,
    lengths: [usize; 3],
    first: usize,
    x: &'a [T],
    out: &'a mut [T],
}

impl<T: Float> Body for Rows<'_, T> {
    type Output = ();
    #[inline(always)]
    fn run(self) {
        let Self { taps, lengths: [n, m, inner], first, x, out } = self;
        for (row, out) in out.chunks_exact_mut(inner).enumerate() {
            let (block, output) = ((first + row) / m, (first + row) % m);
            let mut taps = taps.of(output);
            let from = |place: usize| &x[(block * n + place) * inner..][..inner];
            match taps.next() {
                Some((place, weight)) => {
                    out.iter_mut().zip(from(place)).for_each(|(out, &x)| *out = weight * x);
                }
                None => out.fill(T::ZERO),
            }
            for (place, weight) in taps {
                out.iter_mut().zip(from(place)).for_each(|(out, &x)| *out = *out + weight * x);
            }
        }
    }
}

/// Whole blocks `[m, inner]` of the result, `inner` small.
struct Blocks<'a, T> {
    taps: Taps<'a, T>,
    lengths: [usize; 3],
    x: &'a [T],
    out: &'a mut [T],
}

impl<T: Float> Body for Blocks<'_, T> {
    type Output = ();
    #[inline(always)]
    fn run(self) {
        let Self { taps, lengths: [n, m, inner], x, out } = self;
        for (x, out) in x.chunks_exact(n * inner).zip(out.chunks_exact_mut(m * inner)) {
            for (output, out) in out.chunks_exact_mut(inner).enumerate() {
                for (i, out) in out.iter_mut().enumerate() {
                    let sum = |sum, (place, weight): (usize, T)| sum + weight * x[place * inner + i];
                    *out = taps.of(output).fold(T::ZERO, sum);
                }
            }
        }
    }
}
