//! NumPy's `.npy`, whole and by place.
#![no_main]

use gradus_data::{ArrayFile, npy_from_bytes};
use gradus_fuzz::{NAME, judge};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    judge(npy_from_bytes(bytes, NAME));
    judge(
        ArrayFile::from_bytes(bytes, NAME)
            .and_then(|array| array.rows::<f32>(&[array.len().saturating_sub(1), 0])),
    );
});
