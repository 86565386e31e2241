//! What the fuzz targets share: judging an answer, and sound files to change. It must never know which reader is at fault.
#![forbid(unsafe_code)]

pub mod checkpoint;

use std::collections::BTreeMap;
use std::fmt::Display;
use std::sync::OnceLock;

use gradus_module::State;
use gradus_tensor::Tensor;

/// What errors call the bytes.
pub const NAME: &str = "x";

/// The longest error: names and texts out of a file are cut.
const LONGEST: usize = 2000;

/// An answer's value; an error must be one short sentence.
pub fn judge<T, E: Display>(answer: Result<T, E>) -> Option<T> {
    match answer {
        Ok(value) => Some(value),
        Err(error) => {
            let text = error.to_string();
            assert!(text.len() < LONGEST && !text.contains('\n'), "{text:?}");
            None
        }
    }
}

/// The bytes behind the first if that is even, else `sound` with changes: two bytes for the place, one for what is written there.
/// So checks are reached that no chance would pass.
pub fn changed(bytes: &[u8], sound: &[u8]) -> Vec<u8> {
    let Some((&kind, bytes)) = bytes.split_first() else { return Vec::new() };
    if kind % 2 == 0 {
        return bytes.to_vec();
    }
    let mut out = sound.to_vec();
    for &[low, high, value] in bytes.as_chunks().0 {
        let place = usize::from(u16::from_le_bytes([low, high])) % sound.len();
        out[place] = value;
    }
    // What is left over cuts.
    if let [length] = bytes.as_chunks::<3>().1 {
        out.truncate(out.len() * usize::from(*length) / 255);
    }
    out
}

/// A sound safetensors file.
pub fn safetensors() -> &'static [u8] {
    static FILE: OnceLock<Vec<u8>> = OnceLock::new();
    FILE.get_or_init(|| {
        let mut state = State::default();
        state.push("layer.weight", Tensor::from([[1.0_f32, 2.0], [3.0, 4.0]]));
        state.push("layer.mask", Tensor::from([true, false, true]));
        state.push("steps", Tensor::scalar(7_i64));
        let metadata = BTreeMap::from([("format".to_owned(), "pt".to_owned())]);
        gradus_io::state_to_bytes(&state, &metadata).expect("a sound state is written")
    })
}
