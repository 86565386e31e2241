//! Further regularizers: closed gradients against the graph's, proximal steps against their definition, constraints, slopes,
//! noise and masks.
#![allow(clippy::unwrap_used)] // helpers of tests may stop at the first surprise

use gradus_autodiff::{Gradients, Var, check_grads, grad};
use gradus_module::{Module, Param};
use gradus_regularizers::*;
use gradus_tensor::{Rng, Tensor};

fn normal(shape: &[usize], seed: u64) -> Tensor<f64> {
    Tensor::normal(shape, 0.0, 1.0, &mut Rng::seed(seed))
}

fn close(a: &Tensor<f64>, b: &Tensor<f64>, what: &str) {
    assert_eq!(a.shape(), b.shape(), "{what}");
    for (a, b) in a.to_vec().iter().zip(b.to_vec()) {
        assert!((a - b).abs() <= 1e-11 * (1.0 + b.abs()), "{what}: {a} {b}");
    }
}

/// Weights, filters, a bias, a scalar: every rank that a model has.
fn model() -> Vec<Param<f64>> {
    let shapes: [&[usize]; 5] = [&[3, 5], &[5, 3], &[2, 3, 2, 4], &[4], &[]];
    shapes.iter().enumerate().map(|(i, shape)| Param::new(normal(shape, i as u64))).collect()
}

fn same(a: &Gradients<f64>, b: &Gradients<f64>, what: &str) {
    assert_eq!(a.len(), b.len(), "{what}");
    for ((leaf, a), (other, b)) in a.iter().zip(b.iter()) {
        assert_eq!(leaf, other);
        close(a, b, what);
    }
}

#[test]
fn closed_gradients_are_those_of_the_graph() {
    fn check(what: &str, penalty: impl Penalty) {
        let model = model();
        same(&penalty.gradients(&model), &penalty.value(&model).backward(), what);
        for parameter in &model {
            check_grads(|x| penalty.value_of(&x[0]), std::slice::from_ref(parameter.value()), 2).unwrap();
        }
        let total: f64 = model.iter().map(|parameter| penalty.value_of(parameter).item()).sum();
        let value: Var<f64> = penalty.value(&model);
        assert!((value.item() - total).abs() < 1e-11, "{what}");
    }
    check("group_lasso", GroupLasso::new(0.3));
    check("orthogonality", Orthogonality::new(0.3));
    check("nuclear_norm", NuclearNorm::new(0.3));
    check("total_variation", TotalVariation::new(0.3, 2));
    check("total_variation", TotalVariation::new(0.3, 1));
}

/// Written out as sums over elements.
#[test]
fn values_are_what_the_formulas_say() {
    let w = normal(&[3, 4], 7);
    let at = |i: usize, j: usize| w.at(&[i, j]);
    let norm = |i: usize| (0..4).map(|j| at(i, j).powi(2)).sum::<f64>().sqrt();
    let x = Var::constant(w.clone());
    let lasso: f64 = (0..3).map(|i| 0.7 * 2.0 * norm(i)).sum();
    assert!((GroupLasso::new(0.7).value_of(&x).item() - lasso).abs() < 1e-12);
    let dot = |i: usize, k: usize| (0..4).map(|j| at(i, j) * at(k, j)).sum::<f64>();
    let square = |i: usize, k: usize| (dot(i, k) - if i == k { 1.0 } else { 0.0 }).powi(2);
    let angles: f64 = (0..9).map(|n| square(n / 3, n % 3)).sum();
    assert!((Orthogonality::new(0.7).value_of(&x).item() - 0.7 * angles).abs() < 1e-12);
    // The other way round it is the same matrix.
    assert!((Orthogonality::new(0.7).value_of(&x.t()).item() - 0.7 * angles).abs() < 1e-12);
    let across: f64 = (0..9).map(|n| (at(n / 3, n % 3 + 1) - at(n / 3, n % 3)).abs()).sum();
    let down: f64 = (0..8).map(|n| (at(n / 4 + 1, n % 4) - at(n / 4, n % 4)).abs()).sum();
    assert!((TotalVariation::new(0.7, 2).value_of(&x).item() - 0.7 * (across + down)).abs() < 1e-12);
    assert!((TotalVariation::new(0.7, 1).value_of(&x).item() - 0.7 * across).abs() < 1e-12);
}

/// What is 0 or empty has a gradient of 0, and no NaN.
#[test]
fn at_nought() {
    let zero = Var::leaf(Tensor::<f64>::zeros([2, 3]));
    for value in [
        GroupLasso::new(1.0).value_of(&zero),
        TotalVariation::new(1.0, 2).value_of(&zero),
        Orthogonality::new(1.0).value_of(&zero),
    ] {
        assert!(value.backward().of(&zero).unwrap().to_vec().iter().all(|&g| g == 0.0));
    }
    assert_eq!(GroupLasso::new(1.0).gradient_of(zero.value()).to_vec(), [0.0; 6]);
    let empty = Var::leaf(Tensor::<f64>::zeros([0, 3]));
    assert_eq!(GroupLasso::new(1.0).value_of(&empty).item(), 0.0);
    assert_eq!(Orthogonality::new(1.0).value_of(&empty).item(), 0.0);
    assert_eq!(TotalVariation::new(1.0, 2).value_of(&empty).item(), 0.0);
}

/// No point near the proximal one costs less, in any of many directions and sizes.
#[test]
fn proximal_steps_minimise() {
    let w = normal(&[4, 3], 1);
    let rate = 0.6;
    let lasso = GroupLasso::new(0.9);
    let z = lasso.prox_of(&w, rate);
    let cost = |z: &Tensor<f64>| {
        0.5 * (z - &w).square().sum().item() + rate * lasso.value_of(&Var::constant(z.clone())).item()
    };
    let best = cost(&z);
    for seed in 0..200 {
        for size in [1e-4, 1e-2, 0.3] {
            let there = &z + &(normal(&[4, 3], 100 + seed) * size);
            assert!(cost(&there) >= best - 1e-12, "{seed} {size}");
        }
    }
    assert!(z.square().sum_axes(&[1], false).to_vec().contains(&0.0)); // a row is gone
    // Vectors: the elements are groups.
    let v = Tensor::from([2.0, -0.2]);
    assert_eq!(lasso.prox_of(&v, 1.0).to_vec(), L1::new(0.9).prox_of(&v, 1.0).to_vec());
}

#[test]
fn singular_values_are_thresholded() {
    let w = normal(&[4, 3], 2);
    let (before, after) = (w.svdvals().unwrap(), singular_value_threshold(&w, 0.8));
    close(&after.svdvals().unwrap(), &before.map(|s| (s - 0.8).max(0.0)), "values");
    let cost =
        |z: &Tensor<f64>| 0.5 * (z - &w).square().sum().item() + 0.8 * z.svdvals().unwrap().sum().item();
    let best = cost(&after);
    for seed in 0..100 {
        let there = &after + &(normal(&[4, 3], 100 + seed) * 1e-2);
        assert!(cost(&there) >= best - 1e-12, "{seed}");
    }
    let norm = NuclearNorm::new(0.4);
    close(&norm.prox_of(&w, 2.0), &after, "prox");
    let value = norm.value_of(&Var::constant(w.clone())).item();
    assert!((value - 0.4 * before.sum().item()).abs() < 1e-12);
    assert!(norm.value_of(&Var::constant(&w * f64::NAN)).item().is_nan());
    assert!(norm.gradient_of(&(&w * f64::NAN)).to_vec()[0].is_nan());
    assert!(singular_value_threshold(&(w * f64::NAN), 0.8).to_vec()[0].is_nan());
}

#[test]
fn penalties_of_outputs_have_their_gradients() {
    let (x, y) = (normal(&[2, 3, 4], 1), normal(&[2, 3, 4], 2));
    let slope = |f: &dyn Fn(&Var<f64>) -> Var<f64>| {
        let leaf = Var::leaf(x.clone());
        f(&leaf).backward().of(&leaf).unwrap().clone()
    };
    let activity = Activity::new(0.3, 0.7);
    close(&activity.gradient(&x), &slope(&|x| activity.value(x)), "activity");
    let confidence = Confidence::new(0.4);
    close(&confidence.gradient(&x), &slope(&|x| confidence.value(x)), "confidence");
    let drop = RDrop::new(0.6);
    let (first, second) = drop.gradients(&x, &y);
    let y_leaf = Var::constant(y.clone());
    close(&first, &slope(&|x| drop.value(x, &y_leaf)), "r_drop, first");
    close(&drop.gradients(&y, &x).0, &second, "r_drop, second");
    // By hand.
    let p = x.softmax(-1);
    let entropy: f64 = p.to_vec().iter().map(|p| -p * p.ln()).sum::<f64>() / 6.0;
    assert!((confidence.value(&Var::constant(x.clone())).item() + 0.4 * entropy).abs() < 1e-12);
    let q = y.softmax(-1);
    let gap: f64 = p.to_vec().iter().zip(q.to_vec()).map(|(p, q)| (p - q) * (p / q).ln()).sum();
    assert!((drop.value(&Var::constant(x.clone()), &y_leaf).item() - 0.3 * gap / 6.0).abs() < 1e-12);
    check_grads(|v| activity.value(&v[0]) + confidence.value(&v[0]), std::slice::from_ref(&x), 2).unwrap();
    check_grads(|v| drop.value(&v[0], &v[1]), &[x, y], 2).unwrap();
}

/// A small network, so that the slopes depend on weights and inputs.
fn network(x: &Var<f64>, first: &Var<f64>, second: &Var<f64>) -> Var<f64> {
    x.matmul(first).tanh().matmul(second)
}

#[test]
fn slopes_are_penalised_through_their_gradients() {
    let (x, first, second) = (normal(&[3, 4], 1), normal(&[4, 5], 2), normal(&[5, 2], 3));
    // Against differences of the network in every input.
    let value = |x: &Tensor<f64>| network(&x.into(), &(&first).into(), &(&second).into()).into_value();
    let (mut jacobian, mut norms) = (0.0, [0.0; 3]);
    for (example, norm) in norms.iter_mut().enumerate() {
        for input in 0..4 {
            let step = 1e-5;
            let moved = |sign: f64| {
                let by = Tensor::from_fn([3, 4], |i| if i == [example, input] { sign * step } else { 0.0 });
                value(&(&x + &by)).select(0, example)
            };
            let slopes = (moved(1.0) - &moved(-1.0)) / (2.0 * step);
            jacobian += slopes.square().sum().item();
            *norm += slopes.sum().item().powi(2);
        }
    }
    let leaf = Var::leaf(x.clone());
    let (w, v) = (Var::leaf(first.clone()), Var::leaf(second.clone()));
    let rng = &mut Rng::seed(1);
    let exact = jacobian_penalty(&network(&leaf, &w, &v), &leaf, 0.5, None, rng).item();
    assert!((exact - 0.25 * jacobian / 3.0).abs() < 1e-7 * exact, "{exact} {jacobian}");
    let scores = network(&leaf, &w, &v).sum_axes(&[1], false);
    let wanted = norms.iter().map(|square: &f64| 2.0 * (square.sqrt() - 1.0).powi(2)).sum::<f64>() / 3.0;
    let got = gradient_penalty(&scores, &leaf, 2.0, 1.0).item();
    assert!((got - wanted).abs() < 1e-6 * wanted, "{got} {wanted}");
    let square = gradient_penalty(&scores, &leaf, 2.0, 0.0).item();
    assert!((square - 2.0 * norms.iter().sum::<f64>() / 3.0).abs() < 1e-6 * square);
    // Random projections come near in the mean.
    let many = jacobian_penalty(&network(&leaf, &w, &v), &leaf, 0.5, Some(400), rng).item();
    assert!((many / exact - 1.0).abs() < 0.15, "{many} {exact}");
    // And a step on them goes through the backward pass.
    let penalty = |v: &[Var<f64>]| {
        let y = network(&v[0], &v[1], &v[2]);
        let jacobian = jacobian_penalty(&y, &v[0], 0.5, Some(2), &mut Rng::seed(2));
        jacobian + gradient_penalty(&y.sum_axes(&[1], false), &v[0], 1.0, 1.0)
    };
    check_grads(penalty, &[x, first, second], 2).unwrap();
}

/// A flat function: its slope's norm has no direction, and no NaN.
#[test]
fn flat_critics() {
    let x = Var::leaf(normal(&[2, 3], 1));
    let scale = Var::leaf(0.0_f64);
    let scores = (&x * &scale).sum_axes(&[1], false);
    let penalty = gradient_penalty(&scores, &x, 1.0, 1.0);
    assert!((penalty.item() - 1.0).abs() < 1e-12);
    assert!(grad(&penalty, &[&scale])[0].item().is_finite());
}

#[test]
fn constraints_project() {
    let rng = &mut Rng::seed(1);
    let mut model =
        (Param::new(Tensor::<f64>::normal([4, 3, 2], 0.0, 2.0, rng)), Param::new([-1.0_f32, 2.0]));
    UnitNorm.apply(&mut model, |_| true);
    for row in 0..4 {
        let norm = model.0.value().select(0, row).square().sum().item();
        assert!((norm - 1.0).abs() < 1e-12);
    }
    assert_eq!(model.1.value().to_vec(), [-1.0, 2.0]); // vectors have no rows
    NonNegative.apply(&mut model, |_| true);
    assert!(model.0.value().to_vec().iter().all(|&w| w >= 0.0));
    assert_eq!(model.1.value().to_vec(), [0.0, 2.0]);
    assert!(NonNegative.project(&Tensor::from([f64::NAN])).item().is_nan());
    let w = normal(&[4, 3, 2], 5);
    let largest = |w: &Tensor<f64>| w.flatten(1, -1).svdvals().unwrap().at(&[0]);
    let bounded = SpectralNorm::new(0.5).project(&w);
    assert!((largest(&bounded) - 0.5).abs() < 1e-12);
    close(&(&bounded * (largest(&w) / 0.5)), &w, "direction");
    let loose = SpectralNorm::new(100.0).project(&w);
    assert_eq!(loose.to_vec(), w.to_vec());
    // Frozen parameters stay.
    model.set_trainable(false, &|path| path == "0");
    let before = model.0.value().to_vec();
    SpectralNorm::new(1e-3).apply(&mut model, |_| true);
    assert_eq!(model.0.value().to_vec(), before);
}

#[test]
fn noise_comes_and_goes() {
    let mut model = (Param::new(normal(&[100, 50], 1)), Param::new([1.0_f32]));
    let before = model.0.value().clone();
    let noise = WeightNoise::new(0.5);
    let inside = noise
        .around(&mut model, &mut Rng::seed(3), |model| (model.0.value() - &before, model.1.value().item()));
    assert_eq!(model.0.value().to_vec(), before.to_vec());
    let spread = inside.0.square().mean().item().sqrt();
    assert!((spread - 0.5).abs() < 0.02 && inside.1 != 1.0, "{spread}");
    let relative = noise.relative(true);
    let inside = relative.around(&mut model, &mut Rng::seed(3), |model| model.0.value() / &before - 1.0);
    let spread = inside.square().mean().item().sqrt();
    assert!((spread - 0.5).abs() < 0.02, "{spread}");
    // The same generator, the same noise.
    let twice = [0, 1].map(|_| noise.around(&mut model, &mut Rng::seed(3), |model| model.0.value().to_vec()));
    assert_eq!(twice[0], twice[1]);
}

#[test]
fn masks_prune_the_smallest() {
    let model = (Param::new(normal(&[7, 9], 1)), Param::new(normal(&[20], 2)));
    let all = [model.0.value().to_vec(), model.1.value().to_vec()].concat();
    let mut sizes: Vec<f64> = all.iter().map(|w| w.abs()).collect();
    sizes.sort_by(f64::total_cmp);
    for amount in [0.0, 0.1, 0.5, 0.9, 1.0] {
        let masks = Masks::global(&model, amount, |_| true);
        let count = (amount * 83.0).round() as usize;
        assert!((masks.sparsity() - count as f64 / 83.0).abs() < 1e-12);
        let kept = [masks.get("0").unwrap().to_vec(), masks.get("1").unwrap().to_vec()].concat();
        for (w, kept) in all.iter().zip(kept) {
            assert_eq!(kept, count < 83 && w.abs() >= sizes[count], "{amount}: {w}");
        }
        let single = Masks::per_parameter(&model, amount, |path| path == "0");
        assert!(single.get("1").is_none());
        assert_eq!(single.get("0").unwrap().count_true(), 63 - (amount * 63.0).round() as usize);
    }
    // Of equal ones the first goes first.
    let even = Param::new([1.0_f32; 4]);
    assert_eq!(Masks::global(&even, 0.5, |_| true).get("").unwrap().to_vec(), [false, false, true, true]);
}

/// Masked steps: what is pruned stays 0, what is not moves as it would.
#[test]
fn masks_hold_through_steps() {
    let mut model = Param::new(normal(&[6, 6], 3));
    let masks = Masks::per_parameter(&model, 0.5, |_| true);
    masks.apply(&mut model);
    let mask = masks.get("").unwrap().map(|kept| if kept { 1.0 } else { 0.0 });
    for _ in 0..5 {
        let mut gradients = (&*model - 3.0).square().sum().backward();
        let raw = gradients.of(&model).unwrap().clone();
        masks.mask_gradients(&model, &mut gradients);
        close(gradients.of(&model).unwrap(), &(&raw * &mask), "gradient");
        let after = model.value() - &(gradients.of(&model).unwrap() * 0.1);
        *model.value_mut() = after;
    }
    assert_eq!(model.value().to_vec().iter().filter(|&&w| w == 0.0).count(), 18);
    // Pruning on keeps what was pruned; masks are saved and found again.
    let more = Masks::per_parameter(&model, 0.75, |_| true);
    let (before, after) = (masks.get("").unwrap().to_vec(), more.get("").unwrap().to_vec());
    assert!(before.iter().zip(after).all(|(&old, new)| old || !new));
    let again = Masks::of_state(&more.state());
    assert_eq!(again.get("").unwrap().to_vec(), more.get("").unwrap().to_vec());
}

#[test]
fn broken_contracts_say_what_is_wrong() {
    fn message<R>(f: impl FnOnce() -> R + std::panic::UnwindSafe) -> String {
        let panic = std::panic::catch_unwind(f).err().unwrap();
        panic.downcast::<String>().map_or_else(|_| String::new(), |text| *text)
    }
    let from_0 = |name: &str| format!("{name} is not a number from 0 on: -1");
    assert_eq!(message(|| GroupLasso::new(-1.0)), from_0("group_lasso: lambda"));
    assert_eq!(message(|| Orthogonality::new(-1.0)), from_0("orthogonality: lambda"));
    assert_eq!(message(|| NuclearNorm::new(-1.0)), from_0("nuclear_norm: lambda"));
    assert_eq!(message(|| TotalVariation::new(-1.0, 2)), from_0("total_variation: lambda"));
    assert_eq!(message(|| Activity::new(0.0, -1.0)), from_0("activity: l2"));
    assert_eq!(message(|| Confidence::new(-1.0)), from_0("confidence: beta"));
    assert_eq!(message(|| RDrop::new(-1.0)), from_0("r_drop: lambda"));
    assert_eq!(message(|| WeightNoise::new(-1.0)), from_0("weight_noise: std"));
    assert_eq!(message(|| SpectralNorm::new(0.0)), "spectral_norm: limit is not above 0: 0");
    let one = || Param::new([1.0_f64]);
    assert_eq!(
        message(move || Masks::global(&one(), 1.5, |_| true)),
        "masks: amount lies outside 0 ..= 1: 1.5"
    );
    let masks = Masks::global(&Param::new([1.0_f64, 2.0]), 0.5, |_| true);
    let text = message(move || masks.apply(&mut Param::new([1.0_f64])));
    assert_eq!(text, "masks: a parameter has not its mask's shape: [1] and [2] (``)");
    let text = message(|| {
        let (a, b) = (Var::<f64>::leaf(Tensor::zeros([2, 3])), Var::leaf(Tensor::zeros([2, 4])));
        RDrop::new(1.0).value(&a, &b)
    });
    assert_eq!(text, "r_drop: shapes of the two passes differ: [2, 3] and [2, 4]");
    let text = message(|| {
        let x = Var::<f64>::leaf(Tensor::zeros([2, 3]));
        jacobian_penalty(&x, &x, 1.0, Some(0), &mut Rng::seed(1))
    });
    assert_eq!(text, "jacobian_penalty: projections are not above 0: 0");
}
