//! PNG images.
#![no_main]

use gradus_data::{Channels, grey_from_png, image_from_bytes};
use gradus_fuzz::{NAME, judge};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let grey = judge(grey_from_png(bytes, NAME));
    let colour = judge(image_from_bytes(bytes, NAME, Channels::Rgb));
    assert_eq!(grey.is_some(), colour.is_some());
});
