//! The multi-head attention layer: its parameters and how it is described. How queries meet keys is in `attention_forward`.

use gradus_autodiff::Var;
use gradus_module::{Context, Layer, Module, Param};
use gradus_tensor::{AttentionOptions, Float, PackedHeads, Rng, Tensor};

use crate::attention_mask::alibi_slopes;
use crate::error::LayerError;
use crate::init::{xavier_normal, xavier_uniform};
use crate::linear::Linear;
use crate::relative::RelativeBias;
use crate::rotary::Rotary;

pub(crate) const NAME: &str = "MultiheadAttention";

/// The weights that queries, keys and values come from.
///
/// ```
/// use gradus_layers::{InProjection, MultiheadAttention};
/// use gradus_tensor::Rng;
/// let layer: MultiheadAttention = MultiheadAttention::new(16, 4, &mut Rng::seed(0))?;
/// let InProjection::Fused { in_proj_weight } = &layer.in_proj else { panic!("one width") };
/// assert_eq!(in_proj_weight.dims(), [48, 16]);
/// # Ok::<(), gradus_layers::LayerError>(())
/// ```
#[allow(clippy::large_enum_variant)] // a layer holds one of them, and few layers hold many
#[derive(Clone, Debug, Module)]
pub enum InProjection<T: Float = f32> {
    /// One matrix for all three, where they have one width.
    Fused {
        /// `[(H + 2·K)·D, E]`: queries, keys, values.
        in_proj_weight: Param<T>,
    },
    /// One each, where keys and values have widths of their own.
    Separate {
        /// `[H·D, E]`.
        q_proj_weight: Param<T>,
        /// `[K·D, Ek]`.
        k_proj_weight: Param<T>,
        /// `[K·D, Ev]`.
        v_proj_weight: Param<T>,
    },
}

/// Attention of several heads between two projections: `[…, L, E], […, S, E] → […, L, E]`,
/// concat(softmax(qₕ·kₕᵀ/√D)·vₕ)·Wᵀ + b with q, k, v from one fused projection (Vaswani et al. 2017, "Attention is all you
/// need"; PyTorch: `MultiheadAttention(batch_first=True)`).
///
/// As a [`Layer`] it is self-attention; [`MultiheadAttention::attend`] takes keys and values from elsewhere.
/// `in_proj_weight` starts by Xavier's rule, its bias and that of `out_proj` at 0.
///
/// ```
/// use gradus_autodiff::Var;
/// use gradus_layers::MultiheadAttention;
/// use gradus_module::{Context, Layer};
/// use gradus_tensor::{Rng, Tensor};
/// let layer: MultiheadAttention = MultiheadAttention::new(16, 4, &mut Rng::seed(0))?.causal();
/// let y = layer.forward(&Var::constant(Tensor::ones([2, 5, 16])), &mut Context::eval());
/// assert_eq!(y.dims(), [2, 5, 16]);
/// let grouped: MultiheadAttention = MultiheadAttention::grouped(16, 4, 2, &mut Rng::seed(0))?;
/// let grouped = grouped.without_bias().dropout(0.1)?.scale(0.25)?.alibi();
/// assert_eq!((grouped.heads().key_heads, grouped.head_size()), (2, 4));
/// # Ok::<(), gradus_layers::LayerError>(())
/// ```
#[derive(Clone, Debug, Module)]
pub struct MultiheadAttention<T: Float = f32> {
    /// `in_proj_weight`, or `q_proj_weight`, `k_proj_weight` and `v_proj_weight`.
    #[module(flatten)]
    pub in_proj: InProjection<T>,
    /// `[(H + 2·K)·D]`.
    pub in_proj_bias: Option<Param<T>>,
    /// `[1, 1, K·D]`: a key that every query sees, behind the others.
    pub bias_k: Option<Param<T>>,
    /// `[1, 1, K·D]`: its value.
    pub bias_v: Option<Param<T>>,
    /// `[E, E]`.
    pub out_proj: Linear<T>,
    /// `[buckets, H]`, see [`MultiheadAttention::relative_bias`].
    pub relative_attention_bias: Option<RelativeBias<T>>,
    #[module(skip)]
    pub(crate) heads: PackedHeads,
    #[module(skip)]
    pub(crate) size: usize,
    #[module(skip)]
    pub(crate) settings: Settings<T>,
}

/// What is not trained.
#[derive(Clone, Debug)]
pub(crate) struct Settings<T: Float> {
    pub(crate) dropout: f64,
    pub(crate) causal: bool,
    pub(crate) scale: Option<f64>,
    pub(crate) zero_attention: bool,
    pub(crate) slopes: Option<Tensor<T>>,
    pub(crate) rotary: Option<Rotary<T>>,
}

impl<T: Float> MultiheadAttention<T> {
    /// A layer of `heads` heads that share `size` features.
    ///
    /// # Errors
    /// If the heads do not divide the features.
    pub fn new(size: usize, heads: usize, rng: &mut Rng) -> Result<Self, LayerError> {
        Self::grouped(size, heads, heads, rng)
    }

    /// The same with fewer heads of keys and values, each of which serves as many neighbouring heads of queries (Ainslie et al.
    /// 2023, "GQA").
    ///
    /// ```
    /// use gradus_autodiff::Var;
    /// use gradus_layers::MultiheadAttention;
    /// use gradus_module::{Context, Layer};
    /// use gradus_tensor::{Rng, Tensor};
    /// let layer: MultiheadAttention = MultiheadAttention::grouped(16, 4, 2, &mut Rng::seed(0))?.alibi().without_bias();
    /// assert_eq!((layer.heads().heads, layer.heads().key_heads, layer.head_size()), (4, 2, 4));
    /// let y = layer.forward(&Var::constant(Tensor::ones([2, 5, 16])), &mut Context::eval());
    /// assert_eq!(y.dims(), [2, 5, 16]);
    /// # Ok::<(), gradus_layers::LayerError>(())
    /// ```
    ///
    /// # Errors
    /// If the heads do not divide the features, or the key heads the heads.
    pub fn grouped(size: usize, heads: usize, key_heads: usize, rng: &mut Rng) -> Result<Self, LayerError> {
        check_heads(size, heads, key_heads)?;
        let rows = (heads + 2 * key_heads) * (size / heads);
        let in_proj_weight = Param::new(xavier_uniform([rows, size], 1.0, rng));
        Ok(Self::with(InProjection::Fused { in_proj_weight }, size, PackedHeads { heads, key_heads }, rng))
    }

    /// A layer whose keys and values have `key_size` and `value_size` features (PyTorch: `kdim`, `vdim`), for
    /// [`MultiheadAttention::attend`]. Its weights are `q_proj_weight`, `k_proj_weight` and `v_proj_weight`.
    ///
    /// ```
    /// use gradus_autodiff::Var;
    /// use gradus_layers::MultiheadAttention;
    /// use gradus_module::Context;
    /// use gradus_tensor::{AttentionOptions, Rng, Tensor};
    /// let layer: MultiheadAttention = MultiheadAttention::cross(16, 4, 6, 10, &mut Rng::seed(0))?;
    /// let [q, k, v] = [[2, 5, 16], [2, 7, 6], [2, 7, 10]].map(|shape| Var::constant(Tensor::ones(shape)));
    /// let y = layer.attend([&q, &k, &v], &AttentionOptions::new(), &mut Context::eval());
    /// assert_eq!(y.dims(), [2, 5, 16]);
    /// # Ok::<(), gradus_layers::LayerError>(())
    /// ```
    ///
    /// # Errors
    /// If the heads do not divide the features, or a size is 0.
    pub fn cross(
        size: usize,
        heads: usize,
        key_size: usize,
        value_size: usize,
        rng: &mut Rng,
    ) -> Result<Self, LayerError> {
        check_heads(size, heads, heads)?;
        for (name, width) in [("key_size", key_size), ("value_size", value_size)] {
            LayerError::check(width > 0, NAME, name, width, "at least 1")?;
        }
        let mut weight = |width| Param::new(xavier_uniform([size, width], 1.0, rng));
        let (q_proj_weight, k_proj_weight) = (weight(size), weight(key_size));
        let v_proj_weight = weight(value_size);
        let in_proj = InProjection::Separate { q_proj_weight, k_proj_weight, v_proj_weight };
        Ok(Self::with(in_proj, size, PackedHeads { heads, key_heads: heads }, rng))
    }

    fn with(in_proj: InProjection<T>, size: usize, heads: PackedHeads, rng: &mut Rng) -> Self {
        let rows = (heads.heads + 2 * heads.key_heads) * (size / heads.heads);
        let out_proj: Linear<T> = Linear::new(size, size, rng);
        let settings = Settings {
            dropout: 0.0,
            causal: false,
            scale: None,
            zero_attention: false,
            slopes: None,
            rotary: None,
        };
        Self {
            in_proj,
            in_proj_bias: Some(Param::new(Tensor::zeros([rows]))),
            bias_k: None,
            bias_v: None,
            out_proj: Linear { bias: Some(Param::new(Tensor::zeros([size]))), ..out_proj },
            relative_attention_bias: None,
            heads,
            size,
            settings,
        }
    }

    /// The same without biases (PyTorch: `bias=False`).
    #[must_use]
    pub fn without_bias(self) -> Self {
        Self { in_proj_bias: None, out_proj: self.out_proj.without_bias(), ..self }
    }

    /// With one more key and value, trained, behind those given (PyTorch: `add_bias_kv=True`). They start by Xavier's rule.
    ///
    /// ```
    /// use gradus_layers::MultiheadAttention;
    /// use gradus_tensor::Rng;
    /// let rng = &mut Rng::seed(0);
    /// let layer: MultiheadAttention = MultiheadAttention::new(16, 4, rng)?.with_bias_kv(rng);
    /// assert_eq!(layer.bias_k.map(|bias| bias.dims()), Some([1, 1, 16]));
    /// # Ok::<(), gradus_layers::LayerError>(())
    /// ```
    #[must_use]
    pub fn with_bias_kv(self, rng: &mut Rng) -> Self {
        let width = self.heads.key_heads * self.head_size();
        let mut draw = || Some(Param::new(xavier_normal([1, 1, width], 1.0, rng)));
        let (bias_k, bias_v) = (draw(), draw());
        Self { bias_k, bias_v, ..self }
    }

    /// With one more key and value of noughts behind those given, so that a query can look at nothing (PyTorch:
    /// `add_zero_attn=True`).
    ///
    /// ```
    /// use gradus_autodiff::Var;
    /// use gradus_layers::MultiheadAttention;
    /// use gradus_tensor::{AttentionOptions, Rng, Tensor};
    /// let layer: MultiheadAttention = MultiheadAttention::new(16, 4, &mut Rng::seed(0))?.with_zero_attention();
    /// let x = Var::constant(Tensor::ones([5, 16]));
    /// assert_eq!(layer.weights(&x, &x, &AttentionOptions::new()).dims(), [4, 5, 6]);
    /// # Ok::<(), gradus_layers::LayerError>(())
    /// ```
    #[must_use]
    pub fn with_zero_attention(mut self) -> Self {
        self.settings.zero_attention = true;
        self
    }

    /// In training, probabilities are dropped with probability `p` (PyTorch: `dropout`).
    ///
    /// ```
    /// use gradus_layers::MultiheadAttention;
    /// use gradus_tensor::Rng;
    /// let layer: MultiheadAttention = MultiheadAttention::new(16, 4, &mut Rng::seed(0))?;
    /// assert!(layer.clone().dropout(0.1).is_ok());
    /// assert!(layer.dropout(1.5).is_err());
    /// # Ok::<(), gradus_layers::LayerError>(())
    /// ```
    ///
    /// # Errors
    /// If `p` lies outside 0 ..= 1.
    pub fn dropout(mut self, p: f64) -> Result<Self, LayerError> {
        LayerError::check((0.0..=1.0).contains(&p), NAME, "dropout", p, "a probability (0 ≤ p ≤ 1)")?;
        self.settings.dropout = p;
        Ok(self)
    }

    /// No query sees a later key (PyTorch: `is_causal=True`).
    #[must_use]
    pub fn causal(mut self) -> Self {
        self.settings.causal = true;
        self
    }

    /// Products of queries and keys are multiplied by `scale` instead of 1/√D; T5 has 1.
    ///
    /// # Errors
    /// If it is not finite.
    pub fn scale(mut self, scale: f64) -> Result<Self, LayerError> {
        LayerError::check(scale.is_finite(), NAME, "scale", scale, "finite")?;
        self.settings.scale = Some(scale);
        Ok(self)
    }

    /// With linear biases by [`alibi_slopes`] instead of embeddings of positions.
    #[must_use]
    pub fn alibi(mut self) -> Self {
        self.settings.slopes = Some(alibi_slopes(self.heads.heads));
        self
    }

    /// Queries and keys turn with their positions.
    ///
    /// ```
    /// use gradus_layers::{MultiheadAttention, Rotary};
    /// use gradus_tensor::Rng;
    /// let layer: MultiheadAttention = MultiheadAttention::new(16, 4, &mut Rng::seed(0))?.rotary(Rotary::new(4)?)?;
    /// assert_eq!(layer.head_size(), 4);
    /// # Ok::<(), gradus_layers::LayerError>(())
    /// ```
    ///
    /// # Errors
    /// If it is made for heads of another size.
    pub fn rotary(mut self, rotary: Rotary<T>) -> Result<Self, LayerError> {
        let (have, want) = (rotary.size(), self.head_size());
        LayerError::check(
            have == want,
            NAME,
            "rotary's size",
            have,
            format_args!("a head's {want} features"),
        )?;
        self.settings.rotary = Some(rotary);
        Ok(self)
    }

    /// With a trained bias for each distance, T5's. Attention then holds the matrix of scores, which its gradient needs.
    ///
    /// ```
    /// use gradus_layers::{MultiheadAttention, RelativeBias};
    /// use gradus_tensor::Rng;
    /// let rng = &mut Rng::seed(0);
    /// let layer: MultiheadAttention = MultiheadAttention::new(16, 4, rng)?.without_bias().scale(1.0)?;
    /// let layer = layer.relative_bias(RelativeBias::new(32, 128, 4, rng)?)?;
    /// assert!(layer.relative_attention_bias.is_some());
    /// # Ok::<(), gradus_layers::LayerError>(())
    /// ```
    ///
    /// # Errors
    /// If it is made for another number of heads.
    pub fn relative_bias(self, bias: RelativeBias<T>) -> Result<Self, LayerError> {
        let (have, want) = (bias.weight.dim(1), self.heads.heads);
        LayerError::check(
            have == want,
            NAME,
            "relative bias's heads",
            have,
            format_args!("the layer's {want}"),
        )?;
        Ok(Self { relative_attention_bias: Some(bias), ..self })
    }

    /// How many heads there are.
    #[must_use]
    pub fn heads(&self) -> PackedHeads {
        self.heads
    }

    /// Features of one head (D).
    #[must_use]
    pub fn head_size(&self) -> usize {
        self.size / self.heads.heads
    }

    /// `given` with the layer's own settings on top.
    pub(crate) fn options(&self, given: &AttentionOptions<T>, cx: &mut Context<'_>) -> AttentionOptions<T> {
        let (mut options, settings) = (given.clone(), &self.settings);
        if settings.causal {
            options = options.causal();
        }
        if let Some(scale) = settings.scale {
            options = options.scale(scale);
        }
        if let Some(slopes) = &settings.slopes {
            options = options.alibi(slopes.clone());
        }
        match cx.rng() {
            Some(rng) if settings.dropout > 0.0 => options.dropout(settings.dropout, rng),
            _ => options,
        }
    }
}

fn check_heads(size: usize, heads: usize, key_heads: usize) -> Result<(), LayerError> {
    let divides = |part: usize, whole: usize| part > 0 && whole > 0 && whole.is_multiple_of(part);
    let range = format_args!("a divisor of the {size} features");
    LayerError::check(divides(heads, size), NAME, "heads", heads, range)?;
    let range = format_args!("a divisor of the {heads} heads");
    LayerError::check(divides(key_heads, heads), NAME, "key_heads", key_heads, range)
}

impl<T: Float> Layer<T> for MultiheadAttention<T> {
    fn forward(&self, x: &Var<T>, cx: &mut Context<'_>) -> Var<T> {
        self.forward_with(x, &AttentionOptions::new(), cx)
    }
}
