//! The families of workloads, one file each. A new one is a file with its `ENTRIES` and one line in `FAMILIES`.

mod cnn;
mod gpt;
mod gpt2;
mod minilm;
mod mlp;
mod optimizer;
mod products;
mod rows;
mod tiny;
mod transformer;

use crate::workload::Entry;

pub use tiny::Tiny;

/// Every family.
pub const FAMILIES: &[&[Entry]] = &[
    products::ENTRIES,
    mlp::ENTRIES,
    tiny::ENTRIES,
    cnn::ENTRIES,
    gpt::ENTRIES,
    gpt2::ENTRIES,
    minilm::ENTRIES,
    rows::ENTRIES,
    optimizer::ENTRIES,
];
