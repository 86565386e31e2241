//! What a feed-forward block holds between its passes. Alone in its process: the count is the process's.

use gradus_autodiff::Var;
use gradus_tensor::{Rng, Tensor, memory, reset_peak_memory};

#[test]
fn a_feed_forward_block_keeps_its_hidden_values_once_and_writes_gradients_in_place() {
    let mut rng = Rng::seed(1);
    let [n, c] = [512, 256];
    let x = Var::leaf(Tensor::<f32>::normal([n, c], 0.0, 1.0, &mut rng));
    let up = Var::leaf(Tensor::<f32>::normal([4 * c, c], 0.0, 0.05, &mut rng));
    let down = Var::leaf(Tensor::<f32>::normal([c, 4 * c], 0.0, 0.05, &mut rng));
    let hidden = n * 4 * c * size_of::<f32>();
    let before = memory().live;
    let y = x.linear(&up, None).gelu().linear(&down, None);
    let kept = memory().live - before;
    // y, a quarter of the hidden size, and what goes into gelu.
    assert!(kept >= hidden && kept < hidden + hidden / 2, "kept {kept} for a hidden size of {hidden}");
    reset_peak_memory();
    let before = memory().live;
    let gradients = y.backward_with(Tensor::ones([n, c]));
    // gelu's value again and its cotangent, which becomes that of its input; y's, x's and the weights' gradients.
    let passing = memory().peak - before;
    assert!(passing < 3 * hidden + hidden / 4, "{passing} more in passing for a hidden size of {hidden}");
    assert_eq!(gradients.len(), 3);
}
