//! The workloads that Gradus is measured with, each written as a user would write it: the public layers, losses and
//! optimizers, fixed random data, nothing prepared that a program of one's own would not have.
//!
//! It exists so that every figure about speed can be repeated. It must never know how the others are measured, and
//! never reach for a path that a user has not.
#![forbid(unsafe_code)]

mod measure;
mod memory;
mod serve;
mod workload;
pub mod workloads;

pub use measure::{Measurement, measure};
pub use memory::peak_megabytes;
pub use serve::{first_loss, serve};
pub use workload::{Entry, Failure, Repeat, Started, Work, Workload, entries, entry};
