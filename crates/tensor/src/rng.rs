//! Random numbers from a counter: Philox 4x32-10 (Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2, 3").
//!
//! Word number i of a stream is a pure function of (seed, stream, i). So a generator resumes from three integers, any
//! part of a sequence can be computed on its own (and on any thread), and forks are independent without being drawn.
//! There is no global generator: an `Rng` is always an argument. This file knows no tensor.

use crate::element::{DType, Float};

const MULTIPLIERS: [u32; 2] = [0xD251_1F53, 0xCD9E_8D57];
const WEYL: [u32; 2] = [0x9E37_79B9, 0xBB67_AE85];

/// One round's step of the key.
#[inline(always)]
pub(crate) fn next_key(key: [u32; 2]) -> [u32; 2] {
    [key[0].wrapping_add(WEYL[0]), key[1].wrapping_add(WEYL[1])]
}

/// One round.
#[inline(always)]
pub(crate) fn round(c: [u32; 4], key: [u32; 2]) -> [u32; 4] {
    let a = u64::from(MULTIPLIERS[0]) * u64::from(c[0]);
    let b = u64::from(MULTIPLIERS[1]) * u64::from(c[2]);
    [(b >> 32) as u32 ^ c[1] ^ key[0], b as u32, (a >> 32) as u32 ^ c[3] ^ key[1], a as u32]
}

/// Rounds per block.
pub(crate) const ROUNDS: usize = 10;

/// The four words that Philox 4x32-10 makes of a counter and a key (Salmon et al. 2011): ten rounds of two 32 × 32 → 64 bit
/// products each, whose high and low words are mixed with the key.
///
/// ```
/// use gradus_tensor::philox;
/// assert_eq!(philox([0; 4], [0; 2]), [0x6627_e8d5, 0xe169_c58d, 0xbc57_ac4c, 0x9b00_dbd8]);
/// ```
#[must_use]
pub fn philox(mut counter: [u32; 4], mut key: [u32; 2]) -> [u32; 4] {
    for _ in 0..ROUNDS {
        counter = round(counter, key);
        key = next_key(key);
    }
    counter
}

/// Low and high word.
#[inline(always)]
pub(crate) const fn halves(x: u64) -> [u32; 2] {
    [x as u32, (x >> 32) as u32]
}

/// Block `index` of a stream: its words 4·index .. 4·index + 4.
#[inline(always)]
fn block(seed: u64, stream: u64, index: u64) -> [u32; 4] {
    let ([i0, i1], [s0, s1]) = (halves(index), halves(stream));
    philox([i0, i1, s0, s1], halves(seed))
}

/// A random number generator's whole state: store these three numbers to resume exactly where it stands.
///
/// ```
/// use gradus_tensor::{Rng, RngState};
/// let mut rng = Rng::seed(7);
/// rng.next_u32();
/// rng.advance(4);
/// assert_eq!(rng.state(), RngState { seed: 7, stream: 0, counter: 5 });
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct RngState {
    /// The seed.
    pub seed: u64,
    /// Which of the seed's streams.
    pub stream: u64,
    /// How many 32-bit words have been drawn.
    pub counter: u64,
}

/// A seeded generator of random numbers (PyTorch: `torch.Generator`). A clone repeats the same numbers.
///
/// ```
/// use gradus_tensor::{Rng, Tensor};
/// let mut rng = Rng::seed(7);
/// let weight = Tensor::<f32>::normal([4, 3], 0.0, 0.1, &mut rng);
/// let state = rng.state();
/// let x = rng.next_u64();
/// assert_eq!(Rng::from_state(state).next_u64(), x);
/// # assert_eq!(weight.len(), 12);
/// ```
#[derive(Clone, Debug)]
pub struct Rng {
    state: RngState,
    /// The block that `counter` stands in, valid unless it stands at a block's beginning.
    block: [u32; 4],
}

impl Rng {
    /// The generator of a seed, at its beginning.
    #[must_use]
    pub const fn seed(seed: u64) -> Self {
        Self { state: RngState { seed, stream: 0, counter: 0 }, block: [0; 4] }
    }

    /// The seed, the stream and how far the generator has come.
    #[must_use]
    pub const fn state(&self) -> RngState {
        self.state
    }

    /// The generator that stands exactly where `state` was taken, also in the middle of a block.
    #[must_use]
    pub fn from_state(state: RngState) -> Self {
        Self { state, block: block(state.seed, state.stream, state.counter / 4) }
    }

    /// An independent generator, the same one each time for the same `stream`: it depends on this generator's seed and
    /// stream, not on how much was drawn from it. Forks of forks are independent too. This generator does not advance.
    ///
    /// ```
    /// use gradus_tensor::Rng;
    /// let mut rng = Rng::seed(1);
    /// let first = rng.fork(5).next_u64();
    /// rng.next_u64();
    /// assert_eq!(rng.fork(5).next_u64(), first);
    /// assert_ne!(rng.fork(6).next_u64(), first);
    /// ```
    #[must_use]
    pub fn fork(&self, stream: u64) -> Self {
        // Streams are named by hashing the path of forks, under a key that no seed is used with by plain counting.
        const NAMES: [u32; 2] = [0x6772_6164, 0x7573_2166];
        let ([own0, own1], [new0, new1]) = (halves(self.state.stream), halves(stream));
        let name = philox([new0, new1, own0, own1], NAMES);
        let stream = u64::from(name[0]) | u64::from(name[1]) << 32;
        Self { state: RngState { stream, counter: 0, ..self.state }, block: [0; 4] }
    }

    /// Skips `words` 32-bit words.
    pub fn advance(&mut self, words: u64) {
        *self = Self::from_state(RngState { counter: self.state.counter.wrapping_add(words), ..self.state });
    }

    /// 32 random bits. Advances by 1 word.
    pub fn next_u32(&mut self) -> u32 {
        let RngState { seed, stream, counter } = self.state;
        let place = (counter % 4) as usize;
        if place == 0 {
            self.block = block(seed, stream, counter / 4);
        }
        self.state.counter = counter.wrapping_add(1);
        self.block[place]
    }

    /// 64 random bits, the low word first. Advances by 2 words.
    pub fn next_u64(&mut self) -> u64 {
        let low = self.next_u32();
        u64::from(low) | u64::from(self.next_u32()) << 32
    }

    /// A number in `0 .. n`, each exactly equally likely (Lemire 2019). Advances by 2 words, and 2 more for each
    /// rejected draw (fewer than one in 2⁶⁴/n).
    ///
    /// ```
    /// use gradus_tensor::Rng;
    /// let mut rng = Rng::seed(7);
    /// assert!((0..100).all(|_| rng.below(6) < 6)); // a die
    /// ```
    ///
    /// # Panics
    /// If `n` is 0.
    #[track_caller]
    pub fn below(&mut self, n: usize) -> usize {
        assert!(n > 0, "below: nothing lies below 0: 0 .. {n}");
        let n = n as u64;
        loop {
            let product = u128::from(self.next_u64()) * u128::from(n);
            let low = product as u64;
            if low >= n || low >= n.wrapping_neg() % n {
                return (product >> 64) as usize;
            }
        }
    }

    /// A number in [0, 1): a multiple of 2⁻²⁴ (`f32`, advances by 1 word) or 2⁻⁵³ (`f64`, 2 words)
    /// (PyTorch: `torch.rand`).
    ///
    /// ```
    /// use gradus_tensor::Rng;
    /// let mut rng = Rng::seed(7);
    /// let mean = (0..1000).map(|_| rng.uniform01::<f64>()).sum::<f64>() / 1000.0;
    /// assert!((mean - 0.5).abs() < 0.05);
    /// ```
    pub fn uniform01<T: Float>(&mut self) -> T {
        T::of(match T::DTYPE {
            DType::F32 => unit_f32(self.next_u32()),
            _ => unit_f64(self.next_u64()),
        })
    }

    /// Puts `values` in random order, each order equally likely (Fisher–Yates; NumPy: `Generator.shuffle`). Advances as one
    /// [`Rng::below`] per value but one.
    pub fn shuffle<V>(&mut self, values: &mut [V]) {
        for end in (1..values.len()).rev() {
            values.swap(end, self.below(end + 1));
        }
    }

    /// The numbers `0 .. n` in random order (PyTorch: `torch.randperm`). Advances as [`Rng::shuffle`].
    ///
    /// ```
    /// use gradus_tensor::Rng;
    /// let mut order = Rng::seed(7).permutation(4);
    /// let mut again = [0, 1, 2, 3];
    /// Rng::seed(7).shuffle(&mut again);
    /// assert_eq!(order, again);
    /// order.sort_unstable();
    /// assert_eq!(order, [0, 1, 2, 3]);
    /// ```
    #[must_use]
    pub fn permutation(&mut self, n: usize) -> Vec<usize> {
        let mut out: Vec<usize> = (0..n).collect();
        self.shuffle(&mut out);
        out
    }
}

/// The upper 24 bits as a number in [0, 1).
#[inline(always)]
pub(crate) fn unit_f32(word: u32) -> f64 {
    f64::from((word >> 8) as i32) * (1.0 / (1_u64 << 24) as f64)
}

/// The upper 53 bits as a number in [0, 1).
#[inline(always)]
pub(crate) fn unit_f64(word: u64) -> f64 {
    (word >> 11) as i64 as f64 * (1.0 / (1_u64 << 53) as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn philox_meets_its_published_vectors() {
        // Random123, tests/kat_vectors, philox4x32 with 10 rounds.
        assert_eq!(philox([0; 4], [0; 2]), [0x6627_e8d5, 0xe169_c58d, 0xbc57_ac4c, 0x9b00_dbd8]);
        assert_eq!(philox([!0; 4], [!0; 2]), [0x408f_276d, 0x41c8_3b0e, 0xa20b_c7c6, 0x6d54_51fd]);
        let pi = [0x243f_6a88, 0x85a3_08d3, 0x1319_8a2e, 0x0370_7344];
        let want = [0xd16c_fe09, 0x94fd_cceb, 0x5001_e420, 0x2412_6ea1];
        assert_eq!(philox(pi, [0xa409_3822, 0x299f_31d0]), want);
    }

    #[test]
    fn a_state_resumes_anywhere_in_a_block() {
        let mut rng = Rng::seed(u64::MAX - 3).fork(9);
        for drawn in 0..13 {
            let mut twin = Rng::from_state(rng.state());
            assert_eq!(rng.state().counter, drawn);
            let mut ahead = rng.clone();
            assert!((0..9).all(|_| twin.next_u32() == ahead.next_u32()), "after {drawn}");
            let mut skipped = Rng::from_state(RngState { counter: 0, ..rng.state() });
            skipped.advance(drawn);
            assert_eq!(skipped.next_u32(), rng.next_u32());
        }
    }

    #[test]
    fn forks_differ_and_do_not_advance() {
        let rng = Rng::seed(3);
        let mut firsts: Vec<u64> = (0..100).map(|i| rng.fork(i).next_u64()).collect();
        firsts.extend((0..100).map(|i| rng.fork(0).fork(i).next_u64()));
        firsts.extend((0..100).map(|seed| Rng::seed(seed).next_u64()));
        firsts.sort_unstable();
        firsts.dedup();
        assert_eq!(firsts.len(), 300);
        assert_eq!(rng.state().counter, 0);
    }

    #[test]
    fn below_is_even_and_stays_below() {
        let mut rng = Rng::seed(11);
        let mut counts = [0_u32; 7];
        (0..70_000).for_each(|_| counts[rng.below(7)] += 1);
        // χ² with 6 degrees of freedom exceeds 22.46 once in a thousand.
        let chi: f64 = counts.iter().map(|&c| (f64::from(c) - 1e4).powi(2) / 1e4).sum();
        assert!(chi < 22.46, "{counts:?}");
        assert_eq!(rng.below(1), 0);
        assert!(rng.below(usize::MAX) < usize::MAX);
    }

    #[test]
    fn every_order_of_three_is_equally_likely() {
        let mut rng = Rng::seed(5);
        let mut counts = std::collections::BTreeMap::<Vec<usize>, f64>::new();
        (0..60_000).for_each(|_| *counts.entry(rng.permutation(3)).or_default() += 1.0);
        assert_eq!(counts.len(), 6);
        let chi: f64 = counts.values().map(|c| (c - 1e4).powi(2) / 1e4).sum();
        assert!(chi < 20.52, "{counts:?}"); // 5 degrees of freedom, one in a thousand
        assert!(rng.permutation(0).is_empty());
    }

    #[test]
    fn unit_intervals_exclude_one() {
        assert_eq!((unit_f32(0), unit_f64(0)), (0.0, 0.0));
        assert_eq!(unit_f32(u32::MAX) as f32, 1.0 - f32::EPSILON / 2.0);
        assert_eq!(unit_f64(u64::MAX), 1.0 - f64::EPSILON / 2.0);
        let mut rng = Rng::seed(0);
        let mean = (0..100_000).map(|_| rng.uniform01::<f64>()).sum::<f64>() / 1e5;
        assert!((mean - 0.5).abs() < 4.0 * (1.0 / 12.0_f64 / 1e5).sqrt(), "{mean}");
    }
}
