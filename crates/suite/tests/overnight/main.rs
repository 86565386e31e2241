//! Trainings that are stopped, killed and hindered, as a night has it: whatever happens, a resumed run ends with the very bits of
//! one that ran through. In a short form here; `cargo xtask soak` runs the long one (`GRADUS_SOAK` says how many times longer).
#![allow(clippy::unwrap_used)] // tests may stop at the first surprise

mod faults;
mod kills;
mod models;
mod precision;
mod resume;
mod steady;

use std::path::Path;

use gradus_autodiff::Var;
use gradus_data::{Batch, DataError, Loader, Pairs, Source};
use gradus_losses::{Reduction, cross_entropy};
use gradus_module::{Context, Layer, State};
use gradus_optimizers::Optimize;
use gradus_tensor::{Rng, RngState, Tensor};
use gradus_train::{EpochRecord, Step, Trainer};

pub(crate) type Examples = Batch<Tensor<f32>, Tensor<i64>>;

/// How many times longer than usual.
pub(crate) fn soak() -> usize {
    std::env::var("GRADUS_SOAK").ok().and_then(|text| text.parse().ok()).unwrap_or(1)
}

/// 40 pictures of 8×8 of three classes, made noisy anew in each epoch, in batches of 6.
pub(crate) fn loader(threads: usize) -> Loader<impl Source<Inputs = Tensor<f32>, Targets = Tensor<i64>>> {
    pictures(40, threads)
}

pub(crate) fn pictures(
    count: usize,
    threads: usize,
) -> Loader<impl Source<Inputs = Tensor<f32>, Targets = Tensor<i64>>> {
    let mut rng = Rng::seed(11);
    let prototypes = Tensor::<f32>::normal([3, 64], 0.0, 1.0, &mut rng);
    let labels: Tensor<i64> = (0..count as i64).map(|i| i * i % 3).collect();
    let noise = Tensor::<f32>::normal([count, 64], 0.0, 0.3, &mut rng);
    let pictures = prototypes.index_select(0, &labels) + noise;
    let data = Pairs::new(pictures, labels).unwrap();
    let noisy = data.augment(5, |x, rng| x + Tensor::normal([64], 0.0, 0.05, rng));
    Loader::new(noisy, 6, 3).threads(threads)
}

/// One batch of all, for optimizers that want the same loss in each step.
pub(crate) fn whole() -> Loader<impl Source<Inputs = Tensor<f32>, Targets = Tensor<i64>>> {
    let all: Result<Vec<Examples>, DataError> = loader(0).collect();
    let all = all.unwrap();
    let inputs = Tensor::cat(&all.iter().map(|batch| &batch.inputs).collect::<Vec<_>>(), 0);
    let targets = Tensor::cat(&all.iter().map(|batch| &batch.targets).collect::<Vec<_>>(), 0);
    Loader::new(Pairs::new(inputs, targets).unwrap(), 40, 3)
}

pub(crate) fn loss<M: Layer>(model: &M, batch: &Examples, cx: &mut Context<'_>) -> Step {
    let logits = model.forward(&Var::from(&batch.inputs), cx);
    Step::new(cross_entropy(&logits, &batch.targets, Reduction::Mean)).accuracy(&logits, &batch.targets)
}

/// All that two runs must agree in, and nothing that hangs on the clock.
#[derive(Debug, PartialEq)]
pub(crate) struct Facts {
    model: Vec<(String, Vec<u64>)>,
    optimizer: Vec<(String, Vec<u64>)>,
    rng: RngState,
    step: u64,
    history: Vec<EpochRecord>,
}

pub(crate) fn bits(state: &State) -> Vec<(String, Vec<u64>)> {
    let numbers =
        |x: &gradus_tensor::AnyTensor| x.cast::<f64>().to_vec().into_iter().map(f64::to_bits).collect();
    let mut all: Vec<(String, Vec<u64>)> =
        state.iter().map(|(name, x)| (name.to_owned(), numbers(x))).collect();
    all.sort();
    all
}

pub(crate) fn facts<M: Layer, O: Optimize>(trainer: &Trainer<'_, M, O>) -> Facts {
    let without_clock = |record: &EpochRecord| EpochRecord { seconds: 0.0, ..record.clone() };
    Facts {
        model: bits(&trainer.model().state()),
        optimizer: bits(&trainer.optimizer().state()),
        rng: trainer.rng_state(),
        step: trainer.step(),
        history: trainer.history().epochs().iter().map(without_clock).collect(),
    }
}

pub(crate) fn checkpoint(folder: &Path) -> std::path::PathBuf {
    folder.join("checkpoint.safetensors")
}
