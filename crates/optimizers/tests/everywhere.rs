//! What holds for every method alike: threads, single precision, empty and scalar parameters, NaN, and what a rule sees.
#![allow(clippy::unwrap_used)] // helpers of tests may stop at the first surprise

use gradus_autodiff::Var;
use gradus_module::Param;
use gradus_optimizers::*;
use gradus_tensor::{Float, Rng, Tensor, with_threads};

/// Calls a check for every method, with settings that use all their parts.
macro_rules! for_all {
    ($check:ident) => {{
        $check("gradient_descent", &|| GradientDescent::new(0.01));
        $check("sgd", &|| Sgd::new(0.01).momentum(0.5).nesterov(true).weight_decay(0.1));
        $check("adam", &|| Adam::new(0.01).amsgrad(true).weight_decay(0.1));
        $check("adamw", &|| AdamW::new(0.01));
        $check("adamax", &|| AdaMax::new(0.01));
        $check("nadam", &|| NAdam::new(0.01).weight_decay(0.1).decoupled_weight_decay(true));
        $check("radam", &|| RAdam::new(0.01).betas(0.9, 0.9));
        $check("adagrad", &|| Adagrad::new(0.01).learning_rate_decay(0.1));
        $check("adadelta", &|| Adadelta::new(0.5));
        $check("rmsprop", &|| RmsProp::new(0.01).momentum(0.5).centered(true).eps(1e-2));
        $check("rprop", &|| Rprop::new(0.01));
        $check("asgd", &|| Asgd::new(0.01).start(1.0));
        $check("lion", &|| Lion::new(0.01).weight_decay(0.1));
        $check("lamb", &|| Lamb::new(0.01).weight_decay(0.1));
        $check("lars", &|| Lars::new(0.5).trust(0.02).weight_decay(0.1));
        $check("adafactor", &|| Adafactor::new(0.01).weight_decay(0.1));
        $check("muon", &|| Muon::new(0.01).only(|path| path == "0"));
        $check("sophia", &|| Sophia::new(0.01));
        $check("shampoo", &|| Shampoo::new(0.01).momentum(0.5));
        $check("schedule_free", &|| ScheduleFree::new(0.01).warmup(3));
    }};
}

/// A matrix and a vector, large enough to be cut into pieces where the method is of elements.
fn run<T: Float, R: Rule>(optimizer: &mut Optimizer<R>, sizes: [usize; 3], steps: usize) -> Vec<T> {
    let rng = &mut Rng::seed(1);
    let [rows, columns, length] = sizes;
    let mut draw = |shape: &[usize]| Tensor::<f64>::normal(shape, 0.0, 1.0, rng).cast::<T>();
    let mut model = vec![Param::new(draw(&[rows, columns])), Param::new(draw(&[length]))];
    let target = Var::constant(draw(&[rows, columns]));
    for _ in 0..steps {
        let loss = (&*model[0] - &target).square().sum() + (model[1].sin() * &*model[1]).sum();
        optimizer.step(&mut model, &loss.backward()).unwrap();
    }
    model.iter().flat_map(|parameter| parameter.value().to_vec()).collect()
}

#[test]
fn the_same_bits_at_any_number_of_threads() {
    fn check<R: Rule>(name: &str, make: &dyn Fn() -> Optimizer<R>) {
        let at = |threads: usize| {
            let values = with_threads(threads, || run::<f32, R>(&mut make(), [60, 70, 20_001], 2));
            values.into_iter().map(f32::to_bits).collect::<Vec<_>>()
        };
        let one = at(1);
        assert!(one == at(2) && one == at(3) && one == at(5), "{name}");
    }
    for_all!(check);
}

#[test]
fn single_precision_follows_double() {
    fn check<R: Rule>(name: &str, make: &dyn Fn() -> Optimizer<R>) {
        let single = run::<f32, R>(&mut make(), [3, 4, 5], 20);
        let double = run::<f64, R>(&mut make(), [3, 4, 5], 20);
        for (a, b) in single.iter().zip(&double) {
            assert!((f64::from(*a) - b).abs() < 2e-4, "{name}: {a} {b}");
        }
    }
    for_all!(check);
}

#[test]
fn empty_and_scalar_parameters() {
    fn check<R: Rule>(name: &str, make: &dyn Fn() -> Optimizer<R>) {
        let mut model = vec![
            Param::new(Tensor::<f64>::zeros([0, 3])),
            Param::new(Tensor::zeros([0])),
            Param::new(Tensor::scalar(2.0)),
        ];
        let mut optimizer = make();
        for _ in 0..3 {
            let loss = model.iter().map(|parameter| parameter.square().sum()).sum::<Var<f64>>();
            optimizer.step(&mut model, &loss.backward()).unwrap();
        }
        let moved = model[2].value().item();
        assert!(moved.is_finite() && (moved < 2.0 || name == "muon"), "{name}: {moved}");
    }
    for_all!(check);
}

/// A gradient that is no number shows in its parameter.
#[test]
fn nan_is_not_hidden() {
    fn check<R: Rule>(name: &str, make: &dyn Fn() -> Optimizer<R>) {
        for clip in [Clip::Off, Clip::Value(1.0), Clip::GlobalNorm(1.0)] {
            let mut model = vec![Param::new([[1.0_f64, 2.0], [3.0, 4.0]])];
            let loss = (&*model[0] * f64::NAN).sum();
            let gradients = loss.backward();
            make().clip(clip).step(&mut model, &gradients).unwrap();
            assert!(model[0].value().to_vec().iter().any(|w| w.is_nan()), "{name} {clip:?}");
        }
    }
    for_all!(check);
}

/// Gradient descent written over tensors, and over elements after a pass for sums.
#[derive(Clone)]
struct ByTensors;

#[derive(Clone)]
struct InTwoPasses;

impl Rule for ByTensors {
    fn slots(&self) -> &'static [&'static str] {
        &["unused", "other"]
    }
    fn validate(&self) -> Result<(), OptimizerError> {
        Ok(())
    }
    update_whole_by!(descend);
}

fn descend<T: Float>(
    _: &ByTensors,
    step: &StepInfo,
    w: &mut Tensor<T>,
    g: Tensor<T>,
    slots: &mut [Tensor<T>],
) {
    assert!(slots.len() == 2 && slots.iter().all(|slot| slot.shape() == w.shape()));
    *w -= &(g * T::of(step.learning_rate));
}

impl Rule for InTwoPasses {
    fn slots(&self) -> &'static [&'static str] {
        &["unused", "other"]
    }
    fn validate(&self) -> Result<(), OptimizerError> {
        Ok(())
    }
    fn update_f32(&self, _: &StepInfo, _: &mut Update<'_, f32>) {
        unreachable!("the test is in double precision");
    }
    fn update_f64(&self, step: &StepInfo, update: &mut Update<'_, f64>) {
        let [count, _] = update.sums(&|w, _, _| [w.len() as f64, 0.0]);
        update.by_elements(&|w, g, slots| {
            assert!(count >= w.len() as f64 && slots.len() == 2);
            w.iter_mut().zip(g).for_each(|(w, g)| *w -= step.learning_rate * g);
        });
    }
}

/// Clipping, coupled decay and direction are the optimizer's, whatever way the rule takes.
#[test]
fn all_ways_see_the_same_gradient() {
    fn check<R: Rule>(rule: R) {
        let set = |clip: Clip, maximize: bool| {
            (
                Optimizer::with_rule(rule.clone(), 0.1).clip(clip).weight_decay(0.3).maximize(maximize),
                GradientDescent::new(0.1).clip(clip).weight_decay(0.3).maximize(maximize),
            )
        };
        for clip in [Clip::Off, Clip::Value(0.5), Clip::GlobalNorm(1.0), Clip::ParameterNorm(0.7)] {
            for maximize in [false, true] {
                let (mut a, mut b) = set(clip, maximize);
                let (one, other) =
                    (run::<f64, _>(&mut a, [3, 4, 9000], 3), run::<f64, _>(&mut b, [3, 4, 9000], 3));
                assert!(one.iter().zip(&other).all(|(a, b)| (a - b).abs() < 1e-14), "{clip:?} {maximize}");
            }
        }
        // The norm is reported all the same.
        let mut model = Param::new([3.0_f64, 4.0]);
        let gradients = (model.square().sum() * 0.5).backward();
        let report = Optimizer::with_rule(rule, 0.1).step(&mut model, &gradients).unwrap();
        assert_eq!(report.gradient_norm, 5.0);
    }
    check(ByTensors);
    check(InTwoPasses);
}

/// Two optimizers on one model: each keeps to its parameters, statistics are applied once.
#[test]
fn pairs_share_a_model() {
    let mut model = vec![Param::new([[1.0_f64, 2.0]]), Param::new([[3.0]])];
    let mut pair = Pair::new(Sgd::new(0.1).only(|path| path == "0"), Adam::new(0.1).only(|path| path == "1"));
    let loss = model[0].square().sum() + model[1].square().sum();
    let (first, second) = pair.step(&mut model, &loss.backward()).unwrap();
    assert_eq!((first.without_gradient.len(), second.without_gradient.len()), (0, 0));
    assert_eq!(model[0].value().to_vec(), [0.8, 1.6]);
    assert!((model[1].value().item() - 2.9).abs() < 1e-7);
    let names: Vec<String> = pair.state().names().map(str::to_owned).collect();
    assert!(names.iter().any(|name| name == "second.1.exp_avg"));
    assert!(!names.iter().any(|name| name.starts_with("first.1") || name.starts_with("second.0")));
}
