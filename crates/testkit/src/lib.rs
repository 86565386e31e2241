//! Test strategies and naive references of Gradus.
#![forbid(unsafe_code)]
