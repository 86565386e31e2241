//! The Module derive macro of Gradus.
#![forbid(unsafe_code)]
