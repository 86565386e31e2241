//! The nearest valid name, so that a typing error is answered with what was meant.

/// The name that looks most like `given`, if any does.
///
/// ```
/// use gradus_recipes::nearest;
/// assert_eq!(nearest("learnig_rate", &["epochs", "learning_rate"]), Some("learning_rate"));
/// assert_eq!(nearest("xyz", &["epochs", "learning_rate"]), None);
/// ```
#[must_use]
pub fn nearest<'n, N: AsRef<str>>(given: &str, names: &'n [N]) -> Option<&'n str> {
    const ALIKE: f64 = 0.7;
    let given = given.to_lowercase();
    let score = |name: &str| {
        // A key that misses its table is meant when the last part is right: dropout for model.dropout.
        let last = name.rsplit('.').next().unwrap_or(name);
        strsim::jaro_winkler(&given, &name.to_lowercase()).max(strsim::jaro_winkler(&given, last))
    };
    let best = names.iter().map(|name| (score(name.as_ref()), name.as_ref()));
    best.max_by(|a, b| a.0.total_cmp(&b.0)).filter(|(score, _)| *score >= ALIKE).map(|(_, name)| name)
}

/// `" (did you mean …?)"`, or nothing.
pub(crate) fn or_nearest<N: AsRef<str>>(given: &str, names: &[N]) -> String {
    nearest(given, names).map_or_else(String::new, |name| format!(" (did you mean {name:?}?)"))
}

/// `a, b, c`.
pub(crate) fn list<N: AsRef<str>>(names: impl IntoIterator<Item = N>) -> String {
    let names: Vec<String> = names.into_iter().map(|name| name.as_ref().to_owned()).collect();
    names.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn typing_errors_find_their_name_and_nonsense_finds_none() {
        let names = ["learning_rate", "epochs", "model.dropout"];
        assert_eq!(nearest("learning_rat", &names), Some("learning_rate"));
        assert_eq!(nearest("epoch", &names), Some("epochs"));
        assert_eq!(nearest("dropout", &names), Some("model.dropout"));
        assert_eq!(nearest("zzz", &names), None);
    }
}
