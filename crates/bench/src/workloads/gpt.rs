//! A character-level GPT of 10.7 million parameters, one training step: cross-entropy and AdamW; in full precision and with
//! matrix products in bf16.

use gradus::prelude::*;
use gradus::tensor::Precision;

use super::transformer::{Form, Gpt, Size};
use crate::workload::{Entry, Failure, Started, Workload};

const SIZE: Size =
    Size { vocabulary: 96, context: 256, width: 384, layers: 6, heads: 6, form: Form::Exact, tied: false };

struct Training {
    model: Gpt,
    optimizer: AdamW,
    rng: Rng,
    x: Tensor<i64>,
    y: Tensor<i64>,
    precision: Precision,
}

impl Training {
    fn start(batch: usize, precision: Precision) -> Started {
        let mut rng = Rng::seed(7);
        let model = Gpt::new(SIZE, &mut rng)?;
        let shape = [batch, SIZE.context];
        let x = Tensor::randint(shape, 0, SIZE.vocabulary as i64, &mut rng);
        let y = Tensor::randint([batch * SIZE.context], 0, SIZE.vocabulary as i64, &mut rng);
        Ok(Box::new(Self { model, optimizer: AdamW::new(3e-4), rng, x, y, precision }))
    }
}

impl Workload for Training {
    fn run(&mut self) -> Result<(), Failure> {
        let mut cx = Context::train(&mut self.rng).in_precision(self.precision);
        let logits = self.model.forward(&self.x, &mut cx).flatten(0, 1);
        let loss = cross_entropy(&logits, &self.y, Reduction::Mean);
        drop(logits); // or their graph would outlive the backward pass
        std::hint::black_box(self.optimizer.step(&mut self.model, &loss.backward())?);
        Ok(())
    }
}

pub(super) const ENTRIES: &[Entry] = &[
    Entry { name: "gpt_train", start: || Training::start(8, Precision::Full) },
    Entry { name: "gpt_train_bf16", start: || Training::start(8, Precision::Bf16) },
];
