//! Fifty steps of PyTorch's optimizers and its schedules, recorded in f64 by `crates/suite/golden/make_optimizers.py`.
#![allow(clippy::unwrap_used)] // helpers of tests may stop at the first surprise

use gradus_autodiff::Var;
use gradus_module::Param;
use gradus_optimizers::*;

const TRAJECTORIES: &str = include_str!("golden/trajectories.csv");
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

fn check<R: Rule>(name: &str, mut optimizer: Optimizer<R>) {
    let mut model = [Param::new([-0.5, 1.25]), Param::new([2.0])];
    let recorded = rows(TRAJECTORIES, name);
    assert_eq!(recorded.len(), 50, "{name}");
    for row in recorded {
        let gradients = loss(&model).backward();
        let report = optimizer.step(&mut model, &gradients).unwrap();
        assert_eq!(report.step as f64, row[0]);
        let here = [model[0].value().to_vec(), model[1].value().to_vec()].concat();
        for (a, b) in here.iter().zip(&row[1..]) {
            assert!((a - b).abs() <= 1e-11 * (1.0 + b.abs()), "{name}, step {}: {a} {b}", row[0]);
        }
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
fn clipping() {
    check("clip_norm", Sgd::new(0.05).momentum(0.5).clip_global_norm(1.5));
    check("clip_value", Sgd::new(0.05).momentum(0.5).clip_value(0.75));
}

#[test]
fn schedules() {
    let all = [
        ("linear", Schedule::linear(0.25, 0.75, 10)),
        ("step", Schedule::step(7, 0.5)),
        ("multi_step", Schedule::multi_step(&[3, 9, 20], 0.1)),
        ("exponential", Schedule::exponential(0.9)),
        ("cosine", Schedule::cosine(24, 0.1)),
        ("polynomial", Schedule::polynomial(20, 2.0)),
        ("one_cycle", Schedule::one_cycle(25)),
        ("one_cycle_late", Schedule::one_cycle_with(25, 0.6, 10.0, 100.0)),
        ("warmup_cosine", Schedule::warmup_cosine(5, 25, 0.0)),
    ];
    for (name, schedule) in all {
        let recorded = rows(SCHEDULES, name).remove(0);
        assert_eq!(recorded.len(), 25, "{name}");
        for (step, want) in recorded.into_iter().enumerate() {
            let got = schedule.factor(step as u64);
            assert!((got - want).abs() < 1e-13, "{name}, step {step}: {got} {want}");
        }
    }
}
