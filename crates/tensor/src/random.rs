//! Tensors of random numbers. Each takes the generator as an argument and says by how many words it advances it.
//! Large ones are filled on several threads: element i depends on the generator's state and i alone, so the bits do
//! not. Initialisers that know layers live elsewhere.

use crate::element::Float;
use crate::isa::current_isa;
use crate::kernels::random::{Distribution, Draw, fill_with};
use crate::rng::Rng;
use crate::shape::Shape;
use crate::tensor::Tensor;

impl<T: Float> Tensor<T> {
    fn random(shape: Shape, distribution: Distribution, rng: &mut Rng) -> Self {
        let out = Self::build(shape, |out| T::random(distribution, current_isa(), rng.state(), out));
        rng.advance(distribution.words::<T>(shape.count()));
        out
    }

    /// Elements drawn evenly from [low, high) (PyTorch: `torch.empty(shape).uniform_(low, high)`).
    ///
    /// Advances `rng` by 1 word per element (`f32`) or 2 (`f64`): with bounds 0 and 1 these are the numbers that as
    /// many calls of [`Rng::uniform01`] give.
    ///
    /// ```
    /// use gradus_tensor::{Rng, Tensor};
    /// let x = Tensor::<f32>::uniform([2, 3], -1.0, 1.0, &mut Rng::seed(0));
    /// assert!(x.to_vec().iter().all(|x| (-1.0..1.0).contains(x)));
    /// ```
    ///
    /// # Panics
    /// If not low ≤ high, or a bound is not finite.
    #[must_use]
    #[track_caller]
    pub fn uniform(shape: impl Into<Shape>, low: f64, high: f64, rng: &mut Rng) -> Self {
        let fits = low <= high && (high - low).is_finite();
        assert!(fits, "uniform: not an interval: from {low} to {high} (low ≤ high, finite)");
        Self::random(shape.into(), Distribution::Uniform { low, high }, rng)
    }

    /// Gaussian elements, by the Box–Muller transform in double precision (PyTorch: `torch.normal`).
    ///
    /// Advances `rng` by 1 word per element (`f32`) or 2 (`f64`), an odd number of elements rounded up to an even one.
    ///
    /// ```
    /// use gradus_tensor::{Rng, Tensor};
    /// let x = Tensor::<f32>::normal([10_000], 5.0, 2.0, &mut Rng::seed(0));
    /// assert!((x.mean().item() - 5.0).abs() < 0.1);
    /// ```
    ///
    /// # Panics
    /// If `std` is negative or NaN.
    #[must_use]
    #[track_caller]
    pub fn normal(shape: impl Into<Shape>, mean: f64, std: f64, rng: &mut Rng) -> Self {
        assert!(std >= 0.0, "normal: not a standard deviation: {std} (≥ 0)");
        Self::random(shape.into(), Distribution::Normal { mean, std }, rng)
    }

    /// Gaussian elements under the condition low ≤ x ≤ high, by inversion of the distribution function
    /// (PyTorch: `torch.nn.init.trunc_normal_`). Accurate also where the interval lies far out in a tail.
    ///
    /// Advances `rng` by 1 word per element (`f32`) or 2 (`f64`).
    ///
    /// ```
    /// use gradus_tensor::{Rng, Tensor};
    /// let x = Tensor::<f32>::truncated_normal([100], 0.0, 1.0, -2.0, 2.0, &mut Rng::seed(0));
    /// assert!(x.to_vec().iter().all(|x| (-2.0..=2.0).contains(x)));
    /// ```
    ///
    /// # Panics
    /// If `std` is not positive or not low < high.
    #[must_use]
    #[track_caller]
    pub fn truncated_normal(
        shape: impl Into<Shape>,
        mean: f64,
        std: f64,
        low: f64,
        high: f64,
        rng: &mut Rng,
    ) -> Self {
        assert!(std > 0.0, "truncated_normal: not a standard deviation: {std} (> 0)");
        assert!(low < high, "truncated_normal: not an interval: from {low} to {high} (low < high)");
        Self::random(shape.into(), Distribution::TruncatedNormal { mean, std, low, high }, rng)
    }

    /// `count` indices per row, drawn with probabilities proportional to the weights: `[N] → [count]` or
    /// `[R, N] → [R, count]` (PyTorch: `multinomial`). Without replacement each index comes at most once per row.
    ///
    /// Advances `rng` by 2 words for each drawn index with replacement, for each weight without.
    ///
    /// ```
    /// use gradus_tensor::{Rng, Tensor};
    /// let weights = Tensor::from([0.0_f32, 3.0, 0.0, 1.0]);
    /// let both = weights.multinomial(2, false, &mut Rng::seed(1)).to_vec();
    /// assert!(both == [1, 3] || both == [3, 1]);
    /// ```
    ///
    /// # Panics
    /// If the weights have not one or two axes, one is negative or not finite, a row has no positive one, or there are
    /// fewer positive ones than to be drawn without replacement.
    #[must_use]
    #[track_caller]
    pub fn multinomial(&self, count: usize, replacement: bool, rng: &mut Rng) -> Tensor<i64> {
        let shape = *self.shape();
        assert!(
            (1..=2).contains(&shape.len()),
            "multinomial: not [N] or [R, N]: {shape} ({} axes)",
            shape.len()
        );
        let length = shape[shape.len() - 1];
        let rows = if shape.len() == 2 { shape[0] } else { 1 };
        let weights: Vec<f64> = self.to_vec().into_iter().map(|w| w.as_f64()).collect();
        let mut picks = Vec::with_capacity(rows * count);
        for row in 0..rows {
            let weights = &weights[row * length..][..length];
            let good = weights.iter().all(|w| *w >= 0.0 && w.is_finite());
            assert!(good, "multinomial: a weight is negative or not finite: {shape} row {row}");
            let positive = weights.iter().filter(|&&w| w > 0.0).count();
            let needed = if replacement { count.min(1) } else { count };
            assert!(
                positive >= needed,
                "multinomial: too few positive weights: {shape} row {row} ({positive} < {needed})"
            );
            if replacement {
                draw_with_replacement(weights, count, rng, &mut picks);
            } else {
                draw_without_replacement(weights, count, rng, &mut picks);
            }
        }
        Tensor::new(shape.with(shape.len() - 1, count), &picks)
    }
}

/// Each draw inverts the running sums.
fn draw_with_replacement(weights: &[f64], count: usize, rng: &mut Rng, picks: &mut Vec<i64>) {
    let mut total = 0.0;
    let sums: Vec<f64> = weights
        .iter()
        .map(|w| {
            total += w;
            total
        })
        .collect();
    let last = weights.iter().rposition(|&w| w > 0.0).unwrap_or(0);
    for _ in 0..count {
        let target = rng.uniform01::<f64>() * total;
        picks.push(sums.partition_point(|&sum| sum <= target).min(last) as i64);
    }
}

/// Exponential clocks with rates wᵢ: the order in which they ring is that of draws without replacement
/// (Efraimidis & Spirakis 2006).
fn draw_without_replacement(weights: &[f64], count: usize, rng: &mut Rng, picks: &mut Vec<i64>) {
    let mut clocks: Vec<(f64, usize)> = Vec::with_capacity(weights.len());
    for (i, &weight) in weights.iter().enumerate() {
        let time = -(-rng.uniform01::<f64>()).ln_1p() / weight;
        if weight > 0.0 {
            clocks.push((time, i));
        }
    }
    clocks.sort_by(|a, b| a.0.total_cmp(&b.0));
    picks.extend(clocks[..count].iter().map(|&(_, i)| i as i64));
}

/// True below the threshold.
struct Bernoulli {
    threshold: u64,
}

impl Draw<bool> for Bernoulli {
    const WORDS: usize = 1;
    #[inline(always)]
    fn draw(&self, words: &[u32], out: &mut [bool]) {
        for (out, &word) in out.iter_mut().zip(words) {
            *out = u64::from(word) < self.threshold;
        }
    }
}

/// low + ⌊u·range / 2⁶⁴⌋.
struct Integer {
    low: i64,
    range: u128,
}

impl Draw<i64> for Integer {
    const WORDS: usize = 2;
    #[inline(always)]
    fn draw(&self, words: &[u32], out: &mut [i64]) {
        for (out, pair) in out.iter_mut().zip(words.as_chunks::<2>().0) {
            let bits = u64::from(pair[0]) | u64::from(pair[1]) << 32;
            *out = self.low.wrapping_add(((u128::from(bits) * self.range) >> 64) as i64);
        }
    }
}

impl Tensor<bool> {
    /// Elements that are true with probability `p`, to the nearest multiple of 2⁻³² (PyTorch: `bernoulli`).
    ///
    /// Advances `rng` by 1 word per element.
    ///
    /// ```
    /// use gradus_tensor::{Rng, Tensor};
    /// let heads = Tensor::bernoulli([10_000], 0.25, &mut Rng::seed(0)).count_true();
    /// assert!((2300..2700).contains(&heads));
    /// ```
    ///
    /// # Panics
    /// If `p` lies outside 0 ..= 1.
    #[must_use]
    #[track_caller]
    pub fn bernoulli(shape: impl Into<Shape>, p: f64, rng: &mut Rng) -> Self {
        assert!((0.0..=1.0).contains(&p), "bernoulli: not a probability: {p} (0 ≤ p ≤ 1)");
        let threshold = (p * (1_u64 << 32) as f64).round() as u64;
        let out = Self::build(shape.into(), |out| {
            fill_with(current_isa(), rng.state(), out, &Bernoulli { threshold });
        });
        rng.advance(out.len() as u64);
        out
    }
}

impl Tensor<i64> {
    /// Integers drawn evenly from low .. high (PyTorch: `torch.randint`): ⌊u·(high − low)/2⁶⁴⌋ of 64 random bits u, so
    /// no value's probability is off by more than 2⁻⁶⁴.
    ///
    /// Advances `rng` by 2 words per element.
    ///
    /// ```
    /// use gradus_tensor::{Rng, Tensor};
    /// let dice = Tensor::randint([100], 1, 7, &mut Rng::seed(0));
    /// assert!(dice.to_vec().iter().all(|x| (1..7).contains(x)));
    /// ```
    ///
    /// # Panics
    /// If not low < high.
    #[must_use]
    #[track_caller]
    pub fn randint(shape: impl Into<Shape>, low: i64, high: i64, rng: &mut Rng) -> Self {
        assert!(low < high, "randint: no integers: {low} .. {high} (low < high)");
        let range = u128::from(high.wrapping_sub(low) as u64);
        let out = Self::build(shape.into(), |out| {
            fill_with(current_isa(), rng.state(), out, &Integer { low, range });
        });
        rng.advance(2 * out.len() as u64);
        out
    }

    /// The numbers 0 .. n in random order, `[n]` (PyTorch: `torch.randperm`). Advances as [`Rng::permutation`].
    ///
    /// ```
    /// use gradus_tensor::{Rng, Tensor};
    /// let mut order = Tensor::permutation(4, &mut Rng::seed(0)).to_vec();
    /// order.sort_unstable();
    /// assert_eq!(order, [0, 1, 2, 3]);
    /// ```
    #[must_use]
    pub fn permutation(n: usize, rng: &mut Rng) -> Self {
        rng.permutation(n).into_iter().map(|i| i as i64).collect()
    }
}
