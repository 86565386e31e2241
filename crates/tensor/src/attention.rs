//! Scaled dot-product attention of tensors, alone or on the rows of a fused projection, and its gradients. The loops are in
//! `kernels::attention`; this file brings shapes, broadcasting and views to them. It must never know how a gradient is recorded.

mod options;
mod packed;

pub use options::AttentionOptions;
pub use packed::PackedHeads;

use crate::element::{Element, Float};
use crate::kernels::attention::{self, Backward, Bias, Forward, Gradients, Heads, Mask, Places, Sizes};
use crate::layout::Layout;
use crate::shape::Shape;
use crate::tensor::Tensor;
use options::MaskTensor;

/// The name that messages begin with.
const OP: &str = "scaled_dot_product_attention";

/// Where each matrix of the last two axes begins.
fn starts(layout: &Layout) -> Vec<usize> {
    let rank = layout.shape().len();
    let lead = layout.without(rank - 1).without(rank - 2);
    let mut out = Vec::with_capacity(lead.count());
    lead.collapse().runs(0, lead.count(), |first, stride, count| {
        out.extend((0..count).map(|i| first.wrapping_add_signed(i as isize * stride)));
    });
    out
}

/// The matrices of the last two axes, given [`starts`].
fn heads<'a, T: Element>(x: &'a Tensor<T>, starts: &'a [usize]) -> Heads<'a, T> {
    let strides = x.layout().strides();
    let rank = strides.len();
    Heads { data: x.storage(), starts, row: strides[rank - 2], column: strides[rank - 1] }
}

/// Operands whose leading axes are alike, `[…, H, L, E]`, and what the kernels want to know about them.
struct Operands<T: Float> {
    sizes: Sizes,
    /// All axes before the heads.
    lead: Shape,
    /// Queries, keys, values, and where their matrices begin.
    tensors: [Tensor<T>; 3],
    starts: [Vec<usize>; 3],
    mask: Option<(MaskTensor<T>, Vec<usize>)>,
    slopes: Option<Tensor<T>>,
}

impl<T: Float> Operands<T> {
    #[track_caller]
    fn new(given: [&Tensor<T>; 3], options: &AttentionOptions<T>) -> Self {
        let [q, k, v] = given.map(|x| {
            assert!(x.rank() >= 2, "{OP}: not […, L, E]: {} ({} axes)", x.shape(), x.rank());
            if x.rank() == 2 { x.unsqueeze(0) } else { x.clone() }
        });
        let last = |x: &Tensor<T>| <[usize; 3]>::try_from(&x.shape()[x.rank() - 3..]).unwrap_or_default();
        let ([h, queries, width], [kh, keys, kw], [vh, vkeys, value_width]) = (last(&q), last(&k), last(&v));
        let (qs, ks, vs) = (q.shape(), k.shape(), v.shape());
        assert!(width == kw, "{OP}: queries and keys differ in width: {qs} and {ks} ({width} ≠ {kw})");
        assert!(keys == vkeys, "{OP}: keys and values differ in number: {ks} and {vs} ({keys} ≠ {vkeys})");
        assert!(kh == vh, "{OP}: keys and values differ in heads: {ks} and {vs} ({kh} ≠ {vh})");
        let grouped = kh > 0 && h.is_multiple_of(kh) || kh == h;
        assert!(
            grouped,
            "{OP}: heads of the queries are no multiple of the keys': {qs} and {ks} ({h} and {kh})"
        );
        let lead = |x: &Tensor<T>| Shape::new(&x.shape()[..x.rank() - 3]);
        let all = lead(&q).broadcast(&lead(&k)).and_then(|lead_qk| lead_qk.broadcast(&lead(&v)));
        let Some(lead) = all else {
            panic!("{OP}: leading axes do not broadcast: {qs}, {ks} and {vs} (each equal, or 1)");
        };
        let full = |dims: [usize; 3]| Shape::new(&[&lead[..], &dims].concat());
        let sizes = Sizes { batch: lead.count(), heads: h, key_heads: kh, queries, keys, width, value_width };
        let scores = full([h, queries, keys]);
        let mask = options.mask.as_ref().map(|mask| mask.expand(&scores));
        let mask = mask.map(|mask| {
            let starts = starts(mask.layout());
            (mask, starts)
        });
        let slopes = options.slopes.as_ref().map(|slopes| {
            let fits = slopes.shape()[..] == [h];
            assert!(fits, "{OP}: not one slope for each head: {} and {qs} ([{h}])", slopes.shape());
            slopes.contiguous()
        });
        let tensors = [
            q.expand(full([h, queries, width])),
            k.expand(full([kh, keys, width])),
            v.expand(full([kh, keys, value_width])),
        ];
        let starts = [0, 1, 2].map(|i| starts(tensors[i].layout()));
        Self { sizes, lead, tensors, starts, mask, slopes }
    }

    fn heads(&self, i: usize) -> Heads<'_, T> {
        heads(&self.tensors[i], &self.starts[i])
    }

    fn bias(&self, options: &AttentionOptions<T>) -> Bias<'_, T> {
        let mask = self.mask.as_ref().map(|(mask, starts)| match mask {
            MaskTensor::Keep(keep) => Mask::Keep(heads(keep, starts)),
            MaskTensor::Add(add) => Mask::Add(heads(add, starts)),
        });
        Bias {
            causal: options.causal,
            offset: options.offset,
            slopes: self.slopes.as_ref().and_then(Tensor::as_slice),
            mask,
            dropout: options.kernel_dropout(),
        }
    }

    /// `[…, rows, heads, columns]` in memory, seen as `[…, heads, rows, columns]`: merging heads is then a view.
    fn merged(&self, [heads, rows, columns]: [usize; 3], fill: impl FnOnce(&mut [T])) -> Tensor<T> {
        let shape = Shape::new(&[&self.lead[..], &[rows, heads, columns]].concat());
        Tensor::build(shape, fill).transpose(-3, -2)
    }

    /// The places of [`Operands::merged`].
    fn places(&self, heads: usize, rows: usize, columns: usize) -> Places {
        Places::merged(self.sizes.batch, rows, heads, (0, heads), columns)
    }

    /// The results, written to `places` of `out`, and ln Σ e^score.
    fn forward(&self, options: &AttentionOptions<T>, out: &mut [T], places: Places) -> Tensor<T> {
        let Sizes { batch, heads, queries, width, .. } = self.sizes;
        Tensor::build(Shape::new(&[batch * heads, queries]), |log_sums| {
            let [q, k, v] = [0, 1, 2].map(|i| self.heads(i));
            let (scale, bias) = (T::of(options.scale_of(width)), self.bias(options));
            attention::forward(Forward { sizes: self.sizes, q, k, v, scale, bias, out, places, log_sums });
        })
    }

    /// The gradients, written to where `into` says.
    fn backward(
        &self,
        options: &AttentionOptions<T>,
        [out, log_sums, g]: [&Tensor<T>; 3],
        into: Gradients<'_, T>,
    ) {
        let [q, k, v] = [0, 1, 2].map(|i| self.heads(i));
        let (out_starts, g_starts) = (starts(out.layout()), starts(g.layout()));
        let call = Backward {
            sizes: self.sizes,
            q,
            k,
            v,
            out: heads(out, &out_starts),
            log_sums: log_sums.as_slice().unwrap_or(&[]),
            g: heads(g, &g_starts),
            scale: T::of(options.scale_of(self.sizes.width)),
            bias: self.bias(options),
        };
        attention::backward(&call, into);
    }
}

impl<T: Float> Tensor<T> {
    /// softmax(q·kᵀ·scale + bias)·v, without the matrix of scores in memory: q `[…, H, L, E]`, k `[…, K, S, E]`,
    /// v `[…, K, S, Ev]` → `[…, H, L, Ev]` (PyTorch: `scaled_dot_product_attention`; Dao et al. 2022, "FlashAttention").
    ///
    /// Leading axes broadcast, there may be none, not even heads. K divides H: each key head serves H/K neighbouring query
    /// heads (PyTorch: `enable_gqa=True`). A query that sees no key gets 0, and no gradient flows from it, as in PyTorch since
    /// 2.5. The result lies in memory as `[…, L, H, Ev]`, so that `transpose(-3, -2)` and merging the heads cost nothing.
    /// Operands may have any strides; nothing is copied but the tiles that are being worked on.
    ///
    /// ```
    /// use gradus_tensor::{AttentionOptions, Tensor};
    /// let q = Tensor::from([[1.0_f32, 0.0]]);
    /// let k = Tensor::from([[0.0_f32, 5.0], [0.0, -5.0]]);
    /// let v = Tensor::from([[1.0_f32], [3.0]]);
    /// assert_eq!(q.scaled_dot_product_attention(&k, &v, &AttentionOptions::new()).to_vec(), [2.0]);
    /// assert_eq!(q.scaled_dot_product_attention(&k, &v, &AttentionOptions::new().causal()).to_vec(), [1.0]);
    /// ```
    ///
    /// # Panics
    /// If shapes do not fit as described, or the options' masks and slopes do not fit these shapes.
    #[must_use]
    #[track_caller]
    pub fn scaled_dot_product_attention(&self, k: &Self, v: &Self, options: &AttentionOptions<T>) -> Self {
        self.attention_with_log_sums(k, v, options).0
    }

    /// [`Tensor::scaled_dot_product_attention`], and ln Σ e^score of each query, which [`Tensor::attention_grad`] wants.
    #[doc(hidden)]
    #[must_use]
    #[track_caller]
    pub fn attention_with_log_sums(&self, k: &Self, v: &Self, options: &AttentionOptions<T>) -> (Self, Self) {
        let operands = Operands::new([self, k, v], options);
        let Sizes { heads, queries, value_width, .. } = operands.sizes;
        let mut log_sums = Tensor::scalar(T::ZERO);
        let out = operands.merged([heads, queries, value_width], |out| {
            log_sums = operands.forward(options, out, operands.places(heads, queries, value_width));
        });
        let flat = [self, k, v].iter().all(|x| x.rank() == 2);
        (if flat { out.squeeze(0) } else { out }, log_sums)
    }

    /// The cotangents of q, k and v, in the shapes that broadcasting made of them; the op's operands, its result and
    /// log-sum-exp, and the result's cotangent.
    #[doc(hidden)]
    #[must_use]
    #[track_caller]
    pub fn attention_grad(
        operands: [&Self; 3],
        saved: [&Self; 2],
        g: &Self,
        options: &AttentionOptions<T>,
    ) -> [Self; 3] {
        let flat = operands.iter().all(|x| x.rank() == 2);
        let operands = Operands::new(operands, options);
        let Sizes { heads, key_heads, queries, keys, width, value_width, .. } = operands.sizes;
        let unflat = |x: &Self| if flat { x.unsqueeze(0) } else { x.clone() };
        let (out, g) = (unflat(saved[0]), unflat(g));
        assert!(out.shape() == g.shape(), "{OP}: cotangent does not fit: {} and {}", out.shape(), g.shape());
        let mut others = [Tensor::scalar(T::ZERO), Tensor::scalar(T::ZERO)];
        let place = |heads, rows, columns| operands.places(heads, rows, columns);
        let q = operands.merged([heads, queries, width], |dq| {
            others[1] = operands.merged([key_heads, keys, value_width], |dv| {
                others[0] = operands.merged([key_heads, keys, width], |dk| {
                    let into = [
                        (dq, place(heads, queries, width)),
                        (dk, place(key_heads, keys, width)),
                        (dv, place(key_heads, keys, value_width)),
                    ];
                    operands.backward(options, [&out, saved[1], &g], Gradients::Apart(into));
                });
            });
        });
        let [k, v] = others;
        [q, k, v].map(|x| if flat { x.squeeze(0) } else { x })
    }
}
