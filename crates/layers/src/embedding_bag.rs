//! Sums, means and maxima of vectors by number: bags of words, categorical features with several values.

use gradus_autodiff::{Var, choose};
use gradus_module::{Context, Module, Param};
use gradus_tensor::{Float, Rng, Tensor};

use crate::embedding::{NormLimit, checked, clear_row};
use crate::error::LayerError;

/// What an [`EmbeddingBag`] makes of the vectors of a bag.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum BagMode {
    /// Their sum, each with a factor if there are some.
    Sum,
    /// Their mean (the default, as in PyTorch).
    #[default]
    Mean,
    /// The largest in each place; of equal ones the first gets the gradient.
    Max,
}

/// For each bag of indices the sum, mean or maximum of their vectors: indices `[B, L]`, or `[N]` cut at offsets, → `[B, D]`
/// (PyTorch: `EmbeddingBag`). A bag without indices is 0.
///
/// `weight` `[V, D]` starts Gaussian with variance 1.
///
/// ```
/// use gradus_autodiff::Var;
/// use gradus_layers::{BagMode, EmbeddingBag};
/// use gradus_module::Context;
/// use gradus_tensor::{Rng, Tensor};
/// let layer: EmbeddingBag = EmbeddingBag::new(100, 8, BagMode::Sum, &mut Rng::seed(0));
/// let cx = &mut Context::eval();
/// assert_eq!(layer.forward(&Tensor::from([[3_i64, 1], [4, 1]]), cx).dims(), [2, 8]);
/// let words = Tensor::from([3_i64, 1, 4, 1, 5]);
/// assert_eq!(layer.forward_bags(&words, &[0, 2, 2], None, cx).dims(), [3, 8]);
/// // Halves of vectors; padding is not there; vectors are not longer than 1.
/// let table = EmbeddingBag::from_weight(layer.weight, BagMode::Sum);
/// let halves = Var::constant([[0.5_f32, 0.5]]);
/// let mut layer = table.padding(7)?.max_norm(1.0, 2.0)?;
/// let y = layer.forward_weighted(&Tensor::from([[3_i64, 7]]), Some(&halves), cx);
/// assert!(y.square().sum().item() < 0.2501);
/// layer.shorten(&words);
/// # Ok::<(), gradus_layers::LayerError>(())
/// ```
#[derive(Clone, Debug, Module)]
pub struct EmbeddingBag<T: Float = f32> {
    /// `[V, D]`.
    pub weight: Param<T>,
    #[module(skip)]
    mode: BagMode,
    #[module(skip)]
    padding: Option<usize>,
    #[module(skip)]
    limit: Option<NormLimit>,
}

/// Which vectors of which bag: padding is not there any more.
struct Bags {
    /// Rows of the table.
    index: Vec<i64>,
    /// The bag of each.
    bag: Vec<i64>,
    /// The place of each among the indices given.
    place: Vec<i64>,
    /// How many vectors each bag has.
    counts: Vec<usize>,
}

impl<T: Float> EmbeddingBag<T> {
    /// A table of `vocabulary` vectors of `size` numbers.
    #[must_use]
    pub fn new(vocabulary: usize, size: usize, mode: BagMode, rng: &mut Rng) -> Self {
        Self::from_weight(Param::new(Tensor::normal([vocabulary, size], 0.0, 1.0, rng)), mode)
    }

    /// The table `[V, D]` as it is.
    ///
    /// # Panics
    /// If the weight has not two axes.
    #[must_use]
    #[track_caller]
    pub fn from_weight(weight: Param<T>, mode: BagMode) -> Self {
        assert!(weight.rank() == 2, "EmbeddingBag: the weight has not two axes: {}", weight.shape());
        Self { weight, mode, padding: None, limit: None }
    }

    /// Index `padding` stands for nothing: its vector becomes 0, and bags go without it (PyTorch: `padding_idx`).
    ///
    /// # Errors
    /// If the vocabulary has no such index.
    pub fn padding(mut self, padding: usize) -> Result<Self, LayerError> {
        clear_row("EmbeddingBag", &mut self.weight, padding)?;
        self.padding = Some(padding);
        Ok(self)
    }

    /// As [`Embedding::max_norm`](crate::Embedding::max_norm).
    ///
    /// # Errors
    /// If `max_norm` is negative or NaN, or `p` is not positive.
    pub fn max_norm(self, max_norm: f64, p: f64) -> Result<Self, LayerError> {
        Ok(Self { limit: Some(NormLimit::new("EmbeddingBag", max_norm, p)?), ..self })
    }

    /// As [`Embedding::shorten`](crate::Embedding::shorten).
    ///
    /// # Panics
    /// If an index lies outside the vocabulary.
    #[track_caller]
    pub fn shorten(&mut self, indices: &Tensor<i64>) {
        let flat = checked("EmbeddingBag", indices, self.weight.dim(0));
        if let Some(limit) = self.limit {
            limit.apply_to(&mut self.weight, &flat);
        }
    }

    /// Bags of one length: `[B, L] → [B, D]`.
    ///
    /// # Panics
    /// If there are not two axes, or an index lies outside the vocabulary.
    #[must_use]
    #[track_caller]
    pub fn forward(&self, indices: &Tensor<i64>, cx: &mut Context<'_>) -> Var<T> {
        self.forward_weighted(indices, None, cx)
    }

    /// The same with a factor for each vector, `[B, L]` (PyTorch: `per_sample_weights`).
    ///
    /// # Panics
    /// If shapes do not fit, an index lies outside the vocabulary, or the mode is not [`BagMode::Sum`].
    #[must_use]
    #[track_caller]
    pub fn forward_weighted(
        &self,
        indices: &Tensor<i64>,
        factors: Option<&Var<T>>,
        cx: &mut Context<'_>,
    ) -> Var<T> {
        let shape = indices.shape();
        assert!(shape.len() == 2, "EmbeddingBag: indices are not [B, L]: {shape} ({} axes)", shape.len());
        let [bags, length] = indices.dims();
        let starts: Vec<usize> = (0..bags).map(|bag| bag * length).collect();
        let flat = checked("EmbeddingBag", indices, self.weight.dim(0));
        self.check_factors(factors, indices);
        let factors = factors.map(|factors| factors.reshape([bags * length]));
        self.run(&flat, &starts, factors.as_ref(), cx)
    }

    /// Bags that begin at `offsets` of `indices` and end where the next begins: `[N]`, B offsets → `[B, D]`; `factors`, if any,
    /// are `[N]` (PyTorch: `offsets`, `per_sample_weights`).
    ///
    /// # Panics
    /// If `indices` has not one axis, the offsets do not start at 0, fall or pass N, `factors` has another shape, an index lies
    /// outside the vocabulary, or there are factors and the mode is not [`BagMode::Sum`].
    #[must_use]
    #[track_caller]
    pub fn forward_bags(
        &self,
        indices: &Tensor<i64>,
        offsets: &[usize],
        factors: Option<&Var<T>>,
        cx: &mut Context<'_>,
    ) -> Var<T> {
        let shape = indices.shape();
        assert!(shape.len() == 1, "EmbeddingBag: indices are not [N]: {shape} ({} axes)", shape.len());
        let fits = offsets.is_sorted()
            && offsets.first().map_or(indices.is_empty(), |&first| first == 0)
            && offsets.last().is_none_or(|&last| last <= indices.len());
        assert!(
            fits,
            "EmbeddingBag: offsets do not fit: {offsets:?} for {shape} (from 0, rising, at most {})",
            indices.len()
        );
        self.check_factors(factors, indices);
        let flat = checked("EmbeddingBag", indices, self.weight.dim(0));
        self.run(&flat, offsets, factors, cx)
    }

    #[track_caller]
    fn check_factors(&self, factors: Option<&Var<T>>, indices: &Tensor<i64>) {
        let Some(factors) = factors else { return };
        let (have, want) = (factors.shape(), indices.shape());
        assert!(have == want, "EmbeddingBag: factors do not fit the indices: {have} and {want}");
        let mode = self.mode;
        assert!(mode == BagMode::Sum, "EmbeddingBag: factors belong to sums, but the mode is {mode:?}");
    }

    /// The bags of indices that begin at `starts`.
    fn bags(&self, flat: &Tensor<i64>, starts: &[usize]) -> Bags {
        let values = flat.to_vec();
        let mut out = Bags { index: Vec::new(), bag: Vec::new(), place: Vec::new(), counts: Vec::new() };
        for (bag, &start) in starts.iter().enumerate() {
            let end = starts.get(bag + 1).copied().unwrap_or(values.len());
            let before = out.index.len();
            for (place, &index) in values.iter().enumerate().take(end).skip(start) {
                if self.padding != Some(index as usize) {
                    out.index.push(index);
                    out.bag.push(bag as i64);
                    out.place.push(place as i64);
                }
            }
            out.counts.push(out.index.len() - before);
        }
        out
    }

    #[track_caller]
    fn run(
        &self,
        flat: &Tensor<i64>,
        starts: &[usize],
        factors: Option<&Var<T>>,
        cx: &mut Context<'_>,
    ) -> Var<T> {
        let bags = self.bags(flat, starts);
        let (count, size) = (bags.counts.len(), self.weight.dim(1));
        let vector = |values: &[i64]| Tensor::new([values.len()], values);
        let mut rows = self.weight.index_select(0, &vector(&bags.index));
        if let Some(limit) = self.limit {
            rows = limit.shortened(&rows);
        }
        let y = if self.mode == BagMode::Max {
            largest(&rows, &bags)
        } else {
            if let Some(factors) = factors {
                rows = rows * factors.index_select(0, &vector(&bags.place)).unsqueeze(-1);
            }
            let sums = Var::constant(Tensor::zeros([count, size])).index_add(0, &vector(&bags.bag), &rows);
            match self.mode {
                BagMode::Mean => {
                    let shares: Vec<T> = bags.counts.iter().map(|&n| T::of(1.0 / n.max(1) as f64)).collect();
                    sums * Var::constant(Tensor::new([count, 1], &shares))
                }
                _ => sums,
            }
        };
        cx.record("EmbeddingBag", Some(&self.weight), &y, (bags.index.len() * size) as u64);
        y
    }
}

/// The largest in each place over the rows `[N, D]` of each bag, 0 where there are none.
fn largest<T: Float>(rows: &Var<T>, bags: &Bags) -> Var<T> {
    let (count, size) = (bags.counts.len(), rows.dim(1));
    if rows.is_empty() {
        return Var::constant(Tensor::zeros([count, size]));
    }
    let (values, mut best) = (rows.value().contiguous(), vec![0_i64; count * size]);
    let values = values.as_slice().unwrap_or(&[]);
    let mut first = 0;
    for (bag, &length) in bags.counts.iter().enumerate() {
        let best = &mut best[bag * size..(bag + 1) * size];
        best.fill(first.min(bags.index.len() - 1) as i64);
        for row in first + 1..(first + length).max(first + 1) {
            for (column, best) in best.iter_mut().enumerate() {
                if values[row * size + column] > values[*best as usize * size + column] {
                    *best = row as i64;
                }
            }
        }
        first += length;
    }
    let filled: Vec<bool> = bags.counts.iter().map(|&length| length > 0).collect();
    let picked = pick(rows, &best, [count, size]);
    choose(&Tensor::new([count, 1], &filled), &picked, &Var::constant(Tensor::scalar(T::ZERO)))
}

/// `out[b][d] = rows[best[b][d]][d]`.
fn pick<T: Float>(rows: &Var<T>, best: &[i64], [count, size]: [usize; 2]) -> Var<T> {
    let flat: Vec<i64> =
        best.iter().enumerate().map(|(at, &row)| row * size as i64 + (at % size) as i64).collect();
    rows.reshape([rows.len()]).index_select(0, &Tensor::new([count * size], &flat)).reshape([count, size])
}
