//! Differentiable variables, ops and gradients of any order for Gradus.
#![forbid(unsafe_code)]
