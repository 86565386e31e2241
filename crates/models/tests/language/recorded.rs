//! Checkpoints and answers that `reference/language.py` wrote with Hugging Face's transformers.

use std::fs;
use std::path::PathBuf;

use gradus_io::load_state;
use gradus_models::*;
use gradus_module::{Context, Module, State};
use gradus_tensor::{Rng, Tensor};
use serde_json::Value;

pub(super) struct Recorded {
    pub(super) config: String,
    pub(super) weights: State,
    pub(super) expected: State,
    pub(super) notes: Value,
}

fn folder() -> PathBuf {
    [env!("CARGO_MANIFEST_DIR"), "tests", "recorded"].iter().collect()
}

pub(super) fn recorded(name: &str) -> Recorded {
    let folder = folder().join(name);
    let text = |file| fs::read_to_string(folder.join(file)).unwrap();
    Recorded {
        config: text("config.json"),
        weights: load_state(folder.join("model.safetensors")).unwrap().0,
        expected: load_state(folder.join("expected.safetensors")).unwrap().0,
        notes: serde_json::from_str(&text("expected.json")).unwrap(),
    }
}

impl Recorded {
    pub(super) fn tensor(&self, name: &str) -> Tensor {
        self.expected.get(name).unwrap().cast()
    }

    pub(super) fn indices(&self, name: &str) -> Tensor<i64> {
        self.expected.get(name).unwrap().cast()
    }

    pub(super) fn gpt(&self) -> Gpt {
        let mut model = Gpt::new(GptConfig::from_json(&self.config).unwrap(), &mut Rng::seed(1)).unwrap();
        model.load_hugging_face(&self.weights).unwrap();
        model
    }

    pub(super) fn list(&self, keys: &[&str]) -> Vec<i64> {
        let found = keys.iter().fold(&self.notes, |value, key| &value[key]);
        found.as_array().unwrap().iter().map(|token| token.as_i64().unwrap()).collect()
    }

    fn parameters(&self) -> usize {
        self.notes["parameters"].as_u64().unwrap() as usize
    }
}

#[track_caller]
pub(super) fn close(got: &Tensor, want: &Tensor, tolerance: f32) {
    assert_eq!(got.shape(), want.shape());
    let apart = got.to_vec().iter().zip(want.to_vec()).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
    assert!(apart <= tolerance, "{apart} apart");
}

#[test]
fn gpts_say_what_transformers_say() {
    for name in ["gpt2", "llama"] {
        let recorded = recorded(name);
        let model = recorded.gpt();
        assert_eq!(model.parameter_count(), recorded.parameters(), "{name}");
        let logits = model.forward(&recorded.indices("tokens"), &mut Context::eval());
        close(logits.value(), &recorded.tensor("logits"), 2e-5);
    }
}

#[test]
fn bert_says_what_transformers_say() {
    let recorded = recorded("bert");
    let config = BertConfig::from_json(&recorded.config).unwrap();
    let mut model = BertMaskedLanguage::new(config, &mut Rng::seed(1)).unwrap();
    model.load_hugging_face(&recorded.weights).unwrap();
    assert_eq!(model.parameter_count(), recorded.parameters());
    let keep = recorded.indices("keep").map(|keep| keep != 0);
    let input = BertInput::new(recorded.indices("tokens")).segments(recorded.indices("segments")).keep(keep);
    let cx = &mut Context::eval();
    let stream = model.bert.forward(&input, cx).unwrap();
    close(stream.value(), &recorded.tensor("stream"), 2e-5);
    close(model.bert.pooled(&stream, cx).value(), &recorded.tensor("pooled"), 2e-5);
    close(model.words(&stream, cx).value(), &recorded.tensor("words"), 5e-5);
    close(model.follows(&stream, cx).unwrap().value(), &recorded.tensor("follows"), 2e-5);
    // The same file fills an encoder alone.
    let mut encoder = Bert::new(config, &mut Rng::seed(2)).unwrap();
    encoder.load_hugging_face(&recorded.weights).unwrap();
    close(encoder.forward(&input, cx).unwrap().value(), &recorded.tensor("stream"), 2e-5);
}

#[test]
fn published_sizes_have_the_published_numbers_of_parameters() {
    let counts: Value =
        serde_json::from_str(&fs::read_to_string(folder().join("counts.json")).unwrap()).unwrap();
    let gpt2 = Gpt::new(GptConfig::gpt2(), &mut Rng::seed(0)).unwrap();
    assert_eq!(gpt2.parameter_count() as u64, counts["gpt2"].as_u64().unwrap());
    let bert = Bert::new(BertConfig::base(), &mut Rng::seed(0)).unwrap();
    assert_eq!(bert.parameter_count() as u64, counts["bert-base-uncased"].as_u64().unwrap());
}

#[test]
fn texts_are_those_of_transformers() {
    for name in ["gpt2", "llama"] {
        let recorded = recorded(name);
        let (model, prompt) = (recorded.gpt(), recorded.list(&["prompt"]));
        let penalty = Sampling { repetition_penalty: 1.7, ..Sampling::greedy() };
        for (way, sampling) in [("greedy", Sampling::greedy()), ("repetition", penalty)] {
            let wish = Generation { sampling, ..Generation::new(12) };
            let text = generate(&model, &prompt, &wish, &mut Rng::seed(0), |_| true).unwrap();
            assert_eq!(text, recorded.list(&["texts", way]), "{name}, {way}");
        }
        let found = beam_search(&model, &prompt, &Beams::new(8)).unwrap();
        assert_eq!(found[0].tokens, recorded.list(&["texts", "beams"]), "{name}, beams");
    }
}

#[test]
fn what_does_not_fit_is_told_in_one_sentence_and_changes_nothing() {
    let recorded = recorded("gpt2");
    let mut model = recorded.gpt();
    let before = model.state();
    let mut wrong = State::default();
    for (name, value) in recorded.weights.iter() {
        match name {
            "transformer.wpe.weight" => wrong.push(name, Tensor::<f32>::zeros([31, 16])),
            "transformer.h.1.ln_1.bias" => wrong.push("transformer.h.1.ln1.bias", value.clone()),
            _ => wrong.push(name, value.clone()),
        }
    }
    let message = model.load_hugging_face(&wrong).unwrap_err().to_string();
    for part in [
        "missing h.1.ln_1.bias",
        "unexpected transformer.h.1.ln1.bias",
        "wpe.weight is [32, 16] in the model and [31, 16]",
    ] {
        assert!(message.contains(part), "{message}");
    }
    for (name, value) in before.iter() {
        assert_eq!(model.state().get(name), Some(value), "{name}");
    }
}
