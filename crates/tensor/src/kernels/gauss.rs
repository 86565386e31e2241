//! The normal distribution: pairs of random numbers, distribution function, quantiles. The pairs use exactly rounded
//! operations only, so that their bits are the same on every machine. Knows no array.

use crate::math::Math;

/// 1/(2k·(2k + 1)) and 1/(2k·(2k − 1)), k = 8 first: each term of the series of sin x / x and cos x over the one before.
const CIRCLE: [[f64; 2]; 8] = {
    let mut out = [[0.0; 2]; 8];
    let mut i = 0;
    while i < 8 {
        let even = (16 - 2 * i) as f64;
        out[i] = [1.0 / (even * (even + 1.0)), 1.0 / (even * (even - 1.0))];
        i += 1;
    }
    out
};
/// 1/23, 1/21, …, 1: the series of artanh s / s in s².
const ARTANH: [f64; 12] = {
    let mut out = [0.0; 12];
    let mut i = 0;
    while i < 12 {
        out[i] = 1.0 / (23 - 2 * i) as f64;
        i += 1;
    }
    out
};

/// Box–Muller: √(−2 ln u)·(cos θ, sin θ) with θ = π/2·(quarter + turn), 0 < u < 1, −½ ≤ turn < ½.
#[inline(always)]
pub(super) fn normal_pair(u: f64, quarter: u32, turn: f64) -> [f64; 2] {
    let radius = (-2.0 * ln_unit(u)).sqrt();
    let x = turn * std::f64::consts::FRAC_PI_2;
    let square = x * x;
    // Taylor series on |x| ≤ π/4: the first term left out is below 2⁻⁵³ of the value.
    let (mut sin, mut cos) = (1.0, 1.0);
    for [odd, even] in CIRCLE {
        sin = 1.0 - square * odd * sin;
        cos = 1.0 - square * even * cos;
    }
    let (sin, cos) = (radius * x * sin, radius * cos);
    let (a, b) = if quarter & 1 == 0 { (cos, sin) } else { (-sin, cos) };
    if quarter & 2 == 0 { [a, b] } else { [-a, -b] }
}

/// ln u of a normal number 0 < u ≤ 1 by exactly rounded operations: u = m·2ᵉ with √½ ≤ m < √2, ln m = 2 artanh s.
#[inline(always)]
fn ln_unit(u: f64) -> f64 {
    const SQRT_HALF: u64 = 0x3FE6_A09E_667F_3BCD;
    const ONE: u64 = 0x3FF0_0000_0000_0000;
    let shifted = u.to_bits().wrapping_sub(SQRT_HALF);
    let exponent = f64::from((shifted as i64 >> 52) as i32);
    let m = f64::from_bits((shifted & 0x000F_FFFF_FFFF_FFFF).wrapping_add(SQRT_HALF));
    debug_assert!(u.to_bits() <= ONE);
    let s = (m - 1.0) / (m + 1.0);
    let square = s * s;
    let series = ARTANH.iter().fold(0.0, |series, term| series * square + term);
    exponent * std::f64::consts::LN_2 + 2.0 * s * series
}

/// Φ(x), accurate in the lower tail.
pub(super) fn normal_cdf(x: f64) -> f64 {
    0.5 * (-x * std::f64::consts::FRAC_1_SQRT_2).error_function_complement()
}

/// Φ⁻¹(p): Acklam's rational approximation (relative error 1.2e-9), then one step of Halley's method.
pub(super) fn normal_quantile(p: f64) -> f64 {
    const A: [f64; 6] = [
        -3.969_683_028_665_376e1,
        2.209_460_984_245_205e2,
        -2.759_285_104_469_687e2,
        1.383_577_518_672_69e2,
        -3.066_479_806_614_716e1,
        2.506_628_277_459_239,
    ];
    const B: [f64; 6] = [
        -5.447_609_879_822_406e1,
        1.615_858_368_580_409e2,
        -1.556_989_798_598_866e2,
        6.680_131_188_771_972e1,
        -1.328_068_155_288_572e1,
        1.0,
    ];
    const C: [f64; 6] = [
        -7.784_894_002_430_293e-3,
        -3.223_964_580_411_365e-1,
        -2.400_758_277_161_838,
        -2.549_732_539_343_734,
        4.374_664_141_464_968,
        2.938_163_982_698_783,
    ];
    const D: [f64; 5] = [
        7.784_695_709_041_462e-3,
        3.224_671_290_700_398e-1,
        2.445_134_137_142_996,
        3.754_408_661_907_416,
        1.0,
    ];
    const TAIL: f64 = 0.024_25;
    let horner = |c: &[f64], x: f64| c.iter().fold(0.0, |sum, &c| sum * x + c);
    if p <= 0.0 || p >= 1.0 {
        return if p <= 0.0 { f64::NEG_INFINITY } else { f64::INFINITY };
    }
    let tail = |p: f64| {
        let q = (-2.0 * p.ln()).sqrt();
        horner(&C, q) / horner(&D, q)
    };
    let x = if p < TAIL {
        tail(p)
    } else if p > 1.0 - TAIL {
        -tail(1.0 - p)
    } else {
        let q = p - 0.5;
        q * horner(&A, q * q) / horner(&B, q * q)
    };
    let error = (normal_cdf(x) - p) * (0.5 * x * x).exp() / crate::table::constants::FRAC_1_SQRT_2PI;
    let refined = x - error / (1.0 + 0.5 * x * error);
    if refined.is_finite() { refined } else { x }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::Rng;

    #[test]
    fn logarithm_and_circle_agree_with_the_standard_library() {
        let mut rng = Rng::seed(1);
        for i in 0..20_000 {
            let u = if i < 60 { 0.5_f64.powi(i) } else { rng.uniform01::<f64>().max(1e-300) };
            assert!((ln_unit(u) - u.ln()).abs() <= 1e-15 * u.ln().abs().max(1e-3), "ln {u}");
            let (quarter, turn) = (rng.below(4) as u32, rng.uniform01::<f64>() - 0.5);
            let u = u.min(0.999);
            let angle = std::f64::consts::FRAC_PI_2 * (f64::from(quarter) + turn);
            let radius = (-2.0 * u.ln()).sqrt();
            let [a, b] = normal_pair(u, quarter, turn);
            let error = (a - radius * angle.cos()).abs().max((b - radius * angle.sin()).abs());
            assert!(error <= 4e-15 * radius, "{u} {quarter} {turn}");
        }
    }

    #[test]
    fn the_quantile_undoes_the_distribution() {
        for i in -80..=80 {
            let z = f64::from(i) / 10.0;
            let back = normal_quantile(normal_cdf(z));
            let tolerance = if z > 1.0 { 3e-16 * (0.5 * z * z).exp() * 10.0 } else { 1e-13 };
            assert!((back - z).abs() < tolerance.max(1e-13), "{z}: {back}");
        }
        assert!((normal_quantile(0.975) - 1.959_963_984_540_054).abs() < 1e-14);
    }
}
