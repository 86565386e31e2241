//! Saving and loading: train 20 = train 10, save, load, train 10, bit by bit; and states that do not fit.
#![allow(clippy::unwrap_used)] // helpers of tests may stop at the first surprise

use gradus_module::{Module, Param, State};
use gradus_optimizers::*;
use gradus_tensor::{AnyTensor, Tensor};

type Model = Vec<Param<f32>>;

fn model() -> Model {
    vec![Param::new([0.7_f32, -1.3, 2.1]), Param::new([0.4])]
}

fn train<R: Rule>(model: &mut Model, optimizer: &mut Optimizer<R>, steps: usize) {
    for _ in 0..steps {
        let loss = (model[0].sin() * &*model[1]).square().sum() + model[1].exp().sum();
        optimizer.step(model, &loss.backward()).unwrap();
    }
}

fn bits(state: &State) -> Vec<(String, Vec<u64>)> {
    let bits = |value: &AnyTensor| value.cast::<f64>().to_vec().into_iter().map(f64::to_bits).collect();
    state.iter().map(|(name, value)| (name.to_owned(), bits(value))).collect()
}

fn check<R: Rule>(make: impl Fn() -> Optimizer<R>) {
    let (mut straight, mut optimizer) = (model(), make());
    train(&mut straight, &mut optimizer, 20);
    let (mut first, mut half) = (model(), make());
    train(&mut first, &mut half, 10);
    let (saved, memory) = (first.state(), half.state());
    let (mut second, mut rest) = (model(), make());
    second.load(&saved).unwrap();
    rest.load_state(&memory).unwrap();
    assert_eq!(bits(&rest.state()), bits(&memory));
    train(&mut second, &mut rest, 10);
    assert_eq!(bits(&second.state()), bits(&straight.state()));
    assert_eq!(bits(&rest.state()), bits(&optimizer.state()));
}

#[test]
fn resuming_is_exact() {
    let schedule = || Schedule::warmup_cosine(5, 20, 0.1);
    check(|| GradientDescent::new(0.05).schedule(schedule()));
    check(|| Sgd::new(0.05).momentum(0.9).dampening(0.3).schedule(schedule()));
    check(|| Adam::new(0.05).schedule(schedule()).clip_global_norm(0.5));
    check(|| AdamW::new(0.05).amsgrad(true).schedule(schedule()));
    check(|| AdaMax::new(0.05).schedule(schedule()));
    check(|| NAdam::new(0.05).schedule(schedule()));
    check(|| RAdam::new(0.05).schedule(schedule()));
    check(|| Adagrad::new(0.05).initial_accumulator(0.1).learning_rate_decay(0.1));
    check(|| Adadelta::new(1.0).schedule(schedule()));
    check(|| RmsProp::new(0.05).momentum(0.5).centered(true));
    check(|| Rprop::new(0.05));
    check(|| Asgd::new(0.05).start(5.0).schedule(schedule()));
    check(|| Lion::new(0.05).weight_decay(0.1));
    check(|| Lamb::new(0.05).weight_decay(0.1));
    check(|| Lars::new(0.5).weight_decay(0.1));
    check(|| Adafactor::new(0.05).schedule(schedule()));
    check(|| Sophia::new(0.05));
    check(|| Shampoo::new(0.05).momentum(0.5).every(3));
    check(|| ScheduleFree::new(0.05).warmup(5));
}

/// Matrices: their memories have shapes of their own.
#[test]
fn resuming_matrices_is_exact() {
    fn check<R: Rule>(make: impl Fn() -> Optimizer<R>) {
        let model = || Param::new([[0.7_f32, -1.3, 2.1], [0.4, 0.1, -0.2]]);
        let train = |model: &mut Param<f32>, optimizer: &mut Optimizer<R>| {
            for _ in 0..10 {
                let loss = (model.sin() * &**model).square().sum() + model.t().exp().sum();
                optimizer.step(model, &loss.backward()).unwrap();
            }
        };
        let (mut straight, mut optimizer) = (model(), make());
        train(&mut straight, &mut optimizer);
        let mut resumed = straight.clone();
        let mut rest = make();
        rest.load_state(&optimizer.state()).unwrap();
        assert_eq!(bits(&rest.state()), bits(&optimizer.state()));
        train(&mut straight, &mut optimizer);
        train(&mut resumed, &mut rest);
        assert_eq!(bits(&resumed.state()), bits(&straight.state()));
        // Of another model: refused at the step.
        let mut other = Param::new([[1.0_f32, 2.0, 3.0]]);
        let gradients = other.square().sum().backward();
        let mut wrong = make();
        wrong.load_state(&optimizer.state()).unwrap();
        let text = wrong.step(&mut other, &gradients).unwrap_err().to_string();
        assert!(text.contains("it belongs to another model"), "{text}");
    }
    check(|| Adafactor::new(0.05));
    check(|| Muon::new(0.05));
    check(|| Shampoo::new(0.05).momentum(0.5).every(3));
    check(|| Lamb::new(0.05));
}

#[test]
fn resuming_wrappers_is_exact() {
    let some_loss = |model: &Model| (model[0].sin() * &*model[1]).square().sum() + model[1].exp().sum();
    // Ten steps, saved; then five on, and five from what was saved.
    macro_rules! check {
        ($make:expr, |$optimizer:ident: &mut $Optimizer:ty, $model:ident| $step:expr) => {{
            let (mut first, mut optimizer) = (model(), $make);
            let run = |$optimizer: &mut $Optimizer, $model: &mut Model, steps: usize| {
                for _ in 0..steps {
                    $step.unwrap();
                }
            };
            run(&mut optimizer, &mut first, 10);
            let (saved, memory) = (first.state(), optimizer.state());
            run(&mut optimizer, &mut first, 5);
            let (mut second, mut rest) = (model(), $make);
            second.load(&saved).unwrap();
            rest.load_state(&memory).unwrap();
            assert_eq!(bits(&rest.state()), bits(&memory));
            run(&mut rest, &mut second, 5);
            assert_eq!(bits(&second.state()), bits(&first.state()));
            assert_eq!(bits(&rest.state()), bits(&optimizer.state()));
        }};
    }
    check!(Lookahead::new(Adam::new(0.05)).every(3), |optimizer: &mut Lookahead<AdamRule>, model| optimizer
        .step(model, &some_loss(model).backward()));
    check!(Sam::new(Adam::new(0.05)), |optimizer: &mut Sam<AdamRule>, model| optimizer
        .step(model, some_loss));
    check!(
        Pair::new(
            Sgd::new(0.01).momentum(0.5).only(|path| path == "0"),
            Adam::new(0.05).only(|path| path == "1")
        ),
        |optimizer: &mut Pair<SgdRule, AdamRule>, model| optimizer.step(model, &some_loss(model).backward())
    );
    check!(
        Lbfgs::new(0.5).max_iterations(2).history_size(3).line_search(LineSearch::StrongWolfe),
        |optimizer: &mut Lbfgs, model| optimizer.step(model, some_loss)
    );
}

#[test]
fn averages_go_on() {
    let model = model();
    let mut average = Average::exponential(0.9).with_buffers(true);
    average.update(&model).unwrap();
    let mut other = Average::exponential(0.9).with_buffers(true);
    other.load_state(&average.state()).unwrap();
    assert_eq!((bits(&other.state()), other.updates()), (bits(&average.state()), 1));
}

#[test]
fn names_are_the_parameters() {
    let (mut model, mut optimizer) = (model(), Adam::new(0.01));
    train(&mut model, &mut optimizer, 2);
    let state = optimizer.state();
    let names: Vec<&str> = state.names().collect();
    let want = ["step", "learning_rate", "0.updates", "0.exp_avg", "0.exp_avg_sq"];
    assert_eq!(names[..5], want);
    assert_eq!(names.len(), 8);
    assert_eq!(state.get("step").unwrap().cast::<i64>().item(), 2);
    // A model that is a single parameter has an empty path.
    let mut single = Param::new([1.0_f32]);
    let mut optimizer = Sgd::new(0.1).momentum(0.5);
    let gradients = single.square().sum().backward();
    optimizer.step(&mut single, &gradients).unwrap();
    let state = optimizer.state();
    assert_eq!(state.names().collect::<Vec<_>>(), ["step", "learning_rate", "updates", "momentum_buffer"]);
    let mut other = Sgd::new(0.3).momentum(0.5);
    other.load_state(&state).unwrap();
    assert_eq!(bits(&other.state()), bits(&state));
    assert_eq!(other.base_learning_rate(), 0.1);
}

/// A state that was written keeps its values while training goes on.
#[test]
fn a_state_is_a_snapshot() {
    let (mut model, mut optimizer) = (model(), Adam::new(0.01));
    train(&mut model, &mut optimizer, 3);
    let state = optimizer.state();
    let before = bits(&state);
    train(&mut model, &mut optimizer, 1);
    assert_eq!(bits(&state), before);
    assert_ne!(bits(&optimizer.state()), before);
}

#[test]
fn states_that_do_not_fit_are_refused() {
    let (mut model, mut optimizer) = (model(), Adam::new(0.01));
    train(&mut model, &mut optimizer, 2);
    let state = optimizer.state();
    let before = bits(&state);
    let changed = |change: &dyn Fn(&str, &AnyTensor) -> Option<AnyTensor>| {
        let mut out = State::default();
        for (name, value) in state.iter() {
            if let Some(value) = change(name, value) {
                out.push(name, value);
            }
        }
        out
    };
    let mut refused = |state: &State| {
        let error = optimizer.load_state(state).unwrap_err();
        assert_eq!(bits(&optimizer.state()), before);
        error.to_string()
    };
    let fewer = changed(&|name, value| (name != "1.exp_avg" && name != "step").then(|| value.clone()));
    let text = refused(&fewer);
    assert!(text.ends_with("missing step, 1.exp_avg"), "{text}");
    let mut more = state.clone();
    more.push("1.velocity", Tensor::from([1.0_f32]));
    let text = refused(&more);
    assert!(text.ends_with("per parameter updates, exp_avg, exp_avg_sq): unexpected 1.velocity"), "{text}");
    for (entry, value, want) in [
        ("step", AnyTensor::new(&Tensor::scalar(-1_i64)), "`step` of the optimizer's state is i64 []"),
        ("step", AnyTensor::new(&Tensor::scalar(1.5_f32)), "`step` of the optimizer's state is f32 []"),
        (
            "1.updates",
            AnyTensor::new(&Tensor::from([1_i64])),
            "`1.updates` of the optimizer's state is i64 [1]",
        ),
        (
            "0.exp_avg_sq",
            AnyTensor::new(&Tensor::from([1.0_f32])),
            "`0.exp_avg_sq` of the optimizer's state is",
        ),
        (
            "learning_rate",
            AnyTensor::new(&Tensor::scalar(1_i64)),
            "`learning_rate` of the optimizer's state is",
        ),
    ] {
        let text =
            refused(&changed(&|name, old| Some(if name == entry { value.clone() } else { old.clone() })));
        assert!(text.starts_with(want), "{text}");
    }
}

#[test]
fn a_state_of_another_model_is_refused_at_the_step() {
    let (mut first, mut optimizer) = (model(), Adam::new(0.01));
    train(&mut first, &mut optimizer, 2);
    let state = optimizer.state();
    let refused = |mut other: Model| {
        let mut optimizer = Adam::new(0.01);
        optimizer.load_state(&state).unwrap();
        let before: Vec<_> = bits(&other.state());
        let gradients = other[0].square().sum().backward();
        let error = optimizer.step(&mut other, &gradients).unwrap_err();
        assert_eq!(bits(&other.state()), before);
        error.to_string()
    };
    let text = refused(vec![Param::new([1.0])]);
    assert!(text.starts_with("parameter `0` is [1] but the optimizer's state for it is [3]"), "{text}");
    let text = refused(vec![Param::new([1.0, 2.0, 3.0])]);
    assert!(text.contains("it names 1 that this one lacks"), "{text}");
}

/// The same memory goes on in double precision.
#[test]
fn a_state_follows_the_model_to_another_float_type() {
    let (mut single, mut optimizer) = (model(), Adam::new(0.01));
    train(&mut single, &mut optimizer, 3);
    let mean = |optimizer: &Adam| optimizer.state().get("0.exp_avg").unwrap().clone();
    let before = mean(&optimizer).cast::<f64>();
    let mut double = vec![Param::new([0.0_f64, 0.0, 0.0]), Param::new([0.0])];
    double.load(&single.state()).unwrap();
    let gradients = (double[0].sum() + double[1].sum()).backward(); // all 1
    optimizer.step(&mut double, &gradients).unwrap();
    let want: Vec<f64> = before.to_vec().iter().map(|m| m + (1.0 - 0.9) * (1.0 - m)).collect();
    assert_eq!(mean(&optimizer).get::<f64>().unwrap().to_vec(), want);
}
