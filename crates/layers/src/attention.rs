//! Multi-head attention, and the slopes of ALiBi.

use gradus_autodiff::{Var, no_grad};
use gradus_module::{Context, Layer, Module, Param};
use gradus_tensor::{AttentionOptions, Float, PackedHeads, Rng, Tensor};

use crate::attention_cache::KeyValueCache;
use crate::error::LayerError;
use crate::init::xavier_uniform;
use crate::linear::{Linear, affine};

const NAME: &str = "MultiheadAttention";

/// The slopes of ALiBi for each of `heads` heads, `[H]`: 2^(−8·i/H) for i = 1 … H if H is a power of two; else those of the
/// power of two below, then every other one of the power of two above (Press et al. 2022, "Train short, test long", and the
/// authors' `get_slopes`).
///
/// ```
/// let slopes = gradus_layers::alibi_slopes::<f64>(8);
/// assert_eq!(slopes.at(&[0]), 0.5);
/// assert_eq!(slopes.at(&[7]), 1.0 / 256.0);
/// ```
#[must_use]
pub fn alibi_slopes<T: Float>(heads: usize) -> Tensor<T> {
    let of_power = |heads: usize, i: usize| (-8.0 * (i + 1) as f64 / heads as f64).exp2();
    let below = if heads == 0 { 0 } else { 1 << heads.ilog2() };
    Tensor::from_fn([heads], |at| {
        T::of(if at[0] < below { of_power(below, at[0]) } else { of_power(2 * below, 2 * (at[0] - below)) })
    })
}

/// Which keys count, `[B, S]` → `[B, 1, 1, S]`, for [`AttentionOptions::mask`]; `ignored` is true where a key is padding
/// (PyTorch: `key_padding_mask`).
///
/// ```
/// use gradus_layers::key_padding_mask;
/// use gradus_tensor::{AttentionOptions, Tensor};
/// let mask = key_padding_mask(&Tensor::from([[false, true]])); // the second key is padding
/// let (q, k, v) = (Tensor::<f32>::ones([1, 1, 1, 2]), Tensor::ones([1, 1, 2, 2]), Tensor::from([[1.0], [3.0]]));
/// let y = q.scaled_dot_product_attention(&k, &v, &AttentionOptions::new().mask(mask));
/// assert_eq!(y.item(), 1.0);
/// ```
///
/// # Panics
/// If there are not two axes.
#[must_use]
#[track_caller]
pub fn key_padding_mask(ignored: &Tensor<bool>) -> Tensor<bool> {
    let [batch, keys] = ignored.dims();
    ignored.map(|ignored| !ignored).reshape([batch, 1, 1, keys])
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
/// # Ok::<(), gradus_layers::LayerError>(())
/// ```
#[derive(Clone, Debug, Module)]
pub struct MultiheadAttention<T: Float = f32> {
    /// `[(H + 2·K)·D, E]`: queries, keys, values.
    pub in_proj_weight: Param<T>,
    /// `[(H + 2·K)·D]`.
    pub in_proj_bias: Option<Param<T>>,
    /// `[E, E]`.
    pub out_proj: Linear<T>,
    #[module(skip)]
    heads: PackedHeads,
    #[module(skip)]
    dropout: f64,
    #[module(skip)]
    causal: bool,
    #[module(skip)]
    slopes: Option<Tensor<T>>,
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
    /// assert_eq!(layer.in_proj_weight.dims(), [16 + 8 + 8, 16]);
    /// let y = layer.forward(&Var::constant(Tensor::ones([2, 5, 16])), &mut Context::eval());
    /// assert_eq!(y.dims(), [2, 5, 16]);
    /// # Ok::<(), gradus_layers::LayerError>(())
    /// ```
    ///
    /// # Errors
    /// If the heads do not divide the features, or the key heads the heads.
    pub fn grouped(size: usize, heads: usize, key_heads: usize, rng: &mut Rng) -> Result<Self, LayerError> {
        let divides = |part: usize, whole: usize| part > 0 && whole.is_multiple_of(part);
        let range = format_args!("a divisor of the {size} features");
        LayerError::check(divides(heads, size), NAME, "heads", heads, range)?;
        let range = format_args!("a divisor of the {heads} heads");
        LayerError::check(divides(key_heads, heads), NAME, "key_heads", key_heads, range)?;
        let rows = (heads + 2 * key_heads) * (size / heads);
        let out_proj: Linear<T> = Linear::new(size, size, rng);
        let bias = Some(Param::new(Tensor::zeros([size])));
        Ok(Self {
            in_proj_weight: Param::new(xavier_uniform([rows, size], 1.0, rng)),
            in_proj_bias: Some(Param::new(Tensor::zeros([rows]))),
            out_proj: Linear { bias, ..out_proj },
            heads: PackedHeads { heads, key_heads },
            dropout: 0.0,
            causal: false,
            slopes: None,
        })
    }

    /// The same without biases (PyTorch: `bias=False`).
    #[must_use]
    pub fn without_bias(self) -> Self {
        Self { in_proj_bias: None, out_proj: self.out_proj.without_bias(), ..self }
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
    pub fn dropout(self, p: f64) -> Result<Self, LayerError> {
        LayerError::check((0.0..=1.0).contains(&p), NAME, "dropout", p, "a probability (0 ≤ p ≤ 1)")?;
        Ok(Self { dropout: p, ..self })
    }

    /// No query sees a later key (PyTorch: `is_causal=True`).
    #[must_use]
    pub fn causal(self) -> Self {
        Self { causal: true, ..self }
    }

    /// With linear biases by [`alibi_slopes`] instead of embeddings of positions.
    #[must_use]
    pub fn alibi(self) -> Self {
        Self { slopes: Some(alibi_slopes(self.heads.heads)), ..self }
    }

    /// How many heads there are.
    #[must_use]
    pub fn heads(&self) -> PackedHeads {
        self.heads
    }

    /// Features of one head (D).
    #[must_use]
    pub fn head_size(&self) -> usize {
        self.in_proj_weight.dim(0) / (self.heads.heads + 2 * self.heads.key_heads)
    }

    /// `given` with the layer's own settings on top.
    fn options(&self, given: &AttentionOptions<T>, cx: &mut Context<'_>) -> AttentionOptions<T> {
        let mut options = given.clone();
        if self.causal {
            options = options.causal();
        }
        if let Some(slopes) = &self.slopes {
            options = options.alibi(slopes.clone());
        }
        match cx.rng() {
            Some(rng) if self.dropout > 0.0 => options.dropout(self.dropout, rng),
            _ => options,
        }
    }

    #[track_caller]
    fn check(&self, x: &Var<T>) {
        let (size, shape) = (self.in_proj_weight.dim(1), x.shape());
        let fits = shape.len() >= 2 && shape[shape.len() - 1] == size;
        assert!(fits, "{NAME}: not […, L, E]: {shape} ({:?} ≠ {size})", shape.last());
    }

    /// Self-attention with options beside the layer's own: masks, an offset. `[…, L, E] → […, L, E]`.
    ///
    /// ```
    /// use gradus_autodiff::Var;
    /// use gradus_layers::{MultiheadAttention, key_padding_mask};
    /// use gradus_module::Context;
    /// use gradus_tensor::{AttentionOptions, Rng, Tensor};
    /// let layer: MultiheadAttention = MultiheadAttention::new(16, 4, &mut Rng::seed(0))?;
    /// let x = Var::constant(Tensor::normal([1, 3, 16], 0.0, 1.0, &mut Rng::seed(1)));
    /// let padding = Tensor::from([[false, false, true]]);
    /// let options = AttentionOptions::new().mask(key_padding_mask(&padding));
    /// assert_eq!(layer.forward_with(&x, &options, &mut Context::eval()).dims(), [1, 3, 16]);
    /// assert_eq!(layer.weights(&x, &x, &options).value().at(&[0, 3, 0, 2]), 0.0); // nobody looks at the third token
    /// # Ok::<(), gradus_layers::LayerError>(())
    /// ```
    ///
    /// # Panics
    /// If the last axis is not E, or a mask does not fit.
    #[must_use]
    #[track_caller]
    pub fn forward_with(&self, x: &Var<T>, options: &AttentionOptions<T>, cx: &mut Context<'_>) -> Var<T> {
        self.check(x);
        let options = self.options(options, cx);
        let rows = affine(x, &self.in_proj_weight, self.in_proj_bias.as_ref(), cx);
        let merged = rows.multi_head_attention(self.heads, &options);
        self.record(x, x.dim(-2), cx);
        self.out_proj.forward(&merged, cx)
    }

    /// Rows `first .. first + count` (heads) of the fused projection of `x`, as `[…, heads, L, D]`.
    fn project(&self, x: &Var<T>, (first, count): (usize, usize)) -> Var<T> {
        let size = self.head_size();
        let weight = self.in_proj_weight.narrow(0, first * size, count * size);
        let bias = self.in_proj_bias.as_ref().map(|bias| bias.narrow(0, first * size, count * size));
        let mut shape = x.shape().to_vec();
        shape.pop();
        shape.extend([count, size]);
        x.linear(&weight, bias.as_ref()).reshape(shape).transpose(-3, -2)
    }

    /// Queries `[…, L, E]` attend to keys and values `[…, S, E]` (PyTorch: `forward(query, key, value)`) → `[…, L, E]`.
    ///
    /// ```
    /// use gradus_autodiff::Var;
    /// use gradus_layers::MultiheadAttention;
    /// use gradus_module::Context;
    /// use gradus_tensor::{AttentionOptions, Rng, Tensor};
    /// let layer: MultiheadAttention = MultiheadAttention::new(16, 4, &mut Rng::seed(0))?;
    /// let (decoder, encoder) = (Var::constant(Tensor::ones([2, 3, 16])), Var::constant(Tensor::ones([2, 7, 16])));
    /// let y = layer.attend([&decoder, &encoder, &encoder], &AttentionOptions::new(), &mut Context::eval());
    /// assert_eq!(y.dims(), [2, 3, 16]);
    /// # Ok::<(), gradus_layers::LayerError>(())
    /// ```
    ///
    /// # Panics
    /// If shapes do not fit, or a mask does not.
    #[must_use]
    #[track_caller]
    pub fn attend(
        &self,
        [query, key, value]: [&Var<T>; 3],
        options: &AttentionOptions<T>,
        cx: &mut Context<'_>,
    ) -> Var<T> {
        for x in [query, key, value] {
            self.check(x);
        }
        let PackedHeads { heads, key_heads } = self.heads;
        let options = self.options(options, cx);
        let q = self.project(query, (0, heads));
        let k = self.project(key, (heads, key_heads));
        let v = self.project(value, (heads + key_heads, key_heads));
        let out = q.scaled_dot_product_attention(&k, &v, &options).transpose(-3, -2);
        self.record(query, key.dim(-2), cx);
        self.out_proj.forward(&out.reshape(*query.shape()), cx)
    }

    /// By what each head weighs each key for each query, without dropout: `[…, L, E], […, S, E] → […, H, L, S]` (PyTorch:
    /// `need_weights=True, average_attn_weights=False`).
    ///
    /// # Panics
    /// If shapes do not fit, or a mask does not.
    #[must_use]
    #[track_caller]
    pub fn weights(&self, query: &Var<T>, key: &Var<T>, options: &AttentionOptions<T>) -> Var<T> {
        for x in [query, key] {
            self.check(x);
        }
        let PackedHeads { heads, key_heads } = self.heads;
        let options = self.options(options, &mut Context::eval());
        let (q, k) = (self.project(query, (0, heads)), self.project(key, (heads, key_heads)));
        q.attention_weights(&k, &options)
    }

    /// Self-attention of new tokens `[B, L, E]` that follow those in the cache, to which they are added: causal, without
    /// gradients. `[B, L, E] → [B, L, E]`.
    ///
    /// ```
    /// use gradus_autodiff::Var;
    /// use gradus_layers::{KeyValueCache, MultiheadAttention};
    /// use gradus_module::{Context, Layer};
    /// use gradus_tensor::{Rng, Tensor};
    /// let layer: MultiheadAttention = MultiheadAttention::new(16, 4, &mut Rng::seed(0))?.causal();
    /// let x = Var::constant(Tensor::normal([1, 5, 16], 0.0, 1.0, &mut Rng::seed(1)));
    /// let whole = layer.forward(&x, &mut Context::eval());
    /// let mut cache = KeyValueCache::new();
    /// for t in 0..5 {
    ///     let y = layer.decode(&x.narrow(1, t, 1), &mut cache, &mut Context::eval());
    ///     assert!((y - whole.narrow(1, t, 1)).abs().max_axes(&[], false).item() < 1e-5);
    /// }
    /// # Ok::<(), gradus_layers::LayerError>(())
    /// ```
    ///
    /// # Panics
    /// If `x` has not three axes or the last is not E, or the cache belongs to another batch or layer.
    #[must_use]
    #[track_caller]
    pub fn decode(&self, x: &Var<T>, cache: &mut KeyValueCache<T>, cx: &mut Context<'_>) -> Var<T> {
        self.check(x);
        let [batch, rows, _] = x.dims();
        let PackedHeads { heads, key_heads } = self.heads;
        let options = AttentionOptions::new().causal().offset(cache.len());
        let options = self.options(&options, &mut Context::eval());
        no_grad(|| {
            let fused = affine(x, &self.in_proj_weight, self.in_proj_bias.as_ref(), cx).into_value();
            let split = fused.reshape([batch, rows, heads + 2 * key_heads, self.head_size()]);
            let part = |first, count| split.narrow(2, first, count).transpose(1, 2);
            let q = part(0, heads);
            cache.append(&part(heads, key_heads), &part(heads + key_heads, key_heads));
            let out = q.scaled_dot_product_attention(&cache.keys(), &cache.values(), &options);
            let merged = Var::constant(out.transpose(1, 2).reshape(*x.shape()));
            self.record(x, cache.len(), cx);
            self.out_proj.forward(&merged, cx)
        })
    }

    fn record(&self, x: &Var<T>, keys: usize, cx: &mut Context<'_>) {
        let [rows, size] = self.in_proj_weight.dims();
        cx.record(
            NAME,
            Some(&self.in_proj_weight),
            x,
            (x.len() * (rows + 2 * keys * size / size.max(1))) as u64,
        );
    }
}

impl<T: Float> Layer<T> for MultiheadAttention<T> {
    fn forward(&self, x: &Var<T>, cx: &mut Context<'_>) -> Var<T> {
        self.forward_with(x, &AttentionOptions::new(), cx)
    }
}
