//! A run's report: one self-contained HTML page with facts, curves, tables and pictures. No network, no script, no
//! font but the reader's own; light or dark as the reader's system is; readable on a phone.
//!
//! It must never know a trainer or a model: it is given numbers and words.

mod calibration;
mod chart;
mod environment;
mod heat;
mod page;
mod picture;
mod strip;
mod ticks;
mod values;

use std::path::Path;

use gradus_module::Summary;

use crate::callbacks::Norms;
use crate::errors::TrainError;
use crate::history::History;
use crate::metrics::ConfusionMatrix;

pub use crate::metrics::CalibrationBin;
pub use chart::LineChart;
pub use environment::environment;
pub use picture::Picture;

/// So many curves can still be told apart.
const MOST_CURVES: usize = 12;

/// Builds a report section by section, in the order of the calls.
///
/// ```
/// use gradus_train::report::{LineChart, Report};
/// let page = Report::new("Digits")
///     .facts("Result", [("test accuracy", "98.9 %"), ("seed", "7")])
///     .chart(LineChart::new("Loss", "epoch", "cross-entropy").series("train", &[(1.0, 0.9), (2.0, 0.4)]))
///     .text("Configuration", "learning_rate = 0.001")
///     .to_html();
/// assert!(page.starts_with("<!DOCTYPE html>") && page.contains("<svg"));
/// ```
#[derive(Clone, Debug)]
pub struct Report {
    title: String,
    subtitle: String,
    sections: Vec<Section>,
}

/// A heading and the markup below it. Charts that follow each other share a row where there is room.
#[derive(Clone, Debug)]
struct Section {
    heading: Option<String>,
    body: String,
    is_chart: bool,
}

impl Report {
    /// An empty report.
    #[must_use]
    pub fn new(title: impl Into<String>) -> Self {
        Self { title: title.into(), subtitle: String::new(), sections: Vec::new() }
    }

    /// A line under the title.
    #[must_use]
    pub fn subtitle(mut self, text: impl Into<String>) -> Self {
        self.subtitle = text.into();
        self
    }

    fn section(mut self, heading: impl Into<String>, body: String) -> Self {
        self.sections.push(Section { heading: Some(heading.into()), body, is_chart: false });
        self
    }

    /// A table of names and values.
    #[must_use]
    pub fn facts<N: AsRef<str>, V: AsRef<str>>(
        self,
        heading: impl Into<String>,
        facts: impl IntoIterator<Item = (N, V)>,
    ) -> Self {
        let facts: Vec<(N, V)> = facts.into_iter().collect();
        let body = page::facts(facts.iter().map(|(name, value)| (name.as_ref(), value.as_ref())));
        self.section(heading, body)
    }

    /// A line chart. Several in a row stand beside each other on a wide screen.
    #[must_use]
    pub fn chart(mut self, chart: LineChart) -> Self {
        self.sections.push(Section { heading: None, body: chart.to_markup(), is_chart: true });
        self
    }

    /// One chart for each measure of a history, training and validation laid over each other; the learning rate too if
    /// it changed.
    #[must_use]
    pub fn history(self, history: &History) -> Self {
        history.charts().into_iter().fold(self, Self::chart)
    }

    /// The norms of weights and of gradients by layer, on a logarithmic scale: as curves, or as shades where curves would be
    /// too many.
    ///
    /// ```
    /// use gradus_train::Norms;
    /// use gradus_train::report::Report;
    /// # let path = std::env::temp_dir().join(format!("gradus-report-norms-{}.jsonl", std::process::id()));
    /// # std::fs::write(&path, r#"{"epoch":1,"layers":["a"],"weights":[1.5],"gradients":[0.25]}"#)?;
    /// let norms = Norms::read_jsonl(&path)?; // as a `NormsFile` wrote it
    /// assert!(Report::new("Run").norms(&norms).to_html().contains("Weight norms by layer"));
    /// # std::fs::remove_file(&path)?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn norms(self, norms: &Norms) -> Self {
        type Curve = fn(&Norms, &str) -> Vec<(f64, f64)>;
        let kinds: [(&str, Curve); 2] = [("Weight", Norms::weights), ("Gradient", Norms::gradients)];
        kinds.into_iter().fold(self, |mut page, (kind, curve)| {
            let title = format!("{kind} norms by layer");
            let rows = norms.layers().iter().map(|layer| (layer.clone(), curve(norms, layer)));
            let rows: Vec<_> = rows.filter(|(_, points)| !points.is_empty()).collect();
            if rows.is_empty() {
                return page;
            }
            let body = if rows.len() > MOST_CURVES {
                strip::markup(&title, "epoch", &rows)
            } else {
                let chart = LineChart::new(title, "epoch", "norm").log_y();
                rows.iter().fold(chart, |chart, (name, points)| chart.series(name, points)).to_markup()
            };
            page.sections.push(Section { heading: None, body, is_chart: true });
            page
        })
    }

    /// A calibration diagram: how often predictions are right over how sure they were, with the counts.
    ///
    /// ```
    /// use gradus_train::report::{CalibrationBin, Report};
    /// let sure = CalibrationBin { low: 0.8, high: 0.9, count: 40, certainty: 0.85, accuracy: 0.6 };
    /// assert!(Report::new("Run").calibration("Calibration", &[sure]).to_html().contains("60.0 % right"));
    /// ```
    #[must_use]
    pub fn calibration(self, heading: impl Into<String>, bins: &[CalibrationBin]) -> Self {
        self.section(heading, calibration::markup(bins))
    }

    /// A confusion matrix as a table, the more frequent the darker, with precision, recall and F1 of each class.
    #[must_use]
    pub fn confusion(self, heading: impl Into<String>, matrix: &ConfusionMatrix) -> Self {
        self.section(heading, heat::markup(matrix))
    }

    /// Small pictures with captions.
    #[must_use]
    pub fn pictures(self, heading: impl Into<String>, pictures: &[Picture]) -> Self {
        self.section(heading, picture::grid(pictures))
    }

    /// A table. Columns whose cells are all numbers are set flush right, ★ before a number marks it as the best; long texts break into lines.
    #[must_use]
    pub fn table(self, heading: impl Into<String>, head: &[&str], rows: &[Vec<String>]) -> Self {
        self.section(heading, page::table(head, rows))
    }

    /// A model's layers.
    ///
    /// ```
    /// use gradus_module::Summary;
    /// use gradus_train::report::Report;
    /// let summary = Summary { rows: Vec::new(), parameters: 1234 }; // usually from `gradus_module::summary`
    /// assert!(Report::new("Digits").layers("Model", &summary).to_html().contains("1,234 parameters in all"));
    /// ```
    #[must_use]
    pub fn layers(self, heading: impl Into<String>, summary: &Summary) -> Self {
        let row = |r: &gradus_module::Row| {
            let path = if r.path.is_empty() { "–".to_owned() } else { r.path.clone() };
            let counts = [page::grouped(r.parameters as u64), page::grouped(r.multiply_adds)];
            let [parameters, work] = counts;
            vec![path, r.kind.to_owned(), r.output.to_string(), parameters, work]
        };
        let rows: Vec<Vec<String>> = summary.rows.iter().map(row).collect();
        let head = ["layer", "type", "output", "parameters", "multiply-adds"];
        let total = format!("<p>{} parameters in all.</p>", page::grouped(summary.parameters as u64));
        self.section(heading, page::table(&head, &rows) + &total)
    }

    /// Preformatted text: a configuration, an environment.
    #[must_use]
    pub fn text(self, heading: impl Into<String>, text: &str) -> Self {
        self.section(heading, format!("<pre>{}</pre>", page::escape(text)))
    }

    /// A sentence without a heading, set off from the rest: what a reader must know first.
    ///
    /// ```
    /// use gradus_train::report::Report;
    /// assert!(Report::new("Run").note("Stopped at epoch 3.").to_html().contains("class=\"note\""));
    /// ```
    #[must_use]
    pub fn note(mut self, text: &str) -> Self {
        let body = format!("<p class=\"note\">{}</p>\n", page::escape(text));
        self.sections.push(Section { heading: None, body, is_chart: false });
        self
    }

    /// A paragraph.
    #[must_use]
    pub fn paragraph(self, heading: impl Into<String>, text: &str) -> Self {
        self.section(heading, format!("<p>{}</p>", page::escape(text)))
    }

    /// The page.
    #[must_use]
    pub fn to_html(&self) -> String {
        page::document(&self.title, &self.subtitle, &self.sections)
    }

    /// Writes the page to `path`, all or nothing.
    ///
    /// ```
    /// use gradus_train::History;
    /// use gradus_train::metrics::ConfusionMatrix;
    /// use gradus_train::report::{Picture, Report};
    /// # let path = std::env::temp_dir().join(format!("gradus-report-{}.html", std::process::id()));
    /// Report::new("Pets")
    ///     .subtitle("seed 7")
    ///     .paragraph("Data", "Two pictures of each.")
    ///     .pictures("First", &[Picture::new(vec![vec![0.0, 1.0]], "a cat")])
    ///     .table("Runs", &["seed", "loss"], &[vec!["7".into(), "0.25".into()]])
    ///     .confusion("Test", &ConfusionMatrix::new(["cat", "dog"]))
    ///     .history(&History::default())
    ///     .write(&path)?;
    /// assert!(std::fs::read_to_string(&path)?.contains("seed 7"));
    /// # std::fs::remove_file(&path)?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// If the file cannot be written; an earlier one is then as it was.
    pub fn write(&self, path: impl AsRef<Path>) -> Result<(), TrainError> {
        let path = path.as_ref();
        crate::files::write(path, self.to_html().as_bytes())
    }
}
