//! A run's report: one self-contained HTML page with facts, curves, tables and pictures. No network, no script, no
//! font but the reader's own; light or dark as the reader's system is; readable on a phone.
//!
//! It must never know a trainer or a model: it is given numbers and words.

mod chart;
mod heat;
mod page;
mod picture;
mod ticks;

use std::path::Path;

use gradus_module::Summary;

use crate::errors::TrainError;
use crate::history::History;
use crate::metrics::ConfusionMatrix;

pub use chart::LineChart;
pub use picture::Picture;

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

    /// A table. Columns whose cells are all numbers are set flush right.
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
