//! Fifty steps of PyTorch's optimizers and its schedules, recorded in f64 by `crates/suite/golden/make_optimizers.py`.
#![allow(clippy::unwrap_used)] // helpers of tests may stop at the first surprise

use gradus_autodiff::Var;
use gradus_module::Param;
use gradus_optimizers::*;

const TRAJECTORIES: &str = include_str!("golden/trajectories.csv");
const MATRICES: &str = include_str!("golden/matrices.csv");
const PLATEAUS: &str = include_str!("golden/plateau.csv");
const SCHEDULES: &str = include_str!("golden/schedules.csv");

fn rows(text: &str, name: &str) -> Vec<Vec<f64>> {
    let head = format!("{name},");
    let rows = text.lines().filter_map(|line| line.strip_prefix(&head));
    rows.map(|row| row.split(',').map(|number| number.parse().unwrap()).collect()).collect()
}

/// (1 − w₀)² + 3(w₁ − w₀²)² + (b·w₀ − 0.3)²/2.
fn loss(model: &[Param<f64>; 2]) -> Var<f64> {
    let (w, b) = (&*model[0], &*model[1]);
    let (first, second) = (w.narrow(0, 0, 1), w.narrow(0, 1, 1));
    let valley = (&second - first.square()).square() * 3.0;
    ((1.0 - &first).square() + valley + (b * &first - 0.3).square() * 0.5).sum()
}

fn check<R: Rule>(name: &str, optimizer: Optimizer<R>) {
    check_signed(name, optimizer, 1.0);
}

/// With `maximize`, of the negative loss: the way down again.
fn check_up<R: Rule>(name: &str, optimizer: Optimizer<R>) {
    check_signed(name, optimizer.maximize(true), -1.0);
}

fn close(got: &[f64], want: &[f64], what: &str) {
    assert_eq!(got.len(), want.len(), "{what}");
    for (a, b) in got.iter().zip(want) {
        assert!((a - b).abs() <= 1e-10 * (1.0 + b.abs()), "{what}: {a} {b}");
    }
}

fn check_signed<R: Rule>(name: &str, mut optimizer: Optimizer<R>, sign: f64) {
    let mut model = [Param::new([-0.5, 1.25]), Param::new([2.0])];
    let recorded = rows(TRAJECTORIES, name);
    assert_eq!(recorded.len(), 50, "{name}");
    for row in recorded {
        let gradients = (loss(&model) * sign).backward();
        let report = optimizer.step(&mut model, &gradients).unwrap();
        assert_eq!(report.step as f64, row[0]);
        let here = [model[0].value().to_vec(), model[1].value().to_vec()].concat();
        close(&here, &row[1..], &format!("{name}, step {}", row[0]));
    }
}

#[test]
fn sgd() {
    check("sgd", GradientDescent::new(0.03));
    check("sgd", Sgd::new(0.03));
    check("sgd_momentum", Sgd::new(0.01).momentum(0.9));
    check("sgd_nesterov", Sgd::new(0.01).momentum(0.9).nesterov(true));
    check("sgd_dampening", Sgd::new(0.02).momentum(0.9).dampening(0.4));
    check("sgd_decay", Sgd::new(0.01).momentum(0.8).weight_decay(0.1));
}

#[test]
fn adam() {
    check("adam", Adam::new(0.05));
    check("adam_betas", Adam::new(0.05).betas(0.7, 0.95).eps(1e-3).weight_decay(0.1));
    check("adam_amsgrad", Adam::new(0.2).betas(0.9, 0.9).amsgrad(true));
}

#[test]
fn adamw() {
    check("adamw", AdamW::new(0.05));
    check("adamw_decay", AdamW::new(0.05).weight_decay(0.5).amsgrad(true));
    let bias = GroupOptions::new().learning_rate_scale(0.1).weight_decay(0.0);
    check("adamw_groups", AdamW::new(0.05).weight_decay(0.2).group(|path| path == "1", bias));
}

#[test]
fn ascents() {
    check_up("sgd_maximize", Sgd::new(0.01).momentum(0.9).weight_decay(0.1));
    check_up("adam_maximize", Adam::new(0.05).weight_decay(0.1));
    check("adam_decoupled", AdamW::new(0.05).weight_decay(0.5));
}

#[test]
fn relatives_of_adam() {
    check("adamax", AdaMax::new(0.05));
    check_up("adamax_all", AdaMax::new(0.1).betas(0.7, 0.9).eps(1e-3).weight_decay(0.1));
    check("nadam", NAdam::new(0.05));
    let coupled = NAdam::new(0.05).betas(0.8, 0.9).eps(1e-3).momentum_decay(0.1);
    check("nadam_coupled", coupled.weight_decay(0.1));
    check_up("nadam_decoupled", NAdam::new(0.05).weight_decay(0.2).decoupled_weight_decay(true));
    check("radam", RAdam::new(0.05));
    check("radam_coupled", RAdam::new(0.1).betas(0.8, 0.9).eps(1e-3).weight_decay(0.1));
    check_up("radam_decoupled", RAdam::new(0.05).weight_decay(0.2).decoupled_weight_decay(true));
}

#[test]
fn sums_and_means_of_squares() {
    check("adagrad", Adagrad::new(0.2));
    let all = Adagrad::new(0.3).learning_rate_decay(0.05).initial_accumulator(0.5).eps(1e-3);
    check_up("adagrad_all", all.weight_decay(0.1));
    check("adadelta", Adadelta::new(1.0));
    check_up("adadelta_all", Adadelta::new(0.5).rho(0.7).eps(1e-2).weight_decay(0.1));
    check("rmsprop", RmsProp::new(0.02));
    check("rmsprop_momentum", RmsProp::new(0.01).alpha(0.9).momentum(0.5).weight_decay(0.1));
    check("rmsprop_centered", RmsProp::new(0.01).alpha(0.9).eps(1e-3).centered(true));
    let all = RmsProp::new(0.01).alpha(0.8).momentum(0.6).eps(1e-2).centered(true);
    check_up("rmsprop_all", all.weight_decay(0.1));
}

#[test]
fn signs_and_averages() {
    check("rprop", Rprop::new(0.02));
    check_up("rprop_all", Rprop::new(0.03).etas(0.6, 1.1).step_sizes(1e-3, 0.05));
    check("asgd", Asgd::new(0.03));
    check_up("asgd_all", Asgd::new(0.02).lambda(0.05).alpha(0.5).start(10.0).weight_decay(0.1));
    let mut model = Param::new([-0.5, 1.25]);
    let mut optimizer = Asgd::new(0.02).start(10.0);
    for row in rows(MATRICES, "asgd_average") {
        let (first, second) = (model.narrow(0, 0, 1), model.narrow(0, 1, 1));
        let loss = (1.0 - &first).square() + (&second - first.square()).square() * 3.0;
        optimizer.step(&mut model, &loss.sum().backward()).unwrap();
        let average = optimizer.state().get("ax").unwrap().cast::<f64>().to_vec();
        close(&average, &row[1..], &format!("asgd_average, step {}", row[0]));
    }
}

#[test]
fn lbfgs() {
    let check = |name: &str, mut optimizer: Lbfgs, sign: f64| {
        let mut model = [Param::new([-0.5, 1.25]), Param::new([2.0])];
        let recorded = rows(TRAJECTORIES, name);
        assert_eq!(recorded.len(), 50, "{name}");
        for row in recorded {
            optimizer.step(&mut model, |model| loss(model) * sign).unwrap();
            let here = [model[0].value().to_vec(), model[1].value().to_vec()].concat();
            close(&here, &row[1..], &format!("{name}, step {}", row[0]));
        }
    };
    let wolfe = || Lbfgs::new(1.0).line_search(LineSearch::StrongWolfe);
    check("lbfgs", Lbfgs::new(0.1).max_iterations(2), 1.0);
    check("lbfgs_wolfe", wolfe().max_iterations(1).max_evaluations(10), 1.0);
    let short = Lbfgs::new(0.5).line_search(LineSearch::StrongWolfe).max_iterations(2).max_evaluations(9);
    check("lbfgs_history", short.history_size(2).maximize(true), -1.0);
}

fn check_matrices<R: Rule>(name: &str, mut optimizer: Optimizer<R>, sign: f64) {
    let mut model = [Param::new([[0.5, -0.25], [1.0, 0.75], [-0.5, 0.125]]), Param::new([2.0, -1.0])];
    let c = Var::constant([[1.0, 2.0, -1.0], [0.5, -0.5, 1.5]]);
    let recorded = rows(MATRICES, name);
    assert_eq!(recorded.len(), 50, "{name}");
    for row in recorded {
        let (w, b) = (&*model[0], &*model[1]);
        let loss = (c.matmul(w) + b - 1.0).square().sum() + w.powf(4.0).sum() * 0.1;
        optimizer.step(&mut model, &(loss * sign).backward()).unwrap();
        let here = [model[0].value().to_vec(), model[1].value().to_vec()].concat();
        close(&here, &row[1..], &format!("{name}, step {}", row[0]));
    }
}

#[test]
fn methods_of_matrices() {
    check_matrices("adafactor", Adafactor::new(0.05), 1.0);
    let all = Adafactor::new(0.3).beta2_decay(-0.5).eps(1e-4, 1e-2).threshold(1.5);
    check_matrices("adafactor_all", all.weight_decay(0.1).maximize(true), -1.0);
    check_matrices("muon", Muon::new(0.02).only(|path| path == "0"), 1.0);
    let all = Muon::new(0.05).momentum(0.8).nesterov(false).coefficients([3.0, -3.2, 1.2]).eps(1e-3);
    let all = all.iterations(3).scale(MuonScale::MatchAdamW).weight_decay(0.3);
    check_matrices("muon_all", all.only(|path| path == "0"), 1.0);
    let spectral = Muon::new(0.05).scale(MuonScale::Spectral).only(|path| path == "0");
    check_matrices("muon_spectral", spectral, 1.0);
}

#[test]
fn clipping() {
    check("clip_norm", Sgd::new(0.05).momentum(0.5).clip_global_norm(1.5));
    check("clip_value", Sgd::new(0.05).momentum(0.5).clip_value(0.75));
}

#[test]
fn schedules() {
    let cycle = |cycle| Schedule::cyclic(cycle);
    let by = |cycle| Schedule::one_cycle_by(cycle);
    let long = OneCycle::new(200);
    let three = OneCycle { rise: 0.2, division: 5.0, is_linear: true, is_three_phase: true, ..long };
    let falling = Schedule::exponential(0.9).then(40, Schedule::step(30, 0.5));
    let all = [
        ("linear", Schedule::linear(0.25, 0.75, 10)),
        ("step", Schedule::step(7, 0.5)),
        ("multi_step", Schedule::multi_step(&[3, 9, 20], 0.1)),
        ("exponential", Schedule::exponential(0.9)),
        ("cosine", Schedule::cosine_wave(24, 0.1)),
        ("polynomial", Schedule::polynomial(20, 2.0)),
        ("one_cycle", Schedule::one_cycle(25)),
        ("one_cycle_late", Schedule::one_cycle_with(25, 0.6, 10.0, 100.0)),
        ("warmup_cosine", Schedule::warmup(5).then(5, Schedule::cosine_wave(20, 0.0))),
        ("constant", Schedule::constant_for(60, 0.25)),
        ("linear_long", Schedule::linear(1.0 / 3.0, 1.0, 120)),
        ("cosine_wave", Schedule::cosine_wave(30, 0.1)),
        ("restarts", Schedule::cosine_restarts(10, 1, 0.05)),
        ("restarts_growing", Schedule::cosine_restarts(7, 3, 0.01)),
        ("polynomial_long", Schedule::polynomial(150, 0.5)),
        ("one_cycle_linear", by(OneCycle { is_linear: true, ..long })),
        ("one_cycle_three", by(OneCycle { is_three_phase: true, ..long })),
        ("one_cycle_three_linear", by(three)),
        ("triangular", cycle(Cyclic { lowest: 0.25, ..Cyclic::new(20) })),
        ("triangular2", cycle(Cyclic { down: 25, scale: CyclicScale::Halved, ..Cyclic::new(15) })),
        ("exp_range", cycle(Cyclic { down: 10, scale: CyclicScale::Exponential(0.98), ..Cyclic::new(30) })),
        ("chained", Schedule::constant_for(20, 0.1).times(Schedule::exponential(0.99))),
        ("sequential", Schedule::constant_for(20, 0.1).then(20, falling)),
        ("noam", Schedule::noam(64, 40)),
        ("inverse_sqrt", Schedule::inverse_square_root(40)),
        ("stable", Schedule::warmup_stable_decay(20, 100, 60, 0.1)),
    ];
    for (name, schedule) in all {
        let recorded = rows(SCHEDULES, name).remove(0);
        assert!(recorded.len() == 200 || name.starts_with("one_cycle"), "{name}");
        for (step, want) in recorded.into_iter().enumerate() {
            let got = schedule.factor(step as u64);
            // PyTorch multiplies its way along; some 1e-16 a step.
            assert!((got - want).abs() < 1e-12, "{name}, step {step}: {got} {want}");
        }
    }
}

#[test]
fn plateaus() {
    let new = ReduceOnPlateau::new;
    let better = || new().factor(0.5).better(Better::Higher);
    let absolute = Threshold::Absolute;
    let all = [
        ("default", new()),
        (
            "relative",
            new().factor(0.5).patience(2).threshold(Threshold::Relative(0.05)).cooldown(3).minimum(0.02),
        ),
        ("absolute", new().factor(0.3).patience(1).threshold(absolute(0.1)).eps(1e-3)),
        ("higher", better().patience(3).threshold(Threshold::Relative(0.05))),
        ("higher_absolute", better().patience(0).threshold(absolute(0.02)).cooldown(2)),
    ];
    for (name, mut plateau) in all {
        let mut optimizer = Sgd::new(1.0);
        for (step, want) in rows(PLATEAUS, name).remove(0).into_iter().enumerate() {
            let t = step as f64;
            let measure = (-0.1 * t).exp() + 0.3 * (1.7 * t).sin().powi(2);
            // Saved and loaded at every step: nothing is forgotten.
            let mut fresh = plateau.clone();
            fresh.load_state(&plateau.state()).unwrap();
            assert_eq!(fresh, plateau);
            plateau.observe(measure, &mut optimizer).unwrap();
            let got = optimizer.learning_rate();
            assert!((got - want).abs() < 1e-15, "{name}, step {step}: {got} {want}");
        }
    }
}
