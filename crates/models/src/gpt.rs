//! GPT: a language model that reads from left to right (Radford et al. 2019; PyTorch names as in Hugging Face's `GPT2LMHeadModel`).
//!
//! The figure: token embeddings (and, for GPT-2, a trained vector for each place) enter a stream of width C. Every block adds to the stream twice:
//! what causal attention finds in the normed stream, then what a feed-forward map makes of the normed stream. A last norm, and a
//! head that is often the embedding's table again, give the logits of the next token at each place. The same blocks
//! with root-mean-square norms, rotary positions, SwiGLU and shared key heads are the models of today; with linear biases in place of
//! positions they are ALiBi's. It must never know how tokens are made or chosen.

use gradus_autodiff::Var;
use gradus_layers::{Dropout, Embedding, KeyValueCache, Linear, sinusoidal_table};
use gradus_module::{Context, Layer, Module, checkpoint};
use gradus_tensor::{Rng, Tensor};

use crate::error::ModelError;
use crate::gpt_block::{GptBlock, GptNorm, SPREAD, linear, normal};
use crate::gpt_config::{GptConfig, Positions};

/// A causal language model: `[B, T] → [B, T, V]`.
///
/// ```
/// use gradus_models::layers::KeyValueCache;
/// use gradus_models::{Gpt, GptConfig};
/// use gradus_module::{Context, Module};
/// use gradus_tensor::{Rng, Tensor};
/// let model = Gpt::new(GptConfig::small(65, 128), &mut Rng::seed(0))?;
/// let tokens = Tensor::from([[3_i64, 1, 4, 1, 5]]);
/// assert_eq!(model.forward(&tokens, &mut Context::eval()).dims(), [1, 5, 65]);
/// assert_eq!(model.parameter_count(), 818_048);
/// assert_eq!(model.hidden(&tokens, &mut Context::eval()).dims(), [1, 5, 128]);
/// let mut caches = vec![KeyValueCache::new(); 4];
/// assert_eq!(model.decode(&tokens, &mut caches, &mut Context::eval()).dims(), [1, 65]);
/// assert_eq!(caches[0].len(), 5);
/// # Ok::<(), gradus_models::ModelError>(())
/// ```
#[derive(Clone, Debug, Module)]
pub struct Gpt {
    /// Embeddings of tokens, `[V, C]`.
    pub wte: Embedding,
    /// Embeddings of places, `[context, C]`, where they are trained.
    pub wpe: Option<Embedding>,
    /// The blocks.
    pub h: Vec<GptBlock>,
    /// The last norm.
    pub ln_f: GptNorm,
    /// The head, `[V, C]`, unless it is `wte`.
    pub lm_head: Option<Linear>,
    #[module(skip)]
    drop: Dropout,
    #[module(skip)]
    config: GptConfig,
    #[module(skip)]
    checkpointed: bool,
}

impl Gpt {
    /// A model with random weights, as the paper has them: normal with spread 0.02, branches by 0.02/√(2·layers), biases 0.
    ///
    /// # Errors
    /// If the configuration makes no sense.
    pub fn new(config: GptConfig, rng: &mut Rng) -> Result<Self, ModelError> {
        config.check()?;
        let GptConfig { vocabulary_size, context, hidden_size, layers, .. } = config;
        let mut table = |rows| Embedding::from_weight(normal([rows, hidden_size], SPREAD, rng));
        let wte = table(vocabulary_size);
        let wpe = (config.positions == Positions::Learned).then(|| table(context));
        let h = (0..layers).map(|_| GptBlock::new(&config, rng)).collect::<Result<_, _>>()?;
        let lm_head = (!config.tied_head).then(|| linear([hidden_size, vocabulary_size], SPREAD, false, rng));
        let (ln_f, drop) = (GptNorm::new(&config)?, Dropout::new(config.dropout)?);
        Ok(Self { wte, wpe, h, ln_f, lm_head, drop, config, checkpointed: false })
    }

    /// Blocks forget what they computed and compute it again in the backward pass: a few blocks' memory instead of all (Chen et al.
    /// 2016).
    ///
    /// ```
    /// use gradus_models::{Gpt, GptConfig};
    /// use gradus_tensor::Rng;
    /// let model = Gpt::new(GptConfig::small(65, 128), &mut Rng::seed(0))?.checkpointed();
    /// assert_eq!(model.config().layers, 4);
    /// # Ok::<(), gradus_models::ModelError>(())
    /// ```
    #[must_use]
    pub fn checkpointed(self) -> Self {
        Self { checkpointed: true, ..self }
    }

    /// What it is made of.
    #[must_use]
    pub fn config(&self) -> &GptConfig {
        &self.config
    }

    /// The logits of the next token at each place: `[B, T] → [B, T, V]`.
    ///
    /// # Panics
    /// If a token lies outside the vocabulary, or T exceeds the places that are trained.
    #[must_use]
    #[track_caller]
    pub fn forward(&self, tokens: &Tensor<i64>, cx: &mut Context<'_>) -> Var {
        let x = self.hidden(tokens, cx);
        self.logits(&x, cx)
    }

    /// The stream behind the last norm: `[B, T] → [B, T, C]` (Hugging Face: `GPT2Model`).
    ///
    /// # Panics
    /// As [`Gpt::forward`].
    #[must_use]
    #[track_caller]
    pub fn hidden(&self, tokens: &Tensor<i64>, cx: &mut Context<'_>) -> Var {
        let mut x = self.embedded(tokens, 0, cx);
        for block in &self.h {
            x = if self.checkpointed { checkpoint(block, &x, cx) } else { block.forward(&x, cx) };
        }
        self.ln_f.forward(&x, cx)
    }

    /// The logits behind the last of some tokens that follow those in the cache, `[B, T] → [B, V]`, without gradients.
    ///
    /// # Panics
    /// As [`Gpt::forward`], or if the cache belongs to another model or batch.
    #[must_use]
    #[track_caller]
    pub fn decode(&self, tokens: &Tensor<i64>, cache: &mut [KeyValueCache], cx: &mut Context<'_>) -> Tensor {
        assert!(
            cache.len() == self.h.len(),
            "Gpt: caches and blocks differ ({} ≠ {})",
            cache.len(),
            self.h.len()
        );
        let first = cache.first().map_or(0, KeyValueCache::len);
        let mut x = self.embedded(tokens, first, cx);
        for (block, cache) in self.h.iter().zip(cache) {
            x = block.run(&x, Some(cache), cx);
        }
        let last = self.ln_f.forward(&x.select(1, tokens.dim(1) - 1), cx);
        self.logits(&last, cx).value().clone()
    }

    #[track_caller]
    fn embedded(&self, tokens: &Tensor<i64>, first: usize, cx: &mut Context<'_>) -> Var {
        let (mut x, length) = (self.wte.forward(tokens, cx), tokens.dim(1));
        if let Some(wpe) = &self.wpe {
            let (end, places) = (first + length, wpe.weight.dim(0));
            assert!(end <= places, "Gpt: the text is too long: {} ({end} > {places})", tokens.shape());
            x = x + wpe.weight.narrow(0, first, length);
        } else if self.config.positions == Positions::Sinusoidal {
            let width = self.config.hidden_size;
            let table = sinusoidal_table(first + length, width).narrow(0, first, length);
            x = x * (width as f64).sqrt() + Var::constant(table); // the paper's §3.4
        }
        self.drop.forward(&x, cx)
    }

    /// `[…, C] → […, V]`
    fn logits(&self, x: &Var, cx: &mut Context<'_>) -> Var {
        match &self.lm_head {
            Some(head) => head.forward(x, cx),
            None => x.linear_in(&self.wte.weight, None, cx.precision()),
        }
    }
}
