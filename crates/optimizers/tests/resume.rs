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
