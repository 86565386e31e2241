//! Transforms with statistics: fitted on the training part, applied to all, stored beside the model. Each one's numbers are
//! tensors by name, so that whoever writes models and checkpoints need not know what they mean. They must never see the
//! test part while fitting; that is their user's part.

mod categories;
mod columns;
mod impute;
mod pipeline;
mod scale;
mod standardise;
mod statistics;
mod steps;

pub use categories::{Categories, Unknown};
pub use columns::{Columns, Values};
pub use impute::{Fill, Imputer};
pub use pipeline::{FittedPipeline, Pipeline};
pub use scale::{MinMax, Robust};
pub use standardise::Standardiser;
pub use statistics::{Fitted, Statistics};
pub use steps::Transform;

use gradus_tensor::{Float, Tensor};

use crate::error::DataError;

/// The samples and features of `x`, `[N, …]`, in double precision: `[N, F]`.
fn wide<T: Float>(op: &'static str, x: &Tensor<T>) -> Result<Tensor<f64>, DataError> {
    if x.shape().first().is_none_or(|&samples| samples == 0) {
        let what = format!("{} holds no samples", x.shape());
        return Err(DataError::unfit(op, what, "give at least one, [N, …]"));
    }
    Ok(x.cast::<f64>().reshape([x.shape()[0], x.shape().remove(0).count()]))
}

/// Numbers of features as a tensor of the features' shape.
fn narrow<T: Float>(like: &Tensor<T>, values: &[f64]) -> Tensor<T> {
    Tensor::new(like.shape().remove(0), &values.iter().map(|&value| T::of(value)).collect::<Vec<T>>())
}

/// That `x` has the features of `fitted`.
#[track_caller]
fn check_features<T: Float>(op: &str, x: &Tensor<T>, fitted: &Tensor<T>) {
    let fits = x.shape().get(1..) == Some(&fitted.shape()[..]);
    assert!(fits, "{op}: features differ: {} needs [N, …] with {} behind N", x.shape(), fitted.shape());
}
