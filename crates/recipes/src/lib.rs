//! Real tasks on real data, in six visible steps.
#![forbid(unsafe_code)]
