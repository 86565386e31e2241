//! Long runs of random numbers: Philox blocks computed side by side and turned into a distribution, part by part.
//!
//! Element i depends on the generator's state and i alone, so parts may run on any thread. The formulas use only
//! exactly rounded operations where a distribution may (uniform, normal), so that those bits are the same on every
//! machine and instruction set. Knows no `Tensor`.

use super::gauss::{normal_cdf, normal_pair, normal_quantile};
use super::strided::PART;
use crate::element::{DType, Float};
use crate::isa::{Body, Isa, dispatch};
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

/// Random bits are as many as the type is wide.
const fn words_per_element<T>() -> usize {
    size_of::<T>() / size_of::<u32>()
}

/// Blocks computed side by side.
const LANES: usize = 16;
/// Words of one step: its buffer stays in the first-level cache.
pub(crate) const STEP: usize = 1024;

/// Words `first ..` of a stream, as many as `out` holds (at most [`STEP`]).
#[inline(always)]
pub(super) fn words(state: RngState, first: u64, out: &mut [u32]) {
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

/// How elements come from words. A trait and not a closure: only a method can be told to be inlined always, and what is
/// not inlined into a [`Body`] is compiled for the baseline instruction set.
pub(crate) trait Draw<O>: Sync {
    /// Words that one element takes.
    const WORDS: usize;
    /// Whether elements come in pairs.
    const PAIRS: bool = false;
    /// Elements from the words of at most [`STEP`] / `WORDS` of them (of whole pairs).
    fn draw(&self, words: &[u32], out: &mut [O]);
}

/// One step: words, then elements.
struct Step<'a, O, D> {
    state: RngState,
    first: u64,
    out: &'a mut [O],
    draw: &'a D,
}

impl<O, D: Draw<O>> Body for Step<'_, O, D> {
    type Output = ();
    #[inline(always)]
    fn run(self) {
        let elements = if D::PAIRS { self.out.len().next_multiple_of(2) } else { self.out.len() };
        let mut buffer = [0_u32; STEP];
        let buffer = &mut buffer[..elements * D::WORDS];
        words(self.state, self.first, buffer);
        self.draw.draw(buffer, self.out);
    }
}

/// Fills `out` from the words after `state`.
pub(crate) fn fill_with<O: Send, D: Draw<O>>(isa: Isa, state: RngState, out: &mut [O], draw: &D) {
    let cost = Cost { bytes: size_of_val(out), flops: out.len() * 60 };
    let step = STEP / D::WORDS;
    parallel::chunks_mut(out, PART, cost, |part, out| {
        for (i, out) in out.chunks_mut(step).enumerate() {
            let first = state.counter.wrapping_add(((part * PART + i * step) * D::WORDS) as u64);
            dispatch(isa, Step { state, first, out, draw });
        }
    });
}

struct Uniform<T> {
    low: f64,
    width: f64,
    last: T,
}

impl<T: Float> Draw<T> for Uniform<T> {
    const WORDS: usize = words_per_element::<T>();
    #[inline(always)]
    fn draw(&self, words: &[u32], out: &mut [T]) {
        units(words, out, |u| {
            let x = T::of(self.low + self.width * u);
            if x > self.last { self.last } else { x }
        });
    }
}

struct Normal {
    mean: f64,
    std: f64,
}

impl<T: Float> Draw<T> for Normal {
    const WORDS: usize = words_per_element::<T>();
    const PAIRS: bool = true;
    #[inline(always)]
    fn draw(&self, words: &[u32], out: &mut [T]) {
        normals(words, out, |z| T::of(self.mean + self.std * z));
    }
}

struct TruncatedNormal {
    normal: Normal,
    /// Bounds of the result.
    bounds: [f64; 2],
    /// Bounds of the standard normal number that is drawn, in the lower tail or around 0.
    standard: [f64; 2],
    /// Their probabilities.
    probabilities: [f64; 2],
    /// −1 if the tail is mirrored.
    sign: f64,
}

impl<T: Float> Draw<T> for TruncatedNormal {
    const WORDS: usize = words_per_element::<T>();
    #[inline(always)]
    fn draw(&self, words: &[u32], out: &mut [T]) {
        units(words, out, |u| T::of(self.value(u)));
    }
}

impl TruncatedNormal {
    fn new(mean: f64, std: f64, low: f64, high: f64) -> Self {
        let (a, b) = ((low - mean) / std, (high - mean) / std);
        // The upper tail is drawn as the mirrored lower one, where probabilities keep their digits.
        let (sign, a, b) = if a > 0.0 { (-1.0, -b, -a) } else { (1.0, a, b) };
        let probabilities = [normal_cdf(a), normal_cdf(b)];
        Self { normal: Normal { mean, std }, bounds: [low, high], standard: [a, b], probabilities, sign }
    }

    /// The inverse of the distribution function at u.
    fn value(&self, u: f64) -> f64 {
        let ([a, b], [from, to], [low, high]) = (self.standard, self.probabilities, self.bounds);
        let z = normal_quantile(from + (to - from) * u).max(a).min(b);
        (self.normal.mean + self.normal.std * (self.sign * z)).max(low).min(high)
    }
}

/// `out[i]` ← draw number i after `state`.
pub fn fill<T: Float>(distribution: Distribution, isa: Isa, state: RngState, out: &mut [T]) {
    match distribution {
        Distribution::Uniform { low, high } => {
            let last = last_below::<T>(low, high);
            fill_with(isa, state, out, &Uniform { low, width: high - low, last });
        }
        Distribution::Normal { mean, std } => fill_with(isa, state, out, &Normal { mean, std }),
        Distribution::TruncatedNormal { mean, std, low, high } => {
            fill_with(isa, state, out, &TruncatedNormal::new(mean, std, low, high));
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::Rng;

    struct Words;
    impl Draw<u32> for Words {
        const WORDS: usize = 1;
        fn draw(&self, words: &[u32], out: &mut [u32]) {
            out.copy_from_slice(words);
        }
    }

    #[test]
    fn a_long_run_is_the_generator_itself() {
        for skip in 0..9 {
            let mut rng = Rng::seed(77).fork(3);
            rng.advance(skip);
            for isa in Isa::available() {
                for len in [1, 3, 63, 64, 65, 1000, 1024] {
                    let mut got = vec![0_u32; len];
                    fill_with(isa, rng.state(), &mut got, &Words);
                    let mut twin = rng.clone();
                    let want: Vec<u32> = (0..len).map(|_| twin.next_u32()).collect();
                    assert_eq!(got, want, "{isa} {skip} {len}");
                }
            }
        }
    }
}
