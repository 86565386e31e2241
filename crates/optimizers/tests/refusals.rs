//! Hyper-parameters outside their ranges are named, with value and range, and nothing changes.
#![allow(clippy::unwrap_used)] // helpers of tests may stop at the first surprise

use gradus_module::Param;
use gradus_optimizers::*;

fn refused<R: Rule>(mut optimizer: Optimizer<R>) -> String {
    let mut model = Param::new([[1.0_f64, 2.0]]);
    let gradients = model.square().sum().backward();
    let error = optimizer.step(&mut model, &gradients).unwrap_err();
    assert_eq!((model.value().to_vec(), optimizer.steps()), (vec![1.0, 2.0], 0));
    error.to_string()
}

#[test]
fn learning_rates_are_not_negative() {
    let want = "learning_rate is -1: it must be a number from 0 on";
    assert_eq!(refused(AdaMax::new(-1.0)), want);
    assert_eq!(refused(NAdam::new(-1.0)), want);
    assert_eq!(refused(RAdam::new(-1.0)), want);
    assert_eq!(refused(Adagrad::new(-1.0)), want);
    assert_eq!(refused(Adadelta::new(-1.0)), want);
    assert_eq!(refused(RmsProp::new(-1.0)), want);
    assert_eq!(refused(Rprop::new(-1.0)), want);
    assert_eq!(refused(Asgd::new(-1.0)), want);
    assert_eq!(refused(Lion::new(-1.0)), want);
    assert_eq!(refused(Lamb::new(-1.0)), want);
    assert_eq!(refused(Lars::new(-1.0)), want);
    assert_eq!(refused(Adafactor::new(-1.0)), want);
    assert_eq!(refused(Muon::new(-1.0)), want);
    assert_eq!(refused(Sophia::new(-1.0)), want);
    assert_eq!(refused(Shampoo::new(-1.0)), want);
    assert_eq!(refused(ScheduleFree::new(-1.0)), want);
    let mut model = Param::new([1.0_f64]);
    let error = Lbfgs::new(-1.0).step(&mut model, |w| w.square().sum()).unwrap_err();
    assert_eq!(error.to_string(), want);
}

#[test]
fn betas_lie_in_0_to_1() {
    let want = "beta_1 is 1: it must be in 0 .. 1";
    assert_eq!(refused(AdaMax::new(0.1).betas(1.0, 0.9)), want);
    assert_eq!(refused(NAdam::new(0.1).betas(1.0, 0.9)), want);
    assert_eq!(refused(RAdam::new(0.1).betas(1.0, 0.9)), want);
    assert_eq!(refused(Lion::new(0.1).betas(1.0, 0.9)), want);
    assert_eq!(refused(Lamb::new(0.1).betas(1.0, 0.9)), want);
    assert_eq!(refused(Sophia::new(0.1).betas(1.0, 0.9)), want);
    assert_eq!(refused(ScheduleFree::new(0.1).betas(1.0, 0.9)), want);
    assert_eq!(refused(ScheduleFree::new(0.1).betas(0.0, 0.9)), "beta_1 is 0: it must be above 0");
    assert_eq!(refused(RAdam::new(0.1).betas(0.9, f64::NAN)), "beta_2 is NaN: it must be in 0 .. 1");
}

#[test]
fn the_rest_by_name() {
    let from_0 = |name: &str| format!("{name} is -1: it must be a number from 0 on");
    assert_eq!(refused(AdaMax::new(0.1).eps(-1.0)), from_0("eps"));
    assert_eq!(refused(NAdam::new(0.1).momentum_decay(-1.0)), from_0("momentum_decay"));
    assert_eq!(refused(Adagrad::new(0.1).learning_rate_decay(-1.0)), from_0("learning_rate_decay"));
    assert_eq!(refused(Adagrad::new(0.1).initial_accumulator(-1.0)), from_0("initial_accumulator"));
    assert_eq!(refused(Adadelta::new(0.1).rho(-1.0)), "rho is -1: it must be in 0 ..= 1");
    assert_eq!(refused(RmsProp::new(0.1).alpha(-1.0)), from_0("alpha"));
    assert_eq!(refused(RmsProp::new(0.1).momentum(-1.0)), from_0("momentum"));
    assert_eq!(refused(Rprop::new(0.1).etas(1.0, 2.0)), "eta_minus is 1: it must be above 0 and below 1");
    assert_eq!(refused(Rprop::new(0.1).etas(0.5, 1.0)), "eta_plus is 1: it must be above 1");
    let sizes = Rprop::new(0.1).step_sizes(1.0, 0.5);
    assert_eq!(refused(sizes), "greatest step_size is 0.5: it must be the least step_size or more");
    assert_eq!(refused(Asgd::new(0.1).lambda(-1.0)), from_0("lambda"));
    assert_eq!(refused(Asgd::new(0.1).start(f64::NAN)), "start is NaN: it must be a number");
    assert_eq!(refused(Lars::new(0.1).trust(-1.0)), from_0("trust"));
    assert_eq!(refused(Adafactor::new(0.1).beta2_decay(0.5)), "beta2_decay is 0.5: it must be at most 0");
    assert_eq!(refused(Adafactor::new(0.1).threshold(0.5)), "threshold is 0.5: it must be 1 or more");
    assert_eq!(refused(Adafactor::new(0.1).eps(-1.0, 0.0)), from_0("eps_1"));
    assert_eq!(refused(Muon::new(0.1).momentum(2.0)), "momentum is 2: it must be in 0 ..= 1");
    assert_eq!(refused(Muon::new(0.1).iterations(100)), "iterations is 100: it must be below 100");
    assert_eq!(refused(Sophia::new(0.1).gamma(0.0)), "gamma is 0: it must be above 0");
    assert_eq!(refused(Shampoo::new(0.1).eps(0.0)), "eps is 0: it must be above 0");
    assert_eq!(refused(Shampoo::new(0.1).every(0)), "every is 0: it must be 1 or more");
}

#[test]
fn muon_takes_matrices_alone() {
    let mut model = [Param::new([[1.0_f64]]), Param::new([1.0])];
    let gradients = (model[0].sum() + model[1].sum()).backward();
    let error = Muon::new(0.1).step(&mut model, &gradients).unwrap_err();
    let want = "parameter `1` is [1]: this optimizer needs a matrix [R, C]; choose parameters with `only`";
    assert_eq!(error.to_string(), want);
    assert_eq!(model[0].value().item(), 1.0);
    Muon::new(0.1).only(|path| path == "0").step(&mut model, &gradients).unwrap();
    assert_eq!(model[1].value().item(), 1.0);
}

#[test]
fn schedules_are_checked_before_a_step() {
    let with = |schedule: Schedule| refused(Sgd::new(0.1).schedule(schedule));
    assert_eq!(with(Schedule::step(0, 0.1)), "size of a step schedule is 0: it must be 1 or more");
    assert_eq!(
        with(Schedule::exponential(-0.5)),
        "gamma of a schedule is -0.5: it must be a number from 0 on"
    );
    assert_eq!(with(Schedule::one_cycle(0)), "steps of a one-cycle schedule is 0: it must be 1 or more");
    assert_eq!(with(Schedule::one_cycle_with(9, 1.5, 2.0, 2.0)), "rise is 1.5: it must be in 0 ..= 1");
    assert_eq!(with(Schedule::cosine_restarts(0, 1, 0.0)), "period of a schedule is 0: it must be 1 or more");
    assert_eq!(
        with(Schedule::cosine_wave(0, 0.0)),
        "steps of a periodic schedule is 0: it must be 1 or more"
    );
    assert_eq!(with(Schedule::cyclic(Cyclic::new(0))), "up is 0: it must be 1 or more");
    assert_eq!(with(Schedule::constant().every(0)), "steps of `every` is 0: it must be 1 or more");
    assert_eq!(with(Schedule::inverse_square_root(0)), "warmup of a schedule is 0: it must be 1 or more");
    // Parts of combinations count, too.
    let inside = Schedule::constant().then(5, Schedule::step(0, 0.1)).times(Schedule::constant());
    assert_eq!(with(inside), "size of a step schedule is 0: it must be 1 or more");
}

/// A measure that is no number is no gain, also as the first.
#[test]
fn plateaus_are_not_deceived_by_nan() {
    let (mut optimizer, mut plateau) = (Sgd::new(1.0), ReduceOnPlateau::new().patience(1));
    let mut observe = |measure: f64| plateau.observe(measure, &mut optimizer).unwrap();
    assert!(!observe(f64::NAN) && observe(f64::NAN));
    assert!(!observe(1.0) && !observe(0.5) && !observe(0.6) && observe(f64::NAN));
}

#[test]
fn wrappers_refuse_too() {
    let mut model = Param::new([1.0_f64]);
    let gradients = model.square().sum().backward();
    let text = |error: OptimizerError| error.to_string();
    let mut lookahead = Lookahead::new(Sgd::new(0.1)).every(0);
    assert_eq!(text(lookahead.step(&mut model, &gradients).unwrap_err()), "every is 0: it must be 1 or more");
    let mut lookahead = Lookahead::new(Sgd::new(0.1)).alpha(1.5);
    assert_eq!(
        text(lookahead.step(&mut model, &gradients).unwrap_err()),
        "alpha is 1.5: it must be in 0 ..= 1"
    );
    let error = Sam::new(Sgd::new(0.1)).rho(-1.0).step(&mut model, |w| w.sum()).unwrap_err();
    assert_eq!(text(error), "rho is -1: it must be a number from 0 on");
    let error = Average::exponential(1.5).update(&model).unwrap_err();
    assert_eq!(text(error), "decay is 1.5: it must be in 0 ..= 1");
    let error = Lbfgs::new(1.0).history_size(0).step(&mut model, |w| w.sum()).unwrap_err();
    assert_eq!(text(error), "history_size is 0: it must be 1 or more");
    let error = ReduceOnPlateau::new().factor(1.0).observe(1.0, &mut Sgd::new(0.1)).unwrap_err();
    assert_eq!(text(error), "factor is 1: it must be from 0 on and below 1");
    assert_eq!(model.value().item(), 1.0);
    // A loaded average of another model.
    let mut average = Average::equal();
    average.update(&Param::new([1.0_f64, 2.0])).unwrap();
    let error = average.swap(&mut model).unwrap_err();
    assert!(text(error).contains("belongs to another model"));
}
