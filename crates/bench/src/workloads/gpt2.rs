//! GPT-2 with 124 million random parameters (Radford et al. 2019): the logits behind a prompt, and
//! those of one token after another.

use gradus::prelude::*;

use super::transformer::{Form, Gpt, Size};
use crate::workload::{Entry, Failure, Repeat, Started, Work, Workload};

const SIZE: Size = Size {
    vocabulary: 50_257,
    context: 1024,
    width: 768,
    layers: 12,
    heads: 12,
    form: Form::Tanh,
    tied: true,
};

/// Tokens of the prompt, and most that follow it.
const PROMPT: usize = 128;

fn prompt(rng: &mut Rng) -> Tensor<i64> {
    Tensor::randint([1, PROMPT], 0, SIZE.vocabulary as i64, rng)
}

fn prefill() -> Started {
    let mut rng = Rng::seed(8);
    let (model, tokens) = (Gpt::new(SIZE, &mut rng)?, prompt(&mut rng));
    Repeat::start(Work::Step, move || no_grad(|| model.prefill(&tokens, &mut Context::inference())))
}

struct Decode {
    model: Gpt,
    caches: Vec<KeyValueCache>,
    token: Tensor<i64>,
}

impl Decode {
    fn start() -> Started {
        let mut rng = Rng::seed(8);
        let model = Gpt::new(SIZE, &mut rng)?;
        let mut caches = vec![KeyValueCache::with_capacity(2 * PROMPT); SIZE.layers];
        let tokens = prompt(&mut rng);
        let _ = no_grad(|| model.decode(&tokens, &mut caches, &mut Context::eval()));
        let token = tokens.narrow(1, 0, 1);
        Ok(Box::new(Self { model, caches, token }))
    }
}

impl Workload for Decode {
    fn prepare(&mut self) {
        if self.caches[0].len() == 2 * PROMPT {
            self.caches.iter_mut().for_each(|cache| cache.truncate(PROMPT));
        }
    }

    fn run(&mut self) -> Result<(), Failure> {
        std::hint::black_box(no_grad(|| {
            self.model.decode(&self.token, &mut self.caches, &mut Context::eval())
        }));
        Ok(())
    }
}

pub(super) const ENTRIES: &[Entry] =
    &[Entry { name: "gpt2_prefill", start: prefill }, Entry { name: "gpt2_decode", start: Decode::start }];
