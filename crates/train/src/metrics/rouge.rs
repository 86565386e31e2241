//! ROUGE-L: how much of a reference text a summary keeps in order. It must never know a tokenizer.

use super::Scores;

/// The longest common subsequence of prediction and reference, as share of the one (precision) and of the other
/// (recall), and their F1, each averaged over the pairs (Lin 2004; rouge-score: `rougeL`). Tokens are the user's:
/// rouge-score takes runs of lower-case letters and digits.
///
/// ```
/// use gradus_train::metrics::RougeL;
/// let mut rouge = RougeL::default();
/// let words = |text: &'static str| text.split(' ').collect::<Vec<_>>();
/// rouge.update(&words("police kill the gunman"), &words("police killed the gunman"));
/// let scores = rouge.value().unwrap();
/// assert_eq!((scores.precision, scores.recall, scores.f1), (0.75, 0.75, 0.75)); // police the gunman
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct RougeL {
    sums: Scores,
    pairs: u64,
}

impl RougeL {
    /// Adds a predicted text and its reference, token by token. An empty one of the two scores 0.
    pub fn update<S: PartialEq>(&mut self, prediction: &[S], reference: &[S]) {
        self.update_best(prediction, &[reference]);
    }

    /// Adds a predicted text with several references, of which the one with the best F1 counts.
    ///
    /// ```
    /// use gradus_train::metrics::RougeL;
    /// let (mut one, mut other) = (RougeL::default(), RougeL::default());
    /// one.update_best(&["a", "b"], &[&["c", "d"], &["a", "x"]]);
    /// other.update(&["a", "b"], &["a", "b"]);
    /// one.merge(&other);
    /// assert_eq!(one.value().map(|scores| scores.f1), Some(0.75));
    /// ```
    pub fn update_best<S: PartialEq>(&mut self, prediction: &[S], references: &[&[S]]) {
        let mut best = Scores::default();
        for reference in references {
            let common = common_subsequence(prediction, reference) as f64;
            let (precision, recall) = (common / prediction.len() as f64, common / reference.len() as f64);
            // NaN of an empty text is not greater.
            let f1 = 2.0 * precision * recall / (precision + recall);
            if f1 > best.f1 {
                best = Scores { precision, recall, f1 };
            }
        }
        self.add(best);
    }

    fn add(&mut self, scores: Scores) {
        self.sums.precision += scores.precision;
        self.sums.recall += scores.recall;
        self.sums.f1 += scores.f1;
        self.pairs += 1;
    }

    /// Adds what another measure has seen.
    pub fn merge(&mut self, other: &Self) {
        self.sums.precision += other.sums.precision;
        self.sums.recall += other.sums.recall;
        self.sums.f1 += other.sums.f1;
        self.pairs += other.pairs;
    }

    /// The means; `None` of nothing.
    #[must_use]
    pub fn value(&self) -> Option<Scores> {
        let mean = |sum: f64| sum / self.pairs as f64;
        let Scores { precision, recall, f1 } = self.sums;
        (self.pairs > 0).then(|| Scores { precision: mean(precision), recall: mean(recall), f1: mean(f1) })
    }
}

/// The length of the longest sequence that both contain in order, in O(a·b) time and O(b) memory.
fn common_subsequence<S: PartialEq>(a: &[S], b: &[S]) -> usize {
    let mut lengths = vec![0; b.len() + 1];
    for x in a {
        let mut diagonal = 0;
        for (j, y) in b.iter().enumerate() {
            let above = lengths[j + 1];
            lengths[j + 1] = if x == y { diagonal + 1 } else { above.max(lengths[j]) };
            diagonal = above;
        }
    }
    lengths[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn agrees_with_its_definition() {
        fn naive(a: &[usize], b: &[usize]) -> usize {
            match (a, b) {
                ([], _) | (_, []) => 0,
                ([x, a @ ..], [y, b @ ..]) if x == y => 1 + naive(a, b),
                ([_, short_a @ ..], [_, short_b @ ..]) => naive(short_a, b).max(naive(a, short_b)),
            }
        }
        let mut rng = gradus_tensor::Rng::seed(2);
        for _ in 0..200 {
            let mut text = || {
                let length = rng.below(8);
                (0..length).map(|_| rng.below(3)).collect::<Vec<usize>>()
            };
            let (a, b) = (text(), text());
            assert_eq!(common_subsequence(&a, &b), naive(&a, &b), "{a:?} {b:?}");
        }
    }

    #[test]
    fn empty_texts_score_nothing_and_no_text_is_nothing() {
        let mut rouge = RougeL::default();
        assert_eq!(rouge.value(), None);
        rouge.update::<&str>(&[], &["a"]);
        rouge.update::<&str>(&[], &[]);
        assert_eq!(rouge.value(), Some(Scores::default()));
    }
}
