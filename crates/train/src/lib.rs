//! Training loop, metrics, checkpoints and reports of Gradus.
#![forbid(unsafe_code)]

extern crate self as gradus_train;

pub mod metrics;
