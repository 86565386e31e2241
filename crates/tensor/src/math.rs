//! Functions of one number that the elementwise table is made of: plain Rust that vectorises where a polynomial does,
//! the standard library's elsewhere. Knows no tensor and no derivative.

/// Scalar mathematics of a float type.
pub trait Math: num_traits::Float {
    /// A constant in this type.
    #[must_use]
    fn constant(value: f64) -> Self;

    /// e^x.
    #[must_use]
    #[inline(always)]
    fn fast_exp(self) -> Self {
        self.exp()
    }

    /// tanh x.
    #[must_use]
    #[inline(always)]
    fn fast_tanh(self) -> Self {
        self.tanh()
    }

    /// erf x = 2/√π ∫₀ˣ e^(−t²) dt.
    #[must_use]
    fn error_function(self) -> Self;

    /// 1 − erf x, accurate also where erf x is near 1.
    #[must_use]
    fn error_function_complement(self) -> Self;

    /// 1 / (1 + e^(−x)).
    #[must_use]
    #[inline(always)]
    fn logistic(self) -> Self {
        (Self::one() + (-self).fast_exp()).recip()
    }

    /// ln(1 + e^x), without overflow.
    #[must_use]
    #[inline(always)]
    fn log1p_exp(self) -> Self {
        let positive = if self > Self::zero() { self } else { Self::zero() };
        positive + (-self.abs()).fast_exp().ln_1p()
    }
}

impl Math for f32 {
    #[inline(always)]
    fn constant(value: f64) -> Self {
        value as f32
    }

    /// Range reduction to |r| ≤ ln2/2 and a polynomial of degree 6; within 1 ulp of e^x, denormal results included.
    #[inline(always)]
    fn fast_exp(self) -> f32 {
        const MAGIC: f32 = 12_582_912.0; // 1.5·2²³: adding it rounds to an integer, which stands in the low bits
        const LN2_HIGH: f32 = 0.693_359_4;
        const LN2_LOW: f32 = -2.121_944_4e-4;
        let x = if self > 89.0 { 89.0 } else { self };
        let x = if x < -105.0 { -105.0 } else { x };
        let shifted = x * std::f32::consts::LOG2_E + MAGIC;
        let n = (shifted.to_bits() as i32).wrapping_sub(MAGIC.to_bits() as i32);
        let whole = shifted - MAGIC;
        let r = (x - whole * LN2_HIGH) - whole * LN2_LOW;
        let mut p = 1.988_148_8e-4_f32;
        p = p * r + 1.398_139_9e-3;
        p = p * r + 8.333_694e-3;
        p = p * r + 4.166_545_8e-2;
        p = p * r + 1.666_666_5e-1;
        p = p * r + 0.5;
        let value = (p * r) * r + r + 1.0;
        // 2ⁿ in two factors, so that neither leaves the range of normal numbers.
        let half = n >> 1;
        let power = |k: i32| f32::from_bits((k.wrapping_add(127) as u32) << 23);
        value * power(half) * power(n.wrapping_sub(half))
    }

    #[inline(always)]
    fn fast_tanh(self) -> f32 {
        let x = self;
        let z = x * x;
        let mut p = -5.704_988_7e-3_f32;
        p = p * z + 2.063_908_8e-2;
        p = p * z - 5.373_971e-2;
        p = p * z + 1.333_144_2e-1;
        p = p * z - 3.333_328e-1;
        let small = p * z * x + x;
        let large = 1.0 - 2.0 / ((2.0 * x.abs()).fast_exp() + 1.0);
        if x.abs() < 0.625 { small } else { large.copysign(x) }
    }

    #[inline(always)]
    fn error_function(self) -> f32 {
        erf_f64(f64::from(self)) as f32
    }

    #[inline(always)]
    fn error_function_complement(self) -> f32 {
        erfc_f64(f64::from(self)) as f32
    }
}

impl Math for f64 {
    #[inline(always)]
    fn constant(value: f64) -> Self {
        value
    }

    #[inline(always)]
    fn error_function(self) -> f64 {
        erf_f64(self)
    }

    #[inline(always)]
    fn error_function_complement(self) -> f64 {
        erfc_f64(self)
    }
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

    fn ulps(got: f32, want: f64) -> f64 {
        let nearest = want as f32;
        let step = f64::from(f32::from_bits(nearest.abs().to_bits() + 1)) - f64::from(nearest.abs());
        (f64::from(got) - want).abs() / step
    }

    #[test]
    fn exp_and_tanh_are_within_two_ulps() {
        for i in 0..200_000 {
            let x = (i as f32 / 100_000.0 - 1.0) * 103.0;
            let want = f64::from(x).exp();
            if want < f64::from(f32::MAX) {
                assert!(ulps(x.fast_exp(), want) <= 2.0, "exp {x}: {} {want}", x.fast_exp());
            }
            let y = x / 10.0;
            assert!(ulps(y.fast_tanh(), f64::from(y).tanh()) <= 2.0, "tanh {y}: {}", y.fast_tanh());
        }
    }

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
