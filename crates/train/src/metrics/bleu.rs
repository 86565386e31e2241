//! BLEU: how many runs of words a translation shares with its references. It must never know a tokenizer.

use std::collections::HashMap;
use std::hash::Hash;

use super::MetricError;
use super::error::at_least_one;

/// What stands in for a precision of 0, whose logarithm is −∞ (sacrebleu: `smooth_method`; Chen and Cherry 2014).
///
/// ```
/// use gradus_train::metrics::{Bleu, Smoothing};
/// let (hypothesis, reference) = (["a", "b", "c", "x"], ["a", "b", "c", "d"]);
/// let score = |smoothing| {
///     let mut bleu = Bleu::new().smoothing(smoothing);
///     bleu.update(&hypothesis, &[&reference]);
///     bleu.value().unwrap()
/// };
/// assert_eq!(score(Smoothing::None), 0.0); // no run of four words is right
/// assert!(score(Smoothing::Exponential) > 0.0);
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Smoothing {
    /// Nothing: one precision of 0 makes BLEU 0.
    None,
    /// The i-th precision of 0 becomes 1/(2ⁱ·total), as NIST's mteval does. The default.
    Exponential,
    /// A count of 0 becomes this; sacrebleu takes 0.1.
    Floor(f64),
    /// This is added to the counts of all runs longer than one word; sacrebleu takes 1.
    Add(f64),
}

/// BLEU of a whole corpus, 0 to 100, as sacrebleu calculates it from given tokens: the geometric mean of the precisions of
/// runs of 1 to 4 tokens, each clipped to the most that a reference has, times e^(1 − r/c) if the c tokens of all
/// hypotheses are fewer than the r of the references nearest in length (Papineni et al. 2002; NLTK: `corpus_bleu`, 0 to 1).
///
/// The counts are summed over sentences before anything is divided, so it is not the mean of sentence scores. Tokens are
/// the user's; scores compare only under one tokenizer.
///
/// ```
/// use gradus_train::metrics::Bleu;
/// let words = |text: &'static str| text.split(' ').collect::<Vec<_>>();
/// let mut bleu = Bleu::new();
/// bleu.update(&words("the cat is on the mat"), &[&words("there is a cat on the mat"), &words("the cat is on a mat")]);
/// assert_eq!((bleu.precision(1), bleu.precision(2)), (Some(5.0 / 6.0), Some(1.0)));
/// assert!((bleu.value().unwrap() - 67.56).abs() < 0.01);
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Bleu {
    smoothing: Smoothing,
    /// For runs of 1, 2 … tokens: how many the references have too, and how many there are.
    right: Vec<u64>,
    total: Vec<u64>,
    length: u64,
    reference_length: u64,
    sentences: u64,
}

impl Default for Bleu {
    fn default() -> Self {
        Self::new()
    }
}

impl Bleu {
    /// An empty measure of runs up to 4 tokens, with exponential smoothing: sacrebleu's defaults.
    #[must_use]
    pub fn new() -> Self {
        Self {
            smoothing: Smoothing::Exponential,
            right: vec![0; 4],
            total: vec![0; 4],
            length: 0,
            reference_length: 0,
            sentences: 0,
        }
    }

    /// The longest runs to count.
    ///
    /// ```
    /// use gradus_train::metrics::Bleu;
    /// let mut bleu = Bleu::new().order(1)?;
    /// bleu.update(&["b", "a"], &[&["a", "b"]]);
    /// assert_eq!(bleu.value(), Some(100.0)); // order does not matter to single words
    /// # Ok::<(), gradus_train::metrics::MetricError>(())
    /// ```
    ///
    /// # Errors
    /// If `order` is 0.
    pub fn order(mut self, order: usize) -> Result<Self, MetricError> {
        let order = at_least_one("bleu", "order", order)?;
        (self.right, self.total) = (vec![0; order], vec![0; order]);
        Ok(self)
    }

    /// What stands in for a precision of 0.
    #[must_use]
    pub fn smoothing(mut self, smoothing: Smoothing) -> Self {
        self.smoothing = smoothing;
        self
    }

    /// Adds a sentence and its references, token by token. Without a reference nothing is right and the length is as it
    /// should be.
    pub fn update<S: Eq + Hash>(&mut self, hypothesis: &[S], references: &[&[S]]) {
        let own = hypothesis.len();
        let nearest = references.iter().map(|reference| reference.len());
        let nearest = nearest.min_by_key(|&length| (length.abs_diff(own), length)).unwrap_or(own);
        self.length += own as u64;
        self.reference_length += nearest as u64;
        self.sentences += 1;
        for order in 1..=self.right.len() {
            let mut most: HashMap<&[S], u64> = HashMap::new();
            for reference in references {
                for (run, count) in runs(reference, order) {
                    let known = most.entry(run).or_default();
                    *known = (*known).max(count);
                }
            }
            for (run, count) in runs(hypothesis, order) {
                self.total[order - 1] += count;
                self.right[order - 1] += count.min(most.get(run).copied().unwrap_or(0));
            }
        }
    }

    /// Adds what another measure has seen.
    ///
    /// ```
    /// use gradus_train::metrics::Bleu;
    /// let (mut one, mut other) = (Bleu::new(), Bleu::new());
    /// one.update(&["a", "b", "c", "d"], &[&["a", "b", "c", "d"]]);
    /// other.update(&["e", "f", "g", "h"], &[&["e", "f", "g", "h"]]);
    /// one.merge(&other);
    /// assert_eq!((one.value(), one.brevity_penalty()), (Some(100.0), Some(1.0)));
    /// ```
    ///
    /// # Panics
    /// If it counts runs of another length.
    #[track_caller]
    pub fn merge(&mut self, other: &Self) {
        let (a, b) = (self.right.len(), other.right.len());
        assert!(a == b, "bleu: merge: orders differ: {a} and {b}");
        self.right.iter_mut().zip(&other.right).for_each(|(own, other)| *own += other);
        self.total.iter_mut().zip(&other.total).for_each(|(own, other)| *own += other);
        self.length += other.length;
        self.reference_length += other.reference_length;
        self.sentences += other.sentences;
    }

    /// The share of runs of `order` tokens that the references have too, without smoothing. `None` if there are none.
    #[must_use]
    pub fn precision(&self, order: usize) -> Option<f64> {
        let place = order.checked_sub(1)?;
        let (right, total) = (*self.right.get(place)?, *self.total.get(place)?);
        (total > 0).then(|| right as f64 / total as f64)
    }

    /// e^(1 − r/c) if c < r, else 1; 0 if all hypotheses are empty. `None` of nothing.
    #[must_use]
    pub fn brevity_penalty(&self) -> Option<f64> {
        let (length, wanted) = (self.length as f64, self.reference_length as f64);
        let penalty = match (self.length, self.length < self.reference_length) {
            (_, false) => 1.0,
            (0, true) => 0.0,
            (_, true) => (1.0 - wanted / length).exp(),
        };
        (self.sentences > 0).then_some(penalty)
    }

    /// BLEU, 0 to 100; 0 if not one token is right. `None` of nothing.
    #[must_use]
    pub fn value(&self) -> Option<f64> {
        let penalty = self.brevity_penalty()?;
        if self.right.iter().all(|&right| right == 0) {
            return Some(0.0);
        }
        let (mut logarithms, mut halves) = (0.0, 1.0);
        for (place, (&right, &total)) in self.right.iter().zip(&self.total).enumerate() {
            let (mut right, mut total) = (right as f64, total as f64);
            if let Smoothing::Add(k) = self.smoothing
                && place > 0
            {
                (right, total) = (right + k, total + k);
            }
            if total == 0.0 {
                // No hypothesis is so long: this precision is 0, as sacrebleu has it.
                return Some(0.0);
            }
            if right == 0.0 {
                right = match self.smoothing {
                    Smoothing::Exponential => {
                        halves /= 2.0;
                        halves
                    }
                    Smoothing::Floor(floor) => floor,
                    Smoothing::None | Smoothing::Add(_) => 0.0,
                };
            }
            logarithms += (right / total).ln();
        }
        Some(100.0 * penalty * (logarithms / self.right.len() as f64).exp())
    }
}

/// How often each run of `order` tokens occurs.
fn runs<S: Eq + Hash>(tokens: &[S], order: usize) -> HashMap<&[S], u64> {
    let mut out = HashMap::new();
    for run in tokens.windows(order) {
        *out.entry(run).or_default() += 1;
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_empty_and_all_wrong() {
        let mut bleu = Bleu::new();
        assert_eq!(
            (bleu.value(), bleu.precision(1), bleu.precision(0), bleu.precision(9)),
            (None, None, None, None)
        );
        bleu.update::<&str>(&[], &[&["a", "b"]]);
        assert_eq!((bleu.value(), bleu.brevity_penalty()), (Some(0.0), Some(0.0)));
        bleu.update(&["x", "y"], &[&["a", "b"]]);
        assert_eq!(bleu.value(), Some(0.0));
    }

    #[test]
    fn counts_are_clipped_to_what_one_reference_has() {
        // The example of Papineni et al.: "the" seven times, two references with two and one of them.
        let words = |text: &'static str| text.split(' ').collect::<Vec<_>>();
        let mut bleu = Bleu::new();
        bleu.update(
            &words("the the the the the the the"),
            &[&words("the cat is on the mat"), &words("there is a cat on the mat")],
        );
        assert_eq!(bleu.precision(1), Some(2.0 / 7.0));
    }
}
