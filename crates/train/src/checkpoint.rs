//! Checkpoints: all that a run is, in one safetensors file, so that going on from it gives the very bits of a run that
//! was never stopped. Tensors are the model's, the optimizer's, the average's and the callbacks'; everything else is a text of
//! JSON in the metadata; a checksum over both tells a torn file from a whole one. Which files are kept is the keeper's matter.
//!
//! It must never know the training loop.

use std::collections::BTreeMap;
use std::path::Path;

use gradus_module::State;
use gradus_tensor::{AnyTensor, RngState};
use serde_json::{Value, json};

use crate::errors::TrainError;
use crate::exact;
use crate::history::History;
use crate::running::Running;

/// What the metadata must say for a file to be one of ours, in the form that this version reads.
const FORMAT: &str = "gradus-checkpoint-1";

/// Where a run stands.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Position {
    /// Epochs that ended.
    pub(crate) epoch: usize,
    /// BatchStream done of the epoch under way.
    pub(crate) batch: usize,
    /// BatchStream of an epoch; 0 before the first fit.
    pub(crate) batches: u64,
    /// Steps taken.
    pub(crate) step: u64,
    /// The learning rate of the last of them.
    pub(crate) learning_rate: f64,
    /// Sums of the epoch under way.
    pub(crate) running: Running,
    /// Epochs that ended, measured.
    pub(crate) history: History,
    /// Wall-clock seconds.
    pub(crate) seconds: f64,
    /// Why a callback ended the run, if one did.
    pub(crate) ended: Option<String>,
    /// Batches of a step.
    pub(crate) accumulation: u64,
}

impl Position {
    fn to_value(&self, rng: RngState) -> Value {
        json!({
            "epoch": self.epoch, "batch": self.batch, "batches": self.batches, "step": self.step,
            "learning_rate": exact::to_value(self.learning_rate), "running": self.running.to_value(), "history": self.history.to_value(),
            "seconds": exact::to_value(self.seconds), "ended": self.ended, "accumulation": self.accumulation,
            "rng": [rng.seed, rng.stream, rng.counter],
        })
    }

    fn from_value(value: &Value) -> Option<(Self, RngState)> {
        let number = |name: &str| value.get(name)?.as_u64();
        let size = |name: &str| usize::try_from(number(name)?).ok();
        let [seed, stream, counter] = value.get("rng")?.as_array()?.as_slice() else { return None };
        let rng = RngState { seed: seed.as_u64()?, stream: stream.as_u64()?, counter: counter.as_u64()? };
        let position = Self {
            epoch: size("epoch")?,
            batch: size("batch")?,
            batches: number("batches")?,
            step: number("step")?,
            learning_rate: exact::from_value(value.get("learning_rate")?)?,
            running: Running::from_value(value.get("running")?)?,
            history: History::from_value(value.get("history")?)?,
            seconds: exact::from_value(value.get("seconds")?)?,
            ended: value.get("ended")?.as_str().map(str::to_owned),
            accumulation: number("accumulation")?,
        };
        Some((position, rng))
    }
}

/// All that a run is.
#[derive(Clone, Debug)]
pub(crate) struct Checkpoint {
    pub(crate) model: State,
    pub(crate) optimizer: State,
    /// What the trainer itself remembers: averages, the plateau.
    pub(crate) trainer: State,
    /// By a key that names the callback.
    pub(crate) callbacks: Vec<(String, State)>,
    pub(crate) position: Position,
    pub(crate) rng: RngState,
    /// What the user says the run is: not read by anything here.
    pub(crate) config: Option<String>,
}

impl Checkpoint {
    pub(crate) fn write(&self, path: &Path) -> Result<(), TrainError> {
        let mut state = State::default();
        state.push_all("model", &self.model);
        state.push_all("optimizer", &self.optimizer);
        state.push_all("trainer", &self.trainer);
        for (key, own) in &self.callbacks {
            state.push_all(key, own);
        }
        let mut metadata = BTreeMap::from([
            ("format".to_owned(), FORMAT.to_owned()),
            ("version".to_owned(), env!("CARGO_PKG_VERSION").to_owned()),
            ("position".to_owned(), self.position.to_value(self.rng).to_string()),
        ]);
        if let Some(config) = &self.config {
            metadata.insert("config".to_owned(), config.clone());
        }
        metadata.insert("checksum".to_owned(), checksum(&state, &metadata));
        Ok(gradus_io::save_state(&state, &metadata, path)?)
    }

    /// Reads a checkpoint and makes sure that it is whole. `keys` are those of the callbacks to look for.
    pub(crate) fn read(path: &Path, keys: &[String]) -> Result<Self, TrainError> {
        let wrong =
            |what: &str, mend| TrainError::Checkpoint { path: path.to_owned(), what: what.to_owned(), mend };
        let (state, mut metadata) = gradus_io::load_state(path)?;
        match metadata.get("format").map(String::as_str) {
            Some(FORMAT) => {}
            Some(other) if other.starts_with("gradus-checkpoint") => {
                let version = metadata.get("version").map_or("unknown", String::as_str);
                let what = format!("is a checkpoint of another form ({other}, of version {version})");
                return Err(wrong(&what, "resume with the version that wrote it"));
            }
            _ => return Err(wrong("is no checkpoint of a training", "give the file that the trainer wrote")),
        }
        let told = metadata.remove("checksum");
        if told != Some(checksum(&state, &metadata)) {
            return Err(wrong("is damaged, its checksum is wrong", "use an earlier checkpoint"));
        }
        let position = metadata.get("position").and_then(|text| serde_json::from_str(text).ok());
        let Some((position, rng)) = position.as_ref().and_then(Position::from_value) else {
            return Err(wrong("does not tell where the training stands", "use an earlier checkpoint"));
        };
        let callbacks = keys.iter().map(|key| (key.clone(), state.below(key))).collect();
        Ok(Self {
            model: state.below("model"),
            optimizer: state.below("optimizer"),
            trainer: state.below("trainer"),
            config: metadata.remove("config"),
            callbacks,
            position,
            rng,
        })
    }
}

/// FNV-1a in 64-bit words: every step is a bijection of the sum so far, so no single changed word goes unseen.
struct Checksum(u64);

impl Checksum {
    fn word(&mut self, word: u64) {
        self.0 = (self.0 ^ word).wrapping_mul(0x0000_0100_0000_01B3);
    }

    fn text(&mut self, text: &str) {
        self.word(text.len() as u64);
        text.bytes().for_each(|byte| self.word(u64::from(byte)));
    }

    fn tensor(&mut self, x: &AnyTensor) {
        self.text(&format!("{} {}", x.dtype(), x.shape()));
        match x {
            AnyTensor::F32(x) => x.to_vec().iter().for_each(|v| self.word(u64::from(v.to_bits()))),
            AnyTensor::F64(x) => x.to_vec().iter().for_each(|v| self.word(v.to_bits())),
            AnyTensor::I32(x) => x.to_vec().iter().for_each(|v| self.word(*v as u64)),
            AnyTensor::I64(x) => x.to_vec().iter().for_each(|v| self.word(*v as u64)),
            AnyTensor::U8(x) => x.to_vec().iter().for_each(|v| self.word(u64::from(*v))),
            AnyTensor::Bool(x) => x.to_vec().iter().for_each(|v| self.word(u64::from(*v))),
        }
    }
}

/// Over all names, texts and bits, whatever order a file holds them in.
fn checksum(state: &State, metadata: &BTreeMap<String, String>) -> String {
    let mut sum = Checksum(0xCBF2_9CE4_8422_2325);
    for (name, text) in metadata {
        sum.text(name);
        sum.text(text);
    }
    let sorted: BTreeMap<&str, &AnyTensor> = state.iter().collect();
    for (name, value) in sorted {
        sum.text(name);
        sum.tensor(value);
    }
    format!("{:016x}", sum.0)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use gradus_tensor::Tensor;

    use super::*;

    fn checkpoint(step: u64) -> Checkpoint {
        let mut model = State::default();
        model.push("weight", Tensor::from([1.5_f32, f32::NAN, -0.0]));
        let mut optimizer = State::default();
        optimizer.push("weight.moment", Tensor::from([step as f64]));
        let mut early = State::default();
        early.push("best", Tensor::scalar(0.1 + 0.2));
        let position = Position { epoch: 2, batch: 3, batches: 7, step, seconds: 0.1, ..Position::default() };
        let rng = RngState { seed: u64::MAX, stream: u64::MAX - 1, counter: 1 << 63 };
        let (trainer, config) = (State::default(), Some("width = 4".to_owned()));
        Checkpoint {
            model,
            optimizer,
            trainer,
            config,
            callbacks: vec![("callbacks.early.0".into(), early)],
            position,
            rng,
        }
    }

    #[test]
    fn comes_back_whole() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("c.safetensors");
        let written = checkpoint(17);
        written.write(&path).unwrap();
        let read =
            Checkpoint::read(&path, &["callbacks.early.0".into(), "callbacks.other.0".into()]).unwrap();
        assert_eq!((&read.position, read.rng), (&written.position, written.rng));
        assert_eq!(read.config, written.config);
        let bits = |s: &State| {
            s.get("weight").unwrap().cast::<f32>().to_vec().iter().map(|x| x.to_bits()).collect::<Vec<_>>()
        };
        assert_eq!(bits(&read.model), bits(&written.model));
        assert_eq!(read.callbacks[0].1.get("best").unwrap().cast::<f64>().item(), 0.1 + 0.2);
        assert!(read.callbacks[1].1.is_empty());
    }

    #[test]
    fn every_single_torn_byte_is_seen() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("c.safetensors");
        checkpoint(1).write(&path).unwrap();
        let whole = fs::read(&path).unwrap();
        for i in 0..whole.len() {
            let mut torn = whole.clone();
            torn[i] ^= 1;
            fs::write(&path, &torn).unwrap();
            // A changed padding blank or name of a spare entry may be the one harmless change: none is here.
            assert!(Checkpoint::read(&path, &[]).is_err(), "byte {i} of {}", whole.len());
        }
        for length in 0..whole.len() {
            fs::write(&path, &whole[..length]).unwrap();
            assert!(Checkpoint::read(&path, &[]).is_err(), "cut to {length}");
        }
    }

    #[test]
    fn a_model_file_is_told_from_a_checkpoint() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("m.safetensors");
        gradus_io::save_state(&checkpoint(1).model, &BTreeMap::new(), &path).unwrap();
        let error = Checkpoint::read(&path, &[]).unwrap_err().to_string();
        assert!(error.contains("is no checkpoint of a training"), "{error}");
    }
}
