//! The families of workloads, one file each. A new one is a file with its `ENTRIES` and one line in `FAMILIES`.

mod cnn;
mod gpt;
mod gpt2;
mod growth;
mod lstm;
mod minilm;
mod mlp;
mod optimizer;
mod products;
mod resnet;
mod rows;
mod tiny;
mod transformer;

use crate::workload::{Entry, Scaled};

pub use tiny::Tiny;

/// What can be had in any size.
pub const SCALED: &[Scaled] = growth::SCALED;

/// Every family.
pub const FAMILIES: &[&[Entry]] = &[
    products::ENTRIES,
    mlp::ENTRIES,
    tiny::ENTRIES,
    cnn::ENTRIES,
    lstm::ENTRIES,
    resnet::ENTRIES,
    gpt::ENTRIES,
    gpt2::ENTRIES,
    minilm::ENTRIES,
    rows::ENTRIES,
    optimizer::ENTRIES,
];
