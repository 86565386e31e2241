//! The logits of a large vocabulary never exist as a whole. Alone in its process: it reads the process's memory.

use gradus_autodiff::Var;
use gradus_losses::LinearCrossEntropy;
use gradus_tensor::{Rng, Tensor, memory, reset_peak_memory};

#[test]
fn logits_exist_chunk_by_chunk() {
    const ROWS: usize = 512;
    const CLASSES: usize = 4096;
    const WIDTH: usize = 16;
    let rng = &mut Rng::seed(1);
    let x = Var::leaf(Tensor::<f32>::normal([ROWS, WIDTH], 0.0, 1.0, rng));
    let weight = Var::leaf(Tensor::<f32>::normal([CLASSES, WIDTH], 0.0, 1.0, rng));
    let targets = Tensor::randint([ROWS], 0, CLASSES as i64, rng);
    let run = |rows: usize| {
        let before = memory().live;
        reset_peak_memory();
        let loss = LinearCrossEntropy::new().chunk(rows).loss(&x, &weight, None, &targets);
        let value = loss.item();
        let gradients = loss.backward();
        assert!(gradients.of(&x).is_some() && gradients.of(&weight).is_some());
        (value, memory().peak - before)
    };
    let logits = ROWS * CLASSES * size_of::<f32>();
    let (all, whole) = run(ROWS);
    let (parts, few) = run(16);
    assert!((all - parts).abs() < 1e-5 * all, "{all} {parts}");
    assert!(whole > logits, "{whole} {logits}"); // what the test would see
    assert!(few < logits / 4, "{few} of {logits}");
}
