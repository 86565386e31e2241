//! BERT: a Transformer encoder that reads a text from both sides at once, with heads for what is asked of it (Devlin et al. 2019; Hugging
//! Face: `BertModel` and its relatives).
//!
//! The figure: the vectors of a token, of its place and of its segment are added and normed; post-norm blocks of full attention and GELU
//! follow; the first token's vector, through a linear map and tanh, is the pooled text. On the stream stand the heads: which token was
//! masked, does the second sentence follow, what class has the text, what label each token, where does an answer begin and end.
//! It must never know how a text became tokens.

use gradus_autodiff::Var;
use gradus_layers::{
    Dropout, Embedding, LayerNorm, Linear, Transformer, TransformerEncoder, key_padding_mask,
};
use gradus_module::{Context, Layer, Module, Param, Path};
use gradus_tensor::{AttentionOptions, Rng, Tensor, Unary};

use crate::bert_config::BertConfig;
use crate::error::ModelError;

/// Token, place and segment in one normed vector: `[B, T] → [B, T, C]`.
///
/// ```
/// use gradus_models::{Bert, BertConfig};
/// use gradus_tensor::Rng;
/// let model = Bert::new(BertConfig::small(100), &mut Rng::seed(0))?;
/// assert_eq!(model.embeddings.word_embeddings.weight.dims(), [100, 128]);
/// # Ok::<(), gradus_models::ModelError>(())
/// ```
#[derive(Clone, Debug, Module)]
pub struct BertEmbeddings {
    /// `[V, C]`.
    pub word_embeddings: Embedding,
    /// `[places, C]`.
    pub position_embeddings: Embedding,
    /// `[segments, C]`.
    pub token_type_embeddings: Embedding,
    /// Over the features.
    pub norm: LayerNorm,
    #[module(skip)]
    drop: Dropout,
}

/// Some texts as the model takes them, each `[B, T]`.
///
/// ```
/// use gradus_models::BertInput;
/// use gradus_tensor::Tensor;
/// let input = BertInput::new(Tensor::from([[101_i64, 7592, 102, 0]])).keep(Tensor::from([[true, true, true, false]]));
/// assert_eq!(input.tokens.dims(), [1, 4]);
/// ```
#[derive(Clone, Debug)]
pub struct BertInput {
    /// `input_ids`.
    pub tokens: Tensor<i64>,
    /// `token_type_ids`; all 0 if none are given.
    pub segments: Option<Tensor<i64>>,
    /// `attention_mask`: false where a token is padding; all true if none is given.
    pub keep: Option<Tensor<bool>>,
}

impl BertInput {
    /// Texts of one segment without padding.
    #[must_use]
    pub fn new(tokens: Tensor<i64>) -> Self {
        Self { tokens, segments: None, keep: None }
    }

    /// With the segment of each token.
    ///
    /// ```
    /// use gradus_models::BertInput;
    /// use gradus_tensor::Tensor;
    /// let input = BertInput::new(Tensor::from([[101_i64, 102, 102]])).segments(Tensor::from([[0_i64, 0, 1]]));
    /// assert!(input.segments.is_some());
    /// ```
    #[must_use]
    pub fn segments(self, segments: Tensor<i64>) -> Self {
        Self { segments: Some(segments), ..self }
    }

    /// With what is a token and no padding.
    #[must_use]
    pub fn keep(self, keep: Tensor<bool>) -> Self {
        Self { keep: Some(keep), ..self }
    }
}

/// The encoder: texts `[B, T]` → the stream `[B, T, C]`, and the pooled text `[B, C]`.
///
/// In training, PyTorch's encoder layer drops inside the feed-forward map too, where BERT's paper does not.
///
/// ```
/// use gradus_models::{Bert, BertConfig, BertInput};
/// use gradus_module::{Context, Module};
/// use gradus_tensor::{Rng, Tensor};
/// let model = Bert::new(BertConfig::small(100), &mut Rng::seed(0))?;
/// let input = BertInput::new(Tensor::from([[2_i64, 45, 17, 3]]));
/// let stream = model.forward(&input, &mut Context::eval())?;
/// assert_eq!(model.config().positions, 512);
/// assert_eq!((stream.dims(), model.pooled(&stream, &mut Context::eval()).dims()), ([1, 4, 128], [1, 128]));
/// # Ok::<(), gradus_models::ModelError>(())
/// ```
#[derive(Clone, Debug, Module)]
pub struct Bert {
    /// What enters.
    pub embeddings: BertEmbeddings,
    /// The blocks.
    pub encoder: TransformerEncoder,
    /// `[C, C]`, before tanh; some checkpoints have none.
    pub pooler: Option<Linear>,
    #[module(skip)]
    config: BertConfig,
}

/// Spread of all weights at first (`initializer_range`).
const SPREAD: f64 = 0.02;

fn normal(shape: [usize; 2], rng: &mut Rng) -> Param {
    Param::new(Tensor::normal(shape, 0.0, SPREAD, rng))
}

/// A linear map as BERT begins it.
pub(crate) fn linear(inputs: usize, outputs: usize, rng: &mut Rng) -> Linear {
    Linear { weight: normal([outputs, inputs], rng), bias: Some(Param::new(Tensor::zeros([outputs]))) }
}

/// Draws all matrices anew.
fn begin(encoder: &mut TransformerEncoder, rng: &mut Rng) {
    encoder.visit_mut(&mut Path::root(), &mut |path, entry| {
        let parameter = entry.as_any_mut().downcast_mut::<Param>();
        match parameter {
            Some(weight) if weight.rank() == 2 => {
                *weight.value_mut() = Tensor::normal(*weight.shape(), 0.0, SPREAD, rng)
            }
            Some(bias) if path.as_str().ends_with("bias") => *bias.value_mut() = Tensor::zeros(*bias.shape()),
            _ => {}
        }
    });
}

impl Bert {
    /// A model with random weights: normal with spread 0.02, biases 0.
    ///
    /// # Errors
    /// If the configuration makes no sense.
    pub fn new(config: BertConfig, rng: &mut Rng) -> Result<Self, ModelError> {
        config.check()?;
        let width = config.hidden_size;
        let mut table = |rows| Embedding::from_weight(normal([rows, width], rng));
        let (words, places) = (table(config.vocabulary_size), table(config.positions));
        let segments = table(config.segments);
        let norm = LayerNorm::new([width]).eps(config.norm_eps)?;
        let embeddings = BertEmbeddings {
            word_embeddings: words,
            position_embeddings: places,
            token_type_embeddings: segments,
            norm,
            drop: Dropout::new(config.dropout)?,
        };
        let described = Transformer::builder(width, config.heads)
            .feed_forward(config.inner_size)
            .dropout(config.dropout)
            .activation(Unary::gelu())
            .eps(config.norm_eps)
            .batch_first();
        let mut encoder: TransformerEncoder = described.encoder(config.layers, rng)?;
        begin(&mut encoder, rng);
        Ok(Self { embeddings, encoder, pooler: Some(linear(width, width, rng)), config })
    }

    /// Without a pooler, as masked-language models are published.
    ///
    /// ```
    /// use gradus_models::{Bert, BertConfig};
    /// use gradus_tensor::Rng;
    /// assert!(Bert::new(BertConfig::small(100), &mut Rng::seed(0))?.without_pooler().pooler.is_none());
    /// # Ok::<(), gradus_models::ModelError>(())
    /// ```
    #[must_use]
    pub fn without_pooler(self) -> Self {
        Self { pooler: None, ..self }
    }

    /// What it is made of.
    #[must_use]
    pub fn config(&self) -> &BertConfig {
        &self.config
    }

    /// The stream behind the last block: `[B, T] → [B, T, C]` (`last_hidden_state`).
    ///
    /// # Errors
    /// If a text is longer than the places that the model knows, or a token or segment lies outside its tables.
    ///
    /// # Panics
    /// If segments or mask have another shape than the tokens.
    #[track_caller]
    pub fn forward(&self, input: &BertInput, cx: &mut Context<'_>) -> Result<Var, ModelError> {
        let x = self.embedded(input, cx)?;
        let mut options = AttentionOptions::new();
        if let Some(keep) = &input.keep {
            same_shape("mask", input.tokens.dims(), keep.dims());
            options = options.mask(key_padding_mask(&keep.map(|keep| !keep)));
        }
        Ok(self.encoder.forward_with(&x, &options, cx))
    }

    #[track_caller]
    fn embedded(&self, input: &BertInput, cx: &mut Context<'_>) -> Result<Var, ModelError> {
        let (tokens, table) = (&input.tokens, &self.embeddings);
        let [_, length] = tokens.dims();
        if length > self.config.positions {
            return Err(ModelError::TooLong { length, longest: self.config.positions });
        }
        known(tokens, self.config.vocabulary_size)?;
        let places = table.position_embeddings.weight.narrow(0, 0, length);
        let segments = match &input.segments {
            Some(segments) => {
                same_shape("segments", tokens.dims(), segments.dims());
                known(segments, self.config.segments)?;
                table.token_type_embeddings.forward(segments, cx)
            }
            None => table.token_type_embeddings.weight.narrow(0, 0, 1),
        };
        let x = table.word_embeddings.forward(tokens, cx) + segments + places;
        let x = table.norm.forward(&x, cx);
        Ok(table.drop.forward(&x, cx))
    }

    /// tanh(W·x₀ + b) of the first token: `[B, T, C] → [B, C]` (`pooler_output`); x₀ itself if there is no pooler.
    #[must_use]
    pub fn pooled(&self, stream: &Var, cx: &mut Context<'_>) -> Var {
        let first = stream.select(1, 0);
        self.pooler.as_ref().map_or_else(|| first.clone(), |pooler| pooler.forward(&first, cx).tanh())
    }

    /// The mean of the stream over the tokens that are no padding, of length 1: `[B, T, C] → [B, C]` (Reimers and Gurevych 2019,
    /// Sentence-BERT: mean pooling and `Normalize`).
    ///
    /// ```
    /// use gradus_models::{Bert, BertConfig, BertInput};
    /// use gradus_module::Context;
    /// use gradus_tensor::{Rng, Tensor};
    /// let model = Bert::new(BertConfig::small(100), &mut Rng::seed(0))?;
    /// let embedding = model.sentence(&BertInput::new(Tensor::from([[2_i64, 45, 3]])), &mut Context::eval())?;
    /// assert!((embedding.square().sum().item() - 1.0).abs() < 1e-5);
    /// # Ok::<(), gradus_models::ModelError>(())
    /// ```
    ///
    /// # Errors
    /// As [`Bert::forward`].
    #[track_caller]
    pub fn sentence(&self, input: &BertInput, cx: &mut Context<'_>) -> Result<Var, ModelError> {
        let stream = self.forward(input, cx)?;
        let mean = match &input.keep {
            Some(keep) => {
                let weight = keep.cast::<f32>().unsqueeze(-1);
                let count = weight.sum_axes(&[1], false).map(|count| count.max(1e-9));
                (stream * Var::constant(weight)).sum_axes(&[1], false) / Var::constant(count)
            }
            None => stream.mean_axes(&[1], false),
        };
        let length = mean.square().sum_axes(&[-1], true).sqrt().clamp_min(1e-12);
        Ok(mean / length)
    }
}

#[track_caller]
fn same_shape(what: &str, tokens: [usize; 2], other: [usize; 2]) {
    assert!(tokens == other, "Bert: tokens and {what} differ: {tokens:?} and {other:?}");
}

/// Whether all indices have a row.
fn known(indices: &Tensor<i64>, rows: usize) -> Result<(), ModelError> {
    let outside = |index: &i64| !usize::try_from(*index).is_ok_and(|index| index < rows);
    let indices = indices.to_vec();
    match indices.iter().position(outside) {
        Some(place) => Err(ModelError::Token { token: indices[place], place, vocabulary: rows }),
        None => Ok(()),
    }
}
