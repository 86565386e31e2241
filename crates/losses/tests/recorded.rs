//! Values and gradients recorded from PyTorch in f64, by `crates/suite/golden/make_losses.py`.
#![allow(clippy::unwrap_used)] // helpers of tests may stop at the first surprise

use gradus_autodiff::Var;
use gradus_losses::*;
use gradus_tensor::Tensor;

const RECORDED: &str = include_str!("golden/losses.csv");

fn recorded(name: &str, what: &str) -> Vec<f64> {
    let line = RECORDED.lines().find(|line| line.starts_with(&format!("{name},{what},")));
    let line = line.unwrap_or_else(|| panic!("no record of {name} {what}"));
    line.split(',').skip(2).map(|number| number.parse().unwrap()).collect()
}

fn close(got: &[f64], want: &[f64], what: &str) {
    assert_eq!(got.len(), want.len(), "{what}");
    for (i, (a, b)) in got.iter().zip(want).enumerate() {
        assert!((a - b).abs() <= 1e-13 * (1.0 + b.abs()), "{what} at {i}: {a} {b}");
    }
}

fn scores() -> Var<f64> {
    Var::leaf([[0.5, -1.25, 2.0], [1.5, 0.0, -0.75], [-2.0, 0.25, 1.0], [3.0, -3.0, 0.5]])
}

fn labels() -> Tensor<f64> {
    Tensor::from([[1.0, 0.0, 1.0], [0.0, 1.0, 0.0], [0.5, 0.25, 1.0], [1.0, 0.0, 0.0]])
}

fn distributions() -> Tensor<f64> {
    Tensor::from([[0.2, 0.3, 0.5], [1.0, 0.0, 0.0], [0.1, 0.6, 0.3], [0.25, 0.25, 0.5]])
}

/// Checks mean, half mean, sum, single losses and the mean's gradient.
fn check_at(x: &Var<f64>, name: &str, loss: impl Fn(&Var<f64>, Reduction) -> Var<f64>) {
    close(&loss(x, Reduction::None).value().to_vec(), &recorded(name, "none"), name);
    close(&[loss(x, Reduction::Sum).item()], &recorded(name, "sum"), name);
    close(&[2.0 * loss(x, Reduction::HalfMean).item()], &recorded(name, "mean"), name);
    let mean = loss(x, Reduction::Mean);
    close(&[mean.item()], &recorded(name, "mean"), name);
    close(&mean.backward().of(x).unwrap().to_vec(), &recorded(name, "gradient"), name);
}

fn check(name: &str, loss: impl Fn(&Var<f64>, Reduction) -> Var<f64>) {
    check_at(&scores(), name, loss);
}

#[test]
fn classes() {
    let targets = Tensor::from([2_i64, 0, 1, 2]);
    let gaps = Tensor::from([2_i64, -100, 1, 2]);
    let smoothed = CrossEntropy::new().label_smoothing(0.1);
    let weighted = CrossEntropy::new().class_weights([0.5, 2.0, 1.25]);
    let both = weighted.clone().label_smoothing(0.1);
    let nll = Nll::new().class_weights([0.5, 2.0, 1.25]);
    check("plain", |x, r| cross_entropy(x, &targets, r));
    check("weighted", |x, r| weighted.clone().reduction(r).loss(x, &gaps));
    check("smoothed", |x, r| smoothed.clone().reduction(r).loss(x, &gaps));
    check("both", |x, r| both.clone().reduction(r).loss(x, &gaps));
    check("soft", |x, r| both.clone().reduction(r).soft_loss(x, distributions()));
    check("nll", |x, r| nll.clone().reduction(r).loss(x, &gaps));
}

/// Logits `[2, 3, 2]`: classes stand in the middle axis.
#[test]
fn images() {
    let number = |i: &[usize]| (6 * i[0] + 2 * i[1] + i[2]) as f64;
    let image = Var::leaf(Tensor::from_fn([2, 3, 2], |i| (0.6 * number(i) - 2.0).sin()));
    let targets = Tensor::from([[0_i64, 2], [1, 0]]);
    let weighted = CrossEntropy::new().class_weights([0.5, 2.0, 1.25]);
    check_at(&image, "image", |x, r| weighted.clone().reduction(r).loss(x, &targets));
    assert_eq!(weighted.reduction(Reduction::None).loss(&image, &targets).dims(), [2, 2]);
}

#[test]
fn elements() {
    let weighted = BceWithLogits::new().weight([1.0, 2.0, 3.0]).pos_weight([0.5, 2.0, 1.25]);
    check("kl_div", |x, r| kl_div(x, distributions(), r));
    check("bce_with_logits", |x, r| weighted.clone().reduction(r).loss(x, labels()));
    check("bce", |x, r| bce(&x.sigmoid(), labels(), r));
    check("huber", |x, r| huber(x, labels(), 0.7, r));
    check("smooth_l1", |x, r| smooth_l1(x, labels(), 0.7, r));
    check("l1", |x, r| l1(x, labels(), r));
    check("mse", |x, r| mse(x, labels(), r));
}

/// PyTorch's bounds: logarithms stop at −100, the gradient divides by 1e-12 at least.
#[test]
fn bce_at_the_borders() {
    let p = Var::leaf([0.0, 1.0, 0.0]);
    let losses = bce(&p, Tensor::from([1.0, 1.0, 0.5]), Reduction::None);
    assert_eq!(losses.value().to_vec(), [100.0, 0.0, 50.0]);
    assert_eq!(losses.sum().backward().of(&p).unwrap().to_vec(), [-1e12, 0.0, -5e11]);
}
