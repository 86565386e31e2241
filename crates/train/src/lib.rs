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
mod keeper;
pub mod metrics;
mod naming;
mod outcome;
pub mod report;
mod running;
mod step;
pub mod tensorboard;
mod trainer;
pub mod tuning;
mod warning;

// What this crate's interface is made of, so that it can be used alone.
pub use gradus_autodiff as autodiff;
pub use gradus_data as data;
pub use gradus_io as io;
pub use gradus_module as module;
pub use gradus_optimizers as optimizers;
pub use gradus_tensor as tensor;

pub use batches::BatchStream;
pub use callbacks::{
    BestCheckpoint, Callback, EarlyStopping, Flow, MetricsFile, Norms, NormsFile, Progress, Run, StepRecord,
    StepsFile,
};
pub use errors::{Fault, TrainError};
pub use history::{EpochRecord, Goal, History};
pub use naming::metric_words;
pub use outcome::Outcome;
pub use step::{IntoStep, Step};
pub use trainer::{Averaging, Resumed, Trainer, evaluate};
pub use warning::Warning;
