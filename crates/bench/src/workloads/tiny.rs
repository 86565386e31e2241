//! The smallest useful network, 10-64-1 on a batch of 32 with squared error and Adam: what an op costs beyond its
//! arithmetic.

use gradus::prelude::*;

use crate::workload::{Entry, Failure, Started, Workload};

#[derive(Module)]
struct Model {
    hidden: Linear,
    output: Linear,
}

impl Layer for Model {
    fn forward(&self, x: &Var, cx: &mut Context) -> Var {
        self.output.forward(&self.hidden.forward(x, cx).relu(), cx)
    }
}

/// The network, its data and its optimizer.
pub struct Tiny {
    model: Model,
    optimizer: Adam,
    rng: Rng,
    x: Tensor,
    y: Tensor,
}

impl Tiny {
    /// Sets it up.
    #[must_use]
    pub fn new() -> Self {
        let mut rng = Rng::seed(4);
        Self {
            model: Model { hidden: Linear::new(10, 64, &mut rng), output: Linear::new(64, 1, &mut rng) },
            optimizer: Adam::new(1e-3),
            x: Tensor::normal([32, 10], 0.0, 1.0, &mut rng),
            y: Tensor::normal([32, 1], 0.0, 1.0, &mut rng),
            rng,
        }
    }

    /// One training step; answers the loss before it.
    ///
    /// # Errors
    /// Those of the optimizer.
    pub fn step(&mut self) -> Result<f64, Failure> {
        let prediction = self.model.forward(&(&self.x).into(), &mut Context::train(&mut self.rng));
        let loss = mse(&prediction, &self.y, Reduction::Mean);
        let value = loss.item();
        drop(prediction); // or its graph would outlive the backward pass
        self.optimizer.step(&mut self.model, &loss.backward())?;
        Ok(value)
    }
}

impl Default for Tiny {
    fn default() -> Self {
        Self::new()
    }
}

impl Workload for Tiny {
    fn run(&mut self) -> Result<(), Failure> {
        std::hint::black_box(self.step()?);
        Ok(())
    }
}

fn start() -> Started {
    Ok(Box::new(Tiny::new()))
}

pub(super) const ENTRIES: &[Entry] = &[Entry { name: "tiny_train", start }];
