//! Broken contracts of the further losses say what is wrong.
#![allow(clippy::expect_used)] // helpers of tests may stop at the first surprise

use std::panic::{UnwindSafe, catch_unwind};

use gradus_autodiff::Var;
use gradus_losses::*;
use gradus_tensor::{Rng, Tensor};

fn message<R>(f: impl FnOnce() -> R + UnwindSafe) -> String {
    let panic = catch_unwind(f).err().expect("must panic");
    panic.downcast::<String>().map_or_else(|_| String::new(), |text| *text)
}

fn zeros(shape: &[usize]) -> Tensor<f32> {
    Tensor::zeros(shape)
}

fn leaf(shape: &[usize]) -> Var<f32> {
    Var::leaf(zeros(shape))
}

const MEAN: Reduction = Reduction::Mean;

type Loss = fn(&Var<f32>, Tensor<f32>) -> Var<f32>;

#[test]
fn shapes_never_broadcast() {
    let losses: [Loss; 14] = [
        |x, y| quantile(x, y, 0.5, MEAN),
        |x, y| poisson_nll(x, y, MEAN),
        |x, y| gaussian_nll(x, y, x, MEAN),
        |x, y| focal(x, y, None, 2.0, MEAN),
        |x, y| squared_hinge(x, y, MEAN),
        |x, y| soft_margin(x, y, MEAN),
        |x, y| multilabel_soft_margin(x, y, None, MEAN),
        |x, y| kl_div_log_target(x, y, MEAN),
        |x, y| js(x, &y.into(), MEAN),
        |x, y| margin_ranking(x, &y.clone().into(), y, 0.0, MEAN),
        |x, y| hinge_embedding(x, &y, 1.0, MEAN),
        |x, y| bpr(x, &y.into(), MEAN),
        |x, y| listnet(x, &y, MEAN),
        |x, y| info_nce(x, &y.into(), 0.1, MEAN),
    ];
    for loss in losses {
        let text = message(|| loss(&leaf(&[4, 1]), zeros(&[4])));
        let end = ": shapes of prediction and target differ: [4, 1] and [4] (2 ≠ 1 axes)";
        assert!(text.ends_with(end), "{text}");
    }
}

#[test]
fn classes_are_named_with_their_place() {
    let wrong = || Tensor::from([0_i64, 7]);
    let text = message(|| MultiMargin::new().loss(&leaf(&[2, 5]), &wrong()));
    assert_eq!(text, "multi_margin: no such class: [2, 5] and target 7 at [1] (classes are 0 .. 5)");
    let text = message(|| focal_classes(&leaf(&[2, 5]), &wrong(), None, 2.0, MEAN));
    assert!(text.ends_with("target 7 at [1] (classes are 0 .. 5)"), "{text}");
    let sets = Tensor::from([[0_i64, -1, 9], [1, 3, -1]]);
    let text = message(move || multilabel_margin(&leaf(&[2, 3]), &sets, MEAN));
    assert_eq!(
        text,
        "multilabel_margin: no such class: [2, 3] and target 3 at [1, 1] (classes are 0 .. 3, −1 ends)"
    );
    let text = message(|| LinearCrossEntropy::new().loss(&leaf(&[2, 3]), &leaf(&[5, 3]), None, &wrong()));
    assert_eq!(text, "linear_cross_entropy: no such class: target 7 at [1] (classes are 0 .. 5)");
    let text = message(|| Warp::new().loss(&leaf(&[2, 5]), &wrong(), None, &mut Rng::seed(1)));
    assert_eq!(text, "warp: no such item: [2, 5] and item 7 at [1] (items are 0 .. 5)");
    let tree = HierarchicalSoftmax::new(&[1, 2, 3]);
    let text = message(move || tree.loss(&leaf(&[2, 4]), &leaf(&[2, 4]), &wrong(), MEAN));
    assert_eq!(text, "hierarchical_softmax: no such word: word 7 at [1] (words are 0 .. 3)");
}

#[test]
fn alignments_must_fit() {
    let ctc = |labels: Tensor<i64>, frames: &'static [usize], counts: &'static [usize]| {
        message(move || Ctc::new().loss(&leaf(&[4, 2, 5]), &labels, frames, counts))
    };
    let labels = || Tensor::from([[1_i64, 2], [3, 0]]);
    assert_eq!(
        ctc(labels(), &[4, 4], &[2, 2]),
        "ctc: no such label: 0 at [1, 1] (labels are 0 .. 5 without the blank, 0)"
    );
    assert_eq!(ctc(labels(), &[4, 5], &[2, 1]), "ctc: more frames than there are: 5 at [1] (4 in [4, 2, 5])");
    assert_eq!(ctc(labels(), &[4, 4], &[3, 1]), "ctc: more labels than there are: 3 at [0] ([2, 2])");
    assert_eq!(
        ctc(labels(), &[4], &[2, 1]),
        "ctc: not one of the frame counts per sequence: [4, 2, 5] and 1 (2 wanted)"
    );
    assert_eq!(
        ctc(Tensor::from([1_i64, 2]), &[4, 4], &[2, 1]),
        "ctc: labels do not fit their counts: [2] ([2, S], or [3] for all in a row)"
    );
    let text = message(|| Ctc::new().blank(5).loss(&leaf(&[4, 1, 5]), &Tensor::zeros([1, 0]), &[4], &[0]));
    assert_eq!(text, "ctc: the blank is no class: 5 (classes are 0 .. 5)");
}

#[test]
fn parameters_and_values_must_fit() {
    let x = || leaf(&[2]);
    assert_eq!(
        message(|| quantile(&x(), zeros(&[2]), 1.0, MEAN)),
        "quantile: q does not lie between 0 and 1: 1"
    );
    assert_eq!(message(|| PoissonNll::new().eps(-1.0)), "poisson_nll: eps is not a number from 0 on: -1");
    assert_eq!(message(|| GaussianNll::new().eps(0.0)), "gaussian_nll: eps is not above 0: 0");
    let negative = || Var::leaf([1.0_f32, -0.5]);
    assert_eq!(
        message(|| gaussian_nll(&x(), zeros(&[2]), &negative(), MEAN)),
        "gaussian_nll: variance is negative: [2] (-0.5 at [1])"
    );
    assert_eq!(
        message(|| gaussian_nll(&leaf(&[2, 3]), zeros(&[2, 3]), &leaf(&[3]), MEAN)),
        "gaussian_nll: variances do not fit the prediction: [2, 3] and [3] (the same, or one per row)"
    );
    assert_eq!(
        message(|| focal(&x(), zeros(&[2]), Some(1.5), 2.0, MEAN)),
        "focal: alpha lies outside 0 ..= 1: 1.5"
    );
    assert_eq!(
        message(|| focal(&x(), zeros(&[2]), None, -1.0, MEAN)),
        "focal: gamma is not a number from 0 on: -1"
    );
    assert_eq!(
        message(|| focal(&x(), Tensor::from([0.0, 2.0]), None, 2.0, MEAN)),
        "focal: target lies outside 0 ..= 1: [2] (2 at [1])"
    );
    for text in [
        message(|| squared_hinge(&x(), zeros(&[2]), MEAN)),
        message(|| soft_margin(&x(), zeros(&[2]), MEAN)),
        message(|| margin_ranking(&x(), &x(), zeros(&[2]), 0.0, MEAN)),
        message(|| hinge_embedding(&x(), &zeros(&[2]), 1.0, MEAN)),
        message(|| cosine_embedding(&leaf(&[2, 3]), &leaf(&[2, 3]), &zeros(&[2]), 0.0, MEAN)),
    ] {
        assert!(text.ends_with(": target is neither −1 nor 1: [2] (0 at [0])"), "{text}");
    }
}

#[test]
fn vectors_and_trees_must_fit() {
    let x = || leaf(&[2]);
    assert_eq!(message(|| Triplet::new().margin(0.0)), "triplet: margin is not above 0: 0");
    assert_eq!(message(|| pairwise_distance(&x(), &x(), 0.0, 0.0)), "pairwise_distance: p is not above 0: 0");
    assert_eq!(
        message(|| info_nce(&leaf(&[2, 3]), &leaf(&[2, 3]), 0.0, MEAN)),
        "info_nce: temperature is not above 0: 0"
    );
    assert_eq!(
        message(|| iou(&leaf(&[2, 3]), zeros(&[2, 3]), MEAN)),
        "iou: boxes are not […, 4]: [2, 3] (x₁, y₁, x₂, y₂)"
    );
    assert_eq!(message(|| Dice::new().smooth(0.0)), "dice: smooth is not above 0: 0");
    assert_eq!(
        message(|| Dice::new().loss(&leaf(&[2, 3]), zeros(&[2, 3]))),
        "dice: logits are not [N, C, d…]: [2, 3] (2 axes)"
    );
    assert_eq!(
        message(|| negative_sampling(&leaf(&[2, 3]), &leaf(&[2, 3]), &leaf(&[2, 5, 4]), MEAN)),
        "negative_sampling: vectors do not fit: [2, 3], [2, 3] and [2, 5, 4] ([N, D], [N, D] and [N, K, D])"
    );
    assert_eq!(
        message(|| NegativeSampler::new(&[0, 0], 0.75)),
        "negative_sampler: no word has a count above 0 (2 words)"
    );
    assert_eq!(message(|| HierarchicalSoftmax::new(&[3])), "hierarchical_softmax: fewer than two words: 1");
    assert_eq!(
        message(|| LinearCrossEntropy::<f32>::new().chunk(0)),
        "linear_cross_entropy: chunk is not above 0: 0"
    );
}
