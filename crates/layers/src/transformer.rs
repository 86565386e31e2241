//! Stacks of transformer layers: encoder, decoder, and both.

use gradus_autodiff::Var;
use gradus_module::{Context, Layer, Module};
use gradus_tensor::{AttentionOptions, Float};

use crate::norm::LayerNorm;
use crate::transformer_builder::TransformerBuilder;
use crate::transformer_layer::{TransformerDecoderLayer, TransformerEncoderLayer, turned};

/// Layers of an encoder, and a norm behind them if it is wanted: `[T, B, E] → [T, B, E]` (PyTorch: `TransformerEncoder`). Built by
/// [`TransformerBuilder::encoder`].
///
/// ```
/// use gradus_autodiff::Var;
/// use gradus_layers::{TransformerBuilder, TransformerEncoder};
/// use gradus_module::Context;
/// use gradus_tensor::{AttentionOptions, Rng, Tensor};
/// let like = TransformerBuilder::new(8, 2).feed_forward(16).final_norm();
/// let encoder: TransformerEncoder = like.encoder(2, &mut Rng::seed(0))?;
/// let x = Var::constant(Tensor::ones([5, 2, 8]));
/// let y = encoder.forward_with(&x, &AttentionOptions::new().causal(), &mut Context::eval());
/// assert_eq!(y.dims(), [5, 2, 8]);
/// # Ok::<(), gradus_layers::LayerError>(())
/// ```
#[derive(Clone, Debug, Module)]
pub struct TransformerEncoder<T: Float = f32> {
    /// From the first to the last.
    pub layers: Vec<TransformerEncoderLayer<T>>,
    /// Behind the last.
    pub norm: Option<LayerNorm<T>>,
    #[module(skip)]
    pub(crate) batch_first: bool,
}

impl<T: Float> TransformerEncoder<T> {
    /// With options for the attention of all layers, see [`TransformerEncoderLayer::forward_with`].
    ///
    /// # Panics
    /// If the last axis is not E, or a mask does not fit.
    #[must_use]
    #[track_caller]
    pub fn forward_with(&self, x: &Var<T>, options: &AttentionOptions<T>, cx: &mut Context<'_>) -> Var<T> {
        let mut y = turned(x, self.batch_first);
        for layer in &self.layers {
            y = layer.run(&y, options, cx);
        }
        turned(&ended(y, self.norm.as_ref(), cx), self.batch_first)
    }
}

fn ended<T: Float>(y: Var<T>, norm: Option<&LayerNorm<T>>, cx: &mut Context<'_>) -> Var<T> {
    norm.map_or_else(|| y.clone(), |norm| norm.forward(&y, cx))
}

impl<T: Float> Layer<T> for TransformerEncoder<T> {
    fn forward(&self, x: &Var<T>, cx: &mut Context<'_>) -> Var<T> {
        self.forward_with(x, &AttentionOptions::new(), cx)
    }
}

/// Layers of a decoder, and a norm behind them if it is wanted: `[T, B, E], [S, B, E] → [T, B, E]` (PyTorch: `TransformerDecoder`).
/// Built by [`TransformerBuilder::decoder`].
///
/// ```
/// use gradus_autodiff::Var;
/// use gradus_layers::{TransformerBuilder, TransformerDecoder};
/// use gradus_module::Context;
/// use gradus_tensor::{AttentionOptions, Rng, Tensor};
/// let decoder: TransformerDecoder = TransformerBuilder::new(8, 2).feed_forward(16).decoder(2, &mut Rng::seed(0))?;
/// let [x, memory] = [[5, 2, 8], [7, 2, 8]].map(|shape| Var::constant(Tensor::ones(shape)));
/// let (causal, all) = (AttentionOptions::new().causal(), AttentionOptions::new());
/// assert_eq!(decoder.forward(&x, &memory, &causal, &all, &mut Context::eval()).dims(), [5, 2, 8]);
/// # Ok::<(), gradus_layers::LayerError>(())
/// ```
#[derive(Clone, Debug, Module)]
pub struct TransformerDecoder<T: Float = f32> {
    /// From the first to the last.
    pub layers: Vec<TransformerDecoderLayer<T>>,
    /// Behind the last.
    pub norm: Option<LayerNorm<T>>,
    #[module(skip)]
    pub(crate) batch_first: bool,
}

impl<T: Float> TransformerDecoder<T> {
    /// The output for tokens and memory, with options for each attention, see [`TransformerDecoderLayer::forward`].
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
        let (mut y, memory) = (turned(x, self.batch_first), turned(memory, self.batch_first));
        for layer in &self.layers {
            y = layer.run(&y, &memory, [options, memory_options], cx);
        }
        turned(&ended(y, self.norm.as_ref(), cx), self.batch_first)
    }
}

/// Encoder and decoder: source `[S, B, E]` and target `[T, B, E] → [T, B, E]` (Vaswani et al. 2017, "Attention is all you need"; PyTorch:
/// `Transformer`). Built by [`Transformer::builder`].
///
/// ```
/// use gradus_autodiff::Var;
/// use gradus_layers::Transformer;
/// use gradus_module::Context;
/// use gradus_tensor::{AttentionOptions, Rng, Tensor};
/// let like = Transformer::builder(16, 4).feed_forward(32).batch_first();
/// let model = like.transformer::<f32>(1, 2, &mut Rng::seed(0))?;
/// let [source, target] = [[3, 7, 16], [3, 5, 16]].map(|shape| Var::constant(Tensor::ones(shape)));
/// let (all, causal) = (AttentionOptions::new(), AttentionOptions::new().causal());
/// let y = model.forward(&source, &target, [&all, &causal, &all], &mut Context::eval());
/// assert_eq!(y.dims(), [3, 5, 16]);
/// # Ok::<(), gradus_layers::LayerError>(())
/// ```
#[derive(Clone, Debug, Module)]
pub struct Transformer<T: Float = f32> {
    /// Reads the source.
    pub encoder: TransformerEncoder<T>,
    /// Reads the target and what the encoder says.
    pub decoder: TransformerDecoder<T>,
}

impl Transformer {
    /// Describes transformers of `size` features and `heads` heads.
    pub const fn builder(size: usize, heads: usize) -> TransformerBuilder {
        TransformerBuilder::new(size, heads)
    }
}

impl<T: Float> Transformer<T> {
    /// The output for source and target, with options for the attention in the source, in the target, and from target to source
    /// (PyTorch: `src_mask`, `tgt_mask`, `memory_mask` and the padding masks of the same names).
    ///
    /// # Panics
    /// If a last axis is not E, batches differ, or a mask does not fit.
    #[must_use]
    #[track_caller]
    pub fn forward(
        &self,
        source: &Var<T>,
        target: &Var<T>,
        [of_source, of_target, between]: [&AttentionOptions<T>; 3],
        cx: &mut Context<'_>,
    ) -> Var<T> {
        let memory = self.encoder.forward_with(source, of_source, cx);
        self.decoder.forward(target, &memory, of_target, between, cx)
    }
}
