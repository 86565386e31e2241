//! Checkpoints give the bits that plain passes give.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use gradus_autodiff::tensor::{Rng, Tensor};
use gradus_autodiff::{Var, checkpoint, grad, hvp, jvp, no_grad};

fn noise(shape: [usize; 2], seed: u64) -> Tensor<f64> {
    Tensor::normal(shape, 0.0, 1.0, &mut Rng::seed(seed))
}

/// x + down·gelu(up·x), and the same as a checkpoint.
fn block(x: &Var<f64>, up: &Var<f64>, down: &Var<f64>) -> Var<f64> {
    x + x.linear(up, None).gelu().linear(down, None)
}

fn saved(x: &Var<f64>, up: &Var<f64>, down: &Var<f64>) -> Var<f64> {
    let (up, down) = (up.clone(), down.clone());
    checkpoint(move |x| block(&x[0], &up, &down), &[x])
}

fn weights() -> [Var<f64>; 4] {
    [([5, 3], 1), ([3, 5], 2), ([5, 3], 3), ([3, 5], 4)].map(|(shape, seed)| Var::leaf(noise(shape, seed)))
}

#[test]
fn gradients_of_a_chain_of_blocks_have_the_same_bits() {
    let (x, [a, b, c, d]) = (Var::leaf(noise([4, 3], 9)), weights());
    let plain = block(&block(&x, &a, &b), &c, &d);
    let again = saved(&saved(&x, &a, &b), &c, &d);
    assert_eq!(plain.value(), again.value());
    let leaves = [&x, &a, &b, &c, &d];
    let seed = noise([4, 3], 10);
    let (plain, again) = (plain.backward_with(seed.clone()), again.backward_with(seed));
    assert_eq!(again.missing(&leaves), [0; 0]);
    leaves.iter().for_each(|leaf| assert_eq!(plain.of(leaf), again.of(leaf)));
    assert_eq!(plain.len(), again.len());
}

#[test]
fn gradients_of_any_order_are_the_same() {
    let (x, [a, b, ..]) = (Var::leaf(noise([4, 3], 9)), weights());
    let orders = |f: &dyn Fn(&Var<f64>) -> Var<f64>| {
        let leaves = [&x, &a, &b];
        let y = f(&x).sin().sum();
        let first = grad(&y, &leaves);
        let total: Var<f64> = first.iter().map(|g| g.square().sum()).sum();
        let second = grad(&total, &leaves);
        let third = grad(&second.iter().map(|g| g.square().sum()).sum(), &leaves);
        [first, second, third].concat().iter().map(|g| g.value().clone()).collect::<Vec<_>>()
    };
    let plain = orders(&|x| block(x, &a, &b));
    let again = orders(&|x| saved(x, &a, &b));
    for (plain, again) in plain.iter().zip(&again) {
        let scale = plain.square().sum().item().sqrt();
        assert!((plain - again).square().sum().item().sqrt() <= 1e-12 * scale);
    }
    let v = Var::constant(noise([4, 3], 11));
    let forward = jvp(|x| block(&x[0], &a, &b), &[&x], &[&v]).1;
    let through = jvp(|x| saved(&x[0], &a, &b), &[&x], &[&v]).1;
    assert!((forward.value() - through.value()).square().sum().item() < 1e-24);
    let (_, plain) = hvp(|x| block(&x[0], &a, &b).square().sum(), &[&x], &[&v]);
    let (_, again) = no_grad(|| hvp(|x| saved(&x[0], &a, &b).square().sum(), &[&x], &[&v]));
    assert!((plain[0].value() - again[0].value()).square().sum().item() < 1e-20);
}

#[test]
fn inputs_that_are_the_same_captured_or_constant_get_what_is_theirs() {
    let x = Var::leaf([2.0_f64, 3.0]);
    let gradient = |y: Var<f64>| y.sum().backward().of(&x).map(Tensor::to_vec);
    // Twice the same input, and captured as well: 2x + x.
    let own = x.clone();
    let y = checkpoint(move |x| &x[0] * &x[1] + &own, &[&x, &x]);
    let first = grad(&y.sum(), &[&x]).remove(0);
    assert_eq!(first.value().to_vec(), [5.0, 7.0]);
    assert_eq!(gradient(y), Some(vec![5.0, 7.0]));
    // Constants as inputs: only what is captured has a gradient.
    let own = x.clone();
    let y = checkpoint(move |x| &x[0] * &own, &[&Var::constant([10.0, 20.0])]);
    assert_eq!(gradient(y), Some(vec![10.0, 20.0]));
    // A captured result, behind which the graph goes on.
    let own = x.square();
    let y = checkpoint(move |x| own.exp() * &own + &x[0], &[&Var::constant(0.0)]);
    let want = [2.0_f64, 3.0].map(|x| 2.0 * x * (x * x).exp() * (1.0 + x * x));
    let got = gradient(y).expect("a gradient");
    got.iter().zip(want).for_each(|(got, want)| assert!((got - want).abs() < 1e-12 * want));
    // The identity, something captured alone, and nothing to differentiate.
    assert_eq!(gradient(checkpoint(|x| x[0].clone(), &[&x])), Some(vec![1.0, 1.0]));
    let own = x.clone();
    assert_eq!(gradient(checkpoint(move |_| own.clone(), &[])), Some(vec![1.0, 1.0]));
    assert!(!checkpoint(|x| x[0].exp(), &[&Var::constant(1.0_f64)]).has_gradient());
    assert!(!no_grad(|| checkpoint(|x| x[0].exp(), &[&x])).has_gradient());
    let y = checkpoint(|x| x[0].detach() * 2.0, &[&x]);
    assert!(!y.has_gradient());
}

#[test]
fn checkpoints_nest_and_run_again_once_for_each_pass() {
    let runs = Arc::new(AtomicUsize::new(0));
    let (x, w) = (Var::leaf([0.3_f64, -0.7]), Var::leaf([1.5, 0.5]));
    let (count, own) = (Arc::clone(&runs), w.clone());
    let y = checkpoint(
        move |x| {
            count.fetch_add(1, Relaxed);
            let own = own.clone();
            let inner = checkpoint(move |x| (&x[0] * &own).sin(), &[&x[0]]);
            inner.exp()
        },
        &[&x],
    );
    assert_eq!(runs.load(Relaxed), 1);
    let got = y.clone().sum().backward();
    assert_eq!(runs.load(Relaxed), 2);
    let plain = (&x * &w).sin().exp().sum().backward();
    [&x, &w].iter().for_each(|leaf| assert_eq!(plain.of(leaf), got.of(leaf)));
    let _ = y.sum().backward();
    assert_eq!(runs.load(Relaxed), 3);
}

/// Runs `f` and answers the message it panics with.
fn message<R>(f: impl FnOnce() -> R) -> String {
    let Err(panic) = catch_unwind(AssertUnwindSafe(f)) else { return String::new() };
    let text = panic.downcast_ref::<String>().cloned();
    text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned())).unwrap_or_default()
}

#[test]
fn a_function_that_does_not_repeat_itself_is_told() {
    let (x, w) = (Var::leaf([1.0_f64, 2.0]), Var::leaf([3.0, 4.0]));
    let runs = AtomicUsize::new(0);
    let y = checkpoint(move |x| if runs.fetch_add(1, Relaxed) == 0 { x[0].exp() } else { x[0].sum() }, &[&x]);
    let told = "checkpoint: the second run's value has another shape: [] and [2]";
    assert_eq!(message(|| y.sum().backward()), told);
    let runs = AtomicUsize::new(0);
    let y = checkpoint(move |x| if runs.fetch_add(1, Relaxed) == 0 { x[0].exp() } else { &x[0] * &w }, &[&x]);
    let told = "checkpoint: the second run reads a variable that the first did not";
    assert_eq!(message(|| y.sum().backward()), told);
    let many = vec![&x; 33];
    let told = "checkpoint: too many inputs: 33 (33 > 32)";
    assert_eq!(message(|| checkpoint(|x| x[0].exp(), &many)), told);
}
