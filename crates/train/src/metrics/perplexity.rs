//! How surprised a language model is: perplexity, bits per token and bits per character. It must never know a tokenizer.

use gradus_tensor::{Float, Tensor};

use super::inputs::{class_count, class_numbers};

const NAME: &str = "perplexity";

/// The cross-entropy of a text under a model, as e^(nats per token) and as bits per token, character or byte
/// (torchmetrics: `Perplexity`). Perplexities compare only under one tokenizer; bits per character compare always.
///
/// ```
/// use gradus_tensor::Tensor;
/// use gradus_train::metrics::Perplexity;
/// let mut surprise = Perplexity::default();
/// // Logits [N, T, V] that know nothing of 8 symbols, and the tokens that came, of which each stands for 2 characters.
/// surprise.update(&Tensor::<f64>::zeros([1, 3, 8]), &Tensor::from([[0_i64, 7, 3]]));
/// surprise.add_characters(6);
/// assert!((surprise.value().unwrap() - 8.0).abs() < 1e-12);
/// assert!((surprise.bits_per_token().unwrap() - 3.0).abs() < 1e-12);
/// assert!((surprise.bits_per_character().unwrap() - 1.5).abs() < 1e-12);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Perplexity {
    nats: f64,
    tokens: u64,
    characters: u64,
    ignored: Option<i64>,
}

impl Perplexity {
    /// Tokens equal to `token`, such as padding, count nowhere (PyTorch: `ignore_index`).
    ///
    /// ```
    /// use gradus_tensor::Tensor;
    /// use gradus_train::metrics::Perplexity;
    /// let mut surprise = Perplexity::default().ignore(-100);
    /// surprise.update(&Tensor::from([[0.0_f64, 0.0], [9.0, 0.0]]), &Tensor::from([1_i64, -100]));
    /// assert_eq!((surprise.value(), surprise.tokens()), (Some(2.0), 1));
    /// ```
    #[must_use]
    pub fn ignore(mut self, token: i64) -> Self {
        self.ignored = Some(token);
        self
    }

    /// Adds a batch: logits `[…, V]` and the tokens `[…]` that came.
    ///
    /// # Panics
    /// If the shapes do not fit, or a token lies outside.
    #[track_caller]
    pub fn update<T: Float>(&mut self, logits: &Tensor<T>, targets: &Tensor<i64>) {
        let classes = class_count(NAME, logits.shape(), targets.shape());
        let mut rows = logits.reshape([targets.len(), classes]);
        let mut targets = targets.clone();
        if let Some(ignored) = self.ignored {
            let tokens = targets.to_vec();
            let kept: Vec<i64> =
                (0..tokens.len() as i64).filter(|&i| tokens[i as usize] != ignored).collect();
            if kept.len() < tokens.len() {
                let places = Tensor::from(kept);
                targets = targets.reshape([tokens.len()]).index_select(0, &places);
                rows = rows.index_select(0, &places);
            }
        }
        let tokens = class_numbers(NAME, &targets, classes);
        if tokens.is_empty() {
            return;
        }
        let (losses, _) = rows.cross_entropy_rows(&tokens);
        losses.to_vec().into_iter().for_each(|loss| self.nats += loss.as_f64());
        self.tokens += tokens.len() as u64;
    }

    /// Adds a batch whose mean loss in nats is known, over so many tokens.
    ///
    /// ```
    /// use gradus_train::metrics::Perplexity;
    /// let (mut one, mut other) = (Perplexity::default(), Perplexity::default());
    /// one.update_mean(0.0, 10);
    /// other.update_mean(2.0 * 4.0_f64.ln(), 10);
    /// one.merge(&other);
    /// assert!((one.value().unwrap() - 4.0).abs() < 1e-12);
    /// ```
    pub fn update_mean(&mut self, loss: f64, tokens: usize) {
        self.nats += loss * tokens as f64;
        self.tokens += tokens as u64;
    }

    /// Adds characters (or bytes) that the tokens stand for, for [`Perplexity::bits_per_character`].
    pub fn add_characters(&mut self, characters: usize) {
        self.characters += characters as u64;
    }

    /// Adds what another measure has seen.
    pub fn merge(&mut self, other: &Self) {
        self.nats += other.nats;
        self.tokens += other.tokens;
        self.characters += other.characters;
    }

    /// How many tokens there were.
    #[must_use]
    pub fn tokens(&self) -> u64 {
        self.tokens
    }

    /// The perplexity e^(nats / tokens), from 1; `None` of nothing.
    #[must_use]
    pub fn value(&self) -> Option<f64> {
        self.per(self.tokens).map(f64::exp)
    }

    /// nats / (tokens·ln 2); `None` of nothing.
    #[must_use]
    pub fn bits_per_token(&self) -> Option<f64> {
        self.per(self.tokens).map(|nats| nats / std::f64::consts::LN_2)
    }

    /// nats / (characters·ln 2); `None` if no characters were added.
    #[must_use]
    pub fn bits_per_character(&self) -> Option<f64> {
        self.per(self.characters).map(|nats| nats / std::f64::consts::LN_2)
    }

    fn per(&self, count: u64) -> Option<f64> {
        (count > 0).then(|| self.nats / count as f64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_and_padding_alone() {
        let mut surprise = Perplexity::default().ignore(0);
        surprise.update(&Tensor::<f32>::zeros([2, 3]), &Tensor::from([0_i64, 0]));
        assert_eq!(
            (surprise.value(), surprise.bits_per_token(), surprise.bits_per_character()),
            (None, None, None)
        );
    }

    #[test]
    #[should_panic(expected = "perplexity: no such class: 3 at [0, 1] of [1, 2] (0 ≤ class < 3)")]
    fn refuses_unknown_tokens() {
        Perplexity::default().update(&Tensor::<f32>::zeros([1, 2, 3]), &Tensor::from([[2_i64, 3]]));
    }
}
