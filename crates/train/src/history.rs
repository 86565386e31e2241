//! What was measured, epoch by epoch: as values, as lines of JSON, as charts. It must never know who measures.

use std::path::Path;

use serde_json::{Value, json};

use crate::errors::TrainError;
use crate::exact;
use crate::metrics::Metrics;
use crate::naming::{PARTS, metric_words, split};
use crate::report::LineChart;

/// Which way a metric is better.
///
/// ```
/// use gradus_train::Goal;
/// assert!(Goal::Min.improves(0.4, 0.5, 0.0));
/// assert!(!Goal::Max.improves(0.95, 0.9, 0.1)); // better, but by less than 0.1
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Goal {
    /// Less is better: losses, errors.
    Min,
    /// More is better: accuracies.
    Max,
}

impl Goal {
    /// Whether `new` is better than `old` by more than `margin`. A NaN never is; anything else is better than a NaN.
    #[must_use]
    pub fn improves(self, new: f64, old: f64, margin: f64) -> bool {
        match self {
            _ if new.is_nan() => false,
            _ if old.is_nan() => true,
            Goal::Min => new < old - margin,
            Goal::Max => new > old + margin,
        }
    }
}

/// One epoch's measurements.
///
/// `metrics` holds `train_loss`, `train_…` for whatever the step measured, `validation_…` for whatever the evaluation
/// measured, `learning_rate` (of the last step) and `gradient_norm` (mean over the steps, before clipping).
///
/// ```
/// use gradus_train::EpochRecord;
/// use gradus_train::metrics::Metrics;
/// let metrics = Metrics::new().with("train_loss", 0.5);
/// let record = EpochRecord { epoch: 1, step: 20, metrics, seconds: 1.5 };
/// assert_eq!(record.to_json(), r#"{"epoch":1,"step":20,"train_loss":0.5,"seconds":1.5}"#);
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct EpochRecord {
    /// The epoch, from 1.
    pub epoch: usize,
    /// How many steps were taken until its end.
    pub step: u64,
    /// The measurements.
    pub metrics: Metrics,
    /// Wall-clock seconds since the run's beginning, pauses between stop and resume not counted.
    pub seconds: f64,
}

impl EpochRecord {
    /// One line of JSON, `epoch` first. What is not finite becomes `null`.
    #[must_use]
    pub fn to_json(&self) -> String {
        let mut line = format!("{{\"epoch\":{},\"step\":{}", self.epoch, self.step);
        for (name, value) in self.metrics.iter().chain([("seconds", self.seconds)]) {
            line.push_str(&format!(",{}:{}", Value::from(name), Value::from(value)));
        }
        line.push('}');
        line
    }

    fn from_json(line: Value) -> Result<Self, String> {
        let Value::Object(mut object) = line else { return Err(format!("no object but {line}")) };
        let mut whole = |name: &str| {
            let value = object.remove(name).and_then(|value| value.as_u64());
            value.ok_or_else(|| format!("no whole number \"{name}\""))
        };
        let (epoch, step) = (whole("epoch")?, whole("step")?);
        let seconds = object.remove("seconds").and_then(|value| value.as_f64()).unwrap_or(f64::NAN);
        let mut metrics = Metrics::new();
        for (name, value) in object {
            match value {
                Value::Null => metrics.set(name, f64::NAN),
                Value::Number(number) => metrics.set(name, number.as_f64().unwrap_or(f64::NAN)),
                other => return Err(format!("\"{name}\" is no number but {other}")),
            }
        }
        let epoch = usize::try_from(epoch).map_err(|_| format!("no such epoch: {epoch}"))?;
        Ok(Self { epoch, step, metrics, seconds })
    }
}

/// All epochs so far.
///
/// ```
/// use gradus_train::metrics::Metrics;
/// use gradus_train::{EpochRecord, Goal, History};
/// let mut history = History::default();
/// for (epoch, loss) in [(1, 0.9), (2, 0.4), (3, 0.5)] {
///     let metrics = Metrics::new().with("validation_loss", loss);
///     history.push(EpochRecord { epoch, step: 10 * epoch as u64, metrics, seconds: 1.5 });
/// }
/// assert_eq!(history.best("validation_loss", Goal::Min).map(|record| record.epoch), Some(2));
/// assert_eq!(history.last().map(|record| record.step), Some(30));
/// assert_eq!(history.curve("validation_loss"), [(1.0, 0.9), (2.0, 0.4), (3.0, 0.5)]);
/// assert_eq!((history.epochs().len(), history.charts().len()), (3, 1));
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct History {
    epochs: Vec<EpochRecord>,
}

impl History {
    /// The records in order.
    #[must_use]
    pub fn epochs(&self) -> &[EpochRecord] {
        &self.epochs
    }

    /// The latest record.
    #[must_use]
    pub fn last(&self) -> Option<&EpochRecord> {
        self.epochs.last()
    }

    /// The earliest of the records in which a metric was best; `None` if it was never measured.
    #[must_use]
    pub fn best(&self, metric: &str, goal: Goal) -> Option<&EpochRecord> {
        let mut best: Option<(&EpochRecord, f64)> = None;
        for record in &self.epochs {
            if let Some(value) = record.metrics.get(metric)
                && best.is_none_or(|(_, old)| goal.improves(value, old, 0.0))
            {
                best = Some((record, value));
            }
        }
        best.map(|(record, _)| record)
    }

    /// Adds a record.
    pub fn push(&mut self, record: EpochRecord) {
        self.epochs.push(record);
    }

    /// A metric over epochs: (epoch, value) where it was measured.
    #[must_use]
    pub fn curve(&self, metric: &str) -> Vec<(f64, f64)> {
        let point = |r: &EpochRecord| r.metrics.get(metric).map(|value| (r.epoch as f64, value));
        self.epochs.iter().filter_map(point).collect()
    }

    /// One line of JSON per epoch.
    ///
    /// ```
    /// use gradus_train::metrics::Metrics;
    /// use gradus_train::{EpochRecord, History};
    /// # let path = std::env::temp_dir().join(format!("gradus-history-{}.jsonl", std::process::id()));
    /// let mut history = History::default();
    /// history.push(EpochRecord { epoch: 1, step: 20, metrics: Metrics::new().with("train_loss", 0.5), seconds: 1.5 });
    /// std::fs::write(&path, history.to_jsonl())?;
    /// assert_eq!(History::read_jsonl(&path)?.epochs(), history.epochs());
    /// # std::fs::remove_file(&path)?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn to_jsonl(&self) -> String {
        self.epochs.iter().map(|record| record.to_json() + "\n").collect()
    }

    /// The history that a file of JSON lines holds. Metrics come in alphabetical order. A last line that is torn, as a power
    /// cut leaves it, is not there.
    ///
    /// # Errors
    /// If the file cannot be read or a line is not a record; the error names it.
    pub fn read_jsonl(path: impl AsRef<Path>) -> Result<Self, TrainError> {
        Ok(Self { epochs: crate::files::read_lines(path.as_ref(), EpochRecord::from_json)? })
    }

    /// A chart for each measure, the loss first: training and validation over each other.
    #[must_use]
    pub fn charts(&self) -> Vec<LineChart> {
        let mut measures: Vec<&str> = Vec::new();
        for (name, _) in self.epochs.iter().flat_map(|record| record.metrics.iter()) {
            let measure = split(name).0;
            if !measures.contains(&measure) {
                measures.push(measure);
            }
        }
        let place = |measure: &&str| match *measure {
            "loss" => 0,
            "accuracy" => 1,
            "gradient_norm" => 3,
            "learning_rate" => 4,
            _ => 2,
        };
        measures.sort_by_key(place);
        measures.into_iter().filter_map(|measure| self.chart(measure)).collect()
    }

    fn chart(&self, measure: &str) -> Option<LineChart> {
        let words = metric_words(measure);
        let mut chart = LineChart::new(words.as_str(), "epoch", words.as_str());
        let own = self.curve(measure);
        // A constant learning rate is a fact, not a curve.
        if measure == "learning_rate" && own.windows(2).all(|pair| pair[0].1 == pair[1].1) {
            return None;
        }
        if !own.is_empty() {
            chart = chart.series(words, &own);
        }
        for part in PARTS {
            let curve = self.curve(&format!("{part}_{measure}"));
            if !curve.is_empty() {
                chart = chart.series(part, &curve);
            }
        }
        Some(chart)
    }

    /// As JSON that gives the very same history back, order and all bits.
    pub(crate) fn to_value(&self) -> Value {
        let record = |r: &EpochRecord| {
            let metrics: Vec<Value> = r.metrics.iter().map(|(n, v)| json!([n, exact::to_value(v)])).collect();
            json!([r.epoch, r.step, exact::to_value(r.seconds), metrics])
        };
        Value::Array(self.epochs.iter().map(record).collect())
    }

    pub(crate) fn from_value(value: &Value) -> Option<Self> {
        let record = |value: &Value| {
            let [epoch, step, seconds, metrics] = value.as_array()?.as_slice() else { return None };
            let mut named = Metrics::new();
            for pair in metrics.as_array()? {
                let [name, value] = pair.as_array()?.as_slice() else { return None };
                named.set(name.as_str()?, exact::from_value(value)?);
            }
            let epoch = usize::try_from(epoch.as_u64()?).ok()?;
            Some(EpochRecord {
                epoch,
                step: step.as_u64()?,
                metrics: named,
                seconds: exact::from_value(seconds)?,
            })
        };
        Some(Self { epochs: value.as_array()?.iter().map(record).collect::<Option<_>>()? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(epoch: usize, loss: f64) -> EpochRecord {
        let metrics = Metrics::new().with("train_loss", loss).with("validation_loss", 2.0 * loss);
        EpochRecord {
            epoch,
            step: 10 * epoch as u64,
            metrics: metrics.with("learning_rate", 0.1),
            seconds: 0.5,
        }
    }

    fn history(losses: &[f64]) -> History {
        let mut history = History::default();
        losses.iter().enumerate().for_each(|(i, &loss)| history.push(record(i + 1, loss)));
        history
    }

    #[test]
    fn a_line_of_json_has_epoch_first_and_seconds_last() {
        let want = r#"{"epoch":1,"step":10,"train_loss":0.25,"validation_loss":0.5,"learning_rate":0.1,"seconds":0.5}"#;
        assert_eq!(record(1, 0.25).to_json(), want);
        assert!(record(1, f64::NAN).to_json().contains("\"train_loss\":null"));
    }

    #[test]
    fn lines_are_read_back() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("metrics.jsonl");
        let history = history(&[0.1 + 0.2, 1e-300, 0.3]);
        std::fs::write(&path, history.to_jsonl()).unwrap();
        let read = History::read_jsonl(&path).unwrap();
        assert_eq!(read.curve("train_loss"), history.curve("train_loss"));
        std::fs::write(&path, "{\"epoch\":1,\"step\":1}\n{\"epoch\":true}\n").unwrap();
        let error = History::read_jsonl(&path).unwrap_err().to_string();
        assert!(error.contains("metrics.jsonl:2: no whole number \"epoch\""), "{error}");
    }

    #[test]
    fn the_best_epoch_is_the_earliest_of_equals_and_never_nan() {
        let history = history(&[f64::NAN, 3.0, 1.0, 1.0, 2.0]);
        assert_eq!(history.best("train_loss", Goal::Min).unwrap().epoch, 3);
        assert_eq!(history.best("train_loss", Goal::Max).unwrap().epoch, 2);
        assert!(history.best("nothing", Goal::Min).is_none());
    }

    #[test]
    fn comes_back_from_json_bit_for_bit() {
        let history = history(&[0.1 + 0.2, f64::MIN_POSITIVE / 3.0, f64::INFINITY]);
        let text = history.to_value().to_string();
        let back = History::from_value(&serde_json::from_str(&text).unwrap()).unwrap();
        assert_eq!(back, history);
        assert_eq!(History::from_value(&json!([[1, 2]])), None);
    }

    #[test]
    fn training_and_validation_share_a_chart() {
        let page: String = history(&[2.0, 1.0]).charts().iter().map(LineChart::to_markup).collect();
        assert_eq!(page.matches("<svg").count(), 1); // the learning rate is constant
        assert!(page.contains("train: 2 at epoch 1") && page.contains("validation: 2 at epoch 2"));
    }
}
