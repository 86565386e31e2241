//! Training with matrix products in bf16: a language model ends within a hundredth of the loss that full precision reaches in the
//! same steps.

use gradus_autodiff::Var;
use gradus_data::{Loader, Pairs};
use gradus_layers::{Embedding, LayerNorm, LearnedPositions};
use gradus_losses::{Reduction, cross_entropy};
use gradus_module::{Context, Layer, Module};
use gradus_optimizers::AdamW;
use gradus_tensor::{Precision, Rng, Tensor};
use gradus_train::{Trainer, evaluate};

use crate::models::Block;

/// Something to read: English prose that the project has at hand.
const TEXT: &str = include_str!("../../../../CONTRIBUTING.md");
const LENGTH: usize = 24;

#[derive(Module)]
struct Letters {
    wte: Embedding,
    wpe: LearnedPositions,
    h: Vec<Block>,
    ln_f: LayerNorm,
}

impl Letters {
    fn new() -> Self {
        let rng = &mut Rng::seed(4);
        Self {
            wte: Embedding::new(128, 16, rng),
            wpe: LearnedPositions::new(LENGTH, 16, rng).unwrap(),
            h: (0..2).map(|_| Block::new(rng)).collect(),
            ln_f: LayerNorm::new([16]),
        }
    }

    fn loss(&self, tokens: &Tensor<i64>, next: &Tensor<i64>, cx: &mut Context<'_>) -> Var {
        let x = self.wpe.forward(&self.wte.forward(tokens, cx), cx);
        let x = self.h.iter().fold(x, |x, block| block.forward(&x, cx));
        let logits = self.ln_f.forward(&x, cx).linear(&self.wte.weight, None);
        cross_entropy(&logits.reshape([next.len(), 128]), &next.reshape([next.len()]), Reduction::Mean)
    }
}

fn windows() -> Pairs<i64, i64> {
    let letters: Vec<i64> = TEXT.bytes().filter(u8::is_ascii).map(i64::from).collect();
    let rows = (letters.len() - 1) / LENGTH;
    let tokens = |from: usize| Tensor::new([rows, LENGTH], &letters[from..from + rows * LENGTH]);
    Pairs::new(tokens(0), tokens(1)).unwrap()
}

#[test]
fn bf16_reaches_the_loss_of_full_precision() {
    let run = |precision: Precision| {
        let mut trainer =
            Trainer::new(Letters::new(), AdamW::new(1e-2)).epochs(30).rng(Rng::seed(1)).precision(precision);
        let loss =
            |model: &Letters, batch: &gradus_data::Batch<Tensor<i64>, Tensor<i64>>, cx: &mut Context<'_>| {
                model.loss(&batch.inputs, &batch.targets, cx)
            };
        trainer.fit(&mut Loader::new(windows(), 16, 2), loss).unwrap();
        let metrics = evaluate(trainer.model(), &mut Loader::new(windows(), 64, 2), loss).unwrap();
        (metrics.get("loss").unwrap(), trainer.step())
    };
    let ((full, steps), (half, _)) = (run(Precision::Full), run(Precision::Bf16));
    println!("after {steps} steps: {full:.4} in full precision, {half:.4} with bf16 products");
    // It has learnt something: what letters are frequent is worth 3.2.
    assert!(full < 2.9, "{full}");
    assert!(half != full && (half / full - 1.0).abs() < 0.01, "{half} beside {full}");
}
