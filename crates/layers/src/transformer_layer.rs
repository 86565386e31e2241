//! One layer of a transformer: attention and a feed-forward map, each a branch beside the stream.

use gradus_autodiff::Var;
use gradus_module::{Context, Layer, Module};
use gradus_tensor::{AttentionOptions, Float, Unary};

use crate::attention::MultiheadAttention;
use crate::dropout::dropped;
use crate::linear::Linear;
use crate::norm::LayerNorm;

/// What a layer does, beside its parameters.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Style {
    pub(crate) activation: Unary,
    pub(crate) norm_first: bool,
    pub(crate) batch_first: bool,
}

/// `[T, B, E]` to `[B, T, E]` or back, unless it is so already, or there is no batch.
pub(crate) fn turned<T: Float>(x: &Var<T>, batch_first: bool) -> Var<T> {
    if batch_first || x.rank() != 3 { x.clone() } else { x.transpose(0, 1) }
}

/// x with a branch: x + f(norm x), or norm(x + f(x)); what the branch answers is dropped in part.
fn branch<T: Float>(
    x: &Var<T>,
    norm: &LayerNorm<T>,
    (norm_first, dropout): (bool, f64),
    cx: &mut Context<'_>,
    f: impl FnOnce(&Var<T>, &mut Context<'_>) -> Var<T>,
) -> Var<T> {
    let inside = if norm_first { f(&norm.forward(x, cx), cx) } else { f(x, cx) };
    let shape = *inside.shape();
    let sum = x + dropped(&inside, dropout, shape, cx);
    if norm_first { sum } else { norm.forward(&sum, cx) }
}

/// W₂·drop(f(W₁·x + b₁)) + b₂.
fn feed_forward<T: Float>(
    x: &Var<T>,
    [linear1, linear2]: [&Linear<T>; 2],
    (activation, dropout): (Unary, f64),
    cx: &mut Context<'_>,
) -> Var<T> {
    let hidden = linear1.forward(x, cx).unary(activation);
    let shape = *hidden.shape();
    linear2.forward(&dropped(&hidden, dropout, shape, cx), cx)
}

/// A layer of an encoder, `[T, B, E] → [T, B, E]`: self-attention and a feed-forward map, each with dropout, a residual connection and
/// a norm (Vaswani et al. 2017; PyTorch: `TransformerEncoderLayer`). Built by
/// [`TransformerBuilder::encoder_layer`](crate::TransformerBuilder::encoder_layer); with `batch_first` `[B, T, E]`, without a batch
/// `[T, E]`.
///
/// ```
/// use gradus_autodiff::Var;
/// use gradus_layers::{TransformerBuilder, TransformerEncoderLayer};
/// use gradus_module::{Context, Layer};
/// use gradus_tensor::{AttentionOptions, Rng, Tensor};
/// let like = TransformerBuilder::new(8, 2).feed_forward(16).batch_first();
/// let layer: TransformerEncoderLayer = like.encoder_layer(&mut Rng::seed(0))?;
/// let (x, cx) = (Var::constant(Tensor::ones([2, 5, 8])), &mut Context::eval());
/// assert_eq!(layer.forward(&x, cx).dims(), [2, 5, 8]);
/// assert_eq!(layer.forward_with(&x, &AttentionOptions::new().causal(), cx).dims(), [2, 5, 8]);
/// # Ok::<(), gradus_layers::LayerError>(())
/// ```
#[derive(Clone, Debug, Module)]
pub struct TransformerEncoderLayer<T: Float = f32> {
    /// Attention of the tokens among themselves.
    pub self_attn: MultiheadAttention<T>,
    /// E → F.
    pub linear1: Linear<T>,
    /// F → E.
    pub linear2: Linear<T>,
    /// At the attention.
    pub norm1: LayerNorm<T>,
    /// At the feed-forward map.
    pub norm2: LayerNorm<T>,
    #[module(skip)]
    pub(crate) dropout: f64,
    #[module(skip)]
    pub(crate) style: Style,
}

impl<T: Float> TransformerEncoderLayer<T> {
    /// With options for the attention: `causal`, a mask of `[T, T]` or one by
    /// [`attention_mask`](crate::attention_mask) or [`key_padding_mask`](crate::key_padding_mask) (PyTorch: `src_mask`,
    /// `src_key_padding_mask`, `is_causal`).
    ///
    /// # Panics
    /// If the last axis is not E, or a mask does not fit.
    #[must_use]
    #[track_caller]
    pub fn forward_with(&self, x: &Var<T>, options: &AttentionOptions<T>, cx: &mut Context<'_>) -> Var<T> {
        let y = self.run(&turned(x, self.style.batch_first), options, cx);
        turned(&y, self.style.batch_first)
    }

    /// The same with the batch first.
    #[track_caller]
    pub(crate) fn run(&self, x: &Var<T>, options: &AttentionOptions<T>, cx: &mut Context<'_>) -> Var<T> {
        let Style { activation, norm_first, .. } = self.style;
        let how = (norm_first, self.dropout);
        let x = branch(x, &self.norm1, how, cx, |x, cx| self.self_attn.forward_with(x, options, cx));
        branch(&x, &self.norm2, how, cx, |x, cx| {
            feed_forward(x, [&self.linear1, &self.linear2], (activation, self.dropout), cx)
        })
    }
}

impl<T: Float> Layer<T> for TransformerEncoderLayer<T> {
    fn forward(&self, x: &Var<T>, cx: &mut Context<'_>) -> Var<T> {
        self.forward_with(x, &AttentionOptions::new(), cx)
    }
}

/// A layer of a decoder, `[T, B, E], [S, B, E] → [T, B, E]`: self-attention, attention to an encoder's output (the memory) and a
/// feed-forward map (Vaswani et al. 2017; PyTorch: `TransformerDecoderLayer`). Built by
/// [`TransformerBuilder::decoder_layer`](crate::TransformerBuilder::decoder_layer).
///
/// ```
/// use gradus_autodiff::Var;
/// use gradus_layers::{TransformerBuilder, TransformerDecoderLayer};
/// use gradus_module::Context;
/// use gradus_tensor::{AttentionOptions, Rng, Tensor};
/// let like = TransformerBuilder::new(8, 2).feed_forward(16).batch_first();
/// let layer: TransformerDecoderLayer = like.decoder_layer(&mut Rng::seed(0))?;
/// let [x, memory] = [[2, 5, 8], [2, 7, 8]].map(|shape| Var::constant(Tensor::ones(shape)));
/// let (causal, all) = (AttentionOptions::new().causal(), AttentionOptions::new());
/// assert_eq!(layer.forward(&x, &memory, &causal, &all, &mut Context::eval()).dims(), [2, 5, 8]);
/// # Ok::<(), gradus_layers::LayerError>(())
/// ```
#[derive(Clone, Debug, Module)]
pub struct TransformerDecoderLayer<T: Float = f32> {
    /// Attention of the tokens among themselves.
    pub self_attn: MultiheadAttention<T>,
    /// Attention of the tokens to the memory.
    pub multihead_attn: MultiheadAttention<T>,
    /// E → F.
    pub linear1: Linear<T>,
    /// F → E.
    pub linear2: Linear<T>,
    /// At the self-attention.
    pub norm1: LayerNorm<T>,
    /// At the attention to the memory.
    pub norm2: LayerNorm<T>,
    /// At the feed-forward map.
    pub norm3: LayerNorm<T>,
    #[module(skip)]
    pub(crate) dropout: f64,
    #[module(skip)]
    pub(crate) style: Style,
}

impl<T: Float> TransformerDecoderLayer<T> {
    /// The output for tokens and memory, with options for each attention (PyTorch: `tgt_mask`, `tgt_key_padding_mask`,
    /// `tgt_is_causal`; `memory_mask`, `memory_key_padding_mask`).
    ///
    /// # Panics
    /// If a last axis is not E, batches differ, or a mask does not fit.
    #[must_use]
    #[track_caller]
    pub fn forward(
        &self,
        x: &Var<T>,
        memory: &Var<T>,
        options: &AttentionOptions<T>,
        memory_options: &AttentionOptions<T>,
        cx: &mut Context<'_>,
    ) -> Var<T> {
        let batch_first = self.style.batch_first;
        let memory = turned(memory, batch_first);
        let y = self.run(&turned(x, batch_first), &memory, [options, memory_options], cx);
        turned(&y, batch_first)
    }

    /// The same with the batch first.
    #[track_caller]
    pub(crate) fn run(
        &self,
        x: &Var<T>,
        memory: &Var<T>,
        [options, memory_options]: [&AttentionOptions<T>; 2],
        cx: &mut Context<'_>,
    ) -> Var<T> {
        let Style { activation, norm_first, .. } = self.style;
        let how = (norm_first, self.dropout);
        let x = branch(x, &self.norm1, how, cx, |x, cx| self.self_attn.forward_with(x, options, cx));
        let x = branch(&x, &self.norm2, how, cx, |x, cx| {
            self.multihead_attn.attend([x, memory, memory], memory_options, cx)
        });
        branch(&x, &self.norm3, how, cx, |x, cx| {
            feed_forward(x, [&self.linear1, &self.linear2], (activation, self.dropout), cx)
        })
    }
}
