//! The models that are trained: one per family, small, each from `[N, 64]` to three classes.

use gradus_autodiff::Var;
use gradus_layers::{
    BatchNorm2d, Conv2d, Dropout, Embedding, Flatten, LayerNorm, LearnedPositions, Linear, Lstm,
    MultiheadAttention, Relu, Sequential,
};
use gradus_module::{Context, Layer, Module};
use gradus_tensor::{PoolSpec, Rng, Tensor};

pub(crate) fn perceptron() -> Sequential {
    let rng = &mut Rng::seed(1);
    Sequential::new().push(Linear::new(64, 24, rng)).push(Relu).push(Linear::new(24, 3, rng))
}

/// With batch norm and dropout.
#[derive(Module)]
pub(crate) struct Cnn {
    conv: Conv2d,
    norm: BatchNorm2d,
    #[module(skip)]
    dropout: Dropout,
    head: Linear,
}

impl Cnn {
    pub(crate) fn new() -> Self {
        let rng = &mut Rng::seed(2);
        Self {
            conv: Conv2d::builder(1, 4, [3, 3]).padding([1, 1]).build(rng).unwrap(),
            norm: BatchNorm2d::new(4),
            dropout: Dropout::new(0.3).unwrap(),
            head: Linear::new(4 * 4 * 4, 3, rng),
        }
    }
}

impl Layer for Cnn {
    fn forward(&self, x: &Var, cx: &mut Context<'_>) -> Var {
        let x = self.conv.forward(&x.reshape([x.dim(0), 1, 8, 8]), cx);
        let x = self.norm.forward(&x, cx).relu();
        let x = self.dropout.forward(&x.max_pool2d(PoolSpec::new([2, 2])), cx);
        self.head.forward(&Flatten::new().forward(&x, cx), cx)
    }
}

/// An LSTM over the rows.
#[derive(Module)]
pub(crate) struct Rows {
    lstm: Lstm,
    head: Linear,
}

impl Rows {
    pub(crate) fn new() -> Self {
        let rng = &mut Rng::seed(3);
        Self { lstm: Lstm::builder(8, 12).batch_first().build(rng).unwrap(), head: Linear::new(12, 3, rng) }
    }
}

impl Layer for Rows {
    fn forward(&self, x: &Var, cx: &mut Context<'_>) -> Var {
        let states = self.lstm.forward(&x.reshape([x.dim(0), 8, 8]), cx);
        self.head.forward(&states.select(1, 7), cx)
    }
}

/// A block of a GPT.
#[derive(Module)]
pub(crate) struct Block {
    ln_1: LayerNorm,
    attn: MultiheadAttention,
    ln_2: LayerNorm,
    c_fc: Linear,
    c_proj: Linear,
    #[module(skip)]
    dropout: Dropout,
}

impl Block {
    pub(crate) fn new(rng: &mut Rng) -> Self {
        Self {
            ln_1: LayerNorm::new([16]),
            attn: MultiheadAttention::new(16, 2, rng).unwrap().causal(),
            ln_2: LayerNorm::new([16]),
            c_fc: Linear::new(16, 32, rng),
            c_proj: Linear::new(32, 16, rng),
            dropout: Dropout::new(0.1).unwrap(),
        }
    }

    pub(crate) fn forward(&self, x: &Var, cx: &mut Context<'_>) -> Var {
        let x = x + self.attn.forward(&self.ln_1.forward(x, cx), cx);
        let hidden = self.c_fc.forward(&self.ln_2.forward(&x, cx), cx).gelu_tanh();
        &x + self.dropout.forward(&self.c_proj.forward(&hidden, cx), cx)
    }
}

/// A GPT of two blocks over the pixels of every fourth place, as tokens; the last position names the class.
#[derive(Module)]
pub(crate) struct Gpt {
    wte: Embedding,
    wpe: LearnedPositions,
    h: Vec<Block>,
    ln_f: LayerNorm,
    head: Linear,
}

impl Gpt {
    pub(crate) fn new() -> Self {
        let rng = &mut Rng::seed(4);
        Self {
            wte: Embedding::new(9, 16, rng),
            wpe: LearnedPositions::new(16, 16, rng).unwrap(),
            h: (0..2).map(|_| Block::new(rng)).collect(),
            ln_f: LayerNorm::new([16]),
            head: Linear::new(16, 3, rng),
        }
    }
}

impl Layer for Gpt {
    fn forward(&self, x: &Var, cx: &mut Context<'_>) -> Var {
        let n = x.dim(0);
        let tokens: Tensor<i64> =
            x.value().reshape([n, 16, 4]).select(2, 0).map(|x| (2.0 * x + 4.0).clamp(0.0, 8.0)).cast();
        let x = self.wpe.forward(&self.wte.forward(&tokens, cx), cx);
        let x = self.h.iter().fold(x, |x, block| block.forward(&x, cx));
        self.head.forward(&self.ln_f.forward(&x, cx).select(1, 15), cx)
    }
}
