//! The models of the table with candle's own layers.
//!
//! It exists to be what a user of candle would write. It must never take candle's kernels without a gradient (fused layer
//! norm, softmax and attention) in training: they would be quick and leave the weights as they are.

use candle_core::{D, Device, Module, Result, Tensor};
use candle_nn::rnn::{LSTM, LSTMConfig, RNN};
use candle_nn::{
    Conv2d, Conv2dConfig, Embedding, LayerNorm, Linear, VarBuilder, conv2d, embedding, linear, ops,
};

/// Fully connected layers of these widths with ReLU between.
pub struct Mlp(Vec<Linear>);

impl Mlp {
    pub fn new(widths: &[usize], vb: VarBuilder) -> Result<Self> {
        let layer = |(i, w): (usize, &[usize])| linear(w[0], w[1], vb.pp(i));
        widths.windows(2).enumerate().map(layer).collect::<Result<_>>().map(Self)
    }
}

impl Module for Mlp {
    fn forward(&self, x: &Tensor) -> Result<Tensor> {
        let (last, hidden) = self.0.split_last().ok_or_else(|| candle_core::Error::msg("no layers"))?;
        last.forward(&hidden.iter().try_fold(x.clone(), |x, layer| layer.forward(&x)?.relu())?)
    }
}

pub struct Cnn {
    convolutions: [Conv2d; 3],
    head: Mlp,
}

impl Cnn {
    pub fn new(vb: VarBuilder) -> Result<Self> {
        let conv =
            |i, o, name| conv2d(i, o, 3, Conv2dConfig { padding: 1, ..Default::default() }, vb.pp(name));
        let convolutions = [conv(1, 32, "c1")?, conv(32, 64, "c2")?, conv(64, 64, "c3")?];
        Ok(Self { convolutions, head: Mlp::new(&[3136, 128, 10], vb.pp("head"))? })
    }
}

impl Module for Cnn {
    fn forward(&self, x: &Tensor) -> Result<Tensor> {
        let [c1, c2, c3] = &self.convolutions;
        let x = c2.forward(&c1.forward(x)?.relu()?)?.relu()?.max_pool2d(2)?;
        let x = c3.forward(&x)?.relu()?.max_pool2d(2)?;
        self.head.forward(&x.flatten_from(1)?)
    }
}

pub struct Lstm {
    embed: Embedding,
    layers: [LSTM; 2],
    head: Linear,
}

impl Lstm {
    pub fn new(vb: VarBuilder) -> Result<Self> {
        let config = |layer_idx| LSTMConfig { layer_idx, ..Default::default() };
        let first = LSTM::new(128, 256, config(0), vb.pp("lstm"))?;
        let second = LSTM::new(256, 256, config(1), vb.pp("lstm"))?;
        let embed = embedding(96, 128, vb.pp("embed"))?;
        Ok(Self { embed, layers: [first, second], head: linear(256, 96, vb.pp("head"))? })
    }
}

impl Module for Lstm {
    fn forward(&self, tokens: &Tensor) -> Result<Tensor> {
        let mut x = self.embed.forward(tokens)?;
        for layer in &self.layers {
            x = layer.states_to_tensor(&layer.seq(&x)?)?;
        }
        self.head.forward(&x)
    }
}

/// What parts GPT, GPT-2 and BERT.
#[derive(Clone, Copy)]
pub struct Shape {
    pub vocabulary: usize,
    pub context: usize,
    pub width: usize,
    pub layers: usize,
    pub heads: usize,
    /// Gradients are wanted.
    pub training: bool,
    /// GELU by tanh, and the head is the embedding.
    pub gpt2: bool,
    /// Norms after the sums, no mask, the mean over the positions.
    pub bert: bool,
}

impl Shape {
    const SMALL: Self = Self {
        vocabulary: 96,
        context: 256,
        width: 384,
        layers: 6,
        heads: 6,
        training: true,
        gpt2: false,
        bert: false,
    };
    pub const GPT: Self = Self::SMALL;
    pub const GPT2: Self = Self {
        vocabulary: 50257,
        context: 1024,
        width: 768,
        layers: 12,
        heads: 12,
        training: false,
        gpt2: true,
        bert: false,
    };
    pub const MINILM: Self =
        Self { vocabulary: 30522, context: 512, heads: 12, training: false, bert: true, ..Self::SMALL };
}

/// Keys and values of the positions so far, [B, H, context, D] each.
pub struct Cache {
    keys: Tensor,
    values: Tensor,
}

struct Block {
    norms: [LayerNorm; 2],
    qkv: Linear,
    out: Linear,
    up: Linear,
    down: Linear,
}

pub struct Transformer {
    shape: Shape,
    tokens: Embedding,
    positions: Embedding,
    types: Option<Embedding>,
    blocks: Vec<Block>,
    norm: LayerNorm,
    head: Option<Linear>,
    /// [T, T]: minus infinity above the diagonal.
    mask: Tensor,
}

impl Transformer {
    pub fn new(shape: Shape, vb: VarBuilder) -> Result<Self> {
        let width = shape.width;
        let norm =
            |name: &str| candle_nn::layer_norm(width, if shape.bert { 1e-12 } else { 1e-5 }, vb.pp(name));
        let block = |i: usize| {
            let part = |name: &str, inputs, outputs| linear(inputs, outputs, vb.pp(format!("{i}.{name}")));
            Ok(Block {
                norms: [norm(&format!("{i}.norm1"))?, norm(&format!("{i}.norm2"))?],
                qkv: part("qkv", width, 3 * width)?,
                out: part("out", width, width)?,
                up: part("up", width, 4 * width)?,
                down: part("down", 4 * width, width)?,
            })
        };
        let small = |rows, name: &str| {
            let init = candle_nn::Init::Randn { mean: 0.0, stdev: 0.02 };
            Ok::<_, candle_core::Error>(Embedding::new(
                vb.pp(name).get_with_hints((rows, width), "weight", init)?,
                width,
            ))
        };
        let tokens: Embedding = small(shape.vocabulary, "tokens")?;
        let head = match (shape.bert, shape.gpt2) {
            (true, _) => None,
            (_, true) => Some(Linear::new(tokens.embeddings().clone(), None)),
            _ => Some(candle_nn::linear_no_bias(width, shape.vocabulary, vb.pp("head"))?),
        };
        Ok(Self {
            shape,
            tokens,
            positions: small(shape.context, "positions")?,
            types: if shape.bert { Some(small(2, "types")?) } else { None },
            blocks: (0..shape.layers).map(block).collect::<Result<_>>()?,
            norm: norm("norm")?,
            head,
            mask: causal_mask(shape.context)?,
        })
    }

    pub fn caches(&self, context: usize) -> Result<Vec<Cache>> {
        let Shape { heads, width, .. } = self.shape;
        let zeros =
            || Tensor::zeros((1, heads, context, width / heads), candle_core::DType::F32, &Device::Cpu);
        self.blocks.iter().map(|_| Ok(Cache { keys: zeros()?, values: zeros()? })).collect()
    }

    /// Logits [B, T, V] (of the last position alone: [B, 1, V]), or for BERT the mean over the positions [B, C].
    pub fn run(
        &self,
        tokens: &Tensor,
        caches: Option<&[Cache]>,
        position: usize,
        last: bool,
    ) -> Result<Tensor> {
        let t = tokens.dim(1)?;
        let positions = self.positions.embeddings().narrow(0, position, t)?;
        let mut x = self.tokens.forward(tokens)?.broadcast_add(&positions)?;
        if let Some(types) = &self.types {
            x = self.norm(&self.norm, &x.broadcast_add(&types.embeddings().get(0)?)?)?;
        }
        for (i, block) in self.blocks.iter().enumerate() {
            x = self.block(block, &x, caches.map(|caches| &caches[i]), position)?;
        }
        let Some(head) = &self.head else { return x.mean(1) };
        let x = if last { x.narrow(1, t - 1, 1)?.contiguous()? } else { x };
        head.forward(&self.norm(&self.norm, &x)?)
    }

    fn norm(&self, norm: &LayerNorm, x: &Tensor) -> Result<Tensor> {
        match norm.bias() {
            Some(bias) if self.shape.training => {
                ops::layer_norm_slow(x, norm.weight(), bias, norm.eps() as f32)
            }
            _ => norm.forward(x),
        }
    }

    fn block(&self, block: &Block, x: &Tensor, cache: Option<&Cache>, position: usize) -> Result<Tensor> {
        let [norm1, norm2] = &block.norms;
        let mlp = |x: &Tensor| {
            let x = block.up.forward(x)?;
            block.down.forward(&if self.shape.gpt2 { x.gelu()? } else { x.gelu_erf()? })
        };
        if self.shape.bert {
            let x = self.norm(norm1, &(x + self.attention(block, x, cache, position)?)?)?;
            self.norm(norm2, &(&x + mlp(&x)?)?)
        } else {
            let x = (x + self.attention(block, &self.norm(norm1, x)?, cache, position)?)?;
            &x + mlp(&self.norm(norm2, &x)?)?
        }
    }

    fn attention(&self, block: &Block, x: &Tensor, cache: Option<&Cache>, position: usize) -> Result<Tensor> {
        let (b, t, c) = x.dims3()?;
        let heads = self.shape.heads;
        let qkv = block.qkv.forward(x)?.reshape((b, t, 3, heads, c / heads))?.permute((2, 0, 3, 1, 4))?;
        let [q, k, v] = [0, 1, 2].map(|i| qkv.get(i).and_then(|part| part.contiguous()));
        let (q, mut k, mut v) = (q?, k?, v?);
        if let Some(cache) = cache {
            cache.keys.slice_set(&k, 2, position)?;
            cache.values.slice_set(&v, 2, position)?;
            k = cache.keys.narrow(2, 0, position + t)?.contiguous()?;
            v = cache.values.narrow(2, 0, position + t)?.contiguous()?;
        }
        let scores = (q.matmul(&k.t()?)? / ((c / heads) as f64).sqrt())?;
        let scores = if t > 1 && !self.shape.bert {
            scores.broadcast_add(&self.mask.narrow(0, 0, t)?.narrow(1, 0, t)?)?
        } else {
            scores
        };
        let weights = if self.shape.training {
            ops::softmax(&scores, D::Minus1)?
        } else {
            ops::softmax_last_dim(&scores)?
        };
        block.out.forward(&weights.matmul(&v)?.transpose(1, 2)?.reshape((b, t, c))?)
    }
}

fn causal_mask(t: usize) -> Result<Tensor> {
    let value = |i| if i % t > i / t { f32::NEG_INFINITY } else { 0.0 };
    Tensor::from_vec((0..t * t).map(value).collect(), (t, t), &Device::Cpu)
}
