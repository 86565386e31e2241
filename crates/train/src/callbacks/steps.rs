//! The file of steps: one line of JSON per step, for those who want to see within epochs.

use std::path::PathBuf;

use serde_json::Value;

use super::{Callback, Flow, Run, StepRecord};
use crate::errors::TrainError;
use crate::files::{Lines, read_lines};

/// Writes one JSON object per step and line: `step`, `epoch`, `loss`, `gradient_norm`, `learning_rate`; what is not finite is
/// `null`. When a run goes on, the lines of the steps that are taken again are cut off, so that none stands there twice.
///
/// ```
/// # use gradus_data::{Loader, Pairs};
/// # use gradus_module::Param;
/// # use gradus_optimizers::Adam;
/// # use gradus_tensor::Tensor;
/// use gradus_train::{StepsFile, Trainer};
/// # let path = std::env::temp_dir().join(format!("gradus-steps-{}.jsonl", std::process::id()));
/// # let mut loader = Loader::new(Pairs::new(Tensor::from([1.0_f32, 2.0]), Tensor::from([3.0_f32, 6.0]))?, 1, 7);
/// let steps = StepsFile::new(&path).every(2);
/// let mut trainer = Trainer::new((Param::new([0.0_f32]),), Adam::new(0.1)).epochs(3).callback(steps);
/// trainer.fit(&mut loader, |(w,), batch, _| {
///     (&**w * &(&batch.inputs).into() - &(&batch.targets).into()).square().mean()
/// })?;
/// assert_eq!(StepsFile::curve(&path, "learning_rate")?, [(2.0, 0.1), (4.0, 0.1), (6.0, 0.1)]);
/// # std::fs::remove_file(&path)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct StepsFile {
    lines: Lines,
    every: u64,
}

impl StepsFile {
    /// Writes each step to `path`; what stands there of steps that this run did not take is replaced.
    #[must_use]
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { lines: Lines::new(path), every: 1 }
    }

    /// Writes every `steps`-th step only. 0 counts as 1.
    #[must_use]
    pub fn every(mut self, steps: u64) -> Self {
        self.every = steps.max(1);
        self
    }

    /// What a file of steps says of `name`: (step, value) of each line, NaN for what was not finite.
    ///
    /// # Errors
    /// If the file cannot be read or a line has no such number; the error names it.
    pub fn curve(path: impl AsRef<std::path::Path>, name: &str) -> Result<Vec<(f64, f64)>, TrainError> {
        read_lines(path.as_ref(), |line| {
            let step = line["step"].as_f64().ok_or_else(|| "no number \"step\"".to_owned())?;
            let value = match line.get(name) {
                Some(Value::Null) => Some(f64::NAN),
                other => other.and_then(Value::as_f64),
            };
            Ok((step, value.ok_or_else(|| format!("no number {name:?}"))?))
        })
    }
}

impl Callback for StepsFile {
    fn name(&self) -> &str {
        "steps_file"
    }

    fn on_start(&mut self, run: &Run<'_>) -> Result<(), TrainError> {
        self.lines.cut(|line| line["step"].as_u64().is_some_and(|step| step <= run.step))
    }

    fn on_step(&mut self, run: &Run<'_>, step: &StepRecord) -> Result<Flow, TrainError> {
        if run.step.is_multiple_of(self.every) {
            let [loss, norm, rate] = [step.loss, step.gradient_norm, step.learning_rate].map(Value::from);
            self.lines.add(&format!(
                "{{\"step\":{},\"epoch\":{},\"loss\":{loss},\"gradient_norm\":{norm},\"learning_rate\":{rate}}}",
                run.step, run.epoch
            ))?;
        }
        Ok(Flow::Continue)
    }
}
