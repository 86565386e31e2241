//! Traps seen in respected code, one test each.
#![allow(clippy::unwrap_used, clippy::expect_used)] // a helper of a test may fail as the test itself may

use std::panic::{AssertUnwindSafe, catch_unwind};

use gradus_autodiff::{Var, choose, grad, no_grad};
use gradus_layers::{Linear, Relu, Sequential};
use gradus_losses::{Reduction, bce_with_logits};
use gradus_module::Module;
use gradus_tensor::{Isa, Pool2dSpec, Rng, Tensor, Unary, current_isa, with_isa, with_threads};
use gradus_testkit::{Dense, assert_bits_equal, assert_close};

fn gradient(x: &Var<f64>, y: Var<f64>) -> Vec<f64> {
    y.sum().backward().of(x).expect("y depends on x").to_vec()
}

#[test]
fn binary_cross_entropy_takes_the_logarithm_before_it_underflows() {
    let logits = Var::leaf([1000.0_f32, -1000.0, 1000.0, -1000.0, 0.0]);
    let target = Tensor::from([1.0_f32, 0.0, 0.0, 1.0, 1.0]);
    let loss = bce_with_logits(&logits, &target, Reduction::None);
    assert_close(loss.value(), &Tensor::from([0.0_f32, 0.0, 1000.0, 1000.0, std::f32::consts::LN_2]));
    let gradients = loss.sum().backward();
    assert_close(gradients.of(&logits).unwrap(), &Tensor::from([0.0_f32, 0.0, 1.0, -1.0, -0.5]));
}

#[test]
fn softmax_s_logarithm_does_not_underflow() {
    let x = Var::leaf([[500.0_f32, -500.0, 0.0]]);
    let y = x.log_softmax(-1);
    assert_close(y.value(), &Tensor::from([[0.0_f32, -1000.0, -500.0]]));
    assert!(y.sum().backward().of(&x).unwrap().to_vec().iter().all(|g| g.is_finite()));
}

#[test]
fn maximum_and_minimum_pass_nan_on_from_either_side() {
    let (nan, one) = (Tensor::from([f64::NAN]), Tensor::from([1.0]));
    for isa in Isa::available() {
        with_isa(isa, || {
            for n in [1, 7, 100] {
                let (nan, one) = (nan.expand([n]), one.expand([n]));
                for y in [nan.maximum(&one), one.maximum(&nan), nan.minimum(&one), one.minimum(&nan)] {
                    assert!(y.to_vec().iter().all(|y| y.is_nan()), "{isa}: {y}");
                }
            }
            for at in 0..100 {
                let x = Tensor::from_fn([100], |i| if i[0] == at { f64::NAN } else { -(i[0] as f64) });
                assert!(
                    x.max_axes(&[], false).item().is_nan() && x.min_axes(&[0], false).item().is_nan(),
                    "{isa} {at}"
                );
                let x = x.reshape([10, 10]);
                let largest = x.max_axes(&[0], false);
                assert_eq!(largest.to_vec().iter().filter(|y| y.is_nan()).count(), 1, "{isa} {at}");
                let (pooled, _) = x.reshape([1, 1, 10, 10]).max_pool2d(Pool2dSpec::new([5, 5]));
                assert_eq!(pooled.to_vec().iter().filter(|y| y.is_nan()).count(), 1, "{isa} {at}");
            }
        });
    }
}

#[test]
fn ties_share_the_gradient_of_a_maximum() {
    let x = Var::leaf([[2.0, 1.0, 2.0, 2.0], [0.0, 5.0, 1.0, 5.0]]);
    let third = 1.0 / 3.0;
    assert_close(
        x.max_axes(&[1], false).sum().backward().of(&x).unwrap(),
        &Tensor::from([[third, 0.0, third, third], [0.0, 0.5, 0.0, 0.5]]),
    );
    let (a, b) = (Var::leaf([1.0, 2.0, 3.0]), Var::leaf([1.0, 5.0, 0.0]));
    let gradients = a.maximum(&b).sum().backward();
    assert_eq!(gradients.of(&a).unwrap().to_vec(), [0.5, 0.0, 1.0]);
    assert_eq!(gradients.of(&b).unwrap().to_vec(), [0.5, 1.0, 0.0]);
    let gradients = a.minimum(&b).sum().backward();
    assert_eq!(gradients.of(&a).unwrap().to_vec(), [0.5, 1.0, 0.0]);
}

#[test]
fn kinks_have_the_written_slopes() {
    let slope = |op: Unary, at: f64| {
        let x = Var::leaf(at);
        let backward = gradient(&x, x.unary(op))[0];
        let differentiable = grad(&x.unary(op), &[&x])[0].item();
        assert_eq!(backward, differentiable, "{op:?} at {at}: the two rules disagree");
        backward
    };
    let zero = [Unary::relu(), Unary::relu6(), Unary::abs(), Unary::sign(), Unary::floor(), Unary::round()];
    for op in zero {
        assert_eq!(slope(op, 0.0), 0.0, "{op:?}");
    }
    assert_eq!(slope(Unary::relu6(), 6.0), 0.0);
    assert_eq!((slope(Unary::clamp(-1.0, 2.0), -1.0), slope(Unary::clamp(-1.0, 2.0), 2.0)), (0.0, 0.0));
    assert_eq!((slope(Unary::hardtanh(), -1.0), slope(Unary::hardtanh(), 1.0)), (0.0, 0.0));
    assert_eq!(slope(Unary::leaky_relu(0.1), 0.0), 0.1);
    assert_eq!(
        (slope(Unary::powf(0.0), 0.0), slope(Unary::powf(1.0), 0.0), slope(Unary::powf(2.0), 0.0)),
        (0.0, 1.0, 0.0)
    );
}

#[test]
fn powers_of_nought_have_finite_gradients() {
    let (base, exponent) = (Var::leaf([0.0, 0.0, 0.0, 2.0]), Var::leaf([0.0, 1.0, 2.0, 0.0]));
    let gradients = base.pow(&exponent).sum().backward();
    assert_eq!(gradients.of(&base).unwrap().to_vec(), [0.0, 1.0, 0.0, 0.0]);
    assert_close(gradients.of(&exponent).unwrap(), &Tensor::from([0.0, 0.0, 0.0, 2.0_f64.ln()]));
}

#[test]
fn functions_at_their_edges() {
    let (inf, nan) = (f64::INFINITY, f64::NAN);
    let rows = [
        (Unary::sign(), [-1.0, 0.0, 1.0, nan]),
        (Unary::relu(), [0.0, 0.0, inf, nan]),
        (Unary::exp(), [0.0, 1.0, inf, nan]),
        (Unary::tanh(), [-1.0, 0.0, 1.0, nan]),
        (Unary::sigmoid(), [0.0, 0.5, 1.0, nan]),
        (Unary::softplus(), [0.0, std::f64::consts::LN_2, inf, nan]),
        (Unary::log_sigmoid(), [-inf, -std::f64::consts::LN_2, 0.0, nan]),
        (Unary::erf(), [-1.0, 0.0, 1.0, nan]),
        (Unary::erfc(), [2.0, 1.0, 0.0, nan]),
        (Unary::clamp(-2.0, 3.0), [-2.0, 0.0, 3.0, nan]),
        (Unary::elu(1.0), [-1.0, 0.0, inf, nan]),
        (Unary::softsign(), [nan, 0.0, nan, nan]),
        (Unary::abs(), [inf, 0.0, inf, nan]),
        (Unary::sqrt(), [nan, 0.0, inf, nan]),
        (Unary::ln(), [nan, -inf, inf, nan]),
        (Unary::log1p(), [nan, 0.0, inf, nan]),
        (Unary::reciprocal(), [0.0, inf, 0.0, nan]),
    ];
    let x = Tensor::from([-inf, 0.0, inf, nan]);
    for (op, want) in rows {
        for isa in Isa::available() {
            let (double, single) = with_isa(isa, || (x.unary(op), x.cast::<f32>().unary(op)));
            assert_close(&double, &Tensor::from(want));
            assert_close(&single, &Tensor::from(want));
        }
    }
    let halves = Tensor::from([-2.5, -1.5, -0.5, 0.5, 1.5, 2.5]);
    assert_eq!(halves.round().to_vec(), [-2.0, -2.0, 0.0, 0.0, 2.0, 2.0]);
}

#[test]
fn max_pooling_carries_the_whole_gradient_back_and_adds_where_windows_overlap() {
    let x = Var::leaf(Tensor::<f64>::from_fn([1, 1, 3, 3], |i| {
        if i[2] == 1 && i[3] == 1 { 9.0 } else { 0.1 * i[3] as f64 }
    }));
    let alone = gradient(&x, x.max_pool2d(Pool2dSpec::new([3, 3])));
    assert_eq!(alone.iter().sum::<f64>(), 1.0);
    let overlapping = Pool2dSpec { stride: [1, 1], ..Pool2dSpec::new([2, 2]) };
    assert_eq!(gradient(&x, x.max_pool2d(overlapping)), [0.0, 0.0, 0.0, 0.0, 4.0, 0.0, 0.0, 0.0, 0.0]);
}

#[test]
fn pooling_backward_takes_any_stride() {
    let x = Var::leaf(Tensor::<f64>::ones([1, 1, 1, 5]));
    let spec = |stride| Pool2dSpec { stride: [1, stride], ..Pool2dSpec::new([1, 2]) };
    assert_eq!(gradient(&x, x.avg_pool2d(spec(1))), [0.5, 1.0, 1.0, 1.0, 0.5]);
    assert_eq!(gradient(&x, x.avg_pool2d(spec(3))), [0.5, 0.5, 0.0, 0.5, 0.5]);
}

#[test]
fn a_product_does_not_read_what_its_memory_held() {
    for (m, k, n) in [(1, 300, 300), (3, 5, 7), (70, 1, 65), (130, 64, 200), (300, 0, 300), (64, 2000, 3)] {
        let poison: Vec<_> = (0..4).map(|_| Tensor::full([m * n], f32::NAN)).collect();
        drop(poison);
        let (a, b) = (Tensor::<f32>::ones([m, k]), Tensor::<f32>::ones([k, n]));
        for isa in Isa::available() {
            let poison = Tensor::full([m * n], f32::NAN);
            drop(poison);
            let y = with_isa(isa, || a.matmul(&b));
            assert!(y.to_vec().iter().all(|&y| y == k as f32), "{isa}: [{m}, {k}] · [{k}, {n}]");
        }
    }
}

#[test]
fn a_million_ops_fit_a_small_stack() {
    const OPS: usize = 1_000_000;
    let chain = |x: &Var<f64>| (0..OPS).fold(x.clone(), |y, _| y + 1.0);
    let work = move || {
        let x = Var::leaf(1.0);
        let y = chain(&x);
        assert_eq!(y.item(), (OPS + 1) as f64);
        assert_eq!(grad(&y, &[&x])[0].item(), 1.0);
        assert_eq!(gradient(&x, y), [1.0]);
        drop(chain(&x));
        let kept = chain(&x);
        let second = kept.clone();
        drop(kept);
        drop(second);
        // Both inputs of every op are the same graph, so paths double with each op.
        let wide = (0..2000).fold(x.clone(), |y, _| (&y + &y) * 0.5);
        assert_eq!(gradient(&x, wide), [1.0]);
    };
    let thread = std::thread::Builder::new().stack_size(512 * 1024).spawn(work);
    thread.expect("a thread starts").join().expect("no overflow of the stack, which would end the process");
}

#[test]
fn a_product_of_all_in_a_chain_differentiates_on_a_small_stack() {
    let work = || {
        let x = Var::leaf(1.0_f64);
        let y = (0..20_000).fold(x.clone(), |y, _| &y * &x);
        let first = grad(&y, &[&x]).remove(0);
        assert_eq!(first.item(), 20_001.0);
        assert_eq!(grad(&first, &[&x])[0].item(), 20_001.0 * 20_000.0);
    };
    let thread = std::thread::Builder::new().stack_size(512 * 1024).spawn(work);
    thread.expect("a thread starts").join().expect("no overflow of the stack");
}

#[test]
fn parameters_come_in_the_order_of_declaration() {
    let model = |seed| {
        let mut rng = Rng::seed(seed);
        let mut model = Sequential::<f32>::new();
        for _ in 0..12 {
            model = model.push(Linear::new(3, 3, &mut rng)).push(Relu);
        }
        model
    };
    let names: Vec<String> = model(1).state().names().map(str::to_owned).collect();
    let want: Vec<String> =
        (0..12).flat_map(|i| ["weight", "bias"].map(|n| format!("{}.{n}", 2 * i))).collect();
    assert_eq!(names, want);
    let (one, two) = (model(1).state(), model(1).state());
    for ((name, a), (_, b)) in one.iter().zip(two.iter()) {
        assert_bits_equal(a.get::<f32>().unwrap(), b.get::<f32>().unwrap());
        assert_eq!(a.shape(), b.shape(), "{name}");
    }
    let leaves: Vec<Var<f32>> = (0..100).map(|i| Var::leaf(i as f32)).collect();
    let total: Var<f32> = leaves.iter().rev().cloned().sum();
    let order: Vec<_> = total.backward().iter().map(|(id, _)| id).collect();
    assert_eq!(order, leaves.iter().filter_map(Var::leaf_id).collect::<Vec<_>>());
}

#[test]
fn weights_lie_as_pytorch_s() {
    let layer = Linear::<f32>::new(5, 2, &mut Rng::seed(0));
    let state = layer.state();
    let shapes: Vec<(&str, Vec<usize>)> =
        state.iter().map(|(name, value)| (name, value.shape().to_vec())).collect();
    assert_eq!(shapes, [("weight", vec![2, 5]), ("bias", vec![2])]);
}

#[test]
fn random_numbers_follow_from_the_seed_alone() {
    let draw = |seed| {
        let mut rng = Rng::seed(seed);
        let uniform = Tensor::<f32>::uniform([700, 300], -1.0, 1.0, &mut rng);
        (uniform.to_vec(), Tensor::<f64>::normal([300, 500], 0.0, 1.0, &mut rng).to_vec())
    };
    let one = with_threads(1, || draw(7));
    for threads in [2, 3] {
        assert!(one == with_threads(threads, || draw(7)), "{threads} threads");
    }
    for isa in Isa::available() {
        assert!(one == with_isa(isa, || draw(7)), "{isa}");
    }
    assert!(one != draw(8));
    let mut rng = Rng::seed(3);
    let _ = Tensor::<f32>::uniform([11], 0.0, 1.0, &mut rng);
    let mut resumed = Rng::from_state(rng.state());
    assert_eq!(
        (0..9).map(|_| rng.next_u32()).collect::<Vec<_>>(),
        (0..9).map(|_| resumed.next_u32()).collect::<Vec<_>>()
    );
}

#[test]
fn the_instruction_set_is_found_at_run_time() {
    let best = Isa::available().last().copied();
    match std::env::var("GRADUS_ISA") {
        Ok(forced) => assert_eq!(current_isa().name(), forced),
        Err(_) => assert_eq!(Some(current_isa()), best),
    }
    for isa in Isa::available() {
        assert_eq!(with_isa(isa, current_isa), isa);
        assert_eq!(with_isa(isa, || with_threads(2, current_isa)), isa, "threads keep the choice");
    }
}

#[test]
fn the_norm_of_gradients_is_that_of_all_together() {
    let (a, b) = (Var::leaf([3.0, 0.0]), Var::leaf([[4.0]]));
    let mut gradients = ((&a * &a).sum() * 0.5 + (&b * &b).sum() * 0.5).backward();
    assert_eq!(gradients.norm(), 5.0);
    gradients.scale(0.2);
    assert!((gradients.norm() - 1.0).abs() < 1e-15);
    assert_close(gradients.of(&a).unwrap(), &Dense::from_fn(&[2], |i| [0.6, 0.0][i[0]]));
}

#[test]
fn what_is_not_chosen_cannot_spoil_the_gradient() {
    let x = Var::leaf([-1.0, 4.0]);
    let y = choose(&x.value().map(|x| x > 0.0), &x.sqrt(), &Var::constant(0.0));
    assert_eq!(y.value().to_vec(), [0.0, 2.0]);
    let bad = Var::leaf([f64::NAN, 4.0]);
    let z = choose(&Tensor::from([false, true]), &(&bad * 2.0), &Var::constant(1.0));
    assert_eq!(gradient(&bad, z), [0.0, 2.0]);
}

#[test]
fn a_leaf_that_is_used_twice_gets_both_parts_and_nothing_is_left_from_before() {
    let x = Var::leaf([1.0, -2.0]);
    for _ in 0..3 {
        assert_eq!(gradient(&x, &x * 3.0 + x.square()), [5.0, -1.0]);
    }
    assert!(!no_grad(|| &x * 3.0).has_gradient());
}

/// Runs `f` and answers the message it panics with.
fn message<R>(f: impl FnOnce() -> R) -> String {
    let Err(panic) = catch_unwind(AssertUnwindSafe(f)) else { return "no panic".to_owned() };
    let text = panic.downcast_ref::<String>().cloned();
    text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned())).unwrap_or_default()
}

#[test]
fn errors_name_the_op_and_both_shapes() {
    let (a, b) = (Var::leaf(Tensor::<f32>::ones([32, 784])), Var::leaf(Tensor::<f32>::ones([128, 10])));
    let index = Tensor::from([0_i64, 40]);
    let cases: Vec<(String, &[&str])> = vec![
        (
            message(|| a.matmul(&b)),
            &["matmul: inner dimensions differ: ", "[32, 784] · [128, 10]", "(784 ≠ 128)"],
        ),
        (message(|| &a + &b), &["add: ", "[32, 784]", "[128, 10]"]),
        (message(|| &a - &b), &["sub: ", "[32, 784]", "[128, 10]"]),
        (message(|| &a * &b), &["mul: ", "[32, 784]", "[128, 10]"]),
        (message(|| &a / &b), &["div: ", "[32, 784]", "[128, 10]"]),
        (message(|| a.maximum(&b)), &["maximum: ", "[32, 784]", "[128, 10]"]),
        (message(|| a.reshape([5, 5])), &["reshape: ", "[32, 784]", "[5, 5]", "(25088 ≠ 25)"]),
        (message(|| a.expand([3, 32, 7])), &["expand: ", "[32, 784]", "[3, 32, 7]"]),
        (message(|| a.linear(&b, None)), &["linear: ", "[32, 784]", "[128, 10]"]),
        (message(|| a.permute(&[0, 0])), &["permute: ", "[32, 784]", "[0, 0]"]),
        (message(|| a.narrow(0, 30, 9)), &[": ", "[32, 784]", "30", "39"]),
        (message(|| a.select(0, 32)), &["select: ", "[32, 784]", "(32 ≥ 32)"]),
        (message(|| a.sum_axes(&[5], false)), &["sum: ", "5", "[32, 784]"]),
        (message(|| a.sum_axes(&[0, -2], false)), &["sum: ", "twice", "[32, 784]"]),
        (message(|| a.index_select(0, &index)), &["index_select: ", "40", "32"]),
        (message(|| Var::cat(&[&a, &b], 0)), &["cat: ", "[32, 784]", "[128, 10]"]),
        (message(|| a.sum_to(&[5].into())), &["sum_to: ", "[32, 784]", "[5]"]),
        (message(|| a.clone().backward()), &["backward: ", "[32, 784]", "(25088 ≠ 1)"]),
        (message(|| a.squeeze(0)), &["squeeze: ", "[32, 784]", "(32 ≠ 1)"]),
        (message(|| a.unfold(1, 800, 1)), &["unfold: ", "[32, 784]", "800"]),
        (message(|| a.dims::<3>()), &["dims: ", "[32, 784]", "(2 ≠ 3)"]),
        (message(|| a.max_pool2d(Pool2dSpec::new([40, 2]))), &["pool2d: ", "[32, 784]", "40"]),
        (message(|| a.pow(&b)), &["[32, 784]", "[128, 10]"]),
    ];
    for (message, parts) in cases {
        for part in parts {
            assert!(message.contains(part), "{part:?} is not in {message:?}");
        }
    }
}
