//! A runner's line: `workload<TAB>median_ms<TAB>min_ms<TAB>extra`, or `workload<TAB>error<TAB>reason`.

use std::collections::BTreeMap;

/// What one round of one workload showed.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Answer {
    /// The median, in milliseconds.
    pub(super) median: f64,
    /// The quickest repetition, in milliseconds.
    pub(super) minimum: f64,
    /// What else the runner says.
    pub(super) facts: BTreeMap<String, String>,
}

impl Answer {
    /// Reads the answer to a request for `workload`.
    ///
    /// # Errors
    /// The runner's reason, or that the line is none of the protocol's.
    pub(super) fn parse(line: &str, workload: &str) -> Result<Self, String> {
        let mut fields = line.trim_end().splitn(4, '\t');
        let mut next = || fields.next().unwrap_or_default();
        let (name, median, minimum, extra) = (next(), next(), next(), next());
        if name != workload {
            return Err(format!("answered `{}`", line.trim_end()));
        }
        if median == "error" {
            return Err(if minimum.is_empty() { "gave no reason".into() } else { minimum.into() });
        }
        let number = |text: &str| text.parse::<f64>().ok().filter(|ms| ms.is_finite() && *ms >= 0.0);
        let (Some(median), Some(minimum)) = (number(median), number(minimum)) else {
            return Err(format!("answered `{}`", line.trim_end()));
        };
        let facts = extra.split_whitespace().filter_map(|fact| fact.split_once('='));
        Ok(Self { median, minimum, facts: facts.map(|(key, value)| (key.into(), value.into())).collect() })
    }

    /// A fact that is a number.
    pub(super) fn number(&self, fact: &str) -> Option<f64> {
        self.facts.get(fact)?.parse().ok()
    }
}

/// The middle of `values`, or between the middle two; none of none.
pub(super) fn median(values: &[f64]) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let (low, high) = (sorted.get(sorted.len().checked_sub(1)? / 2)?, sorted.get(sorted.len() / 2)?);
    Some(0.5 * (low + high))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_read() {
        let answer = Answer::parse("sum\t1.5\t1.25\tn=3 gbs=42.5 odd\n", "sum").unwrap();
        assert_eq!((answer.median, answer.minimum), (1.5, 1.25));
        assert_eq!(answer.number("gbs"), Some(42.5));
        assert_eq!((answer.number("odd"), answer.number("peak_mb")), (None, None));
        assert!(Answer::parse("sum\t1\t1\t", "sum").unwrap().facts.is_empty());
    }

    #[test]
    fn an_error_keeps_its_reason() {
        assert_eq!(Answer::parse("sum\terror\tno such thing\n", "sum"), Err("no such thing".into()));
        assert_eq!(Answer::parse("sum\terror", "sum"), Err("gave no reason".into()));
        for line in ["", "max\t1\t1\t", "sum\tx\t1\t", "sum\t1", "sum\tNaN\t1\t", "a warning"] {
            assert!(
                Answer::parse(line, "sum").is_err_and(|reason| reason.starts_with("answered `")),
                "{line}"
            );
        }
    }

    #[test]
    fn the_median_is_the_middle() {
        assert_eq!(median(&[]), None);
        assert_eq!(median(&[3.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median(&[4.0, 1.0, 2.0, 3.0]), Some(2.5));
    }
}
