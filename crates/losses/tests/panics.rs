//! Broken contracts say what is wrong.
#![allow(clippy::expect_used)] // helpers of tests may stop at the first surprise

use std::panic::{UnwindSafe, catch_unwind};

use gradus_autodiff::Var;
use gradus_losses::*;
use gradus_tensor::Tensor;

fn message(f: impl FnOnce() -> Var<f32> + UnwindSafe) -> String {
    let panic = catch_unwind(f).expect_err("must panic");
    panic.downcast::<String>().map_or_else(|_| String::new(), |text| *text)
}

fn zeros(shape: &[usize]) -> Tensor<f32> {
    Tensor::zeros(shape)
}

type Loss = fn(&Var<f32>, Tensor<f32>) -> Var<f32>;

#[test]
fn shapes_never_broadcast() {
    let losses: [Loss; 10] = [
        |x, y| mse(x, y, Reduction::Mean),
        |x, y| l1(x, y, Reduction::Mean),
        |x, y| huber(x, y, 1.0, Reduction::Mean),
        |x, y| smooth_l1(x, y, 1.0, Reduction::Mean),
        |x, y| log_cosh(x, y, Reduction::Mean),
        |x, y| bce(x, y, Reduction::Mean),
        |x, y| bce_with_logits(x, y, Reduction::Mean),
        |x, y| kl_div(x, y, Reduction::Mean),
        |x, y| hinge(x, y, Reduction::Mean),
        |x, y| cross_entropy_soft(x, y, Reduction::Mean),
    ];
    for loss in losses {
        let text = message(|| loss(&Var::leaf(zeros(&[4, 1])), zeros(&[4])));
        let end = ": shapes of prediction and target differ: [4, 1] and [4] (2 ≠ 1 axes)";
        assert!(text.ends_with(end), "{text}");
        let text = message(|| loss(&Var::leaf(zeros(&[4, 1])), zeros(&[4, 3])));
        assert!(text.ends_with("[4, 1] and [4, 3] (axis 1: 1 ≠ 3)"), "{text}");
    }
}

#[test]
fn classes_must_fit() {
    let ce = |targets: Tensor<i64>| {
        message(move || cross_entropy(&Var::leaf(zeros(&[2, 10, 3])), &targets, Reduction::Mean))
    };
    assert_eq!(
        ce(Tensor::zeros([2])),
        "cross_entropy: targets do not fit the scores: [2, 10, 3] and [2] (targets [2, 3] wanted)"
    );
    let wrong = |target: i64| Tensor::from([[0, 0, 0], [0, 0, target]]);
    assert_eq!(
        ce(wrong(10)),
        "cross_entropy: no such class: [2, 10, 3] and target 10 at [1, 2] (classes are 0 .. 10)"
    );
    assert!(ce(wrong(-1)).contains("target -1 at [1, 2]"));
    let text = message(|| cross_entropy(&Var::leaf(zeros(&[3])), &Tensor::zeros([3]), Reduction::Mean));
    assert_eq!(text, "cross_entropy: scores are not [N, C] or [N, C, d…]: [3] (1 axes)");
    let text = message(|| {
        Nll::new().class_weights(zeros(&[4])).loss(&Var::leaf(zeros(&[2, 3])), &Tensor::zeros([2]))
    });
    assert_eq!(text, "nll: class weights are not one per class: [2, 3] and [4] (3 ≠ 4)");
}

#[test]
fn parameters_and_values_must_fit() {
    let x = || Var::leaf(zeros(&[2]));
    let text = message(|| huber(&x(), zeros(&[2]), 0.0, Reduction::Mean));
    assert_eq!(text, "huber: delta is not above 0: 0");
    let text = message(|| smooth_l1(&x(), zeros(&[2]), -1.0, Reduction::Mean));
    assert_eq!(text, "smooth_l1: beta is not above 0: -1");
    let text = message(|| hinge(&x(), zeros(&[2]), Reduction::Mean));
    assert_eq!(text, "hinge: target is neither −1 nor 1: [2] (0 at [0])");
    let text = message(|| bce(&Var::leaf([[0.5, 1.5]]), zeros(&[1, 2]), Reduction::Mean));
    assert_eq!(text, "bce: prediction is no probability: [1, 2] (1.5 at [0, 1])");
    let text = message(|| BceWithLogits::new().pos_weight(zeros(&[3])).loss(&x(), zeros(&[2])));
    let want = "bce_with_logits: pos_weight does not broadcast to the prediction: [3] and [2] (each axis equal, or 1)";
    assert_eq!(text, want);
    let text = message(|| CrossEntropy::new().label_smoothing(1.5).loss(&x(), &Tensor::zeros([2])));
    assert_eq!(text, "cross_entropy: label_smoothing lies outside 0 ..= 1: 1.5");
}
