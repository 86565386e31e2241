//! What the backward pass may do with buffers: write into those that nobody else holds, and compute cheap values again; and that
//! nobody can tell.

use gradus_autodiff::{Gradients, Var, grad};
use gradus_layers::LayerNorm;
use gradus_module::{Context, Layer};
use gradus_tensor::{Rng, Tensor};
use gradus_testkit::{assert_bits_equal, assert_close};

/// Large enough that the output of `gelu` is not kept.
const ROWS: usize = 300;

fn noise(shape: [usize; 2], seed: u64) -> Tensor<f64> {
    Tensor::normal(shape, 0.0, 1.0, &mut Rng::seed(seed))
}

struct Block {
    x: Var<f64>,
    up: Var<f64>,
    down: Var<f64>,
}

impl Block {
    fn new() -> Self {
        let [x, up, down] = [([ROWS, 20], 1), ([60, 20], 2), ([20, 60], 3)]
            .map(|(shape, seed)| Var::leaf(noise(shape, seed)));
        Self { x, up, down }
    }

    /// x + down·gelu(up·x)
    fn run(&self) -> Var<f64> {
        &self.x + self.x.linear(&self.up, None).gelu().linear(&self.down, None)
    }

    fn gradients(&self, gradients: &Gradients<f64>) -> [Tensor<f64>; 3] {
        [&self.x, &self.up, &self.down].map(|leaf| match gradients.of(leaf) {
            Some(gradient) => gradient.clone(),
            None => panic!("a leaf without a gradient"),
        })
    }
}

#[test]
fn values_computed_again_give_the_gradients_of_kept_ones() {
    let (block, seed) = (Block::new(), noise([ROWS, 20], 4));
    let got = block.gradients(&block.run().backward_with(seed.clone()));
    // The same by hand, from tensors that are all there.
    let (x, up, down) = (block.x.value(), block.up.value(), block.down.value());
    let z = x.matmul(&up.t());
    let of_down = seed.t().matmul(&z.gelu());
    let of_z = seed.matmul(down)
        * &z.map(|z| {
            let at = Var::leaf(z);
            grad(&at.gelu(), &[&at]).remove(0).item()
        });
    assert_close(&got[0], &(&seed + &of_z.matmul(up)));
    assert_close(&got[1], &of_z.t().matmul(x));
    assert_close(&got[2], &of_down);
    // And by the differentiable rules.
    let seed = Var::constant(seed);
    let leaves = [&block.x, &block.up, &block.down];
    let any_order = gradus_autodiff::grad_with(&block.run(), &seed, &leaves);
    any_order.iter().zip(&got).for_each(|(any_order, got)| assert_close(any_order.value(), got));
}

#[test]
fn normalised_rows_computed_again_are_those_that_were() {
    let mut rng = Rng::seed(5);
    let mut norm: LayerNorm<f64> = LayerNorm::new([40]);
    for affine in [&mut norm.weight, &mut norm.bias].into_iter().flatten() {
        *affine.value_mut() = Tensor::normal([40], 1.0, 0.5, &mut rng);
    }
    for norm in [norm.clone(), norm.clone().without_bias(), norm.without_affine()] {
        let (x, w) = (noise([ROWS, 40], 1), Var::leaf(noise([7, 40], 2)));
        let run = |x: &Var<f64>| norm.forward(x, &mut Context::eval()).linear(&w, None).sin();
        let gradients = |x: &Tensor<f64>| {
            let x = Var::leaf(x.clone());
            let gradients = run(&x).sum().backward();
            [&x, &w].map(|leaf| gradients.of(leaf).map_or_else(|| panic!("no gradient"), Tensor::clone))
        };
        let [of_x, of_w] = gradients(&x);
        // Ten rows are few enough to be kept.
        let parts: Vec<_> = (0..ROWS).step_by(10).map(|row| gradients(&x.narrow(0, row, 10))).collect();
        let rows: Vec<&Tensor<f64>> = parts.iter().map(|[of_x, _]| of_x).collect();
        assert_close(&of_x, &Tensor::cat(&rows, 0));
        let mut sum = Tensor::zeros([7, 40]);
        parts.iter().for_each(|[_, of_w]| sum += of_w);
        assert_close(&of_w, &sum);
    }
}

#[test]
fn a_graph_that_somebody_holds_gives_the_same_again() {
    let block = Block::new();
    let (loss, seed) = (block.run(), noise([ROWS, 20], 4));
    let first = block.gradients(&loss.clone().backward_with(seed.clone()));
    let second = block.gradients(&loss.clone().backward_with(seed.clone()));
    let last = block.gradients(&loss.backward_with(seed));
    for i in 0..3 {
        assert_bits_equal(&first[i], &second[i]);
        assert_bits_equal(&first[i], &last[i]);
    }
}

#[test]
fn nothing_that_is_held_outside_is_written() {
    let leaf = Var::leaf(noise([ROWS, 40], 1));
    let factor = Var::leaf(noise([ROWS, 40], 2));
    let seed = noise([ROWS, 40], 3);
    let hidden = leaf.gelu();
    let squashed = &hidden * &factor;
    let y = (&squashed - &leaf).relu() * 2.0 + &hidden;
    let held = [leaf.value(), factor.value(), &seed, hidden.value(), squashed.value(), y.value()];
    let held = held.map(Tensor::clone);
    let copies = held.each_ref().map(|held| held.map(|x| x));
    let gradients = y.backward_with(seed);
    let of_leaf = gradients.of(&leaf).map(|g| g.map(|x| x));
    drop((hidden, squashed));
    held.iter().zip(&copies).for_each(|(held, copy)| assert_bits_equal(held, copy));
    assert!(of_leaf.is_some_and(|g| g.to_vec().iter().any(|&g| g != 0.0)));
}

#[test]
fn one_cotangent_for_two_is_not_written_by_the_first() {
    // Both sides of the sum get the same tensor; relu writes into its own only if it has it alone.
    let (a, b) = (Var::leaf(noise([ROWS, 40], 1)), Var::leaf(noise([ROWS, 40], 2)));
    let seed = noise([ROWS, 40], 3);
    let gradients = (a.relu() + b.relu()).backward_with(seed.clone());
    for leaf in [&a, &b] {
        let want = leaf.value().zip(&seed, |x, g| if x > 0.0 { g } else { 0.0 });
        assert_bits_equal(&want, gradients.of(leaf).unwrap_or(&seed));
    }
}

#[test]
fn a_result_that_was_changed_by_hand_is_read_as_it_is() {
    let (x, w) = (Var::leaf(noise([ROWS, 40], 1)), Var::leaf(noise([10, 40], 2)));
    let mut hidden = x.gelu();
    *hidden.value_mut() *= 3.0;
    let changed = hidden.value().clone();
    let seed = noise([ROWS, 10], 3);
    let gradients = hidden.linear(&w, None).backward_with(seed.clone());
    assert_close(gradients.of(&w).unwrap_or(&seed), &seed.t().matmul(&changed));
    assert!(gradients.of(&x).is_some());
}
