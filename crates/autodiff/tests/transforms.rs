//! Transforms against closed forms and finite differences.

use gradus_autodiff::tensor::{Rng, Tensor};
use gradus_autodiff::{Var, grad, hessian, hvp, jacobian, jvp, no_grad, vjp};

fn noise(shape: &[usize], seed: u64) -> Tensor<f64> {
    Tensor::normal(shape, 0.0, 1.0, &mut Rng::seed(seed))
}

#[track_caller]
fn close(got: &Tensor<f64>, want: &Tensor<f64>, tolerance: f64) {
    assert_eq!(got.shape(), want.shape());
    for (i, (got, want)) in got.to_vec().into_iter().zip(want.to_vec()).enumerate() {
        assert!((got - want).abs() <= tolerance * (1.0 + want.abs()), "element {i}: {got} and {want}");
    }
}

/// Two layers on 3 examples: inputs x `[3, 4]`, w `[5, 4]`, v `[2, 5]`.
fn network(x: &[Var<f64>]) -> Var<f64> {
    x[0].linear(&x[1], None).tanh().linear(&x[2], None).softmax(-1)
}

fn inputs() -> [Var<f64>; 3] {
    [([3, 4], 1), ([5, 4], 2), ([2, 5], 3)].map(|(shape, seed)| Var::constant(noise(&shape, seed)))
}

/// f at `xs` with element `flat` of input `k` moved.
fn moved(xs: &[&Var<f64>], k: usize, flat: usize, by: f64) -> Vec<Var<f64>> {
    let shifted = |(i, x): (usize, &&Var<f64>)| {
        let mut value = x.value().clone();
        if i == k {
            value.make_mut()[flat] += by;
        }
        Var::constant(value)
    };
    xs.iter().enumerate().map(shifted).collect()
}

/// The Jacobian `[y.shape ‖ x.shape]` by central differences.
fn measured(f: impl Fn(&[Var<f64>]) -> Var<f64>, xs: &[&Var<f64>], k: usize) -> Tensor<f64> {
    let step = 1e-5;
    let y = f(&moved(xs, 0, 0, 0.0));
    let columns: Vec<Tensor<f64>> = (0..xs[k].len())
        .map(|flat| {
            let [up, down] = [step, -step].map(|by| f(&moved(xs, k, flat, by)).into_value());
            ((up - &down) * (0.5 / step)).reshape([y.len()])
        })
        .collect();
    let shape = [&y.shape()[..], &xs[k].shape()[..]].concat();
    Tensor::stack(&columns.iter().collect::<Vec<_>>(), -1).reshape(&shape[..])
}

#[test]
fn jacobians_are_those_of_finite_differences() {
    let xs = inputs();
    let xs = xs.each_ref();
    let recorded = jacobian(network, &xs);
    let constant = no_grad(|| jacobian(network, &xs));
    for k in 0..3 {
        let want = measured(network, &xs, k);
        close(recorded[k].value(), &want, 1e-8);
        close(constant[k].value(), recorded[k].value(), 1e-14);
        assert!(!constant[k].has_gradient());
    }
}

#[test]
fn few_inputs_go_forward_and_give_the_same() {
    // 2 columns and 24 rows: three times as many and more.
    let f = |x: &[Var<f64>]| (&x[0] * &x[1]).exp() + x[0].matmul(&Var::constant(noise(&[2, 2], 5))) * 3.0;
    let (x, w) = (Var::leaf(noise(&[2], 1)), Var::constant(noise(&[12, 2], 2)));
    let one = jacobian(|x| f(&[x[0].clone(), w.clone()]), &[&x]).remove(0);
    close(one.value(), &measured(|x| f(&[x[0].clone(), w.clone()]), &[&x], 0), 1e-8);
    let closed = &w * &(&x * &w).exp();
    let own = Var::constant(Tensor::eye(2).reshape([1, 2, 2]));
    close(
        &(one.value() - jacobian(|x| x[0].matmul(&Var::constant(noise(&[2, 2], 5))) * 3.0, &[&x])[0].value()),
        (closed.unsqueeze(-1) * own).value(),
        1e-12,
    );
    // And differentiable: by x, to which the recorded forward sweep leads back.
    let again = grad(&one.sum(), &[&x]).remove(0);
    close(
        again.value(),
        &measured(|x| jacobian(|x| f(&[x[0].clone(), w.clone()]), &[&x[0]])[0].sum(), &[&x], 0),
        1e-7,
    );
}

#[test]
fn hessian_of_a_small_network_is_that_of_finite_differences() {
    let loss = |x: &[Var<f64>]| (network(x) - Var::constant(noise(&[3, 2], 9))).square().sum();
    let xs = inputs();
    let xs = xs.each_ref();
    let h = hessian(loss, &xs);
    let constant = no_grad(|| hessian(loss, &xs));
    for i in 0..3 {
        // Central differences of the gradient.
        let gradient = |x: &[Var<f64>]| {
            let leaves: Vec<Var<f64>> = x.iter().map(|x| Var::leaf(x.value().clone())).collect();
            grad(&loss(&leaves), &[&leaves[i]]).remove(0).detach()
        };
        for j in 0..3 {
            assert_eq!(h[i][j].shape()[..], [&xs[i].shape()[..], &xs[j].shape()[..]].concat());
            close(h[i][j].value(), &measured(gradient, &xs, j), 1e-6);
            close(constant[i][j].value(), h[i][j].value(), 1e-12);
            let (a, b) = (xs[i].len(), xs[j].len());
            let turned = h[j][i].value().reshape([b, a]).t();
            close(&h[i][j].value().reshape([a, b]), &turned, 1e-12);
        }
    }
}

#[test]
fn hessian_of_a_quadratic_form_is_its_matrix() {
    let a = noise(&[4, 4], 1);
    let form = |x: &[Var<f64>]| x[0].matmul(&Var::constant(a.clone())).matmul(&x[0]) + x[1].sum();
    let (x, linear) = (Var::constant(noise(&[4], 2)), Var::constant(noise(&[2], 3)));
    let h = hessian(form, &[&x, &linear]);
    close(h[0][0].value(), &(&a + &a.t()), 1e-13);
    assert!(h[0][1].value().to_vec().iter().chain(&h[1][1].value().to_vec()).all(|&h| h == 0.0));
    assert_eq!((h[1][0].shape()[..].to_vec(), h[1][1].shape()[..].to_vec()), (vec![2, 4], vec![2, 2]));
}

#[test]
fn products_are_those_with_the_whole_matrices() {
    let xs = inputs();
    let xs = xs.each_ref();
    let vs =
        [([3, 4], 11), ([5, 4], 12), ([2, 5], 13)].map(|(shape, seed)| Var::constant(noise(&shape, seed)));
    let vs = vs.each_ref();
    let u = Var::constant(noise(&[3, 2], 14));
    let j = jacobian(network, &xs);
    let flat = |x: &Tensor<f64>| x.reshape([x.len()]);
    let (y, of_x) = vjp(network, &xs, &u);
    let (same, forward) = jvp(network, &xs, &vs);
    assert_eq!(y.value(), same.value());
    let mut want = Tensor::zeros([6]);
    for k in 0..3 {
        let matrix = j[k].value().reshape([6, xs[k].len()]);
        close(&flat(of_x[k].value()), &flat(u.value()).matmul(&matrix), 1e-12);
        want += &matrix.matmul(&flat(vs[k].value()));
    }
    close(&flat(forward.value()), &want, 1e-12);
    let loss = |x: &[Var<f64>]| (network(x) * Var::constant(noise(&[3, 2], 9))).sum();
    let h = hessian(loss, &xs);
    for constant in [false, true] {
        let run = || hvp(loss, &xs, &vs).1;
        let products = if constant { no_grad(run) } else { run() };
        for i in 0..3 {
            let mut want = Tensor::zeros([xs[i].len()]);
            (0..3).for_each(|j| {
                want += &h[i][j].value().reshape([xs[i].len(), xs[j].len()]).matmul(&flat(vs[j].value()));
            });
            close(&flat(products[i].value()), &want, 1e-12);
        }
    }
}

#[test]
fn transforms_nest_and_what_they_capture_can_be_differentiated() {
    // f(x) = w·x³: the directional derivative of the directional derivative, and that by w.
    let w = Var::leaf(2.0_f64);
    let x = Var::leaf([0.5_f64, -1.5]);
    let one = Var::constant([1.0, 1.0]);
    let second = jvp(|x| jvp(|x| x[0].powf(3.0) * &w, &[&x[0]], &[&one]).1, &[&x], &[&one]).1;
    close(second.value(), &Tensor::from([6.0, -18.0]), 1e-13); // 6·w·x
    let by_both = grad(&second.sum(), &[&w, &x]);
    assert!((by_both[0].item() - 6.0 * (0.5 - 1.5)).abs() < 1e-12);
    close(by_both[1].value(), &Tensor::from([12.0, 12.0]), 1e-12);
    // Reverse over forward and forward over reverse give the same Hessian product.
    let v = Var::constant([0.3, 0.7]);
    let loss = |x: &[Var<f64>]| (x[0].sin() * x[0].sum()).sum();
    let (_, reverse) = hvp(loss, &[&x], &[&v]);
    let forward = jvp(|x| grad(&loss(x), &[&x[0]]).remove(0), &[&x], &[&v]).1;
    close(reverse[0].value(), forward.value(), 1e-13);
    let mixed = grad(&jvp(loss, &[&x], &[&v]).1, &[&x]).remove(0);
    close(reverse[0].value(), mixed.value(), 1e-13);
}

#[test]
fn what_does_not_depend_on_an_input_has_noughts() {
    let (x, z) = (Var::constant([1.0_f64, 2.0]), Var::constant([[3.0]]));
    let (y, slope) = jvp(|x| x[0].sign() + 1.0, &[&x, &z], &[&x, &z]);
    assert_eq!((y.value().to_vec(), slope.value().to_vec()), (vec![2.0, 2.0], vec![0.0, 0.0]));
    let (_, slope) = jvp(|_| Var::constant([5.0]), &[&x], &[&x]);
    assert_eq!(slope.value().to_vec(), [0.0]);
    let j = jacobian(|x| x[0].square(), &[&x, &z]);
    assert_eq!((j[1].shape()[..].to_vec(), j[1].value().sum().item()), (vec![2, 1, 1], 0.0));
    let identity = jvp(|x| x[0].clone(), &[&x], &[&Var::constant([7.0, 8.0])]).1;
    assert_eq!(identity.value().to_vec(), [7.0, 8.0]);
    let empty = Var::constant(Tensor::<f64>::zeros([0, 3]));
    let j = jacobian(|x| x[0].exp(), &[&empty]).remove(0);
    assert_eq!(j.shape()[..], [0, 3, 0, 3]);
}

#[test]
fn a_variable_used_twice_and_one_given_twice_count_twice() {
    let x = Var::leaf(3.0_f64);
    let (_, slope) = jvp(|x| &x[0] * &x[0] + &x[1], &[&x, &x], &[&Var::constant(1.0), &Var::constant(10.0)]);
    assert_eq!(slope.item(), 16.0);
    let (_, parts) = vjp(|x| &x[0] * &x[0] + &x[1], &[&x, &x], &Var::constant(1.0));
    assert_eq!((parts[0].item(), parts[1].item()), (6.0, 1.0));
}

#[test]
fn a_long_chain_goes_forward_without_recursion_or_hoarding() {
    let x = Var::leaf(1.0_f64);
    let f = |x: &[Var<f64>]| (0..20_000).fold(x[0].clone(), |y, _| y + 1.0);
    let work = move || assert_eq!(no_grad(|| jvp(f, &[&x], &[&Var::constant(2.0)])).1.item(), 2.0);
    let thread = std::thread::Builder::new().stack_size(512 * 1024).spawn(work);
    assert!(thread.is_ok_and(|thread| thread.join().is_ok()));
}

/// Runs `f` and answers the message it panics with.
fn message<R>(f: impl FnOnce() -> R) -> String {
    let Err(panic) = std::panic::catch_unwind(std::panic::AssertUnwindSafe(f)) else { return String::new() };
    let text = panic.downcast_ref::<String>().cloned();
    text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned())).unwrap_or_default()
}

#[test]
fn wrong_shapes_are_named() {
    let (x, v) = (Var::constant([1.0_f64, 2.0]), Var::constant([1.0]));
    let square = |x: &[Var<f64>]| x[0].square();
    assert_eq!(message(|| jvp(square, &[&x], &[&v])), "jvp: tangent 0 does not fit its input: [1] and [2]");
    assert_eq!(
        message(|| jvp(square, &[&x], &[])),
        "jvp: not one tangent for each input: 1 inputs and 0 (1 ≠ 0)"
    );
    assert_eq!(message(|| vjp(square, &[&x], &v)), "vjp: the cotangent does not fit the value: [1] and [2]");
    assert_eq!(message(|| hvp(square, &[&x], &[&x])), "hvp: not a single element: [2] (2 ≠ 1)");
    assert_eq!(message(|| hessian(square, &[&x])), "hessian: not a single element: [2] (2 ≠ 1)");
    let wide = Var::constant(Tensor::<f64>::ones([1; 5]));
    let told = "jacobian: too many axes: [1, 1, 1, 1, 1] by [1, 1, 1, 1, 1] (10 > 8)";
    assert_eq!(message(|| jacobian(square, &[&wide])), told);
}
