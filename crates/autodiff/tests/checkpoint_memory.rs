//! What checkpoints save. Alone in its process: the count is the process's.
#![allow(clippy::expect_used)] // tests may stop at the first surprise

use gradus_autodiff::tensor::{Rng, Tensor, memory, reset_peak_memory};
use gradus_autodiff::{Var, checkpoint};

const BLOCKS: usize = 8;
const ROWS: usize = 512;
const WIDTH: usize = 16;

fn block(x: &Var, w: &[Var]) -> Var {
    x + x.linear(&w[0], None).tanh().linear(&w[1], None)
}

/// The most bytes beyond those held at the start, what is held between the passes, and the gradients.
fn run(x: &Var, weights: &[[Var; 2]], saves: bool) -> (usize, usize, Vec<Tensor>) {
    let before = memory().live;
    reset_peak_memory();
    let layer = |x: Var, w: &[Var; 2]| {
        if !saves {
            return block(&x, w);
        }
        let w = w.clone();
        checkpoint(move |x| block(&x[0], &w), &[&x])
    };
    let y = weights.iter().fold(x.clone(), layer).sum();
    let held = memory().live - before;
    let gradients = y.backward();
    let peak = memory().peak - before;
    let leaves = weights.iter().flatten().chain([x]);
    (peak, held, leaves.map(|leaf| gradients.of(leaf).expect("a gradient").clone()).collect())
}

#[test]
fn a_chain_of_checkpoints_holds_one_block_at_a_time() {
    let mut rng = Rng::seed(1);
    let mut leaf = |shape: [usize; 2]| Var::leaf(Tensor::<f32>::normal(shape, 0.0, 0.3, &mut rng));
    let x = leaf([ROWS, WIDTH]);
    let weights: Vec<[Var; 2]> =
        (0..BLOCKS).map(|_| [leaf([8 * WIDTH, WIDTH]), leaf([WIDTH, 8 * WIDTH])]).collect();
    let (plain_peak, plain_held, plain) = run(&x, &weights, false);
    let (peak, held, gradients) = run(&x, &weights, true);
    assert_eq!(plain, gradients, "the same bits");
    let (input, hidden) = (ROWS * WIDTH * size_of::<f32>(), ROWS * 8 * WIDTH * size_of::<f32>());
    assert!(plain_held > BLOCKS * hidden, "plain passes hold every hidden value: {plain_held}");
    assert!(held <= (BLOCKS + 2) * input, "checkpoints hold the blocks' inputs: {held}");
    let saved = (BLOCKS - 2) * hidden;
    assert!(peak + saved < plain_peak, "peak {peak} with checkpoints, {plain_peak} without");
}
