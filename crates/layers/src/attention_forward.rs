//! How the queries of a [`MultiheadAttention`] meet its keys: in one fused operation where nothing stands against it, by the formula
//! where a trained bias wants a gradient, and token by token through a cache.

use gradus_autodiff::{Var, choose, no_grad};
use gradus_module::{Context, Layer, Param};
use gradus_tensor::{AttentionOptions, Float, PackedHeads, Shape, Tensor};

use crate::attention::{InProjection, MultiheadAttention, NAME};
use crate::attention_cache::KeyValueCache;
use crate::dropout::dropped;
use crate::linear::affine;

/// Queries `[…, H, L, D]`, keys `[…, K, S, D]` and values.
type Heads<T> = [Var<T>; 3];

impl<T: Float> MultiheadAttention<T> {
    /// The weights for queries (0), keys (1) or values (2), `[rows, width]`; the fused ones are a view.
    fn weight(&self, which: usize) -> Var<T> {
        match &self.in_proj {
            InProjection::Fused { in_proj_weight } => {
                let (first, rows) = self.rows(which);
                in_proj_weight.narrow(0, first, rows)
            }
            InProjection::Separate { q_proj_weight, k_proj_weight, v_proj_weight } => {
                (**[q_proj_weight, k_proj_weight, v_proj_weight][which]).clone()
            }
        }
    }

    /// Where queries (0), keys (1) or values (2) begin in a fused projection, and how many rows they have.
    fn rows(&self, which: usize) -> (usize, usize) {
        let (PackedHeads { heads, key_heads }, size) = (self.heads, self.head_size());
        let first = [0, heads, heads + key_heads][which];
        (first * size, size * if which == 0 { heads } else { key_heads })
    }

    /// The fused weight, where queries, keys and values have one width.
    fn fused(&self) -> Option<&Param<T>> {
        match &self.in_proj {
            InProjection::Fused { in_proj_weight } => Some(in_proj_weight),
            InProjection::Separate { .. } => None,
        }
    }

    /// Whether self-attention is one operation on the fused projection.
    fn is_plain(&self) -> bool {
        self.bias_k.is_none() && !self.settings.zero_attention && self.relative_attention_bias.is_none()
    }

    #[track_caller]
    fn check(&self, which: usize, x: &Var<T>) {
        let width = match &self.in_proj {
            InProjection::Fused { in_proj_weight } => in_proj_weight.dim(1),
            InProjection::Separate { q_proj_weight, k_proj_weight, v_proj_weight } => {
                [q_proj_weight, k_proj_weight, v_proj_weight][which].dim(1)
            }
        };
        let shape = x.shape();
        let fits = shape.len() >= 2 && shape[shape.len() - 1] == width;
        let letter = ["L", "S", "S"][which];
        assert!(fits, "{NAME}: not […, {letter}, E]: {shape} ({:?} ≠ {width})", shape.last());
    }

    /// Queries (0), keys (1) or values (2) of `x`, as `[…, heads, L, D]`.
    fn project(&self, which: usize, x: &Var<T>, cx: &Context<'_>) -> Var<T> {
        let ((first, rows), size) = (self.rows(which), self.head_size());
        let bias = self.in_proj_bias.as_ref().map(|bias| bias.narrow(0, first, rows));
        let mut shape = x.shape().to_vec();
        shape.pop();
        shape.extend([rows / size, size]);
        x.linear_in(&self.weight(which), bias.as_ref(), cx.precision()).reshape(shape).transpose(-3, -2)
    }

    /// Turned by their positions, if the layer is told to.
    fn turned(&self, x: Var<T>, offset: usize) -> Var<T> {
        self.settings.rotary.as_ref().map_or_else(|| x.clone(), |rotary| rotary.turn(&x, offset))
    }

    /// Self-attention with options beside the layer's own: masks, an offset. `[…, L, E] → […, L, E]`.
    ///
    /// ```
    /// use gradus_autodiff::Var;
    /// use gradus_layers::MultiheadAttention;
    /// use gradus_module::Context;
    /// use gradus_tensor::{AttentionOptions, Rng, Tensor};
    /// let layer: MultiheadAttention = MultiheadAttention::new(16, 4, &mut Rng::seed(0))?;
    /// let x = Var::constant(Tensor::ones([2, 5, 16]));
    /// let y = layer.forward_with(&x, &AttentionOptions::new().causal(), &mut Context::eval());
    /// assert_eq!(y.dims(), [2, 5, 16]);
    /// # Ok::<(), gradus_layers::LayerError>(())
    /// ```
    ///
    /// # Panics
    /// If the last axis is not E, or a mask does not fit.
    #[must_use]
    #[track_caller]
    pub fn forward_with(&self, x: &Var<T>, options: &AttentionOptions<T>, cx: &mut Context<'_>) -> Var<T> {
        let (Some(weight), true) = (self.fused(), self.is_plain()) else {
            return self.attend([x, x, x], options, cx);
        };
        self.check(0, x);
        let options = self.options(options, cx);
        let mut rows = affine(x, weight, self.in_proj_bias.as_ref(), cx);
        if let Some(rotary) = &self.settings.rotary {
            let PackedHeads { heads, key_heads } = self.heads;
            let first = options.first_position();
            let positions: Vec<usize> = (first..first + x.dim(-2)).collect();
            rows = rotary.turn_slots(&rows, &positions, heads + 2 * key_heads, heads + key_heads);
        }
        let merged = rows.multi_head_attention(self.heads, &options);
        self.record([x, x, x], cx);
        self.out_proj.forward(&merged, cx)
    }

    /// Queries `[…, L, E]` attend to keys and values `[…, S, E]` (PyTorch: `forward(query, key, value)`) → `[…, L, E]`.
    ///
    /// ```
    /// use gradus_autodiff::Var;
    /// use gradus_layers::MultiheadAttention;
    /// use gradus_module::Context;
    /// use gradus_tensor::{AttentionOptions, Rng, Tensor};
    /// let layer: MultiheadAttention = MultiheadAttention::new(16, 4, &mut Rng::seed(0))?;
    /// let [x, memory] = [[2, 5, 16], [2, 7, 16]].map(|shape| Var::constant(Tensor::ones(shape)));
    /// let y = layer.attend([&x, &memory, &memory], &AttentionOptions::new(), &mut Context::eval());
    /// assert_eq!(y.dims(), [2, 5, 16]);
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
        let options = self.options(options, cx);
        let heads = self.prepare([query, key, value], &options, cx);
        let out = self.weigh(heads, &options, cx);
        self.record([query, key, value], cx);
        self.finish(out, query.shape(), cx)
    }

    /// [`MultiheadAttention::attend`], and by what each head weighed each key, `[…, H, L, S]`, without dropout (PyTorch:
    /// `need_weights=True, average_attn_weights=False`). Holds the matrix of probabilities.
    ///
    /// ```
    /// use gradus_autodiff::Var;
    /// use gradus_layers::MultiheadAttention;
    /// use gradus_module::Context;
    /// use gradus_tensor::{AttentionOptions, Rng, Tensor};
    /// let layer: MultiheadAttention = MultiheadAttention::new(16, 4, &mut Rng::seed(0))?;
    /// let [x, memory] = [[2, 5, 16], [2, 7, 16]].map(|shape| Var::constant(Tensor::ones(shape)));
    /// let all = AttentionOptions::new();
    /// let (y, weights) = layer.attend_with_weights([&x, &memory, &memory], &all, &mut Context::eval());
    /// assert_eq!((y.dims(), weights.dims()), ([2, 5, 16], [2, 4, 5, 7]));
    /// # Ok::<(), gradus_layers::LayerError>(())
    /// ```
    ///
    /// # Panics
    /// If shapes do not fit, or a mask does not.
    #[must_use]
    #[track_caller]
    pub fn attend_with_weights(
        &self,
        [query, key, value]: [&Var<T>; 3],
        options: &AttentionOptions<T>,
        cx: &mut Context<'_>,
    ) -> (Var<T>, Var<T>) {
        let plain = self.options(options, &mut Context::eval());
        let [q, k, v] = self.prepare([query, key, value], &plain, cx);
        let (k, v, plain, extra) = self.extended(&q, k, v, &plain);
        let weights = self.probabilities(&q, &k, &plain, extra);
        let out = dropped(&weights, self.settings.dropout, *weights.shape(), cx);
        let out = out.matmul(&repeated(&v, self.heads.heads));
        self.record([query, key, value], cx);
        (self.finish(out, query.shape(), cx), weights)
    }

    /// By what each head weighs each key for each query, without dropout: `[…, L, E], […, S, E] → […, H, L, S]` (PyTorch:
    /// `need_weights=True, average_attn_weights=False`).
    ///
    /// ```
    /// use gradus_autodiff::Var;
    /// use gradus_layers::MultiheadAttention;
    /// use gradus_tensor::{AttentionOptions, Rng, Tensor};
    /// let layer: MultiheadAttention = MultiheadAttention::new(16, 4, &mut Rng::seed(0))?;
    /// let x = Var::constant(Tensor::ones([2, 5, 16]));
    /// let weights = layer.weights(&x, &x, &AttentionOptions::new());
    /// assert!((weights.value().at(&[1, 3, 4, 0]) - 0.2).abs() < 1e-6);
    /// # Ok::<(), gradus_layers::LayerError>(())
    /// ```
    ///
    /// # Panics
    /// If shapes do not fit, or a mask does not.
    #[must_use]
    #[track_caller]
    pub fn weights(&self, query: &Var<T>, key: &Var<T>, options: &AttentionOptions<T>) -> Var<T> {
        self.check(0, query);
        self.check(1, key);
        let cx = &mut Context::eval();
        let options = self.options(options, cx);
        let q = self.turned(self.project(0, query, cx), options.first_position());
        let k = self.turned(self.project(1, key, cx), 0);
        let (k, _, options, extra) = self.extended(&q, k.clone(), k, &options);
        self.probabilities(&q, &k, &options, extra)
    }

    /// The mean of [`MultiheadAttention::weights`] over the heads, `[…, L, S]` (PyTorch: `need_weights=True`).
    ///
    /// ```
    /// use gradus_autodiff::Var;
    /// use gradus_layers::MultiheadAttention;
    /// use gradus_tensor::{AttentionOptions, Rng, Tensor};
    /// let layer: MultiheadAttention = MultiheadAttention::new(16, 4, &mut Rng::seed(0))?;
    /// let x = Var::constant(Tensor::ones([2, 5, 16]));
    /// assert_eq!(layer.average_weights(&x, &x, &AttentionOptions::new()).dims(), [2, 5, 5]);
    /// # Ok::<(), gradus_layers::LayerError>(())
    /// ```
    ///
    /// # Panics
    /// If shapes do not fit, or a mask does not.
    #[must_use]
    #[track_caller]
    pub fn average_weights(&self, query: &Var<T>, key: &Var<T>, options: &AttentionOptions<T>) -> Var<T> {
        self.weights(query, key, options).mean_axes(&[-3], false)
    }

    /// Self-attention of new tokens `[B, L, E]` that follow those in the cache, to which they are added: causal, without
    /// gradients. `[B, L, E] → [B, L, E]`.
    ///
    /// ```
    /// use gradus_autodiff::Var;
    /// use gradus_layers::{KeyValueCache, MultiheadAttention};
    /// use gradus_module::Context;
    /// use gradus_tensor::{Rng, Tensor};
    /// let layer: MultiheadAttention = MultiheadAttention::new(16, 4, &mut Rng::seed(0))?;
    /// let (mut cache, token) = (KeyValueCache::new(), Var::constant(Tensor::ones([2, 1, 16])));
    /// for _ in 0..3 {
    ///     assert_eq!(layer.decode(&token, &mut cache, &mut Context::eval()).dims(), [2, 1, 16]);
    /// }
    /// assert_eq!(cache.len(), 3);
    /// # Ok::<(), gradus_layers::LayerError>(())
    /// ```
    ///
    /// # Panics
    /// If `x` has not three axes or the last is not E, or the cache belongs to another batch or layer.
    #[must_use]
    #[track_caller]
    pub fn decode(&self, x: &Var<T>, cache: &mut KeyValueCache<T>, cx: &mut Context<'_>) -> Var<T> {
        (0..3).for_each(|which| self.check(which, x));
        let [batch, rows, _] = x.dims();
        let PackedHeads { heads, key_heads } = self.heads;
        let first = cache.len();
        let options = AttentionOptions::new().causal().offset(first);
        let options = self.options(&options, &mut Context::eval());
        no_grad(|| {
            let [q, k, v] = match self.fused() {
                Some(weight) => {
                    let fused = affine(x, weight, self.in_proj_bias.as_ref(), cx);
                    let split = fused.reshape([batch, rows, heads + 2 * key_heads, self.head_size()]);
                    let part = |first, count| split.narrow(2, first, count).transpose(1, 2);
                    [part(0, heads), part(heads, key_heads), part(heads + key_heads, key_heads)]
                }
                None => [0, 1, 2].map(|which| self.project(which, x, cx)),
            };
            let (q, k) = (self.turned(q, first), self.turned(k, first));
            cache.append(k.value(), v.value());
            let held = [cache.keys(), cache.values()].map(Var::constant);
            let [k, v] = held;
            let out = self.weigh([q, k, v], &options, &mut Context::eval());
            self.record_keys([x, x, x], cache.len(), cx);
            self.finish(out, x.shape(), cx)
        })
    }

    /// Queries, keys and values in heads.
    #[track_caller]
    fn prepare(&self, inputs: [&Var<T>; 3], options: &AttentionOptions<T>, cx: &Context<'_>) -> Heads<T> {
        (0..3).for_each(|which| self.check(which, inputs[which]));
        let [q, k, v] = [0, 1, 2].map(|which| self.project(which, inputs[which], cx));
        [self.turned(q, options.first_position()), self.turned(k, 0), v]
    }

    /// Keys and values with those that the layer adds behind them, options that say that all see them, and how many they are.
    #[track_caller]
    fn extended(
        &self,
        q: &Var<T>,
        mut k: Var<T>,
        mut v: Var<T>,
        options: &AttentionOptions<T>,
    ) -> (Var<T>, Var<T>, AttentionOptions<T>, usize) {
        let extra = usize::from(self.bias_k.is_some()) + usize::from(self.settings.zero_attention);
        if extra == 0 {
            return (k, v, options.clone(), 0);
        }
        let (add, keep) = options.terms(&scores_shape(q, &k));
        let seen = keep.zip(&add, |keep, add| if keep { add } else { T::LOWEST });
        let rank = seen.rank();
        let free = Tensor::zeros(seen.shape().with(rank - 1, extra));
        let options = options.with_scores(Tensor::cat(&[&seen, &free], -1));
        let one = |x: &Var<T>| x.shape().with(x.rank() - 2, 1);
        if let (Some(bias_k), Some(bias_v)) = (&self.bias_k, &self.bias_v) {
            let heads = [self.heads.key_heads, 1, self.head_size()];
            let row = |bias: &Param<T>, like: &Var<T>| bias.reshape(heads).expand(one(like));
            (k, v) = (Var::cat(&[&k, &row(bias_k, &k)], -2), Var::cat(&[&v, &row(bias_v, &v)], -2));
        }
        if self.settings.zero_attention {
            let zeros = |like: &Var<T>| Var::constant(Tensor::zeros(one(like)));
            (k, v) = (Var::cat(&[&k, &zeros(&k)], -2), Var::cat(&[&v, &zeros(&v)], -2));
        }
        (k, v, options, extra)
    }

    /// softmax(scores)·v, `[…, H, L, D]`.
    #[track_caller]
    fn weigh(&self, [q, k, v]: Heads<T>, options: &AttentionOptions<T>, cx: &mut Context<'_>) -> Var<T> {
        let (k, v, options, extra) = self.extended(&q, k, v, options);
        if self.relative_attention_bias.is_none() {
            return q.scaled_dot_product_attention(&k, &v, &options);
        }
        let p = self.probabilities(&q, &k, &options, extra);
        dropped(&p, self.settings.dropout, *p.shape(), cx).matmul(&repeated(&v, self.heads.heads))
    }

    /// By what queries weigh keys, of which the last `extra` are the layer's own: `[…, H, L, S]`, without dropout.
    #[track_caller]
    fn probabilities(&self, q: &Var<T>, k: &Var<T>, options: &AttentionOptions<T>, extra: usize) -> Var<T> {
        let Some(relative) = &self.relative_attention_bias else { return q.attention_weights(k, options) };
        let k = repeated(k, self.heads.heads);
        let scores = scores_shape(q, &k);
        let (queries, keys) = (q.dim(-2), k.dim(-2) - extra);
        let bias = relative.forward(queries, keys, options.first_position());
        let bias = bias.pad(&[(0, 0), (0, 0), (0, extra)], 0.0);
        let (add, keep) = options.terms(&scores);
        let sums = q.matmul(&k.t()) * options.scale_of(q.dim(-1)) + bias + Var::constant(add);
        if keys + extra == 0 {
            return sums;
        }
        // A row that sees nothing goes through the softmax as it is, and is cut off behind: its gradient would be NaN.
        let any = keep.cast::<T>().max_axes(&[-1], true).map(|most| most > T::ZERO);
        let open = keep.zip(&any, |keep, any| keep || !any);
        let fill = |value: T| Var::constant(Tensor::scalar(value));
        choose(&keep, &choose(&open, &sums, &fill(T::LOWEST)).softmax(-1), &fill(T::ZERO))
    }

    /// Heads merged and projected: `[…, H, L, D] → […, L, E]`.
    fn finish(&self, out: Var<T>, query: &Shape, cx: &mut Context<'_>) -> Var<T> {
        let merged = out.transpose(-3, -2).reshape(query.with(query.len() - 1, self.size));
        self.out_proj.forward(&merged, cx)
    }

    fn record(&self, inputs: [&Var<T>; 3], cx: &mut Context<'_>) {
        self.record_keys(inputs, inputs[1].dim(-2), cx);
    }

    /// The projections of queries, keys and values, and two products per query and key in each head; `out_proj` reports itself.
    fn record_keys(&self, inputs: [&Var<T>; 3], keys: usize, cx: &mut Context<'_>) {
        let keys = keys + usize::from(self.bias_k.is_some()) + usize::from(self.settings.zero_attention);
        let projected: usize = (0..3).map(|which| inputs[which].len() * self.rows(which).1).sum();
        let queries = inputs[0].len() / inputs[0].dim(-1).max(1);
        let leaf = match &self.in_proj {
            InProjection::Fused { in_proj_weight } => in_proj_weight,
            InProjection::Separate { q_proj_weight, .. } => q_proj_weight,
        };
        cx.record(NAME, Some(leaf), inputs[0], (projected + 2 * queries * keys * self.size) as u64);
    }
}

/// The shape of the scores of q `[…, H, L, D]` and k `[…, K, S, D]`.
fn scores_shape<T: Float>(q: &Var<T>, k: &Var<T>) -> Shape {
    let (q, keys) = (q.shape(), k.dim(-2));
    q.with(q.len() - 1, keys)
}

/// Each head of `x` `[…, K, S, D]` repeated so that there are `heads`.
fn repeated<T: Float>(x: &Var<T>, heads: usize) -> Var<T> {
    let (shape, rank) = (*x.shape(), x.rank());
    let own = shape[rank - 3];
    if own == heads {
        return x.clone();
    }
    let wide = shape.insert(rank - 2, heads / own.max(1));
    x.unsqueeze(-3).expand(wide).reshape(shape.with(rank - 3, heads))
}
