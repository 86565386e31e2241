//! What a person sees while a training runs: a live bar where there is a terminal (feature `progress`), and an epoch's
//! measurements as a row of a table or as a line of a log.

use std::io::{IsTerminal, Write};

use super::live::Live;
use super::table::{Table, seconds, wants_colour};
use super::{Callback, Flow, Run, StepRecord};
use crate::errors::TrainError;
use crate::history::EpochRecord;
use crate::metrics::{Metrics, significant};
use crate::naming::metric_words;
use crate::outcome::Outcome;
use crate::warning::Warning;

/// Shows on standard error how the training goes (Keras: `ProgbarLogger`): a row of a table after each epoch, and with the
/// feature `progress` and a terminal a live bar with the time that remains, the loss, steps and examples per second and the
/// memory in use. On a terminal, what is better than in any epoch before is green, unless the variable `NO_COLOR` is set.
///
/// ```
/// # use gradus_data::{Loader, Pairs};
/// # use gradus_module::Param;
/// # use gradus_optimizers::Adam;
/// # use gradus_tensor::Tensor;
/// use gradus_train::{Progress, Trainer};
/// # let path = std::env::temp_dir().join(format!("gradus-progress-{}.txt", std::process::id()));
/// # let mut loader = Loader::new(Pairs::new(Tensor::from([1.0_f32, 2.0]), Tensor::from([3.0_f32, 6.0]))?, 2, 7);
/// let mut trainer = Trainer::new((Param::new([0.0_f32]),), Adam::new(0.1))
///     .callback(Progress::new()) // for people
///     .callback(Progress::table(std::io::sink())) // the same without bar and colours, elsewhere
///     .callback(Progress::lines(std::fs::File::create(&path)?)); // for a log
/// trainer.fit(&mut loader, |(w,), batch, _| {
///     (&**w * &(&batch.inputs).into() - &(&batch.targets).into()).square().mean()
/// })?;
/// assert!(std::fs::read_to_string(&path)?.starts_with("epoch 1/1: train loss 22.5"));
/// # std::fs::remove_file(&path)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Progress {
    out: Box<dyn Write>,
    /// None: a line of its own for each epoch.
    table: Option<Table>,
    live: Live,
}

impl Default for Progress {
    fn default() -> Self {
        Self::new()
    }
}

impl Progress {
    /// A table; above a bar if standard error is a terminal and the feature `progress` is on.
    #[must_use]
    pub fn new() -> Self {
        let table = Table::new(std::io::stderr().is_terminal() && wants_colour());
        Self { out: Box::new(std::io::stderr()), table: Some(table), live: Live::on_terminal() }
    }

    /// A table, written to `out` without colours.
    #[must_use]
    pub fn table(out: impl Write + 'static) -> Self {
        Self { out: Box::new(out), table: Some(Table::new(false)), live: Live::off() }
    }

    /// One line per epoch that says all by itself, written to `out`.
    #[must_use]
    pub fn lines(out: impl Write + 'static) -> Self {
        Self { out: Box::new(out), table: None, live: Live::off() }
    }

    /// A closed pipe must not end a training.
    fn say(&mut self, line: &str) {
        let out = &mut self.out;
        self.live.pause(|| _ = writeln!(out, "{line}").and_then(|()| out.flush()));
    }
}

/// Losses and accuracies by name, as people write them.
fn words(metrics: &Metrics) -> String {
    const SILENT: [&str; 2] = ["learning_rate", "gradient_norm"];
    let shown = metrics.iter().filter(|(name, _)| !SILENT.contains(name));
    let words = shown.map(|(name, value)| format!("{} {}", metric_words(name), significant(value)));
    words.collect::<Vec<_>>().join(", ")
}

fn line(run: &Run<'_>, record: &EpochRecord) -> String {
    let width = run.epochs.to_string().len();
    let (epoch, epochs, metrics) = (record.epoch, run.epochs, words(&record.metrics));
    format!("epoch {epoch:>width$}/{epochs}: {metrics} ({})", seconds(record.seconds))
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
        self.live.step(run, step);
        Ok(Flow::Continue)
    }

    fn on_warning(&mut self, _run: &Run<'_>, warning: &Warning) {
        self.say(&format!("warning: {warning}"));
    }

    fn on_epoch(&mut self, run: &Run<'_>, record: &EpochRecord) -> Result<Flow, TrainError> {
        let lines = match &mut self.table {
            Some(table) => table.lines(run, record),
            None => vec![line(run, record)],
        };
        lines.iter().for_each(|line| self.say(line));
        Ok(Flow::Continue)
    }

    /// The error's message must not stand behind half a bar.
    fn on_error(&mut self, _run: &Run<'_>, _error: &TrainError) {
        self.live.finish();
    }

    fn on_end(&mut self, _run: &Run<'_>, outcome: &Outcome) -> Result<(), TrainError> {
        self.live.finish();
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

    /// A writer whose text can be read afterwards.
    #[derive(Clone, Default)]
    struct Shared(std::rc::Rc<std::cell::RefCell<Vec<u8>>>);

    impl Write for Shared {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.borrow_mut().write(bytes)
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn without_a_terminal_there_is_one_line_per_epoch_and_the_reason_of_the_end() {
        let (history, out) = (History::default(), Shared::default());
        let model: Vec<gradus_module::Param> = Vec::new();
        let run = Run {
            model: &model,
            epoch: 1,
            epochs: 2,
            batch: 5,
            batches: 5,
            step: 5,
            history: &history,
            gradients: None,
        };
        let metrics = Metrics::new().with("train_loss", 0.5);
        let record = EpochRecord { epoch: 1, step: 5, metrics: metrics.clone(), seconds: 0.0 };
        let step = StepRecord {
            loss: 0.5,
            gradient_norm: 1.0,
            learning_rate: 0.1,
            examples: 8,
            running: metrics,
            without_gradient: Vec::new(),
        };
        let mut progress = Progress::lines(out.clone());
        progress.on_start(&run).unwrap();
        progress.on_step(&run, &step).unwrap();
        progress.on_epoch(&run, &record).unwrap();
        progress.on_end(&run, &Outcome::Stopped { checkpoint: None }).unwrap();
        let text = String::from_utf8(out.0.take()).unwrap();
        assert_eq!(text, "epoch 1/2: train loss 0.5 (0.0 s)\nstopped on request\n");

        let mut progress = Progress::table(out.clone());
        progress.on_step(&run, &step).unwrap();
        progress.on_epoch(&run, &record).unwrap();
        let text = String::from_utf8(out.0.take()).unwrap();
        assert_eq!(text, "            train\nepoch        loss       time\n  1/2         0.5      0.0 s\n");
    }

    #[test]
    fn a_line_tells_what_matters() {
        let history = History::default();
        let model: Vec<gradus_module::Param> = Vec::new();
        let run = Run {
            model: &model,
            epoch: 3,
            epochs: 30,
            batch: 5,
            batches: 5,
            step: 15,
            history: &history,
            gradients: None,
        };
        let metrics = Metrics::new().with("train_loss", 0.25).with("validation_accuracy", 0.98765);
        let metrics = metrics.with("learning_rate", 0.1);
        let record = EpochRecord { epoch: 3, step: 15, metrics, seconds: 1.25 };
        let want = "epoch  3/30: train loss 0.25, validation accuracy 0.9877 (1.2 s)";
        assert_eq!(line(&run, &record), want);
    }
}
