//! Functions of packs of single-precision numbers by polynomials and quotients of polynomials, without a branch, so that
//! they turn into vectors on every instruction set. Errors are within 2 ulp (units in the last place), and within 5 for
//! the tails of the normal distribution; the tests hold each to its bound.
//!
//! The coefficients are minimax fits of this project (reweighted least squares in double precision). Results of
//! instruction sets with and without fused multiply-add differ in the last place. Knows no tensor and no derivative.

use crate::isa::MulAdd;
use crate::pack::Pack;

/// 2ⁿ·v for the integer n that rounding to MAGIC left in the low bits of `shifted`, plus 127.
#[inline(always)]
fn power(shifted: f32) -> f32 {
    f32::from_bits(shifted.to_bits() << 23)
}

/// 1.5·2²³: a sum with it is rounded to an integer, which stands in the low bits.
const MAGIC: f32 = 12_582_912.0;

/// ln 2 in two parts, the first so short that its products with whole numbers are exact.
const LN2_HIGH: f32 = 0.693_359_4;
const LN2_LOW: f32 = -2.121_944_4e-4;
/// e^r for |r| ≤ ln2/2.
const EXP: [f32; 7] = [1.381_460_2e-3, 8.368_716e-3, 4.166_839e-2, 1.666_652_2e-1, 0.499_999_94, 1.0, 1.0];

/// e^x·2^−n and (MAGIC + bias + n), for n near x·log₂e: |x − n ln2| ≤ ln2/2 and e^ of that by a polynomial.
#[inline(always)]
fn reduced<const K: usize, M: MulAdd>(x: Pack<f32, K, M>, bias: f32) -> (Pack<f32, K, M>, Pack<f32, K, M>) {
    let shifted = x.times_plus(Pack::all(std::f32::consts::LOG2_E), Pack::all(MAGIC + bias));
    let whole = shifted.map(|s| s - (MAGIC + bias));
    let r = whole.times_plus(Pack::all(-LN2_HIGH), x);
    let r = whole.times_plus(Pack::all(-LN2_LOW), r);
    (r.polynomial(EXP), shifted)
}

/// e^x; denormal results included.
#[inline(always)]
pub(crate) fn exp<const K: usize, M: MulAdd>(x: [f32; K]) -> [f32; K] {
    let x = Pack::<f32, K, M>::new(x).map(|x| if x > 89.0 { 89.0 } else { x });
    let x = x.map(|x| if x < -105.0 { -105.0 } else { x });
    let (p, shifted) = reduced(x, 254.0);
    // 2ⁿ in two factors, so that neither leaves the range of normal numbers.
    let half = |s: f32| f32::from_bits(s.to_bits() >> 1 << 23);
    let rest = |s: f32| f32::from_bits(s.to_bits().wrapping_sub(s.to_bits() >> 1) << 23);
    p.zip(shifted, |p, s| p * half(s) * rest(s)).0
}

/// e^x for x ≤ 40, in fewer operations.
#[inline(always)]
pub(crate) fn exp_falling<const K: usize, M: MulAdd>(x: [f32; K]) -> [f32; K] {
    const UP: f32 = 64.0; // 2⁶⁴ keeps the factor normal
    const DOWN: f32 = 1.0 / 18_446_744_073_709_551_616.0;
    let x = Pack::<f32, K, M>::new(x).map(|x| if x < -105.0 { -105.0 } else { x });
    let (p, shifted) = reduced(x, 127.0 + UP);
    p.zip(shifted, |p, s| p * power(s) * DOWN).0
}

/// 1/(1 + e^(−x)).
#[inline(always)]
pub(crate) fn sigmoid<const K: usize, M: MulAdd>(x: [f32; K]) -> [f32; K] {
    let x = Pack::<f32, K, M>::new(x);
    let e = Pack::<f32, K, M>::new(exp_falling::<K, M>(x.map(|x| -x.abs()).0));
    x.zip(e, |x, e| (if x < 0.0 { e } else { 1.0 }) / (1.0 + e)).0
}

/// tanh x.
#[inline(always)]
pub(crate) fn tanh<const K: usize, M: MulAdd>(x: [f32; K]) -> [f32; K] {
    let x = Pack::<f32, K, M>::new(x);
    let square = x * x;
    let small = x * square.polynomial([
        -5.666_977_3e-3,
        2.060_617_7e-2,
        -5.373_000_7e-2,
        1.333_133_1e-1,
        -3.333_327_8e-1,
        1.0,
    ]);
    let e = Pack::<f32, K, M>::new(exp_falling::<K, M>(x.map(|x| -2.0 * x.abs()).0));
    let large = x.zip(e, |x, e| ((1.0 - e) / (1.0 + e)).copysign(x));
    x.choose(0.625, small, large).0
}

impl<const K: usize, M: MulAdd> Pack<f32, K, M> {
    /// `below` where |self| is less than `bound`, else `above`.
    #[inline(always)]
    fn choose(self, bound: f32, below: Self, above: Self) -> Self {
        let mut out = above;
        let mut k = 0;
        while k < K {
            if self.0[k].abs() < bound {
                out.0[k] = below.0[k];
            }
            k += 1;
        }
        out
    }
}

/// From about here on e^(−x²/2) is less than a normal number: [`falling`] answers 0.
const TAIL: f32 = 13.25;

/// e^(−factor·(square + lack)) for a factor of 1 or ½, right to the last places although the exponent is large; 0 for an
/// exponent just below −87.68, lower ones do not come up.
#[inline(always)]
fn falling<const K: usize, M: MulAdd>(
    square: Pack<f32, K, M>,
    lack: Pack<f32, K, M>,
    factor: f32,
) -> Pack<f32, K, M> {
    // As `reduced`, with everything divided by −factor, which is a power of two: nothing is rounded in another way.
    let shifted = square.times_plus(Pack::all(-factor * std::f32::consts::LOG2_E), Pack::all(MAGIC + 127.0));
    let whole = shifted.map(|s| s - (MAGIC + 127.0));
    let r = whole.times_plus(Pack::all(LN2_HIGH / factor), square);
    let r = whole.times_plus(Pack::all(LN2_LOW / factor), r.zip(lack, |r, lack| r + lack));
    let mut coefficients = EXP;
    let mut scale = 1.0;
    let mut n = EXP.len();
    while n > 0 {
        n -= 1;
        coefficients[n] *= scale;
        scale *= -factor;
    }
    r.polynomial(coefficients).zip(shifted, |p, s| p * power(s))
}

/// |x| up to `bound`; NaN stays.
#[inline(always)]
fn magnitude<const K: usize, M: MulAdd>(x: Pack<f32, K, M>, bound: f32) -> Pack<f32, K, M> {
    x.map(|x| if x.abs() > bound { bound } else { x.abs() })
}

/// e^(−a²/2) for 0 ≤ a ≤ [`TAIL`].
#[inline(always)]
fn bell<const K: usize, M: MulAdd>(a: Pack<f32, K, M>) -> Pack<f32, K, M> {
    falling(a.map(|a| M::square(a).0), a.map(|a| M::square(a).1), 0.5)
}

/// Φ(−a)·e^(a²/2) for a ≥ 0, as a quotient.
#[inline(always)]
fn mills<const K: usize, M: MulAdd>(a: Pack<f32, K, M>) -> (Pack<f32, K, M>, Pack<f32, K, M>) {
    let above = a.polynomial([4.011_679e-3, 3.992_64e-2, 1.811_345_8e-1, 4.354_525e-1, 0.5]);
    let below = a.polynomial([1.005_564_3e-2, 1.000_881_1e-1, 4.639_259_6e-1, 1.193_766_7, 1.668_789_9, 1.0]);
    (above, below)
}

/// Φ(x), the standard normal distribution function, accurate in the lower tail.
#[inline(always)]
pub(crate) fn normal_cdf<const K: usize, M: MulAdd>(x: [f32; K]) -> [f32; K] {
    let x = Pack::<f32, K, M>::new(x);
    let a = magnitude(x, TAIL);
    let (above, below) = mills(a);
    let tail = bell(a) * above / below;
    x.zip(tail, |x, tail| if x < 0.0 { tail } else { 1.0 - tail }).0
}

/// x·Φ(x) = max(x, 0) − |x|·Φ(−|x|).
#[inline(always)]
pub(crate) fn gelu<const K: usize, M: MulAdd>(x: [f32; K]) -> [f32; K] {
    let x = Pack::<f32, K, M>::new(x);
    let a = magnitude(x, TAIL);
    let (above, below) = mills(a);
    let tail = bell(a) * above / below;
    let positive = x.map(|x| if x < 0.0 { 0.0 } else { x });
    (-a).times_plus(tail, positive).0
}

/// φ(x) = e^(−x²/2)/√(2π), the standard normal density.
#[inline(always)]
pub(crate) fn normal_pdf<const K: usize, M: MulAdd>(x: [f32; K]) -> [f32; K] {
    let a = magnitude(Pack::<f32, K, M>::new(x), TAIL);
    bell(a).map(|e| e * crate::constants::FRAC_1_SQRT_2PI as f32).0
}

/// erfc |x| = 2Φ(−√2·|x|).
#[inline(always)]
fn erfc_tail<const K: usize, M: MulAdd>(x: Pack<f32, K, M>) -> Pack<f32, K, M> {
    const LAST: f32 = TAIL * std::f32::consts::FRAC_1_SQRT_2;
    let a = magnitude(x, LAST);
    let e = falling(a.map(|a| M::square(a).0), a.map(|a| M::square(a).1), 1.0);
    e * a.polynomial(scaled([4.011_679e-3, 3.992_64e-2, 1.811_345_8e-1, 4.354_525e-1, 0.5], 2.0))
        / a.polynomial(scaled(
            [1.005_564_3e-2, 1.000_881_1e-1, 4.639_259_6e-1, 1.193_766_7, 1.668_789_9, 1.0],
            1.0,
        ))
}

/// The coefficients of factor·p(√2·x).
const fn scaled<const N: usize>(mut coefficients: [f64; N], factor: f64) -> [f32; N] {
    let mut out = [0.0; N];
    let mut scale = factor;
    let mut n = N;
    while n > 0 {
        n -= 1;
        coefficients[n] *= scale;
        out[n] = coefficients[n] as f32;
        scale *= std::f64::consts::SQRT_2;
    }
    out
}

/// erf x.
#[inline(always)]
pub(crate) fn erf<const K: usize, M: MulAdd>(x: [f32; K]) -> [f32; K] {
    let x = Pack::<f32, K, M>::new(x);
    let p = (x * x).polynomial([
        7.853_896e-5,
        -8.010_205_3e-4,
        5.188_329e-3,
        -2.685_381_3e-2,
        1.128_358_4e-1,
        -3.761_262_6e-1,
        1.283_791_6e-1, // 2/√π − 1: adding x last costs no digits
    ]);
    let small = p.times_plus(x, x);
    let large = x.zip(erfc_tail(x), |x, tail| (1.0 - tail).copysign(x));
    x.choose(1.0, small, large).0
}

/// 1 − erf x, accurate also where erf x is near 1.
#[inline(always)]
pub(crate) fn erfc<const K: usize, M: MulAdd>(x: [f32; K]) -> [f32; K] {
    let x = Pack::<f32, K, M>::new(x);
    x.zip(erfc_tail(x), |x, tail| if x < 0.0 { 2.0 - tail } else { tail }).0
}

/// ln x, by a polynomial in m − 1 where x = m·2ᵉ and ⅔ ≤ m < 1⅓.
#[inline(always)]
pub(crate) fn ln<const K: usize, M: MulAdd>(x: [f32; K]) -> [f32; K] {
    const TWO_THIRDS: u32 = 0x3F2A_AAAB;
    const UP: f32 = 8_388_608.0; // makes denormal numbers normal
    let x = Pack::<f32, K, M>::new(x);
    let normal = x.map(|x| if x < f32::MIN_POSITIVE { x * UP } else { x });
    let moved = x.map(|x| if x < f32::MIN_POSITIVE { -23.0 } else { 0.0 });
    let exponent = |x: f32| (x.to_bits().wrapping_sub(TWO_THIRDS) as i32) & !0x7F_FFFF;
    let f = normal.map(|x| f32::from_bits(x.to_bits().wrapping_sub(exponent(x) as u32)) - 1.0);
    let e = normal.zip(moved, |x, moved| M::mul_add(exponent(x) as f32, 1.0 / 8_388_608.0, moved));
    let p = f.polynomial([
        -1.291_224e-1,
        1.400_461e-1,
        -1.218_000_3e-1,
        1.400_212_8e-1,
        -1.668_076e-1,
        2.001_061e-1,
        -2.499_979_3e-1,
        3.333_321_2e-1,
        -0.5,
    ]);
    let log = e.times_plus(Pack::all(std::f32::consts::LN_2), (p * f).times_plus(f, f));
    let special = |x: f32, log: f32| {
        let log = if x == f32::INFINITY { x } else { log };
        let log = if x == 0.0 { f32::NEG_INFINITY } else { log };
        if x >= 0.0 { log } else { f32::NAN }
    };
    x.zip(log, special).0
}

/// ln(1 + e^x) = max(x, 0) + ln(1 + e^−|x|); with s = z/(2 + z), ln(1 + z) = 2 artanh s.
#[inline(always)]
pub(crate) fn log1p_exp<const K: usize, M: MulAdd>(x: [f32; K]) -> [f32; K] {
    let x = Pack::<f32, K, M>::new(x);
    let z = Pack::<f32, K, M>::new(exp_falling::<K, M>(x.map(|x| -x.abs()).0));
    let s = z.map(|z| z / (2.0 + z));
    let square = s * s;
    let p = square.polynomial([1.400_938_6e-1, 1.400_026_8e-1, 2.001_08e-1, 3.333_320_6e-1]);
    let log = (p * square).times_plus(s, s).map(|half| half + half);
    x.zip(log, |x, log| if x < 0.0 { log } else { x + log }).0
}

#[cfg(test)]
mod tests;
