//! A small convolutional network on 64 images of 28×28: three 3×3 convolutions, two poolings, two linear layers.

use gradus::prelude::*;

use crate::workload::{Entry, Failure, Started, Workload};

pub(super) struct Cnn {
    model: Sequential,
    optimizer: Adam,
    rng: Rng,
    x: Tensor,
    y: Tensor<i64>,
}

fn model(rng: &mut Rng) -> Result<Sequential, Failure> {
    let mut conv = |inputs, outputs| Conv2d::builder(inputs, outputs, 3).padding(1).build(rng);
    let convolutions = Sequential::new()
        .push(conv(1, 32)?.with_relu())
        .push(conv(32, 64)?.with_relu())
        .push(MaxPool2d::new(2)?)
        .push(conv(64, 64)?.with_relu())
        .push(MaxPool2d::new(2)?);
    Ok(convolutions
        .push(Flatten::new())
        .push(Linear::new(64 * 7 * 7, 128, rng))
        .push(Relu)
        .push(Linear::new(128, 10, rng)))
}

impl Cnn {
    pub(super) fn start(batch: usize) -> Started {
        let mut rng = Rng::seed(6);
        let model = model(&mut rng)?;
        let x = Tensor::normal([batch, 1, 28, 28], 0.0, 1.0, &mut rng);
        let y = Tensor::randint([batch], 0, 10, &mut rng);
        Ok(Box::new(Self { model, optimizer: Adam::new(1e-3), rng, x, y }))
    }
}

impl Workload for Cnn {
    fn run(&mut self) -> Result<(), Failure> {
        let logits = self.model.forward(&(&self.x).into(), &mut Context::train(&mut self.rng));
        let loss = cross_entropy(&logits, &self.y, Reduction::Mean);
        drop(logits); // or their graph would outlive the backward pass
        std::hint::black_box(self.optimizer.step(&mut self.model, &loss.backward())?);
        Ok(())
    }
}

pub(super) const ENTRIES: &[Entry] = &[Entry { name: "cnn_train", start: || Cnn::start(64) }];
