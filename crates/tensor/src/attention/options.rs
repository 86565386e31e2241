//! What scaled dot-product attention may be told: causality, masks, ALiBi, scale, dropout. Data, no loops.

use crate::element::Float;
use crate::kernels::attention::Dropout;
use crate::layout::Layout;
use crate::rng::{Rng, RngState};
use crate::shape::Shape;
use crate::tensor::Tensor;

use super::OP;

/// A mask over queries × keys.
#[derive(Clone, Debug)]
pub(super) enum MaskTensor<T: Float> {
    /// True: this query sees this key.
    Keep(Tensor<bool>),
    /// Added to the scores.
    Add(Tensor<T>),
}

impl<T: Float> MaskTensor<T> {
    fn shape(&self) -> &Shape {
        self.layout().shape()
    }

    pub(super) fn layout(&self) -> &Layout {
        match self {
            MaskTensor::Keep(mask) => mask.layout(),
            MaskTensor::Add(mask) => mask.layout(),
        }
    }

    /// Stretched to the shape of the scores.
    #[track_caller]
    pub(super) fn expand(&self, scores: &Shape) -> Self {
        let fits = self.layout().expand(scores).is_some();
        assert!(
            fits,
            "{OP}: mask does not broadcast to the scores: {} and {scores} (each equal, or 1)",
            self.shape()
        );
        match self {
            MaskTensor::Keep(mask) => MaskTensor::Keep(mask.expand(*scores)),
            MaskTensor::Add(mask) => MaskTensor::Add(mask.expand(*scores)),
        }
    }
}

/// Options of [`Tensor::scaled_dot_product_attention`]; without any, softmax(q·kᵀ/√E)·v.
///
/// ```
/// use gradus_tensor::{AttentionOptions, Tensor};
/// // One more token behind 7 that a cache holds, with ALiBi for two heads.
/// let slopes = Tensor::from([0.25_f32, 0.0625]);
/// let options = AttentionOptions::new().causal().offset(7).alibi(slopes);
/// let (q, kv) = (Tensor::ones([2, 1, 4]), Tensor::ones([2, 8, 4]));
/// assert_eq!(q.scaled_dot_product_attention(&kv, &kv, &options).dims(), [2, 1, 4]);
/// ```
#[derive(Clone, Debug)]
pub struct AttentionOptions<T: Float = f32> {
    pub(super) causal: bool,
    pub(super) offset: usize,
    pub(super) scale: Option<f64>,
    pub(super) mask: Option<MaskTensor<T>>,
    pub(super) slopes: Option<Tensor<T>>,
    pub(super) dropout: Option<(f64, RngState)>,
}

impl<T: Float> Default for AttentionOptions<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T: Float> AttentionOptions<T> {
    /// None.
    #[must_use]
    pub fn new() -> Self {
        Self { causal: false, offset: 0, scale: None, mask: None, slopes: None, dropout: None }
    }

    /// Query i sees the keys up to i + offset only, where the offset is 0 unless [`AttentionOptions::offset`] says otherwise
    /// (PyTorch: `is_causal=True`, which allows no mask beside it; here both hold).
    #[must_use]
    pub fn causal(self) -> Self {
        Self { causal: true, ..self }
    }

    /// The position of the first query among the keys: S − L where a cache holds the keys that came before. Causality and
    /// ALiBi count from it.
    #[must_use]
    pub fn offset(self, offset: usize) -> Self {
        Self { offset, ..self }
    }

    /// What products of queries and keys are multiplied by, instead of 1/√E (PyTorch: `scale`).
    ///
    /// ```
    /// use gradus_tensor::{AttentionOptions, Tensor};
    /// let (q, k) = (Tensor::<f32>::ones([1, 2]), Tensor::from([[1.0_f32, 5.0], [2.0, 3.0]]));
    /// let v = Tensor::from([[1.0_f32], [3.0]]);
    /// let options = AttentionOptions::new().scale(0.0); // all scores alike
    /// assert_eq!(q.scaled_dot_product_attention(&k, &v, &options).to_vec(), [2.0]);
    /// ```
    #[must_use]
    pub fn scale(self, scale: f64) -> Self {
        Self { scale: Some(scale), ..self }
    }

    /// Which query sees which key, true where it does; broadcasts to `[…, H, L, S]` (PyTorch: a boolean `attn_mask`).
    /// Replaces a [`AttentionOptions::bias`].
    ///
    /// ```
    /// use gradus_tensor::{AttentionOptions, Tensor};
    /// let (q, k, v) = (Tensor::<f32>::ones([1, 2]), Tensor::ones([2, 2]), Tensor::from([[1.0], [3.0]]));
    /// let options = AttentionOptions::new().mask(Tensor::from([[false, true]]));
    /// assert_eq!(q.scaled_dot_product_attention(&k, &v, &options).to_vec(), [3.0]);
    /// ```
    #[must_use]
    pub fn mask(self, keep: Tensor<bool>) -> Self {
        Self { mask: Some(MaskTensor::Keep(keep)), ..self }
    }

    /// Added to the scores, −∞ where a query does not see a key; broadcasts to `[…, H, L, S]` (PyTorch: a float `attn_mask`).
    /// A constant: no gradient flows into it. Replaces a [`AttentionOptions::mask`].
    ///
    /// ```
    /// use gradus_tensor::{AttentionOptions, Tensor};
    /// let (q, k, v) = (Tensor::<f32>::ones([1, 2]), Tensor::ones([2, 2]), Tensor::from([[1.0], [3.0]]));
    /// let options = AttentionOptions::new().bias(Tensor::from([[0.0, f32::NEG_INFINITY]]));
    /// assert_eq!(q.scaled_dot_product_attention(&k, &v, &options).to_vec(), [1.0]);
    /// ```
    #[must_use]
    pub fn bias(self, bias: Tensor<T>) -> Self {
        Self { mask: Some(MaskTensor::Add(bias)), ..self }
    }

    /// Attention with linear biases: slope·(j − i − offset) is added to the score of query i and key j, one slope for each
    /// query head, `[H]` (Press et al. 2022, "Train short, test long"). No tensor of biases is made.
    #[must_use]
    pub fn alibi(self, slopes: Tensor<T>) -> Self {
        Self { slopes: Some(slopes), ..self }
    }

    /// Each probability is dropped with probability `p`, the others are divided by 1 − p (PyTorch: `dropout_p`). Which ones is
    /// a function of a stream that begins here: every use of these options drops the same. Advances `rng` by 2 words.
    ///
    /// ```
    /// use gradus_tensor::{AttentionOptions, Rng, Tensor};
    /// let one = Tensor::<f32>::ones([1, 1]);
    /// let options = AttentionOptions::new().dropout(0.5, &mut Rng::seed(7));
    /// let y = one.scaled_dot_product_attention(&one, &one, &options);
    /// assert!([0.0, 2.0].contains(&y.item()));
    /// assert_eq!(y, one.scaled_dot_product_attention(&one, &one, &options)); // the same ones again
    /// ```
    ///
    /// # Panics
    /// If `p` lies outside 0 ..= 1.
    #[must_use]
    #[track_caller]
    pub fn dropout(self, p: f64, rng: &mut Rng) -> Self {
        assert!((0.0..=1.0).contains(&p), "{OP}: dropout is not a probability: {p} (0 ≤ p ≤ 1)");
        let state = RngState { seed: rng.next_u64(), stream: 0, counter: 0 };
        Self { dropout: (p > 0.0).then_some((p, state)), ..self }
    }

    /// The scale for queries of width `width`.
    #[doc(hidden)]
    #[must_use]
    pub fn scale_of(&self, width: usize) -> f64 {
        self.scale.unwrap_or(1.0 / (width as f64).sqrt())
    }

    /// The position of the first query among the keys.
    #[doc(hidden)]
    #[must_use]
    pub fn first_position(&self) -> usize {
        self.offset
    }

    /// Scale and dropout as they are, and `scores` (a [`AttentionOptions::bias`]) in place of causality, masks and ALiBi.
    #[doc(hidden)]
    #[must_use]
    pub fn with_scores(&self, scores: Tensor<T>) -> Self {
        Self { causal: false, slopes: None, mask: Some(MaskTensor::Add(scores)), ..self.clone() }
    }

    /// Dropout as the kernels want it.
    pub(super) fn kernel_dropout(&self) -> Option<Dropout<T>> {
        let (p, state) = self.dropout?;
        let threshold = ((1.0 - p) * (1_u64 << 32) as f64).round() as u64;
        Some(Dropout { state, threshold, scale: T::of(keep_scale(p)) })
    }

    /// What is added to scores of shape `[…, H, L, S]`, where it is finite, and which pairs count.
    #[doc(hidden)]
    #[must_use]
    #[track_caller]
    pub fn terms(&self, scores: &Shape) -> (Tensor<T>, Tensor<bool>) {
        let rank = scores.len();
        let [queries, keys] = [scores[rank - 2], scores[rank - 1]];
        let (offset, causal) = (self.offset, self.causal);
        let mut add = Tensor::zeros([1, 1]);
        let mut keep = Tensor::from_fn([queries, keys], |at| !causal || at[1] <= at[0] + offset);
        if let Some(slopes) = &self.slopes {
            let distance = |at: &[usize]| T::of(at[1] as f64 - (at[0] + offset) as f64);
            let heads = slopes.len();
            add = slopes.reshape([heads, 1, 1]) * Tensor::from_fn([queries, keys], distance);
        }
        match &self.mask {
            None => {}
            Some(MaskTensor::Keep(mask)) => {
                keep = keep.expand(*scores).zip(&mask.expand(*scores), |a, b| a && b);
            }
            Some(MaskTensor::Add(mask)) => {
                let counts = mask.map(|bias| bias != T::LOWEST);
                let finite = mask.map(|bias| if bias == T::LOWEST { T::ZERO } else { bias });
                add = add + finite;
                keep = keep.expand(*scores).zip(&counts.expand(*scores), |a, b| a && b);
            }
        }
        (add, keep.expand(*scores))
    }

    /// The factors of dropout for scores of shape `[…, H, L, S]`.
    #[doc(hidden)]
    #[must_use]
    pub fn dropout_factors(&self, scores: &Shape) -> Option<Tensor<T>> {
        let (p, state) = self.dropout?;
        let keep = Tensor::bernoulli(*scores, 1.0 - p, &mut Rng::from_state(state));
        Some(keep.cast::<T>() * T::of(keep_scale(p)))
    }
}

fn keep_scale(p: f64) -> f64 {
    if p < 1.0 { 1.0 / (1.0 - p) } else { 0.0 }
}
