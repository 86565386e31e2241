//! The description that all transformer layers and stacks are built from.

use gradus_module::{Module, Param, Path};
use gradus_tensor::{Float, Rng, Unary};

use crate::attention::MultiheadAttention;
use crate::error::LayerError;
use crate::init::xavier_uniform;
use crate::linear::Linear;
use crate::norm::LayerNorm;
use crate::transformer::{Transformer, TransformerDecoder, TransformerEncoder};
use crate::transformer_layer::{Style, TransformerDecoderLayer, TransformerEncoderLayer};

const NAME: &str = "Transformer";

/// Describes transformer layers and stacks: PyTorch's defaults (2048 features in between, relu, dropout 0.1, ε 1e-5, time before batch,
/// norms behind the branches, biases) unless said otherwise.
///
/// ```
/// use gradus_autodiff::Var;
/// use gradus_layers::TransformerBuilder;
/// use gradus_module::{Context, Layer, Module};
/// use gradus_tensor::{Rng, Tensor, Unary};
/// let like = TransformerBuilder::new(16, 4).feed_forward(32).activation(Unary::gelu()).batch_first().norm_first();
/// let encoder = like.final_norm().encoder::<f32>(2, &mut Rng::seed(0))?;
/// let y = encoder.forward(&Var::constant(Tensor::ones([2, 5, 16])), &mut Context::eval());
/// assert_eq!(y.dims(), [2, 5, 16]);
/// assert!(encoder.state().names().any(|name| name == "layers.1.self_attn.in_proj_weight"));
/// let plain = like.dropout(0.0).eps(1e-6).without_bias();
/// let decoder = plain.decoder::<f32>(2, &mut Rng::seed(0))?;
/// assert!(decoder.norm.is_none() && decoder.layers[1].linear1.bias.is_none());
/// # Ok::<(), gradus_layers::LayerError>(())
/// ```
#[derive(Clone, Copy, Debug)]
#[must_use = "a description is no layer: build it"]
pub struct TransformerBuilder {
    size: usize,
    heads: usize,
    feed_forward: usize,
    dropout: f64,
    eps: f64,
    bias: bool,
    final_norm: bool,
    style: Style,
}

impl TransformerBuilder {
    /// Layers of `size` features and `heads` heads (PyTorch: `d_model`, `nhead`).
    pub const fn new(size: usize, heads: usize) -> Self {
        let style = Style { activation: Unary::relu(), norm_first: false, batch_first: false };
        let (feed_forward, dropout, eps) = (2048, 0.1, 1e-5);
        Self { size, heads, feed_forward, dropout, eps, bias: true, final_norm: false, style }
    }

    /// Features between the two linear maps (PyTorch: `dim_feedforward`).
    pub fn feed_forward(self, feed_forward: usize) -> Self {
        Self { feed_forward, ..self }
    }

    /// In training, probabilities, hidden features and branches are dropped with probability `p`.
    pub fn dropout(self, p: f64) -> Self {
        Self { dropout: p, ..self }
    }

    /// Another function between the two linear maps; any of the elementwise table.
    pub fn activation(mut self, activation: Unary) -> Self {
        self.style.activation = activation;
        self
    }

    /// The ε of the norms (PyTorch: `layer_norm_eps`).
    pub fn eps(self, eps: f64) -> Self {
        Self { eps, ..self }
    }

    /// Norms stand before the branches (Xiong et al. 2020; PyTorch: `norm_first=True`).
    pub fn norm_first(mut self) -> Self {
        self.style.norm_first = true;
        self
    }

    /// Input and output are `[B, T, E]` (PyTorch: `batch_first=True`).
    pub fn batch_first(mut self) -> Self {
        self.style.batch_first = true;
        self
    }

    /// Without biases (PyTorch: `bias=False`).
    pub fn without_bias(self) -> Self {
        Self { bias: false, ..self }
    }

    /// Stacks end with a norm (PyTorch: `norm=LayerNorm(d_model)`); [`TransformerBuilder::transformer`]'s always do.
    pub fn final_norm(self) -> Self {
        Self { final_norm: true, ..self }
    }

    /// Checks what the parts do not check themselves.
    fn check(&self) -> Result<(), LayerError> {
        let Self { feed_forward, dropout, .. } = *self;
        LayerError::check(feed_forward > 0, NAME, "feed_forward", feed_forward, "at least 1")?;
        let fits = (0.0..=1.0).contains(&dropout);
        LayerError::check(fits, NAME, "dropout", dropout, "a probability (0 ≤ p ≤ 1)")
    }

    fn attention<T: Float>(&self, rng: &mut Rng) -> Result<MultiheadAttention<T>, LayerError> {
        let attention = MultiheadAttention::new(self.size, self.heads, rng)?.dropout(self.dropout)?;
        Ok(if self.bias { attention } else { attention.without_bias() })
    }

    fn linear<T: Float>(&self, inputs: usize, outputs: usize, rng: &mut Rng) -> Linear<T> {
        let linear = Linear::new(inputs, outputs, rng);
        if self.bias { linear } else { linear.without_bias() }
    }

    fn norm<T: Float>(&self) -> Result<LayerNorm<T>, LayerError> {
        let norm = LayerNorm::new([self.size]).eps(self.eps)?;
        Ok(if self.bias { norm } else { norm.without_bias() })
    }

    /// A layer of an encoder.
    ///
    /// ```
    /// use gradus_layers::TransformerBuilder;
    /// use gradus_module::Module;
    /// use gradus_tensor::Rng;
    /// let layer = TransformerBuilder::new(8, 2).feed_forward(16).encoder_layer::<f32>(&mut Rng::seed(0))?;
    /// assert_eq!(layer.parameter_count(), 4 * (8 * 8 + 8) + 2 * 8 * 16 + 16 + 8 + 4 * 8);
    /// # Ok::<(), gradus_layers::LayerError>(())
    /// ```
    ///
    /// # Errors
    /// If the heads do not divide the features, `dropout` is no probability, ε is negative, or nothing lies in between.
    pub fn encoder_layer<T: Float>(self, rng: &mut Rng) -> Result<TransformerEncoderLayer<T>, LayerError> {
        self.check()?;
        Ok(TransformerEncoderLayer {
            self_attn: self.attention(rng)?,
            linear1: self.linear(self.size, self.feed_forward, rng),
            linear2: self.linear(self.feed_forward, self.size, rng),
            norm1: self.norm()?,
            norm2: self.norm()?,
            dropout: self.dropout,
            style: self.style,
        })
    }

    /// A layer of a decoder.
    ///
    /// ```
    /// use gradus_layers::TransformerBuilder;
    /// use gradus_module::Module;
    /// use gradus_tensor::Rng;
    /// let layer = TransformerBuilder::new(8, 2).decoder_layer::<f32>(&mut Rng::seed(0))?;
    /// assert!(layer.state().names().any(|name| name == "multihead_attn.in_proj_weight"));
    /// # Ok::<(), gradus_layers::LayerError>(())
    /// ```
    ///
    /// # Errors
    /// As [`TransformerBuilder::encoder_layer`].
    pub fn decoder_layer<T: Float>(self, rng: &mut Rng) -> Result<TransformerDecoderLayer<T>, LayerError> {
        self.check()?;
        Ok(TransformerDecoderLayer {
            self_attn: self.attention(rng)?,
            multihead_attn: self.attention(rng)?,
            linear1: self.linear(self.size, self.feed_forward, rng),
            linear2: self.linear(self.feed_forward, self.size, rng),
            norm1: self.norm()?,
            norm2: self.norm()?,
            norm3: self.norm()?,
            dropout: self.dropout,
            style: self.style,
        })
    }

    /// `layers` layers of an encoder, each with weights of its own (PyTorch's start as copies of one).
    ///
    /// # Errors
    /// As [`TransformerBuilder::encoder_layer`], or if there are no layers.
    pub fn encoder<T: Float>(
        self,
        layers: usize,
        rng: &mut Rng,
    ) -> Result<TransformerEncoder<T>, LayerError> {
        LayerError::check(layers > 0, "TransformerEncoder", "layers", layers, "at least 1")?;
        let layers = (0..layers).map(|_| self.encoder_layer(rng)).collect::<Result<_, _>>()?;
        Ok(TransformerEncoder { layers, norm: self.last_norm()?, batch_first: self.style.batch_first })
    }

    /// `layers` layers of a decoder, each with weights of its own (PyTorch's start as copies of one).
    ///
    /// # Errors
    /// As [`TransformerBuilder::encoder_layer`], or if there are no layers.
    pub fn decoder<T: Float>(
        self,
        layers: usize,
        rng: &mut Rng,
    ) -> Result<TransformerDecoder<T>, LayerError> {
        LayerError::check(layers > 0, "TransformerDecoder", "layers", layers, "at least 1")?;
        let layers = (0..layers).map(|_| self.decoder_layer(rng)).collect::<Result<_, _>>()?;
        Ok(TransformerDecoder { layers, norm: self.last_norm()?, batch_first: self.style.batch_first })
    }

    fn last_norm<T: Float>(&self) -> Result<Option<LayerNorm<T>>, LayerError> {
        self.final_norm.then(|| self.norm()).transpose()
    }

    /// Encoder and decoder of so many layers (PyTorch: `Transformer`, whose default is 6 each); all matrices start by Xavier's rule.
    ///
    /// ```
    /// use gradus_layers::TransformerBuilder;
    /// use gradus_module::Module;
    /// use gradus_tensor::Rng;
    /// let model = TransformerBuilder::new(8, 2).transformer::<f32>(1, 1, &mut Rng::seed(0))?;
    /// assert!(model.state().names().any(|name| name == "decoder.norm.weight"));
    /// # Ok::<(), gradus_layers::LayerError>(())
    /// ```
    ///
    /// # Errors
    /// As [`TransformerBuilder::encoder`].
    pub fn transformer<T: Float>(
        self,
        encoder_layers: usize,
        decoder_layers: usize,
        rng: &mut Rng,
    ) -> Result<Transformer<T>, LayerError> {
        let like = self.final_norm();
        let (encoder, decoder) = (like.encoder(encoder_layers, rng)?, like.decoder(decoder_layers, rng)?);
        let mut model = Transformer { encoder, decoder };
        model.visit_mut(&mut Path::root(), &mut |_, entry| {
            let shape = entry.shape();
            if let (2, Some(weight)) = (shape.len(), entry.as_any_mut().downcast_mut::<Param<T>>()) {
                *weight.value_mut() = xavier_uniform(shape, 1.0, rng);
            }
        });
        Ok(model)
    }
}
