//! Accumulation, averages, plateaus, optimizers of several evaluations, and what is told when something goes wrong.

use std::sync::{Arc, Mutex};

use gradus_autodiff::{Cotangents, Op, Save, Saved, Update, Var, apply};
use gradus_data::{Loader, Pairs};
use gradus_module::{Buffer, Context, Module, Param};
use gradus_optimizers::{Adam, Average, GradientDescent, Lbfgs, LineSearch, ReduceOnPlateau, Sam, Sgd};
use gradus_tensor::{Precision, Rng, Tensor};
use gradus_train::{
    Averaging, BatchStream, Callback, Outcome, Run, StepRecord, TrainError, Trainer, Warning,
};

use crate::{Net, Pair, bits, loader, loss};

/// Without random numbers.
fn plain(model: &Net, batch: &Pair, _: &mut Context<'_>) -> Var {
    let error = model.forward(&(&batch.inputs).into(), &mut Context::eval()) - Var::from(&batch.targets);
    error.square().mean()
}

/// The batches that are left of an epoch.
fn epoch(loader: &mut Loader<Pairs<f32, f32>>) -> Vec<Pair> {
    std::iter::from_fn(|| BatchStream::next_batch(loader).unwrap()).collect()
}

fn values(model: &Net) -> Vec<f64> {
    model.state().iter().flat_map(|(_, x)| x.cast::<f64>().to_vec()).collect()
}

fn near(a: &[f64], b: &[f64]) -> bool {
    a.iter().zip(b).all(|(a, b)| (a - b).abs() <= 1e-5 * (1.0 + b.abs()))
}

#[test]
fn accumulated_batches_make_the_step_of_their_union() {
    let data = || loader(1).source().clone();
    let mut large = Trainer::new(Net::new(8), GradientDescent::new(0.05)).epochs(3);
    large.fit(&mut Loader::new(data(), 20, 4).in_order(), plain).unwrap();
    // 50 examples: 20, 20, 10; in small ones 8 + 8 + 4 and so on would not be cut alike, 5 · 4 is.
    let mut small = Trainer::new(Net::new(8), GradientDescent::new(0.05)).epochs(3).accumulate(4);
    small.fit(&mut Loader::new(data(), 5, 4).in_order(), plain).unwrap();
    assert_eq!((large.step(), small.step()), (9, 9));
    assert!(near(&values(small.model()), &values(large.model())));
    let loss = |t: &Trainer<'_, Net, _>| t.history().last().unwrap().metrics.get("train_loss").unwrap();
    assert!((loss(&small) - loss(&large)).abs() < 1e-6);
}

#[test]
fn another_accumulation_is_refused_on_resume() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("c.safetensors");
    let make = |batches| Trainer::new(Net::new(4), Adam::new(0.01)).accumulate(batches).checkpoint(&path);
    make(2).fit(&mut loader(1), loss).unwrap();
    let mut other = make(3).epochs(2);
    other.resume(&path).unwrap();
    let error = other.fit(&mut loader(1), loss).unwrap_err().to_string();
    assert!(error.starts_with("the run began with 2 batches a step and this trainer takes 3"), "{error}");
}

#[test]
fn the_exponential_average_is_what_averaging_by_hand_gives() {
    let mut by_hand = Average::exponential(0.9);
    let mut model = Net::new(8);
    let mut optimizer = GradientDescent::new(0.05);
    for _ in 0..2 {
        for batch in epoch(&mut loader(1).in_order()) {
            let gradients = plain(&model, &batch, &mut Context::eval()).backward();
            optimizer.step(&mut model, &gradients).unwrap();
            by_hand.update(&model).unwrap();
        }
    }
    let seen = Mutex::new(Vec::new());
    let mut trainer = Trainer::new(Net::new(8), GradientDescent::new(0.05))
        .epochs(2)
        .averaging(Averaging::exponential(0.9))
        .evaluate_with(|model: &Net, _| {
            seen.lock().unwrap().push(values(model));
            gradus_train::metrics::Metrics::new()
        });
    trainer.fit(&mut loader(1).in_order(), plain).unwrap();
    by_hand.swap(&mut model).unwrap();
    assert_eq!(values(trainer.model()), values(&model));
    drop(trainer);
    assert_eq!(seen.into_inner().unwrap().pop().unwrap(), values(&model));
}

/// A weight, and a running mean of what comes in times the weight, as a batch norm keeps one.
#[derive(Module)]
struct Running {
    weight: Param,
    mean: Buffer,
}

impl Running {
    fn loss(&self, batch: &Pair, cx: &mut Context<'_>) -> Var {
        let y = &*self.weight * &(&batch.inputs).into();
        let value = y.value().mean().reshape([1]);
        let update = Update::Average { target: self.mean.id(), value, momentum: 0.5 };
        let y = match cx.is_training() {
            true => apply(Observe(vec![update]), &[&y]),
            false => y - &Var::constant(self.mean.value().clone()),
        };
        (y - Var::from(&batch.targets)).square().mean()
    }
}

/// The identity, which carries an update of a running mean along.
struct Observe(Vec<Update<f32>>);

impl Op<f32> for Observe {
    fn name(&self) -> &'static str {
        "observe"
    }
    fn saves(&self) -> Save {
        Save::NOTHING
    }
    fn forward(&mut self, inputs: &[&Tensor]) -> Tensor {
        inputs[0].clone()
    }
    fn vjp(&self, _: &Saved<Var>, g: &Var) -> Cotangents<Var> {
        vec![Some(g.clone())]
    }
    fn updates(&self) -> &[Update<f32>] {
        &self.0
    }
}

#[test]
fn stochastic_averages_find_their_own_statistics_and_give_back_those_of_training() {
    let make = || Running { weight: Param::new([2.0_f32]), mean: Buffer::new([0.0_f32]) };
    let mut trainer =
        Trainer::new(make(), Sgd::new(0.1)).epochs(3).averaging(Averaging::stochastic().from_epoch(2));
    trainer.fit(&mut loader(1), Running::loss).unwrap();
    // The mean over all batches of each batch's mean, by the averaged weight.
    let weight = trainer.model().weight.item();
    let mut means = Vec::new();
    for batch in epoch(&mut loader(1)) {
        means.push(f64::from(batch.inputs.mean().item()) * weight);
    }
    // Another epoch's batches are other batches; the loader starts from epoch 0 in both.
    let want = means.iter().sum::<f64>() / means.len() as f64;
    let have = f64::from(trainer.model().mean.value().item());
    assert!((have - want).abs() < 1e-6, "{have} ≠ {want}");
    // Going on from a checkpoint of the middle is the same run.
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("c.safetensors");
    let swa = || {
        let averaging = Averaging::stochastic().from_epoch(2);
        Trainer::new(make(), Sgd::new(0.1)).averaging(averaging).checkpoint(&path)
    };
    swa().epochs(2).fit(&mut loader(1), Running::loss).unwrap();
    let mut rest = swa().epochs(3);
    rest.resume(&path).unwrap();
    rest.fit(&mut loader(1), Running::loss).unwrap();
    assert_eq!(bits(&rest.model().state()), bits(&trainer.model().state()));
}

#[test]
fn optimizers_of_several_evaluations_see_the_same_random_numbers_in_each() {
    // L-BFGS with a dropout: only if it drops the same units in each evaluation does the line search find a lower loss.
    let optimizer = Lbfgs::new(1.0).line_search(LineSearch::StrongWolfe).max_iterations(10);
    let mut trainer = Trainer::new(Net::new(8), optimizer).epochs(4).rng(Rng::seed(1));
    let data = loader(1).source().clone();
    trainer.fit(&mut Loader::new(data, 50, 1), loss).unwrap();
    let losses = trainer.history().curve("train_loss");
    assert!(losses[3].1 < 0.5 * losses[0].1, "{losses:?}");
    let mut sam = Trainer::new(Net::new(8), Sam::new(Sgd::new(0.05))).epochs(4);
    sam.fit(&mut loader(1), plain).unwrap();
    let mut model = Net::new(8);
    let mut by_hand = Sam::new(Sgd::new(0.05));
    let mut batches = loader(1);
    for _ in 0..4 {
        for batch in epoch(&mut batches) {
            by_hand.step(&mut model, |model: &Net| plain(model, &batch, &mut Context::eval())).unwrap();
        }
    }
    assert_eq!(values(sam.model()), values(&model));
}

#[test]
fn a_plateau_is_resumed_where_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("c.safetensors");
    let make = |epochs| {
        let plateau = ReduceOnPlateau::new().factor(0.5).patience(1);
        // Nothing moves: each epoch but the first is bad.
        Trainer::new(Net::new(4), GradientDescent::new(1e-12))
            .epochs(epochs)
            .reduce_on_plateau(plateau.eps(0.0), "train_loss")
            .checkpoint(&path)
    };
    make(2).fit(&mut loader(1), plain).unwrap();
    let mut rest = make(5);
    rest.resume(&path).unwrap();
    rest.fit(&mut loader(1), plain).unwrap();
    // Bad in epochs 2 and 3: halved; in 4 and 5: halved again.
    assert_eq!(rest.optimizer().learning_rate(), 0.25e-12);
    let mut unknown = make(1).reduce_on_plateau(ReduceOnPlateau::new(), "validation_loss");
    let error = unknown.fit(&mut loader(1), plain).unwrap_err();
    assert!(matches!(error, TrainError::UnknownMetric { .. }), "{error}");
}

#[test]
fn a_loss_that_is_not_a_number_is_traced_to_its_operation_and_layer() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("c.safetensors");
    let mut trainer =
        Trainer::new(Net::new(4), Adam::new(0.01)).checkpoint(&path).checkpoint_every(2).epochs(2);
    let mut steps = 0;
    let error = trainer.fit(&mut loader(1), |model: &Net, batch: &Pair, cx: &mut Context<'_>| {
        steps += 1;
        let y = model.forward(&(&batch.inputs).into(), cx);
        // From the sixth step on, also when it is done again.
        let y = if steps > 5 { (y.square() * -1.0 - 1.0).ln() } else { y };
        (y - Var::from(&batch.targets)).square().mean()
    });
    let text = error.unwrap_err().to_string();
    let want = "the loss is NaN at step 6 (epoch 1), for the examples ";
    assert!(text.starts_with(want), "{text}");
    for part in
        ["; first ln: NaN in its value [8, 1] at [0, 0]", "called at ", "more.rs", "c.safetensors; lower"]
    {
        assert!(text.contains(part), "{part} is missing in: {text}");
    }
    assert!(text.contains("the nearest parameter is output"), "{text}");
}

/// Notes what it is told.
#[derive(Clone, Default)]
struct Notes(Arc<Mutex<Vec<String>>>, Arc<Mutex<Vec<usize>>>);

impl Callback for Notes {
    fn name(&self) -> &str {
        "notes"
    }
    fn wants_gradients(&self, step: u64) -> bool {
        step == 2
    }
    fn on_step(&mut self, run: &Run<'_>, _: &StepRecord) -> Result<gradus_train::Flow, TrainError> {
        self.1.lock().unwrap().push(run.gradient_norms().len());
        Ok(gradus_train::Flow::Continue)
    }
    fn on_warning(&mut self, _: &Run<'_>, warning: &Warning) {
        self.0.lock().unwrap().push(warning.to_string());
    }
}

/// A hidden layer whose ReLU is dead for one of its two units, and a parameter that nobody uses.
#[derive(Module)]
struct Dead {
    weight: Param,
    bias: Param,
    spare: Param,
}

#[test]
fn what_looks_wrong_is_told_once() {
    let model = Dead {
        weight: Param::new([1.0_f32, 1.0]),
        bias: Param::new([0.5_f32, -50.0]),
        spare: Param::new([1.0_f32]),
    };
    let notes = Notes::default();
    let x = Tensor::<f32>::uniform([30, 1], 0.0, 1.0, &mut Rng::seed(1));
    let mut loader = Loader::new(Pairs::new(x.clone(), x).unwrap(), 3, 1);
    let mut trainer = Trainer::new(model, Sgd::new(1e-9)).epochs(3).hint_after(10).callback(notes.clone());
    let outcome = trainer.fit(&mut loader, |model, batch, _| {
        let h = (Var::from(&batch.inputs) * &*model.weight + &*model.bias).relu();
        (h.sum_axes(&[1], true) - Var::from(&batch.targets)).square().mean()
    });
    assert_eq!(outcome.unwrap(), Outcome::Completed);
    let told = notes.0.lock().unwrap();
    assert_eq!(told.len(), 3, "{told:?}");
    assert!(told[0].starts_with("the loss does not depend on spare;"), "{told:?}");
    assert!(told[1].starts_with("1 of the 2 units of bias had no gradient in 10 steps"), "{told:?}");
    assert!(told[2].starts_with("the loss has not fallen in 10 steps: "), "{told:?}");
    assert_eq!(trainer.warnings().len(), 3);
    // Gradients are there in the step that was asked for, of the parameters that have one.
    assert_eq!(notes.1.lock().unwrap()[..4], [0, 2, 0, 0]);
}

#[test]
fn bf16_says_where_it_is_not_faster() {
    let mut trainer = Trainer::new(Net::new(4), Adam::new(0.01)).precision(Precision::Bf16);
    trainer.fit(&mut loader(1), loss).unwrap();
    let is_told = trainer.warnings() == [Warning::NotFaster];
    assert_eq!(is_told, !Precision::Bf16.is_faster_here());
}

#[test]
fn the_settings_come_back_from_a_checkpoint_and_a_second_run_is_kept_out() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("c.safetensors");
    let make = || Trainer::new(Net::new(4), Adam::new(0.01)).checkpoint(&path).config("width = 4\n");
    let mut first = make();
    let mut tried = None;
    first
        .fit(&mut loader(1), |model, batch, cx| {
            tried.get_or_insert_with(|| make().fit(&mut loader(1), plain).unwrap_err().to_string());
            loss(model, batch, cx)
        })
        .unwrap();
    let error = tried.unwrap();
    assert!(error.contains("another run is writing its checkpoints there"), "{error}");
    let mut second = make().keep(3);
    assert_eq!(second.resume(&path).unwrap().config.as_deref(), Some("width = 4\n"));
}

#[test]
fn a_failing_write_names_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("absent").join("c.safetensors");
    let mut trainer = Trainer::new(Net::new(4), Adam::new(0.01)).checkpoint(&path);
    let error = trainer.fit(&mut loader(1), loss).unwrap_err().to_string();
    assert!(error.contains("c.safetensors"), "{error}");
}

#[test]
fn as_many_checkpoints_are_kept_as_are_wanted_in_whatever_order_it_is_said() {
    for (kept, first) in [(1, true), (3, true), (3, false)] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("c.safetensors");
        let trainer = Trainer::new(Net::new(4), Adam::new(0.01)).epochs(5);
        let mut trainer = match first {
            true => trainer.keep(kept).checkpoint(&path),
            false => trainer.checkpoint(&path).keep(kept),
        };
        trainer.fit(&mut loader(1), loss).unwrap();
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), kept);
    }
}
