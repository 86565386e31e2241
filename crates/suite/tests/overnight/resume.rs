//! *20 epochs = 10 epochs + 10 resumed ones*, bit by bit, for each family of models under each kind of optimizer, with all that has a
//! memory: averages, accumulation, augmentation, bf16, loader threads, dropout, running statistics.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use gradus_module::Layer;
use gradus_optimizers::{Adam, Lbfgs, LineSearch, Lookahead, Optimize, Sam, Schedule, Sgd};
use gradus_tensor::{Precision, Rng, with_threads};
use gradus_train::{Averaging, Callback, Flow, Outcome, Run, StepRecord, TrainError, Trainer};

use crate::models::{Cnn, Gpt, Rows, perceptron};
use crate::{Facts, checkpoint, facts, loader, loss, whole};

/// Raises the stop flag after so many steps.
struct StopAt(u64, Arc<AtomicBool>);

impl Callback for StopAt {
    fn name(&self) -> &str {
        "stop_at"
    }
    fn on_step(&mut self, run: &Run<'_>, _: &StepRecord) -> Result<Flow, TrainError> {
        self.1.fetch_or(run.step == self.0, Relaxed);
        Ok(Flow::Continue)
    }
}

const EPOCHS: usize = 20;

fn trained<'a, M: Layer + 'a, O: Optimize>(
    model: M,
    optimizer: O,
    averaging: Option<Averaging>,
) -> Trainer<'a, M, O> {
    let trainer = Trainer::new(model, optimizer)
        .epochs(EPOCHS)
        .rng(Rng::seed(9))
        .accumulate(2)
        .precision(Precision::Bf16)
        .validate(loader(0), loss);
    match averaging {
        Some(averaging) => trainer.averaging(averaging),
        None => trainer,
    }
}

/// Runs through; then again, stopped at half and in the middle of an epoch, and resumed in fresh objects with other threads.
fn check<M: Layer + 'static, O: Optimize + 'static>(
    name: &str,
    make: impl Fn() -> (M, O),
    averaging: Option<Averaging>,
    full: bool,
) {
    let all = |threads: usize| {
        let mut loader = loader(threads);
        let mut whole = whole();
        move |trainer: &mut Trainer<'_, M, O>| match full {
            true => trainer.fit(&mut whole, loss).unwrap(),
            false => trainer.fit(&mut loader, loss).unwrap(),
        }
    };
    let start = || {
        let (model, optimizer) = make();
        trained(model, optimizer, averaging.clone())
    };
    let mut through = start();
    assert_eq!(all(3)(&mut through), Outcome::Completed, "{name}");
    let want: Facts = facts(&through);
    // 7 batches of 6 make 4 steps an epoch, the last of one batch; the whole makes one.
    let steps = if full { [10, 13] } else { [40, 54] };
    for stop in steps {
        let folder = tempfile::tempdir().unwrap();
        let path = checkpoint(folder.path());
        let flag = Arc::new(AtomicBool::new(false));
        let mut first =
            start().checkpoint(&path).stop_flag(Arc::clone(&flag)).callback(StopAt(stop, Arc::clone(&flag)));
        let stopped = with_threads(1, || all(1)(&mut first));
        assert!(matches!(stopped, Outcome::Stopped { .. }), "{name}: {stopped}");
        drop(first);
        let mut second = start().callback(StopAt(u64::MAX, flag));
        assert_eq!(second.resume(&path).unwrap().step, stop, "{name}");
        assert_eq!(with_threads(2, || all(2)(&mut second)), Outcome::Completed, "{name}");
        assert!(facts(&second) == want, "{name}: stopped after step {stop} and resumed, it is another run");
    }
}

fn adam() -> gradus_optimizers::Optimizer<gradus_optimizers::AdamRule> {
    Adam::new(3e-3).clip_global_norm(1.0).schedule(Schedule::cosine(80, 0.1))
}

fn sgd() -> gradus_optimizers::Optimizer<gradus_optimizers::SgdRule> {
    Sgd::new(0.02).momentum(0.9).schedule(Schedule::new(|step| 1.0 / (1.0 + step as f64)))
}

fn lbfgs() -> Lbfgs {
    Lbfgs::new(0.5).max_iterations(4).history_size(5)
}

fn ema() -> Option<Averaging> {
    Some(Averaging::exponential(0.9))
}

fn swa() -> Option<Averaging> {
    Some(Averaging::stochastic().from_epoch(8))
}

#[test]
fn a_perceptron() {
    check("Adam", || (perceptron(), adam()), ema(), false);
    check("SGD", || (perceptron(), sgd()), swa(), false);
    check("L-BFGS", || (perceptron(), lbfgs()), None, true);
    check("SAM", || (perceptron(), Sam::new(sgd())), ema(), false);
    check("Lookahead", || (perceptron(), Lookahead::new(adam())), None, false);
    let wolfe = || lbfgs().line_search(LineSearch::StrongWolfe);
    check("L-BFGS with a line search", || (perceptron(), wolfe()), ema(), true);
}

#[test]
fn a_cnn_with_batch_norm_and_dropout() {
    check("Adam", || (Cnn::new(), adam()), ema(), false);
    check("SGD", || (Cnn::new(), sgd()), swa(), false);
    check("L-BFGS", || (Cnn::new(), lbfgs()), ema(), true);
}

#[test]
fn an_lstm() {
    check("Adam", || (Rows::new(), adam()), ema(), false);
    check("SGD", || (Rows::new(), sgd()), ema(), false);
    check("L-BFGS", || (Rows::new(), lbfgs()), ema(), true);
}

#[test]
fn a_gpt_of_two_blocks() {
    check("Adam", || (Gpt::new(), adam()), ema(), false);
    check("SGD", || (Gpt::new(), sgd()), ema(), false);
    check("L-BFGS", || (Gpt::new(), lbfgs()), ema(), true);
}

/// Loader threads 0, 1, 2, 3, 8 and kernel threads 1, 2, 4 all train the same model.
#[test]
fn threads_never_show() {
    let run = |loads: usize, computes: usize| {
        let mut trainer = trained(Cnn::new(), adam(), ema()).epochs(3);
        with_threads(computes, || trainer.fit(&mut loader(loads), loss).unwrap());
        facts(&trainer)
    };
    let want = run(0, 1);
    for (loads, computes) in [(1, 2), (2, 4), (3, 1), (8, 2)] {
        assert!(run(loads, computes) == want, "{loads} loader threads, {computes} kernel threads");
    }
}
