//! Scaled dot-product attention. The fused rule recomputes tiles of probabilities; the differentiable one is the formula, with
//! the matrix of probabilities in memory.

use gradus_tensor::{AttentionOptions, Float, PackedHeads, Shape, Tensor};

use super::choose;
use crate::op::{Cotangents, Op, Save, Saved};
use crate::per_example::{Batch, Flow};
use crate::var::{Var, apply};

/// q `[…, H, L, E]`, k `[…, K, S, E]`, v `[…, K, S, Ev]`.
struct Attention<T: Float> {
    options: AttentionOptions<T>,
    /// ln Σ e^score of each query, once the forward pass has run.
    log_sums: Tensor<T>,
}

impl<T: Float> Op<T> for Attention<T> {
    fn name(&self) -> &'static str {
        "scaled_dot_product_attention"
    }

    fn saves(&self) -> Save {
        Save::INPUTS.and(Save::OUTPUT)
    }

    fn forward(&mut self, inputs: &[&Tensor<T>]) -> Tensor<T> {
        let (out, log_sums) = inputs[0].attention_with_log_sums(inputs[1], inputs[2], &self.options);
        self.log_sums = log_sums;
        out
    }

    fn vjp(&self, saved: &Saved<Var<T>>, g: &Var<T>) -> Cotangents<Var<T>> {
        let [q, k, v] = [0, 1, 2].map(|i| saved.input(i));
        cotangents([&q, &k, &v], g, &self.options).map(Some).into()
    }

    fn vjp_fused(
        &self,
        saved: &mut Saved<Tensor<T>>,
        g: Tensor<T>,
    ) -> Result<Cotangents<Tensor<T>>, Tensor<T>> {
        let [q, k, v] = [0, 1, 2].map(|i| saved.input(i));
        let out = saved.output();
        let cotangents = Tensor::attention_grad([&q, &k, &v], [&out, &self.log_sums], &g, &self.options);
        Ok(cotangents.map(Some).into())
    }

    fn per_example(&self, saved: &Saved<Tensor<T>>, g: &Tensor<T>, batch: Batch) -> Option<Vec<Flow<T>>> {
        let place = batch.place(g.shape())?;
        let apart = |i: usize| {
            let shape = saved.shape(i);
            let is_lead = shape.len() == g.rank() && place.axis + 3 < g.rank();
            (is_lead && shape[place.axis] == g.shape()[place.axis])
                .then(|| Flow::Along(batch.moved(place, &shape, place.axis)))
        };
        (0..3).map(apart).collect()
    }
}

/// The same on a fused projection `[…, T, (H + 2·K)·D]`.
struct PackedAttention<T: Float> {
    heads: PackedHeads,
    options: AttentionOptions<T>,
    log_sums: Tensor<T>,
}

impl<T: Float> Op<T> for PackedAttention<T> {
    fn name(&self) -> &'static str {
        "multi_head_attention"
    }

    fn saves(&self) -> Save {
        Save::INPUTS.and(Save::OUTPUT)
    }

    fn forward(&mut self, inputs: &[&Tensor<T>]) -> Tensor<T> {
        let (out, log_sums) = inputs[0].packed_attention_with_log_sums(self.heads, &self.options);
        self.log_sums = log_sums;
        out
    }

    fn vjp(&self, saved: &Saved<Var<T>>, g: &Var<T>) -> Cotangents<Var<T>> {
        let PackedHeads { heads, key_heads } = self.heads;
        let (shape, slots) = (saved.shape(0), heads + 2 * key_heads);
        let [rows, width] = [shape[shape.len() - 2], shape[shape.len() - 1] / slots];
        let batch = shape[..shape.len() - 2].iter().product();
        let split = saved.input(0).reshape([batch, rows, slots, width]);
        let part = |first, count| split.narrow(2, first, count).transpose(1, 2);
        let (q, k, v) = (part(0, heads), part(heads, key_heads), part(heads + key_heads, key_heads));
        let g = g.reshape([batch, rows, heads, width]).transpose(1, 2);
        let parts = cotangents([&q, &k, &v], &g, &self.options).map(|part| part.transpose(1, 2));
        vec![Some(Var::cat(&parts.each_ref(), 2).reshape(shape))]
    }

    fn vjp_fused(
        &self,
        saved: &mut Saved<Tensor<T>>,
        g: Tensor<T>,
    ) -> Result<Cotangents<Tensor<T>>, Tensor<T>> {
        let (x, out) = (saved.input(0), saved.output());
        Ok(vec![Some(x.packed_attention_grad(self.heads, [&out, &self.log_sums], &g, &self.options))])
    }

    fn per_example(&self, saved: &Saved<Tensor<T>>, g: &Tensor<T>, batch: Batch) -> Option<Vec<Flow<T>>> {
        let place = batch.place(g.shape())?;
        let to = batch.moved(place, &saved.shape(0), place.axis);
        (place.axis + 2 < g.rank()).then(|| vec![Flow::Along(to)])
    }
}

/// Each head of `x` `[…, K, S, E]` repeated so that there are `heads`.
fn repeated<T: Float>(x: &Var<T>, heads: usize) -> Var<T> {
    let rank = x.rank();
    let (shape, own) = (*x.shape(), x.shape()[rank - 3]);
    if own == heads {
        return x.clone();
    }
    let group = heads / own.max(1);
    let wide = shape.insert(rank - 2, group);
    x.unsqueeze(-3).expand(wide).reshape(shape.with(rank - 3, heads))
}

/// The adjoint of [`repeated`].
fn summed<T: Float>(x: Var<T>, heads: usize) -> Var<T> {
    let rank = x.rank();
    let (shape, own) = (*x.shape(), x.shape()[rank - 3]);
    if own == heads {
        return x;
    }
    let apart = shape.with(rank - 3, heads).insert(rank - 2, own / heads.max(1));
    x.reshape(apart).sum_axes(&[-3], false)
}

/// softmax(q·kᵀ·scale + bias) in the shape `scores`, 0 throughout for a query that sees no key.
#[track_caller]
fn probabilities<T: Float>(q: &Var<T>, k: &Var<T>, options: &AttentionOptions<T>, scores: Shape) -> Var<T> {
    let products = q.matmul(&k.t()) * options.scale_of(q.dim(-1));
    let (add, keep) = options.terms(&scores);
    let sums = (products + Var::constant(add)).expand(scores);
    if scores[scores.len() - 1] == 0 {
        return sums;
    }
    // A softmax of −∞ alone is NaN, and so would be its gradient: such rows go through it as they are, and are cut off behind.
    let any = keep.cast::<T>().max_axes(&[-1], true).map(|most| most > T::ZERO);
    let open = keep.zip(&any, |keep, any| keep || !any);
    let fill = |value: T| Var::constant(Tensor::scalar(value));
    choose(&keep, &choose(&open, &sums, &fill(T::LOWEST)).softmax(-1), &fill(T::ZERO))
}

/// The shape of all scores: leading axes broadcast, then heads, queries, keys.
#[track_caller]
fn scores_shape(q: &Shape, k: &Shape, v: &Shape) -> Shape {
    let lead = |x: &Shape| Shape::new(&x[..x.len() - 3]);
    let all = lead(q).broadcast(&lead(k)).and_then(|lead_qk| lead_qk.broadcast(&lead(v)));
    let heads = &q[q.len() - 3..q.len() - 1];
    Shape::new(&[&all.unwrap_or(Shape::SCALAR)[..], heads, &k[k.len() - 2..k.len() - 1]].concat())
}

/// The cotangents of q, k and v: dv = Pᵀ·g, dq = dS·k·scale, dk = dSᵀ·q·scale, with dS = P∘(dP − Σ P∘dP) and dP = g·vᵀ; dropout
/// multiplies P and dP by the same factors.
fn cotangents<T: Float>([q, k, v]: [&Var<T>; 3], g: &Var<T>, options: &AttentionOptions<T>) -> [Var<T>; 3] {
    let (heads, key_heads) = (q.dim(-3), k.dim(-3));
    let (wide_k, wide_v) = (repeated(k, heads), repeated(v, heads));
    let scores = scores_shape(q.shape(), wide_k.shape(), wide_v.shape());
    let p = probabilities(q, &wide_k, options, scores);
    let dp = g.matmul(&wide_v.t());
    let (kept, dp) = match options.dropout_factors(&scores).map(Var::constant) {
        Some(factors) => (&p * &factors, dp * factors),
        None => (p.clone(), dp),
    };
    let total = (&p * &dp).sum_axes(&[-1], true);
    let ds = p * (dp - total) * options.scale_of(q.dim(-1));
    let dk = ds.t().matmul(q);
    let dv = kept.t().matmul(g);
    [ds.matmul(&wide_k), summed(dk, key_heads), summed(dv, key_heads)]
}

/// With an axis of heads.
fn with_heads<T: Float>(x: &Var<T>) -> Var<T> {
    if x.rank() == 2 { x.unsqueeze(0) } else { x.clone() }
}

impl<T: Float> Var<T> {
    /// softmax(q·kᵀ·scale + bias)·v: q `[…, H, L, E]`, k `[…, K, S, E]`, v `[…, K, S, Ev]` → `[…, H, L, Ev]` (PyTorch:
    /// `scaled_dot_product_attention`; Dao et al. 2022, "FlashAttention").
    ///
    /// Forward and first-order backward work in tiles, so that memory grows linearly with the sequence; gradients of higher
    /// order hold the matrix of probabilities. See [`Tensor::scaled_dot_product_attention`] for heads, broadcasting and queries
    /// that see nothing.
    ///
    /// ```
    /// use gradus_autodiff::Var;
    /// use gradus_tensor::{AttentionOptions, Rng, Tensor};
    /// let mut rng = Rng::seed(0);
    /// let [q, k, v] = [0; 3].map(|_| Var::leaf(Tensor::<f32>::normal([2, 4, 10, 8], 0.0, 1.0, &mut rng)));
    /// let y = q.scaled_dot_product_attention(&k, &v, &AttentionOptions::new().causal());
    /// assert_eq!(y.dims(), [2, 4, 10, 8]);
    /// assert!(y.sum().backward().of(&k).is_some());
    /// ```
    ///
    /// # Panics
    /// If shapes do not fit as described, or the options' masks and slopes do not fit these shapes.
    #[must_use]
    #[track_caller]
    pub fn scaled_dot_product_attention(&self, k: &Self, v: &Self, options: &AttentionOptions<T>) -> Self {
        for x in [self, k, v] {
            assert!(x.rank() >= 2, "scaled_dot_product_attention: not […, L, E]: {}", x.shape());
        }
        let flat = [self, k, v].iter().all(|x| x.rank() == 2);
        let [q, k, v] = [self, k, v].map(with_heads);
        let op = Attention { options: options.clone(), log_sums: Tensor::scalar(T::ZERO) };
        let out = apply(op, &[&q, &k, &v]);
        if flat { out.squeeze(0) } else { out }
    }

    /// The probabilities by which [`Var::scaled_dot_product_attention`] weighs values, before dropout: q `[…, H, L, E]`,
    /// k `[…, K, S, E]` → `[…, H, L, S]` (PyTorch: `need_weights=True, average_attn_weights=False`). For looking at; attention
    /// itself never holds them.
    ///
    /// ```
    /// use gradus_autodiff::Var;
    /// use gradus_tensor::AttentionOptions;
    /// let (q, k) = (Var::constant([[1.0_f32, 0.0]]), Var::constant([[0.0, 5.0], [0.0, -5.0]]));
    /// assert_eq!(q.attention_weights(&k, &AttentionOptions::new()).value().to_vec(), [0.5, 0.5]);
    /// ```
    ///
    /// # Panics
    /// If shapes do not fit, or the options' masks and slopes do not fit these shapes.
    #[must_use]
    #[track_caller]
    pub fn attention_weights(&self, k: &Self, options: &AttentionOptions<T>) -> Self {
        let flat = self.rank() == 2 && k.rank() == 2;
        let (q, k) = (with_heads(self), with_heads(k));
        let (heads, own) = (q.dim(-3), k.dim(-3));
        let fits = own > 0 && heads.is_multiple_of(own) || own == heads;
        assert!(fits, "attention_weights: heads do not fit: {} and {}", q.shape(), k.shape());
        let k = repeated(&k, heads);
        let p = probabilities(&q, &k, options, scores_shape(q.shape(), k.shape(), k.shape()));
        if flat { p.squeeze(0) } else { p }
    }

    /// [`Var::scaled_dot_product_attention`] on the rows of a fused projection: queries of H heads, then keys and values of K
    /// heads each, `[…, T, (H + 2·K)·D] → […, T, H·D]`. Heads are split and merged without copies, and the gradient comes in
    /// one piece.
    ///
    /// ```
    /// use gradus_autodiff::Var;
    /// use gradus_tensor::{AttentionOptions, PackedHeads, Tensor};
    /// let qkv = Var::leaf(Tensor::<f32>::ones([5, 7, 3 * 24]));
    /// let y = qkv.multi_head_attention(PackedHeads::equal(4), &AttentionOptions::new().causal());
    /// assert_eq!(y.dims(), [5, 7, 24]);
    /// assert_eq!(y.sum().backward().of(&qkv).map(|g| g.dims()), Some([5, 7, 72]));
    /// ```
    ///
    /// # Panics
    /// If the last axis is no multiple of H + 2·K, or the options' masks and slopes do not fit.
    #[must_use]
    #[track_caller]
    pub fn multi_head_attention(&self, heads: PackedHeads, options: &AttentionOptions<T>) -> Self {
        apply(PackedAttention { heads, options: options.clone(), log_sums: Tensor::scalar(T::ZERO) }, &[self])
    }
}
