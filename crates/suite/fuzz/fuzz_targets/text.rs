//! Plain text.
#![no_main]

use gradus_data::{paragraphs, text_from_bytes};
use gradus_fuzz::{NAME, judge};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Some(text) = judge(text_from_bytes(bytes, NAME)) {
        let letters = |text: &str| text.chars().filter(|c| !c.is_whitespace()).count();
        assert_eq!(paragraphs(text).map(letters).sum::<usize>(), letters(text), "a paragraph is lost");
    }
});
