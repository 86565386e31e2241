//! JSON lines, one by one and as a table.
#![no_main]

use gradus_data::{JsonLines, table_from_jsonl};
use gradus_fuzz::{NAME, judge};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    JsonLines::<serde_json::Value, _>::new(bytes, NAME).for_each(|record| drop(judge(record)));
    if let Some(table) = judge(table_from_jsonl(bytes, NAME)) {
        (0..table.columns().min(16)).for_each(|column| drop(judge(table.labels(column))));
    }
});
