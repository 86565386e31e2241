//! JPEG images.
#![no_main]

use gradus_data::{Channels, image_from_bytes};
use gradus_fuzz::{NAME, judge};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    for channels in [Channels::Grey, Channels::Rgb] {
        judge(image_from_bytes(bytes, NAME, channels));
    }
});
