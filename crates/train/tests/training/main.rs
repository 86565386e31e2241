//! The trainer end to end, above all: a run that was stopped and resumed in fresh objects is, bit for bit, the run that
//! was not.

#![allow(clippy::unwrap_used)] // helpers outside #[test] are test code too

mod more;
mod tuning;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use gradus_autodiff::Var;
use gradus_data::{Batch, Loader, Pairs};
use gradus_module::{Context, Module, Param, State};
use gradus_optimizers::{Adam, AdamRule, Optimizer, Schedule};
use gradus_tensor::{Rng, RngState, Tensor};
use gradus_train::{
    BestCheckpoint, Callback, EarlyStopping, EpochRecord, Flow, Goal, History, MetricsFile, Outcome, Run,
    Step, StepRecord, TrainError, Trainer, evaluate,
};

type Pair = Batch<Tensor<f32>, Tensor<f32>>;

#[derive(Module)]
struct Net {
    hidden: Param,
    output: Param,
}

impl Net {
    fn new(width: usize) -> Self {
        let mut rng = Rng::seed(3);
        Self {
            hidden: Param::new(Tensor::normal([4, width], 0.0, 0.5, &mut rng)),
            output: Param::new(Tensor::normal([width, 1], 0.0, 0.5, &mut rng)),
        }
    }

    /// With a dropout, written out.
    fn forward(&self, x: &Var, cx: &mut Context<'_>) -> Var {
        let mut h = x.matmul(&self.hidden).tanh();
        if let Some(rng) = cx.rng() {
            let keep = Tensor::bernoulli(*h.shape(), 0.8, rng).cast::<f32>() / 0.8;
            h = h * Var::constant(keep);
        }
        h.matmul(&self.output)
    }
}

/// 7 batches, the last of them smaller.
fn loader(seed: u64) -> Loader<Pairs<f32, f32>> {
    let x = Tensor::<f32>::uniform([50, 4], -1.0, 1.0, &mut Rng::seed(seed));
    let y = x.sum_axes(&[1], true);
    Loader::new(Pairs::new(x, y).unwrap(), 8, 11)
}

fn loss(model: &Net, batch: &Pair, cx: &mut Context<'_>) -> Step {
    let error = model.forward(&(&batch.inputs).into(), cx) - Var::from(&batch.targets);
    let far = error.value().map(|e| e.abs()).mean().item();
    Step::new(error.square().mean()).metric("far", f64::from(far))
}

type Net3<'a> = Trainer<'a, Net, Optimizer<AdamRule>>;

fn trainer<'a>(epochs: usize, folder: &Path) -> Net3<'a> {
    let schedule = Schedule::new(|step| 1.0 / (1.0 + 0.05 * step as f64));
    Trainer::new(Net::new(16), Adam::new(0.01).clip_global_norm(1.0).schedule(schedule))
        .epochs(epochs)
        .rng(Rng::seed(5).fork(1))
        .validate(loader(2), loss)
        .callback(EarlyStopping::new("validation_loss", Goal::Min).patience(100))
        .callback(BestCheckpoint::new(folder.join("best.safetensors"), "validation_loss", Goal::Min))
        .callback(MetricsFile::new(folder.join("metrics.jsonl")))
        .checkpoint(folder.join("checkpoint.safetensors"))
}

/// All that must be equal, and nothing that hangs on the clock.
#[derive(Debug, PartialEq)]
struct Facts {
    model: Vec<(String, Vec<u64>)>,
    optimizer: Vec<(String, Vec<u64>)>,
    rng: RngState,
    step: u64,
    history: Vec<EpochRecord>,
}

fn bits(state: &State) -> Vec<(String, Vec<u64>)> {
    let bits = |x: f64| x.to_bits();
    let mut out: Vec<_> = state
        .iter()
        .map(|(name, x)| (name.to_owned(), x.cast::<f64>().to_vec().into_iter().map(bits).collect()))
        .collect();
    out.sort();
    out
}

fn facts(trainer: &Net3<'_>) -> Facts {
    let without_clock = |record: &EpochRecord| EpochRecord { seconds: 0.0, ..record.clone() };
    Facts {
        model: bits(&trainer.model().state()),
        optimizer: bits(&trainer.optimizer().state()),
        rng: trainer.rng_state(),
        step: trainer.step(),
        history: trainer.history().epochs().iter().map(without_clock).collect(),
    }
}

/// Raises the stop flag after so many steps.
struct StopAt(u64, Arc<AtomicBool>);

impl Callback for StopAt {
    fn name(&self) -> &str {
        "stop_at"
    }
    fn on_step(&mut self, run: &Run<'_>, _: &StepRecord) -> Result<Flow, TrainError> {
        if run.step == self.0 {
            self.1.store(true, Relaxed);
        }
        Ok(Flow::Continue)
    }
}

#[test]
fn stopped_and_resumed_anywhere_is_bitwise_the_run_that_was_not() {
    let folder = tempfile::tempdir().unwrap();
    let mut whole = trainer(4, folder.path());
    assert_eq!(whole.fit(&mut loader(1), loss).unwrap(), Outcome::Completed);
    let want = facts(&whole);
    assert_eq!(want.step, 28);
    let strip = |text: String| -> Vec<String> {
        text.lines().map(|line| line.split(",\"seconds\"").next().unwrap().to_owned()).collect()
    };
    let want_lines = strip(std::fs::read_to_string(folder.path().join("metrics.jsonl")).unwrap());
    let want_best = std::fs::read(folder.path().join("best.safetensors")).unwrap();
    for stop in [1, 5, 7, 10, 14, 27, 28] {
        let folder = tempfile::tempdir().unwrap();
        let flag = Arc::new(AtomicBool::new(false));
        let mut first = trainer(4, folder.path()).stop_flag(flag.clone()).callback(StopAt(stop, flag));
        let outcome = first.fit(&mut loader(1), loss).unwrap();
        let checkpoint = folder.path().join("checkpoint.safetensors");
        assert_eq!(outcome, Outcome::Stopped { checkpoint: Some(checkpoint.clone()) });
        assert_eq!(first.step(), stop);
        drop(first);
        let mut second = trainer(4, folder.path());
        let resumed = second.resume(&checkpoint).unwrap();
        assert_eq!((resumed.step, resumed.warning), (stop, None));
        assert_eq!(second.fit(&mut loader(1), loss).unwrap(), Outcome::Completed);
        assert_eq!(facts(&second), want, "stopped after step {stop}");
        let lines = strip(std::fs::read_to_string(folder.path().join("metrics.jsonl")).unwrap());
        assert_eq!(lines, want_lines);
        assert_eq!(std::fs::read(folder.path().join("best.safetensors")).unwrap(), want_best);
    }
}

#[test]
fn twenty_epochs_are_ten_and_ten() {
    let folder = tempfile::tempdir().unwrap();
    let mut whole = trainer(20, folder.path());
    whole.fit(&mut loader(1), loss).unwrap();
    let other = tempfile::tempdir().unwrap();
    trainer(10, other.path()).fit(&mut loader(1), loss).unwrap();
    let mut rest = trainer(20, other.path());
    rest.resume(other.path().join("checkpoint.safetensors")).unwrap();
    rest.fit(&mut loader(1), loss).unwrap();
    assert_eq!(facts(&rest), facts(&whole));
    // Without the random numbers' place the result would differ: the test above is able to fail.
    let mut careless = trainer(20, other.path()).rng(Rng::seed(6));
    careless.fit(&mut loader(1), loss).unwrap();
    assert_ne!(facts(&careless).model, facts(&whole).model);
}

#[test]
fn a_torn_checkpoint_gives_way_to_the_previous_and_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("checkpoint.safetensors");
    let mut whole = trainer(3, folder.path());
    whole.fit(&mut loader(1), loss).unwrap();
    let mut bytes = std::fs::read(&path).unwrap();
    *bytes.last_mut().unwrap() ^= 0x40;
    std::fs::write(&path, &bytes).unwrap();
    let mut again = trainer(3, folder.path());
    let resumed = again.resume(&path).unwrap();
    assert_eq!((resumed.epoch, resumed.path), (2, folder.path().join("checkpoint.previous.safetensors")));
    assert!(resumed.warning.unwrap().contains("checkpoint.safetensors: is damaged, its checksum is wrong"));
    again.fit(&mut loader(1), loss).unwrap();
    assert_eq!(facts(&again), facts(&whole));
    std::fs::write(&path, b"").unwrap();
    std::fs::write(folder.path().join("checkpoint.previous.safetensors"), b"").unwrap();
    assert!(trainer(3, folder.path()).resume(&path).is_err());
}

#[test]
fn a_checkpoint_of_another_model_names_all_that_differs_and_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    trainer(1, folder.path()).fit(&mut loader(1), loss).unwrap();
    let mut other = Trainer::new(Net::new(5), Adam::new(0.5));
    let before = facts(&other);
    let error = other.resume(folder.path().join("checkpoint.safetensors")).unwrap_err().to_string();
    for part in ["checkpoint.safetensors", "hidden", "[4, 5]", "[4, 16]", "output", "[16, 1]"] {
        assert!(error.contains(part), "{part} in {error}");
    }
    assert_eq!(facts(&other), before);
}

#[test]
fn other_data_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    trainer(1, folder.path()).fit(&mut loader(1), loss).unwrap();
    let mut second = trainer(2, folder.path());
    second.resume(folder.path().join("checkpoint.safetensors")).unwrap();
    let x = Tensor::<f32>::zeros([9, 4]);
    let mut short = Loader::new(Pairs::new(x.clone(), x.sum_axes(&[1], true)).unwrap(), 8, 11);
    let error = second.fit(&mut short, loss).unwrap_err().to_string();
    assert!(error.contains("7 batches per epoch and this loader has 2"), "{error}");
}

#[test]
fn training_lowers_the_loss_and_history_tells_it() {
    let mut trainer = Trainer::new(Net::new(16), Adam::new(0.01)).epochs(30).validate(loader(2), loss);
    let before = evaluate(trainer.model(), &mut loader(2), loss).unwrap().get("loss").unwrap();
    trainer.fit(&mut loader(1), loss).unwrap();
    let after = evaluate(trainer.model(), &mut loader(2), loss).unwrap().get("loss").unwrap();
    assert!(after < 0.3 * before, "{before} → {after}");
    let last = trainer.history().last().unwrap();
    assert_eq!((last.epoch, last.step), (30, 210));
    assert_eq!(last.metrics.get("validation_loss"), Some(after));
    let names: Vec<&str> = last.metrics.iter().map(|(name, _)| name).collect();
    let want =
        ["train_loss", "train_far", "validation_loss", "validation_far", "learning_rate", "gradient_norm"];
    assert_eq!(names, want);
}

#[test]
fn epoch_means_weigh_examples_evenly() {
    // A model that learns nothing: the mean over 7 uneven batches is the mean over all 50 examples.
    let mut trainer = Trainer::new(Net::new(4), Adam::new(0.0));
    let plain = |model: &Net, batch: &Pair, _: &mut Context<'_>| loss(model, batch, &mut Context::eval());
    trainer.fit(&mut loader(1), plain).unwrap();
    let x = Tensor::<f32>::uniform([50, 4], -1.0, 1.0, &mut Rng::seed(1));
    let error =
        trainer.model().forward(&(&x).into(), &mut Context::eval()) - Var::from(x.sum_axes(&[1], true));
    let want = error.square().mean().item();
    let have = trainer.history().last().unwrap().metrics.get("train_loss").unwrap();
    assert!((have - want).abs() < 1e-5 * want, "{have} ≠ {want}");
}

#[test]
fn a_loss_that_is_not_finite_ends_the_run_before_the_step() {
    let mut trainer = Trainer::new(Net::new(4), Adam::new(0.01));
    let mut steps = 0;
    let result = trainer.fit(&mut loader(1), |model, batch, cx| {
        steps += 1;
        let factor = if steps == 3 { f64::NAN } else { 1.0 };
        loss(model, batch, cx).loss() * factor
    });
    match result.unwrap_err() {
        TrainError::LossNotFinite { loss, fault } => {
            assert!(loss.is_nan());
            assert_eq!((fault.step, fault.epoch, fault.indices.len()), (3, 1, 8));
        }
        other => panic!("{other}"),
    }
    assert_eq!(trainer.step(), 2);
    let entries = trainer.model().state();
    assert!(entries.iter().all(|(_, x)| x.cast::<f32>().to_vec().iter().all(|v| v.is_finite())));
}

#[test]
fn early_stopping_stops_and_stays_stopped() {
    let folder = tempfile::tempdir().unwrap();
    let make = || {
        Trainer::new(Net::new(4), Adam::new(0.0))
            .epochs(50)
            .evaluate_with(|_, _| gradus_train::metrics::Metrics::new().with("score", 1.0))
            .callback(EarlyStopping::new("validation_score", Goal::Max).patience(3))
            .checkpoint(folder.path().join("c.safetensors"))
    };
    let mut trainer = make();
    let outcome = trainer.fit(&mut loader(1), loss).unwrap();
    assert_eq!(trainer.history().epochs().len(), 4);
    let text = outcome.to_string();
    assert_eq!(text, "stopped early: validation_score has not been better than 1 for 3 epochs");
    let mut again = make();
    again.resume(folder.path().join("c.safetensors")).unwrap();
    assert_eq!(again.fit(&mut loader(1), loss).unwrap(), outcome);
    assert_eq!(again.step(), trainer.step());
}

#[test]
fn patience_survives_a_resume() {
    let folder = tempfile::tempdir().unwrap();
    let make = |epochs| {
        Trainer::new(Net::new(4), Adam::new(0.0))
            .epochs(epochs)
            .evaluate_with(|_, _| gradus_train::metrics::Metrics::new().with("score", 1.0))
            .callback(EarlyStopping::new("validation_score", Goal::Max).patience(3))
            .checkpoint(folder.path().join("c.safetensors"))
    };
    make(3).fit(&mut loader(1), loss).unwrap();
    let mut rest = make(50);
    rest.resume(folder.path().join("c.safetensors")).unwrap();
    rest.fit(&mut loader(1), loss).unwrap();
    assert_eq!(rest.history().epochs().len(), 4);
}

#[test]
fn the_best_checkpoint_holds_the_best_epochs_model() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("best.safetensors");
    let mut epoch = 0;
    let mut seen: Vec<Vec<(String, Vec<u64>)>> = Vec::new();
    let mut best = BestCheckpoint::new(&path, "validation_score", Goal::Max);
    let mut trainer = Trainer::new(Net::new(4), Adam::new(0.01))
        .epochs(4)
        .evaluate_with(|model, cx| {
            assert!(!cx.is_training());
            seen.push(bits(&model.state()));
            epoch += 1;
            gradus_train::metrics::Metrics::new().with("score", [1.0, 3.0, 2.0, 3.0][epoch - 1])
        })
        .callback(&mut best);
    trainer.fit(&mut loader(1), loss).unwrap();
    assert_eq!(trainer.history().best("validation_score", Goal::Max).unwrap().epoch, 2);
    drop(trainer);
    assert_eq!(best.best(), Some((3.0, 2)));
    let (state, metadata) = gradus_io::load_state(&path).unwrap();
    assert_eq!(bits(&state), seen[1]);
    assert_eq!(metadata["epoch"], "2");
}

#[test]
fn an_unknown_metric_is_named_with_those_there_are() {
    let mut trainer =
        Trainer::new(Net::new(4), Adam::new(0.01)).callback(EarlyStopping::new("validation_los", Goal::Min));
    let error = trainer.fit(&mut loader(1), loss).unwrap_err().to_string();
    let want = "early stopping watches \"validation_los\", which is not measured; there is train_loss, train_far, \
                learning_rate, gradient_norm";
    assert_eq!(error, want);
}

#[test]
fn checkpoints_come_every_so_many_steps() {
    let folder = tempfile::tempdir().unwrap();
    struct Count(Vec<u64>);
    impl Callback for Count {
        fn name(&self) -> &str {
            "count"
        }
        fn on_checkpoint(&mut self, run: &Run<'_>, path: &Path) -> Result<(), TrainError> {
            assert!(path.exists());
            self.0.push(run.step);
            Ok(())
        }
    }
    let mut count = Count(Vec::new());
    let mut trainer = trainer(2, folder.path()).checkpoint_every(3).callback(&mut count);
    trainer.fit(&mut loader(1), loss).unwrap();
    drop(trainer);
    assert_eq!(count.0, [3, 6, 7, 9, 12, 14]);
}

#[test]
fn the_rate_told_is_that_of_the_epochs_last_step() {
    for (every, want) in [(1, [0.5_f64.powi(6), 0.5_f64.powi(13)]), (7, [1.0, 0.5])] {
        let optimizer = Adam::new(1e-3).schedule(Schedule::exponential(0.5).every(every));
        let mut trainer = Trainer::new(Net::new(4), optimizer).epochs(2);
        trainer.fit(&mut loader(1), loss).unwrap();
        let rates: Vec<f64> =
            trainer.history().curve("learning_rate").iter().map(|(_, r)| r / 1e-3).collect();
        assert!(rates.iter().zip(want).all(|(have, want)| (have / want - 1.0).abs() < 1e-12), "{rates:?}");
    }
}

#[test]
fn a_gradient_that_is_not_finite_ends_the_run() {
    let mut trainer = Trainer::new(Net::new(4), Adam::new(0.01));
    // √x at 0: the value is finite, the slope is not.
    let steep =
        |model: &Net, batch: &Pair, cx: &mut Context<'_>| (loss(model, batch, cx).loss() * 0.0).sqrt();
    let error = trainer.fit(&mut loader(1), steep).unwrap_err();
    assert!(matches!(error, TrainError::GradientNotFinite { .. }), "{error}");
    assert!(error.to_string().contains("first backward: sqrt: infinity in the cotangent"), "{error}");
    assert_eq!(bits(&trainer.model().state()), bits(&Net::new(4).state()));
}

#[test]
fn a_metrics_file_is_a_history() {
    let folder = tempfile::tempdir().unwrap();
    let mut trainer = trainer(3, folder.path());
    trainer.fit(&mut loader(1), loss).unwrap();
    let read = History::read_jsonl(folder.path().join("metrics.jsonl")).unwrap();
    assert_eq!(read.curve("validation_loss"), trainer.history().curve("validation_loss"));
    assert_eq!(read.epochs().len(), 3);
}
