//! Data sets, splits, batches and readers of Gradus.
#![forbid(unsafe_code)]
