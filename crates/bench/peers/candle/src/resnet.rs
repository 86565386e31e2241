//! ResNet-18 for inference: each batch norm is absorbed by its convolution.
//!
//! It exists to be what a user of candle would write. It must never be trained: the batch norms are gone.

use candle_core::{Module, Result, Tensor};
use candle_nn::{Conv2d, Conv2dConfig, Linear, VarBuilder, batch_norm, conv2d_no_bias, linear};

struct Residual {
    convolutions: [Conv2d; 2],
    down: Option<Conv2d>,
}

pub struct ResNet {
    stem: Conv2d,
    blocks: Vec<Residual>,
    head: Linear,
}

fn convolution(
    inputs: usize,
    outputs: usize,
    kernel: usize,
    stride: usize,
    vb: VarBuilder,
) -> Result<Conv2d> {
    let config = Conv2dConfig { padding: kernel / 2, stride, ..Default::default() };
    conv2d_no_bias(inputs, outputs, kernel, config, vb.pp("conv"))?.absorb_bn(&batch_norm(
        outputs,
        1e-5,
        vb.pp("bn"),
    )?)
}

impl ResNet {
    pub fn new(vb: VarBuilder) -> Result<Self> {
        let mut blocks = Vec::new();
        let mut inputs = 64;
        for (stage, (outputs, stride)) in [(64, 1), (128, 2), (256, 2), (512, 2)].into_iter().enumerate() {
            for (i, stride) in [stride, 1].into_iter().enumerate() {
                let part = |name: &str| vb.pp(format!("{stage}.{i}.{name}"));
                let first = convolution(inputs, outputs, 3, stride, part("1"))?;
                let second = convolution(outputs, outputs, 3, 1, part("2"))?;
                let changes = stride != 1 || inputs != outputs;
                let down =
                    changes.then(|| convolution(inputs, outputs, 1, stride, part("down"))).transpose()?;
                blocks.push(Residual { convolutions: [first, second], down });
                inputs = outputs;
            }
        }
        Ok(Self {
            stem: convolution(3, 64, 7, 2, vb.pp("stem"))?,
            blocks,
            head: linear(512, 1000, vb.pp("head"))?,
        })
    }
}

impl Module for ResNet {
    fn forward(&self, x: &Tensor) -> Result<Tensor> {
        // Nothing is below zero after ReLU, so the pool's padding may be zero.
        let x = self.stem.forward(x)?.relu()?.pad_with_zeros(2, 1, 1)?.pad_with_zeros(3, 1, 1)?;
        let mut x = x.max_pool2d_with_stride(3, 2)?;
        for block in &self.blocks {
            let [first, second] = &block.convolutions;
            let y = second.forward(&first.forward(&x)?.relu()?)?;
            let skip = block.down.as_ref().map_or(Ok(x.clone()), |down| down.forward(&x))?;
            x = (y + skip)?.relu()?;
        }
        self.head.forward(&x.mean((2, 3))?)
    }
}
