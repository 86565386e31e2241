//! Text by a causal language model, a token after another: sampled or by beams, streamed, stopped by an end token or by sequences.
//! It knows a model only as [`Causal`], so recurrent models speak by the same rules as attention.

use gradus_autodiff::no_grad;
use gradus_layers::KeyValueCache;
use gradus_module::Context;
use gradus_tensor::{Rng, Tensor};

use crate::error::ModelError;
use crate::gpt::Gpt;
use crate::sampling::Sampling;

/// A model that tells the next token, with a memory of those before.
///
/// ```
/// use gradus_models::{Causal, Gpt, GptConfig};
/// use gradus_tensor::{Rng, Tensor};
/// let model = Gpt::new(GptConfig::small(65, 128), &mut Rng::seed(0))?;
/// let mut memory = model.memory(128);
/// let logits = model.next(&Tensor::from([[3_i64, 1, 4]]), &mut memory);
/// assert_eq!((logits.dims(), model.vocabulary_size(), model.longest()), ([1, 65], 65, Some(128)));
/// # Ok::<(), gradus_models::ModelError>(())
/// ```
pub trait Causal {
    /// What it remembers of the tokens so far.
    type Memory: Clone;

    /// An empty memory with room for so many tokens.
    fn memory(&self, room: usize) -> Self::Memory;

    /// The logits behind the last of some tokens `[B, T]` that follow those in the memory: `[B, V]`.
    fn next(&self, tokens: &Tensor<i64>, memory: &mut Self::Memory) -> Tensor;

    /// The memory of a batch made of these places of the old one.
    fn select(&self, memory: &Self::Memory, places: &[usize]) -> Self::Memory;

    /// How many tokens it knows.
    fn vocabulary_size(&self) -> usize;

    /// The longest text that it can see, if there is a bound.
    fn longest(&self) -> Option<usize>;
}

impl Causal for Gpt {
    type Memory = Vec<KeyValueCache>;

    fn memory(&self, room: usize) -> Self::Memory {
        vec![KeyValueCache::with_capacity(room); self.h.len()]
    }

    fn next(&self, tokens: &Tensor<i64>, memory: &mut Self::Memory) -> Tensor {
        no_grad(|| self.decode(tokens, memory, &mut Context::eval()))
    }

    fn select(&self, memory: &Self::Memory, places: &[usize]) -> Self::Memory {
        memory.iter().map(|cache| cache.select(places)).collect()
    }

    fn vocabulary_size(&self) -> usize {
        self.config().vocabulary_size
    }

    fn longest(&self) -> Option<usize> {
        self.config().longest()
    }
}

/// What is to be written.
///
/// ```
/// use gradus_models::{Generation, Gpt, GptConfig, Sampling, generate};
/// use gradus_tensor::Rng;
/// let model = Gpt::new(GptConfig::small(65, 128), &mut Rng::seed(0))?;
/// let wish = Generation { sampling: Sampling::greedy(), ..Generation::new(20) };
/// let text = generate(&model, &[3, 1, 4], &wish, &mut Rng::seed(7), |_| true)?;
/// assert_eq!(text.len(), 20);
/// let error = generate(&model, &[], &wish, &mut Rng::seed(7), |_| true).unwrap_err();
/// assert!(error.to_string().starts_with("the prompt is empty"));
/// # Ok::<(), gradus_models::ModelError>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Generation {
    /// Tokens at most (Hugging Face: `max_new_tokens`). Fewer where the model's context ends.
    pub tokens: usize,
    /// How each is chosen.
    pub sampling: Sampling,
    /// The text ends behind this token (`eos_token_id`).
    pub end: Option<i64>,
    /// The text ends behind any of these sequences, of which all must be new: the prompt is not searched.
    pub stop: Vec<Vec<i64>>,
}

impl Generation {
    /// So many tokens, drawn from the model's own distribution.
    #[must_use]
    pub fn new(tokens: usize) -> Self {
        Self { tokens, sampling: Sampling::default(), end: None, stop: Vec::new() }
    }

    fn ends(&self, text: &[i64]) -> bool {
        self.end.is_some_and(|end| text.last() == Some(&end))
            || self.stop.iter().any(|stop| !stop.is_empty() && text.ends_with(stop))
    }
}

/// The tokens that follow `prompt`, the end token or stop sequence among them. `each` sees every token at once and may say `false` to stop.
///
/// # Errors
/// If the prompt is empty, holds a token beyond the vocabulary, or fills the model's context; or the sampling makes no sense.
pub fn generate<M: Causal>(
    model: &M,
    prompt: &[i64],
    wish: &Generation,
    rng: &mut Rng,
    mut each: impl FnMut(i64) -> bool,
) -> Result<Vec<i64>, ModelError> {
    wish.sampling.check()?;
    let tokens = room(model, prompt, wish.tokens)?;
    let mut memory = model.memory(prompt.len() + tokens);
    let (mut text, mut fresh) = (prompt.to_vec(), prompt.to_vec());
    for _ in 0..tokens {
        let logits = model.next(&row(&fresh), &mut memory);
        let token = wish.sampling.choose(&logits.to_vec(), &text, rng);
        text.push(token);
        if !each(token) || wish.ends(&text[prompt.len()..]) {
            break;
        }
        fresh = vec![token];
    }
    Ok(text.split_off(prompt.len()))
}

/// How many of `wanted` tokens have a place behind the prompt.
fn room<M: Causal>(model: &M, prompt: &[i64], wanted: usize) -> Result<usize, ModelError> {
    if prompt.is_empty() {
        return Err(ModelError::EmptyPrompt);
    }
    let vocabulary = model.vocabulary_size();
    let known = |token: &i64| usize::try_from(*token).is_ok_and(|token| token < vocabulary);
    if let Some(place) = prompt.iter().position(|token| !known(token)) {
        return Err(ModelError::Token { token: prompt[place], place, vocabulary });
    }
    match model.longest() {
        // The last token needs no place: nothing follows it.
        Some(longest) if prompt.len() > longest => Err(ModelError::TooLong { length: prompt.len(), longest }),
        Some(longest) => Ok(wanted.min(longest + 1 - prompt.len())),
        None => Ok(wanted),
    }
}

fn row(tokens: &[i64]) -> Tensor<i64> {
    Tensor::new([1, tokens.len()], tokens)
}

/// How a text is searched for by several beams at once.
///
/// ```
/// use gradus_models::{Beams, Gpt, GptConfig, beam_search};
/// use gradus_tensor::Rng;
/// let model = Gpt::new(GptConfig::small(65, 128), &mut Rng::seed(0))?;
/// let found = beam_search(&model, &[3, 1, 4], &Beams { width: 4, ..Beams::new(10) })?;
/// assert_eq!((found.len(), found[0].tokens.len()), (4, 10));
/// assert!(found[0].score >= found[1].score);
/// # Ok::<(), gradus_models::ModelError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Beams {
    /// Beams that are kept (Hugging Face: `num_beams`).
    pub width: usize,
    /// Tokens at most.
    pub tokens: usize,
    /// A text ends behind this token.
    pub end: Option<i64>,
    /// Scores are divided by length to this power: 0 favours short texts, 1 is the mean (`length_penalty`).
    pub length_penalty: f64,
}

impl Beams {
    /// Four beams, mean score.
    #[must_use]
    pub fn new(tokens: usize) -> Self {
        Self { width: 4, tokens, end: None, length_penalty: 1.0 }
    }

    fn score(&self, sum: f64, length: usize) -> f64 {
        sum / (length.max(1) as f64).powf(self.length_penalty)
    }
}

/// A text that a search found.
///
/// ```
/// use gradus_models::Found;
/// let found = Found { tokens: vec![1, 2], log_probability: -3.0, score: -1.5 };
/// assert_eq!(found.score * 2.0, found.log_probability);
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Found {
    /// What follows the prompt, the end token among it.
    pub tokens: Vec<i64>,
    /// The logarithm of its probability.
    pub log_probability: f64,
    /// The same over the length to the power of the penalty.
    pub score: f64,
}

/// The likeliest texts behind `prompt` that beams find, the best first.
///
/// # Errors
/// As [`generate`], or if the width is 0 or the penalty not finite.
pub fn beam_search<M: Causal>(model: &M, prompt: &[i64], beams: &Beams) -> Result<Vec<Found>, ModelError> {
    let Beams { width, length_penalty, .. } = *beams;
    ModelError::check(width > 0, "Beams", "width", width, "at least 1")?;
    ModelError::check(length_penalty.is_finite(), "Beams", "length_penalty", length_penalty, "finite")?;
    let tokens = room(model, prompt, beams.tokens)?;
    let mut memory = model.memory(prompt.len() + tokens);
    let mut alive = vec![(Vec::new(), 0.0_f64)];
    let mut done: Vec<Found> = Vec::new();
    let mut fresh = row(prompt);
    for step in 0..tokens {
        let logits = model.next(&fresh, &mut memory);
        let next = extended(&alive, &logits.log_softmax(-1), width);
        let mut places = Vec::new();
        let (mut tokens_now, mut kept) = (Vec::new(), Vec::new());
        for (place, token, sum) in next {
            let mut text = alive[place].0.clone();
            text.push(token);
            if beams.end == Some(token) {
                let score = beams.score(sum, text.len());
                done.push(Found { tokens: text, log_probability: sum, score });
            } else if kept.len() < width {
                places.push(place);
                tokens_now.push(token);
                kept.push((text, sum));
            }
        }
        alive = kept;
        done.sort_by(|a, b| b.score.total_cmp(&a.score));
        done.truncate(width);
        let best = alive.first().map(|(text, sum): &(Vec<i64>, f64)| beams.score(*sum, text.len()));
        let full = done.len() == width && done.last().map(|last| last.score) >= best;
        if alive.is_empty() || full || step + 1 == tokens {
            break;
        }
        memory = model.select(&memory, &places);
        fresh = Tensor::new([tokens_now.len(), 1], &tokens_now);
    }
    done.extend(alive.into_iter().map(|(tokens, log_probability)| {
        let score = beams.score(log_probability, tokens.len());
        Found { tokens, log_probability, score }
    }));
    done.sort_by(|a, b| b.score.total_cmp(&a.score));
    done.truncate(width);
    Ok(done)
}

/// The likeliest continuations of all beams, twice as many as beams, so that as many go on if half of them end: beam, token, sum.
fn extended(alive: &[(Vec<i64>, f64)], logs: &Tensor, width: usize) -> Vec<(usize, i64, f64)> {
    let vocabulary = logs.dim(1);
    let logs = logs.to_vec();
    let mut all: Vec<(usize, i64, f64)> = Vec::with_capacity(logs.len());
    for (place, (row, (_, sum))) in logs.chunks(vocabulary).zip(alive).enumerate() {
        all.extend(row.iter().enumerate().map(|(token, &log)| (place, token as i64, sum + f64::from(log))));
    }
    all.retain(|(_, _, sum)| *sum > f64::NEG_INFINITY);
    let order =
        |a: &(usize, i64, f64), b: &(usize, i64, f64)| b.2.total_cmp(&a.2).then((a.0, a.1).cmp(&(b.0, b.1)));
    let keep = 2 * width;
    if all.len() > keep {
        all.select_nth_unstable_by(keep - 1, order);
        all.truncate(keep);
    }
    all.sort_unstable_by(order);
    all
}
