//! Norms of each layer's weights and gradients, epoch by epoch, in a file from which reports draw them: where a gradient
//! vanishes or a weight grows without end, it is seen by layer. It must never know a layer.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use gradus_module::{Kind, Module, State};
use gradus_tensor::Tensor;
use serde_json::{Value, json};

use super::{Callback, Flow, Run, StepRecord};
use crate::errors::TrainError;
use crate::exact;
use crate::files::{Lines, read_lines};
use crate::history::EpochRecord;

/// Steps between two looks at the gradients, unless told otherwise.
const EVERY: u64 = 10;

/// Writes one JSON object per epoch and line: the layers, the norm ‖W‖₂ of each layer's parameters together, and the mean of
/// ‖∂L/∂W‖₂ over the steps that were looked at. A parameter's layer is its path without the last name. When a run goes on,
/// the lines of the epochs that are trained again are cut off.
///
/// ```
/// # use gradus_data::{Loader, Pairs};
/// # use gradus_module::Param;
/// # use gradus_optimizers::Adam;
/// # use gradus_tensor::Tensor;
/// use gradus_train::{Norms, NormsFile, Trainer};
/// # let path = std::env::temp_dir().join(format!("gradus-norms-{}.jsonl", std::process::id()));
/// # let mut loader = Loader::new(Pairs::new(Tensor::from([1.0_f32, 2.0]), Tensor::from([3.0_f32, 6.0]))?, 2, 7);
/// let mut trainer = Trainer::new((Param::new([-4.0_f32]),), Adam::new(0.1))
///     .epochs(3)
///     .callback(NormsFile::new(&path).every(1));
/// trainer.fit(&mut loader, |(w,), batch, _| {
///     (&**w * &(&batch.inputs).into() - &(&batch.targets).into()).square().mean()
/// })?;
/// let norms = Norms::read_jsonl(&path)?;
/// assert_eq!(norms.layers(), ["0"]); // the first of a tuple
/// assert_eq!(norms.weights("0").last(), Some(&(3.0, f64::from(trainer.model().0.item().abs()))));
/// assert_eq!(norms.gradients("0")[0], (1.0, 35.0)); // |5·(−4) − 15|: the mean of 2·x·(w·x − 3·x) over x = 1 and 2
/// # std::fs::remove_file(&path)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct NormsFile {
    lines: Lines,
    every: u64,
    /// Sums over the steps of the epoch under way, by layer.
    sums: BTreeMap<String, f64>,
    /// How many steps they are of.
    looks: u64,
    /// The first of them.
    first: u64,
}

impl NormsFile {
    /// Writes to `path`, looking at the gradients of the first step of each epoch and of every tenth after it. What
    /// stands there of epochs that this run did not train is replaced.
    #[must_use]
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { lines: Lines::new(path), every: EVERY, sums: BTreeMap::new(), looks: 0, first: 0 }
    }

    /// Looks at the gradients of the first step of each epoch and of every `steps`-th after it; 0: never.
    #[must_use]
    pub fn every(mut self, steps: u64) -> Self {
        self.every = steps;
        self
    }
}

/// The layer of a parameter's path; a parameter at the top is its own.
fn layer(path: &str) -> &str {
    path.rsplit_once('.').map_or(path, |(layer, _)| layer)
}

/// Norms by layer in the order of the model's walk, from those of the parameters.
fn by_layer<'p>(norms: impl Iterator<Item = (&'p str, f64)>) -> Vec<(String, f64)> {
    let mut layers: Vec<(String, f64)> = Vec::new();
    for (path, norm) in norms {
        let name = layer(path);
        match layers.iter_mut().find(|(own, _)| own == name) {
            // hypot does not overflow where squares would.
            Some((_, sum)) => *sum = sum.hypot(norm),
            None => layers.push((name.to_owned(), norm)),
        }
    }
    layers
}

fn weight_norms(model: &dyn Module) -> Vec<(String, f64)> {
    let entries = model.entries();
    let parameters = entries.iter().filter(|(_, entry)| entry.kind() == Kind::Parameter);
    let norms = parameters.map(|(path, entry)| {
        let value = entry.value().cast::<f64>();
        (path.as_str(), value.square().sum().item().sqrt())
    });
    by_layer(norms)
}

impl Callback for NormsFile {
    fn name(&self) -> &str {
        "norms_file"
    }

    fn on_start(&mut self, run: &Run<'_>) -> Result<(), TrainError> {
        let done = run.history.last().map_or(0, |record| record.epoch) as u64;
        self.lines.cut(|line| line["epoch"].as_u64().is_some_and(|epoch| epoch <= done))
    }

    fn wants_gradients(&self, step: u64) -> bool {
        self.every > 0 && (self.looks == 0 || (step - self.first).is_multiple_of(self.every))
    }

    fn on_step(&mut self, run: &Run<'_>, _step: &StepRecord) -> Result<Flow, TrainError> {
        // Another callback may have asked for other steps.
        if self.wants_gradients(run.step) {
            if self.looks == 0 {
                self.first = run.step;
            }
            let norms = run.gradient_norms();
            for (layer, norm) in by_layer(norms.iter().map(|(path, norm)| (path.as_str(), *norm))) {
                *self.sums.entry(layer).or_default() += norm;
            }
            self.looks += 1;
        }
        Ok(Flow::Continue)
    }

    fn on_epoch(&mut self, run: &Run<'_>, record: &EpochRecord) -> Result<Flow, TrainError> {
        let (layers, weights): (Vec<String>, Vec<f64>) = weight_norms(run.model).into_iter().unzip();
        let gradient = |layer: &String| self.sums.get(layer).map(|sum| sum / self.looks as f64);
        let gradients: Vec<Value> =
            layers.iter().map(|layer| gradient(layer).map_or(Value::Null, exact::to_value)).collect();
        let weights: Vec<Value> = weights.into_iter().map(exact::to_value).collect();
        let line = json!({
            "epoch": record.epoch, "step": record.step, "layers": layers, "weights": weights, "gradients": gradients,
        });
        self.lines.add(&line.to_string())?;
        (self.sums, self.looks) = (BTreeMap::new(), 0);
        Ok(Flow::Continue)
    }

    fn state(&self) -> State {
        let mut state = State::default();
        state.push("looks", Tensor::scalar(self.looks as i64));
        state.push("first", Tensor::scalar(self.first as i64));
        self.sums.iter().for_each(|(layer, sum)| state.push(format!("sums.{layer}"), Tensor::scalar(*sum)));
        state
    }

    fn load_state(&mut self, state: &State) {
        self.looks = super::scalar(state, "looks").unwrap_or(0.0) as u64;
        self.first = super::scalar(state, "first").unwrap_or(0.0) as u64;
        let sums = state.below("sums");
        let sum = |layer: &str| super::scalar(&sums, layer).map(|sum| (layer.to_owned(), sum));
        self.sums = sums.names().filter_map(sum).collect();
    }
}

/// What a [`NormsFile`] wrote.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Norms {
    layers: Vec<String>,
    epochs: Vec<Epoch>,
}

/// The norms of one epoch by layer; none where a layer was not there or got no gradient.
#[derive(Clone, Debug, PartialEq)]
struct Epoch {
    epoch: f64,
    weights: BTreeMap<String, f64>,
    gradients: BTreeMap<String, f64>,
}

impl Epoch {
    fn from_json(line: &Value) -> Result<(Vec<String>, Self), String> {
        let list = |name: &str| line[name].as_array().ok_or_else(|| format!("no list {name:?}"));
        let names: Vec<String> =
            list("layers")?.iter().filter_map(|name| Some(name.as_str()?.to_owned())).collect();
        let numbers = |name: &str| {
            let values = list(name)?;
            if values.len() != names.len() {
                return Err(format!("{} layers and {} {name}", names.len(), values.len()));
            }
            let number = |(layer, value): (&String, &Value)| Some((layer.clone(), exact::from_value(value)?));
            Ok(names.iter().zip(values).filter_map(number).collect())
        };
        let epoch = line["epoch"].as_f64().ok_or("no number \"epoch\"")?;
        let own = Self { epoch, weights: numbers("weights")?, gradients: numbers("gradients")? };
        Ok((names, own))
    }
}

impl Norms {
    /// Reads a file of norms. A last line that is torn is not there.
    ///
    /// # Errors
    /// If the file cannot be read or a line is none of a [`NormsFile`]; the error names it.
    pub fn read_jsonl(path: impl AsRef<Path>) -> Result<Self, TrainError> {
        let mut own = Self::default();
        for (names, epoch) in read_lines(path.as_ref(), |line| Epoch::from_json(&line))? {
            let new: Vec<String> = names.into_iter().filter(|name| !own.layers.contains(name)).collect();
            own.layers.extend(new);
            own.epochs.push(epoch);
        }
        Ok(own)
    }

    /// The layers in the order of the model's walk.
    #[must_use]
    pub fn layers(&self) -> &[String] {
        &self.layers
    }

    /// (epoch, norm) of a layer's parameters.
    #[must_use]
    pub fn weights(&self, layer: &str) -> Vec<(f64, f64)> {
        self.epochs.iter().filter_map(|own| Some((own.epoch, *own.weights.get(layer)?))).collect()
    }

    /// (epoch, mean norm) of a layer's gradients.
    #[must_use]
    pub fn gradients(&self, layer: &str) -> Vec<(f64, f64)> {
        self.epochs.iter().filter_map(|own| Some((own.epoch, *own.gradients.get(layer)?))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_layer_s_norm_is_that_of_its_parameters_together() {
        let all =
            [("a.weight", 3.0), ("a.bias", 4.0), ("b.0.weight", 1e200), ("b.0.bias", 1e200), ("scale", 2.0)];
        let [a, b, scale] = by_layer(all.into_iter()).try_into().unwrap();
        assert_eq!((a, scale), (("a".to_owned(), 5.0), ("scale".to_owned(), 2.0)));
        assert!(b.0 == "b.0" && (b.1 / 1e200 - 2_f64.sqrt()).abs() < 1e-12);
    }

    #[test]
    fn each_epoch_s_first_step_is_looked_at_and_every_third_after_it() {
        let folder = tempfile::tempdir().unwrap();
        let (model, history) = (Vec::<gradus_module::Param>::new(), crate::history::History::default());
        let run = |step: u64| Run {
            model: &model,
            epoch: 1,
            epochs: 3,
            batch: 1,
            batches: 7,
            step,
            history: &history,
            gradients: None,
        };
        let metrics = crate::metrics::Metrics::new();
        let step = StepRecord {
            loss: 1.0,
            gradient_norm: 1.0,
            learning_rate: 0.1,
            examples: 8,
            running: metrics.clone(),
            without_gradient: Vec::new(),
        };
        let mut norms = NormsFile::new(folder.path().join("norms.jsonl")).every(3);
        let mut looked_at = Vec::new();
        for number in 1..=12 {
            // A checkpoint between any two steps changes nothing.
            let mut again = NormsFile::new(folder.path().join("norms.jsonl")).every(3);
            again.load_state(&norms.state());
            norms = again;
            looked_at.extend(norms.wants_gradients(number).then_some(number));
            norms.on_step(&run(number), &step).unwrap();
            if number == 5 {
                let record = EpochRecord { epoch: 1, step: 5, metrics: metrics.clone(), seconds: 1.0 };
                norms.on_epoch(&run(number), &record).unwrap();
            }
        }
        assert_eq!(looked_at, [1, 4, 6, 9, 12]);
        assert!((1..=9).all(|number| !NormsFile::new("").every(0).wants_gradients(number)));
    }

    #[test]
    fn a_file_is_read_back_and_its_faults_are_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("norms.jsonl");
        let line = r#"{"epoch":1,"layers":["b","a"],"weights":[1.5,"inf"],"gradients":[null,0.25],"step":3}"#;
        std::fs::write(&path, format!("{line}\n{{\"epoch\":")).unwrap();
        let norms = Norms::read_jsonl(&path).unwrap();
        assert_eq!(norms.layers(), ["b", "a"]);
        assert_eq!((norms.weights("b"), norms.weights("a")), (vec![(1.0, 1.5)], vec![(1.0, f64::INFINITY)]));
        assert_eq!((norms.gradients("b"), norms.gradients("a")), (vec![], vec![(1.0, 0.25)]));
        std::fs::write(&path, line.replace("[1.5,\"inf\"]", "[1.5]") + "\n").unwrap();
        let error = Norms::read_jsonl(&path).unwrap_err().to_string();
        assert!(error.contains("norms.jsonl:1: 2 layers and 1 weights"), "{error}");
    }
}
