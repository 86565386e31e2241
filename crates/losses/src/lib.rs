//! Loss functions of Gradus.
#![forbid(unsafe_code)]
