//! ResNet-18 (He et al. 2016) on one image of 224×224: written with the layers that learn, then folded and frozen for
//! inference.

use gradus::layers::{FrozenConv2d, LayerError, fold_batch_norm};
use gradus::prelude::*;

use crate::workload::{Entry, Failure, Started, Workload};

/// A convolution and its normalisation.
#[derive(Module)]
struct Stage {
    conv: Conv2d,
    bn: BatchNorm2d,
}

impl Stage {
    fn new(
        inputs: usize,
        outputs: usize,
        kernel: usize,
        stride: usize,
        rng: &mut Rng,
    ) -> Result<Self, LayerError> {
        let conv = Conv2d::builder(inputs, outputs, kernel).stride(stride).padding(kernel / 2).without_bias();
        Ok(Self { conv: conv.build(rng)?, bn: BatchNorm2d::new(outputs) })
    }

    /// Both as one convolution.
    fn folded(&self) -> Result<Conv2d, LayerError> {
        fold_batch_norm(&self.conv, &self.bn)
    }
}

#[derive(Module)]
struct BasicBlock {
    first: Stage,
    second: Stage,
    downsample: Option<Stage>,
}

impl BasicBlock {
    fn new(inputs: usize, outputs: usize, stride: usize, rng: &mut Rng) -> Result<Self, LayerError> {
        let shortcut = (stride, inputs) != (1, outputs);
        Ok(Self {
            first: Stage::new(inputs, outputs, 3, stride, rng)?,
            second: Stage::new(outputs, outputs, 3, 1, rng)?,
            downsample: shortcut.then(|| Stage::new(inputs, outputs, 1, stride, rng)).transpose()?,
        })
    }
}

#[derive(Module)]
struct ResNet18 {
    stem: Stage,
    blocks: Vec<BasicBlock>,
    fc: Linear,
}

impl ResNet18 {
    fn new(rng: &mut Rng) -> Result<Self, LayerError> {
        let stem = Stage::new(3, 64, 7, 2, rng)?;
        let mut blocks = Vec::new();
        for (inputs, outputs, stride) in [(64, 64, 1), (64, 128, 2), (128, 256, 2), (256, 512, 2)] {
            blocks.push(BasicBlock::new(inputs, outputs, stride, rng)?);
            blocks.push(BasicBlock::new(outputs, outputs, 1, rng)?);
        }
        Ok(Self { stem, blocks, fc: Linear::new(512, 1000, rng) })
    }
}

/// A block that no longer learns: y = relu(second(relu(first(x))) + shortcut(x)).
struct FrozenBlock {
    first: FrozenConv2d,
    second: FrozenConv2d,
    downsample: Option<FrozenConv2d>,
}

impl FrozenBlock {
    fn new(block: &BasicBlock) -> Result<Self, LayerError> {
        let downsample = block.downsample.as_ref().map(Stage::folded).transpose()?;
        Ok(Self {
            first: block.first.folded()?.with_relu().frozen(),
            second: block.second.folded()?.with_relu().frozen(),
            downsample: downsample.map(|layer| layer.frozen()),
        })
    }

    fn forward(&self, x: &Var, cx: &mut Context) -> Var {
        let y = self.first.forward(x, cx);
        match &self.downsample {
            Some(layer) => self.second.forward_onto(&y, &layer.forward(x, cx), cx),
            None => self.second.forward_onto(&y, x, cx),
        }
    }
}

/// The network for inference.
struct Frozen {
    stem: FrozenConv2d,
    pool: MaxPool2d,
    blocks: Vec<FrozenBlock>,
    fc: Linear,
    x: Var,
}

impl Frozen {
    fn start() -> Started {
        let mut rng = Rng::seed(8);
        let model = ResNet18::new(&mut rng)?;
        Ok(Box::new(Self {
            stem: model.stem.folded()?.with_relu().frozen(),
            pool: MaxPool2d::new(3)?.stride(2)?.padding(1)?,
            blocks: model.blocks.iter().map(FrozenBlock::new).collect::<Result<_, _>>()?,
            fc: model.fc,
            x: Tensor::normal([1, 3, 224, 224], 0.0, 1.0, &mut rng).into(),
        }))
    }

    fn forward(&self, cx: &mut Context) -> Result<Var, LayerError> {
        let mut x = self.pool.forward(&self.stem.forward(&self.x, cx), cx);
        for block in &self.blocks {
            x = block.forward(&x, cx);
        }
        let x = AdaptiveAvgPool2d::new(1)?.forward(&x, cx);
        Ok(self.fc.forward(&x.reshape([1, 512]), cx))
    }
}

impl Workload for Frozen {
    fn run(&mut self) -> Result<(), Failure> {
        std::hint::black_box(no_grad(|| self.forward(&mut Context::eval()))?);
        Ok(())
    }
}

pub(super) const ENTRIES: &[Entry] = &[Entry { name: "resnet18_infer", start: Frozen::start }];
