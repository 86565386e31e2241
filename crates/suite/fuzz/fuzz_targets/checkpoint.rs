//! Checkpoints of a training: the bytes as they are, or changes to a sound one.
#![no_main]

use gradus_fuzz::{changed, checkpoint};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    checkpoint::resume(&changed(bytes, checkpoint::sound()));
});
