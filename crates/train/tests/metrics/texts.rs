//! Texts: perplexity, BLEU, ROUGE-L, error rates, entities.

use gradus_tensor::Tensor;
use gradus_train::metrics::{Bleu, EntityF1, ErrorRate, Perplexity, RougeL, Smoothing, TagScheme};
use serde_json::Value;

use crate::{AVERAGES, CLOSE, Part, SINGLE, all_close, close, flat, however_cut, list, part, whole};

#[test]
fn surprise() {
    let Part { data, want } = part("perplexity");
    let (logits, tokens) = (flat(&data["logits"]), whole(&data["tokens"]));
    let update = |m: &mut Perplexity, range: std::ops::Range<usize>| {
        let logits = Tensor::new([range.len(), 6], &logits[6 * range.start..6 * range.end]);
        m.update(&logits, &Tensor::from(&tokens[range]));
    };
    however_cut(tokens.len(), &Perplexity::default().ignore(-100), update, Perplexity::merge, |m| {
        close(m.value().unwrap(), &want["value"], SINGLE);
    });
}

fn texts(value: &Value) -> Vec<Vec<String>> {
    serde_json::from_value(value.clone()).unwrap()
}

#[test]
fn bleu_as_sacrebleu() {
    let Part { data, want } = part("text");
    let (hypotheses, references, others) =
        (texts(&data["hypotheses"]), texts(&data["references"]), texts(&data["others"]));
    let n = hypotheses.len();
    let want = &want["bleu"];
    let check = |hypotheses: &[Vec<String>], new: &Bleu, want: &Value| {
        let update = |m: &mut Bleu, range: std::ops::Range<usize>| {
            range.for_each(|i| m.update(&hypotheses[i], &[&references[i], &others[i]]));
        };
        however_cut(n, new, update, Bleu::merge, |m| close(m.value().unwrap(), want, CLOSE));
    };
    check(&hypotheses, &Bleu::new(), &want["exp"]);
    check(&hypotheses, &Bleu::new().smoothing(Smoothing::None), &want["none"]);
    check(&hypotheses, &Bleu::new().order(2).unwrap(), &want["order2"]);
    let reversed: Vec<Vec<String>> =
        hypotheses.iter().map(|words| words.iter().rev().cloned().collect()).collect();
    let short: Vec<Vec<String>> = hypotheses.iter().map(|words| words[..3].to_vec()).collect();
    for (name, smoothing) in [
        ("exp", Smoothing::Exponential),
        ("floor", Smoothing::Floor(0.1)),
        ("add-k", Smoothing::Add(1.0)),
        ("none", Smoothing::None),
    ] {
        check(&reversed, &Bleu::new().smoothing(smoothing), &want["reversed"][name]);
        check(&short, &Bleu::new().smoothing(smoothing), &want["short"][name]);
    }
    let mut one = Bleu::new();
    (0..n).for_each(|i| one.update(&hypotheses[i], &[&references[i]]));
    close(one.value().unwrap(), &want["one_reference"], CLOSE);
}

#[test]
fn rouge_and_error_rates() {
    let Part { data, want } = part("text");
    let (hypotheses, references, others) =
        (texts(&data["hypotheses"]), texts(&data["references"]), texts(&data["others"]));
    let n = hypotheses.len();
    let update = |m: &mut RougeL, range: std::ops::Range<usize>| {
        range.for_each(|i| m.update(&hypotheses[i], &references[i]));
    };
    however_cut(n, &RougeL::default(), update, RougeL::merge, |m| {
        all_close(&list(m.value().unwrap()), &want["rouge"]);
    });
    let mut best = RougeL::default();
    (0..n).for_each(|i| best.update_best(&hypotheses[i], &[&references[i], &others[i]]));
    all_close(&list(best.value().unwrap()), &want["rouge_best"]);
    let text = |words: &[String]| words.join(" ");
    let update = |m: &mut ErrorRate, range: std::ops::Range<usize>| {
        range.for_each(|i| m.update_words(&text(&hypotheses[i]), &text(&references[i])));
    };
    however_cut(n, &ErrorRate::default(), update, ErrorRate::merge, |m| {
        close(m.value().unwrap(), &want["word_error_rate"], CLOSE);
    });
    let update = |m: &mut ErrorRate, range: std::ops::Range<usize>| {
        range.for_each(|i| m.update_characters(&text(&hypotheses[i]), &text(&references[i])));
    };
    however_cut(n, &ErrorRate::default(), update, ErrorRate::merge, |m| {
        close(m.value().unwrap(), &want["character_error_rate"], CLOSE);
    });
}

#[test]
fn entities_as_seqeval() {
    for (name, scheme) in [
        ("lenient", TagScheme::Lenient),
        ("iob2", TagScheme::Iob2),
        ("iobes", TagScheme::Iobes),
        ("bilou", TagScheme::Bilou),
    ] {
        let Part { data, want } = part(&format!("entities_{name}"));
        let (truth, predicted) = (texts(&data["truth"]), texts(&data["predicted"]));
        let update = |m: &mut EntityF1, range: std::ops::Range<usize>| {
            range.for_each(|i| m.update(&predicted[i], &truth[i]).unwrap());
        };
        however_cut(truth.len(), &EntityF1::new(scheme), update, EntityF1::merge, |m| {
            for (average_name, average) in AVERAGES {
                all_close(&list(m.average(average)), &want[average_name]);
            }
            close(m.value().unwrap(), &want["micro"][2], CLOSE);
        });
    }
}
