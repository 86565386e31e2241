//! What the benches share: each workload of the registry by its name.

use std::time::Duration;

use criterion::Criterion;
use gradus_bench::entries;

/// Whether a workload trains or runs a model, as its name says.
pub(crate) fn is_model(name: &str) -> bool {
    let models = ["gpt2_", "minilm_"];
    name.contains("_train") || name.ends_with("_infer") || models.iter().any(|model| name.starts_with(model))
}

/// Times those workloads whose names are `wanted`.
pub(crate) fn bench(criterion: &mut Criterion, group: &str, wanted: impl Fn(&str) -> bool) {
    let mut group = criterion.benchmark_group(group);
    group
        .sample_size(10)
        .warm_up_time(Duration::from_millis(50))
        .measurement_time(Duration::from_millis(300));
    for entry in entries().filter(|entry| wanted(entry.name)) {
        group.bench_function(entry.name, |bencher| match (entry.start)() {
            Ok(mut workload) => bencher.iter(|| {
                workload.prepare();
                workload.run()
            }),
            Err(error) => panic!("{}: {error}", entry.name),
        });
    }
    group.finish();
}
