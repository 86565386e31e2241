//! Safetensors: the bytes as they are, or changes to a sound file.
#![no_main]

use gradus_fuzz::{changed, judge, safetensors};
use gradus_io::state_from_bytes;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    judge(state_from_bytes(&changed(bytes, safetensors())));
});
