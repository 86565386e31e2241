//! Householder reflections H = I − τ·v·vᵀ and products of many in blocks, I − V·T·Vᵀ (Schreiber & Van Loan 1989).
//! Reflectors are stored as rows: reflector j has noughts before place j + shift and 1 there.

use super::block::{add_scaled, dot, flipped, negated, normalise, product, rows, vanishing};
use crate::element::Float;

/// Turns x into the v that reflects it onto its first axis (v₀ = 1); answers (τ, β) with H·x = (β, 0, …).
pub(super) fn reflector<T: Float>(x: &mut [T]) -> (T, T) {
    let square = dot(x, x);
    if square < vanishing() && x.iter().any(|&x| x != T::ZERO) {
        // Squares of numbers this small lose their digits.
        let scale = normalise(x);
        let (tau, beta) = reflector(x);
        return (tau, beta * scale);
    }
    let Some((first, rest)) = x.split_first_mut() else { return (T::ZERO, T::ZERO) };
    let alpha = *first;
    *first = T::ONE;
    if rest.iter().all(|&x| x == T::ZERO) {
        return (T::ZERO, alpha);
    }
    let norm = square.sqrt();
    let beta = if alpha > T::ZERO { -norm } else { norm };
    let scale = alpha - beta;
    rest.iter_mut().for_each(|x| *x = *x / scale);
    ((beta - alpha) / beta, beta)
}

/// x ← H·x.
pub(super) fn reflect<T: Float>(x: &mut [T], v: &[T], tau: T) {
    let factor = tau * dot(v, x);
    add_scaled(x, -factor, v);
}

/// Reflectors of one block, as rows of length `length` from `offset` on, `stride` apart.
pub(super) struct Block<'a, T> {
    pub(super) v: &'a [T],
    pub(super) offset: usize,
    pub(super) stride: usize,
    pub(super) length: usize,
    pub(super) tau: &'a [T],
}

impl<T: Float> Block<'_, T> {
    fn row(&self, j: usize) -> &[T] {
        &self.v[self.offset + j * self.stride..][..self.length]
    }

    /// The upper triangular T with H₀·H₁·… = I − V·T·Vᵀ.
    fn triangle(&self) -> Vec<T> {
        let k = self.tau.len();
        let mut t = vec![T::ZERO; k * k];
        for j in 0..k {
            // T[..j, j] = −τ·T[..j, ..j]·(V[..j]ᵀ·v)
            let products: Vec<T> = (0..j).map(|i| dot(self.row(i), self.row(j))).collect();
            for i in 0..j {
                t[i * k + j] = -self.tau[j] * dot(&t[i * k + i..i * k + j], &products[i..]);
            }
            t[j * k + j] = self.tau[j];
        }
        t
    }

    /// C ← Q·C for Q = H₀·H₁·… or, transposed, Qᵀ·C. C is `[length, n]`, its rows lie `stride` apart.
    pub(super) fn apply(&self, c: &mut [T], n: usize, stride: usize, transposed: bool) {
        let k = self.tau.len();
        if n == 0 || k == 0 {
            return;
        }
        let v = rows(self.v, self.offset, self.stride);
        let mut w = vec![T::ZERO; k * n];
        product([k, n, self.length], v, rows(c, 0, stride), &mut w, n, false);
        let t = negated(self.triangle().into_iter());
        let mut tw = vec![T::ZERO; k * n];
        let t = rows(&t, 0, k);
        let t = if transposed { flipped(&t) } else { t };
        product([k, n, k], t, rows(&w, 0, n), &mut tw, n, false);
        product([self.length, n, k], flipped(&v), rows(&tw, 0, n), c, stride, true);
    }
}

/// The first `columns` columns of Q = H₀·H₁·…: `[m, columns]`. Reflectors are the rows of `v` `[k, m]`.
pub(super) fn accumulate<T: Float>(v: &[T], tau: &[T], m: usize, columns: usize, shift: usize) -> Vec<T> {
    let mut q = vec![T::ZERO; m * columns];
    q.iter_mut().step_by(columns + 1).take(m.min(columns)).for_each(|x| *x = T::ONE);
    let k = tau.len();
    for block in (0..k.div_ceil(super::block::BLOCK)).rev() {
        let first = block * super::block::BLOCK;
        let last = k.min(first + super::block::BLOCK);
        // Before row `top` the reflectors are 0, and so are the columns of the rows from there on.
        let top = first + shift;
        if top >= m || top >= columns {
            continue;
        }
        let block = Block { v, offset: first * m + top, stride: m, length: m - top, tau: &tau[first..last] };
        block.apply(&mut q[top * columns + top..], columns - top, columns, false);
    }
    q
}
