//! What a metric's name says by custom: of which part of the data it is, which way it is better, how people write it. The
//! one place that knows names; it must never know a value.

use crate::history::Goal;

/// The parts of the data that a metric's name may begin with.
pub(crate) const PARTS: [&str; 3] = ["train", "validation", "test"];

/// `validation_loss` as (`loss`, `validation`).
pub(crate) fn split(name: &str) -> (&str, Option<&str>) {
    let part = PARTS.into_iter().find_map(|part| {
        let measure = name.strip_prefix(part)?.strip_prefix('_')?;
        (!measure.is_empty()).then_some((measure, Some(part)))
    });
    part.unwrap_or((name, None))
}

/// A metric's name as people write it.
///
/// ```
/// use gradus_train::metric_words;
/// assert_eq!(metric_words("validation_rmse"), "validation RMSE");
/// assert_eq!(metric_words("learning_rate"), "learning rate");
/// ```
#[must_use]
pub fn metric_words(name: &str) -> String {
    const SHORT: &[&str] = &[
        "auc", "bleu", "ece", "f1", "hr", "iou", "mae", "map", "mape", "mcc", "mrr", "mse", "ndcg", "pr",
        "rmse", "roc", "wer",
    ];
    let word = |word: &str| match word {
        "r2" => "R²".to_owned(),
        short if SHORT.contains(&short) => short.to_ascii_uppercase(),
        other => other.to_owned(),
    };
    name.split('_').map(word).collect::<Vec<_>>().join(" ")
}

impl Goal {
    /// Which way the metric of this name is better by custom; `None` for what is neither good nor bad, such as a norm, or
    /// is not known.
    ///
    /// ```
    /// use gradus_train::Goal;
    /// assert_eq!(Goal::of_metric("validation_loss"), Some(Goal::Min));
    /// assert_eq!(Goal::of_metric("test.accuracy"), Some(Goal::Max));
    /// assert_eq!(Goal::of_metric("learning_rate"), None);
    /// ```
    #[must_use]
    pub fn of_metric(name: &str) -> Option<Self> {
        const LESS: &str = "loss error mse rmse mae mape perplexity ece brier bits seconds wer cer";
        const MORE: &str = "accuracy precision recall f1 f auc r2 mcc kappa map ndcg mrr hr bleu iou top";
        let lower = name.to_ascii_lowercase();
        let words: Vec<&str> = lower.split(|c: char| !c.is_ascii_alphanumeric()).collect();
        let has = |list: &str| list.split(' ').any(|known| words.contains(&known));
        if has(LESS) { Some(Self::Min) } else { has(MORE).then_some(Self::Max) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_tell_part_direction_and_words() {
        assert_eq!(split("validation_loss"), ("loss", Some("validation")));
        assert_eq!((split("train_"), split("trained")), (("train_", None), ("trained", None)));
        let less = ["train_loss", "test.mean_absolute_error", "seconds", "calibration_error", "perplexity"];
        let more = ["balanced_accuracy", "roc_auc", "test.f1", "R2", "top_5"];
        assert!(less.iter().all(|name| Goal::of_metric(name) == Some(Goal::Min)));
        assert!(more.iter().all(|name| Goal::of_metric(name) == Some(Goal::Max)));
        assert!(
            ["gradient_norm", "parameters", "glossary"].iter().all(|name| Goal::of_metric(name).is_none())
        );
        assert_eq!(metric_words("train_roc_auc"), "train ROC AUC");
    }
}
