//! Ops against values and gradients recorded from PyTorch in `f64` by `crates/suite/golden/make_ops.py` and
//! `make_math.py`, in both types.

mod calls;
mod file;
mod math;
mod shapes;

use std::collections::BTreeSet;

use gradus_autodiff::Var;
use gradus_suite::ledger;
use gradus_tensor::{Float, Tensor};
use gradus_testkit::{Dense, Tolerance, compare};

use calls::Call;
use file::Case;

/// What single precision may differ by from a record in double.
const SINGLE: Tolerance = Tolerance { absolute: 1e-6, relative: 1e-5 };
/// The same of double precision.
const DOUBLE: Tolerance = Tolerance { absolute: 1e-10, relative: 1e-10 };

/// Ops whose record is no better than single precision, each with its reason.
const ROUGH: &[(&str, &str)] = &[
    ("celu", "PyTorch's gradient takes 1/α in single precision"),
    ("digamma", "PyTorch's trigamma, which its gradient takes, is right to 1e-9"),
    ("polygamma/1", "PyTorch's trigamma is right to 1e-9"),
    ("hardsigmoid", "PyTorch's gradient takes 1/6 in single precision"),
];

/// Ops that magnify the rounding of single precision, each with its reason: ten times the tolerance.
const SENSITIVE: &[(&str, &str)] = &[("pinv", "by the square of the matrix's condition")];

/// Value and gradients of Σ w·value, with the weights of the script.
fn check<T: Float>(
    case: &Case,
    call: impl Fn(&[Var<T>]) -> Var<T>,
    tolerance: Tolerance,
) -> Result<(), String> {
    let said = |what: String| move |mismatch| format!("{} in {}: {what}: {mismatch}", case.name, T::DTYPE);
    let x: Vec<Var<T>> = case.inputs.iter().map(|x| Var::leaf(x.tensor::<T>())).collect();
    let y = call(&x);
    compare(y.value(), &case.value, tolerance).map_err(said("value".into()))?;
    let weights: Vec<T> = (0..y.len()).map(|k| T::of((0.9 * k as f64 + 0.4).cos())).collect();
    let gradients = y.clone().backward_with(Tensor::new(*y.shape(), &weights));
    for (k, (x, want)) in x.iter().zip(&case.gradients).enumerate() {
        let gradient = gradients.of(x).cloned().unwrap_or_else(|| Tensor::zeros(*x.shape()));
        // A gradient is as exact as the cotangents that it sums: theirs are of size 1.
        compare(&gradient, want, tolerance).map_err(said(format!("gradient of input {k}")))?;
    }
    Ok(())
}

#[test]
fn ops_are_those_of_the_record() {
    let (cases, mut calls) = (file::read(), calls::table());
    calls.extend(math::table());
    calls.extend(shapes::table());
    let mut failures = Vec::new();
    let mut ops = BTreeSet::new();
    for case in &cases {
        let Some(Call { single, double, .. }) = calls.iter().find(|call| call.name == case.name) else {
            failures.push(format!("{} is recorded, but not called", case.name));
            continue;
        };
        let rough = ROUGH.iter().any(|(name, _)| *name == case.name);
        failures.extend(check(case, double, if rough { SINGLE } else { DOUBLE }).err());
        let sensitive = SENSITIVE.iter().any(|(name, _)| *name == case.name);
        failures.extend(check(case, single, if sensitive { SINGLE.times(10.0) } else { SINGLE }).err());
        ops.insert(case.name.split('/').next().unwrap_or_default());
    }
    let recorded = |call: &&Call| !cases.iter().any(|case| case.name == call.name);
    failures.extend(calls.iter().filter(recorded).map(|call| format!("{} is not recorded", call.name)));
    assert!(failures.is_empty(), "{} failures\n{}", failures.len(), failures.join("\n"));
    ledger::write("golden", &ops);
}

/// The record must be able to contradict: a value off by a thousandth does not pass.
#[test]
fn a_wrong_value_is_found() {
    let number = Dense::scalar;
    let case = Case {
        name: "tanh".into(),
        inputs: vec![number(0.5)],
        value: number(0.5_f64.tanh() + 1e-3),
        gradients: vec![number(0.0)],
    };
    let error = check::<f64>(&case, |x| x[0].tanh(), DOUBLE).unwrap_err();
    assert!(error.starts_with("tanh in f64: value"), "{error}");
}
