//! Derivatives against differences, extremes, and closed forms.

use gradus_autodiff::{Var, check_grads, grad};
use gradus_losses::*;
use gradus_tensor::{Rng, Tensor};

const REDUCTIONS: [Reduction; 4] = [Reduction::Mean, Reduction::Sum, Reduction::None, Reduction::HalfMean];

type Loss = fn(&Var<f64>, &Var<f64>, Reduction) -> Var<f64>;

fn normal(shape: &[usize], seed: u64) -> Tensor<f64> {
    Tensor::normal(shape, 0.0, 1.5, &mut Rng::seed(seed))
}

/// In prediction and target; probabilities come from a sigmoid or an exponential.
#[test]
fn derivatives_to_second_order() {
    let losses: [(&str, Loss); 9] = [
        ("mse", |x, y, r| mse(x, y, r)),
        ("l1", |x, y, r| l1(x, y, r)),
        ("huber", |x, y, r| huber(x, y, 1.0, r)),
        ("smooth_l1", |x, y, r| smooth_l1(x, y, 0.8, r)),
        ("log_cosh", |x, y, r| log_cosh(x, y, r)),
        ("bce_with_logits", |x, y, r| bce_with_logits(x, y.sigmoid(), r)),
        ("bce", |x, y, r| bce(&x.sigmoid(), y.sigmoid(), r)),
        ("kl_div", |x, y, r| kl_div(x, y.exp(), r)),
        ("cross_entropy_soft", |x, y, r| cross_entropy_soft(x, y.exp(), r)),
    ];
    for (name, loss) in losses {
        for reduction in REDUCTIONS {
            let inputs = [normal(&[3, 4], 1), normal(&[3, 4], 2)];
            let checked = check_grads(|v| loss(&v[0], &v[1], reduction), &inputs, 2);
            assert!(checked.is_ok(), "{name} {reduction:?}: {checked:?}");
        }
    }
}

#[test]
fn derivatives_of_class_losses_to_second_order() {
    let targets = Tensor::new([2, 3], &[0_i64, 3, 9, 1, 2, 0]);
    let weights = Tensor::from([0.5, 1.0, 2.0, 0.25]);
    for reduction in REDUCTIONS {
        for smoothing in [0.0, 0.2] {
            let plain = CrossEntropy::new().ignore_index(9).label_smoothing(smoothing).reduction(reduction);
            let weighted = plain.clone().class_weights(weights.clone());
            for loss in [plain, weighted] {
                check_grads(|x| loss.loss(&x[0], &targets), &[normal(&[2, 4, 3], 3)], 2).unwrap();
            }
        }
        let nll = Nll::new().ignore_index(9).class_weights(weights.clone()).reduction(reduction);
        check_grads(|x| nll.loss(&x[0], &targets), &[normal(&[2, 4, 3], 4)], 2).unwrap();
    }
    let flat = targets.map(|target| target.min(3)).reshape([6]);
    check_grads(|x| cross_entropy(&x[0], &flat, Reduction::Mean), &[normal(&[6, 4], 5)], 3).unwrap();
}

/// The fused op against logsumexp and gather, written out: value, gradient by both doors, gradient of the gradient.
#[test]
fn cross_entropy_is_its_composite() {
    let x = Var::leaf(normal(&[5, 7], 6));
    let targets = Tensor::from([6_i64, 0, 3, 3, 1]);
    let picked = x.gather(1, &targets.reshape([5, 1])).squeeze(1);
    let composite = (x.logsumexp(1, false) - picked).mean();
    let fused = cross_entropy(&x, &targets, Reduction::Mean);
    assert!((fused.item() - composite.item()).abs() < 1e-14);
    let second = |loss: &Var<f64>| grad(&grad(loss, &[&x])[0].square().sum(), &[&x]).remove(0).into_value();
    let apart = (second(&fused) - second(&composite)).square().sum().item();
    assert!(apart < 1e-28, "{apart}");
    let (a, b) = (fused.backward(), composite.backward());
    assert!((a.of(&x).unwrap() - b.of(&x).unwrap()).square().sum().item() < 1e-28);
}

/// Hard targets are soft ones with all weight on a class.
#[test]
fn one_hot_targets_agree_with_classes() {
    let x = Var::leaf(normal(&[4, 5], 7));
    let targets = Tensor::from([1_i64, 4, 0, 2]);
    for smoothing in [0.0, 0.3] {
        let loss = CrossEntropy::new().label_smoothing(smoothing);
        let hard = loss.loss(&x, &targets).item();
        let soft = loss.soft_loss(&x, targets.one_hot::<f64>(5)).item();
        assert!((hard - soft).abs() < 1e-14, "{hard} {soft}");
    }
}

#[test]
fn large_logits_stay_finite() {
    for size in [500.0_f32, 1e4] {
        let x = Var::leaf([[size, -size, 0.0], [-size, size, size]]);
        let loss = cross_entropy(&x, &Tensor::from([1_i64, 2]), Reduction::None);
        assert_eq!(loss.value().at(&[0]), 2.0 * size);
        assert!((loss.value().at(&[1]) - 2.0_f32.ln()).abs() < 2e-3); // half a unit in the last place of 1e4
        let gradients = loss.sum().backward();
        assert_eq!(gradients.of(&x).unwrap().to_vec(), [1.0, -1.0, 0.0, 0.0, 0.5, -0.5]);

        let x = Var::leaf([size, size, -size, -size]);
        let loss = bce_with_logits(&x, Tensor::from([0.0, 1.0, 0.0, 1.0]), Reduction::None);
        assert_eq!(loss.value().to_vec(), [size, 0.0, 0.0, size]);
        assert_eq!(loss.sum().backward().of(&x).unwrap().to_vec(), [1.0, 0.0, 0.0, -1.0]);

        let x = Var::leaf([size, -size]);
        let loss = log_cosh(&x, Tensor::from([0.0, 0.0]), Reduction::Sum);
        assert!((loss.item() - 2.0 * (f64::from(size) - 2.0_f64.ln())).abs() < 4e-3);
        assert_eq!(loss.backward().of(&x).unwrap().to_vec(), [1.0, -1.0]);
    }
}

/// Where the usual forms cancel, these keep their digits.
#[test]
fn small_losses_keep_their_digits() {
    for x in [20.0_f32, 30.0, 60.0] {
        let want = f64::from(-x).exp();
        for (sign, target) in [(1.0, 1.0), (-1.0, 0.0)] {
            let logit = Var::leaf([sign * x]);
            let loss = bce_with_logits(&logit, Tensor::from([target]), Reduction::Sum).item();
            assert!((loss / want - 1.0).abs() < 1e-5, "{loss} {want}");
        }
    }
    let loss = log_cosh(&Var::leaf([1e-3_f32]), Tensor::from([0.0]), Reduction::Sum).item();
    assert!((loss / 5e-7 - 1.0).abs() < 1e-6, "{loss}");
    // max(x, 0) and |x| have kinks at 0 that must not show in their sum.
    let zero = Var::leaf([0.0_f64]);
    let slope = grad(&bce_with_logits(&zero, Tensor::from([1.0]), Reduction::Sum), &[&zero]);
    assert_eq!(slope[0].item(), -0.5);
}

#[test]
fn what_is_ignored_cannot_spoil() {
    let x = Var::leaf([[1.0_f64, 2.0], [f64::NAN, f64::INFINITY]]);
    let loss = cross_entropy(&x, &Tensor::from([0_i64, -100]), Reduction::Mean);
    assert!((loss.item() - (1.0 + (-1.0_f64).exp().ln_1p())).abs() < 1e-14);
    assert_eq!(loss.backward().of(&x).unwrap().to_vec()[2..], [0.0, 0.0]);
    let none = Tensor::from([-100_i64, -100]);
    assert!(cross_entropy(&x, &none, Reduction::Mean).item().is_nan());
    assert_eq!(cross_entropy(&x, &none, Reduction::Sum).item(), 0.0);
    let masked = Var::leaf([[0.0_f64, f64::NEG_INFINITY]]);
    let loss = cross_entropy_soft(&masked, Tensor::from([[1.0, 0.0]]), Reduction::Sum);
    assert_eq!(loss.item(), 0.0);
    assert_eq!(loss.backward().of(&masked).unwrap().to_vec(), [0.0, 0.0]);
}

#[test]
fn closed_forms() {
    let x = Var::leaf([3.0_f64, -1.0]);
    let zero = Tensor::from([0.0, 0.0]);
    assert_eq!(mse(&x, &zero, Reduction::HalfMean).item(), 2.5);
    assert_eq!(l1(&x, &zero, Reduction::Sum).item(), 4.0);
    assert_eq!(smooth_l1(&x, &zero, 0.0, Reduction::Sum).item(), 4.0);
    assert_eq!(huber(&x, &zero, 1.0, Reduction::None).value().to_vec(), [2.5, 0.5]);
    assert_eq!(hinge(&x, Tensor::from([1.0, 1.0]), Reduction::Sum).item(), 2.0);
    let gradients = hinge(&x, Tensor::from([-1.0, 1.0]), Reduction::Sum).backward();
    assert_eq!(gradients.of(&x).unwrap().to_vec(), [1.0, -1.0]);
    let mean = log_cosh(&x, zero, Reduction::Mean).item();
    assert!((mean - (3.0_f64.cosh().ln() + 1.0_f64.cosh().ln()) / 2.0).abs() < 1e-15);
    let nothing = Tensor::<f64>::zeros([0]);
    assert!(mse(&Var::leaf(nothing.clone()), nothing, Reduction::Mean).item().is_nan());
    // A target may be a variable, too: gradients flow both ways.
    let y = Var::leaf([1.0, 0.0]);
    let gradients = mse(&x, &y, Reduction::Sum).backward();
    assert_eq!(gradients.of(&y).unwrap().to_vec(), [-4.0, 2.0]);
}
