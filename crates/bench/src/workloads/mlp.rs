//! The multilayer perceptron of every first lesson, 784-512-256-10 on a batch of 64: cross-entropy and Adam.

use gradus::prelude::*;

use crate::workload::{Entry, Failure, Started, Workload};

pub(super) struct Mlp {
    model: Sequential,
    optimizer: Adam,
    rng: Rng,
    x: Tensor,
    y: Tensor<i64>,
}

impl Mlp {
    pub(super) fn start(batch: usize) -> Started {
        let mut rng = Rng::seed(5);
        let model = Sequential::new()
            .push(Linear::new(784, 512, &mut rng))
            .push(Relu)
            .push(Linear::new(512, 256, &mut rng))
            .push(Relu)
            .push(Linear::new(256, 10, &mut rng));
        let x = Tensor::normal([batch, 784], 0.0, 1.0, &mut rng);
        let y = Tensor::randint([batch], 0, 10, &mut rng);
        Ok(Box::new(Self { model, optimizer: Adam::new(1e-3), rng, x, y }))
    }
}

impl Workload for Mlp {
    fn run(&mut self) -> Result<(), Failure> {
        let logits = self.model.forward(&(&self.x).into(), &mut Context::train(&mut self.rng));
        let loss = cross_entropy(&logits, &self.y, Reduction::Mean);
        drop(logits); // or their graph would outlive the backward pass
        std::hint::black_box(self.optimizer.step(&mut self.model, &loss.backward())?);
        Ok(())
    }
}

pub(super) const ENTRIES: &[Entry] = &[Entry { name: "mlp_train", start: || Mlp::start(64) }];
