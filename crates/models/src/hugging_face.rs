//! Checkpoints of Hugging Face under our names: which of its tensors is which of ours, what lies transposed there, and what is one matrix
//! here and three there. What no rule knows keeps its name, so that the strict load names it. It must never know files.

use std::collections::BTreeMap;

use gradus_module::{LoadError, Module, State};
use gradus_tensor::Tensor;

use crate::bert::Bert;
use crate::bert_heads::{BertClassifier, BertMaskedLanguage, BertSpans, BertTagger};
use crate::gpt::Gpt;

/// What a checkpoint's tensor is to us.
#[derive(Debug, PartialEq)]
enum Rule {
    /// This one.
    Is(String),
    /// This one, with its axes turned: GPT-2's `Conv1D` holds `[in, out]`.
    Turned(String),
    /// The n-th of three that lie on each other here.
    Part(String, usize),
    /// Nothing that is trained: masks and numbers of places.
    Nothing,
    /// None that we know.
    Unknown,
}

/// The state under our names.
fn translated(state: &State, rule: impl Fn(&str) -> Rule) -> State {
    let mut out = State::default();
    let mut parts: BTreeMap<String, [Option<(&str, Tensor)>; 3]> = BTreeMap::new();
    for (name, value) in state.iter() {
        match rule(name) {
            Rule::Is(ours) => out.push(ours, value.clone()),
            Rule::Turned(ours) => out.push(ours, value.cast::<f32>().t().contiguous()),
            Rule::Part(ours, place) => {
                parts.entry(ours).or_default()[place] = Some((name, value.cast()));
            }
            Rule::Nothing => {}
            Rule::Unknown => out.push(name, value.clone()),
        }
    }
    for (ours, three) in parts {
        match &three {
            [Some((_, q)), Some((_, k)), Some((_, v))] if stack([q, k, v]) => {
                out.push(ours, Tensor::cat(&[q, k, v], 0))
            }
            _ => three.into_iter().flatten().for_each(|(name, value)| out.push(name, value)),
        }
    }
    out
}

/// Whether three tensors agree in all axes but the first.
fn stack(three: [&Tensor; 3]) -> bool {
    three
        .iter()
        .all(|x| x.rank() > 0 && x.rank() == three[0].rank() && x.shape()[1..] == three[0].shape()[1..])
}

/// `h.3.rest` or `layers.3.rest` → the number and the rest.
fn numbered<'n>(name: &'n str, prefix: &str) -> Option<(usize, &'n str)> {
    let (number, rest) = name.strip_prefix(prefix)?.split_once('.')?;
    Some((number.parse().ok()?, rest))
}

/// `dense.weight` with `dense` replaced, if it is the map of that name.
fn renamed(rest: &str, from: &str, to: &str) -> Option<String> {
    let kind = rest.strip_prefix(from)?.strip_prefix('.')?;
    matches!(kind, "weight" | "bias").then(|| format!("{to}.{kind}"))
}

fn first_of(rest: &str, table: &[(&str, &str)]) -> Option<String> {
    table.iter().find_map(|(from, to)| renamed(rest, from, to))
}

fn gpt2(name: &str) -> Rule {
    let name = name.strip_prefix("transformer.").unwrap_or(name);
    let Some((block, rest)) = numbered(name, "h.") else {
        let own = ["wte.weight", "wpe.weight", "ln_f.weight", "ln_f.bias", "lm_head.weight"];
        return if own.contains(&name) { Rule::Is(name.to_owned()) } else { Rule::Unknown };
    };
    let turned = ["attn.c_attn.weight", "attn.c_proj.weight", "mlp.c_fc.weight", "mlp.c_proj.weight"];
    let ours = match rest {
        "attn.bias" | "attn.masked_bias" => return Rule::Nothing,
        "attn.c_attn.weight" => "attn.in_proj_weight".to_owned(),
        "attn.c_attn.bias" => "attn.in_proj_bias".to_owned(),
        _ => {
            let table = [
                ("attn.c_proj", "attn.out_proj"),
                ("mlp.c_fc", "mlp.c_fc"),
                ("mlp.c_proj", "mlp.c_proj"),
                ("ln_1", "ln_1"),
                ("ln_2", "ln_2"),
            ];
            match first_of(rest, &table) {
                Some(ours) => ours,
                None => return Rule::Unknown,
            }
        }
    };
    let ours = format!("h.{block}.{ours}");
    if turned.contains(&rest) { Rule::Turned(ours) } else { Rule::Is(ours) }
}

fn llama(name: &str) -> Rule {
    let name = name.strip_prefix("model.").unwrap_or(name);
    if let Some((block, rest)) = numbered(name, "layers.") {
        let parts = ["self_attn.q_proj.", "self_attn.k_proj.", "self_attn.v_proj."];
        if let Some(place) = parts.iter().position(|part| rest.starts_with(part)) {
            return match &rest[parts[place].len()..] {
                kind @ ("weight" | "bias") => Rule::Part(format!("h.{block}.attn.in_proj_{kind}"), place),
                _ => Rule::Unknown,
            };
        }
        let table = [
            ("self_attn.o_proj", "attn.out_proj"),
            ("mlp.up_proj", "mlp.c_fc"),
            ("mlp.gate_proj", "mlp.c_gate"),
            ("mlp.down_proj", "mlp.c_proj"),
            ("input_layernorm", "ln_1"),
            ("post_attention_layernorm", "ln_2"),
        ];
        return match first_of(rest, &table) {
            Some(ours) => Rule::Is(format!("h.{block}.{ours}")),
            None if rest == "self_attn.rotary_emb.inv_freq" => Rule::Nothing,
            None => Rule::Unknown,
        };
    }
    let table = [("embed_tokens", "wte"), ("norm", "ln_f"), ("lm_head", "lm_head")];
    first_of(name, &table).map_or(Rule::Unknown, Rule::Is)
}

fn bert(name: &str) -> Rule {
    let name = name.strip_prefix("bert.").unwrap_or(name);
    // The oldest files call a norm's weight gamma and its bias beta.
    let name =
        &name.replace("LayerNorm.gamma", "LayerNorm.weight").replace("LayerNorm.beta", "LayerNorm.bias");
    if let Some((block, rest)) = numbered(name, "encoder.layer.") {
        let parts = ["attention.self.query.", "attention.self.key.", "attention.self.value."];
        if let Some(place) = parts.iter().position(|part| rest.starts_with(part)) {
            return match &rest[parts[place].len()..] {
                kind @ ("weight" | "bias") => {
                    Rule::Part(format!("encoder.layers.{block}.self_attn.in_proj_{kind}"), place)
                }
                _ => Rule::Unknown,
            };
        }
        let table = [
            ("attention.output.dense", "self_attn.out_proj"),
            ("attention.output.LayerNorm", "norm1"),
            ("intermediate.dense", "linear1"),
            ("output.dense", "linear2"),
            ("output.LayerNorm", "norm2"),
        ];
        return first_of(rest, &table)
            .map_or(Rule::Unknown, |ours| Rule::Is(format!("encoder.layers.{block}.{ours}")));
    }
    if name == "embeddings.position_ids" {
        return Rule::Nothing;
    }
    let table = [
        ("embeddings.word_embeddings", "embeddings.word_embeddings"),
        ("embeddings.position_embeddings", "embeddings.position_embeddings"),
        ("embeddings.token_type_embeddings", "embeddings.token_type_embeddings"),
        ("embeddings.LayerNorm", "embeddings.norm"),
        ("pooler.dense", "pooler"),
    ];
    first_of(name, &table).map_or(Rule::Unknown, Rule::Is)
}

/// The rules of a head above those of the encoder, which lies under `bert.`.
fn with_head(name: &str, table: &[(&str, &str)]) -> Rule {
    if let Some(ours) = first_of(name, table) {
        return Rule::Is(ours);
    }
    match bert(name) {
        Rule::Is(ours) => Rule::Is(format!("bert.{ours}")),
        Rule::Part(ours, place) => Rule::Part(format!("bert.{ours}"), place),
        other => other,
    }
}

/// A model that takes a checkpoint of Hugging Face by that library's names.
///
/// ```
/// use gradus_models::{Gpt, GptConfig, HuggingFace};
/// use gradus_module::State;
/// use gradus_tensor::{Rng, Tensor};
/// let mut model = Gpt::new(GptConfig::small(65, 128), &mut Rng::seed(0))?;
/// let mut state = State::default();
/// state.push("transformer.wte.weight", Tensor::<f32>::zeros([65, 128]));
/// let error = model.load_hugging_face(&state).unwrap_err();
/// assert!(error.missing.contains(&"wpe.weight".to_owned()));
/// # Ok::<(), gradus_models::ModelError>(())
/// ```
pub trait HuggingFace: Module {
    /// The state under this model's names; what has no place in it keeps its name.
    fn translate(&self, state: &State) -> State;

    /// Sets all parameters (Hugging Face: `from_pretrained`).
    ///
    /// # Errors
    /// With all missing, unexpected and mis-shaped names at once; the model is then as it was.
    fn load_hugging_face(&mut self, state: &State) -> Result<(), LoadError> {
        let state = self.translate(state);
        self.load(&state)
    }
}

impl HuggingFace for Gpt {
    fn translate(&self, state: &State) -> State {
        let is_llama = state.names().any(|name| name.ends_with("embed_tokens.weight"));
        let table = ["wte.weight", "transformer.wte.weight", "model.embed_tokens.weight"];
        let tied = self.lm_head.is_none();
        let same =
            |head: &Tensor, name: &&str| state.get(name).is_some_and(|table| table.cast::<f32>() == *head);
        translated(state, |name| {
            // A tied head is often stored beside its table.
            if tied
                && name == "lm_head.weight"
                && state.get(name).is_some_and(|head| table.iter().any(|name| same(&head.cast(), name)))
            {
                return Rule::Nothing;
            }
            if is_llama { llama(name) } else { gpt2(name) }
        })
    }
}

impl HuggingFace for Bert {
    /// Heads that a checkpoint has beside the encoder are left out, and so is a pooler that this model lacks.
    fn translate(&self, state: &State) -> State {
        let heads = ["cls.", "classifier.", "qa_outputs."];
        translated(state, |name| match bert(name) {
            Rule::Is(ours) if ours.starts_with("pooler.") && self.pooler.is_none() => Rule::Nothing,
            Rule::Unknown if heads.iter().any(|head| name.starts_with(head)) => Rule::Nothing,
            rule => rule,
        })
    }
}

impl HuggingFace for BertMaskedLanguage {
    fn translate(&self, state: &State) -> State {
        let table = [
            ("cls.predictions.transform.dense", "dense"),
            ("cls.predictions.transform.LayerNorm", "norm"),
            ("cls.seq_relationship", "next_sentence"),
        ];
        translated(state, |name| match name {
            "cls.predictions.bias" => Rule::Is("bias".to_owned()),
            // The table of words and that bias once more.
            "cls.predictions.decoder.weight" | "cls.predictions.decoder.bias" => Rule::Nothing,
            _ => with_head(name, &table),
        })
    }
}

macro_rules! plain_heads {
    ($($Model:ident: $from:literal => $to:literal;)*) => {
        $(impl HuggingFace for $Model {
            fn translate(&self, state: &State) -> State {
                translated(state, |name| with_head(name, &[($from, $to)]))
            }
        })*
    };
}

plain_heads! {
    BertClassifier: "classifier" => "classifier";
    BertTagger: "classifier" => "classifier";
    BertSpans: "qa_outputs" => "qa_outputs";
}
