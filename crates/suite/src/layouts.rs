//! Claims about methods of `Tensor` alone, on drawn values in every memory layout.

use gradus_tensor::Tensor;
use gradus_testkit::{Dense, Noise, distinct, layout_variants, shape};
use proptest::prelude::*;

use crate::draw::Draw;

/// Checks a claim on values of many shapes, at least of rank `lowest`, in every layout. `check` gets the tensor, its values
/// and numbers for parameters.
///
/// # Panics
/// If the claim does.
#[track_caller]
pub fn on_every_layout(lowest: usize, check: impl Fn(&Tensor<f64>, &Dense, &Draw)) {
    let shapes = shape(lowest..=4).prop_map(|shape| vec![shape]).boxed();
    let config = ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() };
    let rng = proptest::test_runner::TestRng::deterministic_rng(proptest::test_runner::RngAlgorithm::ChaCha);
    let mut runner = proptest::test_runner::TestRunner::new_with_rng(config, rng);
    let result = runner.run(&Draw::strategy(shapes), |draw| {
        let x = distinct(&draw.shapes[0], -3.0..3.0, &[], &mut Noise::new(draw.seed));
        for variant in layout_variants(&x.tensor::<f64>()) {
            check(&variant.laid, &Dense::of(&variant.dense), &draw);
        }
        Ok(())
    });
    if let Err(error) = result {
        panic!("{error}");
    }
}
