//! The language in which elementwise formulas are written, once, and read twice: by numbers (`Scalar`, compiled into
//! the fused loops) and by whatever else calculates, such as a differentiable variable. Knows no tensor.

use std::ops::{Add, Div, Mul, Neg, Sub};

use crate::element::Float;

macro_rules! arith {
    ($($(#[$doc:meta])* $name:ident($x:ident) = $value:expr;)*) => {
        /// What a formula of the elementwise table may be evaluated on.
        pub trait Arith:
            Clone
            + Add<Output = Self> + Sub<Output = Self> + Mul<Output = Self> + Div<Output = Self> + Neg<Output = Self>
            + Add<f64, Output = Self> + Sub<f64, Output = Self> + Mul<f64, Output = Self> + Div<f64, Output = Self>
        {
            $($(#[$doc])* #[must_use] fn $name(self) -> Self;)*
            /// self^exponent.
            #[must_use]
            fn powf(self, exponent: f64) -> Self;
            /// `then` where self > `threshold`, else `otherwise`; NaN is not greater.
            #[must_use]
            fn where_gt(self, threshold: f64, then: Self, otherwise: Self) -> Self;
            /// The larger of self and `bound`; NaN stays NaN.
            #[must_use]
            fn at_least(self, bound: f64) -> Self;
            /// The smaller of self and `bound`; NaN stays NaN.
            #[must_use]
            fn at_most(self, bound: f64) -> Self;
            /// Noughts in self's shape, whatever self holds.
            #[must_use]
            fn nought(self) -> Self;
        }

        impl<T: Float> Arith for Scalar<T> {
            $(#[inline(always)] fn $name(self) -> Self { let $x = self.0; Scalar($value) })*
            #[inline(always)]
            fn powf(self, exponent: f64) -> Self {
                Scalar(if exponent == 2.0 { self.0 * self.0 } else { self.0.powf(T::of(exponent)) })
            }
            #[inline(always)]
            fn where_gt(self, threshold: f64, then: Self, otherwise: Self) -> Self {
                if self.0 > T::of(threshold) { then } else { otherwise }
            }
            #[inline(always)]
            fn at_least(self, bound: f64) -> Self {
                if self.0 < T::of(bound) { Scalar(T::of(bound)) } else { self }
            }
            #[inline(always)]
            fn at_most(self, bound: f64) -> Self {
                if self.0 > T::of(bound) { Scalar(T::of(bound)) } else { self }
            }
            #[inline(always)]
            fn nought(self) -> Self {
                Scalar(T::ZERO)
            }
        }
    };
}

arith! {
    /// |x|.
    abs(x) = x.abs();
    /// −1, 0 or 1; NaN for NaN.
    sign(x) = if x > T::ZERO { T::ONE } else if x < T::ZERO { -T::ONE } else { x };
    /// √x.
    sqrt(x) = x.sqrt();
    /// 1 / √x.
    rsqrt(x) = x.sqrt().recip();
    /// 1 / x.
    reciprocal(x) = x.recip();
    /// e^x.
    exp(x) = x.fast_exp();
    /// 2^x.
    exp2(x) = x.exp2();
    /// e^x − 1.
    expm1(x) = x.exp_m1();
    /// Natural logarithm.
    ln(x) = x.ln();
    /// Binary logarithm.
    log2(x) = x.log2();
    /// Decimal logarithm.
    log10(x) = x.log10();
    /// ln(1 + x).
    log1p(x) = x.ln_1p();
    /// Sine.
    sin(x) = x.sin();
    /// Cosine.
    cos(x) = x.cos();
    /// Tangent.
    tan(x) = x.tan();
    /// Inverse sine.
    asin(x) = x.asin();
    /// Inverse cosine.
    acos(x) = x.acos();
    /// Inverse tangent.
    atan(x) = x.atan();
    /// Hyperbolic sine.
    sinh(x) = x.sinh();
    /// Hyperbolic cosine.
    cosh(x) = x.cosh();
    /// Hyperbolic tangent.
    tanh(x) = x.fast_tanh();
    /// Inverse hyperbolic sine.
    asinh(x) = x.asinh();
    /// Inverse hyperbolic cosine.
    acosh(x) = x.acosh();
    /// Inverse hyperbolic tangent.
    atanh(x) = x.atanh();
    /// Error function.
    erf(x) = x.error_function();
    /// 1 − erf x.
    erfc(x) = x.error_function_complement();
    /// 1 / (1 + e^(−x)).
    sigmoid(x) = x.logistic();
    /// ln(1 + e^x).
    log1p_exp(x) = x.log1p_exp();
    /// Towards −∞.
    floor(x) = x.floor();
    /// Towards ∞.
    ceil(x) = x.ceil();
    /// To the nearest integer, ties to the even one.
    round(x) = { let r = x.round(); if (x - x.trunc()).abs() == T::of(0.5) { T::of(2.0) * (x / T::of(2.0)).round() } else { r } };
    /// Towards 0.
    trunc(x) = x.trunc();
}

/// A number that formulas are evaluated on.
#[derive(Clone, Copy, Debug)]
#[repr(transparent)]
pub struct Scalar<T>(pub T);

macro_rules! operator {
    ($trait:ident $method:ident $op:tt) => {
        impl<T: Float> $trait for Scalar<T> {
            type Output = Self;
            #[inline(always)]
            fn $method(self, other: Self) -> Self {
                Scalar(self.0 $op other.0)
            }
        }
        impl<T: Float> $trait<f64> for Scalar<T> {
            type Output = Self;
            #[inline(always)]
            fn $method(self, other: f64) -> Self {
                Scalar(self.0 $op T::of(other))
            }
        }
    };
}
operator!(Add add +);
operator!(Sub sub -);
operator!(Mul mul *);
operator!(Div div /);

impl<T: Float> Neg for Scalar<T> {
    type Output = Self;
    #[inline(always)]
    fn neg(self) -> Self {
        Scalar(-self.0)
    }
}
