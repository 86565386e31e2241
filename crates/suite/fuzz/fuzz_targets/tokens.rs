//! Files of tokens. The first byte says how wide they are and how long a window is.
#![no_main]

use gradus_data::{TokenFile, TokenWidth};
use gradus_fuzz::{NAME, judge};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Some((&layout, bytes)) = bytes.split_first() else { return };
    let width = if layout & 1 == 0 { TokenWidth::U16 } else { TokenWidth::U32 };
    let file = TokenFile::from_bytes(bytes, NAME, width, usize::from(layout / 2).max(1));
    if let Some(file) = judge(file) {
        judge(file.read(&[0, file.windows() - 1]));
        judge(file.stride(1).vocabulary(1000).read(&[0]));
    }
});
