//! Long runs of random numbers: Philox blocks computed side by side and turned into a distribution, part by part.
//!
//! Element i depends on the generator's state and i alone, so parts may run on any thread. The formulas use only
//! exactly rounded operations where a distribution may (uniform, normal), so that those bits are the same on every
//! machine and instruction set. Knows no `Tensor`.

use super::strided::PART;
use crate::element::{DType, Float};
use crate::isa::{Body, Isa, dispatch};
use crate::math::Math;
use crate::parallel::{self, Cost};
use crate::rng::{ROUNDS, RngState, halves, next_key, round, unit_f32, unit_f64};

/// What a fill draws.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Distribution {
    /// Even over [low, high).
    Uniform {
        /// Lower bound, included.
        low: f64,
        /// Upper bound, excluded.
        high: f64,
    },
    /// Gaussian.
    Normal {
        /// Mean.
        mean: f64,
        /// Standard deviation.
        std: f64,
    },
    /// Gaussian under the condition low ≤ x ≤ high.
    TruncatedNormal {
        /// Mean of the whole Gaussian.
        mean: f64,
        /// Standard deviation of the whole Gaussian.
        std: f64,
        /// Lower bound.
        low: f64,
        /// Upper bound.
        high: f64,
    },
}

impl Distribution {
    /// How many words `len` elements of type `T` take.
    #[must_use]
    pub fn words<T: Float>(self, len: usize) -> u64 {
        let len = match self {
            Distribution::Normal { .. } => len.next_multiple_of(2), // normals come in pairs
            _ => len,
        };
        (len * words_per_element::<T>()) as u64
    }
}

fn words_per_element<T: Float>() -> usize {
    if T::DTYPE == DType::F32 { 1 } else { 2 }
}

/// Blocks computed side by side.
const LANES: usize = 16;
/// Words of one step: its buffer stays in the first-level cache.
pub(crate) const STEP: usize = 1024;

/// Words `first ..` of a stream, as many as `out` holds (at most [`STEP`]).
#[inline(always)]
fn words(state: RngState, first: u64, out: &mut [u32]) {
    let mut buffer = [0_u32; STEP + 8 * LANES];
    let (skip, block) = ((first % 4) as usize, first / 4);
    let needed = skip + out.len();
    for (i, group) in buffer[..needed.next_multiple_of(4 * LANES)].chunks_exact_mut(4 * LANES).enumerate() {
        lanes(state, block.wrapping_add((i * LANES) as u64), group);
    }
    out.copy_from_slice(&buffer[skip..needed]);
}

/// [`LANES`] blocks from `block` on.
#[inline(always)]
#[allow(clippy::needless_range_loop)] // one index into four arrays
fn lanes(state: RngState, block: u64, out: &mut [u32]) {
    let [s0, s1] = halves(state.stream);
    let mut c = [[0_u32; LANES], [0; LANES], [s0; LANES], [s1; LANES]];
    for lane in 0..LANES {
        [c[0][lane], c[1][lane]] = halves(block.wrapping_add(lane as u64));
    }
    let mut key = halves(state.seed);
    for _ in 0..ROUNDS {
        for lane in 0..LANES {
            let next = round([c[0][lane], c[1][lane], c[2][lane], c[3][lane]], key);
            [c[0][lane], c[1][lane], c[2][lane], c[3][lane]] = next;
        }
        key = next_key(key);
    }
    for (lane, out) in out.chunks_exact_mut(4).enumerate() {
        for word in 0..4 {
            out[word] = c[word][lane];
        }
    }
}

/// One step: words, then elements.
struct Step<'a, O, F> {
    state: RngState,
    first: u64,
    words: usize,
    out: &'a mut [O],
    f: &'a F,
}

impl<O, F: Fn(&[u32], &mut [O])> Body for Step<'_, O, F> {
    type Output = ();
    #[inline(always)]
    fn run(self) {
        let mut buffer = [0_u32; STEP];
        let buffer = &mut buffer[..self.words];
        words(self.state, self.first, buffer);
        (self.f)(buffer, self.out);
    }
}

/// Fills `out` from the words after `state`, `per_element` words for each; `f` gets the words of at most [`STEP`]
/// elements, an even number of them but at the end, where the words are those of a whole pair if `pairs`.
pub(crate) fn fill_with<O: Send>(
    isa: Isa,
    state: RngState,
    out: &mut [O],
    (per_element, pairs): (usize, bool),
    f: impl Fn(&[u32], &mut [O]) + Sync + Send,
) {
    let cost = Cost { bytes: size_of_val(out), flops: out.len() * 60 };
    let step = STEP / per_element;
    parallel::chunks_mut(out, PART, cost, |part, out| {
        for (i, out) in out.chunks_mut(step).enumerate() {
            let first = state.counter.wrapping_add(((part * PART + i * step) * per_element) as u64);
            let elements = if pairs { out.len().next_multiple_of(2) } else { out.len() };
            dispatch(isa, Step { state, first, words: elements * per_element, out, f: &f });
        }
    });
}

/// `out[i]` ← draw number i after `state`.
pub fn fill<T: Float>(distribution: Distribution, isa: Isa, state: RngState, out: &mut [T]) {
    let per_element = words_per_element::<T>();
    match distribution {
        Distribution::Uniform { low, high } => {
            let (width, last) = (high - low, last_below::<T>(low, high));
            fill_with(isa, state, out, (per_element, false), move |words, out| {
                units(words, out, |u| {
                    let x = T::of(low + width * u);
                    if x > last { last } else { x }
                });
            });
        }
        Distribution::Normal { mean, std } => {
            fill_with(isa, state, out, (per_element, true), move |words, out| {
                normals(words, out, |z| T::of(mean + std * z));
            });
        }
        Distribution::TruncatedNormal { mean, std, low, high } => {
            let (a, b) = ((low - mean) / std, (high - mean) / std);
            // The upper tail is drawn as the mirrored lower one, where probabilities keep their digits.
            let (sign, a, b) = if a > 0.0 { (-1.0, -b, -a) } else { (1.0, a, b) };
            let (from, to) = (normal_cdf(a), normal_cdf(b));
            fill_with(isa, state, out, (per_element, false), move |words, out| {
                units(words, out, |u| {
                    let z = normal_quantile(from + (to - from) * u).max(a).min(b);
                    T::of((mean + std * (sign * z)).max(low).min(high))
                });
            });
        }
    }
}

/// The largest value of `T` below `high`, but not less than `low`.
fn last_below<T: Float>(low: f64, high: f64) -> T {
    let last = match T::DTYPE {
        DType::F32 if f64::from(high as f32) >= high => f64::from((high as f32).next_down()),
        DType::F32 => f64::from(high as f32),
        _ => high.next_down(),
    };
    T::of(last.max(low))
}

/// `out[i] ← f(uᵢ)` with uᵢ in [0, 1).
#[inline(always)]
fn units<T: Float>(words: &[u32], out: &mut [T], f: impl Fn(f64) -> T) {
    if T::DTYPE == DType::F32 {
        for (out, &word) in out.iter_mut().zip(words) {
            *out = f(unit_f32(word));
        }
    } else {
        for (out, pair) in out.iter_mut().zip(words.as_chunks::<2>().0) {
            *out = f(unit_f64(u64::from(pair[0]) | u64::from(pair[1]) << 32));
        }
    }
}

/// `out[i] ← f(zᵢ)` with standard normal zᵢ, two from each pair of uniform numbers.
#[inline(always)]
fn normals<T: Float>(words: &[u32], out: &mut [T], f: impl Fn(f64) -> T) {
    let mut pairs = [[0.0_f64; 2]; STEP / 2];
    let count = out.len().div_ceil(2);
    if T::DTYPE == DType::F32 {
        for (pair, words) in pairs.iter_mut().zip(words.as_chunks::<2>().0) {
            let radius = f64::from((words[0] >> 1) as i32) + f64::from(words[0] & 1) * 0.5 + 0.25;
            let turn = f64::from((words[1] << 2 >> 2) as i32) + 0.5;
            let turn = turn * (1.0 / f64::from(1_u32 << 30)) - 0.5;
            *pair = normal_pair(radius * (1.0 / f64::from(1_u32 << 31)), words[1] >> 30, turn);
        }
    } else {
        for (pair, words) in pairs.iter_mut().zip(words.as_chunks::<4>().0) {
            let radius = u64::from(words[0]) | u64::from(words[1]) << 32;
            let turn = u64::from(words[2]) | u64::from(words[3]) << 32;
            let radius = unit_f64(radius) + 0.5 / (1_u64 << 53) as f64;
            *pair = normal_pair(radius, (turn >> 62) as u32, unit_f64(turn << 2) - 0.5);
        }
    }
    for (out, &z) in out.iter_mut().zip(pairs[..count].as_flattened()) {
        *out = f(z);
    }
}

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
fn normal_pair(u: f64, quarter: u32, turn: f64) -> [f64; 2] {
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
fn normal_cdf(x: f64) -> f64 {
    0.5 * (-x * std::f64::consts::FRAC_1_SQRT_2).error_function_complement()
}

/// Φ⁻¹(p): Acklam's rational approximation (relative error 1.2e-9), then one step of Halley's method.
fn normal_quantile(p: f64) -> f64 {
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
    fn a_long_run_is_the_generator_itself() {
        for skip in 0..9 {
            let mut rng = Rng::seed(77).fork(3);
            rng.advance(skip);
            for isa in Isa::available() {
                for len in [1, 3, 63, 64, 65, 1000, 1024] {
                    let mut got = vec![0_u32; len];
                    fill_with(isa, rng.state(), &mut got, (1, false), |words, out| {
                        out.copy_from_slice(words)
                    });
                    let mut twin = rng.clone();
                    let want: Vec<u32> = (0..len).map(|_| twin.next_u32()).collect();
                    assert_eq!(got, want, "{isa} {skip} {len}");
                }
            }
        }
    }

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
