//! Blocks of rows brought together for the products: dense, scaled or transposed; and products of rows with rows. Knows layouts
//! and no attention.
//!
//! Rows lie far apart, so that what counts is how many of them are on their way from memory at a time. The loops are therefore
//! written out, one for each operand, and not left to a copy of the standard library: the processor foresees strides by the
//! instruction that reads.

use super::Heads;
use crate::element::Float;
use crate::isa::{Body, Isa, dispatch};
use crate::kernels::matmul::{Tables, transpose};

struct Pack<'a, T> {
    x: &'a Heads<'a, T>,
    head: usize,
    first: usize,
    width: usize,
    scale: T,
    to: &'a mut [T],
}

impl<T: Float> Body for Pack<'_, T> {
    type Output = ();
    const WIDE: bool = size_of::<T>() == 4;
    #[inline(always)]
    fn run(self) {
        let Self { x, head, first, width, scale, to } = self;
        for (i, to) in to.chunks_exact_mut(width).enumerate() {
            let at = x.at(head, first + i);
            if x.column == 1 {
                to.iter_mut().zip(&x.data[at..at + width]).for_each(|(to, &x)| *to = x * scale);
            } else {
                to.iter_mut().enumerate().for_each(|(e, to)| {
                    *to = x.data[at.wrapping_add_signed(e as isize * x.column)] * scale;
                });
            }
        }
    }
}

/// Rows `first .. first + count` of a head, times `scale`: `to[i · width + e]`.
pub(super) fn pack<T: Float>(
    isa: Isa,
    x: &Heads<'_, T>,
    head: usize,
    (first, count): (usize, usize),
    (width, scale): (usize, T),
    to: &mut [T],
) {
    if width > 0 {
        dispatch(isa, Pack { x, head, first, width, scale, to: &mut to[..count * width] });
    }
}

/// Rows `first .. first + count` of a head as columns: `to[e · columns + i]`.
pub(super) fn pack_transposed<T: Tables>(
    isa: Isa,
    x: &Heads<'_, T>,
    head: usize,
    (first, count): (usize, usize),
    width: usize,
    (to, columns): (&mut [T], usize),
) {
    transpose(isa, x.rows(head, first), [count, width], (to, columns));
}

/// Parts of a sum that run side by side.
pub(super) const LANES: usize = 16;

struct Dots<'a, T> {
    a: &'a Heads<'a, T>,
    b: &'a Heads<'a, T>,
    head: usize,
    width: usize,
    out: &'a mut [[T; 2]],
}

impl<T: Float> Body for Dots<'_, T> {
    type Output = ();
    const WIDE: bool = size_of::<T>() == 4;
    #[inline(always)]
    fn run(self) {
        let Self { a, b, head, width, out } = self;
        for (i, [_, out]) in out.iter_mut().enumerate() {
            let (at_a, at_b) = (a.at(head, i), b.at(head, i));
            let mut lanes = [T::ZERO; LANES];
            if a.column == 1 && b.column == 1 && width > 0 {
                let (a, b) = (&a.data[at_a..at_a + width], &b.data[at_b..at_b + width]);
                let ((a, rest_a), (b, rest_b)) = (a.as_chunks::<LANES>(), b.as_chunks::<LANES>());
                for (a, b) in a.iter().zip(b) {
                    for lane in 0..LANES {
                        lanes[lane] = lanes[lane] + a[lane] * b[lane];
                    }
                }
                for (lane, (&a, &b)) in lanes.iter_mut().zip(rest_a.iter().zip(rest_b)) {
                    *lane = *lane + a * b;
                }
            } else {
                for e in 0..width {
                    let step = e as isize;
                    let a = a.data[at_a.wrapping_add_signed(step * a.column)];
                    let b = b.data[at_b.wrapping_add_signed(step * b.column)];
                    lanes[e % LANES] = lanes[e % LANES] + a * b;
                }
            }
            *out = halved(lanes);
        }
    }
}

/// The sum of lanes, by halves.
#[inline(always)]
fn halved<T: Float>(mut lanes: [T; LANES]) -> T {
    let mut width = LANES;
    while width > 1 {
        width /= 2;
        for lane in 0..width {
            lanes[lane] = lanes[lane] + lanes[lane + width];
        }
    }
    lanes[0]
}

/// `out[i][1]` becomes the inner product of row i of `a` and row i of `b`.
pub(super) fn dots<T: Float>(
    isa: Isa,
    [a, b]: [&Heads<'_, T>; 2],
    head: usize,
    width: usize,
    out: &mut [[T; 2]],
) {
    dispatch(isa, Dots { a, b, head, width, out });
}
