//! `Pack`: a few numbers that go through a formula side by side.
//!
//! A loop over packs whose numbers lie 16 apart turns into as many vectors as the pack has numbers, each step of the
//! formula for all of them before the next. So a processor finds independent work within its window; number after
//! number the same polynomials take up to twice as long. Knows no tensor.

use std::marker::PhantomData;
use std::ops::{Add, Div, Mul, Neg, Sub};

use crate::element::Float;
use crate::isa::MulAdd;

/// `K` numbers side by side, with the way in which they are multiplied and added.
#[doc(hidden)]
#[derive(Debug)]
#[repr(transparent)]
pub struct Pack<T, const K: usize, M>(pub [T; K], PhantomData<M>);

impl<T: Copy, const K: usize, M> Clone for Pack<T, K, M> {
    #[inline(always)]
    fn clone(&self) -> Self {
        *self
    }
}
impl<T: Copy, const K: usize, M> Copy for Pack<T, K, M> {}

// Loops here are written with `while`: they must be gone before the compiler looks for vectors in the loop around them.
#[doc(hidden)]
impl<T: Copy, const K: usize, M> Pack<T, K, M> {
    /// These numbers.
    #[must_use]
    #[inline(always)]
    pub const fn new(numbers: [T; K]) -> Self {
        Self(numbers, PhantomData)
    }

    /// One number, `K` times.
    #[must_use]
    #[inline(always)]
    pub const fn all(number: T) -> Self {
        Self([number; K], PhantomData)
    }

    /// `f` of each number.
    #[must_use]
    #[inline(always)]
    pub fn map(mut self, f: impl Fn(T) -> T) -> Self {
        let mut k = 0;
        while k < K {
            self.0[k] = f(self.0[k]);
            k += 1;
        }
        self
    }

    /// `f` of each pair.
    #[must_use]
    #[inline(always)]
    pub fn zip(mut self, other: Self, f: impl Fn(T, T) -> T) -> Self {
        let mut k = 0;
        while k < K {
            self.0[k] = f(self.0[k], other.0[k]);
            k += 1;
        }
        self
    }
}

#[doc(hidden)]
impl<T: num_traits::Float, const K: usize, M: MulAdd> Pack<T, K, M> {
    /// self·b + c.
    #[must_use]
    #[inline(always)]
    pub fn times_plus(mut self, b: Self, c: Self) -> Self {
        let mut k = 0;
        while k < K {
            self.0[k] = M::mul_add(self.0[k], b.0[k], c.0[k]);
            k += 1;
        }
        self
    }

    /// The polynomial with these coefficients, that of the highest power first.
    #[must_use]
    #[inline(always)]
    pub fn polynomial<const N: usize>(self, coefficients: [T; N]) -> Self {
        let mut sum = Self::all(coefficients[0]);
        let mut n = 1;
        while n < N {
            sum = sum.times_plus(self, Self::all(coefficients[n]));
            n += 1;
        }
        sum
    }
}

macro_rules! operator {
    ($trait:ident $method:ident $op:tt) => {
        impl<T: num_traits::Float, const K: usize, M> $trait for Pack<T, K, M> {
            type Output = Self;
            #[inline(always)]
            fn $method(self, other: Self) -> Self {
                self.zip(other, |a, b| a $op b)
            }
        }
        impl<T: Float, const K: usize, M> $trait<f64> for Pack<T, K, M> {
            type Output = Self;
            #[inline(always)]
            fn $method(self, other: f64) -> Self {
                self.map(|a| a $op T::of(other))
            }
        }
    };
}
operator!(Add add +);
operator!(Sub sub -);
operator!(Mul mul *);
operator!(Div div /);

impl<T: num_traits::Float, const K: usize, M> Neg for Pack<T, K, M> {
    type Output = Self;
    #[inline(always)]
    fn neg(self) -> Self {
        self.map(|x| -x)
    }
}
