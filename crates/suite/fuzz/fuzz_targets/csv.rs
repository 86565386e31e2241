//! Tables of delimited text. The first byte says how they are laid out.
#![no_main]

use gradus_data::{TableOptions, read_table_from};
use gradus_fuzz::{NAME, judge};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Some((&layout, text)) = bytes.split_first() else { return };
    let delimiter = b",;\t "[usize::from(layout % 4)];
    let options = TableOptions { delimiter, header: layout & 4 == 0, ..TableOptions::default() };
    let Some(table) = judge(read_table_from(text, NAME, &options)) else { return };
    judge(table.to_tensor::<f32>());
    for column in 0..table.columns().min(16) {
        judge(table.labels(column));
        judge(table.complete(column));
        assert!(table.encode(column, &table.categories(column)).is_ok(), "a category is not found again");
    }
});
