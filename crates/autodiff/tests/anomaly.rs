//! What anomaly mode says, and what it lets pass.

use std::panic::{AssertUnwindSafe, catch_unwind};

use gradus_autodiff::tensor::Tensor;
use gradus_autodiff::{Var, detect_anomaly, grad, no_grad};

/// Runs `f` watched and answers the message it panics with; the line of the program is left out.
fn told<R>(f: impl FnOnce() -> R) -> String {
    let Err(panic) = catch_unwind(AssertUnwindSafe(|| detect_anomaly(f))) else { return String::new() };
    let text = panic.downcast_ref::<String>().cloned().unwrap_or_default();
    match text.split_once(file!()) {
        Some((before, _)) => format!("{before}here"),
        None => text,
    }
}

#[test]
fn the_first_nan_of_a_forward_pass_is_named_with_its_place() {
    let x = Var::leaf([[1.0_f64, 4.0], [9.0, -1.0]]);
    let line = line!() + 1;
    let f = || (x.sqrt() * 2.0).ln();
    let whole = catch_unwind(AssertUnwindSafe(|| detect_anomaly(f))).expect_err("a NaN");
    let whole = whole.downcast_ref::<String>().expect("a message");
    let place = format!("called at {}:{line}:19", file!());
    assert_eq!(
        *whole,
        format!("sqrt: NaN in its value [2, 2] at [1, 1], its inputs [2, 2] have none; {place}")
    );
    // Without a graph as well, and in single precision.
    let single = Var::constant([-1.0_f32]);
    let want = "sqrt: NaN in its value [1] at [0], its inputs [1] have none; called at here";
    assert_eq!(told(|| no_grad(|| single.sqrt())), want);
}

#[test]
fn the_first_infinity_is_named_and_no_later_one() {
    let (x, y) = (Var::leaf([2.0_f64, 0.0]), Var::leaf([1.0, 1.0]));
    let want = "div: infinity in its value [2] at [1], its inputs [2], [2] have none; called at here";
    assert_eq!(told(|| (&y / &x).exp()), want);
    // A mask of −∞ is no anomaly, nor what follows from it; a NaN that follows is.
    let mask = Var::constant([0.0, f64::NEG_INFINITY]);
    assert_eq!(told(|| (&x + &mask).softmax(-1)), "");
    let want = "sub: NaN in its value [2] at [1], its inputs [2], [2] have none; called at here";
    assert_eq!(told(|| &mask - &mask), want);
}

#[test]
fn a_source_that_holds_a_nan_is_named() {
    let bad = Tensor::from([[0.0_f64, f64::NAN]]);
    let x = Var::leaf([[1.0, 2.0]]);
    let want = "add: NaN in its input 1, a constant [1, 2] at [0, 1]; called at here";
    assert_eq!(told(|| &x + &Var::constant(bad.clone())), want);
    let want = "exp: NaN in its input 0, a leaf [1, 2] at [0, 1]; called at here";
    assert_eq!(told(|| Var::leaf(bad.clone()).exp()), want);
    assert_eq!(told(|| Var::leaf(bad.t()).exp()), want.replace("[1, 2] at [0, 1]", "[2, 1] at [1, 0]"));
}

#[test]
fn in_a_backward_pass_the_rule_is_named_and_where_it_was_called() {
    let x = Var::leaf([4.0_f64, 0.0]);
    let want = "backward: sqrt: infinity in the cotangent of its input 0 [2] at [1]; called at here";
    assert_eq!(told(|| x.sqrt().sum().backward()), want);
    assert_eq!(told(|| grad(&x.sqrt().sum(), &[&x])), want);
    // The forward pass need not have been watched.
    let y = x.sqrt().sum();
    assert_eq!(told(|| y.backward()), want);
    // Two finite cotangents that are too much together, found where they meet.
    let huge = Var::constant([1e308_f64, 0.0]);
    let middle = &x + 0.0;
    let y = (&middle * &huge + &middle * &huge).sum();
    let want = "backward: infinity in the cotangent [2] at [0] that reaches add_scalar, called at here";
    assert_eq!(told(|| y.backward()), want);
    assert!(
        told(|| x.sum().backward_with(Tensor::scalar(f64::NAN)))
            .starts_with("backward: NaN in the cotangent []")
    );
}

#[test]
fn nothing_is_said_of_finite_numbers_nor_outside() {
    let x = Var::leaf([4.0_f64, 0.5]);
    assert_eq!(told(|| (x.sqrt() / &x).ln().sum().backward()), "");
    let y = Var::leaf([-1.0_f64]).sqrt();
    assert!(y.value().to_vec()[0].is_nan());
    let empty = Var::leaf(Tensor::<f64>::zeros([0]));
    assert_eq!(told(|| empty.sqrt().sum().backward()), "");
    // A panic inside leaves the mode as it was.
    assert!(told(|| Var::leaf([-1.0_f64]).ln()).starts_with("ln"));
    assert!(Var::leaf([-1.0_f64]).ln().value().to_vec()[0].is_nan());
}
