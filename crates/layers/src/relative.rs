//! A trained number for each head and distance of query and key, added to their score: T5's positions.

use gradus_autodiff::Var;
use gradus_module::{Module, Param};
use gradus_tensor::{Float, Rng, Tensor};

use crate::error::LayerError;

const NAME: &str = "RelativeBias";

/// Biases by distance in buckets, `[H, L, S]` (Raffel et al. 2020, "T5"; Hugging Face: `relative_attention_bias`). Small distances have
/// a bucket each, larger ones share buckets that grow like the distance, and all from `max_distance` on share the last.
///
/// `weight` `[buckets, H]` starts Gaussian with variance 1. [`MultiheadAttention::relative_bias`](crate::MultiheadAttention::relative_bias)
/// adds it to the scores.
///
/// ```
/// use gradus_layers::RelativeBias;
/// use gradus_tensor::Rng;
/// let bias: RelativeBias = RelativeBias::new(32, 128, 4, &mut Rng::seed(0))?;
/// assert_eq!(bias.forward(5, 7, 0).dims(), [4, 5, 7]);
/// assert_eq!([bias.bucket(0), bias.bucket(-3), bias.bucket(3), bias.bucket(1000)], [0, 3, 19, 31]);
/// assert_eq!(bias.one_direction()?.bucket(3), 0); // for decoders
/// # Ok::<(), gradus_layers::LayerError>(())
/// ```
#[derive(Clone, Debug, Module)]
pub struct RelativeBias<T: Float = f32> {
    /// `[buckets, H]`.
    pub weight: Param<T>,
    #[module(skip)]
    max_distance: usize,
    #[module(skip)]
    bidirectional: bool,
}

impl<T: Float> RelativeBias<T> {
    /// For `heads` heads and both directions: half of the buckets are for keys behind the query. T5 has 32 buckets and a
    /// `max_distance` of 128.
    ///
    /// # Errors
    /// If there are no heads, fewer than 4 or an odd number of buckets, or `max_distance` does not exceed a quarter of them.
    pub fn new(buckets: usize, max_distance: usize, heads: usize, rng: &mut Rng) -> Result<Self, LayerError> {
        LayerError::check(heads > 0, NAME, "heads", heads, "at least 1")?;
        let fits = buckets >= 4 && buckets.is_multiple_of(2);
        LayerError::check(fits, NAME, "buckets", buckets, "even and at least 4")?;
        let range = format_args!("more than half of the {} buckets of a direction", buckets / 2);
        LayerError::check(max_distance > buckets / 4, NAME, "max_distance", max_distance, range)?;
        let weight = Param::new(Tensor::normal([buckets, heads], 0.0, 1.0, rng));
        Ok(Self { weight, max_distance, bidirectional: true })
    }

    /// Keys behind the query share one bucket: for decoders, which do not see them (Hugging Face: `bidirectional=False`).
    ///
    /// # Errors
    /// If `max_distance` does not exceed half of the buckets.
    pub fn one_direction(self) -> Result<Self, LayerError> {
        let buckets = self.weight.dim(0);
        let range = format_args!("more than half of the {buckets} buckets of a direction");
        LayerError::check(self.max_distance > buckets / 2, NAME, "max_distance", self.max_distance, range)?;
        Ok(Self { bidirectional: false, ..self })
    }

    /// The bucket of a key `distance` places behind its query (before it, if negative).
    #[must_use]
    pub fn bucket(&self, distance: isize) -> usize {
        let all = self.weight.dim(0);
        let (buckets, first, distance) = match self.bidirectional {
            true => (all / 2, if distance > 0 { all / 2 } else { 0 }, distance.unsigned_abs()),
            false => (all, 0, distance.min(0).unsigned_abs()),
        };
        let exact = buckets / 2;
        if distance < exact {
            return first + distance;
        }
        // In single precision, as the published models compute it: at the borders of buckets the rounding decides.
        let share =
            (distance as f32 / exact as f32).ln() / (self.max_distance as f64 / exact as f64).ln() as f32;
        let further = (share * (buckets - exact) as f32) as usize;
        first + (exact + further).min(buckets - 1)
    }

    /// The biases of `queries` × `keys`, where the first query stands at position `offset` of the keys: `[H, L, S]`.
    #[must_use]
    pub fn forward(&self, queries: usize, keys: usize, offset: usize) -> Var<T> {
        let heads = self.weight.dim(1);
        // A bucket for each distance, then a distance for each pair.
        let distances = (queries + keys).saturating_sub(1);
        let first = -((offset + queries) as isize - 1);
        let buckets: Vec<i64> = (0..distances).map(|i| self.bucket(first + i as isize) as i64).collect();
        let by_distance = self.weight.t().index_select(1, &Tensor::new([distances], &buckets));
        let pairs: Vec<i64> =
            (0..queries).flat_map(|i| (0..keys).map(move |j| (queries - 1 - i + j) as i64)).collect();
        by_distance.index_select(1, &Tensor::new([pairs.len()], &pairs)).reshape([heads, queries, keys])
    }
}
