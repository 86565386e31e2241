//! The table on the console: a row per epoch, columns under each other, training beside validation. It must never know
//! where it is shown.

use super::Run;
use crate::history::{EpochRecord, Goal};
use crate::metrics::significant;
use crate::naming::{metric_words, split};

/// The narrowest column of numbers: four digits, a point and an exponent.
const NARROWEST: usize = 8;
/// What every epoch has, and charts show better.
const SILENT: [&str; 2] = ["learning_rate", "gradient_norm"];
const BOLD: &str = "\u{1b}[1m";
const GREEN: &str = "\u{1b}[32m";
const PLAIN: &str = "\u{1b}[0m";

/// A metric's column.
#[derive(Clone, Debug, PartialEq)]
struct Column {
    metric: String,
    best: Option<f64>,
}

impl Column {
    /// `validation` and `loss`.
    fn heading(&self) -> (&str, String) {
        let (measure, part) = split(&self.metric);
        (part.unwrap_or(""), metric_words(measure))
    }

    fn width(&self) -> usize {
        NARROWEST.max(self.heading().1.chars().count())
    }

    /// Whether `value` is better than all before it; notes it.
    fn improves(&mut self, value: f64) -> bool {
        let Some(goal) = Goal::of_metric(&self.metric) else { return false };
        let better = self.best.is_none_or(|best| goal.improves(value, best, 0.0)) && !value.is_nan();
        if better {
            self.best = Some(value);
        }
        better
    }
}

/// Rows of text, header lines first and again whenever other metrics are measured.
#[derive(Debug, Default)]
pub(super) struct Table {
    columns: Vec<Column>,
    /// With colours, what is better than ever before is green.
    coloured: bool,
}

/// Whether colours are welcome where there is a terminal (no-color.org).
pub(super) fn wants_colour() -> bool {
    let set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    !set("NO_COLOR") && std::env::var_os("TERM").is_none_or(|term| term != "dumb")
}

impl Table {
    pub(super) fn new(coloured: bool) -> Self {
        Self { columns: Vec::new(), coloured }
    }

    /// The lines of an epoch.
    pub(super) fn lines(&mut self, run: &Run<'_>, record: &EpochRecord) -> Vec<String> {
        let shown = || record.metrics.iter().filter(|(name, _)| !SILENT.contains(name));
        let mut lines = Vec::new();
        let digits = run.epochs.to_string().len();
        let first = (2 * digits + 1).max("epoch".len());
        if !shown().map(|(name, _)| name).eq(self.columns.iter().map(|column| column.metric.as_str())) {
            let column = |(name, _): (&str, f64)| Column { metric: name.to_owned(), best: None };
            self.columns = shown().map(column).collect();
            lines.extend(self.header(first));
        }
        let mut row = format!("{:>first$}", format!("{}/{}", record.epoch, run.epochs));
        let mut part = "";
        for (column, (_, value)) in self.columns.iter_mut().zip(shown()) {
            let text = format!("{:>width$}", significant(value), width = column.width());
            let better = column.improves(value) && column.metric.starts_with("validation");
            let own = split(&column.metric).1.unwrap_or("");
            row += gap(part, own);
            row += &if better && self.coloured { format!("{GREEN}{text}{PLAIN}") } else { text };
            part = own;
        }
        row += &format!("  {:>9}", seconds(record.seconds));
        lines.push(row);
        lines
    }

    fn header(&self, first: usize) -> Vec<String> {
        let (mut parts, mut names) = (" ".repeat(first), format!("{:>first$}", "epoch"));
        let mut part = "";
        for column in &self.columns {
            let (own, measure) = column.heading();
            let width = column.width();
            let told = if own == part { "" } else { own };
            // A part's name may reach into the gap before its first column.
            parts += &format!("{told:>wide$}", wide = gap(part, own).len() + width);
            names += &format!("{}{measure:>width$}", gap(part, own));
            part = own;
        }
        names += &format!("  {:>9}", "time");
        let lines = [parts.trim_end().to_owned(), names].into_iter().filter(|line| !line.is_empty());
        let bold = |line: String| if self.coloured { format!("{BOLD}{line}{PLAIN}") } else { line };
        lines.map(bold).collect()
    }
}

/// Parts of the data stand further apart than a part's columns.
fn gap(before: &str, own: &str) -> &'static str {
    if before == own { "  " } else { "    " }
}

/// `12.3 s`, `5:07 min`, `2:05:07 h`.
pub(super) fn seconds(seconds: f64) -> String {
    if !(60.0..1e9).contains(&seconds) {
        return format!("{seconds:.1} s");
    }
    let whole = seconds.round() as u64;
    let (hours, minutes, rest) = (whole / 3600, whole / 60 % 60, whole % 60);
    if hours == 0 { format!("{minutes}:{rest:02} min") } else { format!("{hours}:{minutes:02}:{rest:02} h") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::History;
    use crate::metrics::Metrics;

    fn rows(table: &mut Table, epoch: usize, metrics: &Metrics) -> Vec<String> {
        let (model, history): (Vec<gradus_module::Param>, _) = (Vec::new(), History::default());
        let run = Run {
            model: &model,
            epoch,
            epochs: 30,
            batch: 5,
            batches: 5,
            step: 5,
            history: &history,
            gradients: None,
        };
        let record = EpochRecord { epoch, step: 5, metrics: metrics.clone(), seconds: 61.0 * epoch as f64 };
        table.lines(&run, &record)
    }

    fn metrics(loss: f64, accuracy: f64) -> Metrics {
        let own = Metrics::new().with("train_loss", 2.0 * loss).with("train_accuracy", accuracy);
        let own = own.with("validation_loss", loss).with("validation_balanced_accuracy", accuracy);
        own.with("learning_rate", 0.1).with("gradient_norm", 3.0)
    }

    #[test]
    fn columns_stand_under_each_other() {
        let mut table = Table::new(false);
        let mut text = rows(&mut table, 1, &metrics(1.25, 0.5));
        text.extend(rows(&mut table, 12, &metrics(0.0123456, 0.98765)));
        let want = [
            "            train            validation",
            "epoch        loss  accuracy        loss  balanced accuracy       time",
            " 1/30         2.5       0.5        1.25                0.5   1:01 min",
            "12/30     0.02469    0.9877     0.01235             0.9877  12:12 min",
        ];
        assert_eq!(text, want, "\n{}", text.join("\n"));
        let other = metrics(1.0, 0.5).with("test_f1", f64::NAN);
        assert_eq!(rows(&mut table, 13, &other).len(), 3, "a new header for new metrics");
    }

    #[test]
    fn what_is_better_than_ever_is_green_on_a_terminal_only() {
        let mut table = Table::new(true);
        let [.., first] =
            rows(&mut table, 1, &metrics(1.0, 0.5)).try_into().unwrap_or([const { String::new() }; 3]);
        assert_eq!(first.matches(GREEN).count(), 2, "{first}");
        let second = rows(&mut table, 2, &metrics(0.5, 0.25)).join("");
        assert_eq!(second.matches(GREEN).count(), 1, "{second}");
        assert!(second.contains(&format!("{GREEN}     0.5{PLAIN}")), "{second}");
        let plain = rows(&mut Table::new(false), 1, &metrics(1.0, 0.5)).join("");
        assert!(!plain.contains('\u{1b}'));
    }

    #[test]
    fn times_are_short() {
        let told = [0.0, 59.94, 60.0, 307.4, 7507.0, f64::NAN].map(seconds);
        assert_eq!(told, ["0.0 s", "59.9 s", "1:00 min", "5:07 min", "2:05:07 h", "NaN s"]);
    }
}
