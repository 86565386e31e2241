//! Attention's memory grows linearly with the sequence. Alone in its process: the count is the process's.

use gradus_autodiff::Var;
use gradus_tensor::{AttentionOptions, Rng, Tensor, memory, reset_peak_memory, with_threads};

/// Bytes beyond those held at the start that forward and backward need at most.
fn needed(length: usize) -> usize {
    let rng = &mut Rng::seed(1);
    let [q, k, v] = [0; 3].map(|_| Var::leaf(Tensor::<f32>::normal([1, 2, length, 16], 0.0, 1.0, rng)));
    let before = memory().live;
    reset_peak_memory();
    let y = q.scaled_dot_product_attention(&k, &v, &AttentionOptions::new().causal());
    let gradients = y.sum().backward();
    assert_eq!(gradients.len(), 3);
    memory().peak - before
}

#[test]
fn memory_is_linear_in_the_sequence() {
    with_threads(1, || {
        let (short, long) = (needed(1024), needed(4096));
        // The scores of 4096 alone would take 2·4096²·4 bytes, 134 MB.
        assert!(long < 6 * short && long < 16 << 20, "{short} bytes for 1024, {long} for 4096");
    });
}
