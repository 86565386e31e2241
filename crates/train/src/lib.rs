//! What stands around a model and an optimizer: the loop, what is measured, what is written down, what is resumed.
//!
//! It must never know a concrete layer, loss or data set.
//!
#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

extern crate self as gradus_train;

mod batches;
mod callbacks;
mod checkpoint;
mod errors;
mod exact;
mod files;
mod history;
pub mod metrics;
mod outcome;
pub mod report;
mod running;
mod step;
mod trainer;

pub use batches::BatchStream;
pub use callbacks::{BestCheckpoint, Callback, EarlyStopping, Flow, MetricsFile, Progress, Run, StepRecord};
pub use errors::TrainError;
pub use history::{EpochRecord, Goal, History};
pub use outcome::Outcome;
pub use step::{IntoStep, Step};
pub use trainer::{Resumed, Trainer, evaluate};
