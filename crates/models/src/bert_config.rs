//! What a BERT is made of, and how a published `config.json` says it. It must never know weights.

use crate::config_json::ConfigJson;
use crate::error::ModelError;

/// The sizes of a [`Bert`](crate::Bert).
///
/// ```
/// use gradus_models::BertConfig;
/// let config = BertConfig { layers: 2, ..BertConfig::base() };
/// assert!(config.check().is_ok());
/// let error = BertConfig { heads: 7, ..config }.check().unwrap_err();
/// assert_eq!(error.to_string(), "BertConfig: heads is 7, but it must be a divisor of hidden_size (768)");
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BertConfig {
    /// Tokens that there are (Hugging Face: `vocab_size`).
    pub vocabulary_size: usize,
    /// Width of the stream (`hidden_size`).
    pub hidden_size: usize,
    /// Blocks (`num_hidden_layers`).
    pub layers: usize,
    /// Heads (`num_attention_heads`).
    pub heads: usize,
    /// Width inside the feed-forward map (`intermediate_size`).
    pub inner_size: usize,
    /// Places that are trained (`max_position_embeddings`).
    pub positions: usize,
    /// Segments that are told apart (`type_vocab_size`).
    pub segments: usize,
    /// What norms add to the variance (`layer_norm_eps`).
    pub norm_eps: f64,
    /// Probability with which the stream, attention and branches are dropped in training (`hidden_dropout_prob`).
    pub dropout: f64,
}

impl BertConfig {
    /// BERT base, 110 M parameters with the vocabulary of `bert-base-uncased`.
    #[must_use]
    pub const fn base() -> Self {
        Self {
            vocabulary_size: 30_522,
            hidden_size: 768,
            layers: 12,
            heads: 12,
            inner_size: 3072,
            positions: 512,
            segments: 2,
            norm_eps: 1e-12,
            dropout: 0.1,
        }
    }

    /// One that trains on a CPU: two blocks of width 128 with two heads ("BERT tiny", Turc et al. 2019).
    ///
    /// ```
    /// assert_eq!(gradus_models::BertConfig::small(8000).hidden_size, 128);
    /// ```
    #[must_use]
    pub const fn small(vocabulary_size: usize) -> Self {
        Self { vocabulary_size, hidden_size: 128, layers: 2, heads: 2, inner_size: 512, ..Self::base() }
    }

    /// What a `config.json` of Hugging Face describes.
    ///
    /// ```
    /// use gradus_models::BertConfig;
    /// let json = r#"{"model_type": "bert", "vocab_size": 30522, "hidden_size": 384, "num_hidden_layers": 6, "num_attention_heads": 12,
    ///     "intermediate_size": 1536, "max_position_embeddings": 512, "type_vocab_size": 2, "layer_norm_eps": 1e-12,
    ///     "hidden_dropout_prob": 0.1, "hidden_act": "gelu"}"#;
    /// assert_eq!(BertConfig::from_json(json)?.hidden_size, 384);
    /// let error = BertConfig::from_json("{}").unwrap_err();
    /// assert!(error.to_string().starts_with("config.json: vocab_size is missing"));
    /// # Ok::<(), gradus_models::ModelError>(())
    /// ```
    ///
    /// # Errors
    /// If it is no JSON, a key is missing or of another type, the model is of another family, or a value is one that is not built.
    pub fn from_json(json: &str) -> Result<Self, ModelError> {
        let json = ConfigJson::parse(json)?;
        json.family(&["bert"])?;
        json.only("hidden_act", &["gelu"])?;
        json.only("position_embedding_type", &["absolute"])?;
        let config = Self {
            vocabulary_size: json.size("vocab_size")?,
            hidden_size: json.size("hidden_size")?,
            layers: json.size("num_hidden_layers")?,
            heads: json.size("num_attention_heads")?,
            inner_size: json.size("intermediate_size")?,
            positions: json.size("max_position_embeddings")?,
            segments: json.size("type_vocab_size")?,
            norm_eps: json.number_or("layer_norm_eps", 1e-12)?,
            dropout: json.number_or("hidden_dropout_prob", 0.1)?,
        };
        config.check()?;
        Ok(config)
    }

    /// Whether such a model can be.
    ///
    /// # Errors
    /// With the first field that makes no sense, its value and what it may be.
    pub fn check(&self) -> Result<(), ModelError> {
        let check = |fits, field, value: &dyn std::fmt::Display, range: String| {
            ModelError::check(fits, "BertConfig", field, value, range)
        };
        let sizes = [
            ("vocabulary_size", self.vocabulary_size),
            ("hidden_size", self.hidden_size),
            ("layers", self.layers),
            ("inner_size", self.inner_size),
            ("positions", self.positions),
            ("segments", self.segments),
        ];
        for (field, size) in sizes {
            check(size > 0, field, &size, "at least 1".into())?;
        }
        let divides = self.heads > 0 && self.hidden_size.is_multiple_of(self.heads);
        let range = format!("a divisor of hidden_size ({})", self.hidden_size);
        check(divides, "heads", &self.heads, range)?;
        let eps = self.norm_eps;
        check(eps.is_finite() && eps >= 0.0, "norm_eps", &eps, "finite and ≥ 0".into())?;
        let dropout = self.dropout;
        check((0.0..=1.0).contains(&dropout), "dropout", &dropout, "a probability (0 ≤ p ≤ 1)".into())
    }
}
