//! What lies between the two products, row by row: causal limit, ALiBi, masks, softmax as it runs on from tile to tile, dropout,
//! and the same backward. A row's sums run in fixed lanes, so that bits depend on neither threads nor instruction set.

use super::Heads;
use super::pack::LANES;
use crate::element::Float;
use crate::isa::{Isa, Kernel, MulAdd, dispatch_kernel};
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

/// Numbers that go through the exponential side by side (see [`crate::Pack`]); they lie `LANES` apart.
const K: usize = 4;
type Chunk<T> = [[T; LANES]; K];
/// Columns of a chunk: rows of tiles lie a multiple of it apart, so that each ends in a whole one.
pub(super) const CHUNK: usize = K * LANES;

/// The chunks that the first `count` columns of a row begin.
#[inline(always)]
fn chunks<T>(row: &mut [T], count: usize) -> &mut [Chunk<T>] {
    row[..count.next_multiple_of(CHUNK)].as_chunks_mut().0.as_chunks_mut().0
}

/// Folds a chunk, halves upon halves.
#[inline(always)]
fn fold<T: Float>(chunk: Chunk<T>, f: impl Fn(T, T) -> T) -> T {
    let [a, b, c, d] = chunk;
    let mut lanes = [T::ZERO; LANES];
    for lane in 0..LANES {
        lanes[lane] = f(f(a[lane], b[lane]), f(c[lane], d[lane]));
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

/// The largest number of whole chunks; a NaN may be passed over (the exponentials find it).
#[inline(always)]
fn largest<T: Float>(chunks: &[Chunk<T>]) -> T {
    let larger = |a: T, b: T| if b > a { b } else { a };
    let mut most = [[T::LOWEST; LANES]; K];
    for chunk in chunks {
        for lane in 0..LANES {
            let mut k = 0;
            while k < K {
                most[k][lane] = larger(most[k][lane], chunk[k][lane]);
                k += 1;
            }
        }
    }
    fold(most, larger)
}

/// Where e^x is taken for 0: at the smallest normal numbers. Beside the 1 of a row's maximum nothing of it is left, and a result
/// that is not normal costs the processor as much as a hundred that are.
#[inline(always)]
fn bottom<T: Float>() -> T {
    T::of(if size_of::<T>() == 4 { -87.0 } else { -708.0 })
}

/// e^(x − shift) of a pack, for a shift that no x exceeds by much.
#[inline(always)]
fn exponential<T: Float, M: MulAdd>(x: &Chunk<T>, lane: usize, shift: T) -> [T; K] {
    let bottom = bottom::<T>();
    let (mut below, mut pack) = ([false; K], [T::ZERO; K]);
    let mut k = 0;
    while k < K {
        let moved = x[k][lane] - shift;
        below[k] = moved < bottom;
        pack[k] = if below[k] { bottom } else { moved };
        k += 1;
    }
    let mut e = T::exp_falling_pack::<K, M>(pack);
    let mut k = 0;
    while k < K {
        e[k] = if below[k] { T::ZERO } else { e[k] };
        k += 1;
    }
    e
}

/// Each x becomes e^(x − shift), which is also added to the sums. A function of its own, as the one below, so that the compiler
/// knows the chunks apart.
#[inline(always)]
fn exponentials_of<T: Float, M: MulAdd>(x: &mut Chunk<T>, shift: T, sums: &mut Chunk<T>) {
    for lane in 0..LANES {
        let e = exponential::<T, M>(x, lane, shift);
        let mut k = 0;
        while k < K {
            x[k][lane] = e[k];
            sums[k][lane] = sums[k][lane] + e[k];
            k += 1;
        }
    }
}

/// Scores become p = e^(score − shift), cotangents of the probabilities those of the scores, p·(dp − total).
#[inline(always)]
fn cotangents_of<T: Float, M: MulAdd>(x: &mut Chunk<T>, dp: &mut Chunk<T>, [shift, total]: [T; 2]) {
    for lane in 0..LANES {
        let p = exponential::<T, M>(x, lane, shift);
        let mut k = 0;
        while k < K {
            dp[k][lane] = p[k] * (dp[k][lane] - total);
            x[k][lane] = p[k];
            k += 1;
        }
    }
}

/// One tile of scores becomes e^(score − maximum so far); sums and results so far move to the new maximum.
pub(super) struct Forward<'a, T, F> {
    pub(super) tile: Tile<'a, T>,
    /// `[queries, row]`, the keys first in each row.
    pub(super) scores: &'a mut [T],
    /// A multiple of [`CHUNK`].
    pub(super) row: usize,
    /// The maximum and the sum so far of each query.
    pub(super) running: &'a mut [[T; 2]],
    /// The results so far `[queries, width]`; none before the first tile.
    pub(super) results: Option<(&'a mut [T], usize)>,
    /// Called for each row: something else that may go on meanwhile.
    pub(super) meanwhile: F,
}

impl<T: Float, F: Fn(usize)> Kernel for Forward<'_, T, F> {
    type Output = ();
    const WIDE: bool = size_of::<T>() == 4;
    #[inline(always)]
    fn run<M: MulAdd>(self) {
        let Self { tile, scores, row, running, mut results, meanwhile } = self;
        let keys = tile.keys.1;
        let mut factors = [T::ZERO; MOST_KEYS];
        for (i, (scores, running)) in scores.chunks_exact_mut(row).zip(running.iter_mut()).enumerate() {
            let seen = tile.score(i, &mut scores[..keys]);
            let whole = seen.next_multiple_of(CHUNK);
            scores[seen..whole].fill(T::LOWEST); // e^−∞ adds nothing
            meanwhile(i);
            let [old, sum] = *running;
            let chunks = chunks(scores, seen);
            let most = largest(chunks);
            let most = if most > old { most } else { old };
            // A row of −∞ so far keeps a finite shift, so that its exponentials are 0.
            let shift = if most == T::LOWEST { T::ZERO } else { most };
            let fade = match old - shift {
                // As the exponentials have it. (A first tile has seen −∞.)
                step if step < bottom() => T::ZERO,
                step => step.fast_exp_falling(),
            };
            let mut sums = [[T::ZERO; LANES]; K];
            // A loop, not a closure: that might be compiled by itself, without the instruction set.
            for chunk in chunks {
                exponentials_of::<T, M>(chunk, shift, &mut sums);
            }
            *running = [most, sum * fade + fold(sums, |a, b| a + b)];
            if whole < keys {
                scores[whole..keys].fill(T::ZERO);
            }
            if let Some(dropout) = &tile.bias.dropout {
                tile.kept(dropout, i, &mut factors[..seen]);
                scores.iter_mut().zip(&factors[..seen]).for_each(|(score, &factor)| *score = *score * factor);
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
pub(super) struct Backward<'a, T, F> {
    pub(super) tile: Tile<'a, T>,
    /// `[queries, row]`, the keys first in each row.
    pub(super) scores: &'a mut [T],
    /// As `scores`.
    pub(super) cotangents: &'a mut [T],
    /// A multiple of [`CHUNK`].
    pub(super) row: usize,
    /// ln Σ e^score and Σ p·dp of each query.
    pub(super) saved: &'a [[T; 2]],
    /// As in [`Forward`].
    pub(super) meanwhile: F,
}

impl<T: Float, F: Fn(usize)> Kernel for Backward<'_, T, F> {
    type Output = ();
    const WIDE: bool = size_of::<T>() == 4;
    #[inline(always)]
    fn run<M: MulAdd>(self) {
        let Self { tile, scores, cotangents, row, saved, meanwhile } = self;
        let keys = tile.keys.1;
        let mut factors = [T::ZERO; MOST_KEYS];
        let rows = scores.chunks_exact_mut(row).zip(cotangents.chunks_exact_mut(row)).zip(saved);
        for (i, ((scores, cotangents), saved)) in rows.enumerate() {
            let seen = tile.score(i, &mut scores[..keys]);
            meanwhile(i);
            if let Some(dropout) = &tile.bias.dropout {
                tile.kept(dropout, i, &mut factors[..seen]);
                cotangents.iter_mut().zip(&factors[..seen]).for_each(|(dp, &factor)| *dp = *dp * factor);
            }
            // The last chunk may reach beyond the keys: what becomes of it there nobody reads.
            for (scores, cotangents) in chunks(scores, seen).iter_mut().zip(chunks(cotangents, seen)) {
                cotangents_of::<T, M>(scores, cotangents, *saved);
            }
            if tile.bias.dropout.is_some() {
                scores.iter_mut().zip(&factors[..seen]).for_each(|(p, &factor)| *p = *p * factor);
            }
            if seen < keys {
                scores[seen..keys].fill(T::ZERO);
                cotangents[seen..keys].fill(T::ZERO);
            }
        }
    }
}

/// Runs a pass in its version for `isa`.
pub(super) fn pass<K: Kernel>(isa: Isa, kernel: K) -> K::Output {
    dispatch_kernel(isa, kernel)
}
