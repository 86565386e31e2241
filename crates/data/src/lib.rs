//! Data sets, splits, batches and readers of Gradus: what stands between a file and a training step. Seeded and
//! resumable: every order is a function of integers, never of time or threads.
//!
//! It must never know a model, a gradient or a loss.
//!
#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod adapt;
mod ahead;
mod array_file;
pub mod augment;
#[cfg(any(feature = "csv", feature = "jsonl"))]
mod categories;
mod conll;
#[cfg(feature = "csv")]
mod csv;
#[cfg(feature = "embedded")]
mod embedded;
mod error;
mod fit;
#[cfg(feature = "gz")]
mod gz;
mod idx;
#[cfg(any(feature = "jpeg", feature = "png"))]
mod image;
#[cfg(any(feature = "jpeg", feature = "png"))]
mod image_folder;
#[cfg(feature = "jpeg")]
mod jpeg_image;
#[cfg(feature = "jsonl")]
mod jsonl;
mod literal;
mod loader;
mod mix;
mod npy;
#[cfg(feature = "gz")]
mod npz;
mod numbers;
mod pairs;
#[cfg(feature = "png")]
mod png_image;
mod positioned;
mod sampler;
mod source;
mod split;
mod stream;
#[cfg(any(feature = "csv", feature = "jsonl"))]
mod table;
mod text;
mod tokens;
#[cfg(feature = "voc")]
mod voc;
#[cfg(any(feature = "csv", feature = "jsonl"))]
mod words;
#[cfg(feature = "gz")]
mod zip;

// What this crate's interface is made of, so that it can be used alone.
pub use gradus_tensor as tensor;

#[cfg(feature = "csv")]
pub use crate::csv::{TableOptions, read_table, read_table_from};
pub use adapt::{Augmented, BatchAugmented, Chosen, Mapped, Samples};
pub use array_file::{ArrayFile, FilePairs};
pub use conll::{ConllOptions, Sentence, TagScheme, conll_from_bytes, read_conll};
#[cfg(feature = "embedded")]
pub use embedded::{DIABETES_COLUMNS, diabetes, digits};
pub use error::DataError;
pub use fit::{
    Categories, Columns, Fill, Fitted, FittedPipeline, Imputer, MinMax, Pipeline, Robust, Standardiser,
    Statistics, Transform, Unknown, Values,
};
#[cfg(feature = "gz")]
pub use gz::UNPACKED_LIMIT;
pub use idx::{idx_from_bytes, read_idx};
#[cfg(any(feature = "jpeg", feature = "png"))]
pub use image::{Channels, image_from_bytes, read_image};
#[cfg(any(feature = "jpeg", feature = "png"))]
pub use image_folder::ImageFolder;
#[cfg(feature = "jsonl")]
pub use jsonl::{JsonLines, read_jsonl_table, table_from_jsonl};
pub use loader::{Loader, Position};
pub use mix::{cutmix, cutout, mixup};
pub use npy::{npy_from_bytes, read_npy};
#[cfg(feature = "gz")]
pub use npz::Npz;
pub use pairs::{Batch, Batches, Pairs};
#[cfg(feature = "png")]
pub use png_image::{grey_from_png, read_grey};
pub use sampler::{
    Bucketed, Cut, Grouped, InOrder, Plan, Sampler, Shard, Shuffled, Subset, TokenBudget, Weighted,
};
pub use source::{Draws, Source};
pub use split::{
    Fold, Leak, Rows, group_k_fold, grouped_split, k_fold, leaks, leave_one_out, random_split,
    stratified_group_k_fold, stratified_grouped_split, stratified_k_fold, stratified_split,
    time_ordered_split, time_series_folds,
};
pub use stream::{Lines, Stream, StreamLoader};
#[cfg(any(feature = "csv", feature = "jsonl"))]
pub use table::{Cell, Table};
pub use text::{paragraphs, read_text, text_from_bytes};
pub use tokens::{TokenFile, TokenWidth, write_tokens};
#[cfg(feature = "voc")]
pub use voc::{Annotation, VocObject, read_voc, voc_from_bytes};
