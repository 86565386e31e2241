//! Derivatives of the further losses against differences, extremes, empty batches, and naive twins.
#![allow(clippy::unwrap_used)] // helpers of tests may stop at the first surprise

use gradus_autodiff::{Var, check_grads};
use gradus_losses::*;
use gradus_tensor::{Rng, Tensor, with_threads};

const REDUCTIONS: [Reduction; 4] = [Reduction::Mean, Reduction::Sum, Reduction::None, Reduction::HalfMean];

type Loss = fn(&Var<f64>, &Var<f64>, Reduction) -> Var<f64>;

fn normal(shape: &[usize], seed: u64) -> Tensor<f64> {
    Tensor::normal(shape, 0.0, 1.5, &mut Rng::seed(seed))
}

fn alternating(shape: &[usize]) -> Tensor<f64> {
    Tensor::from_fn(shape, |i| if i.iter().sum::<usize>() % 2 == 0 { 1.0 } else { -1.0 })
}

/// All losses of two variables of one shape `[3, 4]`.
const LOSSES: [(&str, Loss); 21] = [
    ("quantile", |x, y, r| quantile(x, y, 0.3, r)),
    ("poisson_nll", |x, y, r| poisson_nll(x, y.exp(), r)),
    ("poisson_full", |x, y, r| PoissonNll::new().full(true).reduction(r).loss(x, y.exp() + 1.5)),
    ("poisson_rate", |x, y, r| PoissonNll::new().log_input(false).reduction(r).loss(&x.exp(), y.exp())),
    ("gaussian_nll", |x, y, r| gaussian_nll(x, x.sin(), &y.exp(), r)),
    ("focal", |x, y, r| focal(x, y.sigmoid(), Some(0.25), 2.0, r)),
    ("focal_root", |x, y, r| focal(x, y.sigmoid(), None, 0.5, r)),
    ("squared_hinge", |x, y, r| squared_hinge(&(x + y), alternating(&[3, 4]), r)),
    ("soft_margin", |x, y, r| soft_margin(&(x * y), alternating(&[3, 4]), r)),
    ("multilabel_soft_margin", |x, y, r| multilabel_soft_margin(x, y.sigmoid(), None, r)),
    ("kl_div_log_target", |x, y, r| kl_div_log_target(x, y, r)),
    ("js", |x, y, r| js(x, y, r)),
    ("margin_ranking", |x, y, r| margin_ranking(x, y, alternating(&[3, 4]), 0.4, r)),
    ("hinge_embedding", |x, y, r| hinge_embedding(&(x * y), &alternating(&[3, 4]), 1.0, r)),
    ("cosine_embedding", |x, y, r| cosine_embedding(x, y, &alternating(&[3]), 0.1, r)),
    ("triplet", |x, y, r| Triplet::new().margin(3.0).reduction(r).loss(x, y, &(x * y))),
    ("triplet_p", |x, y, r| Triplet::new().margin(3.0).p(3.0).swap(true).reduction(r).loss(x, y, &x.sin())),
    ("info_nce", |x, y, r| info_nce(x, y, 0.5, r)),
    ("nt_xent", |x, y, r| nt_xent(x, y, 0.5, r)),
    ("bpr", |x, y, r| bpr(x, y, r)),
    ("listnet", |x, y, r| listnet(&(x * y), &alternating(&[3, 4]), r)),
];

#[test]
fn derivatives_to_second_order() {
    for (name, loss) in LOSSES {
        for reduction in REDUCTIONS {
            let inputs = [normal(&[3, 4], 1), normal(&[3, 4], 2)];
            let checked = check_grads(|v| loss(&v[0], &v[1], reduction), &inputs, 2);
            assert!(checked.is_ok(), "{name} {reduction:?}: {checked:?}");
        }
    }
}

#[test]
fn derivatives_of_class_losses_to_second_order() {
    let targets = Tensor::from([2_i64, 0, 3]);
    let sets = Tensor::from([[2_i64, 0, -1, 1], [-1, 0, 1, 2], [3, 1, 2, 0]]);
    let weights = Tensor::from([0.5, 1.0, 2.0, 0.25]);
    let x = || normal(&[3, 4], 3);
    for r in REDUCTIONS {
        for squared in [false, true] {
            let margin = MultiMargin::new().squared(squared).class_weights(weights.clone()).reduction(r);
            check_grads(|v| margin.loss(&v[0], &targets), &[x()], 2).unwrap();
        }
        check_grads(|v| multilabel_margin(&v[0], &sets, r), &[x()], 2).unwrap();
        for gamma in [0.0, 0.5, 2.0] {
            let focal = |v: &[Var<f64>]| focal_classes(&v[0], &targets, Some(&weights), gamma, r);
            check_grads(focal, &[x()], 2).unwrap();
        }
        let tree = HierarchicalSoftmax::new(&[5, 1, 3, 9, 2]);
        let words = Tensor::from([4_i64, 0, 3]);
        check_grads(|v| tree.loss(&v[0], &v[1], &words, r), &[x(), normal(&[4, 4], 4)], 2).unwrap();
        let inputs = [x(), normal(&[3, 4], 5), normal(&[3, 2, 4], 6)];
        check_grads(|v| negative_sampling(&v[0], &v[1], &v[2], r), &inputs, 2).unwrap();
        for squared in [false, true] {
            let dice = Dice::new().squared(squared).softmax(squared).reduction(r);
            check_grads(
                |v| dice.loss(&v[0], v[1].sigmoid()),
                &[normal(&[2, 3, 2], 7), normal(&[2, 3, 2], 8)],
                2,
            )
            .unwrap();
        }
    }
}

#[test]
fn derivatives_of_boxes_to_second_order() {
    let a = Tensor::from([[0.0, 0.1, 2.0, 1.0], [1.0, 1.0, 3.0, 4.0], [0.0, 0.0, 1.0, 1.2]]);
    let b = Tensor::from([[1.0, 0.5, 3.0, 2.0], [1.5, 1.25, 2.5, 3.0], [3.0, 2.0, 4.0, 5.0]]);
    type BoxLoss = fn(&Var<f64>, Var<f64>, Reduction) -> Var<f64>;
    let all: [BoxLoss; 3] = [iou, giou, diou];
    for loss in all {
        check_grads(|v| loss(&v[0], v[1].clone(), Reduction::None), &[a.clone(), b.clone()], 2).unwrap();
    }
    // Of the complete one the share counts as constant: differences would not.
    let (a, b) = (Var::leaf(a), Var::leaf(b));
    let same = ciou(&a, &a, Reduction::None);
    assert!(same.value().to_vec().iter().all(|loss| loss.abs() < 1e-6));
    assert!(ciou(&a, &b, Reduction::Sum).backward().of(&a).unwrap().to_vec().iter().all(|g| g.is_finite()));
}

#[test]
fn derivatives_of_alignments_to_second_order() {
    let labels = Tensor::from([[1_i64, 1, 2], [2, 0, 0], [0, 0, 0]]);
    let (frames, counts) = ([5, 3, 2], [3, 1, 0]);
    for r in REDUCTIONS {
        let ctc = Ctc::new().reduction(r);
        let x = normal(&[5, 3, 3], 9);
        // Of log-probabilities, which need not sum to 1 for the formula, and through a softmax.
        check_grads(|v| ctc.loss(&v[0], &labels, &frames, &counts), std::slice::from_ref(&x), 2).unwrap();
        check_grads(|v| ctc.loss(&v[0].log_softmax(2), &labels, &frames, &counts), &[x], 2).unwrap();
    }
    // With one that cannot be and counts as 0.
    let zero = Ctc::new().zero_infinity(true).reduction(Reduction::Sum);
    check_grads(|v| zero.loss(&v[0], &labels, &[3, 3, 0], &counts), &[normal(&[5, 3, 3], 10)], 2).unwrap();
}

#[test]
fn derivatives_of_heads_to_second_order() {
    let targets = Tensor::from([[2_i64, -100], [1, 0]]);
    let inputs = [normal(&[2, 2, 3], 11), normal(&[4, 3], 12), normal(&[4], 13)];
    for r in REDUCTIONS {
        for smoothing in [0.0, 0.2] {
            let plain = LinearCrossEntropy::new().chunk(2).label_smoothing(smoothing).reduction(r);
            check_grads(|v| plain.loss(&v[0], &v[1], None, &targets), &inputs[..2], 2).unwrap();
            let weighted = plain.class_weights([0.5, 1.0, 2.0, 0.25]);
            check_grads(|v| weighted.loss(&v[0], &v[1], Some(&v[2]), &targets), &inputs, 2).unwrap();
        }
    }
    // Tied: the features are made of the weight itself.
    let head = LinearCrossEntropy::new();
    let tied = |v: &[Var<f64>]| head.loss(&v[0].sin(), &v[0], None, &Tensor::from([2_i64, 0, 3, 1]));
    check_grads(tied, &inputs[1..2], 2).unwrap();
}

/// Whatever the size of the logits: values and gradients are numbers.
#[test]
fn extremes_stay_finite() {
    for size in [500.0_f32, 1e4] {
        let x = Var::leaf([[size, -size, 0.0], [-size, size, size]]);
        let y = Tensor::from([[1.0_f32, 1.0, 0.0], [1.0, 0.0, 1.0]]);
        let signs = Tensor::from([[1.0_f32, 1.0, -1.0], [1.0, -1.0, 1.0]]);
        let targets = Tensor::from([1_i64, 2]);
        let other = Var::leaf([[-size, size, size], [0.0, size, -size]]);
        let losses = [
            focal(&x, &y, Some(0.25), 2.0, Reduction::Sum),
            focal(&x, &y, None, 0.5, Reduction::Sum),
            focal_classes(&x, &targets, None, 0.5, Reduction::Sum),
            focal_classes(&x, &targets, None, 2.0, Reduction::Sum),
            soft_margin(&x, &signs, Reduction::Sum),
            multilabel_soft_margin(&x, &y, None, Reduction::Sum),
            squared_hinge(&x, &signs, Reduction::Sum),
            MultiMargin::new().loss(&x, &targets),
            js(&x, &other, Reduction::Sum),
            bpr(&x, &other, Reduction::Sum),
            listnet(&x, &y, Reduction::Sum),
            info_nce(&x, &other, 0.01, Reduction::Sum),
            nt_xent(&x, &other, 0.01, Reduction::Sum),
            Ctc::new().loss(&x.log_softmax(1), &Tensor::from([[2_i64]]), &[2], &[1]),
            Ctc::new().loss(&x.log_softmax(1), &Tensor::from([[1_i64, 2]]), &[2], &[2]),
            LinearCrossEntropy::new().loss(&x, &other, None, &Tensor::from([1_i64, 0])),
            LinearCrossEntropy::new().label_smoothing(0.1).loss(&x, &other, None, &Tensor::from([1_i64, 0])),
            Dice::new().loss(&x.unsqueeze(2), y.unsqueeze(2)),
        ];
        for (i, loss) in losses.into_iter().enumerate() {
            assert!(loss.item().is_finite(), "{i}: {}", loss.item());
            let gradients = loss.backward();
            let all_finite = gradients.iter().all(|(_, g)| g.to_vec().iter().all(|g| g.is_finite()));
            assert!(all_finite, "{i} at {size}: {gradients:?}");
        }
    }
    // Known values at the far end.
    let far = Var::leaf([1e4_f32]);
    assert_eq!(soft_margin(&far, Tensor::from([-1.0]), Reduction::Sum).item(), 1e4);
    assert_eq!(focal(&far, Tensor::from([0.0]), None, 2.0, Reduction::Sum).item(), 1e4);
    assert_eq!(focal(&far, Tensor::from([1.0]), None, 2.0, Reduction::Sum).item(), 0.0);
}

/// The mean of nothing is NaN, its sum 0, its losses none.
#[test]
fn empty_batches() {
    let none = || Var::leaf(Tensor::<f64>::zeros([0, 4]));
    for (name, loss) in LOSSES {
        let is_shaped =
            ["squared_hinge", "soft_margin", "margin_ranking", "hinge_embedding", "cosine_embedding"];
        if is_shaped.contains(&name) || name == "listnet" {
            continue; // their targets above are of three rows
        }
        assert_eq!(loss(&none(), &none(), Reduction::Sum).item(), 0.0, "{name}");
        assert!(loss(&none(), &none(), Reduction::Mean).item().is_nan(), "{name}");
        assert_eq!(loss(&none(), &none(), Reduction::None).len(), 0, "{name}");
    }
    let nothing = Tensor::<i64>::zeros([0]);
    let head = Var::leaf(Tensor::zeros([5, 4]));
    for (r, is_nan) in [(Reduction::Sum, false), (Reduction::Mean, true)] {
        let losses = [
            MultiMargin::new().reduction(r).loss(&none(), &nothing),
            focal_classes(&none(), &nothing, None, 2.0, r),
            LinearCrossEntropy::new().reduction(r).loss(&none(), &head, None, &nothing),
            HierarchicalSoftmax::new(&[1, 2, 3]).loss(
                &none(),
                &Var::leaf(Tensor::zeros([2, 4])),
                &nothing,
                r,
            ),
            Ctc::new().reduction(r).loss(
                &Var::leaf(Tensor::zeros([3, 0, 4])),
                &Tensor::zeros([0, 2]),
                &[],
                &[],
            ),
        ];
        for (i, loss) in losses.into_iter().enumerate() {
            assert_eq!(loss.item().is_nan(), is_nan, "{i}");
            let _ = loss.backward();
        }
    }
}

#[test]
fn all_ignored() {
    let (x, head) = (Var::leaf(normal(&[2, 4], 1)), Var::leaf(normal(&[5, 4], 2)));
    let ignored = Tensor::from([-100_i64, -100]);
    let loss = LinearCrossEntropy::new();
    assert!(loss.loss(&x, &head, None, &ignored).item().is_nan());
    let sum = loss.clone().reduction(Reduction::Sum).loss(&x, &head, None, &ignored);
    assert_eq!(sum.item(), 0.0);
    assert_eq!(sum.backward().of(&head).unwrap().to_vec(), [0.0; 20]);
    let none = loss.reduction(Reduction::None).loss(&x, &head, None, &ignored);
    assert_eq!(none.value().to_vec(), [0.0, 0.0]);
}

/// The likelihood is the sum over all paths of frames, collapsed: written out for every path.
#[test]
fn alignments_are_all_paths() {
    let (frames, classes) = (4_usize, 3_usize);
    let x = Var::constant(normal(&[frames, 1, classes], 3)).log_softmax(2);
    let values = x.value().to_vec();
    for labels in [vec![], vec![1], vec![2, 1], vec![1, 1], vec![1, 2, 1], vec![2, 2, 2]] {
        let mut sum = 0.0;
        for mut number in 0..classes.pow(frames as u32) {
            let (mut read, mut last, mut log) = (Vec::new(), 0, 0.0);
            for t in 0..frames {
                let class = number % classes;
                number /= classes;
                log += values[t * classes + class];
                if class != 0 && class != last {
                    read.push(class as i64);
                }
                last = class;
            }
            sum += if read == labels { f64::exp(log) } else { 0.0 };
        }
        let loss = Ctc::new().reduction(Reduction::Sum);
        let got = loss.loss(&x, &Tensor::new([1, labels.len()], &labels), &[frames], &[labels.len()]).item();
        let want = -sum.ln();
        assert!(got == want || (got - want).abs() < 1e-12, "{labels:?}: {got} {want}");
        if want == f64::INFINITY {
            let leaf = Var::leaf(x.value().clone());
            let loss = |ctc: Ctc| {
                ctc.loss(&leaf, &Tensor::new([1, labels.len()], &labels), &[frames], &[labels.len()])
                    .backward()
            };
            assert!(loss(Ctc::new()).of(&leaf).unwrap().to_vec().iter().all(|g| g.is_nan()));
            let zero = loss(Ctc::new().zero_infinity(true));
            assert!(zero.of(&leaf).unwrap().to_vec().iter().all(|&g| g == 0.0));
        }
    }
}

/// Lists of several lengths: what is not there has no part in the loss, whatever its score.
#[test]
fn padded_lists() {
    let nothing = f64::NEG_INFINITY;
    let scores = Var::leaf([[0.3_f64, -1.0, nothing], [0.5, 2.0, 0.1]]);
    let relevance = Tensor::from([[2.0, 0.0, nothing], [0.0, 1.0, 3.0]]);
    let losses = listnet(&scores, &relevance, Reduction::None);
    let short = listnet(&Var::leaf([[0.3_f64, -1.0]]), &Tensor::from([[2.0, 0.0]]), Reduction::Sum);
    assert!((losses.value().at(&[0]) - short.item()).abs() < 1e-14);
    let gradients = losses.sum().backward();
    assert_eq!(gradients.of(&scores).unwrap().at(&[0, 2]), 0.0);
}

#[test]
fn words_of_a_tree_make_up_everything() {
    let counts = [7, 1, 1, 30, 2, 2, 9, 0];
    let tree = HierarchicalSoftmax::new(&counts);
    assert_eq!(tree.nodes(), 7);
    let (hidden, nodes) = (Var::constant(normal(&[1, 3], 1)), Var::constant(normal(&[7, 3], 2)));
    let loss = |word: i64| tree.loss(&hidden, &nodes, &Tensor::from([word]), Reduction::Sum).item();
    let total: f64 = (0..8).map(|word| (-loss(word)).exp()).sum();
    assert!((total - 1.0).abs() < 1e-13, "{total}");
    // With nodes of 0 a word's loss is its depth in bits: the mean depth is Huffman's, known by hand.
    let flat = Var::constant(Tensor::zeros([7, 3]));
    let depth =
        |word: i64| tree.loss(&hidden, &flat, &Tensor::from([word]), Reduction::Sum).item() / 2.0_f64.ln();
    let cost: f64 = counts.iter().enumerate().map(|(word, &count)| count as f64 * depth(word as i64)).sum();
    // 0+1 = 1, 1+1 = 2, 2+2 = 4, 2+4 = 6, 6+7 = 13, 9+13 = 22, 22+30 = 52.
    assert!((cost - (1.0 + 2.0 + 4.0 + 6.0 + 13.0 + 22.0 + 52.0)).abs() < 1e-9, "{cost}");
}

#[test]
fn negatives_follow_their_counts() {
    let sampler = NegativeSampler::new(&[16, 0, 1, 81], 0.75);
    let drawn = sampler.sample([20_000], &mut Rng::seed(5)).to_vec();
    for (word, weight) in [(0, 8.0), (1, 0.0), (2, 1.0), (3, 27.0)] {
        let share = drawn.iter().filter(|&&d| d == word).count() as f64 / 20_000.0;
        assert!((share - weight / 36.0).abs() < 0.012, "{word}: {share}");
    }
}

/// The draws one after the other, as the paper has them.
#[test]
fn sampled_ranks() {
    let scores = normal(&[6, 9], 4);
    let chosen = Tensor::from([0_i64, 8, 3, 3, 1, 7]);
    let known = Tensor::<bool>::from_fn([6, 9], |i| (i[0] + i[1]) % 4 == 0);
    let loss = Warp::new().margin(0.5).most_draws(6).reduction(Reduction::None);
    let got = loss.loss(&Var::constant(scores.clone()), &chosen, Some(&known), &mut Rng::seed(7));
    let rng = &mut Rng::seed(7);
    for row in 0..6 {
        let own = chosen.at(&[row]) as usize;
        let mut want = 0.0;
        for draw in 1..=6 {
            let item = rng.below(9);
            let gap = 0.5 - scores.at(&[row, own]) + scores.at(&[row, item]);
            if item != own && !known.at(&[row, item]) && gap > 0.0 {
                want = gap * (1..=8 / draw).map(|i| 1.0 / i as f64).sum::<f64>();
                break;
            }
        }
        assert!((got.value().at(&[row]) - want).abs() < 1e-12, "{row}");
    }
    let x = Var::leaf(scores);
    let gradients = Warp::new().loss(&x, &chosen, None, &mut Rng::seed(7)).backward();
    assert!(gradients.of(&x).unwrap().sum_axes(&[1], false).to_vec().iter().all(|sum| sum.abs() < 1e-12));
}

#[test]
fn the_same_bits_at_any_number_of_threads() {
    let run = |threads: usize| {
        with_threads(threads, || {
            let rng = &mut Rng::seed(1);
            let frames = Var::leaf(Tensor::<f32>::normal([120, 9, 30], 0.0, 1.0, rng));
            let labels = Tensor::randint([9, 20], 1, 30, rng);
            let loss = Ctc::new().loss(&frames.log_softmax(2), &labels, &[120; 9], &[20; 9]);
            let (x, w) = (Tensor::normal([130, 40], 0.0, 1.0, rng), Tensor::normal([500, 40], 0.0, 1.0, rng));
            let (x, w) = (Var::leaf(x), Var::leaf(w));
            let targets = Tensor::randint([130], 0, 500, rng);
            let head = LinearCrossEntropy::new().chunk(32).loss(&x, &w, None, &targets);
            let both = loss + head;
            let value = both.item().to_bits();
            let gradients = both.backward();
            let bits = |leaf: &Var<f32>| gradients.of(leaf).unwrap().to_vec().into_iter().map(f32::to_bits);
            (value, bits(&frames).chain(bits(&x)).chain(bits(&w)).collect::<Vec<_>>())
        })
    };
    let one = run(1);
    assert!(one == run(2) && one == run(3) && one == run(5));
}
