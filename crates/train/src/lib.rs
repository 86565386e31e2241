//! Training loop, metrics, checkpoints and reports of Gradus.
#![forbid(unsafe_code)]
