//! Further losses recorded from PyTorch in f64 by `crates/suite/golden/make_losses.py`, with the gradients of all their variables.
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
        assert!((a - b).abs() <= 1e-12 * (1.0 + b.abs()), "{what} at {i}: {a} {b}");
    }
}

/// Checks mean, half mean, sum, single losses and the mean's gradients.
fn check(name: &str, variables: &[&Var<f64>], loss: impl Fn(Reduction) -> Var<f64>) {
    close(&loss(Reduction::None).value().to_vec(), &recorded(name, "none"), name);
    close(&[loss(Reduction::Sum).item()], &recorded(name, "sum"), name);
    close(&[2.0 * loss(Reduction::HalfMean).item()], &recorded(name, "mean"), name);
    let mean = loss(Reduction::Mean);
    close(&[mean.item()], &recorded(name, "mean"), name);
    let gradients = mean.backward();
    let flat: Vec<f64> = variables.iter().flat_map(|x| gradients.of(x).unwrap().to_vec()).collect();
    close(&flat, &recorded(name, "gradient"), name);
}

fn x() -> Var<f64> {
    Var::leaf([[0.5, -1.25, 2.0], [1.5, 0.0, -0.75], [-2.0, 0.25, 1.0], [3.0, -3.0, 0.5]])
}

fn z() -> Var<f64> {
    Var::leaf(Tensor::from_fn([4, 3], |i| (0.7 * (3 * i[0] + i[1]) as f64 - 3.0).sin()))
}

fn w() -> Var<f64> {
    Var::leaf(Tensor::from_fn([4, 3], |i| (0.4 * (3 * i[0] + i[1]) as f64 + 1.0).cos()))
}

fn y() -> Tensor<f64> {
    Tensor::from([[1.0, 0.0, 1.0], [0.0, 1.0, 0.0], [0.5, 0.25, 1.0], [1.0, 0.0, 0.0]])
}

fn signs() -> Tensor<f64> {
    Tensor::from([[1.0, -1.0, 1.0], [-1.0, 1.0, -1.0], [1.0, 1.0, -1.0], [-1.0, 1.0, 1.0]])
}

fn counts() -> Tensor<f64> {
    Tensor::from([[0.0, 1.0, 3.0], [2.0, 0.0, 5.0], [1.0, 1.0, 2.0], [4.0, 0.0, 0.0]])
}

fn targets() -> Tensor<i64> {
    Tensor::from([2_i64, 0, 1, 2])
}

#[test]
fn likelihoods() {
    let (x, z) = (x(), z());
    check("poisson", &[&x], |r| poisson_nll(&x, counts(), r));
    check("poisson_full", &[&x], |r| PoissonNll::new().full(true).reduction(r).loss(&x, counts()));
    let rate = PoissonNll::new().log_input(false).full(true).eps(1e-3);
    check("poisson_rate", &[&x], |r| rate.reduction(r).loss(&x.exp(), counts()));
    check("gaussian", &[&x, &z], |r| gaussian_nll(&x, y(), &(z.square() + 0.1), r));
    let full = GaussianNll::new().full(true).eps(0.5);
    check("gaussian_full", &[&x, &z], |r| full.reduction(r).loss(&x, y(), &z.square()));
    let row = |keep| z.square().sum_axes(&[1], keep);
    check("gaussian_rows", &[&x, &z], |r| gaussian_nll(&x, y(), &row(false), r));
    check("gaussian_rows", &[&x, &z], |r| gaussian_nll(&x, y(), &row(true), r));
}

#[test]
fn margins() {
    let x = x();
    check("multi_margin", &[&x], |r| MultiMargin::new().reduction(r).loss(&x, &targets()));
    let squared = MultiMargin::new().squared(true).margin(0.7).class_weights([0.5, 2.0, 1.25]);
    check("multi_margin_squared", &[&x], |r| squared.clone().reduction(r).loss(&x, &targets()));
    let sets = Tensor::from([[2_i64, 0, -1], [1, -1, 0], [-1, 0, 1], [0, 1, 2]]);
    check("multilabel_margin", &[&x], |r| multilabel_margin(&x, &sets, r));
    check("soft_margin", &[&x], |r| soft_margin(&x, signs(), r));
    check("multilabel_soft", &[&x], |r| multilabel_soft_margin(&x, y(), None, r));
    let factors = Tensor::from([1.0, 2.0, 3.0]);
    check("multilabel_soft_weighted", &[&x], |r| multilabel_soft_margin(&x, y(), Some(&factors), r));
}

#[test]
fn pairs_and_triples() {
    let (x, z, w) = (x(), z(), w());
    check("kl_log", &[&x, &z], |r| kl_div_log_target(&x, z.log_softmax(1), r));
    check("js", &[&x, &z], |r| js(&x, &z, r));
    check("ranking", &[&x, &z], |r| margin_ranking(&x, &z, signs(), 0.3, r));
    check("hinge_embedding", &[&x], |r| hinge_embedding(&x, &signs(), 1.2, r));
    check("cosine", &[&x, &z], |r| cosine_embedding(&x, &z, &signs().select(1, 0), 0.1, r));
    let all = [&x, &z, &w];
    check("triplet", &all, |r| Triplet::new().reduction(r).loss(&x, &z, &w));
    let city = Triplet::new().margin(2.0).p(1.0).swap(true);
    check("triplet_city", &all, |r| city.reduction(r).loss(&x, &z, &w));
    let cube = Triplet::new().p(3.0).eps(1e-3).swap(true);
    check("triplet_cube", &all, |r| cube.reduction(r).loss(&x, &z, &w));
    let length = |a: &Var<f64>| a.square().sum_axes(&[1], false).sqrt();
    let cosine = |a: &Var<f64>, b: &Var<f64>| 1.0 - (a * b).sum_axes(&[1], false) / (length(a) * length(b));
    let triplet = Triplet::new().margin(0.5);
    check("triplet_cosine", &all, |r| triplet.reduction(r).loss_with(&x, &z, &w, cosine));
}

#[test]
fn alignments() {
    let frames =
        Var::leaf(Tensor::from_fn([6, 3, 5], |i| 2.0 * (0.37 * (15 * i[0] + 5 * i[1] + i[2]) as f64).sin()));
    let x = || frames.log_softmax(2);
    let padded = Tensor::from([[1_i64, 2, 2], [3, 0, 0], [4, 1, 4]]);
    let ctc = Ctc::new();
    check("ctc", &[&frames], |r| ctc.reduction(r).loss(&x(), &padded, &[6, 4, 3], &[3, 1, 3]));
    let zero = ctc.zero_infinity(true);
    check("ctc_infinite", &[&frames], |r| zero.reduction(r).loss(&x(), &padded, &[6, 4, 2], &[3, 1, 3]));
    let (blank, in_a_row) = (ctc.blank(4), Tensor::from([0_i64, 0, 3, 1, 3]));
    check("ctc_blank", &[&frames], |r| blank.reduction(r).loss(&x(), &in_a_row, &[6, 5, 6], &[2, 0, 3]));
}

#[test]
fn heads_without_logits() {
    let x = x();
    let head = Var::leaf(Tensor::from_fn([5, 3], |i| (0.3 * (3 * i[0] + i[1]) as f64 - 2.0).sin()));
    let shift = Var::leaf(Tensor::from_fn([5], |i| (0.3 * i[0] as f64).cos()));
    let tokens = Tensor::from([2_i64, -100, 1, 2]);
    for chunk in 1..5 {
        let plain = LinearCrossEntropy::new().chunk(chunk);
        check("head", &[&x, &head], |r| plain.clone().reduction(r).loss(&x, &head, None, &tokens));
        let all = plain.clone().class_weights([0.5, 2.0, 1.25, 0.75, 1.0]).label_smoothing(0.1);
        check("head_all", &[&x, &head, &shift], |r| {
            all.clone().reduction(r).loss(&x, &head, Some(&shift), &tokens)
        });
    }
}

#[test]
fn contrasts_and_lists() {
    let (x, z) = (x(), z());
    check("info_nce", &[&x, &z], |r| info_nce(&x, &z, 0.2, r));
    check("nt_xent", &[&x, &z], |r| nt_xent(&x, &z, 0.5, r));
    check("bpr", &[&x, &z], |r| bpr(&x, &z, r));
    check("listnet", &[&x], |r| listnet(&x, &counts(), r));
}

#[test]
fn focal_losses() {
    let x = x();
    let hard = y().map(|y| if y > 0.5 { 1.0 } else { 0.0 });
    check("focal", &[&x], |r| focal(&x, &hard, Some(0.25), 2.0, r));
    check("focal_half", &[&x], |r| focal(&x, &hard, Some(0.6), 0.5, r));
    let weights = Tensor::from([0.5, 2.0, 1.25]);
    check("focal_classes", &[&x], |r| focal_classes(&x, &targets(), Some(&weights), 1.5, r));
}

#[test]
fn overlaps() {
    let number = |i: &[usize]| (6 * i[0] + 2 * i[1] + i[2]) as f64;
    let image = Var::leaf(Tensor::from_fn([2, 3, 2], |i| (0.6 * number(i) - 2.0).sin()));
    let classes = Tensor::from([[0_i64, 2], [1, 0]]);
    let labels = classes.one_hot::<f64>(3).permute(&[0, 2, 1]);
    check("dice", &[&image], |r| Dice::new().reduction(r).loss(&image, &labels));
    let softmax = Dice::new().softmax(true).squared(true).smooth(0.1);
    check("dice_softmax", &[&image], |r| softmax.reduction(r).loss(&image, &labels));
    let a =
        Var::leaf([[0.0, 0.0, 2.0, 1.0], [1.0, 1.0, 3.0, 4.0], [0.0, 0.0, 1.0, 1.0], [2.0, 2.0, 5.0, 3.0]]);
    let b =
        Var::leaf([[1.0, 0.5, 3.0, 2.0], [1.5, 1.25, 2.5, 3.0], [3.0, 2.0, 4.0, 5.0], [1.0, 2.5, 4.0, 4.0]]);
    check("iou", &[&a, &b], |r| iou(&a, &b, r));
    check("giou", &[&a, &b], |r| giou(&a, &b, r));
    check("diou", &[&a, &b], |r| diou(&a, &b, r));
    check("ciou", &[&a, &b], |r| ciou(&a, &b, r));
}
