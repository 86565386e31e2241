//! Per-example gradients of whole models against one backward pass for each example, and that they need no such loop.
#![allow(clippy::unwrap_used, clippy::expect_used)] // a helper of a test may fail as the test itself may

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use gradus_autodiff::{
    Batch, Cotangents, Flow, Op, Save, Saved, Var, apply, checkpoint, choose, per_example_gradients,
};
use gradus_layers::{
    BatchNorm1d, BatchNorm2d, Conv2d, Embedding, GroupNorm, LayerNorm, Linear, MaxPool2d, MultiheadAttention,
    RmsNorm, Rnn, Rotary,
};
use gradus_losses::{Ctc, LinearCrossEntropy, Reduction, bce, cross_entropy, log_cosh, multilabel_margin};
use gradus_module::{Context, Layer, Module, Param};
use gradus_tensor::{Conv2dSpec, Rng, Tensor};
use gradus_testkit::{Tolerance, assert_close, compare};

/// The identity, which counts how often its rule is asked.
struct Count(Arc<AtomicUsize>);

impl Op<f64> for Count {
    fn name(&self) -> &'static str {
        "count"
    }
    fn saves(&self) -> Save {
        Save::NOTHING
    }
    fn forward(&mut self, inputs: &[&Tensor<f64>]) -> Tensor<f64> {
        inputs[0].clone()
    }
    fn vjp(&self, _: &Saved<Var<f64>>, g: &Var<f64>) -> Cotangents<Var<f64>> {
        self.0.fetch_add(1, Relaxed);
        vec![Some(g.clone())]
    }
    fn per_example(&self, _: &Saved<Tensor<f64>>, _: &Tensor<f64>, batch: Batch) -> Option<Vec<Flow<f64>>> {
        Some(vec![Flow::Along(batch)])
    }
}

fn noise(shape: &[usize], seed: u64) -> Tensor<f64> {
    Tensor::normal(shape, 0.0, 1.0, &mut Rng::seed(seed))
}

/// Moves every parameter away from where layers start, so that ones and noughts hide nothing.
fn shake(model: &mut impl Module) {
    let mut seed = 900;
    model.visit_mut(&mut gradus_module::Path::root(), &mut |_, entry| {
        if let Some(p) = entry.as_any_mut().downcast_mut::<Param<f64>>() {
            seed += 1;
            let shape = p.shape().to_vec();
            *p.value_mut() += &(noise(&shape, seed) * 0.3);
        }
    });
}

fn parameters(model: &impl Module) -> Vec<&Var<f64>> {
    let entries = model.entries().into_iter();
    entries.filter_map(|(_, entry)| Some(&**entry.as_any().downcast_ref::<Param<f64>>()?)).collect()
}

/// Compares with one backward pass for each loss.
#[track_caller]
fn check(losses: &Var<f64>, parameters: &[&Var<f64>]) {
    let got = per_example_gradients(losses, parameters);
    let count = losses.len();
    for (k, (got, p)) in got.iter().zip(parameters).enumerate() {
        assert_eq!(got.shape()[..], [&[count], &p.shape()[..]].concat());
        for n in 0..count {
            let one = Tensor::from_fn([count], |i| f64::from(u8::from(i[0] == n)));
            let gradients = losses.clone().backward_with(one);
            let want = gradients.of(p).cloned().unwrap_or_else(|| Tensor::zeros(*p.shape()));
            if let Err(error) = compare(&got.select(0, n), &want, Tolerance::F64.times(10.0)) {
                panic!("parameter {k} {}, example {n}: {error}", p.shape());
            }
        }
    }
}

/// [`check`] of the losses of `model` at an input `x`, and that the rules were asked once.
#[track_caller]
fn check_fast(model: &impl Module, x: Tensor<f64>, losses: impl Fn(&Var<f64>) -> Var<f64>) {
    let asked = Arc::new(AtomicUsize::new(0));
    let x = Var::leaf(x);
    let losses = losses(&apply(Count(Arc::clone(&asked)), &[&x]));
    let all: Vec<&Var<f64>> = parameters(model).into_iter().chain([&x]).collect();
    let _ = per_example_gradients(&losses, &all);
    assert_eq!(asked.load(Relaxed), 1, "the examples went one by one");
    check(&losses, &all);
}

#[derive(Module)]
struct Mlp {
    first: Linear<f64>,
    norm: RmsNorm<f64>,
    second: Linear<f64>,
    table: Param<f64>,
    scale: Param<f64>,
}

#[test]
fn of_a_perceptron() {
    let rng = &mut Rng::seed(1);
    let mut model = Mlp {
        first: Linear::new(4, 6, rng),
        norm: RmsNorm::new([6]),
        second: Linear::new(6, 3, rng).without_bias(),
        table: Param::new(noise(&[3, 5], 2)),
        scale: Param::new([0.7, 1.3, -0.4]),
    };
    shake(&mut model);
    let targets = Tensor::from([0_i64, 4, 2, 1, 3, 3, 0]);
    check_fast(&model, noise(&[7, 4], 3), |x| {
        let cx = &mut Context::eval();
        let h = model.norm.forward(&model.first.forward(x, cx).gelu(), cx);
        let h = model.second.forward(&h, cx) * &*model.scale;
        cross_entropy(&h.matmul(&model.table), &targets, Reduction::None)
    });
    // Weights that are turned, reshaped and joined before the examples meet them.
    check_fast(&model, noise(&[7, 4], 3), |x| {
        let h = x.matmul(&model.first.weight.t()) + model.scale.reshape([3, 1]).expand([3, 2]).reshape([6]);
        (h.sigmoid() * 0.9).max_axes(&[1], false)
    });
}

#[test]
fn of_rows_that_belong_to_several_words_of_an_example() {
    let rng = &mut Rng::seed(1);
    let mut layer = Linear::new(4, 3, rng);
    shake(&mut layer);
    let cx = || Context::eval();
    // In front, behind, and in between.
    check_fast(&layer, noise(&[5, 6, 4], 2), |x| {
        layer.forward(x, &mut cx()).square().sum_axes(&[1, 2], false)
    });
    check_fast(&layer, noise(&[6, 5, 4], 2), |x| {
        layer.forward(x, &mut cx()).square().sum_axes(&[0, 2], false)
    });
    check_fast(&layer, noise(&[30, 4], 2), |x| {
        layer.forward(x, &mut cx()).sin().reshape([2, 5, 3, 3]).sum_axes(&[0, 2, 3], false)
    });
    check_fast(&layer, noise(&[5, 4, 6], 2), |x| {
        let x = x.transpose(1, 2).slice(1, 1, 5, 2).flip(-1);
        layer.forward(&x, &mut cx()).softmax(-1).narrow(2, 0, 2).square().sum_axes(&[1, 2], false)
    });
}

#[derive(Module)]
struct Cnn {
    first: Conv2d<f64>,
    norm: GroupNorm<f64>,
    second: Conv2d<f64>,
    head: Linear<f64>,
}

#[test]
fn of_a_convolutional_network() {
    let rng = &mut Rng::seed(1);
    let mut model = Cnn {
        first: Conv2d::builder(2, 4, [3, 3]).padding([1, 1]).build(rng).expect("a layer"),
        norm: GroupNorm::new(2, 4).expect("two groups of two"),
        second: Conv2d::builder(4, 6, [2, 3]).groups(2).stride([2, 1]).build(rng).expect("a layer"),
        head: Linear::new(6, 3, rng),
    };
    shake(&mut model);
    let targets = Tensor::from([2_i64, 0, 1]);
    check_fast(&model, noise(&[3, 2, 6, 7], 2), |x| {
        let cx = &mut Context::eval();
        let pool = MaxPool2d::new([2, 2]).expect("a window");
        let h = model.norm.forward(&model.first.forward(x, cx), cx).relu();
        let h = model.second.forward(&pool.forward(&h, cx), cx);
        let h = model.head.forward(&h.mean_axes(&[2, 3], false), cx);
        cross_entropy(&h, &targets, Reduction::None)
    });
    let (w, b) = (&model.second.weight, model.second.bias.as_deref());
    let spec = Conv2dSpec { groups: 2, ..Conv2dSpec::default() };
    // Two frames of each example, in front of the batch and behind it.
    for axes in [[0, 2], [1, 2]] {
        check_fast(&model, noise(&[6, 4, 3, 4], 2), |x| {
            let y = x.conv2d_relu(w, b, spec).pad(&[(0, 0), (0, 1), (0, 0), (1, 0)], 0.5);
            let shape = if axes[0] == 0 { [2, 3, y.len() / 6] } else { [3, 2, y.len() / 6] };
            y.reshape(shape).tanh().sum_axes(&axes, false)
        });
    }
}

#[derive(Module)]
struct Block {
    embedding: Embedding<f64>,
    position: Param<f64>,
    norm: LayerNorm<f64>,
    attention: MultiheadAttention<f64>,
    head: Linear<f64>,
}

#[test]
fn of_an_embedding_with_attention() {
    let rng = &mut Rng::seed(1);
    let mut model = Block {
        embedding: Embedding::new(9, 8, rng),
        // As many words as examples: shapes alone do not tell which is which.
        position: Param::new(noise(&[4, 8], 2)),
        norm: LayerNorm::new([8]),
        attention: MultiheadAttention::new(8, 2, rng).expect("two heads").causal(),
        head: Linear::new(8, 9, rng),
    };
    shake(&mut model);
    let words = Tensor::new([4, 4], &[1_i64, 2, 3, 4, 8, 8, 0, 1, 5, 6, 5, 6, 7, 0, 0, 2]);
    let next = Tensor::new([4, 4], &[2_i64, 3, 4, 5, 8, 0, 1, 1, 6, 5, 6, 7, 0, 0, 2, 3]);
    check_fast(&model, noise(&[4, 4, 8], 4), |x| {
        let cx = &mut Context::eval();
        let h = model.embedding.forward(&words, cx) + &*model.position + x * 0.1;
        let h = &h + model.attention.forward(&model.norm.forward(&h, cx), cx);
        let logits = model.head.forward(&h, cx).reshape([16, 9]);
        let losses = cross_entropy(&logits, &next.reshape([16]), Reduction::None);
        losses.reshape([4, 4]).mean_axes(&[1], false)
    });
}

#[derive(Module)]
struct Mixed {
    linear: Linear<f64>,
    norm: BatchNorm1d<f64>,
    planes: BatchNorm2d<f64>,
    rnn: Rnn<f64>,
}

#[test]
fn of_what_mixes_examples_or_does_not_know_them() {
    let rng = &mut Rng::seed(1);
    let mut model = Mixed {
        linear: Linear::new(3, 4, rng),
        norm: BatchNorm1d::new(4),
        planes: BatchNorm2d::new(4),
        rnn: Rnn::builder(3, 4).build(rng).expect("a layer"),
    };
    shake(&mut model);
    let all = parameters(&model);
    let (x, train) = (Var::leaf(noise(&[5, 3], 2)), &mut Rng::seed(9));
    let with_x: Vec<&Var<f64>> = all.iter().copied().chain([&x]).collect();
    // The statistics of the batch: each loss depends on every example.
    let y =
        model.norm.forward(&model.linear.forward(&x, &mut Context::train(train)), &mut Context::train(train));
    check(&(y.square() * Var::constant(noise(&[5, 4], 8))).sum_axes(&[1], false), &with_x);
    let y = model.planes.forward(&Var::leaf(noise(&[3, 4, 2, 2], 3)), &mut Context::eval());
    check(&y.sin().sum_axes(&[1, 2, 3], false), &all);
    // Examples that meet each other outright, and a loss that reads one parameter in two ways.
    let w = &model.linear.weight;
    check(&(x.linear(w, None).softmax(0) * x.linear(w, None)).sum_axes(&[1], false), &with_x);
    check(
        &(x.index_select(0, &Tensor::from([4_i64, 4, 0, 1, 3])).linear(w, None)).exp().mean_axes(&[1], false),
        &with_x,
    );
    check(&(x.t().matmul(&x).matmul(&w.t()).sum() + x.linear(w, None).sum_axes(&[1], false)), &with_x);
    let own = Var::clone(w);
    let y = checkpoint(move |x| x[0].linear(&own, None).tanh(), &[&x]);
    check(&(y.square().sum_axes(&[1], false) + x.linear(w, None).sum_axes(&[1], false)), &with_x);
    let keep = Tensor::from([true, false, true, true, false]).reshape([5, 1]);
    let y = choose(&keep, &x.linear(w, None), &x.linear(w, None).exp());
    check(&y.prod_like(), &with_x);
    let (y, _) = model.rnn.forward_from(&Var::constant(noise(&[2, 5, 3], 4)), None, &mut Context::eval());
    check(&y.square().sum_axes(&[0, 2], false), &all);
}

/// Something to reduce by that is neither a sum nor a mean.
trait ProdLike {
    fn prod_like(&self) -> Self;
}

impl ProdLike for Var<f64> {
    fn prod_like(&self) -> Self {
        self.logsumexp(1, false) + self.min_axes(&[1], false)
    }
}

#[test]
fn of_losses_with_rules_of_their_own() {
    let w = Var::leaf(noise(&[1, 3], 1));
    let x = Var::constant(noise(&[4, 3], 2));
    let y = x.linear(&w, None).reshape([4]);
    check(&bce(&y.sigmoid(), Tensor::from([0.0, 1.0, 0.3, 0.9]), Reduction::None), &[&w]);
    check(&log_cosh(&y, Tensor::from([0.0, 1.0, 0.3, 0.9]), Reduction::None), &[&w]);
}

#[test]
fn of_losses_over_rows_and_frames() {
    let rng = &mut Rng::seed(1);
    let mut layer = Linear::new(3, 5, rng);
    shake(&mut layer);
    let cx = || Context::eval();
    // Two frames of three examples.
    let words = Tensor::from([[1_i64, 1], [2, 3], [4, 1]]);
    check_fast(&layer, noise(&[2, 3, 3], 2), |x| {
        let frames = layer.forward(x, &mut cx()).log_softmax(-1);
        Ctc::new().reduction(Reduction::None).loss(&frames, &words, &[2, 2, 2], &[1, 2, 1])
    });
    let labels = Tensor::from([[1_i64, 4, -1, 0, 0], [0, -1, 0, 0, 0], [2, 3, 4, -1, 0]]);
    check_fast(&layer, noise(&[3, 3], 2), |x| {
        multilabel_margin(&layer.forward(x, &mut cx()), &labels, Reduction::None)
    });
    // Two rows of each of four examples, one of them ignored, in chunks that cut an example in two.
    let targets = Tensor::from([4_i64, 0, 1, -100, 2, 2, 3, 0]);
    let loss = LinearCrossEntropy::new().label_smoothing(0.1).chunk(3).reduction(Reduction::None);
    let bias = layer.bias.as_deref();
    let (x, w) = (Var::leaf(noise(&[8, 3], 5)), &*layer.weight);
    let losses = loss.loss(&x, w, bias, &targets).reshape([4, 2]).sum_axes(&[1], false);
    check(&losses, &[&x, w, bias.expect("a bias")]);
    let all = Tensor::from([4_i64, 0, 1, 3, 2, 2, 3, 0]);
    check_fast(&layer, noise(&[8, 3], 5), |x| {
        loss.loss(x, w, bias, &all).reshape([4, 2]).sum_axes(&[1], false)
    });
    let rotary: Rotary<f64> = Rotary::new(4).expect("an even size");
    let mut wide = Linear::new(4, 4, rng);
    shake(&mut wide);
    check_fast(&wide, noise(&[3, 2, 4], 2), |x| {
        rotary.turn(&wide.forward(x, &mut cx()), 1).sin().sum_axes(&[1, 2], false)
    });
}

#[test]
fn of_one_example_of_none_and_of_nothing() {
    let w = Var::leaf(noise(&[2, 3], 1));
    check(&Var::constant(noise(&[1, 3], 2)).linear(&w, None).sum_axes(&[1], false), &[&w]);
    let none = Var::constant(Tensor::zeros([0, 3])).linear(&w, None).sum_axes(&[1], false);
    assert_eq!(per_example_gradients(&none, &[&w])[0].shape()[..], [0, 2, 3]);
    // A constant, a leaf that is not read, a result, the losses themselves.
    let (constant, other) = (Var::constant([1.0, 2.0]), Var::leaf(5.0));
    let scaled = &w * 2.0;
    let losses = Var::constant(noise(&[4, 3], 2)).linear(&scaled, None).square().sum_axes(&[1], false);
    let got = per_example_gradients(&losses, &[&constant, &other, &scaled, &losses]);
    assert_eq!((got[0].shape()[..].to_vec(), got[1].to_vec()), (vec![4, 2], vec![0.0; 4]));
    let of_w = per_example_gradients(&losses, &[&w]).remove(0);
    assert_close(&(&got[2] * 2.0), &of_w);
    assert_eq!(got[3], Tensor::eye(4));
}

#[test]
fn wrong_shapes_are_named() {
    let told = |losses: &Var<f64>, p: &Var<f64>| {
        let run = || per_example_gradients(losses, &[p]);
        let panic = std::panic::catch_unwind(std::panic::AssertUnwindSafe(run)).err();
        panic.and_then(|panic| panic.downcast_ref::<String>().cloned()).unwrap_or_default()
    };
    let (x, wide) = (Var::leaf(noise(&[4, 3], 1)), Var::leaf(Tensor::ones([1; 8])));
    assert_eq!(
        told(&x, &x),
        "per_example_gradients: the losses are not one for each example: [4, 3] (2 axes ≠ 1)"
    );
    assert_eq!(
        told(&x.sum_axes(&[1], false), &wide),
        "per_example_gradients: too many axes: parameter 0 [1, 1, 1, 1, 1, 1, 1, 1] (9 > 8)"
    );
}
