//! The correctness suite of Gradus.
#![forbid(unsafe_code)]
