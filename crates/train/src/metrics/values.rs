//! Named numbers in a fixed order: what an evaluation answers and what an epoch's record holds.

use std::fmt;

/// Named measurements, in the order in which they were added.
///
/// ```
/// use gradus_train::metrics::Metrics;
/// let metrics = Metrics::new().with("loss", 0.25).with("accuracy", 0.875);
/// assert_eq!(metrics.get("accuracy"), Some(0.875));
/// assert_eq!(metrics.to_string(), "loss 0.25, accuracy 0.875");
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Metrics {
    values: Vec<(String, f64)>,
}

impl Metrics {
    /// No measurements.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a measurement, or replaces the one of that name.
    #[must_use]
    pub fn with(mut self, name: impl Into<String>, value: f64) -> Self {
        self.set(name, value);
        self
    }

    /// As [`Metrics::with`], in place.
    ///
    /// ```
    /// use gradus_train::metrics::Metrics;
    /// let mut metrics = Metrics::new();
    /// assert!(metrics.is_empty());
    /// metrics.set("loss", 0.5);
    /// metrics.set("loss", 0.25);
    /// assert_eq!(metrics.iter().collect::<Vec<_>>(), [("loss", 0.25)]);
    /// ```
    pub fn set(&mut self, name: impl Into<String>, value: f64) {
        let name = name.into();
        match self.values.iter_mut().find(|(own, _)| *own == name) {
            Some((_, own)) => *own = value,
            None => self.values.push((name, value)),
        }
    }

    /// The measurement of that name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<f64> {
        self.values.iter().find(|(own, _)| own == name).map(|&(_, value)| value)
    }

    /// Names and values in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, f64)> {
        self.values.iter().map(|(name, value)| (name.as_str(), *value))
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }
}

/// Four significant digits: enough to read, few enough to compare.
///
/// ```
/// use gradus_train::metrics::significant;
/// assert_eq!([0.123456, 12345.678, 2e-5].map(significant), ["0.1235", "12346", "2e-5"]);
/// ```
#[must_use]
pub fn significant(value: f64) -> String {
    let size = value.abs();
    if value == 0.0 {
        "0".to_owned()
    } else if !value.is_finite() {
        value.to_string()
    } else if (1e-3..1e6).contains(&size) {
        let digits = (3 - size.log10().floor() as i32).max(0) as usize;
        let text = format!("{value:.digits$}");
        if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
    } else {
        let text = format!("{value:.3e}");
        let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
        let mantissa = mantissa.trim_end_matches('0').trim_end_matches('.');
        format!("{mantissa}e{exponent}")
    }
}

impl fmt::Display for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, (name, value)) in self.iter().enumerate() {
            let comma = if i == 0 { "" } else { ", " };
            write!(f, "{comma}{name} {}", significant(value))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_order_and_replaces_by_name() {
        let metrics = Metrics::new().with("b", 1.0).with("a", 2.0).with("b", 3.0);
        assert_eq!(metrics.iter().collect::<Vec<_>>(), [("b", 3.0), ("a", 2.0)]);
        assert_eq!(metrics.get("c"), None);
    }

    #[test]
    fn four_significant_digits() {
        let cases = [
            (0.0, "0"),
            (0.123456, "0.1235"),
            (12.3456, "12.35"),
            (1234.56, "1235"),
            (-0.5, "-0.5"),
            (100.0, "100"),
            (123_456.0, "123456"),
            (2e-5, "2e-5"),
            (1.2345e7, "1.234e7"),
            (0.98765, "0.9877"),
            (f64::NAN, "NaN"),
        ];
        for (value, text) in cases {
            assert_eq!(significant(value), text);
        }
    }
}
