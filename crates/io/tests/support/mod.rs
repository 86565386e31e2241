//! What the tests of files share: random states, and files put together by hand.
#![allow(dead_code)] // each test file uses its part

use gradus_module::State;
use gradus_tensor::{AnyTensor, Rng, Shape, Tensor};

/// A safetensors file from the text of its header, padded to 8 bytes, and its data.
pub(crate) fn file(header: &str, data: &[u8]) -> Vec<u8> {
    let mut text = header.as_bytes().to_vec();
    text.resize(text.len().next_multiple_of(8), b' ');
    unpadded(&text, data)
}

/// As [`file`], with the header as it is.
pub(crate) fn unpadded(header: &[u8], data: &[u8]) -> Vec<u8> {
    let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
    bytes.extend_from_slice(header);
    bytes.extend_from_slice(data);
    bytes
}

/// A tensor of a random type, rank and shape, sometimes empty, sometimes a view.
pub(crate) fn random_tensor(rng: &mut Rng) -> AnyTensor {
    let dims: Vec<usize> = (0..rng.below(5)).map(|_| rng.below(5)).collect();
    let shape = Shape::from(dims);
    let numbers = Tensor::<i64>::randint(shape, -1000, 1000, rng);
    match rng.below(7) {
        0 => Tensor::<f32>::normal(shape, 0.0, 1e3, rng).into(),
        1 => Tensor::<f64>::normal(shape, 0.0, 1e-3, rng).into(),
        2 => numbers.into(),
        3 => numbers.cast::<i32>().into(),
        4 => numbers.cast::<u8>().into(),
        5 => Tensor::<bool>::bernoulli(shape, 0.5, rng).into(),
        _ => Tensor::<f32>::normal([4, 3], 0.0, 1.0, rng).transpose(0, 1).into(),
    }
}

/// Up to ten entries under names that JSON must escape or that are not ASCII, too.
pub(crate) fn random_state(rng: &mut Rng) -> State {
    let names = ["weight", "layers.0.bias", "ü\"\\", "a\nb", "", "\u{1F980}", "z", "\u{7f}", "weights", "W"];
    let mut state = State::default();
    for _ in 0..rng.below(11) {
        let name = names[rng.below(names.len())];
        state.push(name, random_tensor(rng));
    }
    state
}

/// Whether two states hold the same names, in whichever order, and the same values.
pub(crate) fn same(a: &State, b: &State) -> bool {
    a.len() == b.len() && a.iter().all(|(name, value)| b.get(name) == Some(value))
}
