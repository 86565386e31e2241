//! Layers against what PyTorch computed: results, gradients of inputs and parameters, buffers, names of the state, in double and in
//! single precision. Recorded by `crates/suite/golden/make_layers.py`.
#![allow(clippy::unwrap_used)] // helpers of tests may stop at the first surprise

mod activations;
mod attention;
mod case;
mod gpt;
mod initialisers;
mod lookup;
mod norms;
mod transformers;
mod wrappers;
