//! Layers that PyTorch lacks, or whose laws it does not record: against independent formulas in double precision, by their invariants, and
//! what they refuse.
#![allow(clippy::unwrap_used)] // helpers of tests may stop at the first surprise

mod attention;
mod causality;
mod crf;
mod gradients;
mod lora;
mod mixture;
mod noise;
mod positions;
mod refusals;
mod summaries;
mod threads;
