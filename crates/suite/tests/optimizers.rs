//! Traps of optimizers, and the exactness of a resumed run: parameters, memories and schedule all go on where they were.
#![allow(clippy::unwrap_used, clippy::expect_used)] // a helper of a test may fail as the test itself may

use gradus_autodiff::Gradients;
use gradus_layers::{Dropout, Linear, Relu, Sequential};
use gradus_losses::{Reduction, mse};
use gradus_module::{Context, Layer, Module, Param};
use gradus_optimizers::{Adam, AdamW, GradientDescent, Optimizer, Rule, Schedule, Sgd};
use gradus_tensor::{Rng, RngState, Tensor, with_threads};

#[derive(Module)]
struct Two {
    first: Param<f64>,
    second: Param<f64>,
}

/// Gradients 3 and 4 times `size`.
fn two(size: f64) -> (Two, Gradients<f64>) {
    let model = Two { first: Param::new([0.0_f64]), second: Param::new([0.0_f64]) };
    let loss = (&*model.first * (3.0 * size)).sum() + (&*model.second * (4.0 * size)).sum();
    (model, loss.backward())
}

#[test]
fn adam_s_epsilon_is_1e_8() {
    for weight_decay in [false, true] {
        let (mut model, gradients) = two(1e-8);
        if weight_decay {
            AdamW::new(1.0).step(&mut model, &gradients).unwrap();
        } else {
            Adam::new(1.0).step(&mut model, &gradients).unwrap();
        }
        // The first step is g/(|g| + ε).
        assert!((model.first.value().item() + 3.0 / 4.0).abs() < 1e-9, "{}", model.first.value());
        assert!((model.second.value().item() + 4.0 / 5.0).abs() < 1e-9, "{}", model.second.value());
    }
}

#[test]
fn norm_clipping_takes_all_gradients_together() {
    let (mut model, gradients) = two(1.0);
    GradientDescent::new(1.0).clip_global_norm(1.0).step(&mut model, &gradients).unwrap();
    assert!((model.first.value().item() + 0.6).abs() < 1e-6, "{}", model.first.value());
    assert!((model.second.value().item() + 0.8).abs() < 1e-6, "{}", model.second.value());
    let (mut model, gradients) = two(0.1);
    GradientDescent::new(1.0).clip_global_norm(1.0).step(&mut model, &gradients).unwrap();
    assert!((model.first.value().item() + 0.3).abs() < 1e-15, "a small gradient is left alone");
}

#[test]
fn nothing_is_left_of_the_gradients_before() {
    let (mut model, gradients) = two(1.0);
    let mut optimizer = GradientDescent::new(0.5);
    optimizer.step(&mut model, &gradients).unwrap();
    let (_, nothing) = two(1.0);
    let before = model.first.value().item();
    optimizer.step(&mut model, &nothing).unwrap();
    assert_eq!(model.first.value().item(), before, "gradients of another model change nothing");
}

type Model = Sequential<f32>;

fn model() -> Model {
    let mut rng = Rng::seed(11);
    let hidden = Model::new().push(Linear::new(6, 16, &mut rng)).push(Relu).push(Dropout::new(0.2).unwrap());
    hidden.push(Linear::new(16, 2, &mut rng))
}

fn schedule() -> Schedule {
    Schedule::warmup_cosine(4, 20, 0.1)
}

/// `steps` steps of training; answers the losses and the random numbers' state behind them.
fn train<R: Rule>(
    model: &mut Model,
    optimizer: &mut Optimizer<R>,
    rng: RngState,
    steps: usize,
) -> (Vec<f64>, RngState) {
    let mut data = Rng::seed(2);
    let x = Tensor::<f32>::normal([12, 6], 0.0, 1.0, &mut data);
    let y = Tensor::<f32>::normal([12, 2], 0.0, 1.0, &mut data);
    let mut rng = Rng::from_state(rng);
    let mut losses = Vec::new();
    for _ in 0..steps {
        let prediction = model.forward(&x.clone().into(), &mut Context::train(&mut rng));
        let loss = mse(&prediction, &y, Reduction::Mean);
        losses.push(loss.item());
        optimizer.step(model, &loss.backward()).unwrap();
    }
    (losses, rng.state())
}

fn bytes(model: &Model) -> Vec<u8> {
    gradus_io::state_to_bytes(&model.state(), &Default::default()).unwrap()
}

/// 20 steps, against 10, everything to files and back, and 10 more.
fn resumes<R: Rule>(name: &str, new: impl Fn() -> Optimizer<R>) {
    let folder = tempfile::tempdir().unwrap();
    let (weights, memories) =
        (folder.path().join("model.safetensors"), folder.path().join("optimizer.safetensors"));
    let start = Rng::seed(5).state();
    let (mut whole, mut whole_optimizer) = (model(), new());
    let (losses, _) = train(&mut whole, &mut whole_optimizer, start, 20);
    let (mut first, mut first_optimizer) = (model(), new());
    let (_, rng) = train(&mut first, &mut first_optimizer, start, 10);
    gradus_io::save(&first, &weights).unwrap();
    gradus_io::save_state(&first_optimizer.state(), &Default::default(), &memories).unwrap();
    let (mut second, mut second_optimizer) = (model(), new());
    gradus_io::load(&mut second, &weights).unwrap();
    second_optimizer.load_state(&gradus_io::load_state(&memories).unwrap().0).unwrap();
    assert_eq!(
        second_optimizer.learning_rate(),
        first_optimizer.learning_rate(),
        "{name}: the schedule goes on"
    );
    let (rest, _) = train(&mut second, &mut second_optimizer, rng, 10);
    assert_eq!(rest, losses[10..], "{name}");
    assert!(bytes(&whole) == bytes(&second), "{name}: bits differ");
}

#[test]
fn a_resumed_run_is_the_run_bit_by_bit() {
    resumes("gradient descent", || GradientDescent::new(0.1).schedule(schedule()));
    resumes("sgd", || Sgd::new(0.05).momentum(0.9).nesterov(true).schedule(schedule()).clip_global_norm(1.0));
    resumes("adam", || Adam::new(0.01).schedule(schedule()).weight_decay(1e-3));
    resumes("adamw", || AdamW::new(0.01).amsgrad(true).schedule(schedule()));
}

#[test]
fn training_gives_the_same_bits_at_any_number_of_threads() {
    let run = |threads| {
        with_threads(threads, || {
            let mut model = model();
            train(&mut model, &mut Adam::new(0.01).clip_global_norm(0.5), Rng::seed(5).state(), 10);
            bytes(&model)
        })
    };
    assert!(run(1) == run(2) && run(1) == run(3));
}
