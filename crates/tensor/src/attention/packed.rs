//! Attention on the rows of a fused projection, `[…, T, (H + 2·K)·D]`: queries, keys and values side by side. Heads are split
//! and merged by strides alone, and the gradient comes in one piece of the same form.

use super::{AttentionOptions, Operands};
use crate::element::Float;
use crate::kernels::attention::{Gradients, Places, Sizes};
use crate::shape::Shape;
use crate::tensor::Tensor;

/// How many heads of queries, and of keys and values, a fused projection holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PackedHeads {
    /// Heads of the queries (H).
    pub heads: usize,
    /// Heads of the keys, and of the values (K); K divides H.
    pub key_heads: usize,
}

impl PackedHeads {
    /// As many heads of keys and values as of queries.
    #[must_use]
    pub fn equal(heads: usize) -> Self {
        Self { heads, key_heads: heads }
    }

    /// `[batch, T, slots, D]` of `[…, T, slots·D]`.
    #[track_caller]
    fn split<T: Float>(self, x: &Tensor<T>) -> Tensor<T> {
        let (shape, slots) = (x.shape(), self.heads + 2 * self.key_heads);
        let fits = shape.len() >= 2 && slots > 0 && shape[shape.len() - 1].is_multiple_of(slots);
        assert!(fits, "multi_head_attention: not […, T, (H + 2·K)·D]: {shape} with {slots} heads in all");
        let [rows, width] = [shape[shape.len() - 2], shape[shape.len() - 1] / slots];
        let batch = shape[..shape.len() - 2].iter().product();
        x.reshape([batch, rows, slots, width])
    }

    fn parts<T: Float>(self, x: &Tensor<T>) -> [Tensor<T>; 3] {
        let Self { heads, key_heads } = self;
        let part = |first, count| x.narrow(2, first, count).transpose(1, 2);
        [part(0, heads), part(heads, key_heads), part(heads + key_heads, key_heads)]
    }
}

impl<T: Float> Tensor<T> {
    /// [`Tensor::scaled_dot_product_attention`] on the rows of a fused projection: queries of H heads, then keys and values of K
    /// heads each, `[…, T, (H + 2·K)·D] → […, T, H·D]` (PyTorch: what `multi_head_attention_forward` does between its two
    /// projections). Nothing is copied to split or merge heads.
    ///
    /// ```
    /// use gradus_tensor::{AttentionOptions, PackedHeads, Tensor};
    /// let qkv = Tensor::<f32>::ones([5, 7, 3 * 24]);
    /// let y = qkv.multi_head_attention(PackedHeads::equal(4), &AttentionOptions::new().causal());
    /// assert_eq!(y.dims(), [5, 7, 24]);
    /// ```
    ///
    /// # Panics
    /// If the last axis is no multiple of H + 2·K, or the options' masks and slopes do not fit.
    #[must_use]
    #[track_caller]
    pub fn multi_head_attention(&self, heads: PackedHeads, options: &AttentionOptions<T>) -> Self {
        self.packed_attention_with_log_sums(heads, options).0
    }

    /// [`Tensor::multi_head_attention`], and ln Σ e^score of each query.
    #[doc(hidden)]
    #[must_use]
    #[track_caller]
    pub fn packed_attention_with_log_sums(
        &self,
        heads: PackedHeads,
        options: &AttentionOptions<T>,
    ) -> (Self, Self) {
        let [q, k, v] = heads.parts(&heads.split(self));
        let operands = Operands::new([&q, &k, &v], options);
        let Sizes { heads, queries, width, .. } = operands.sizes;
        let rank = self.rank();
        let shape = self.shape().with(rank - 1, heads * width);
        let mut log_sums = Tensor::scalar(T::ZERO);
        let out = Self::build(shape, |out| {
            log_sums = operands.forward(options, out, operands.places(heads, queries, width));
        });
        (out, log_sums)
    }

    /// The cotangent of the fused projection, given the op's result and log-sum-exp and the result's cotangent.
    #[doc(hidden)]
    #[must_use]
    #[track_caller]
    pub fn packed_attention_grad(
        &self,
        heads: PackedHeads,
        saved: [&Self; 2],
        g: &Self,
        options: &AttentionOptions<T>,
    ) -> Self {
        let [q, k, v] = heads.parts(&heads.split(self));
        let operands = Operands::new([&q, &k, &v], options);
        let Sizes { batch, heads, key_heads, queries, width, .. } = operands.sizes;
        let apart = |x: &Self| x.reshape(Shape::new(&[batch, queries, heads, width])).transpose(1, 2);
        let (out, g) = (apart(saved[0]), apart(g));
        let slots = heads + 2 * key_heads;
        let place = |first, count| Places::merged(batch, queries, slots, (first, count), width);
        let places = [place(0, heads), place(heads, key_heads), place(heads + key_heads, key_heads)];
        Self::build(*self.shape(), |into| {
            operands.backward(options, [&out, saved[1], &g], Gradients::Fused(into, places));
        })
    }
}
