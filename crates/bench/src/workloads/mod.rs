//! The families of workloads, one file each. A new one is a file with its `ENTRIES` and one line in `FAMILIES`.

mod cnn;
mod mlp;
mod optimizer;
mod products;
mod rows;
mod tiny;

use crate::workload::Entry;

pub use tiny::Tiny;

/// Every family.
pub const FAMILIES: &[&[Entry]] =
    &[products::ENTRIES, mlp::ENTRIES, tiny::ENTRIES, cnn::ENTRIES, rows::ENTRIES, optimizer::ENTRIES];
