//! How well entities were found: precision, recall and F1 of whole spans. How tags make spans is in `spans`.

use std::collections::BTreeMap;

use super::scores::averaged_scores;
use super::{Average, Counts, EntitySpan, MetricError, Scores, TagScheme, entity_spans};

/// An entity is found if its kind, its first and its last token are all right (seqeval: `f1_score`,
/// `classification_report`). Kinds are whatever the tags name.
///
/// ```
/// use gradus_train::metrics::{EntityF1, TagScheme};
/// let mut entities = EntityF1::new(TagScheme::Lenient);
/// let truth = ["B-PER", "I-PER", "O", "B-LOC"];
/// entities.update(&["B-PER", "I-PER", "O", "B-PER"], &truth)?; // one sentence
/// assert_eq!((entities.value(), entities.scores("PER").precision), (Some(0.5), 0.5));
/// assert_eq!(entities.kinds().collect::<Vec<_>>(), ["LOC", "PER"]);
/// # Ok::<(), gradus_train::metrics::MetricError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EntityF1 {
    scheme: TagScheme,
    counts: BTreeMap<String, Counts>,
    sentences: u64,
}

impl EntityF1 {
    /// An empty measure of tags in this scheme.
    #[must_use]
    pub fn new(scheme: TagScheme) -> Self {
        Self { scheme, counts: BTreeMap::new(), sentences: 0 }
    }

    /// Adds the predicted and the true tags of one sentence.
    ///
    /// # Errors
    /// If there are not as many of the one as of the other, or a tag is none of the scheme's; nothing is added then.
    pub fn update<P: AsRef<str>, S: AsRef<str>>(
        &mut self,
        predictions: &[P],
        truths: &[S],
    ) -> Result<(), MetricError> {
        let (have, want) = (predictions.len(), truths.len());
        if have != want {
            return Err(MetricError::Lengths { metric: "entity_f1", have, want });
        }
        let (found, wanted) = (entity_spans(predictions, self.scheme)?, entity_spans(truths, self.scheme)?);
        for span in &found {
            let counts = self.of(span);
            counts.predicted += 1;
            // Spans come in order.
            counts.right += u64::from(
                wanted
                    .binary_search_by_key(&span.start, |own| own.start)
                    .is_ok_and(|place| wanted[place] == *span),
            );
        }
        wanted.iter().for_each(|span| self.of(span).truth += 1);
        self.sentences += 1;
        Ok(())
    }

    fn of(&mut self, span: &EntitySpan<'_>) -> &mut Counts {
        if !self.counts.contains_key(span.kind) {
            self.counts.insert(span.kind.to_owned(), Counts::default());
        }
        // INVARIANT: it was put in above if it was missing.
        #[allow(clippy::expect_used)]
        self.counts.get_mut(span.kind).expect("the kind is known")
    }

    /// Adds what another measure has seen.
    ///
    /// ```
    /// use gradus_train::metrics::{Average, EntityF1, TagScheme};
    /// let (mut one, mut other) = (EntityF1::new(TagScheme::Iob2), EntityF1::new(TagScheme::Iob2));
    /// one.update(&["B-A", "O"], &["B-A", "B-B"])?;
    /// other.update(&["B-B"], &["B-B"])?;
    /// one.merge(&other);
    /// assert_eq!((one.value(), one.average(Average::Macro).recall), (Some(0.8), 0.75));
    /// # Ok::<(), gradus_train::metrics::MetricError>(())
    /// ```
    ///
    /// # Panics
    /// If its scheme is another.
    #[track_caller]
    pub fn merge(&mut self, other: &Self) {
        let (a, b) = (self.scheme, other.scheme);
        assert!(a == b, "entity_f1: merge: schemes differ: {a:?} and {b:?}");
        for (kind, counts) in &other.counts {
            self.counts.entry(kind.clone()).or_default().add(counts);
        }
        self.sentences += other.sentences;
    }

    /// The kinds of entities that were predicted or true, in alphabetical order.
    pub fn kinds(&self) -> impl Iterator<Item = &str> {
        self.counts.keys().map(String::as_str)
    }

    /// What precision and recall of one kind are made of; noughts of a kind that never occurred.
    ///
    /// ```
    /// use gradus_train::metrics::{Counts, EntityF1, TagScheme};
    /// let mut entities = EntityF1::new(TagScheme::Iobes);
    /// entities.update(&["B-PER", "E-PER", "S-LOC"], &["B-PER", "E-PER", "O"])?;
    /// assert_eq!(entities.counts("PER"), Counts { right: 1, predicted: 1, truth: 1 });
    /// assert_eq!(entities.counts("LOC"), Counts { right: 0, predicted: 1, truth: 0 });
    /// # Ok::<(), gradus_train::metrics::MetricError>(())
    /// ```
    #[must_use]
    pub fn counts(&self, kind: &str) -> Counts {
        self.counts.get(kind).copied().unwrap_or_default()
    }

    /// Precision, recall and F1 of one kind.
    #[must_use]
    pub fn scores(&self, kind: &str) -> Scores {
        self.counts(kind).scores()
    }

    /// Precision, recall and F1 over all kinds.
    #[must_use]
    pub fn average(&self, average: Average) -> Scores {
        let counts: Vec<Counts> = self.counts.values().copied().collect();
        averaged_scores(&counts, average)
    }

    /// F1 over all entities, whatever their kinds (seqeval: `f1_score`); 0 if none is right. `None` of no sentences.
    #[must_use]
    pub fn value(&self) -> Option<f64> {
        (self.sentences > 0).then(|| self.average(Average::Micro).f1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refused_sentence_changes_nothing() {
        let mut entities = EntityF1::new(TagScheme::Iob2);
        assert_eq!(entities.value(), None);
        assert!(entities.update(&["B-A", "E-A"], &["B-A", "I-A"]).is_err());
        let error = entities.update(&["B-A"], &["B-A", "I-A"]).unwrap_err().to_string();
        assert_eq!(error, "entity_f1: 1 predictions for 2 truths; give one for each");
        assert_eq!(entities, EntityF1::new(TagScheme::Iob2));
        entities.update(&["O"], &["O"]).unwrap();
        assert_eq!(entities.value(), Some(0.0));
    }

    #[test]
    fn half_a_name_is_none() {
        let mut entities = EntityF1::new(TagScheme::Iob2);
        entities.update(&["B-A", "O", "B-B"], &["B-A", "I-A", "B-A"]).unwrap();
        assert_eq!(entities.counts("A"), Counts { right: 0, predicted: 1, truth: 2 });
        assert_eq!(entities.counts("B"), Counts { right: 0, predicted: 1, truth: 0 });
    }
}
