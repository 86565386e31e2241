//! Measures of a model that are fed batch by batch: each keeps running sums only, so that a data set of any size is
//! measured in constant memory, and the order of batches matters only to rounding. They must never know a model, a loss
//! function or a file.

mod accuracy;
mod confusion;
mod mean;
mod regression;
mod values;

pub use accuracy::Accuracy;
pub use confusion::{Average, ConfusionMatrix, Scores};
pub use mean::Mean;
pub use regression::Regression;
pub use values::{Metrics, significant};

use gradus_tensor::{Float, Tensor};

/// The index of each row's largest logit: `[…, C] → […]`.
#[track_caller]
fn predicted<T: Float>(measure: &str, logits: &Tensor<T>, targets: &Tensor<i64>) -> Tensor<i64> {
    let shape = logits.shape();
    let fits = shape.len() == targets.rank() + 1 && shape[..targets.rank()] == targets.shape()[..];
    assert!(
        fits,
        "{measure}: logits and targets differ: {shape} and {} (logits are […, C], targets […])",
        targets.shape()
    );
    logits.argmax(-1)
}
