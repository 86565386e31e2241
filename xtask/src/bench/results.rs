//! What a run of the comparison found, and its form as JSON.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde_json::{Map, Value, json};

use super::runners::Runner;

/// What one library, run in one way, showed at one workload.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Figure {
    pub(super) library: String,
    pub(super) column: String,
    /// What was appended to the workload's name.
    pub(super) variant: String,
    pub(super) malloc: String,
    /// The best process's median, in the row's unit.
    pub(super) median: f64,
    /// The quickest repetition of all.
    pub(super) minimum: f64,
    /// The slowest round's median.
    pub(super) maximum: f64,
    pub(super) rounds: usize,
    pub(super) facts: BTreeMap<String, String>,
    /// Why there is no figure.
    pub(super) error: Option<String>,
}

impl Figure {
    /// No figure, and why.
    pub(super) fn failed(runner: &Runner, reason: &str) -> Self {
        let (library, column) = (runner.name.into(), runner.column.into());
        Self { library, column, error: Some(reason.into()), ..Self::default() }
    }

    /// A figure that was taken so many times.
    pub(super) fn of(runner: &Runner, malloc: &str, values: &[f64], median: f64) -> Self {
        Self {
            library: runner.name.into(),
            column: runner.column.into(),
            malloc: malloc.into(),
            median,
            minimum: values.iter().copied().fold(f64::INFINITY, f64::min),
            maximum: values.iter().copied().fold(0.0, f64::max),
            rounds: values.len(),
            ..Self::default()
        }
    }

    /// The number, if there is one.
    pub(super) fn value(&self) -> Option<f64> {
        self.error.is_none().then_some(self.median)
    }
}

/// The figures of one run, by workload (or `workload.peak_mb`, `first_loss`).
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Results {
    /// What the machine, the versions and the command were, by name.
    pub(super) about: BTreeMap<String, String>,
    /// The machine's limits by name: value and unit.
    pub(super) limits: BTreeMap<String, (f64, String)>,
    pub(super) figures: BTreeMap<String, Vec<Figure>>,
}

impl Results {
    /// The better one of what `column` has at `key`; without a number, why.
    pub(super) fn best(&self, key: &str, column: &str) -> Option<&Figure> {
        let figures = || self.figures.get(key).into_iter().flatten().filter(|figure| figure.column == column);
        let better = |a, b| if f64::total_cmp(&a, &b).is_le() { a } else { b };
        let best = figures().filter_map(Figure::value).reduce(better);
        figures().find(|figure| best.is_some() && figure.value() == best).or_else(|| figures().next())
    }

    /// A limit's value.
    pub(super) fn limit(&self, name: &str) -> Option<f64> {
        self.limits.get(name).map(|(value, _)| *value)
    }

    fn to_json(&self) -> Value {
        let limits: Map<_, _> =
            self.limits.iter().map(|(name, limit)| (name.clone(), json!([limit.0, limit.1]))).collect();
        let figures: Map<_, _> = self
            .figures
            .iter()
            .map(|(key, figures)| (key.clone(), figures.iter().map(figure_to_json).collect()))
            .collect();
        json!({ "about": self.about, "limits": limits, "figures": figures })
    }

    fn from_json(json: &Value) -> Option<Self> {
        let limit = |limit: &Value| Some((limit[0].as_f64()?, limit[1].as_str()?.to_owned()));
        let limits = json["limits"].as_object()?.iter();
        let figures = json["figures"].as_object()?.iter();
        Some(Self {
            about: texts(&json["about"])?,
            limits: limits.map(|(name, value)| Some((name.clone(), limit(value)?))).collect::<Option<_>>()?,
            figures: figures
                .map(|(key, list)| {
                    let figures = list.as_array()?.iter().map(figure_from_json);
                    Some((key.clone(), figures.collect::<Option<_>>()?))
                })
                .collect::<Option<_>>()?,
        })
    }

    /// Writes a file that [`Results::load`] reads.
    ///
    /// # Errors
    /// If it can't be written.
    pub(super) fn save(&self, path: &Path) -> Result<(), String> {
        fs::write(path, format!("{:#}\n", self.to_json()))
            .map_err(|error| format!("{}: {error}", path.display()))
    }

    /// Reads an earlier run.
    ///
    /// # Errors
    /// If the file can't be read or is none of ours.
    pub(super) fn load(path: &Path) -> Result<Self, String> {
        let place = |error: &dyn std::fmt::Display| format!("{}: {error}", path.display());
        let text = fs::read_to_string(path).map_err(|error| place(&error))?;
        let json = serde_json::from_str(&text).map_err(|error| place(&error))?;
        Self::from_json(&json).ok_or_else(|| place(&"not written by `cargo xtask bench --save`"))
    }
}

fn texts(json: &Value) -> Option<BTreeMap<String, String>> {
    json.as_object()?.iter().map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned()))).collect()
}

fn figure_to_json(figure: &Figure) -> Value {
    json!({
        "library": figure.library, "column": figure.column, "variant": figure.variant, "malloc": figure.malloc,
        "median": figure.median, "minimum": figure.minimum, "maximum": figure.maximum, "rounds": figure.rounds,
        "facts": figure.facts, "error": figure.error,
    })
}

fn figure_from_json(json: &Value) -> Option<Figure> {
    let text = |field: &str| Some(json[field].as_str()?.to_owned());
    Some(Figure {
        library: text("library")?,
        column: text("column")?,
        variant: text("variant")?,
        malloc: text("malloc")?,
        median: json["median"].as_f64()?,
        minimum: json["minimum"].as_f64()?,
        maximum: json["maximum"].as_f64()?,
        rounds: json["rounds"].as_u64()? as usize,
        facts: texts(&json["facts"])?,
        error: text("error"),
    })
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// A number of a library in its column.
    pub(in super::super) fn figure(library: &str, column: &str, median: f64) -> Figure {
        Figure { library: library.into(), column: column.into(), median, rounds: 9, ..Figure::default() }
    }

    /// What was found at `key`.
    pub(in super::super) fn results(key: &str, figures: &[Figure]) -> Results {
        Results { figures: [(key.into(), figures.to_vec())].into(), ..Results::default() }
    }

    #[test]
    fn json_keeps_all() {
        let mut found = results("sum", &[figure("torch", "torch", 1.5), figure("gradus", "gradus", 1.25)]);
        found.figures.get_mut("sum").unwrap()[0].facts.insert("n".into(), "3".into());
        found.figures.get_mut("sum").unwrap()[1].error = Some("ended".into());
        found.limits.insert("fma_f32_1".into(), (176.5, "GFLOP/s".into()));
        found.about.insert("date".into(), "today".into());
        assert_eq!(Results::from_json(&found.to_json()), Some(found.clone()));
        let text = found.to_json().to_string();
        assert_eq!(Results::from_json(&serde_json::from_str(&text).unwrap()), Some(found));
        assert_eq!(Results::from_json(&json!({ "figures": {} })), None);
    }

    #[test]
    fn the_better_way_counts_and_a_failure_only_if_there_is_no_other() {
        let mut found = results("sum", &[figure("gemm", "other", 3.0), figure("faer", "other", 2.0)]);
        assert_eq!(found.best("sum", "other").unwrap().library, "faer");
        found.figures.get_mut("sum").unwrap()[1].error = Some("ended".into());
        assert_eq!(found.best("sum", "other").unwrap().library, "gemm");
        found.figures.get_mut("sum").unwrap()[0].error = Some("ended".into());
        assert!(found.best("sum", "other").unwrap().error.is_some());
        assert!(found.best("sum", "torch").is_none());
    }

    #[test]
    fn a_file_that_is_not_ours_is_named() {
        let error = Results::load(Path::new("no/such.json")).unwrap_err();
        assert!(error.starts_with("no/such.json: "), "{error}");
    }
}
