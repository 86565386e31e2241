//! Schedules beyond what PyTorch records: ends, edges, combinations, and their life inside an optimizer.

use gradus_module::Param;
use gradus_optimizers::{OptimizerError, Schedule, Sgd};

#[test]
fn after_their_end_they_stay() {
    for (schedule, end) in [
        (Schedule::linear(1.0, 0.5, 10), 0.5),
        (Schedule::warmup(10), 1.0),
        (Schedule::cosine(10, 0.2), 0.2),
        (Schedule::polynomial(10, 3.0), 0.0),
        (Schedule::one_cycle(10), 1.0 / 25e4),
    ] {
        for step in [10, 11, 1000, u64::MAX] {
            assert!((schedule.factor(step) - end).abs() < 1e-15, "{schedule:?} {step}");
        }
    }
}

#[test]
fn empty_ones_are_at_their_end() {
    assert_eq!(Schedule::linear(0.0, 0.5, 0).factor(0), 0.5);
    assert_eq!(Schedule::warmup(0).factor(0), 1.0);
    assert_eq!(Schedule::cosine(0, 0.5).factor(0), 0.5);
    for steps in 0..8 {
        for rise in [0.0, 0.1, 0.3, 1.0] {
            for step in 0..10 {
                let factor = Schedule::one_cycle_with(steps, rise, 25.0, 1e4).factor(step);
                assert!((0.0..=1.0).contains(&factor), "{steps} {rise} {step}: {factor}");
            }
        }
    }
}

#[test]
fn combinations() {
    let two = Schedule::exponential(0.5).then(3, Schedule::linear(1.0, 0.0, 4));
    let factors: Vec<f64> = (0..8).map(|step| two.factor(step)).collect();
    assert_eq!(factors, [1.0, 0.5, 0.25, 1.0, 0.75, 0.5, 0.25, 0.0]);
    let product = Schedule::step(2, 0.1).times(Schedule::new(|step| step as f64));
    assert!((product.factor(5) - 0.05).abs() < 1e-15);
    let epochs = Schedule::multi_step(&[1, 2], 0.5).every(100);
    assert_eq!([0, 99, 100, 199, 200].map(|step| epochs.factor(step)), [1.0, 1.0, 0.5, 0.5, 0.25]);
}

#[test]
fn the_optimizer_follows_its_schedule_and_its_learning_rate() {
    let mut model = Param::new([0.0_f64]);
    let mut optimizer = Sgd::new(1.0).schedule(Schedule::exponential(0.5));
    let mut step = |optimizer: &mut Sgd| {
        let gradients = (&*model * 1.0).sum().backward(); // gradient 1
        let before = model.value().item();
        let report = optimizer.step(&mut model, &gradients).unwrap();
        (report.learning_rate, before - model.value().item())
    };
    assert_eq!(step(&mut optimizer), (1.0, 1.0));
    assert_eq!(optimizer.learning_rate(), 0.5);
    assert_eq!(step(&mut optimizer), (0.5, 0.5));
    optimizer.set_learning_rate(2.0);
    assert_eq!((optimizer.base_learning_rate(), optimizer.learning_rate()), (2.0, 0.5));
    assert_eq!(step(&mut optimizer), (0.5, 0.5));
}

#[test]
fn a_factor_that_is_no_number_is_refused() {
    let mut model = Param::new([0.0_f64]);
    let gradients = model.sum().backward();
    let mut optimizer = Sgd::new(1.0).schedule(Schedule::new(|_| f64::NAN));
    let error = optimizer.step(&mut model, &gradients).unwrap_err();
    assert!(matches!(error, OptimizerError::HyperParameter { .. }), "{error}");
}
