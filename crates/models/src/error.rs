//! What models answer when a configuration, a checkpoint or a prompt makes no sense. Shapes of inputs are no matter of this file.

use std::fmt::Display;

use gradus_layers::LayerError;
use thiserror::Error;

/// A model that cannot be built, filled or asked.
///
/// ```
/// use gradus_models::{BertConfig, ModelError};
/// let error: ModelError = BertConfig::from_json(r#"{"vocab_size": 9, "hidden_size": "wide"}"#).unwrap_err();
/// assert!(error.to_string().contains("hidden_size"));
/// ```
#[derive(Clone, Debug, Error, PartialEq)]
#[non_exhaustive]
pub enum ModelError {
    /// A field lies outside what the model can work with.
    #[error("{model}: {field} is {value}, but it must be {range}")]
    Field {
        /// The configuration's type.
        model: &'static str,
        /// The field's name.
        field: &'static str,
        /// Its value.
        value: String,
        /// What it may be.
        range: String,
    },
    /// A layer cannot be built.
    #[error(transparent)]
    Layer(#[from] LayerError),
    /// A `config.json` that cannot be read.
    #[error("config.json: {what}; {mend}")]
    Config {
        /// What is wrong, with the key.
        what: String,
        /// How to mend it.
        mend: String,
    },
    /// A checkpoint's tensor that cannot be what its name says.
    #[error("the checkpoint's {tensor} is {what}")]
    Tensor {
        /// Its name.
        tensor: String,
        /// What is wrong.
        what: String,
    },
    /// Nothing to go on from.
    #[error("the prompt is empty: give at least one token, such as the model's start token")]
    EmptyPrompt,
    /// A token that the model does not know.
    #[error(
        "token {token} at place {place} lies outside the vocabulary of {vocabulary}: does the tokenizer belong to the model?"
    )]
    Token {
        /// The token.
        token: i64,
        /// Where it stands.
        place: usize,
        /// How many there are.
        vocabulary: usize,
    },
    /// A text that the model cannot see at once.
    #[error("the text has {length} tokens, the model sees {longest} at most: shorten it")]
    TooLong {
        /// Its length.
        length: usize,
        /// The model's bound.
        longest: usize,
    },
}

impl ModelError {
    /// `Ok` if the field is sensible.
    pub(crate) fn check(
        fits: bool,
        model: &'static str,
        field: &'static str,
        value: impl Display,
        range: impl Display,
    ) -> Result<(), Self> {
        let error = || Self::Field { model, field, value: value.to_string(), range: range.to_string() };
        if fits { Ok(()) } else { Err(error()) }
    }
}
