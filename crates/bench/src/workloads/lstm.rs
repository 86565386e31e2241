//! A small language model on characters: embedding, two layers of long short-term memory, a linear layer to the
//! vocabulary; 32 sequences of 64, cross-entropy and Adam.

use gradus::prelude::*;

use crate::workload::{Entry, Failure, Started, Workload};

const VOCABULARY: usize = 96;

#[derive(Module)]
struct Model {
    embed: Embedding,
    lstm: Lstm,
    head: Linear,
}

struct LanguageModel {
    model: Model,
    optimizer: Adam,
    rng: Rng,
    tokens: Tensor<i64>,
    targets: Tensor<i64>,
}

impl LanguageModel {
    fn start(batch: usize, length: usize) -> Started {
        let mut rng = Rng::seed(7);
        let model = Model {
            embed: Embedding::new(VOCABULARY, 128, &mut rng),
            lstm: Lstm::builder(128, 256).layers(2).batch_first().build(&mut rng)?,
            head: Linear::new(256, VOCABULARY, &mut rng),
        };
        let mut draw = |shape: &[usize]| Tensor::randint(shape, 0, VOCABULARY as i64, &mut rng);
        let (tokens, targets) = (draw(&[batch, length]), draw(&[batch * length]));
        Ok(Box::new(Self { model, optimizer: Adam::new(1e-3), rng, tokens, targets }))
    }
}

impl Workload for LanguageModel {
    fn run(&mut self) -> Result<(), Failure> {
        let (model, cx) = (&self.model, &mut Context::train(&mut self.rng));
        let hidden = model.lstm.forward(&model.embed.forward(&self.tokens, cx), cx);
        let logits = model.head.forward(&hidden, cx).flatten(0, 1);
        let loss = cross_entropy(&logits, &self.targets, Reduction::Mean);
        drop((hidden, logits)); // or their graph would outlive the backward pass
        std::hint::black_box(self.optimizer.step(&mut self.model, &loss.backward())?);
        Ok(())
    }
}

pub(super) const ENTRIES: &[Entry] = &[Entry { name: "lstm_train", start: || LanguageModel::start(32, 64) }];
