//! Edit distance: how many symbols must be put in, taken out or exchanged; and the error rates of characters, words and
//! phonemes that it gives. It must never know what a symbol is.

/// The least number of insertions, deletions and substitutions that turn `a` into `b` (Levenshtein 1966), in O(a·b) time
/// and O(b) memory.
///
/// ```
/// use gradus_train::metrics::edit_distance;
/// let letters = |word: &str| word.chars().collect::<Vec<char>>();
/// assert_eq!(edit_distance(&letters("kitten"), &letters("sitting")), 3);
/// assert_eq!(edit_distance(&["K", "AE1", "T"], &["K", "AH1", "T", "S"]), 2);
/// ```
#[must_use]
pub fn edit_distance<S: PartialEq>(a: &[S], b: &[S]) -> usize {
    // What both begin and end with is free.
    let front = a.iter().zip(b).take_while(|(a, b)| a == b).count();
    let (a, b) = (&a[front..], &b[front..]);
    let back = a.iter().rev().zip(b.iter().rev()).take_while(|(a, b)| a == b).count();
    let (a, b) = (&a[..a.len() - back], &b[..b.len() - back]);
    // distances[j]: of the part of `a` that was seen and the first j symbols of `b`.
    let mut distances: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.iter().enumerate() {
        let mut diagonal = std::mem::replace(&mut distances[0], i + 1);
        for (j, y) in b.iter().enumerate() {
            let exchanged = diagonal + usize::from(x != y);
            diagonal = distances[j + 1];
            distances[j + 1] = exchanged.min(diagonal + 1).min(distances[j] + 1);
        }
    }
    distances[b.len()]
}

/// Edits / symbols of the references, over all sequences together (jiwer: `wer`, `cer`; torchmetrics: `WordErrorRate`,
/// `CharErrorRate`). Can exceed 1.
///
/// ```
/// use gradus_train::metrics::ErrorRate;
/// let mut words = ErrorRate::default();
/// words.update_words("the cat sat", "the cat sat down"); // prediction, truth
/// assert_eq!((words.value(), words.edits(), words.symbols()), (Some(0.25), 1, 4));
/// assert_eq!(words.sequence_error_rate(), Some(1.0)); // not one sequence is all right
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ErrorRate {
    edits: u64,
    symbols: u64,
    sequences: u64,
    wrong: u64,
}

impl ErrorRate {
    /// Adds a predicted sequence of any symbols (tokens, phonemes) and the true one.
    ///
    /// ```
    /// use gradus_train::metrics::ErrorRate;
    /// let (mut one, mut other) = (ErrorRate::default(), ErrorRate::default());
    /// one.update(&["HH", "AH0", "L", "OW1"], &["HH", "AH0", "L", "OW1"]);
    /// other.update(&["K", "AE1"], &["K", "AE1", "T", "S"]);
    /// one.merge(&other);
    /// assert_eq!((one.value(), one.sequence_error_rate()), (Some(0.25), Some(0.5)));
    /// ```
    pub fn update<S: PartialEq>(&mut self, prediction: &[S], truth: &[S]) {
        let edits = edit_distance(prediction, truth) as u64;
        self.edits += edits;
        self.symbols += truth.len() as u64;
        self.sequences += 1;
        self.wrong += u64::from(edits > 0);
    }

    /// Adds a text, word by word between white space.
    pub fn update_words(&mut self, prediction: &str, truth: &str) {
        let words = |text: &'_ str| text.split_whitespace().map(str::to_owned).collect::<Vec<String>>();
        self.update(&words(prediction), &words(truth));
    }

    /// Adds a text, character by character (Unicode scalar values), blanks included.
    ///
    /// ```
    /// use gradus_train::metrics::ErrorRate;
    /// let mut characters = ErrorRate::default();
    /// characters.update_characters("Grüsse", "Grüße");
    /// assert_eq!(characters.value(), Some(0.4));
    /// ```
    pub fn update_characters(&mut self, prediction: &str, truth: &str) {
        let characters = |text: &str| text.chars().collect::<Vec<char>>();
        self.update(&characters(prediction), &characters(truth));
    }

    /// Adds what another measure has seen.
    pub fn merge(&mut self, other: &Self) {
        self.edits += other.edits;
        self.symbols += other.symbols;
        self.sequences += other.sequences;
        self.wrong += other.wrong;
    }

    /// Edits / symbols. `None` while the true sequences are empty: it has nothing to be a rate of.
    #[must_use]
    pub fn value(&self) -> Option<f64> {
        (self.symbols > 0).then(|| self.edits as f64 / self.symbols as f64)
    }

    /// The share of sequences with a mistake; of the phonemes of words it is the word error rate. `None` of nothing.
    #[must_use]
    pub fn sequence_error_rate(&self) -> Option<f64> {
        (self.sequences > 0).then(|| self.wrong as f64 / self.sequences as f64)
    }

    /// All edits.
    #[must_use]
    pub fn edits(&self) -> u64 {
        self.edits
    }

    /// All symbols of the true sequences.
    #[must_use]
    pub fn symbols(&self) -> u64 {
        self.symbols
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// By the definition, without memory.
    fn naive(a: &[usize], b: &[usize]) -> usize {
        match (a, b) {
            ([], rest) | (rest, []) => rest.len(),
            ([x, a @ ..], [y, b @ ..]) if x == y => naive(a, b),
            ([_, short_a @ ..], [_, short_b @ ..]) => {
                1 + naive(short_a, b).min(naive(a, short_b)).min(naive(short_a, short_b))
            }
        }
    }

    #[test]
    fn agrees_with_its_definition() {
        let mut rng = gradus_tensor::Rng::seed(1);
        for _ in 0..200 {
            let mut word = || {
                let length = rng.below(7);
                (0..length).map(|_| rng.below(3)).collect::<Vec<usize>>()
            };
            let (a, b) = (word(), word());
            assert_eq!(edit_distance(&a, &b), naive(&a, &b), "{a:?} {b:?}");
        }
    }

    #[test]
    fn empty_truths_have_no_rate() {
        let mut rate = ErrorRate::default();
        rate.update_words("something", "");
        assert_eq!((rate.value(), rate.sequence_error_rate(), rate.edits()), (None, Some(1.0), 1));
    }
}
