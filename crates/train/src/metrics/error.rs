//! What can be wrong with a metric's arguments, and with tags that come out of files. It must never know a tensor.

use thiserror::Error;

/// Why a metric could not be made, or fed.
///
/// ```
/// use gradus_train::metrics::{MetricError, TopKAccuracy};
/// let error: MetricError = TopKAccuracy::new(0).unwrap_err();
/// assert_eq!(error.to_string(), "top_k_accuracy: k is 0, and must be at least 1");
/// ```
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum MetricError {
    /// An argument that makes no sense.
    #[error("{metric}: {argument} is {value}, and must be {allowed}")]
    Argument {
        /// Which metric.
        metric: &'static str,
        /// Which argument.
        argument: &'static str,
        /// What it is.
        value: String,
        /// What it may be.
        allowed: &'static str,
    },
    /// A tag that is none of the scheme's.
    #[error("entity_f1: the tag {tag:?} at place {place} is none; {scheme} has {allowed}")]
    Tag {
        /// The tag.
        tag: String,
        /// Its place in the sentence, from 0.
        place: usize,
        /// The scheme.
        scheme: &'static str,
        /// The tags of the scheme.
        allowed: &'static str,
    },
    /// Sequences that should go side by side and do not.
    #[error("{metric}: {have} predictions for {want} truths; give one for each")]
    Lengths {
        /// Which metric.
        metric: &'static str,
        /// Predictions.
        have: usize,
        /// Truths.
        want: usize,
    },
}

/// `value` if it is at least 1.
pub(super) fn at_least_one(
    metric: &'static str,
    argument: &'static str,
    value: usize,
) -> Result<usize, MetricError> {
    if value >= 1 {
        return Ok(value);
    }
    Err(MetricError::Argument { metric, argument, value: value.to_string(), allowed: "at least 1" })
}
