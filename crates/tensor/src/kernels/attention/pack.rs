//! Blocks of rows brought together for the products: dense, scaled or transposed. Knows layouts and no attention.

use super::Heads;
use crate::element::Float;
use crate::isa::Isa;
use crate::kernels::matmul::{Tables, transpose};

/// Rows `first .. first + count` of a head, times `scale`: `to[i · width + e]`.
pub(super) fn pack<T: Float>(
    x: &Heads<'_, T>,
    head: usize,
    (first, count): (usize, usize),
    (width, scale): (usize, T),
    to: &mut [T],
) {
    for (i, to) in to.chunks_exact_mut(width.max(1)).take(count).enumerate() {
        let at = x.at(head, first + i);
        match x.column {
            1 if scale == T::ONE => to.copy_from_slice(&x.data[at..at + width]),
            1 => to.iter_mut().zip(&x.data[at..at + width]).for_each(|(to, &x)| *to = x * scale),
            step => to.iter_mut().enumerate().for_each(|(e, to)| {
                *to = x.data[at.wrapping_add_signed(e as isize * step)] * scale;
            }),
        }
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
