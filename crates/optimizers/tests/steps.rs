//! What a step promises beyond its rule: order, clipping, refusals that change nothing, the same bits everywhere.

use gradus_autodiff::{Gradients, Update, Var};
use gradus_module::{Buffer, Counter, Module, Param};
use gradus_optimizers::*;
use gradus_tensor::{Rng, Tensor, with_threads};

fn pair() -> [Param<f64>; 2] {
    [Param::new([3.0, 0.0]), Param::new([4.0])]
}

/// Its gradients are the parameters themselves: (3, 0) and (4), together of norm 5.
fn gradients(model: &[Param<f64>; 2]) -> Gradients<f64> {
    ((model[0].square().sum() + model[1].square().sum()) * 0.5).backward()
}

fn values(model: &impl Module) -> Vec<f64> {
    model.state().iter().flat_map(|(_, value)| value.cast::<f64>().to_vec()).collect()
}

#[test]
fn clipping_in_all_forms() {
    let after = |clip: Clip| {
        let mut model = pair();
        let pulled = gradients(&model);
        let report = Sgd::new(1.0).clip(clip).step(&mut model, &pulled).unwrap();
        assert_eq!(report.gradient_norm, 5.0);
        values(&model)
    };
    let close = |a: Vec<f64>, b: [f64; 3]| {
        assert!(a.iter().zip(b).all(|(a, b)| (a - b).abs() < 1e-5), "{a:?} {b:?}");
    };
    close(after(Clip::Off), [0.0, 0.0, 0.0]);
    close(after(Clip::GlobalNorm(2.5)), [1.5, 0.0, 2.0]);
    close(after(Clip::GlobalNorm(6.0)), [0.0, 0.0, 0.0]);
    close(after(Clip::ParameterNorm(1.0)), [2.0, 0.0, 3.0]);
    close(after(Clip::ParameterNorm(3.5)), [0.0, 0.0, 0.5]);
    close(after(Clip::Value(0.5)), [2.5, 0.0, 3.5]);
}

#[test]
fn large_gradients_of_single_precision_do_not_overflow_the_norm() {
    let mut model = Param::new([0.0_f32, 0.0]);
    let gradients = (&*model * 1e30).sum().backward();
    let report = Sgd::new(1.0).clip_global_norm(1.0).step(&mut model, &gradients).unwrap();
    assert!((report.gradient_norm / (2.0_f64.sqrt() * 1e30) - 1.0).abs() < 1e-6);
    assert!(model.value().to_vec().iter().all(|w| (w + 0.5_f32.sqrt()).abs() < 1e-6));
}

#[test]
fn nan_is_not_hidden_by_clipping() {
    for clip in [Clip::GlobalNorm(1.0), Clip::ParameterNorm(1.0), Clip::Value(1.0)] {
        let mut model = Param::new([1.0_f64]);
        let gradients = (&*model * f64::NAN).sum().backward();
        let report = Adam::new(0.1).amsgrad(true).clip(clip).step(&mut model, &gradients).unwrap();
        assert!(report.gradient_norm.is_nan() && model.value().item().is_nan(), "{clip:?}");
    }
}

#[test]
fn parameters_without_gradient_are_named_and_left_alone() {
    let mut model = pair();
    let gradients = model[1].square().sum().backward();
    let report = AdamW::new(0.1).step(&mut model, &gradients).unwrap();
    assert_eq!(report.without_gradient, ["0"]);
    assert_eq!(model[0].value().to_vec(), [3.0, 0.0]);
    model.set_trainable(false, &|path| path == "0");
    let report = AdamW::new(0.1).step(&mut model, &gradients).unwrap();
    assert!(report.without_gradient.is_empty());
}

/// A parameter whose gradient comes late starts its own count: Adam's first step is η long.
#[test]
fn each_parameter_counts_its_own_gradients() {
    let mut model = pair();
    let mut optimizer = Adam::new(0.1);
    for _ in 0..5 {
        let gradients = model[1].square().sum().backward();
        optimizer.step(&mut model, &gradients).unwrap();
    }
    let pulled = gradients(&model);
    optimizer.step(&mut model, &pulled).unwrap();
    assert!((model[0].value().at(&[0]) - 2.9).abs() < 1e-7);
}

#[test]
fn wrong_settings_are_refused_and_nothing_changes() {
    fn refused<R: Rule>(mut optimizer: Optimizer<R>) -> String {
        let mut model = pair();
        let pulled = gradients(&model);
        let error = optimizer.step(&mut model, &pulled).unwrap_err();
        assert_eq!((values(&model), optimizer.steps(), optimizer.state().len()), (values(&pair()), 0, 2));
        error.to_string()
    }
    assert_eq!(refused(Adam::new(-0.1)), "learning_rate is -0.1: it must be a number from 0 on");
    assert_eq!(refused(Sgd::new(f64::NAN)), "learning_rate is NaN: it must be a number from 0 on");
    assert_eq!(refused(Adam::new(0.1).betas(1.0, 0.9)), "beta_1 is 1: it must be in 0 .. 1");
    assert_eq!(refused(AdamW::new(0.1).betas(0.9, -0.5)), "beta_2 is -0.5: it must be in 0 .. 1");
    assert_eq!(refused(Adam::new(0.1).eps(-1.0)), "eps is -1: it must be a number from 0 on");
    assert_eq!(refused(Sgd::new(0.1).momentum(-1.0)), "momentum is -1: it must be a number from 0 on");
    assert_eq!(refused(Sgd::new(0.1).nesterov(true)), "momentum is 0: it must be above 0 with nesterov");
    assert_eq!(
        refused(Sgd::new(0.1).momentum(0.9).dampening(0.1).nesterov(true)),
        "dampening is 0.1: it must be 0 with nesterov"
    );
    assert_eq!(
        refused(Sgd::new(0.1).weight_decay(-1.0)),
        "weight_decay is -1: it must be a number from 0 on"
    );
    assert_eq!(refused(Sgd::new(0.1).clip_global_norm(0.0)), "clip_global_norm is 0: it must be above 0");
    let group = GroupOptions::new().weight_decay(-1.0);
    assert!(refused(Sgd::new(0.1).group(|_| false, group)).starts_with("weight_decay of a group is -1"));
}

#[test]
fn another_float_type_is_refused_by_name() {
    let mut model = (Param::new([1.0_f64]), Param::new([1.0_f32]));
    let gradients = model.0.square().sum().backward();
    let error = Sgd::new(0.1).step(&mut model, &gradients).unwrap_err();
    let want = "parameter `1` holds f32 but the gradients are f64: convert the model or the loss";
    assert_eq!(error.to_string(), want);
    assert_eq!(model.0.value().item(), 1.0);
}

#[test]
fn buffers_and_counters_follow() {
    let mut model = (Param::new([1.0_f64]), Buffer::new([0.0_f64]), Counter::new(0));
    let mut gradients = model.0.square().sum().backward();
    assert_eq!(gradients.updates().count(), 0);
    let updates = Riding(vec![
        Update::Average { target: model.1.id(), value: Tensor::from([10.0]), momentum: 0.1 },
        Update::Count { target: model.2.id() },
    ]);
    gradients.merge(gradus_autodiff::apply(updates, &[&model.0]).sum().backward());
    GradientDescent::new(0.5).step(&mut model, &gradients).unwrap();
    assert_eq!((model.1.value().item(), model.2.value()), (1.0, 1));
    assert_eq!(model.0.value().item(), 1.0 - 0.5 * 3.0);
}

/// The identity, with updates of buffers aboard.
struct Riding(Vec<Update<f64>>);

impl gradus_autodiff::Op<f64> for Riding {
    fn name(&self) -> &'static str {
        "riding"
    }
    fn saves(&self) -> gradus_autodiff::Save {
        gradus_autodiff::Save::NOTHING
    }
    fn forward(&mut self, inputs: &[&Tensor<f64>]) -> Tensor<f64> {
        inputs[0].clone()
    }
    fn vjp(&self, _: &gradus_autodiff::Saved<Var<f64>>, g: &Var<f64>) -> Vec<Option<Var<f64>>> {
        vec![Some(g.clone())]
    }
    fn updates(&self) -> &[Update<f64>] {
        &self.0
    }
}

/// Parameters large enough to be cut into pieces, of lengths that do not divide, one gradient a transposed view.
#[test]
fn the_same_bits_at_any_number_of_threads() {
    let run = |threads: usize| {
        with_threads(threads, || {
            let rng = &mut Rng::seed(1);
            let wide = Tensor::<f32>::normal([301, 997], 0.0, 1.0, rng);
            let mut model = vec![Param::new(wide), Param::new(Tensor::normal([50_001], 0.0, 1.0, rng))];
            let target = Tensor::<f32>::normal([997, 301], 0.0, 1.0, rng);
            let mut optimizer = AdamW::new(0.01).clip_global_norm(3.0).weight_decay(0.1);
            let mut norms = Vec::new();
            for _ in 0..3 {
                let loss = (model[0].t() * Var::from(&target)).sin().sum() + model[1].square().sum();
                norms.push(optimizer.step(&mut model, &loss.backward()).unwrap().gradient_norm.to_bits());
            }
            (norms, model.iter().flat_map(|p| p.value().to_vec()).map(f32::to_bits).collect::<Vec<_>>())
        })
    };
    let one = run(1);
    assert!(one == run(2) && one == run(3));
}

/// Pieces meet without seams: a long parameter is treated as its elements would be one by one.
#[test]
fn every_element_is_updated_alike() {
    let n = 20_000;
    let start = Tensor::<f64>::from_fn([n], |i| (i[0] as f64 * 0.37).sin());
    let steps = |values: Tensor<f64>| {
        let mut model = Param::new(values);
        let mut optimizer = Adam::new(0.05).amsgrad(true).weight_decay(0.1).clip_value(0.7);
        for _ in 0..4 {
            let gradients = model.square().sum().backward();
            optimizer.step(&mut model, &gradients).unwrap();
        }
        model.value().to_vec()
    };
    let whole = steps(start.clone());
    for at in [0, 1, 8191, 8192, 8193, 16_384, n - 1] {
        assert_eq!(whole[at], steps(start.narrow(0, at, 1))[0], "{at}");
    }
}

/// Somebody who still holds the old value keeps it.
#[test]
fn steps_do_not_reach_into_shared_values() {
    let mut model = pair();
    let (before, snapshot) = (values(&model), model.state());
    let pulled = gradients(&model);
    Sgd::new(0.1).step(&mut model, &pulled).unwrap();
    assert_eq!(snapshot.iter().flat_map(|(_, v)| v.cast::<f64>().to_vec()).collect::<Vec<_>>(), before);
}

#[test]
fn l_bfgs_does_not_step_to_where_there_is_no_loss() {
    // ln²(1 − w) + w², which is no number from 1 on: where a step of 40 leads.
    let loss = |w: &Param<f64>| (1.0 - &**w).ln().square().sum() + w.square().sum();
    let mut model = Param::new([-1.0_f64]);
    let mut optimizer = Lbfgs::new(40.0);
    for _ in 0..2 {
        optimizer.step(&mut model, loss).unwrap();
        assert_eq!(model.value().item(), -1.0);
    }
    let is_finite = |x: &gradus_tensor::AnyTensor| x.cast::<f64>().to_vec().iter().all(|v| v.is_finite());
    assert!(optimizer.state().iter().all(|(_, x)| is_finite(x)));
    optimizer.set_learning_rate(0.25);
    optimizer.step(&mut model, loss).unwrap();
    assert!(model.value().item().abs() < 0.1, "{}", model.value().item());
}
