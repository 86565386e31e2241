//! The language in which elementwise formulas are written, once, and read twice: by numbers ([`Pack`], compiled into
//! the fused loops) and by whatever else calculates, such as a differentiable variable. Knows no tensor.

use std::ops::{Add, Div, Mul, Neg, Sub};

use crate::element::Float;
use crate::isa::MulAdd;
use crate::pack::Pack;

macro_rules! arith {
    ($($(#[$doc:meta])* $name:ident $apply:ident($x:ident) = $value:expr;)*) => {
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

        impl<T: Float, const K: usize, M: MulAdd> Arith for Pack<T, K, M> {
            $(#[inline(always)] fn $name(self) -> Self { $apply!(self, $x, $value) })*
            #[inline(always)]
            fn powf(self, exponent: f64) -> Self {
                self.map(|x| if exponent == 2.0 { x * x } else { x.powf(T::of(exponent)) })
            }
            #[inline(always)]
            fn where_gt(self, threshold: f64, then: Self, otherwise: Self) -> Self {
                let mut out = otherwise;
                let mut k = 0;
                while k < K {
                    if self.0[k] > T::of(threshold) {
                        out.0[k] = then.0[k];
                    }
                    k += 1;
                }
                out
            }
            #[inline(always)]
            fn at_least(self, bound: f64) -> Self {
                self.map(|x| if x < T::of(bound) { T::of(bound) } else { x })
            }
            #[inline(always)]
            fn at_most(self, bound: f64) -> Self {
                self.map(|x| if x > T::of(bound) { T::of(bound) } else { x })
            }
            #[inline(always)]
            fn nought(self) -> Self {
                Pack::all(T::ZERO)
            }
        }
    };
}

/// A row's value, number by number.
macro_rules! each {
    ($pack:ident, $x:ident, $value:expr) => {
        $pack.map(|$x| $value)
    };
}
/// A row's value for all numbers of a pack together.
macro_rules! pack {
    ($pack:ident, $x:ident, $value:expr) => {{
        let $x = $pack.0;
        Pack::new($value)
    }};
}

arith! {
    /// |x|.
    abs each(x) = x.abs();
    /// −1, 0 or 1; NaN for NaN.
    sign each(x) = if x > T::ZERO { T::ONE } else if x < T::ZERO { -T::ONE } else { x };
    /// √x.
    sqrt each(x) = x.sqrt();
    /// 1 / √x.
    rsqrt each(x) = x.sqrt().recip();
    /// 1 / x.
    reciprocal each(x) = x.recip();
    /// e^x.
    exp pack(x) = T::exp_pack::<K, M>(x);
    /// 2^x.
    exp2 each(x) = x.exp2();
    /// e^x − 1.
    expm1 each(x) = x.exp_m1();
    /// Natural logarithm.
    ln pack(x) = T::ln_pack::<K, M>(x);
    /// Binary logarithm.
    log2 each(x) = x.log2();
    /// Decimal logarithm.
    log10 each(x) = x.log10();
    /// ln(1 + x).
    log1p each(x) = x.ln_1p();
    /// Sine.
    sin each(x) = x.sin();
    /// Cosine.
    cos each(x) = x.cos();
    /// Tangent.
    tan each(x) = x.tan();
    /// Inverse sine.
    asin each(x) = x.asin();
    /// Inverse cosine.
    acos each(x) = x.acos();
    /// Inverse tangent.
    atan each(x) = x.atan();
    /// Hyperbolic sine.
    sinh each(x) = x.sinh();
    /// Hyperbolic cosine.
    cosh each(x) = x.cosh();
    /// Hyperbolic tangent.
    tanh pack(x) = T::tanh_pack::<K, M>(x);
    /// Inverse hyperbolic sine.
    asinh each(x) = x.asinh();
    /// Inverse hyperbolic cosine.
    acosh each(x) = x.acosh();
    /// Inverse hyperbolic tangent.
    atanh each(x) = x.atanh();
    /// Error function.
    erf pack(x) = T::erf_pack::<K, M>(x);
    /// 1 − erf x.
    erfc pack(x) = T::erfc_pack::<K, M>(x);
    /// 1 / (1 + e^(−x)).
    sigmoid pack(x) = T::sigmoid_pack::<K, M>(x);
    /// Φ(x), the standard normal distribution function.
    normal_cdf pack(x) = T::normal_cdf_pack::<K, M>(x);
    /// x·Φ(x).
    gelu pack(x) = T::gelu_pack::<K, M>(x);
    /// φ(x), the standard normal density.
    normal_pdf pack(x) = T::normal_pdf_pack::<K, M>(x);
    /// ln(1 + e^x).
    log1p_exp pack(x) = T::log1p_exp_pack::<K, M>(x);
    /// Towards −∞.
    floor each(x) = x.floor();
    /// Towards ∞.
    ceil each(x) = x.ceil();
    /// To the nearest integer, ties to the even one.
    round each(x) = { let r = x.round(); if (x - x.trunc()).abs() == T::of(0.5) { T::of(2.0) * (x / T::of(2.0)).round() } else { r } };
    /// Towards 0.
    trunc each(x) = x.trunc();
}
