//! A GPT as a user would write it: pre-norm blocks (Radford et al. 2019), learned positions, with or without a cache of keys
//! and values.

use gradus::prelude::*;

use crate::workload::Failure;

/// Which form of GELU.
#[derive(Clone, Copy, Debug)]
pub(super) enum Form {
    Exact,
    Tanh,
}

#[derive(Module)]
struct Block {
    norm1: LayerNorm,
    attention: MultiheadAttention,
    norm2: LayerNorm,
    up: Linear,
    down: Linear,
    #[module(skip)]
    form: Form,
}

impl Block {
    fn new(width: usize, heads: usize, form: Form, rng: &mut Rng) -> Result<Self, Failure> {
        Ok(Self {
            norm1: LayerNorm::new([width]),
            attention: MultiheadAttention::new(width, heads, rng)?.causal(),
            norm2: LayerNorm::new([width]),
            up: Linear::new(width, 4 * width, rng),
            down: Linear::new(4 * width, width, rng),
            form,
        })
    }

    /// `[B, T, C] → [B, T, C]`
    fn forward(&self, x: &Var, cache: Option<&mut KeyValueCache>, cx: &mut Context) -> Var {
        let normed = self.norm1.forward(x, cx);
        let attended = match cache {
            Some(cache) => self.attention.decode(&normed, cache, cx),
            None => self.attention.forward(&normed, cx),
        };
        let x = x + attended;
        let hidden = self.up.forward(&self.norm2.forward(&x, cx), cx);
        let hidden = match self.form {
            Form::Exact => hidden.gelu(),
            Form::Tanh => hidden.gelu_tanh(),
        };
        x + self.down.forward(&hidden, cx)
    }
}

/// What a [`Gpt`] is made of.
#[derive(Clone, Copy, Debug)]
pub(super) struct Size {
    pub(super) vocabulary: usize,
    pub(super) context: usize,
    pub(super) width: usize,
    pub(super) layers: usize,
    pub(super) heads: usize,
    pub(super) form: Form,
    /// Whether the head is the embedding's table.
    pub(super) tied: bool,
}

#[derive(Module)]
pub(super) struct Gpt {
    tokens: Embedding,
    positions: Embedding,
    blocks: Vec<Block>,
    norm: LayerNorm,
    head: Option<Linear>,
}

impl Gpt {
    pub(super) fn new(size: Size, rng: &mut Rng) -> Result<Self, Failure> {
        let Size { vocabulary, context, width, layers, heads, form, tied } = size;
        let mut table =
            |rows| Embedding::from_weight(Param::new(Tensor::normal([rows, width], 0.0, 0.02, rng)));
        Ok(Self {
            tokens: table(vocabulary),
            positions: table(context),
            blocks: (0..layers).map(|_| Block::new(width, heads, form, rng)).collect::<Result<_, _>>()?,
            norm: LayerNorm::new([width]),
            head: (!tied).then(|| Linear::new(width, vocabulary, rng).without_bias()),
        })
    }

    /// `[B, T] → [B, T, V]`
    pub(super) fn forward(&self, tokens: &Tensor<i64>, cx: &mut Context) -> Var {
        self.logits(&self.hidden(tokens, cx), cx)
    }

    /// The logits behind the last token: `[B, T] → [B, 1, V]`
    pub(super) fn prefill(&self, tokens: &Tensor<i64>, cx: &mut Context) -> Var {
        self.logits(&self.hidden(tokens, cx).narrow(1, tokens.dim(1) - 1, 1), cx)
    }

    /// `[B, T] → [B, T, C]`
    fn hidden(&self, tokens: &Tensor<i64>, cx: &mut Context) -> Var {
        let mut x = self.embed(tokens, 0, cx);
        for block in &self.blocks {
            x = block.forward(&x, None, cx);
        }
        x
    }

    /// The logits of the last of some tokens `[B, T] → [B, 1, V]` that follow those in the caches, one for each layer.
    pub(super) fn decode(&self, tokens: &Tensor<i64>, caches: &mut [KeyValueCache], cx: &mut Context) -> Var {
        let position = caches.first().map_or(0, KeyValueCache::len);
        let mut x = self.embed(tokens, position, cx);
        for (block, cache) in self.blocks.iter().zip(caches) {
            x = block.forward(&x, Some(cache), cx);
        }
        self.logits(&x.narrow(1, tokens.dim(1) - 1, 1), cx)
    }

    fn embed(&self, tokens: &Tensor<i64>, position: usize, cx: &mut Context) -> Var {
        self.tokens.forward(tokens, cx) + self.positions.weight.narrow(0, position, tokens.dim(1))
    }

    fn logits(&self, x: &Var, cx: &mut Context) -> Var {
        let x = self.norm.forward(x, cx);
        match &self.head {
            Some(head) => head.forward(&x, cx),
            None => x.linear(&self.tokens.weight, None),
        }
    }
}
