//! What the layers' tests share: numbers, comparison, and gradients of parameters against central differences.
#![allow(dead_code)] // each test file uses its own part

use gradus_autodiff::{Var, check_grads};
use gradus_module::{Module, Param, Path};
use gradus_tensor::{Rng, Shape, Tensor};

/// Gaussian numbers, the same for the same seed.
pub(crate) fn noise(shape: impl Into<Shape>, seed: u64) -> Tensor<f64> {
    Tensor::normal(shape, 0.0, 1.0, &mut Rng::seed(seed))
}

/// Panics unless all elements agree.
#[track_caller]
pub(crate) fn close(have: &Tensor<f64>, want: &[f64], tolerance: f64) {
    let have = have.to_vec();
    assert_eq!(have.len(), want.len());
    for (i, (a, b)) in have.iter().zip(want).enumerate() {
        assert!((a - b).abs() <= tolerance * (1.0 + b.abs()), "element {i}: {a} and {b}");
    }
}

/// The names of a model's state.
pub(crate) fn names(model: &impl Module) -> Vec<String> {
    model.state().names().map(str::to_owned).collect()
}

/// Every parameter's value moved by `step` along its direction.
pub(crate) fn shift(model: &mut impl Module, step: f64) {
    let mut seed = 100;
    model.visit_mut(&mut Path::root(), &mut |_, entry| {
        seed += 1;
        if let Some(param) = entry.as_any_mut().downcast_mut::<Param<f64>>() {
            let direction = noise(*param.shape(), seed);
            *param.value_mut() += &(direction * step);
        }
    });
}

/// Gradients of the input to second order, and of all parameters, against central differences.
#[track_caller]
pub(crate) fn check_layer<M: Module>(
    model: &mut M,
    x: &Tensor<f64>,
    forward: impl Fn(&M, &Var<f64>) -> Var<f64>,
) {
    if let Err(error) = check_grads(|x| forward(model, &x[0]), std::slice::from_ref(x), 2) {
        panic!("{error}");
    }
    let loss = |model: &M| {
        let y = forward(model, &Var::from(x));
        let weights = Var::from(noise(*y.shape(), 99));
        (y * weights).sum()
    };
    let gradients = loss(model).backward();
    let (mut analytic, mut seed) = (0.0, 100);
    model.visit(&mut Path::root(), &mut |path, entry| {
        seed += 1;
        if let Some(param) = entry.as_any().downcast_ref::<Param<f64>>() {
            let g = gradients.of(param).unwrap_or_else(|| panic!("no gradient for {path}"));
            assert_eq!(g.shape(), param.shape(), "{path}");
            analytic += (g * &noise(*param.shape(), seed)).sum().item();
        }
    });
    const STEP: f64 = 1e-5;
    shift(model, STEP);
    let above = loss(model).item();
    shift(model, -2.0 * STEP);
    let below = loss(model).item();
    shift(model, STEP);
    let numeric = (above - below) / (2.0 * STEP);
    assert!(
        (analytic - numeric).abs() <= 1e-6 * (1.0 + numeric.abs()),
        "{analytic} by rule, {numeric} measured"
    );
}
