//! The encoder of all-MiniLM-L6 with random weights: BERT (Devlin et al. 2019) with 6 post-norm layers of width 384 and 12
//! heads, and the mean over the positions.

use gradus::prelude::*;

use crate::workload::{Entry, Failure, Repeat, Started, Work};

const VOCABULARY: usize = 30_522;
const WIDTH: usize = 384;
const POSITIONS: usize = 128;

#[derive(Module)]
struct Block {
    attention: MultiheadAttention,
    norm1: LayerNorm,
    up: Linear,
    down: Linear,
    norm2: LayerNorm,
}

impl Block {
    fn new(rng: &mut Rng) -> Result<Self, Failure> {
        Ok(Self {
            attention: MultiheadAttention::new(WIDTH, 12, rng)?,
            norm1: LayerNorm::new([WIDTH]).eps(1e-12)?,
            up: Linear::new(WIDTH, 4 * WIDTH, rng),
            down: Linear::new(4 * WIDTH, WIDTH, rng),
            norm2: LayerNorm::new([WIDTH]).eps(1e-12)?,
        })
    }
}

impl Layer for Block {
    fn forward(&self, x: &Var, cx: &mut Context) -> Var {
        let x = self.norm1.forward(&(x + self.attention.forward(x, cx)), cx);
        let hidden = self.up.forward(&x, cx).gelu();
        self.norm2.forward(&(&x + self.down.forward(&hidden, cx)), cx)
    }
}

#[derive(Module)]
struct MiniLm {
    tokens: Embedding,
    positions: Embedding,
    types: Embedding,
    norm: LayerNorm,
    blocks: Vec<Block>,
}

impl MiniLm {
    fn new(rng: &mut Rng) -> Result<Self, Failure> {
        Ok(Self {
            tokens: Embedding::new(VOCABULARY, WIDTH, rng),
            positions: Embedding::new(512, WIDTH, rng),
            types: Embedding::new(2, WIDTH, rng),
            norm: LayerNorm::new([WIDTH]).eps(1e-12)?,
            blocks: (0..6).map(|_| Block::new(rng)).collect::<Result<_, _>>()?,
        })
    }

    /// `[B, T] → [B, C]`
    fn forward(&self, tokens: &Tensor<i64>, cx: &mut Context) -> Var {
        let positions = self.positions.weight.narrow(0, 0, tokens.dim(1));
        let mut x = self.tokens.forward(tokens, cx) + positions + self.types.weight.select(0, 0);
        x = self.norm.forward(&x, cx);
        for block in &self.blocks {
            x = block.forward(&x, cx);
        }
        x.mean_axes(&[1], false)
    }
}

fn start(batch: usize) -> Started {
    let mut rng = Rng::seed(9);
    let model = MiniLm::new(&mut rng)?;
    let tokens = Tensor::randint([batch, POSITIONS], 0, VOCABULARY as i64, &mut rng);
    Repeat::start(Work::Step, move || no_grad(|| model.forward(&tokens, &mut Context::inference())))
}

pub(super) const ENTRIES: &[Entry] =
    &[Entry { name: "minilm_b1", start: || start(1) }, Entry { name: "minilm_b16", start: || start(16) }];
