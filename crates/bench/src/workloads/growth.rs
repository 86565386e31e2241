//! Workloads of any size, `NAME@SIZE`: how cost grows with the batch, the width, the sequence, and what an op costs alone.

use gradus::prelude::*;
use gradus::tensor::AttentionOptions;

use super::{cnn::Cnn, mlp::Mlp};
use crate::workload::{Failure, Repeat, Scaled, Started, Work, Workload};

/// Rows that go through the linear layer at once.
const ROWS: usize = 1024;
/// Heads of attention, and the width of each.
const HEADS: [usize; 2] = [8, 64];

/// A square linear layer on [`ROWS`] rows whose gradient is asked for too: three products, and SGD.
struct Wide {
    layer: Linear,
    optimizer: Sgd,
    rng: Rng,
    x: Var,
}

impl Wide {
    fn start(width: usize) -> Started {
        let mut rng = Rng::seed(8);
        let x = Var::leaf(Tensor::normal([ROWS, width], 0.0, 1.0, &mut rng));
        Ok(Box::new(Self { layer: Linear::new(width, width, &mut rng), optimizer: Sgd::new(1e-3), rng, x }))
    }
}

impl Workload for Wide {
    fn run(&mut self) -> Result<(), Failure> {
        let loss = self.layer.forward(&self.x, &mut Context::train(&mut self.rng)).square().mean();
        std::hint::black_box(self.optimizer.step(&mut self.layer, &loss.backward())?);
        Ok(())
    }

    fn work(&self) -> Work {
        let [rows, width] = self.x.dims();
        Work::Flops(6.0 * (rows * width * width) as f64)
    }
}

/// Attention of one sequence, forward and backward.
fn attention(length: usize) -> Started {
    let mut rng = Rng::seed(9);
    let [heads, width] = HEADS;
    let [q, k, v] =
        [0; 3].map(|_| Var::leaf(Tensor::<f32>::normal([1, heads, length, width], 0.0, 1.0, &mut rng)));
    let options = AttentionOptions::new();
    // Two products forward, five backward.
    let work = Work::Flops(14.0 * (heads * width * length * length) as f64);
    Repeat::start(work, move || q.scaled_dot_product_attention(&k, &v, &options).sum().backward())
}

/// So many additions of eight numbers.
fn small_ops(count: usize) -> Started {
    let x = Tensor::<f32>::ones([8]);
    Repeat::start(Work::Step, move || (0..count).fold(x.clone(), |sum, _| &sum + &x))
}

pub(super) const SCALED: &[Scaled] = &[
    Scaled { name: "mlp_batch", start: Mlp::start },
    Scaled { name: "cnn_batch", start: Cnn::start },
    Scaled { name: "linear_width", start: Wide::start },
    Scaled { name: "attention_length", start: attention },
    Scaled { name: "small_ops", start: small_ops },
];
