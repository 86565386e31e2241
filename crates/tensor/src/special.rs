//! Special functions that no hot loop needs: ln|Γ|, its derivatives, sinc and its derivatives, the inverse error function.
//! They are computed number by number in double precision, whatever the element type, so that each is compiled once and
//! single precision gets them correctly rounded but for rare ties. Knows no tensor.

use std::f64::consts::{FRAC_2_SQRT_PI, PI};

use crate::math::Math;

/// ζ(k) − 1 for k = 2, 3, …: the coefficients of ln Γ(2 + z), (−1)ᵏ/k apart (Abramowitz & Stegun 6.1.33, table 23.3).
const ZETA_LESS_ONE: [f64; 30] = [
    0.644_934_066_848_226_4,
    0.202_056_903_159_594_3,
    0.082_323_233_711_138_19,
    0.036_927_755_143_369_93,
    0.017_343_061_984_449_14,
    0.008_349_277_381_922_827,
    0.004_077_356_197_944_339,
    0.002_008_392_826_082_214_4,
    0.000_994_575_127_818_085_3,
    0.000_494_188_604_119_464_6,
    0.000_246_086_553_308_048_3,
    0.000_122_713_347_578_489_15,
    6.124_813_505_870_483e-5,
    3.058_823_630_702_049e-5,
    1.528_225_940_865_187e-5,
    7.637_197_637_899_762e-6,
    3.817_293_264_999_84e-6,
    1.908_212_716_553_939e-6,
    9.539_620_338_727_96e-7,
    4.769_329_867_878_065e-7,
    2.384_505_027_277_33e-7,
    1.192_199_259_653_110_7e-7,
    5.960_818_905_125_948e-8,
    2.980_350_351_465_228e-8,
    1.490_155_482_836_504_3e-8,
    7.450_711_789_835_429e-9,
    3.725_334_024_788_457e-9,
    1.862_659_723_513_049e-9,
    9.313_274_324_196_682e-10,
    4.656_629_065_033_784e-10,
];
/// Euler's constant γ.
const EULER: f64 = 0.577_215_664_901_532_9;
/// ln √(2π).
const HALF_LN_TAU: f64 = 0.918_938_533_204_672_8;
/// The Bernoulli numbers B₂, B₄, ….
const BERNOULLI: [f64; 12] = [
    1.0 / 6.0,
    -1.0 / 30.0,
    1.0 / 42.0,
    -1.0 / 30.0,
    5.0 / 66.0,
    -691.0 / 2730.0,
    7.0 / 6.0,
    -3617.0 / 510.0,
    43867.0 / 798.0,
    -174_611.0 / 330.0,
    854_513.0 / 138.0,
    -236_364_091.0 / 2730.0,
];
/// From here on the asymptotic series serve.
const ASYMPTOTIC: f64 = 12.0;

/// sin πx, exact at the integers.
fn sin_pi(x: f64) -> f64 {
    let r = x % 2.0;
    let (sign, r) = if r < 0.0 { (-1.0, -r) } else { (1.0, r) };
    let (sign, r) = if r > 1.0 { (-sign, r - 1.0) } else { (sign, r) };
    sign * (PI * if r > 0.5 { 1.0 - r } else { r }).sin()
}

/// Whether Γ has a pole at x: 0, −1, −2, ….
fn is_pole(x: f64) -> bool {
    x <= 0.0 && x == x.floor() && x.is_finite()
}

/// ln|Γ(x)|; ∞ at the poles and at ±∞.
#[must_use]
pub(crate) fn lgamma(x: f64) -> f64 {
    if x.is_nan() {
        return x;
    }
    if x.is_infinite() || is_pole(x) {
        return f64::INFINITY;
    }
    if x < 0.0 {
        // Γ(x)·Γ(−x) = −π/(x·sin πx).
        return (PI / (x * sin_pi(x)).abs()).ln() - lgamma(-x);
    }
    if x < 0.5 {
        return lgamma(1.0 + x) - x.ln();
    }
    if x <= 1.5 {
        return near_two(x - 1.0) - (x - 1.0).ln_1p();
    }
    if x < ASYMPTOTIC {
        let (mut z, mut product) = (x, 1.0);
        while z > 2.5 {
            z -= 1.0;
            product *= z;
        }
        return near_two(z - 2.0) + product.ln();
    }
    let (mut sum, mut power) = (0.0, 1.0 / x);
    for (k, b) in BERNOULLI.iter().enumerate().take(8) {
        let twice = 2.0 * (k as f64 + 1.0);
        sum += b / (twice * (twice - 1.0)) * power;
        power /= x * x;
    }
    (x - 0.5) * x.ln() - x + HALF_LN_TAU + sum
}

/// ln Γ(2 + z) for |z| ≤ ½ = (1 − γ)z + Σ (ζ(k) − 1)(−z)ᵏ/k, without cancellation at z = 0.
fn near_two(z: f64) -> f64 {
    let terms = ZETA_LESS_ONE.iter().enumerate().rev();
    let series = terms.fold(0.0, |sum, (k, zeta)| zeta / (k as f64 + 2.0) - z * sum);
    z * ((1.0 - EULER) + z * series)
}

/// ψ(x) = Γ′(x)/Γ(x); ∓∞ at ±0, NaN at the other poles and at −∞.
#[must_use]
pub(crate) fn digamma(x: f64) -> f64 {
    if x == 0.0 {
        return -f64::INFINITY.copysign(x);
    }
    if is_pole(x) || x == f64::NEG_INFINITY {
        return f64::NAN;
    }
    if x < 0.0 {
        // ψ(1 − x) − ψ(x) = π/tan πx.
        let r = x - x.floor();
        return digamma(1.0 - x) - PI / (PI * if r > 0.5 { r - 1.0 } else { r }).tan();
    }
    let (mut x, mut below) = (x, 0.0);
    while x < ASYMPTOTIC {
        below += 1.0 / x;
        x += 1.0;
    }
    let (mut sum, mut power) = (0.0, 1.0 / (x * x));
    for (k, b) in BERNOULLI.iter().enumerate().take(9) {
        sum += b / (2.0 * (k as f64 + 1.0)) * power;
        power /= x * x;
    }
    x.ln() - 0.5 / x - if sum.is_nan() { 0.0 } else { sum } - below
}

/// ψ⁽ⁿ⁾, the n-th derivative of digamma, as a function that has n's constants at hand.
#[derive(Clone, Debug)]
pub(crate) struct Polygamma {
    n: u32,
    /// n!.
    factorial: f64,
    /// The n-th derivative of cot πx as a polynomial in cot πx, without its factor πⁿ.
    cotangent: Vec<f64>,
}

impl Polygamma {
    /// The function for n.
    #[must_use]
    pub(crate) fn new(n: u32) -> Self {
        let mut cotangent = vec![0.0, 1.0];
        for _ in 0..n {
            // cot′ = −1 − cot².
            let mut next = vec![0.0; cotangent.len() + 1];
            for (k, c) in cotangent.iter().enumerate().skip(1) {
                next[k - 1] -= k as f64 * c;
                next[k + 1] -= k as f64 * c;
            }
            cotangent = next;
        }
        Self { n, factorial: (1..=n).map(f64::from).product(), cotangent }
    }

    /// ψ⁽ⁿ⁾(x). At the poles ∞ if n is odd, −∞ if it is even and not 0; there 0 goes as [`digamma`] says.
    #[must_use]
    pub(crate) fn at(&self, x: f64) -> f64 {
        let sign = if self.n % 2 == 1 { 1.0 } else { -1.0 };
        if self.n == 0 {
            return digamma(x);
        }
        if x.is_nan() || x == f64::NEG_INFINITY {
            return f64::NAN;
        }
        if is_pole(x) {
            return sign * f64::INFINITY;
        }
        if x < 0.0 {
            // ψ⁽ⁿ⁾(x) = (−1)ⁿ ψ⁽ⁿ⁾(1 − x) − π·dⁿ/dxⁿ cot πx.
            let r = x - x.floor();
            let cot = (PI * if r > 0.5 { r - 1.0 } else { r }).tan().recip();
            let derivative = self.cotangent.iter().rev().fold(0.0, |sum, c| sum * cot + c);
            return -sign * self.at(1.0 - x) - PI.powi(self.n as i32 + 1) * derivative;
        }
        sign * self.factorial * hurwitz(f64::from(self.n + 1), x)
    }
}

/// ζ(s, x) = Σ (x + k)^(−s) for s > 1, x > 0, by the Euler–Maclaurin formula.
fn hurwitz(s: f64, x: f64) -> f64 {
    if x == f64::INFINITY {
        return 0.0;
    }
    let (mut x, mut sum) = (x, 0.0);
    while x < ASYMPTOTIC + s {
        sum += x.powf(-s);
        x += 1.0;
    }
    let last = x.powf(-s);
    sum += last * (x / (s - 1.0) + 0.5);
    let mut factor = last * s / x;
    let mut k = 2.0;
    for b in BERNOULLI {
        // b/k! · s(s + 1)…(s + k − 2) / x^(s + k − 1), where `factor` holds all but b and a part of k!.
        let term = b * factor / k;
        sum += term;
        if term.abs() <= sum.abs() * 1e-17 {
            break;
        }
        factor *= (s + k - 1.0) * (s + k) / (x * x) / (k * (k + 1.0));
        k += 2.0;
    }
    sum
}

/// The n-th derivative of sinc x = sin πx/(πx), which is 1 at 0: ∫₀¹ (πt)ⁿ cos(πxt + nπ/2) dt.
#[must_use]
pub(crate) fn sinc_derivative(n: u32, x: f64) -> f64 {
    if x.is_infinite() {
        return 0.0;
    }
    if x.abs() < 0.5 + f64::from(n) / PI {
        return sinc_series(n, x);
    }
    // x·sₙ + n·sₙ₋₁ = πⁿ⁻¹ sin(πx + nπ/2).
    let wave = [sin_pi(x), sin_pi(x + 0.5), -sin_pi(x), -sin_pi(x + 0.5)];
    let mut value = wave[0] / (PI * x);
    for k in 1..=n {
        value = (PI.powi(k as i32 - 1) * wave[k as usize % 4] - f64::from(k) * value) / x;
    }
    value
}

/// Σ over even m ≥ n of (−1)^(m/2) πᵐ x^(m−n) / ((m − n)!·(m + 1)).
fn sinc_series(n: u32, x: f64) -> f64 {
    let n = f64::from(n);
    let mut m = n + n % 2.0;
    let sign = if (m / 2.0) % 2.0 == 0.0 { 1.0 } else { -1.0 };
    let mut power = sign * PI.powf(m) * if m > n { x } else { 1.0 };
    let (mut sum, mut largest) = (0.0, 0.0_f64);
    while m < n + 200.0 {
        let term = power / (m + 1.0);
        sum += term;
        largest = largest.max(term.abs());
        if term.abs() <= largest * 1e-20 {
            break;
        }
        m += 2.0;
        power *= -PI * PI * x * x / ((m - n) * (m - n - 1.0));
    }
    sum
}

/// The inverse of erf on −1 ..= 1: ±∞ at the ends, NaN outside.
#[must_use]
pub(crate) fn erfinv(y: f64) -> f64 {
    if y.abs() >= 1.0 || y.is_nan() {
        return if y.abs() == 1.0 { y * f64::INFINITY } else { f64::NAN };
    }
    if y == 0.0 {
        return y;
    }
    // A first guess (Winitzki 2008), then Halley's steps on erf near 0 and on ln erfc in the tail.
    let (a, magnitude) = (0.147, y.abs());
    let tail = 1.0 - magnitude;
    let log = if magnitude < 0.5 { (-y * y).ln_1p() } else { (tail * (1.0 + magnitude)).ln() };
    let half = 2.0 / (PI * a) + log / 2.0;
    let mut x = ((half * half - log / a).sqrt() - half).max(0.0).sqrt();
    for _ in 0..4 {
        let miss = if magnitude < 0.5 {
            x.error_function() - magnitude
        } else {
            tail - x.error_function_complement()
        };
        let step = miss / (FRAC_2_SQRT_PI * (-x * x).exp());
        x -= step / (1.0 + x * step);
    }
    x.copysign(y)
}

/// ln(eᵃ + eᵇ) without overflow; an infinity that both are stays.
#[must_use]
pub(crate) fn logaddexp(a: f64, b: f64) -> f64 {
    if a == b && a.is_infinite() {
        return a;
    }
    let (high, low) = if a > b { (a, b) } else { (b, a) };
    high + (low - high).exp().ln_1p()
}

#[cfg(test)]
mod tests {
    use std::f64::consts::LN_2;

    use super::*;

    #[track_caller]
    fn close(got: f64, want: f64, tolerance: f64) {
        assert!((got - want).abs() <= tolerance * want.abs().max(1e-300), "{got:e} instead of {want:e}");
    }

    #[test]
    fn gamma_is_the_factorial() {
        let mut factorial = 1.0_f64;
        for n in 1..100 {
            close(lgamma(f64::from(n)), factorial.ln(), 1e-15);
            factorial *= f64::from(n);
        }
        close(lgamma(0.5), PI.sqrt().ln(), 1e-15);
        close(lgamma(-0.5), (2.0 * PI.sqrt()).ln(), 1e-15);
        close(lgamma(-1.5), (4.0 * PI.sqrt() / 3.0).ln(), 1e-14);
        close(lgamma(1.0 + 1e-10), -EULER * 1e-10, 1e-7);
        close(lgamma(2.0 - 1e-10), (EULER - 1.0) * 1e-10, 1e-7);
    }

    #[test]
    fn polygamma_meets_closed_forms() {
        close(digamma(1.0), -EULER, 1e-15);
        close(digamma(0.5), -EULER - 2.0 * LN_2, 1e-15);
        close(digamma(-0.5), 2.0 - EULER - 2.0 * LN_2, 1e-13);
        let trigamma = Polygamma::new(1);
        close(trigamma.at(1.0), PI * PI / 6.0, 1e-15);
        close(trigamma.at(0.5), PI * PI / 2.0, 1e-15);
        close(trigamma.at(-0.5), PI * PI / 2.0 + 4.0, 1e-14);
        close(Polygamma::new(3).at(1.0), PI.powi(4) / 15.0, 1e-14);
        close(Polygamma::new(2).at(-2.5), -0.108_204_052_167_727_4, 1e-6);
        // ψ⁽ⁿ⁾(x + 1) = ψ⁽ⁿ⁾(x) + (−1)ⁿ n! x^(−n−1).
        for n in 0..8 {
            let f = Polygamma::new(n);
            for x in [-3.3, -0.7, 0.2, 0.9, 3.7, 13.5, 40.0] {
                let step = (-1.0_f64).powi(n as i32) * f.factorial * f64::powi(x, -(n as i32) - 1);
                let scale = f.at(x).abs().max(step.abs()).max(f.at(x + 1.0).abs());
                assert!((f.at(x + 1.0) - f.at(x) - step).abs() <= 1e-13 * scale, "{n} {x}");
            }
        }
    }

    #[test]
    fn sinc_agrees_on_both_sides_of_its_seam() {
        for n in 0..7 {
            let seam = 0.5 + f64::from(n) / PI;
            for x in [seam * 1.01, seam * 1.5, -seam * 1.2] {
                let scale = PI.powi(n as i32);
                assert!((sinc_series(n, x) - sinc_derivative(n, x)).abs() <= 2e-13 * scale, "{n} {x}");
            }
        }
        close(sinc_derivative(0, 0.5), 2.0 / PI, 1e-15);
        close(sinc_derivative(2, 0.0), -PI * PI / 3.0, 1e-15);
        assert_eq!((sinc_derivative(0, 3.0), sinc_derivative(0, -1.0)), (0.0, 0.0));
    }

    #[test]
    fn erfinv_undoes_erf() {
        for k in 1..200 {
            let y = f64::from(k) / 200.0;
            close(erfinv(y).error_function(), y, 2e-15);
            close(erfinv(-y), -erfinv(y), 0.0);
        }
        for tail in [1e-3, 1e-9, 1e-15] {
            let y = 1.0 - tail;
            close(erfinv(y).error_function_complement(), 1.0 - y, 1e-13);
        }
        close(erfinv(1e-20), 1e-20 / FRAC_2_SQRT_PI, 1e-15);
    }
}
