//! What lies between the two products, row by row: causal limit, ALiBi, masks, softmax as it runs on from tile to tile, dropout,
//! and the same backward. A row's sums run in fixed lanes, so that bits depend on neither threads nor instruction set.

use super::Heads;
use crate::element::Float;
use crate::isa::{Body, Isa, dispatch};
use crate::kernels::random::words;
use crate::rng::RngState;

/// A mask over queries × keys, one for each query head (its rows and columns are queries and keys).
#[derive(Clone, Copy, Debug)]
pub enum Mask<'a, T> {
    /// True: this query sees this key.
    Keep(Heads<'a, bool>),
    /// Added to the scores.
    Add(Heads<'a, T>),
}

/// Dropout of probabilities. Pair (h, i, j) is kept if word number (h·L + i)·S + j of the stream lies below the threshold.
#[derive(Clone, Copy, Debug)]
pub struct Dropout<T> {
    /// Where the words come from.
    pub state: RngState,
    /// 2³² times the probability to keep.
    pub threshold: u64,
    /// What is kept is multiplied by this.
    pub scale: T,
}

/// What happens to scores besides softmax.
#[derive(Clone, Copy, Debug)]
pub struct Bias<'a, T> {
    /// Query i sees the keys up to i + `offset` only.
    pub causal: bool,
    /// The position of the first query among the keys.
    pub offset: usize,
    /// ALiBi: slope·(j − i − offset) is added, one slope for each query head of a sample.
    pub slopes: Option<&'a [T]>,
    /// Which pairs count.
    pub mask: Option<Mask<'a, T>>,
    /// Which probabilities are dropped.
    pub dropout: Option<Dropout<T>>,
}

impl<T> Bias<'_, T> {
    /// How many of `keys` keys query `i` may see.
    pub(super) fn limit(&self, i: usize, keys: usize) -> usize {
        if self.causal { keys.min(i.saturating_add(self.offset).saturating_add(1)) } else { keys }
    }
}

/// A tile of scores: some queries of one head × some keys.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tile<'a, T> {
    pub(super) bias: &'a Bias<'a, T>,
    /// The query head, counted through the batch.
    pub(super) head: usize,
    /// Query heads in a sample.
    pub(super) heads: usize,
    /// All queries and keys of the head.
    pub(super) all: [usize; 2],
    /// First query, and their number.
    pub(super) queries: (usize, usize),
    /// First key, and their number.
    pub(super) keys: (usize, usize),
}

/// Keys of a tile at most, the words of a row's dropout.
pub(super) const MOST_KEYS: usize = 512;

impl<T: Float> Tile<'_, T> {
    /// Adds what there is to add to row `row` of the tile; answers how many keys of it are seen.
    #[inline(always)]
    fn score(&self, row: usize, scores: &mut [T]) -> usize {
        let (i, j) = (self.queries.0 + row, self.keys.0);
        let seen = self.bias.limit(i, j + scores.len()).saturating_sub(j);
        let scores = &mut scores[..seen];
        if let Some(slopes) = self.bias.slopes {
            let slope = slopes[self.head % self.heads];
            let distance = j as f64 - (i + self.bias.offset) as f64;
            for (step, score) in scores.iter_mut().enumerate() {
                *score = *score + slope * T::of(distance + step as i32 as f64);
            }
        }
        match &self.bias.mask {
            None => {}
            Some(Mask::Keep(keep)) => {
                let put = |score: &mut T, keep: bool| *score = if keep { *score } else { T::LOWEST };
                masked(keep, self.head, (i, j), scores, put);
            }
            Some(Mask::Add(add)) => {
                masked(add, self.head, (i, j), scores, |score: &mut T, add: T| *score = *score + add);
            }
        }
        seen
    }

    /// The factors of dropout for the first keys of row `row`.
    #[inline(always)]
    fn kept(&self, dropout: &Dropout<T>, row: usize, factors: &mut [T]) {
        let mut bits = [0_u32; MOST_KEYS];
        let bits = &mut bits[..factors.len()];
        let pair = (self.head * self.all[0] + self.queries.0 + row) * self.all[1] + self.keys.0;
        words(dropout.state, dropout.state.counter.wrapping_add(pair as u64), bits);
        for (factor, &word) in factors.iter_mut().zip(&*bits) {
            *factor = if u64::from(word) < dropout.threshold { dropout.scale } else { T::ZERO };
        }
    }
}

/// `put(score, mask)` along a row of a mask.
#[inline(always)]
fn masked<T: Float, M: Copy>(
    mask: &Heads<'_, M>,
    head: usize,
    (i, j): (usize, usize),
    scores: &mut [T],
    put: impl Fn(&mut T, M),
) {
    if scores.is_empty() {
        return;
    }
    let at = mask.at(head, i).wrapping_add_signed(j as isize * mask.column);
    match mask.column {
        1 => {
            let row = &mask.data[at..at + scores.len()];
            scores.iter_mut().zip(row).for_each(|(score, &mask)| put(score, mask));
        }
        0 => scores.iter_mut().for_each(|score| put(score, mask.data[at])),
        step => {
            for (k, score) in scores.iter_mut().enumerate() {
                put(score, mask.data[at.wrapping_add_signed(k as isize * step)]);
            }
        }
    }
}

const LANES: usize = 16;

/// Folds a row in fixed lanes.
#[inline(always)]
fn fold<T: Float>(row: &[T], start: T, f: impl Fn(T, T) -> T) -> T {
    let mut lanes = [start; LANES];
    let (chunks, rest) = row.as_chunks::<LANES>();
    for chunk in chunks {
        for lane in 0..LANES {
            lanes[lane] = f(lanes[lane], chunk[lane]);
        }
    }
    for (lane, &x) in lanes.iter_mut().zip(rest) {
        *lane = f(*lane, x);
    }
    let mut width = LANES;
    while width > 1 {
        width /= 2;
        for lane in 0..width {
            lanes[lane] = f(lanes[lane], lanes[lane + width]);
        }
    }
    lanes[0]
}

/// The sum of lanes, by halves.
#[inline(always)]
fn total<T: Float>(mut lanes: [T; LANES]) -> T {
    let mut width = LANES;
    while width > 1 {
        width /= 2;
        for lane in 0..width {
            lanes[lane] = lanes[lane] + lanes[lane + width];
        }
    }
    lanes[0]
}

/// Each x becomes e^(x − shift); answers their sum.
#[inline(always)]
fn exponentials<T: Float>(row: &mut [T], shift: T) -> T {
    let mut lanes = [T::ZERO; LANES];
    let (chunks, rest) = row.as_chunks_mut::<LANES>();
    for chunk in chunks {
        for lane in 0..LANES {
            chunk[lane] = (chunk[lane] - shift).fast_exp();
            lanes[lane] = lanes[lane] + chunk[lane];
        }
    }
    for (lane, x) in lanes.iter_mut().zip(rest) {
        *x = (*x - shift).fast_exp();
        *lane = *lane + *x;
    }
    total(lanes)
}

/// One tile of scores becomes e^(score − maximum so far); sums and results so far move to the new maximum.
pub(super) struct Forward<'a, T> {
    pub(super) tile: Tile<'a, T>,
    /// `[queries, row]`, the keys first in each row.
    pub(super) scores: &'a mut [T],
    pub(super) row: usize,
    /// The maximum and the sum so far of each query.
    pub(super) running: &'a mut [[T; 2]],
    /// The results so far `[queries, width]`; none before the first tile.
    pub(super) results: Option<(&'a mut [T], usize)>,
}

impl<T: Float> Body for Forward<'_, T> {
    type Output = ();
    const WIDE: bool = size_of::<T>() == 4;
    #[inline(always)]
    fn run(self) {
        let Self { tile, scores, row, running, mut results } = self;
        let keys = tile.keys.1;
        let mut factors = [T::ZERO; MOST_KEYS];
        for (i, (scores, running)) in scores.chunks_mut(row).zip(running.iter_mut()).enumerate() {
            let scores = &mut scores[..keys];
            let seen = tile.score(i, scores);
            let (scores, unseen) = scores.split_at_mut(seen);
            unseen.fill(T::ZERO);
            let [old, sum] = *running;
            let largest = fold(scores, old, |a, b| if b > a { b } else { a });
            // A row of −∞ so far keeps a finite shift, so that its exponentials are 0.
            let shift = if largest == T::LOWEST { T::ZERO } else { largest };
            let fade = (old - shift).fast_exp();
            *running = [largest, sum * fade + exponentials(scores, shift)];
            if let Some(dropout) = &tile.bias.dropout {
                tile.kept(dropout, i, &mut factors[..seen]);
                scores.iter_mut().zip(&factors).for_each(|(score, &factor)| *score = *score * factor);
            }
            if let Some((results, width)) = &mut results
                && fade != T::ONE
            {
                results[i * *width..][..*width].iter_mut().for_each(|result| *result = *result * fade);
            }
        }
    }
}

/// One tile of scores and of the cotangents of its probabilities becomes the probabilities after dropout, and the cotangents
/// of the scores: p·(dp − Σ p·dp).
pub(super) struct Backward<'a, T> {
    pub(super) tile: Tile<'a, T>,
    /// `[queries, row]`, the keys first in each row.
    pub(super) scores: &'a mut [T],
    /// As `scores`.
    pub(super) cotangents: &'a mut [T],
    pub(super) row: usize,
    /// ln Σ e^score and Σ p·dp of each query.
    pub(super) saved: &'a [[T; 2]],
}

impl<T: Float> Body for Backward<'_, T> {
    type Output = ();
    const WIDE: bool = size_of::<T>() == 4;
    #[inline(always)]
    fn run(self) {
        let Self { tile, scores, cotangents, row, saved } = self;
        let keys = tile.keys.1;
        let mut factors = [T::ZERO; MOST_KEYS];
        let rows = scores.chunks_mut(row).zip(cotangents.chunks_mut(row)).zip(saved);
        for (i, ((scores, cotangents), &[log_sum, total])) in rows.enumerate() {
            let scores = &mut scores[..keys];
            let seen = tile.score(i, scores);
            let (scores, unseen) = scores.split_at_mut(seen);
            let (cotangents, unseen_too) = cotangents[..keys].split_at_mut(seen);
            unseen.fill(T::ZERO);
            unseen_too.fill(T::ZERO);
            if let Some(dropout) = &tile.bias.dropout {
                tile.kept(dropout, i, &mut factors[..seen]);
                for ((score, cotangent), &factor) in scores.iter_mut().zip(cotangents).zip(&factors) {
                    let p = (*score - log_sum).fast_exp();
                    *cotangent = p * (*cotangent * factor - total);
                    *score = p * factor;
                }
            } else {
                for (score, cotangent) in scores.iter_mut().zip(cotangents) {
                    let p = (*score - log_sum).fast_exp();
                    *cotangent = p * (*cotangent - total);
                    *score = p;
                }
            }
        }
    }
}

/// Runs a pass in its version for `isa`.
pub(super) fn pass<B: Body>(isa: Isa, body: B) -> B::Output {
    dispatch(isa, body)
}
