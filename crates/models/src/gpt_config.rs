//! What a GPT is made of: sizes, the kind of positions, norms and feed-forward maps, and how a published `config.json` says them.
//! It must never know weights.

use crate::config_json::ConfigJson;
use crate::error::ModelError;

/// How a [`Gpt`](crate::Gpt) knows where a token stands.
///
/// ```
/// use gradus_models::{GptConfig, Positions};
/// let config = GptConfig { positions: Positions::Alibi, ..GptConfig::small(65, 128) };
/// assert_eq!(config.longest(), None); // linear biases go on past the trained length
/// assert_eq!(GptConfig::small(65, 128).longest(), Some(128));
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Positions {
    /// A trained vector for each place (GPT-2; Radford et al. 2019).
    Learned,
    /// Sines and cosines added to the embeddings (Vaswani et al. 2017).
    Sinusoidal,
    /// Queries and keys turn with their place, slower along the features (Su et al. 2021, RoFormer), with this base of wave lengths.
    Rotary {
        /// 10,000 in the paper, up to 1,000,000 for long contexts.
        base: f64,
    },
    /// A penalty on the score that grows with the distance, and nothing else (Press et al. 2022, ALiBi).
    Alibi,
}

/// Which map stands behind the attention of each block.
///
/// ```
/// use gradus_models::{FeedForward, GptConfig};
/// assert_eq!(GptConfig::gpt2().feed_forward, FeedForward::GeluTanh);
/// assert_eq!(GptConfig::modern(32_000, 2048).feed_forward, FeedForward::SwiGlu);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FeedForward {
    /// W₂·gelu(W₁·x + b₁) + b₂.
    Gelu,
    /// The same with GELU's tanh form (Hugging Face: `gelu_new`), GPT-2's.
    GeluTanh,
    /// W₂·(silu(W·x) ⊙ W₁·x) (Shazeer 2020).
    SwiGlu,
}

/// Which norm the blocks have.
///
/// ```
/// use gradus_models::{GptConfig, NormKind};
/// assert_eq!(GptConfig::gpt2().norm, NormKind::Layer);
/// assert_eq!(GptConfig::modern(32_000, 2048).norm, NormKind::RootMeanSquare);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NormKind {
    /// Layer normalisation (Ba et al. 2016).
    Layer,
    /// By the root mean square alone (Zhang and Sennrich 2019).
    RootMeanSquare,
}

/// The sizes and kinds of a [`Gpt`](crate::Gpt).
///
/// ```
/// use gradus_models::{GptConfig, Positions};
/// let config = GptConfig { layers: 2, heads: 4, hidden_size: 64, inner_size: 256, ..GptConfig::small(65, 128) };
/// assert!(config.check().is_ok());
/// let error = GptConfig { heads: 5, ..config }.check().unwrap_err();
/// assert_eq!(error.to_string(), "GptConfig: heads is 5, but it must be a divisor of hidden_size (64)");
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct GptConfig {
    /// Tokens that there are (Hugging Face: `vocab_size`).
    pub vocabulary_size: usize,
    /// Tokens that it is trained to see at once (`n_positions`, `max_position_embeddings`).
    pub context: usize,
    /// Width of the stream (`n_embd`, `hidden_size`).
    pub hidden_size: usize,
    /// Blocks (`n_layer`, `num_hidden_layers`).
    pub layers: usize,
    /// Heads of queries (`n_head`, `num_attention_heads`).
    pub heads: usize,
    /// Heads of keys and values (`num_key_value_heads`); fewer than `heads` share them (Ainslie et al. 2023).
    pub key_heads: usize,
    /// Width inside the feed-forward map (`n_inner`, `intermediate_size`).
    pub inner_size: usize,
    /// How places are told.
    pub positions: Positions,
    /// The norm before each part and at the end.
    pub norm: NormKind,
    /// What the norm adds to the variance (`layer_norm_epsilon`, `rms_norm_eps`).
    pub norm_eps: f64,
    /// The feed-forward map.
    pub feed_forward: FeedForward,
    /// Whether linear maps and norms have biases.
    pub bias: bool,
    /// Whether the head is the embedding's table (`tie_word_embeddings`).
    pub tied_head: bool,
    /// Probability with which embeddings, attention and branches are dropped in training.
    pub dropout: f64,
}

impl GptConfig {
    /// GPT-2 small, 124 M parameters (Radford et al. 2019; Hugging Face: `GPT2Config()`), dropout 0.1.
    #[must_use]
    pub const fn gpt2() -> Self {
        Self {
            vocabulary_size: 50_257,
            context: 1024,
            hidden_size: 768,
            layers: 12,
            heads: 12,
            key_heads: 12,
            inner_size: 3072,
            positions: Positions::Learned,
            norm: NormKind::Layer,
            norm_eps: 1e-5,
            feed_forward: FeedForward::GeluTanh,
            bias: true,
            tied_head: true,
            dropout: 0.1,
        }
    }

    /// A GPT-2 that trains in minutes on a CPU: four blocks of width 128 with four heads, without dropout.
    ///
    /// ```
    /// let config = gradus_models::GptConfig::small(65, 128);
    /// assert_eq!((config.layers, config.hidden_size), (4, 128));
    /// ```
    #[must_use]
    pub const fn small(vocabulary_size: usize, context: usize) -> Self {
        let (hidden_size, inner_size, dropout) = (128, 512, 0.0);
        let size = Self { vocabulary_size, context, hidden_size, inner_size, dropout, ..Self::gpt2() };
        Self { layers: 4, heads: 4, key_heads: 4, ..size }
    }

    /// The blocks of today's models (Touvron et al. 2023, LLaMA): root-mean-square norms, rotary positions, SwiGLU, no biases,
    /// eight heads of queries on two of keys, a head of its own; six blocks of width 256.
    ///
    /// ```
    /// let config = gradus_models::GptConfig::modern(32_000, 2048);
    /// assert_eq!((config.heads, config.key_heads, config.bias), (8, 2, false));
    /// ```
    #[must_use]
    pub const fn modern(vocabulary_size: usize, context: usize) -> Self {
        Self {
            vocabulary_size,
            context,
            hidden_size: 256,
            layers: 6,
            heads: 8,
            key_heads: 2,
            inner_size: 688,
            positions: Positions::Rotary { base: 10_000.0 },
            norm: NormKind::RootMeanSquare,
            norm_eps: 1e-6,
            feed_forward: FeedForward::SwiGlu,
            bias: false,
            tied_head: false,
            dropout: 0.0,
        }
    }

    /// What a `config.json` of Hugging Face describes: `gpt2` or `llama`.
    ///
    /// ```
    /// use gradus_models::{GptConfig, Positions};
    /// let json = r#"{"model_type": "gpt2", "vocab_size": 50257, "n_positions": 1024, "n_embd": 768, "n_layer": 12, "n_head": 12,
    ///     "resid_pdrop": 0.1}"#;
    /// assert_eq!(GptConfig::from_json(json)?, GptConfig::gpt2());
    /// let error = GptConfig::from_json(r#"{"model_type": "mamba"}"#).unwrap_err();
    /// assert!(error.to_string().starts_with("config.json: model_type is \"mamba\", this model has gpt2 or llama"));
    /// # Ok::<(), gradus_models::ModelError>(())
    /// ```
    ///
    /// # Errors
    /// If it is no JSON, a key is missing or of another type, the model is of another family, or a value is one that is not built.
    pub fn from_json(json: &str) -> Result<Self, ModelError> {
        let json = ConfigJson::parse(json)?;
        json.family(&["gpt2", "llama"])?;
        let config =
            if json.text_or("model_type", "gpt2")? == "llama" { llama(&json)? } else { gpt2(&json)? };
        config.check()?;
        Ok(config)
    }

    /// How many tokens a text may have: the context, and no bound where linear biases tell the places.
    #[must_use]
    pub fn longest(&self) -> Option<usize> {
        (self.positions != Positions::Alibi).then_some(self.context)
    }

    /// Whether such a model can be.
    ///
    /// # Errors
    /// With the first field that makes no sense, its value and what it may be.
    pub fn check(&self) -> Result<(), ModelError> {
        let check = |fits, field, value: &dyn std::fmt::Display, range: String| {
            ModelError::check(fits, "GptConfig", field, value, range)
        };
        let sizes = [
            ("vocabulary_size", self.vocabulary_size),
            ("context", self.context),
            ("hidden_size", self.hidden_size),
            ("layers", self.layers),
            ("inner_size", self.inner_size),
        ];
        for (field, size) in sizes {
            check(size > 0, field, &size, "at least 1".into())?;
        }
        let divides = |part: usize, whole: usize| part > 0 && whole.is_multiple_of(part);
        let range = format!("a divisor of hidden_size ({})", self.hidden_size);
        check(divides(self.heads, self.hidden_size), "heads", &self.heads, range)?;
        let range = format!("a divisor of heads ({})", self.heads);
        check(divides(self.key_heads, self.heads), "key_heads", &self.key_heads, range)?;
        if let Positions::Rotary { base } = self.positions {
            let size = self.hidden_size / self.heads;
            let range = "such that a head has an even number of features".into();
            check(size.is_multiple_of(2), "heads", &self.heads, range)?;
            check(base.is_finite() && base > 0.0, "base", &base, "finite and > 0".into())?;
        }
        let eps = self.norm_eps;
        check(eps.is_finite() && eps >= 0.0, "norm_eps", &eps, "finite and ≥ 0".into())?;
        let dropout = self.dropout;
        check((0.0..=1.0).contains(&dropout), "dropout", &dropout, "a probability (0 ≤ p ≤ 1)".into())
    }
}

fn gpt2(json: &ConfigJson) -> Result<GptConfig, ModelError> {
    let feed_forward = match json.text_or("activation_function", "gelu_new")? {
        "gelu" => FeedForward::Gelu,
        _ => {
            json.only("activation_function", &["gelu", "gelu_new", "gelu_pytorch_tanh"])?;
            FeedForward::GeluTanh
        }
    };
    let (hidden_size, heads) = (json.size("n_embd")?, json.size("n_head")?);
    Ok(GptConfig {
        vocabulary_size: json.size("vocab_size")?,
        context: json.size("n_positions")?,
        hidden_size,
        layers: json.size("n_layer")?,
        heads,
        key_heads: heads,
        inner_size: json.size_or("n_inner", 4 * hidden_size)?,
        norm_eps: json.number_or("layer_norm_epsilon", 1e-5)?,
        feed_forward,
        tied_head: json.truth_or("tie_word_embeddings", true)?,
        dropout: json.number_or("resid_pdrop", 0.1)?,
        ..GptConfig::gpt2()
    })
}

fn llama(json: &ConfigJson) -> Result<GptConfig, ModelError> {
    json.only("hidden_act", &["silu"])?;
    json.absent("rope_scaling")?;
    json.without("attention_bias")?;
    json.without("mlp_bias")?;
    let rope = json.object("rope_parameters")?;
    rope.only("rope_type", &["default"])?;
    let base = rope.number_or("rope_theta", json.number_or("rope_theta", 10_000.0)?)?;
    let (hidden_size, heads) = (json.size("hidden_size")?, json.size("num_attention_heads")?);
    let head_size = json.size_or("head_dim", hidden_size / heads.max(1))?;
    ModelError::check(
        head_size * heads == hidden_size,
        "GptConfig",
        "head_dim",
        head_size,
        "hidden_size / heads",
    )?;
    Ok(GptConfig {
        hidden_size,
        layers: json.size("num_hidden_layers")?,
        heads,
        key_heads: json.size_or("num_key_value_heads", heads)?,
        inner_size: json.size("intermediate_size")?,
        positions: Positions::Rotary { base },
        norm_eps: json.number_or("rms_norm_eps", 1e-6)?,
        tied_head: json.truth_or("tie_word_embeddings", false)?,
        ..GptConfig::modern(json.size("vocab_size")?, json.size("max_position_embeddings")?)
    })
}
