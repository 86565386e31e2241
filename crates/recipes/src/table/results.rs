//! The results of a run in numbers: what its `summary.json` holds. It must never know how they came about.

use std::collections::BTreeMap;

use gradus_train::metrics::{Metrics, significant};
use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::run::Run;

/// Measurements of one part of the data by name, and how many rows it has.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Measured {
    pub(super) examples: usize,
    #[serde(flatten)]
    pub(super) metrics: BTreeMap<String, f64>,
}

impl Measured {
    /// What is not finite has no place in JSON and is left out.
    pub(super) fn new(examples: usize, metrics: &Metrics) -> Self {
        let finite = metrics.iter().filter(|(_, value)| value.is_finite());
        Self { examples, metrics: finite.map(|(name, value)| (name.to_owned(), value)).collect() }
    }

    /// `r2 0.5, mae 40.2`, in the order of reading.
    pub(super) fn told(&self) -> String {
        ORDER
            .iter()
            .filter_map(|name| Some((name, self.metrics.get(*name)?)))
            .map(|(name, value)| format!("{} {}", label(name), significant(*value)))
            .collect::<Vec<_>>()
            .join(", ")
    }
}

/// The measures in the order of reading.
pub(super) const ORDER: [&str; 9] =
    ["accuracy", "balanced_accuracy", "f1", "roc_auc", "calibration_error", "r2", "mae", "rmse", "loss"];

/// A measure's name for people.
pub(super) fn label(name: &str) -> &str {
    match name {
        "balanced_accuracy" => "balanced accuracy",
        "f1" => "macro F1",
        "roc_auc" => "ROC-AUC",
        "calibration_error" => "calibration error",
        "r2" => "R²",
        "mae" => "mean absolute error",
        "rmse" => "root mean squared error",
        other => other,
    }
}

/// What `summary.json` holds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct TableResults {
    pub(super) recipe: String,
    pub(super) version: String,
    pub(super) seed: u64,
    /// `regression` or `classification`.
    pub(super) task: String,
    pub(super) target: String,
    pub(super) features: usize,
    pub(super) epochs: usize,
    pub(super) best_epoch: usize,
    pub(super) steps: u64,
    pub(super) seconds: f64,
    pub(super) parameters: usize,
    pub(super) train: Measured,
    pub(super) validation: Measured,
    pub(super) test: Measured,
    /// Rules of thumb on the test part, in order.
    pub(super) baselines: Vec<(String, Measured)>,
    /// What the user should know of the data.
    pub(super) notes: Vec<String>,
}

impl TableResults {
    /// Writes `summary.json`.
    pub(super) fn write(&self, run: &Run) -> Result<(), Error> {
        let text = serde_json::to_string_pretty(self).map_err(|cause| Error::Unreadable {
            path: run.file(Run::SUMMARY),
            problem: format!("cannot be written: {cause}"),
        })?;
        run.write(Run::SUMMARY, &(text + "\n"))
    }

    /// Reads `summary.json`.
    pub(super) fn read(run: &Run) -> Result<Self, Error> {
        serde_json::from_str(&run.read(Run::SUMMARY)?).map_err(|error| Error::Unreadable {
            path: run.file(Run::SUMMARY),
            problem: format!("is not the summary of a training: {error}"),
        })
    }

    /// The network beside the rules of thumb, as rows of cells: head first.
    pub(super) fn rows(&self) -> Vec<Vec<String>> {
        let names: Vec<&str> = ORDER
            .iter()
            .copied()
            .filter(|name| self.baselines.iter().any(|(_, b)| b.metrics.contains_key(*name)))
            .collect();
        let head = std::iter::once("on the test part").chain(names.iter().map(|name| label(name)));
        let mut rows = vec![head.map(str::to_owned).collect::<Vec<String>>()];
        let network = ("the network".to_owned(), self.test.clone());
        for (name, measured) in std::iter::once(&network).chain(&self.baselines) {
            let cell =
                |metric: &&str| measured.metrics.get(*metric).map_or("–".to_owned(), |x| significant(*x));
            rows.push(std::iter::once(name.clone()).chain(names.iter().map(cell)).collect());
        }
        rows
    }
}

/// Rows of cells as aligned lines, the first column to the left.
pub(super) fn aligned(rows: &[Vec<String>]) -> String {
    let length = |text: &String| text.chars().count();
    let columns = rows.first().map_or(0, Vec::len);
    let widths: Vec<usize> =
        (0..columns).map(|column| rows.iter().map(|row| length(&row[column])).max().unwrap_or(0)).collect();
    let line = |row: &Vec<String>| {
        let cells = row.iter().zip(&widths).enumerate().map(|(column, (cell, &width))| match column {
            0 => format!("{cell:<width$}"),
            _ => format!("{cell:>width$}"),
        });
        cells.collect::<Vec<_>>().join("  ")
    };
    rows.iter().map(line).collect::<Vec<_>>().join("\n")
}
