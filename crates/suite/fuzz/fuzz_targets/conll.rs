//! Columns of words and tags.
#![no_main]

use gradus_data::{ConllOptions, TagScheme, conll_from_bytes};
use gradus_fuzz::{NAME, judge};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Some((&layout, text)) = bytes.split_first() else { return };
    let options = ConllOptions { tabs: layout & 1 == 1, comments: layout & 2 == 2 };
    for sentence in judge(conll_from_bytes(text, NAME, &options)).unwrap_or_default() {
        assert!(!sentence.is_empty() && sentence.columns() > 0);
        for scheme in [TagScheme::Iob1, TagScheme::Iob2] {
            judge(sentence.check_tags(sentence.columns() - 1, scheme));
        }
        judge(sentence.to_iob2(0));
    }
});
