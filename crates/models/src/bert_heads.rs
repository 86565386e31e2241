//! What stands on a BERT's stream: each head is one linear map or two, and the question decides which (Devlin et al. 2019, §3 and §4).

use gradus_autodiff::Var;
use gradus_layers::{Dropout, LayerNorm, Linear};
use gradus_module::{Context, Layer, Module, Param};
use gradus_tensor::{Rng, Tensor};

use crate::bert::{Bert, BertInput, linear};
use crate::bert_config::BertConfig;
use crate::error::ModelError;

/// Which token was masked, and whether the second sentence follows the first (Hugging Face: `BertForPreTraining`, and
/// `BertForMaskedLM` without the second head). The table of words is the last map of the first head.
///
/// ```
/// use gradus_models::{BertConfig, BertInput, BertMaskedLanguage};
/// use gradus_module::Context;
/// use gradus_tensor::{Rng, Tensor};
/// let model = BertMaskedLanguage::new(BertConfig::small(100), &mut Rng::seed(0))?;
/// let (input, mut cx) = (BertInput::new(Tensor::from([[2_i64, 45, 4, 3]])), Context::eval());
/// let stream = model.bert.forward(&input, &mut cx)?;
/// assert_eq!(model.words(&stream, &mut cx).dims(), [1, 4, 100]);
/// assert_eq!(model.follows(&stream, &mut cx).map(|logits| logits.dims()), Some([1, 2]));
/// # Ok::<(), gradus_models::ModelError>(())
/// ```
#[derive(Clone, Debug, Module)]
pub struct BertMaskedLanguage {
    /// The encoder.
    pub bert: Bert,
    /// `[C, C]`, before GELU.
    pub dense: Linear,
    /// Over the features.
    pub norm: LayerNorm,
    /// `[V]`.
    pub bias: Param,
    /// `[2, C]`: it follows, it does not.
    pub next_sentence: Option<Linear>,
}

impl BertMaskedLanguage {
    /// A model with both heads.
    ///
    /// # Errors
    /// If the configuration makes no sense.
    pub fn new(config: BertConfig, rng: &mut Rng) -> Result<Self, ModelError> {
        let bert = Bert::new(config, rng)?;
        let width = config.hidden_size;
        let dense = linear(width, width, rng);
        let norm = LayerNorm::new([width]).eps(config.norm_eps)?;
        let bias = Param::new(Tensor::zeros([config.vocabulary_size]));
        Ok(Self { bert, dense, norm, bias, next_sentence: Some(linear(width, 2, rng)) })
    }

    /// The same for words alone, without pooler and second head (`BertForMaskedLM`).
    ///
    /// ```
    /// use gradus_models::{BertConfig, BertMaskedLanguage};
    /// use gradus_tensor::Rng;
    /// let model = BertMaskedLanguage::new(BertConfig::small(100), &mut Rng::seed(0))?.words_alone();
    /// assert!(model.next_sentence.is_none() && model.bert.pooler.is_none());
    /// # Ok::<(), gradus_models::ModelError>(())
    /// ```
    #[must_use]
    pub fn words_alone(self) -> Self {
        Self { bert: self.bert.without_pooler(), next_sentence: None, ..self }
    }

    /// The logits of the word at each place, `[…, C] → […, V]`. Give it only the places that are asked for: the table is large.
    #[must_use]
    pub fn words(&self, stream: &Var, cx: &mut Context<'_>) -> Var {
        let x = self.norm.forward(&self.dense.forward(stream, cx).gelu(), cx);
        x.linear_in(&self.bert.embeddings.word_embeddings.weight, Some(&self.bias), cx.precision())
    }

    /// The logits of *it follows* and *it does not*, `[B, T, C] → [B, 2]`; none without that head.
    #[must_use]
    pub fn follows(&self, stream: &Var, cx: &mut Context<'_>) -> Option<Var> {
        let pooled = self.bert.pooled(stream, cx);
        self.next_sentence.as_ref().map(|head| head.forward(&pooled, cx))
    }
}

macro_rules! head {
    ($(#[$doc:meta])* $Model:ident, $field:ident, $field_doc:literal, $what:literal, pooled: $pooled:literal, $shape:literal) => {
        $(#[$doc])*
        #[derive(Clone, Debug, Module)]
        pub struct $Model {
            /// The encoder.
            pub bert: Bert,
            #[doc = $field_doc]
            pub $field: Linear,
            #[module(skip)]
            drop: Dropout,
        }

        impl $Model {
            #[doc = concat!("A head of ", $what, " on an encoder, with weights of spread 0.02.")]
            ///
            /// # Errors
            /// If there is no output.
            pub fn new(bert: Bert, outputs: usize, rng: &mut Rng) -> Result<Self, ModelError> {
                ModelError::check(outputs > 0, stringify!($Model), "outputs", outputs, "at least 1")?;
                let (width, dropout) = (bert.config().hidden_size, bert.config().dropout);
                let bert = if $pooled { bert } else { bert.without_pooler() };
                Ok(Self { bert, $field: linear(width, outputs, rng), drop: Dropout::new(dropout)? })
            }

            #[doc = concat!("The logits: `[B, T] → ", $shape, "`.")]
            ///
            /// # Errors
            /// As [`Bert::forward`].
            #[track_caller]
            pub fn forward(&self, input: &BertInput, cx: &mut Context<'_>) -> Result<Var, ModelError> {
                let stream = self.bert.forward(input, cx)?;
                let x = if $pooled { self.bert.pooled(&stream, cx) } else { stream };
                Ok(self.$field.forward(&self.drop.forward(&x, cx), cx))
            }
        }
    };
}

head! {
    /// What class a text has (Hugging Face: `BertForSequenceClassification`).
    ///
    /// ```
    /// use gradus_models::{Bert, BertClassifier, BertConfig, BertInput};
    /// use gradus_module::Context;
    /// use gradus_tensor::{Rng, Tensor};
    /// let rng = &mut Rng::seed(0);
    /// let model = BertClassifier::new(Bert::new(BertConfig::small(100), rng)?, 3, rng)?;
    /// let input = BertInput::new(Tensor::from([[2_i64, 45, 4, 3]]));
    /// assert_eq!(model.forward(&input, &mut Context::eval())?.dims(), [1, 3]);
    /// # Ok::<(), gradus_models::ModelError>(())
    /// ```
    BertClassifier, classifier, "`[K, C]`.", "K classes", pooled: true, "[B, K]"
}

head! {
    /// What label each token has: names, semantic roles (Hugging Face: `BertForTokenClassification`).
    ///
    /// ```
    /// use gradus_models::{Bert, BertConfig, BertInput, BertTagger};
    /// use gradus_module::Context;
    /// use gradus_tensor::{Rng, Tensor};
    /// let rng = &mut Rng::seed(0);
    /// let model = BertTagger::new(Bert::new(BertConfig::small(100), rng)?, 9, rng)?;
    /// let input = BertInput::new(Tensor::from([[2_i64, 45, 4, 3]]));
    /// assert_eq!(model.forward(&input, &mut Context::eval())?.dims(), [1, 4, 9]);
    /// # Ok::<(), gradus_models::ModelError>(())
    /// ```
    BertTagger, classifier, "`[K, C]`.", "K labels", pooled: false, "[B, T, K]"
}

head! {
    /// Where an answer begins and where it ends, two outputs (Hugging Face: `BertForQuestionAnswering`).
    ///
    /// ```
    /// use gradus_models::{Bert, BertConfig, BertInput, BertSpans};
    /// use gradus_module::Context;
    /// use gradus_tensor::{Rng, Tensor};
    /// let rng = &mut Rng::seed(0);
    /// let model = BertSpans::new(Bert::new(BertConfig::small(100), rng)?, 2, rng)?;
    /// let input = BertInput::new(Tensor::from([[2_i64, 45, 4, 3]]));
    /// assert_eq!(model.forward(&input, &mut Context::eval())?.dims(), [1, 4, 2]);
    /// # Ok::<(), gradus_models::ModelError>(())
    /// ```
    BertSpans, qa_outputs, "`[2, C]`.", "two ends", pooled: false, "[B, T, 2]"
}
