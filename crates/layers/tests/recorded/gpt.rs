//! A GPT of two blocks, made of this crate's layers, against PyTorch's: logits, loss, and the gradient of every parameter.

use gradus_autodiff::Var;
use gradus_layers::*;
use gradus_module::{Context, Layer, Module};
use gradus_tensor::{Float, Rng, Tensor};

use super::case::Case;

#[derive(Module)]
struct Block<T: Float> {
    ln_1: LayerNorm<T>,
    attn: MultiheadAttention<T>,
    ln_2: LayerNorm<T>,
    c_fc: Linear<T>,
    c_proj: Linear<T>,
}

impl<T: Float> Block<T> {
    fn new(size: usize, heads: usize, rng: &mut Rng) -> Self {
        Self {
            ln_1: LayerNorm::new([size]),
            attn: MultiheadAttention::new(size, heads, rng).unwrap().causal(),
            ln_2: LayerNorm::new([size]),
            c_fc: Linear::new(size, 4 * size, rng),
            c_proj: Linear::new(4 * size, size, rng),
        }
    }

    fn forward(&self, x: &Var<T>, cx: &mut Context<'_>) -> Var<T> {
        let x = x + self.attn.forward(&self.ln_1.forward(x, cx), cx);
        let hidden = self.c_fc.forward(&self.ln_2.forward(&x, cx), cx).gelu_tanh();
        &x + self.c_proj.forward(&hidden, cx)
    }
}

#[derive(Module)]
struct Gpt<T: Float> {
    wte: Embedding<T>,
    wpe: LearnedPositions<T>,
    h: Vec<Block<T>>,
    ln_f: LayerNorm<T>,
}

impl<T: Float> Gpt<T> {
    fn new(rng: &mut Rng) -> Self {
        Self {
            wte: Embedding::new(11, 12, rng),
            wpe: LearnedPositions::new(8, 12, rng).unwrap(),
            h: (0..2).map(|_| Block::new(12, 3, rng)).collect(),
            ln_f: LayerNorm::new([12]),
        }
    }

    fn forward(&self, tokens: &Tensor<i64>, cx: &mut Context<'_>) -> Var<T> {
        let x = self.wpe.forward(&self.wte.forward(tokens, cx), cx);
        let x = self.h.iter().fold(x, |x, block| block.forward(&x, cx));
        self.ln_f.forward(&x, cx).linear(&self.wte.weight, None)
    }
}

fn check<T: Float>() {
    let case = Case::new(include_str!("../golden/gpt.csv"), "gpt");
    let (tokens, targets) = (case.indices("tokens"), case.indices("targets"));
    case.check(Gpt::<T>::new(&mut Rng::seed(0)), |model, _, cx| {
        let logits = model.forward(&tokens, cx);
        let rows = logits.reshape([14, 11]).log_softmax(-1);
        let loss = -rows.gather(1, &targets.reshape([14, 1])).mean();
        vec![logits, loss]
    });
}

#[test]
fn every_gradient_in_double_precision() {
    check::<f64>();
}

#[test]
fn every_gradient_in_single_precision() {
    check::<f32>();
}
