//! What one run of a property draws: the inputs' shapes, numbers that an op's parameters follow from, a seed for values.

use gradus_tensor::Tensor;
use gradus_testkit::{Dense, Noise};
use proptest::prelude::*;

/// How many numbers are drawn for parameters, and below which bound: enough for every set of 5 axes.
const PICKS: usize = 6;
const PICKS_BELOW: usize = 32;

/// One draw. The op and its reference ask it the same questions and so agree on parameters.
#[derive(Clone, Debug)]
pub struct Draw {
    /// A shape per input.
    pub shapes: Vec<Vec<usize>>,
    picks: Vec<usize>,
    /// Where the values come from.
    pub seed: u64,
}

impl Draw {
    /// Draws with shapes from a strategy; all shrinks to the smallest.
    pub fn strategy(shapes: BoxedStrategy<Vec<Vec<usize>>>) -> BoxedStrategy<Self> {
        (shapes, prop::collection::vec(0..PICKS_BELOW, PICKS), 0..1_u64 << 32)
            .prop_map(|(shapes, picks, seed)| Self { shapes, picks, seed })
            .boxed()
    }

    /// A draw of given shapes whose numbers are all `pick`.
    #[must_use]
    pub fn fixed(shapes: Vec<Vec<usize>>, pick: usize) -> Self {
        Self { shapes, picks: vec![pick; PICKS], seed: pick as u64 }
    }

    /// Number `k` as one of 0 .. `n` (0 if `n` is 0).
    #[must_use]
    pub fn below(&self, k: usize, n: usize) -> usize {
        self.picks[k] % n.max(1)
    }

    /// Number `k` as a truth value.
    #[must_use]
    pub fn flag(&self, k: usize) -> bool {
        self.picks[k] % 2 == 1
    }

    /// Number `k` as an axis of `rank`, counted from the front.
    #[must_use]
    pub fn at(&self, k: usize, rank: usize) -> usize {
        self.below(k, rank)
    }

    /// The same axis as [`Draw::at`], counted from the front or from the back.
    #[must_use]
    pub fn axis(&self, k: usize, rank: usize) -> isize {
        let from_back = (self.picks[k] / rank.max(1)) % 2 == 1;
        self.at(k, rank) as isize - if from_back { rank as isize } else { 0 }
    }

    /// Number `k` as a set of axes, some counted from the back; an empty list means all.
    #[must_use]
    pub fn axes(&self, k: usize, rank: usize) -> Vec<isize> {
        let signed = |a: usize| a as isize - if a % 2 == 1 { rank as isize } else { 0 };
        (0..rank).filter(|a| self.picks[k] >> a & 1 == 1).map(signed).collect()
    }

    /// The axes of [`Draw::axes`], counted from the front, written out where it means all.
    #[must_use]
    pub fn axes_at(&self, k: usize, rank: usize) -> Vec<usize> {
        let axes: Vec<usize> = (0..rank).filter(|a| self.picks[k] >> a & 1 == 1).collect();
        if axes.is_empty() { (0..rank).collect() } else { axes }
    }

    /// An order of the axes of `rank`; 0 is the order they have.
    #[must_use]
    pub fn order(&self, k: usize, rank: usize) -> Vec<usize> {
        if self.picks[k] == 0 { (0..rank).collect() } else { Noise::new(self.picks[k] as u64).order(rank) }
    }

    /// `count` indices below `limit`, repeated ones likely.
    #[must_use]
    pub fn index(&self, k: usize, count: usize, limit: usize) -> Vec<usize> {
        let mut noise = Noise::new(self.picks[k] as u64 + 77);
        (0..count).map(|_| noise.below(limit)).collect()
    }

    /// [`Draw::index`] as a tensor of `shape`.
    #[must_use]
    pub fn index_tensor(&self, k: usize, shape: &[usize], limit: usize) -> Tensor<i64> {
        let index: Vec<i64> =
            self.index(k, shape.iter().product(), limit).into_iter().map(|i| i as i64).collect();
        Tensor::new(shape, &index)
    }

    /// Zeros and ones of `shape`.
    #[must_use]
    pub fn mask(&self, k: usize, shape: &[usize]) -> Dense {
        let mut noise = Noise::new(self.picks[k] as u64 + 99);
        Dense::from_fn(shape, |_| noise.below(2) as f64)
    }
}
