//! Data sets, splits, batches and readers of Gradus: what stands between a file and a training step. Seeded and
//! resumable: every order is a function of integers, never of time or threads.
//!
//! It must never know a model, a gradient or a loss.
//!
#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod adapt;
mod ahead;
pub mod augment;
#[cfg(feature = "csv")]
mod categories;
#[cfg(feature = "csv")]
mod csv;
#[cfg(feature = "embedded")]
mod embedded;
mod error;
mod fit;
#[cfg(feature = "png")]
mod image;
mod loader;
mod mix;
mod pairs;
mod sampler;
mod source;
mod split;
mod stream;
#[cfg(feature = "csv")]
mod table;

// What this crate's interface is made of, so that it can be used alone.
pub use gradus_tensor as tensor;

#[cfg(feature = "csv")]
pub use crate::csv::{TableOptions, read_table, read_table_from};
pub use adapt::{Augmented, BatchAugmented, Chosen, Mapped, Samples};
#[cfg(feature = "embedded")]
pub use embedded::{DIABETES_COLUMNS, diabetes, digits};
pub use error::DataError;
pub use fit::{
    Categories, Columns, Fill, Fitted, FittedPipeline, Imputer, MinMax, Pipeline, Robust, Standardiser,
    Statistics, Transform, Unknown, Values,
};
#[cfg(feature = "png")]
pub use image::{grey_from_png, read_grey};
pub use loader::{Loader, Position};
pub use mix::{cutmix, cutout, mixup};
pub use pairs::{Batch, Batches, Pairs};
pub use sampler::{
    Bucketed, Cut, Grouped, InOrder, Plan, Sampler, Shard, Shuffled, Subset, TokenBudget, Weighted,
};
pub use source::Source;
pub use split::{
    Fold, Leak, Rows, group_k_fold, grouped_split, k_fold, leaks, leave_one_out, random_split,
    stratified_group_k_fold, stratified_grouped_split, stratified_k_fold, stratified_split,
    time_ordered_split, time_series_folds,
};
pub use stream::{Lines, Stream, StreamLoader};
#[cfg(feature = "csv")]
pub use table::{Cell, Table};
