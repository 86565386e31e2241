//! How good lists of recommendations or search results are: hit rate, NDCG, reciprocal rank, average precision. It must
//! never know what is recommended to whom.

use std::cmp::Ordering;

use gradus_tensor::{Float, Tensor};

use super::MetricError;
use super::error::at_least_one;
use super::inputs::{class_count, class_numbers, numbers, same_shape};

const NAME: &str = "ranking";

/// The k best-scored items of each query against those that are relevant, each measure averaged over the queries.
///
/// Ties and NaN count against the model: of equal scores, relevant items come last; so scores that are all alike earn
/// nothing. A query without a relevant item is left out. To leave out items that a user knows already, give them −∞.
///
/// ```
/// use gradus_tensor::Tensor;
/// use gradus_train::metrics::Ranking;
/// let mut ranking = Ranking::new(2)?;
/// let scores = Tensor::from([[0.9_f32, 0.8, 0.1, 0.2], [0.1, 0.2, 0.3, 0.4]]);
/// ranking.update(&scores, &Tensor::from([[0_i64, 1, 1, 0], [1, 0, 0, 0]])); // two queries, four items
/// let mean = ranking.value().unwrap();
/// assert_eq!((mean.hit_rate, mean.recall, mean.precision), (0.5, 0.25, 0.25));
/// assert_eq!((mean.reciprocal_rank, mean.average_precision), ((0.5 + 0.25) / 2.0, 0.125));
/// # Ok::<(), gradus_train::metrics::MetricError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Ranking {
    k: usize,
    queries: u64,
    without_relevant: u64,
    sums: RankingScores,
}

/// Means over queries.
///
/// ```
/// use gradus_tensor::Tensor;
/// use gradus_train::metrics::{Ranking, RankingScores};
/// let mut ranking = Ranking::new(10)?;
/// ranking.update_targets(&Tensor::from([[0.1_f64, 0.7, 0.2]]), &Tensor::from([2_i64])); // item 2 comes second
/// let RankingScores { hit_rate, ndcg, reciprocal_rank, .. } = ranking.value().unwrap();
/// assert_eq!((hit_rate, ndcg, reciprocal_rank), (1.0, 1.0 / 3.0_f64.log2(), 0.5));
/// # Ok::<(), gradus_train::metrics::MetricError>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct RankingScores {
    /// HR@k: whether one of the first k items is relevant.
    pub hit_rate: f64,
    /// NDCG@k: Σ gain/log₂(rank + 1) over the first k, divided by the most that could be (scikit-learn: `ndcg_score`).
    /// Gains count as they are, not as 2^gain − 1.
    pub ndcg: f64,
    /// MRR: 1/rank of the first relevant item, however far down.
    pub reciprocal_rank: f64,
    /// MAP@k: the precisions at the ranks of the relevant items among the first k, summed and divided by the smaller of
    /// k and their number. With k no less than the items: scikit-learn's `label_ranking_average_precision_score`.
    pub average_precision: f64,
    /// Relevant items among the first k / relevant items.
    pub recall: f64,
    /// Relevant items among the first k / k.
    pub precision: f64,
}

impl Ranking {
    /// An empty measure of the `k` best.
    ///
    /// # Errors
    /// If `k` is 0.
    pub fn new(k: usize) -> Result<Self, MetricError> {
        let k = at_least_one(NAME, "k", k)?;
        Ok(Self { k, queries: 0, without_relevant: 0, sums: RankingScores::default() })
    }

    /// Adds a batch: scores `[…, I]` of I items for each query, and gains `[…, I]`: 0 for what is irrelevant.
    ///
    /// # Panics
    /// If the shapes differ, there is no axis of items, or a gain is negative.
    #[track_caller]
    pub fn update<T: Float>(&mut self, scores: &Tensor<T>, gains: &Tensor<i64>) {
        same_shape(NAME, scores.shape(), gains.shape());
        let items = gains.shape().last().copied();
        assert!(items.is_some(), "{NAME}: no axis of items: {} (scores and gains are […, I])", gains.shape());
        let all: Vec<u64> =
            class_numbers(NAME, gains, i64::MAX as usize).into_iter().map(|g| g as u64).collect();
        let items = items.unwrap_or(0).max(1);
        for (scores, gains) in numbers(scores).chunks(items).zip(all.chunks(items)) {
            self.add(scores, gains);
        }
    }

    /// Adds a batch with one relevant item per query: scores `[…, I]` and its numbers `[…]`, as when the item that a user
    /// took last is to be found.
    ///
    /// # Panics
    /// If the shapes do not fit, or there is no such item.
    #[track_caller]
    pub fn update_targets<T: Float>(&mut self, scores: &Tensor<T>, targets: &Tensor<i64>) {
        let items = class_count(NAME, scores.shape(), targets.shape());
        let targets = class_numbers(NAME, targets, items);
        let mut gains = vec![0; items];
        for (scores, target) in numbers(scores).chunks(items.max(1)).zip(targets) {
            gains[target] = 1;
            self.add(scores, &gains);
            gains[target] = 0;
        }
    }

    fn add(&mut self, scores: &[f64], gains: &[u64]) {
        let relevant = gains.iter().filter(|&&gain| gain > 0).count();
        if relevant == 0 {
            self.without_relevant += 1;
            return;
        }
        let score = |item: usize| match (scores[item].is_nan(), gains[item] > 0) {
            (true, true) => f64::NEG_INFINITY,
            (true, false) => f64::INFINITY,
            (false, _) => scores[item],
        };
        let order = |&a: &usize, &b: &usize| {
            // Numbers alone: NaN was replaced above.
            let by_score = score(b).partial_cmp(&score(a)).unwrap_or(Ordering::Equal);
            by_score.then(gains[a].cmp(&gains[b])).then(a.cmp(&b))
        };
        let mut items: Vec<usize> = (0..scores.len()).collect();
        let shown = self.k.min(items.len());
        if shown < items.len() {
            items.select_nth_unstable_by(shown, order);
        }
        items[..shown].sort_unstable_by(order);
        let best = (0..scores.len()).filter(|&item| gains[item] > 0).min_by(order).unwrap_or(0);
        let first = 1 + (0..scores.len()).filter(|item| order(item, &best) == Ordering::Less).count();
        let (mut hits, mut precisions, mut gained) = (0, 0.0, 0.0);
        for (place, &item) in items[..shown].iter().enumerate().filter(|&(_, &item)| gains[item] > 0) {
            hits += 1;
            precisions += f64::from(hits) / (place + 1) as f64;
            gained += gains[item] as f64 * discount(place);
        }
        let mut ideal: Vec<u64> = gains.iter().copied().filter(|&gain| gain > 0).collect();
        ideal.sort_unstable_by(|a, b| b.cmp(a));
        let most = ideal.iter().take(self.k).enumerate().map(|(place, &gain)| gain as f64 * discount(place));
        self.queries += 1;
        self.sums.add(&RankingScores {
            hit_rate: f64::from(u8::from(hits > 0)),
            ndcg: gained / most.sum::<f64>(),
            reciprocal_rank: 1.0 / first as f64,
            average_precision: precisions / relevant.min(self.k) as f64,
            recall: f64::from(hits) / relevant as f64,
            precision: f64::from(hits) / self.k as f64,
        });
    }

    /// Adds what another measure has seen.
    ///
    /// ```
    /// use gradus_tensor::Tensor;
    /// use gradus_train::metrics::Ranking;
    /// let (mut one, mut other) = (Ranking::new(1)?, Ranking::new(1)?);
    /// one.update_targets(&Tensor::from([[1.0_f32, 0.0]]), &Tensor::from([0_i64]));
    /// other.update(&Tensor::from([[1.0_f32, 0.0]]), &Tensor::from([[0_i64, 0]]));
    /// one.merge(&other);
    /// assert_eq!((one.value().map(|mean| mean.hit_rate), one.queries(), one.without_relevant()), (Some(1.0), 1, 1));
    /// # Ok::<(), gradus_train::metrics::MetricError>(())
    /// ```
    ///
    /// # Panics
    /// If its k is another.
    #[track_caller]
    pub fn merge(&mut self, other: &Self) {
        assert!(self.k == other.k, "{NAME}: merge: k differs: {} and {}", self.k, other.k);
        self.queries += other.queries;
        self.without_relevant += other.without_relevant;
        self.sums.add(&other.sums);
    }

    /// How many queries count.
    #[must_use]
    pub fn queries(&self) -> u64 {
        self.queries
    }

    /// How many queries were left out because they have no relevant item.
    #[must_use]
    pub fn without_relevant(&self) -> u64 {
        self.without_relevant
    }

    /// The means over the queries; `None` of nothing.
    #[must_use]
    pub fn value(&self) -> Option<RankingScores> {
        (self.queries > 0).then(|| self.sums.over(self.queries as f64))
    }
}

/// 1/log₂(rank + 1), the rank counted from 1 and the place from 0.
fn discount(place: usize) -> f64 {
    1.0 / ((place + 2) as f64).log2()
}

impl RankingScores {
    fn add(&mut self, other: &Self) {
        self.hit_rate += other.hit_rate;
        self.ndcg += other.ndcg;
        self.reciprocal_rank += other.reciprocal_rank;
        self.average_precision += other.average_precision;
        self.recall += other.recall;
        self.precision += other.precision;
    }

    fn over(&self, count: f64) -> Self {
        Self {
            hit_rate: self.hit_rate / count,
            ndcg: self.ndcg / count,
            reciprocal_rank: self.reciprocal_rank / count,
            average_precision: self.average_precision / count,
            recall: self.recall / count,
            precision: self.precision / count,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ties_and_nan_earn_nothing() {
        for scores in [[0.5_f64, 0.5, 0.5], [f64::NAN; 3], [f64::NAN, 0.1, 0.2], [9.0, f64::NAN, f64::NAN]] {
            let mut ranking = Ranking::new(2).unwrap();
            ranking.update_targets(&Tensor::from([scores]), &Tensor::from([0_i64]));
            let mean = ranking.value().unwrap();
            assert_eq!((mean.hit_rate, mean.ndcg, mean.reciprocal_rank), (0.0, 0.0, 1.0 / 3.0), "{scores:?}");
        }
    }

    #[test]
    fn nothing_and_more_than_all() {
        let mut ranking = Ranking::new(9).unwrap();
        ranking.update(&Tensor::from([[0.1_f32, 0.2]]), &Tensor::from([[0_i64, 0]]));
        assert_eq!((ranking.value(), ranking.without_relevant()), (None, 1));
        ranking.update(&Tensor::from([[0.1_f32, 0.2]]), &Tensor::from([[2_i64, 3]]));
        let mean = ranking.value().unwrap();
        assert_eq!((mean.ndcg, mean.average_precision, mean.recall), (1.0, 1.0, 1.0));
        assert_eq!(Ranking::new(0).unwrap_err().to_string(), "ranking: k is 0, and must be at least 1");
    }

    #[test]
    #[should_panic(expected = "ranking: no such class: -1 at [0, 1] of [1, 2]")]
    fn refuses_negative_gains() {
        Ranking::new(1).unwrap().update(&Tensor::<f32>::zeros([1, 2]), &Tensor::from([[0_i64, -1]]));
    }
}
