//! Our own history of whole models: `cargo bench -p gradus-bench --bench models [-- NAME]`.
//!
//! Short runs that are compared with the last ones on the same machine; the comparison with others is `cargo xtask bench`.

use criterion::{criterion_group, criterion_main};

mod common;

/// Training steps and inference.
fn models(criterion: &mut criterion::Criterion) {
    common::bench(criterion, "models", common::is_model);
}

criterion_group!(benches, models);
criterion_main!(benches);
