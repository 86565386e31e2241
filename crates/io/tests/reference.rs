//! Against the `safetensors` crate as an independent judge: it reads what we write, we read what it writes, and both
//! write the same bytes.

#![allow(clippy::unwrap_used)] // helpers outside #[test] are test code too

mod support;

use std::collections::{BTreeMap, HashMap};

use gradus_io::{load_state, save_state, state_from_bytes, state_to_bytes};
use gradus_module::State;
use gradus_tensor::{AnyTensor, Rng, Tensor};
use safetensors::tensor::{Dtype, SafeTensors, TensorView, serialize};

use support::{random_state, same};

/// The reference's type and the little-endian bytes, written out naively.
fn judged(value: &AnyTensor) -> (Dtype, Vec<u8>) {
    match value {
        AnyTensor::F32(x) => (Dtype::F32, x.to_vec().iter().flat_map(|v| v.to_le_bytes()).collect()),
        AnyTensor::F64(x) => (Dtype::F64, x.to_vec().iter().flat_map(|v| v.to_le_bytes()).collect()),
        AnyTensor::I32(x) => (Dtype::I32, x.to_vec().iter().flat_map(|v| v.to_le_bytes()).collect()),
        AnyTensor::I64(x) => (Dtype::I64, x.to_vec().iter().flat_map(|v| v.to_le_bytes()).collect()),
        AnyTensor::U8(x) => (Dtype::U8, x.to_vec()),
        AnyTensor::Bool(x) => (Dtype::BOOL, x.to_vec().iter().map(|&v| u8::from(v)).collect()),
    }
}

fn reference_bytes(state: &State, metadata: Option<HashMap<String, String>>) -> Vec<u8> {
    let parts: Vec<_> =
        state.iter().map(|(name, value)| (name.to_owned(), judged(value), value.shape().to_vec())).collect();
    let views = parts
        .iter()
        .map(|(name, (dtype, bytes), shape)| (name, TensorView::new(*dtype, shape.clone(), bytes).unwrap()));
    serialize(views, metadata).unwrap()
}

#[test]
fn both_write_the_same_bytes_and_read_each_other() {
    let mut rng = Rng::seed(1);
    for round in 0..500 {
        let state = random_state(&mut rng);
        // The reference keeps its map in no order: more than one text would make its bytes random.
        let text = (rng.below(2) == 0).then(|| ("note".to_owned(), "a \"quoted\"\nline ü".to_owned()));
        let ours = state_to_bytes(&state, &text.clone().into_iter().collect()).unwrap();
        let theirs = reference_bytes(&state, text.clone().map(|text| HashMap::from([text])));
        assert_eq!(ours, theirs, "round {round}");

        let read = SafeTensors::deserialize(&ours).unwrap();
        assert_eq!(read.len(), state.len());
        for (name, value) in state.iter() {
            let (view, (dtype, bytes)) = (read.tensor(name).unwrap(), judged(value));
            assert_eq!((view.dtype(), view.shape(), view.data()), (dtype, &value.shape()[..], &bytes[..]));
        }

        let (again, metadata) = state_from_bytes(&theirs).unwrap();
        assert!(same(&state, &again), "round {round}");
        assert_eq!(metadata, text.into_iter().collect());
    }
}

#[test]
fn save_load_save_gives_the_same_file() {
    let folder = tempfile::tempdir().unwrap();
    let (first, second) = (folder.path().join("a.safetensors"), folder.path().join("b.safetensors"));
    let mut rng = Rng::seed(2);
    for _ in 0..20 {
        let state = random_state(&mut rng);
        let metadata: BTreeMap<_, _> =
            (0..rng.below(4)).map(|i| (format!("key {i}"), format!("{}", rng.next_u64()))).collect();
        save_state(&state, &metadata, &first).unwrap();
        let (again, metadata_again) = load_state(&first).unwrap();
        assert!(same(&state, &again));
        assert_eq!(metadata, metadata_again);
        save_state(&again, &metadata_again, &second).unwrap();
        assert_eq!(std::fs::read(&first).unwrap(), std::fs::read(&second).unwrap());
    }
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 2, "a temporary file was left");
}

#[test]
fn half_precision_becomes_single() {
    // 1, −2, 65504 (the largest half), 2⁻²⁴ (the smallest), and π rounded: bit patterns from IEEE 754.
    let halves: Vec<u8> =
        [0x3C00_u16, 0xC000, 0x7BFF, 0x0001, 0x4248].iter().flat_map(|v| v.to_le_bytes()).collect();
    let brains: Vec<u8> = [0x3F80_u16, 0xC049].iter().flat_map(|v| v.to_le_bytes()).collect();
    let views = [
        ("half", TensorView::new(Dtype::F16, vec![5], &halves).unwrap()),
        ("brain", TensorView::new(Dtype::BF16, vec![1, 2], &brains).unwrap()),
    ];
    let (state, _) = state_from_bytes(&serialize(views, None).unwrap()).unwrap();
    assert_eq!(
        state.get("half"),
        Some(&Tensor::from([1.0_f32, -2.0, 65504.0, 5.960_464_5e-8, 3.140_625]).into())
    );
    assert_eq!(state.get("brain"), Some(&Tensor::from([[1.0_f32, -3.140_625]]).into()));
}

#[test]
fn tensors_longer_than_a_chunk_survive() {
    let mut rng = Rng::seed(3);
    let mut state = State::default();
    state.push("long", Tensor::<f32>::normal([333, 101], 0.0, 1.0, &mut rng));
    state.push("turned", Tensor::<f64>::normal([70, 90], 0.0, 1.0, &mut rng).transpose(0, 1));
    state.push("truths", Tensor::<bool>::bernoulli([100_001], 0.5, &mut rng));
    let bytes = state_to_bytes(&state, &BTreeMap::new()).unwrap();
    assert_eq!(bytes, reference_bytes(&state, None));
    assert!(same(&state, &state_from_bytes(&bytes).unwrap().0));
}

#[test]
fn special_values_keep_their_bits() {
    let bits = [0x7FC0_1234_u32, 0xFFFF_FFFF, 0x8000_0000, 0x0000_0001, 0x7F80_0000];
    let mut state = State::default();
    state.push("x", Tensor::from(bits.map(f32::from_bits)));
    let (again, _) = state_from_bytes(&state_to_bytes(&state, &BTreeMap::new()).unwrap()).unwrap();
    let x = again.get("x").and_then(AnyTensor::get::<f32>).unwrap();
    assert_eq!(x.to_vec().iter().map(|v| v.to_bits()).collect::<Vec<_>>(), bits);
}
