//! Checkpoints of layers: same values, gradients, random numbers and running statistics, bit by bit.
#![allow(clippy::unwrap_used, clippy::expect_used)] // a helper of a test may fail as the test itself may

use gradus_autodiff::{Gradients, Var, no_grad};
use gradus_layers::{BatchNorm1d, Dropout, Linear};
use gradus_module::{
    Context, Layer, Module, Param, apply_updates, checkpoint, checkpoint_with_context, shared,
};
use gradus_tensor::{Rng, RngState, Tensor};
use gradus_testkit::assert_bits_equal;

#[derive(Clone, Module)]
struct Block {
    up: Linear,
    norm: BatchNorm1d,
    dropout: Dropout,
    down: Linear,
}

impl Block {
    fn new(rng: &mut Rng) -> Self {
        let dropout = Dropout::new(0.5).expect("a probability");
        Self {
            up: Linear::new(6, 20, rng),
            norm: BatchNorm1d::new(20),
            dropout,
            down: Linear::new(20, 6, rng),
        }
    }
}

impl Layer for Block {
    fn forward(&self, x: &Var, cx: &mut Context<'_>) -> Var {
        let h = self.norm.forward(&self.up.forward(x, cx), cx).relu();
        x + self.down.forward(&self.dropout.forward(&h, cx), cx)
    }
}

#[derive(Clone, Module)]
struct Model {
    blocks: Vec<Block>,
}

impl Model {
    fn run(&self, x: &Var, cx: &mut Context<'_>, saves: bool) -> Var {
        let pass = |x: Var, block: &Block| {
            if saves { checkpoint(block, &x, cx) } else { block.forward(&x, cx) }
        };
        self.blocks.iter().fold(x.clone(), pass)
    }
}

fn model() -> Model {
    let rng = &mut Rng::seed(3);
    Model { blocks: (0..3).map(|_| Block::new(rng)).collect() }
}

fn input() -> Var {
    Var::leaf(Tensor::normal([12, 6], 0.0, 1.0, &mut Rng::seed(4)))
}

/// Value, gradients, and where the random numbers stand behind.
fn step(model: &Model, x: &Var, saves: bool) -> (Tensor, Gradients, RngState) {
    let mut rng = Rng::seed(5);
    let y = model.run(x, &mut Context::train(&mut rng), saves);
    let value = y.value().clone();
    // Random numbers that are drawn meanwhile are of no effect.
    let after = rng.state();
    let _ = rng.next_u64();
    (value, y.square().sum().backward(), after)
}

fn assert_same_state(a: &impl Module, b: &impl Module) {
    for ((name, a), (_, b)) in a.state().iter().zip(b.state().iter()) {
        match (a.get::<f32>(), b.get::<f32>()) {
            (Some(a), Some(b)) => assert_bits_equal(a, b),
            _ => assert_eq!(a.get::<i64>().map(Tensor::to_vec), b.get::<i64>().map(Tensor::to_vec), "{name}"),
        }
    }
}

#[test]
fn a_step_with_dropout_and_batch_statistics_is_the_same() {
    let (mut model, x) = (model(), input());
    let (plain, of_plain, state) = step(&model, &x, false);
    let (again, of_again, state_again) = step(&model, &x, true);
    assert_bits_equal(&plain, &again);
    assert_eq!(state, state_again);
    assert_eq!(of_plain.len(), of_again.len());
    assert!(of_plain.len() == 3 * 6 + 1, "weights, biases and the input have gradients: {}", of_plain.len());
    for ((_, plain), (_, again)) in of_plain.iter().zip(of_again.iter()) {
        assert_bits_equal(plain, again);
    }
    let mut second = shared(&model);
    assert_eq!(of_again.updates().count(), of_plain.updates().count());
    apply_updates(&mut second, &of_again);
    assert_same_state(&second, &{
        apply_updates(&mut model, &of_plain);
        model
    });
}

#[test]
fn modes_without_random_numbers_and_without_recording_are_the_same() {
    let (model, x) = (model(), input());
    let eval = |saves| model.run(&x, &mut Context::eval(), saves);
    assert_bits_equal(eval(false).value(), eval(true).value());
    let (plain, again) = (eval(false).sum().backward(), eval(true).sum().backward());
    assert_eq!(plain.updates().count() + again.updates().count(), 0);
    plain.iter().zip(again.iter()).for_each(|((_, plain), (_, again))| assert_bits_equal(plain, again));
    assert!(!no_grad(|| eval(true)).has_gradient());
    let (mut plain, mut again) = (Vec::new(), Vec::new());
    let _ = model.run(&x, &mut Context::traced(&mut plain), false);
    let y = model.run(&x, &mut Context::traced(&mut again), true);
    let _ = y.sum().backward();
    assert_eq!(plain, again);
}

#[test]
fn functions_of_several_inputs_draw_the_same_again() {
    let (a, b, layer) = (input(), input(), Linear::<f32>::new(6, 6, &mut Rng::seed(1)));
    let f = |a: &Var, b: &Var, layer: &Linear, cx: &mut Context<'_>| {
        let dropout = Dropout::new(0.3).expect("a probability");
        dropout.forward(&layer.forward(a, cx), cx) * dropout.forward(b, cx)
    };
    let mut rng = Rng::seed(2);
    let plain = f(&a, &b, &layer, &mut Context::train(&mut rng));
    let own = shared(&layer);
    let mut rng = Rng::seed(2);
    let cx = &mut Context::train(&mut rng);
    let y = checkpoint_with_context(move |x, cx| f(&x[0], &x[1], &own, cx), &[&a, &b], cx);
    assert_bits_equal(plain.value(), y.value());
    let (plain, again) = (plain.sum().backward(), y.sum().backward());
    for leaf in [&a, &b, &*layer.weight] {
        assert_bits_equal(plain.of(leaf).expect("a gradient"), again.of(leaf).expect("a gradient"));
    }
}

#[test]
fn what_is_shared_trains_the_original_and_keeps_its_values() {
    let mut original = Param::<f64>::new([1.0, 2.0]);
    let copy = shared(&original);
    let gradients = (&*copy * 3.0).sum().backward();
    assert_eq!(gradients.of(&original).map(Tensor::to_vec), Some(vec![3.0, 3.0]));
    *original.value_mut() *= 10.0;
    assert_eq!((copy.value().to_vec(), original.value().to_vec()), (vec![1.0, 2.0], vec![10.0, 20.0]));
    let mut frozen = original.clone();
    frozen.set_trainable(false, &|_| true);
    assert!(!shared(&frozen).is_trainable());
}
