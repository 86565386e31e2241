//! Hooks on gradients, several passes over one graph, and gradients that are not there.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex};

use gradus_autodiff::tensor::Tensor;
use gradus_autodiff::{Var, grad, jvp, no_grad, per_example_gradients};

/// Runs `f` and answers the message it panics with.
fn message<R>(f: impl FnOnce() -> R) -> String {
    let Err(panic) = catch_unwind(AssertUnwindSafe(f)) else { return String::new() };
    let text = panic.downcast_ref::<String>().cloned();
    text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned())).unwrap_or_default()
}

#[test]
fn a_hook_sees_the_whole_gradient_once() {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let x = Var::leaf([1.0_f64, -2.0]);
    let log = Arc::clone(&seen);
    let hooked = x.on_gradient(move |g| {
        log.lock().expect("one thread").push(g.value().to_vec());
        None
    });
    // Read three times: the parts have come together before the hook sees them.
    let y = (&hooked * 3.0 + hooked.square() - &hooked).sum();
    assert_eq!(y.item(), 1.0 * 2.0 + 1.0 - 4.0 + 4.0);
    let gradients = y.clone().backward();
    assert_eq!(gradients.of(&x).map(Tensor::to_vec), Some(vec![4.0, -2.0]));
    assert_eq!(grad(&y, &[&x])[0].value().to_vec(), [4.0, -2.0]);
    assert_eq!(*seen.lock().expect("one thread"), [[4.0, -2.0], [4.0, -2.0]]);
}

#[test]
fn a_hook_replaces_the_gradient_in_both_doors_and_in_higher_orders() {
    let x = Var::leaf([0.5_f64, 2.0]);
    let hooked = x.on_gradient(|g| Some(g.square()));
    let y = hooked.powf(3.0).sum(); // gradient (3x²)²
    assert_eq!(y.clone().backward().of(&x).map(Tensor::to_vec), Some(vec![0.5625, 144.0]));
    let first = grad(&y, &[&x]).remove(0);
    assert_eq!(first.value().to_vec(), [0.5625, 144.0]);
    // 9x⁴ → 36x³; the inner gradient passes the hook as well: its own rule is that of 9·h⁴ at h, squared.
    let second = grad(&first.sum(), &[&x]).remove(0);
    let want = [0.5_f64, 2.0].map(|x| (36.0 * x.powi(3)).powi(2));
    second
        .value()
        .to_vec()
        .iter()
        .zip(want)
        .for_each(|(got, want)| assert!((got - want).abs() < 1e-9 * want));
}

#[test]
fn a_hook_on_a_result_is_between_what_comes_before_and_behind() {
    let (x, w) = (Var::leaf(2.0_f64), Var::leaf(5.0));
    let y = (&x * 3.0).on_gradient(|g| Some(g * 0.0)) * &w;
    let gradients = y.backward();
    assert_eq!(gradients.of(&x).map(Tensor::item), Some(0.0));
    assert_eq!(gradients.of(&w).map(Tensor::item), Some(6.0));
}

#[test]
fn hooks_leave_values_constants_and_tangents_alone() {
    let x = Var::constant([1.0_f64, 2.0]);
    assert!(!x.on_gradient(|_| None).has_gradient());
    let leaf = Var::leaf(1.0_f64);
    assert!(!no_grad(|| leaf.on_gradient(|_| None)).has_gradient());
    let (y, slope) = jvp(|x| x[0].on_gradient(|g| Some(g * 100.0)).exp(), &[&x], &[&x]);
    assert_eq!(y.value(), &x.value().exp());
    assert_eq!(slope.value(), &(x.value().exp() * x.value()));
}

#[test]
fn hooks_see_each_example_s_gradient() {
    let w = Var::leaf([[3.0_f64, 4.0]]);
    // Every example's gradient by its own norm: not what the norm of the sum would make of it.
    let scaled = w.on_gradient(|g| Some(g / g.square().sum().sqrt()));
    let x = Var::constant([[3.0_f64, 4.0], [0.0, 2.0]]);
    let losses = x.linear(&scaled, None).reshape([2]);
    let got = per_example_gradients(&losses, &[&w]).remove(0);
    assert_eq!(got.to_vec(), [0.6, 0.8, 0.0, 1.0]);
}

#[test]
fn a_hook_that_changes_the_shape_is_named() {
    let x = Var::leaf([1.0_f64, 2.0]).on_gradient(|g| Some(g.sum()));
    let told = message(|| x.sum().backward());
    assert_eq!(told, "on_gradient: the new gradient has another shape: [] and [2]");
}

#[test]
fn a_kept_graph_answers_again_and_a_part_of_it_too() {
    let (x, w) = (Var::leaf([1.0_f64, 2.0]), Var::leaf([0.5, -1.0]));
    let hidden = (&x * &w).tanh();
    let loss = hidden.square().sum();
    let all = |gradients: gradus_autodiff::Gradients<f64>| {
        [&x, &w].map(|leaf| gradients.of(leaf).map(Tensor::to_vec).expect("a gradient"))
    };
    let first = all(loss.clone().backward());
    assert_eq!(first, all(loss.clone().backward()));
    // From the middle, which the passes above went through, and once more from the end, for the last time.
    let middle = all(hidden.backward_with(Tensor::ones([2])));
    assert_ne!(first, middle);
    assert_eq!(first, all(loss.backward()));
}

#[test]
fn missing_gradients_are_told_by_place() {
    let (a, b, c) = (Var::leaf(1.0_f64), Var::leaf(2.0), Var::constant(3.0));
    let result = &a * &c;
    let gradients = (&result * 2.0).backward();
    assert_eq!(gradients.missing(&[&a, &b, &c, &result]), [1, 2, 3]);
    assert_eq!(gradients.missing(&[&a]), [0; 0]);
}
