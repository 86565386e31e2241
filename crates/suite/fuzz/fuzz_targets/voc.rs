//! Pascal-VOC annotations.
#![no_main]

use gradus_data::voc_from_bytes;
use gradus_fuzz::{NAME, judge};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Some(annotation) = judge(voc_from_bytes(bytes, NAME)) {
        assert_eq!(annotation.boxes().dims(), [annotation.objects.len(), 4]);
    }
});
