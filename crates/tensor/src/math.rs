//! Functions that the elementwise table and other kernels are made of: polynomials in single precision, the standard
//! library's (and series) in double. Knows no tensor and no derivative.

use crate::element::Number;
use crate::isa::{MulAdd, Separate};
use crate::polynomial;

/// `f` of each of `K` numbers.
#[inline(always)]
fn each<T: Copy, const K: usize>(mut x: [T; K], f: impl Fn(T) -> T) -> [T; K] {
    let mut k = 0;
    while k < K {
        x[k] = f(x[k]);
        k += 1;
    }
    x
}

macro_rules! math {
    ($($(#[$doc:meta])* $scalar:ident $pack:ident $polynomial:ident |$x:ident| $double:expr;)*) => {
        /// Mathematics of a float type, for packs of numbers (see [`Pack`](crate::Pack)) and for one alone.
        pub trait Math: num_traits::Float {
            /// A constant in this type.
            #[must_use]
            fn constant(value: f64) -> Self;
            $(
                $(#[$doc])*
                #[must_use]
                fn $pack<const K: usize, M: MulAdd>(x: [Self; K]) -> [Self; K];
                $(#[$doc])*
                #[must_use]
                #[inline(always)]
                fn $scalar(self) -> Self {
                    Self::$pack::<1, Separate>([self])[0]
                }
            )*
        }

        impl Math for f32 {
            #[inline(always)]
            fn constant(value: f64) -> Self {
                value as f32
            }
            $(
                #[inline(always)]
                fn $pack<const K: usize, M: MulAdd>(x: [Self; K]) -> [Self; K] {
                    polynomial::$polynomial::<K, M>(x)
                }
            )*
        }

        impl Math for f64 {
            #[inline(always)]
            fn constant(value: f64) -> Self {
                value
            }
            $(
                #[inline(always)]
                fn $pack<const K: usize, M: MulAdd>(x: [Self; K]) -> [Self; K] {
                    each(x, |$x| $double)
                }
            )*
        }
    };
}

math! {
    /// e^x.
    fast_exp exp_pack exp |x| x.exp();
    /// e^x for x ≤ 40, in fewer operations.
    fast_exp_falling exp_falling_pack exp_falling |x| x.exp();
    /// tanh x.
    fast_tanh tanh_pack tanh |x| x.tanh();
    /// Natural logarithm.
    fast_ln ln_pack ln |x| x.ln();
    /// erf x = 2/√π ∫₀ˣ e^(−t²) dt.
    error_function erf_pack erf |x| erf_f64(x);
    /// 1 − erf x, accurate also where erf x is near 1.
    error_function_complement erfc_pack erfc |x| erfc_f64(x);
    /// Φ(x), the standard normal distribution function, accurate in the lower tail.
    normal_cdf normal_cdf_pack normal_cdf |x| 0.5 * erfc_f64(-x * std::f64::consts::FRAC_1_SQRT_2);
    /// x·Φ(x), 0 at −∞.
    gelu gelu_pack gelu |x| {
        let x = if x < -40.0 { -40.0 } else { x };
        0.5 * x * erfc_f64(-x * std::f64::consts::FRAC_1_SQRT_2)
    };
    /// φ(x), the standard normal density.
    normal_pdf normal_pdf_pack normal_pdf |x| (-0.5 * x * x).exp() * crate::constants::FRAC_1_SQRT_2PI;
    /// 1 / (1 + e^(−x)).
    logistic sigmoid_pack sigmoid |x| (1.0 + (-x).exp()).recip();
    /// ln(1 + e^x), without overflow.
    log1p_exp log1p_exp_pack log1p_exp |x| (if x < 0.0 { 0.0 } else { x }) + (-x.abs()).exp().ln_1p();
}

/// The larger of two numbers; NaN if either is NaN.
#[inline(always)]
#[allow(clippy::eq_op)] // x != x asks for NaN
pub(crate) fn larger<T: Number>(a: T, b: T) -> T {
    if a > b || a != a { a } else { b }
}

/// The smaller of two numbers; NaN if either is NaN.
#[inline(always)]
#[allow(clippy::eq_op)]
pub(crate) fn smaller<T: Number>(a: T, b: T) -> T {
    if a < b || a != a { a } else { b }
}

/// Below this erf comes from its power series, above from the continued fraction of erfc.
const SERIES_BELOW: f64 = 2.0;

fn erf_f64(x: f64) -> f64 {
    if x.abs() < SERIES_BELOW { erf_series(x) } else { (1.0 - erfc_tail(x.abs())).copysign(x) }
}

fn erfc_f64(x: f64) -> f64 {
    if x.abs() < SERIES_BELOW {
        1.0 - erf_series(x)
    } else if x > 0.0 {
        erfc_tail(x)
    } else {
        2.0 - erfc_tail(-x)
    }
}

/// erf x = 2/√π · e^(−x²) · Σ 2ⁿ x^(2n+1) / (2n+1)!!, all terms of one sign (Abramowitz & Stegun 7.1.6).
fn erf_series(x: f64) -> f64 {
    let square = x * x;
    let (mut term, mut sum, mut n) = (x, x, 0.0);
    while n < 60.0 {
        n += 1.0;
        term *= 2.0 * square / (2.0 * n + 1.0);
        sum += term;
        if term.abs() <= sum.abs() * 1e-17 {
            break;
        }
    }
    std::f64::consts::FRAC_2_SQRT_PI * (-square).exp() * sum
}

/// erfc x for x ≥ 2 by its continued fraction, evaluated from below (Abramowitz & Stegun 7.1.14).
fn erfc_tail(x: f64) -> f64 {
    if x.is_nan() {
        return x;
    }
    if x > 27.3 {
        return 0.0;
    }
    let mut fraction = x;
    for k in (1..=60).rev() {
        fraction = x + 0.5 * f64::from(k) / fraction;
    }
    (-x * x).exp() / (fraction * std::f64::consts::PI.sqrt())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn edges() {
        assert_eq!(f32::NEG_INFINITY.fast_exp(), 0.0);
        assert_eq!(f32::INFINITY.fast_exp(), f32::INFINITY);
        assert_eq!(88.8_f32.fast_exp(), f32::INFINITY);
        assert_eq!(0.0_f32.fast_exp(), 1.0);
        assert!(
            f32::NAN.fast_exp().is_nan()
                && f32::NAN.fast_tanh().is_nan()
                && f32::NAN.error_function().is_nan()
        );
        assert_eq!((f32::INFINITY.fast_tanh(), f32::NEG_INFINITY.fast_tanh()), (1.0, -1.0));
        assert_eq!((f32::INFINITY.logistic(), f32::NEG_INFINITY.logistic()), (1.0, 0.0));
        assert!(f64::NAN.log1p_exp().is_nan() && f64::NAN.normal_cdf().is_nan());
        assert_eq!(f64::INFINITY.log1p_exp(), f64::INFINITY);
        assert_eq!(f64::NEG_INFINITY.log1p_exp(), 0.0);
    }

    #[test]
    fn erf_meets_published_values() {
        // Abramowitz & Stegun, table 7.1 and 7.3.
        for (x, erf) in
            [(0.1, 0.112_462_916_0), (0.5, 0.520_499_877_8), (1.0, 0.842_700_792_9), (2.0, 0.995_322_265_0)]
        {
            assert!((f64::error_function(x) - erf).abs() < 1e-10, "{x}");
            assert!((f64::error_function(-x) + erf).abs() < 1e-10, "{x}");
            assert!((f64::error_function_complement(x) - (1.0 - erf)).abs() < 1e-10, "{x}");
        }
        assert!((f64::error_function_complement(3.0) / 2.209_049_699_858_544e-5 - 1.0).abs() < 1e-13);
        assert_eq!(
            (
                f64::INFINITY.error_function(),
                f64::INFINITY.error_function_complement(),
                f64::NEG_INFINITY.error_function_complement()
            ),
            (1.0, 0.0, 2.0)
        );
    }
}
