//! What a person sees while a training runs: a live bar where there is a terminal (feature `progress`), else one plain
//! line per epoch.

use std::io::Write;

use super::live::Live;
use super::{Callback, Flow, Run, StepRecord};
use crate::errors::TrainError;
use crate::history::EpochRecord;
use crate::metrics::{Metrics, significant};
use crate::outcome::Outcome;

/// Shows on standard error how the training goes. With the feature `progress` and a terminal: a live bar with the loss,
/// the steps per second and the time that remains. Otherwise one line per epoch.
pub struct Progress {
    lines: Box<dyn Write>,
    last: Option<String>,
    live: Live,
}

impl Default for Progress {
    fn default() -> Self {
        Self::new()
    }
}

impl Progress {
    /// A bar if standard error is a terminal and the feature `progress` is on, else lines.
    #[must_use]
    pub fn new() -> Self {
        Self { lines: Box::new(std::io::stderr()), last: None, live: Live::on_terminal() }
    }

    /// One line per epoch, written to `out`.
    #[must_use]
    pub fn lines(out: impl Write + 'static) -> Self {
        Self { lines: Box::new(out), last: None, live: Live::off() }
    }

    /// A closed pipe must not end a training.
    fn say(&mut self, line: &str) {
        _ = writeln!(self.lines, "{line}").and_then(|()| self.lines.flush());
    }
}

/// Losses and accuracies by name, without the underscores.
fn words(metrics: &Metrics) -> String {
    const SILENT: [&str; 2] = ["learning_rate", "gradient_norm"];
    let shown = metrics.iter().filter(|(name, _)| !SILENT.contains(name));
    let words = shown.map(|(name, value)| format!("{} {}", name.replace('_', " "), significant(value)));
    words.collect::<Vec<_>>().join(", ")
}

fn line(run: &Run<'_>, record: &EpochRecord) -> String {
    let width = run.epochs.to_string().len();
    let (epoch, epochs, metrics) = (record.epoch, run.epochs, words(&record.metrics));
    format!("epoch {epoch:>width$}/{epochs}: {metrics} ({:.1} s)", record.seconds)
}

impl Callback for Progress {
    fn name(&self) -> &str {
        "progress"
    }

    fn on_start(&mut self, run: &Run<'_>) -> Result<(), TrainError> {
        self.live.start(run);
        Ok(())
    }

    fn on_step(&mut self, run: &Run<'_>, step: &StepRecord) -> Result<Flow, TrainError> {
        self.live.step(run, &words(&step.running));
        Ok(Flow::Continue)
    }

    fn on_epoch(&mut self, run: &Run<'_>, record: &EpochRecord) -> Result<Flow, TrainError> {
        let line = line(run, record);
        if self.live.is_on() {
            self.last = Some(line);
        } else {
            self.say(&line);
        }
        Ok(Flow::Continue)
    }

    fn on_end(&mut self, _run: &Run<'_>, outcome: &Outcome) -> Result<(), TrainError> {
        self.live.finish();
        if let Some(line) = self.last.take() {
            self.say(&line);
        }
        if *outcome != Outcome::Completed {
            self.say(&outcome.to_string());
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::History;

    #[test]
    fn a_line_tells_what_matters() {
        let history = History::default();
        let model: Vec<gradus_module::Param> = Vec::new();
        let run =
            Run { model: &model, epoch: 3, epochs: 30, batch: 5, batches: 5, step: 15, history: &history };
        let metrics = Metrics::new().with("train_loss", 0.25).with("validation_accuracy", 0.98765);
        let metrics = metrics.with("learning_rate", 0.1);
        let record = EpochRecord { epoch: 3, step: 15, metrics, seconds: 1.25 };
        let want = "epoch  3/30: train loss 0.25, validation accuracy 0.9877 (1.2 s)";
        assert_eq!(line(&run, &record), want);
    }
}
