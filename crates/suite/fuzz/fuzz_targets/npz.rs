//! NumPy's `.npz`: the directory and every array.
#![no_main]

use gradus_data::Npz;
use gradus_fuzz::{NAME, judge};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Some(arrays) = judge(Npz::from_bytes(bytes, NAME)) {
        // One member may be listed many times.
        for name in arrays.names().take(16) {
            judge(arrays.read(name));
        }
    }
});
