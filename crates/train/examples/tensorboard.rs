//! A small training for TensorBoard, stopped in the middle and gone on with:
//! `cargo run -p gradus-train --example tensorboard -- FOLDER`, then `tensorboard --logdir FOLDER/events`.
//! `tests/reference/read_events.py FOLDER` compares what TensorBoard's reader finds with what was measured.

use std::error::Error;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use gradus_autodiff::Var;
use gradus_data::{Batch, Loader, Pairs};
use gradus_module::{Context, Module, Param};
use gradus_optimizers::{Adam, Schedule};
use gradus_tensor::{Rng, Tensor};
use gradus_train::report::Picture;
use gradus_train::tensorboard::TensorBoard;
use gradus_train::{
    Callback, EpochRecord, Flow, MetricsFile, Run, Step, StepRecord, StepsFile, TrainError, Trainer,
};

#[derive(Module)]
struct Linear {
    weight: Param,
    bias: Param,
}

impl Linear {
    fn new(inputs: usize, outputs: usize, rng: &mut Rng) -> Self {
        let weight = Param::new(Tensor::normal([inputs, outputs], 0.0, 0.5, rng));
        Self { weight, bias: Param::new(Tensor::zeros([outputs])) }
    }

    fn forward(&self, x: &Var) -> Var {
        x.matmul(&self.weight) + &*self.bias
    }
}

#[derive(Module)]
struct Net {
    hidden: Linear,
    output: Linear,
}

fn loss(model: &Net, batch: &Batch<Tensor, Tensor>, _: &mut Context<'_>) -> Step {
    let hidden = model.hidden.forward(&(&batch.inputs).into()).tanh();
    let error = model.output.forward(&hidden) - Var::from(&batch.targets);
    let far = error.value().abs().max_axes(&[], false).item();
    Step::new(error.square().mean()).metric("largest_error", f64::from(far))
}

/// A power cut: raises the flag after a step, and then lets the run go on as if nobody had looked.
struct StopAt(u64, Arc<AtomicBool>);

impl Callback for StopAt {
    fn name(&self) -> &str {
        "stop_at"
    }
    fn on_step(&mut self, run: &Run<'_>, _: &StepRecord) -> Result<Flow, TrainError> {
        self.1.store(run.step == self.0, Relaxed);
        Ok(Flow::Continue)
    }
    fn on_epoch(&mut self, _: &Run<'_>, _: &EpochRecord) -> Result<Flow, TrainError> {
        Ok(Flow::Continue)
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let folder = PathBuf::from(std::env::args().nth(1).unwrap_or_else(|| "board".to_owned()));
    std::fs::create_dir_all(&folder)?;
    let x = Tensor::<f32>::uniform([60, 4], -1.0, 1.0, &mut Rng::seed(1));
    let data = Pairs::new(x.clone(), x.sum_axes(&[1], true).square())?;
    let stop = Arc::new(AtomicBool::new(false));
    let checkpoint = folder.join("checkpoint.safetensors");
    let trainer = |board: TensorBoard, stop_at: u64| {
        let mut rng = Rng::seed(2);
        let model = Net { hidden: Linear::new(4, 8, &mut rng), output: Linear::new(8, 1, &mut rng) };
        Trainer::new(model, Adam::new(0.05).schedule(Schedule::cosine(36, 0.0)))
            .epochs(6)
            .validate(Loader::new(data.clone(), 20, 0), loss)
            .callback(board.histograms_every(5))
            .callback(MetricsFile::new(folder.join("metrics.jsonl")))
            .callback(StepsFile::new(folder.join("steps.jsonl")))
            .callback(StopAt(stop_at, Arc::clone(&stop)))
            .stop_flag(Arc::clone(&stop))
            .checkpoint(&checkpoint)
            .checkpoint_every(if stop_at > 0 { 7 } else { 0 })
    };
    let mut loader = Loader::new(data.clone(), 10, 7);

    // The first part reaches step 20 but what lies on disk is kept as of step 14: as if the power had failed there.
    let board = TensorBoard::new(folder.join("events"));
    board.events().hparams(
        &[("learning_rate", 0.05.into()), ("optimizer", "adam".into())],
        &["epoch/validation_loss"],
    )?;
    let kept = folder.join("kept.safetensors");
    trainer(board.clone(), 14).fit(&mut loader, loss)?;
    std::fs::copy(&checkpoint, &kept)?;
    let mut lost = trainer(board, 20);
    lost.resume(&kept)?;
    lost.fit(&mut loader, loss)?;

    let board = TensorBoard::new(folder.join("events"));
    let events = board.events().clone();
    let mut second = trainer(board, 0);
    second.resume(&kept)?;
    second.fit(&mut loader, loss)?;
    let weights = second.model().hidden.weight.value();
    events.image("weights as a picture", &Picture::of(&(weights * 0.25 + 0.5), ""), second.step())?;
    events.text("note", "stopped once, **went on**", second.step())?;
    println!("{}", folder.display());
    Ok(())
}
