//! Optimizers, clipping and schedules of Gradus.
#![forbid(unsafe_code)]
