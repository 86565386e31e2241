//! Every model learns a batch of 8 by heart, and is the same to the bit after a file.

use gradus_autodiff::Var;
use gradus_io::{load, save};
use gradus_losses::cross_entropy;
use gradus_models::*;
use gradus_module::{Context, Module};
use gradus_optimizers::AdamW;
use gradus_tensor::{Rng, Tensor};

/// Learns until the loss is near 0, then saves, loads into `other` and compares what both say.
fn learns<M: Module>(
    mut model: M,
    mut other: M,
    logits: impl Fn(&M, &mut Context<'_>) -> Var,
    labels: &Tensor<i64>,
) {
    let (mut optimizer, mut rng, mut last) = (AdamW::new(5e-3), Rng::seed(9), f64::INFINITY);
    for _ in 0..300 {
        let loss = cross_entropy(
            &logits(&model, &mut Context::train(&mut rng)),
            labels,
            gradus_losses::Reduction::Mean,
        );
        last = loss.item();
        if last < 0.02 {
            break;
        }
        optimizer.step(&mut model, &loss.backward()).unwrap();
    }
    assert!(last < 0.02, "the loss stays at {last}");
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("model.safetensors");
    save(&model, &file).unwrap();
    load(&mut other, &file).unwrap();
    let bits = |model: &M| {
        logits(model, &mut Context::eval()).value().to_vec().iter().map(|x| x.to_bits()).collect::<Vec<_>>()
    };
    assert_eq!(bits(&model), bits(&other));
}

fn tokens() -> Tensor<i64> {
    Tensor::randint([8, 9], 0, 20, &mut Rng::seed(10))
}

#[test]
fn gpts_learn_by_heart() {
    let learned = GptConfig { layers: 2, hidden_size: 32, inner_size: 64, ..GptConfig::small(20, 8) };
    let alibi = GptConfig { positions: Positions::Alibi, ..learned };
    let sinusoidal = GptConfig { positions: Positions::Sinusoidal, ..learned };
    let modern =
        GptConfig { layers: 2, hidden_size: 32, inner_size: 48, heads: 4, ..GptConfig::modern(20, 8) };
    let all = tokens();
    // The first token of each text says which it is: else no model could know the second.
    let first: Tensor<i64> = (0..8).collect();
    let inputs = Tensor::cat(&[&first.unsqueeze(1), &all.narrow(1, 1, 7)], 1);
    let labels = all.narrow(1, 1, 8).contiguous().reshape([64]);
    for config in [learned, alibi, sinusoidal, modern] {
        let new = |seed| Gpt::new(config, &mut Rng::seed(seed)).unwrap();
        let logits = |model: &Gpt, cx: &mut Context<'_>| model.forward(&inputs, cx).reshape([64, 20]);
        learns(new(11), new(12), logits, &labels);
        learns(new(11).checkpointed(), new(12), logits, &labels);
    }
}

#[test]
fn bert_s_heads_learn_by_heart() {
    let config = BertConfig { hidden_size: 32, inner_size: 64, dropout: 0.0, ..BertConfig::small(20) };
    let input = BertInput::new(tokens());
    let bert = |seed| Bert::new(config, &mut Rng::seed(seed)).unwrap();
    let labels = Tensor::randint([8], 0, 3, &mut Rng::seed(13));
    let new = |seed| BertClassifier::new(bert(seed), 3, &mut Rng::seed(seed)).unwrap();
    learns(new(1), new(2), |model, cx| model.forward(&input, cx).unwrap(), &labels);
    let labels = Tensor::randint([72], 0, 5, &mut Rng::seed(14));
    let new = |seed| BertTagger::new(bert(seed), 5, &mut Rng::seed(seed)).unwrap();
    learns(new(1), new(2), |model, cx| model.forward(&input, cx).unwrap().reshape([72, 5]), &labels);
    let labels = Tensor::randint([16], 0, 9, &mut Rng::seed(15));
    let new = |seed| BertSpans::new(bert(seed), 2, &mut Rng::seed(seed)).unwrap();
    learns(
        new(1),
        new(2),
        |model, cx| model.forward(&input, cx).unwrap().transpose(1, 2).reshape([16, 9]),
        &labels,
    );
    let words = tokens().reshape([72]);
    let new = |seed| BertMaskedLanguage::new(config, &mut Rng::seed(seed)).unwrap().words_alone();
    let logits = |model: &BertMaskedLanguage, cx: &mut Context<'_>| {
        let stream = model.bert.forward(&input, cx).unwrap();
        model.words(&stream, cx).reshape([72, 20])
    };
    learns(new(1), new(2), logits, &words);
}
