//! Thousands of damaged files: reading one answers, never panics, and never allocates out of proportion to the file.
//! Alone in its file, because it measures what tensors hold in this process.

mod support;

use std::collections::BTreeMap;

use gradus_io::{state_from_bytes, state_to_bytes};
use gradus_tensor::{Rng, memory, reset_peak_memory};

use support::random_state;

/// One to four random changes: a byte, a bit, a digit, a cut, an addition, a part moved.
fn damage(bytes: &mut Vec<u8>, rng: &mut Rng) {
    for _ in 0..1 + rng.below(4) {
        let place = rng.below(bytes.len().max(1)).min(bytes.len().saturating_sub(1));
        match rng.below(7) {
            _ if bytes.is_empty() => bytes.push(rng.next_u32() as u8),
            0 => bytes[place] = rng.next_u32() as u8,
            1 => bytes[place] ^= 1 << rng.below(8),
            2 => bytes[place] = b"0123456789-.e[]{}\":,"[rng.below(20)],
            3 => bytes.truncate(place),
            4 => bytes.extend((0..rng.below(20)).map(|_| rng.next_u32() as u8)),
            5 => bytes.insert(place, b"0123456789"[rng.below(10)]),
            _ => bytes.rotate_left(place),
        }
    }
}

/// Places in the header where digits stand: where a change makes a lie instead of nonsense.
fn lie(bytes: &mut [u8], rng: &mut Rng) {
    let digits: Vec<usize> = (8..bytes.len()).filter(|&i| bytes[i].is_ascii_digit()).collect();
    for _ in 0..1 + rng.below(3) {
        if !digits.is_empty() {
            bytes[digits[rng.below(digits.len())]] = b"0123456789"[rng.below(10)];
        }
    }
}

#[test]
fn damaged_files_are_answered_within_their_size() {
    let mut rng = Rng::seed(2024);
    let (mut read, mut refused) = (0, 0);
    for round in 0..20_000 {
        let metadata = BTreeMap::from([("note".to_owned(), "1".to_owned())]);
        let mut bytes = state_to_bytes(&random_state(&mut rng), &metadata).unwrap();
        if round % 2 == 0 {
            damage(&mut bytes, &mut rng)
        } else {
            lie(&mut bytes, &mut rng)
        }
        reset_peak_memory();
        let before = memory().live;
        let result = state_from_bytes(&bytes);
        let most = memory().peak - before;
        // Half precision doubles, and each tensor is rounded up to a cache line.
        assert!(
            most <= 2 * bytes.len() + 64 * 16,
            "round {round}: {most} bytes for a file of {}",
            bytes.len()
        );
        match result {
            Ok((state, metadata)) => {
                read += 1;
                // Whatever is read can be written and read again.
                let again = state_from_bytes(&state_to_bytes(&state, &metadata).unwrap()).unwrap();
                assert_eq!((again.0.len(), again.1), (state.len(), metadata));
            }
            Err(error) => {
                refused += 1;
                let text = error.to_string();
                assert!(text.starts_with("the given bytes: ") && text.len() < 600, "{text}");
            }
        }
    }
    assert!(read > 1000 && refused > 5000, "the damage is one-sided: {read} read, {refused} refused");
}
