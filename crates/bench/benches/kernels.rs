//! Our own history of the kernels: `cargo bench -p gradus-bench --bench kernels [-- NAME]`.
//!
//! Short runs that are compared with the last ones on the same machine; the comparison with others is `cargo xtask bench`.

use criterion::{criterion_group, criterion_main};

mod common;

/// Products, rows, the optimizer: everything that is no model.
fn kernels(criterion: &mut criterion::Criterion) {
    common::bench(criterion, "kernels", |name| !common::is_model(name));
}

criterion_group!(benches, kernels);
criterion_main!(benches);
