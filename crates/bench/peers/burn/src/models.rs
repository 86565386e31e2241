//! The models of the table with burn's own modules.
//!
//! It exists to be what a user of burn would write. It must never know how they are timed.

use burn::module::{Module, Param};
use burn::nn::conv::{Conv2d, Conv2dConfig};
use burn::nn::pool::{MaxPool2d, MaxPool2dConfig};
use burn::nn::{
    BatchNorm, BatchNormConfig, Embedding, EmbeddingConfig, Initializer, LayerNorm, LayerNormConfig, Linear,
    LinearConfig, Lstm, LstmConfig, PaddingConfig2d,
};
use burn::tensor::activation::{gelu, gelu_approximate, relu};
use burn::tensor::module::attention;
use burn::tensor::ops::AttentionModuleOptions;
use burn::tensor::{Device, Int, Tensor};

/// Fully connected layers of these widths with ReLU between.
#[derive(Module, Debug)]
pub struct Mlp {
    hidden: Vec<Linear>,
    last: Linear,
}

impl Mlp {
    pub fn new(widths: &[usize], device: &Device) -> Self {
        let mut hidden: Vec<_> =
            widths.windows(2).map(|w| LinearConfig::new(w[0], w[1]).init(device)).collect();
        let last = hidden.pop().unwrap_or_else(|| LinearConfig::new(1, 1).init(device));
        Self { hidden, last }
    }

    pub fn forward(&self, x: Tensor<2>) -> Tensor<2> {
        self.last.forward(self.hidden.iter().fold(x, |x, layer| relu(layer.forward(x))))
    }
}

fn convolution(
    inputs: usize,
    outputs: usize,
    kernel: usize,
    stride: usize,
    bias: bool,
    device: &Device,
) -> Conv2d {
    let padding = PaddingConfig2d::Explicit(kernel / 2, kernel / 2, kernel / 2, kernel / 2);
    let config = Conv2dConfig::new([inputs, outputs], [kernel, kernel]).with_stride([stride, stride]);
    config.with_padding(padding).with_bias(bias).init(device)
}

#[derive(Module, Debug)]
pub struct Cnn {
    convolutions: [Conv2d; 3],
    pool: MaxPool2d,
    head: Mlp,
}

impl Cnn {
    pub fn new(device: &Device) -> Self {
        let convolutions = [(1, 32), (32, 64), (64, 64)].map(|(i, o)| convolution(i, o, 3, 1, true, device));
        let pool = MaxPool2dConfig::new([2, 2]).init();
        Self { convolutions, pool, head: Mlp::new(&[3136, 128, 10], device) }
    }

    pub fn forward(&self, x: Tensor<4>) -> Tensor<2> {
        let [c1, c2, c3] = &self.convolutions;
        let x = self.pool.forward(relu(c2.forward(relu(c1.forward(x)))));
        self.head.forward(self.pool.forward(relu(c3.forward(x))).flatten(1, 3))
    }
}

#[derive(Module, Debug)]
pub struct Recurrent {
    embed: Embedding,
    layers: [Lstm; 2],
    head: Linear,
}

impl Recurrent {
    pub fn new(device: &Device) -> Self {
        let layers = [128, 256].map(|inputs| LstmConfig::new(inputs, 256, true).init(device));
        let embed = EmbeddingConfig::new(96, 128).init(device);
        Self { embed, layers, head: LinearConfig::new(256, 96).init(device) }
    }

    pub fn forward(&self, tokens: Tensor<2, Int>) -> Tensor<3> {
        let x = self.embed.forward(tokens);
        self.head.forward(self.layers.iter().fold(x, |x, layer| layer.forward(x, None).0))
    }
}

/// A convolution and its batch norm; without one, the convolution has the norm folded in.
#[derive(Module, Debug)]
struct ConvNorm {
    conv: Conv2d,
    norm: Option<BatchNorm>,
}

impl ConvNorm {
    fn new([inputs, outputs, kernel, stride]: [usize; 4], folded: bool, device: &Device) -> Self {
        let norm = (!folded).then(|| BatchNormConfig::new(outputs).init(device));
        Self { conv: convolution(inputs, outputs, kernel, stride, folded, device), norm }
    }

    fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        let x = self.conv.forward(x);
        self.norm.as_ref().map_or(x.clone(), |norm| norm.forward(x))
    }
}

#[derive(Module, Debug)]
struct Residual {
    first: ConvNorm,
    second: ConvNorm,
    down: Option<ConvNorm>,
}

#[derive(Module, Debug)]
pub struct ResNet {
    stem: ConvNorm,
    pool: MaxPool2d,
    blocks: Vec<Residual>,
    head: Linear,
}

impl ResNet {
    pub fn new(folded: bool, device: &Device) -> Self {
        let mut blocks = Vec::new();
        let mut inputs = 64;
        for (outputs, stride) in [(64, 1), (128, 2), (256, 2), (512, 2)] {
            for stride in [stride, 1] {
                let part =
                    |inputs, kernel, stride| ConvNorm::new([inputs, outputs, kernel, stride], folded, device);
                let down = (stride != 1 || inputs != outputs).then(|| part(inputs, 1, stride));
                blocks.push(Residual { first: part(inputs, 3, stride), second: part(outputs, 3, 1), down });
                inputs = outputs;
            }
        }
        let pool = MaxPool2dConfig::new([3, 3])
            .with_strides([2, 2])
            .with_padding(PaddingConfig2d::Explicit(1, 1, 1, 1));
        let stem = ConvNorm::new([3, 64, 7, 2], folded, device);
        Self { stem, pool: pool.init(), blocks, head: LinearConfig::new(512, 1000).init(device) }
    }

    pub fn forward(&self, x: Tensor<4>) -> Tensor<2> {
        let x = self.pool.forward(relu(self.stem.forward(x)));
        let x = self.blocks.iter().fold(x, |x, block| {
            let skip = block.down.as_ref().map_or(x.clone(), |down| down.forward(x.clone()));
            relu(block.second.forward(relu(block.first.forward(x))) + skip)
        });
        self.head.forward(x.flatten::<3>(2, 3).mean_dim(2).squeeze_dim(2))
    }
}

/// What parts GPT, GPT-2 and BERT.
#[derive(Clone, Copy, Debug)]
pub struct Shape {
    pub vocabulary: usize,
    pub context: usize,
    pub width: usize,
    pub layers: usize,
    pub heads: usize,
    /// GELU by tanh, and the head is the embedding: held once more as burn's layer has it, [C, V], for the product with a
    /// transposed view copies the weights each time.
    pub gpt2: bool,
    /// Norms after the sums, no mask, the mean over the positions.
    pub bert: bool,
}

impl Shape {
    pub const GPT: Self =
        Self { vocabulary: 96, context: 256, width: 384, layers: 6, heads: 6, gpt2: false, bert: false };
    pub const GPT2: Self =
        Self { vocabulary: 50257, context: 1024, width: 768, layers: 12, heads: 12, gpt2: true, bert: false };
    pub const MINILM: Self = Self { vocabulary: 30522, context: 512, heads: 12, bert: true, ..Self::GPT };
}

/// Keys and values of the positions so far, [B, H, context, D] each.
pub type Cache = [Tensor<4>; 2];

#[derive(Module, Debug)]
struct Block {
    norm1: LayerNorm,
    norm2: LayerNorm,
    qkv: Linear,
    out: Linear,
    up: Linear,
    down: Linear,
}

#[derive(Module, Debug)]
pub struct Transformer {
    tokens: Embedding,
    positions: Param<Tensor<2>>,
    types: Option<Param<Tensor<2>>>,
    blocks: Vec<Block>,
    norm: LayerNorm,
    head: Option<Linear>,
    #[module(skip)]
    shape: Shape,
}

impl Transformer {
    pub fn new(shape: Shape, device: &Device) -> Self {
        let width = shape.width;
        let norm =
            || LayerNormConfig::new(width).with_epsilon(if shape.bert { 1e-12 } else { 1e-5 }).init(device);
        let linear = |inputs, outputs| LinearConfig::new(inputs, outputs).init(device);
        let block = |_| Block {
            norm1: norm(),
            norm2: norm(),
            qkv: linear(width, 3 * width),
            out: linear(width, width),
            up: linear(width, 4 * width),
            down: linear(4 * width, width),
        };
        let small = Initializer::Normal { mean: 0.0, std: 0.02 };
        let head = LinearConfig::new(width, shape.vocabulary).with_bias(false);
        Self {
            tokens: EmbeddingConfig::new(shape.vocabulary, width)
                .with_initializer(small.clone())
                .init(device),
            positions: small.init([shape.context, width], device),
            types: shape.bert.then(|| small.init([2, width], device)),
            blocks: (0..shape.layers).map(block).collect(),
            norm: norm(),
            head: (!shape.bert).then(|| head.init(device)),
            shape,
        }
    }

    pub fn caches(&self, context: usize, device: &Device) -> Vec<Cache> {
        let Shape { heads, width, layers, .. } = self.shape;
        let zeros = || Tensor::zeros([1, heads, context, width / heads], device);
        (0..layers).map(|_| [zeros(), zeros()]).collect()
    }

    /// The number of parameters, with a tied head counted once.
    pub fn parameters(&self) -> usize {
        let tied = if self.shape.gpt2 { self.shape.vocabulary * self.shape.width } else { 0 };
        self.num_params() - tied
    }

    /// Logits [B, T, V] (of the last position alone: [B, 1, V]), or for BERT the mean over the positions [B, 1, C].
    pub fn run(
        &self,
        tokens: Tensor<2, Int>,
        caches: &mut [Cache],
        position: usize,
        last: bool,
    ) -> Tensor<3> {
        let t = tokens.dims()[1];
        let mut x = self.tokens.forward(tokens) + self.positions.val().narrow(0, position, t).unsqueeze();
        if let Some(types) = &self.types {
            x = self.norm.forward(x + types.val().narrow(0, 0, 1).unsqueeze());
        }
        for (i, block) in self.blocks.iter().enumerate() {
            x = self.block(block, x, caches.get_mut(i), position);
        }
        match &self.head {
            None => x.mean_dim(1),
            Some(head) => head.forward(self.norm.forward(if last { x.narrow(1, t - 1, 1) } else { x })),
        }
    }

    fn block(&self, block: &Block, x: Tensor<3>, cache: Option<&mut Cache>, position: usize) -> Tensor<3> {
        let mlp = |x| {
            let x = block.up.forward(x);
            block.down.forward(if self.shape.gpt2 { gelu_approximate(x) } else { gelu(x) })
        };
        if self.shape.bert {
            let x = block.norm1.forward(x.clone() + self.attend(block, x, cache, position));
            block.norm2.forward(x.clone() + mlp(x))
        } else {
            let x = x.clone() + self.attend(block, block.norm1.forward(x), cache, position);
            x.clone() + mlp(block.norm2.forward(x))
        }
    }

    fn attend(&self, block: &Block, x: Tensor<3>, cache: Option<&mut Cache>, position: usize) -> Tensor<3> {
        let ([b, t, c], heads) = (x.dims(), self.shape.heads);
        let parts = block.qkv.forward(x).chunk(3, 2).into_iter();
        let mut parts = parts.map(|part| part.reshape([b, t, heads, c / heads]).swap_dims(1, 2));
        let (Some(q), Some(k), Some(v)) = (parts.next(), parts.next(), parts.next()) else { unreachable!() };
        let (k, v) = match cache {
            None => (k, v),
            Some([keys, values]) => {
                let here = [0..b, 0..heads, position..position + t, 0..c / heads];
                keys.inplace(|keys| keys.slice_assign(here.clone(), k));
                values.inplace(|values| values.slice_assign(here, v));
                (keys.clone().narrow(2, 0, position + t), values.clone().narrow(2, 0, position + t))
            }
        };
        let options = AttentionModuleOptions { is_causal: t > 1 && !self.shape.bert, ..Default::default() };
        block.out.forward(attention(q, k, v, None, None, options).swap_dims(1, 2).reshape([b, t, c]))
    }
}
