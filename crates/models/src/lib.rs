//! Models of Gradus.
#![forbid(unsafe_code)]

mod bert;
mod bert_config;
mod bert_heads;
mod config_json;
mod error;
mod generate;
mod gpt;
mod gpt_block;
mod gpt_config;
mod hugging_face;
mod sampling;

pub use gradus_layers as layers;

pub use bert::{Bert, BertEmbeddings, BertInput};
pub use bert_config::BertConfig;
pub use bert_heads::{BertClassifier, BertMaskedLanguage, BertSpans, BertTagger};
pub use error::ModelError;
pub use generate::{Beams, Causal, Found, Generation, beam_search, generate};
pub use gpt::Gpt;
pub use gpt_block::{GptBlock, GptMlp, GptNorm};
pub use gpt_config::{FeedForward, GptConfig, NormKind, Positions};
pub use hugging_face::HuggingFace;
pub use sampling::Sampling;
