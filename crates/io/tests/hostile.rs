//! Files that lie: each is refused with a sentence that names the place, and nothing is allocated for a mere claim.

mod support;

use std::collections::BTreeMap;

use gradus_io::{IoError, load_state, state_from_bytes, state_to_bytes};
use gradus_module::State;
use gradus_tensor::Tensor;

use support::{file, unpadded};

/// The error's words; a file that is read is a failure of the test.
#[track_caller]
fn refused(bytes: &[u8]) -> String {
    match state_from_bytes(bytes) {
        Ok((state, _)) => panic!("read as {state:?}"),
        Err(error) => error.to_string(),
    }
}

/// A file with one tensor `x` of that entry, over `data` bytes.
fn entry(text: &str, data: usize) -> Vec<u8> {
    file(&format!(r#"{{"x":{text}}}"#), &vec![0; data])
}

#[test]
fn what_the_frame_claims_is_checked() {
    let cases: [(&str, Vec<u8>, &str); 9] = [
        ("nothing", vec![], "0 bytes are too few"),
        ("seven bytes", vec![0; 7], "7 bytes are too few"),
        ("no header", vec![0; 8], "does not begin with {"),
        (
            "a header longer than the file",
            100_u64.to_le_bytes().to_vec(),
            "claim a header of 100 bytes, 0 are",
        ),
        ("a header of 2⁶⁴ − 1 bytes", [0xFF; 64].to_vec(), "18446744073709551615 bytes, 56 are"),
        ("a text file", b"Dear reader, these are no weights.\n".to_vec(), "it is not a safetensors file"),
        ("white space first", unpadded(b" {}     ", &[]), "does not begin with {"),
        ("a broken letter", unpadded(b"{\"\xFF\":1}", &[]), "not UTF-8 at byte 10"),
        ("an array", unpadded(b"[1, 2]", &[]), "does not begin with {"),
    ];
    for (name, bytes, want) in cases {
        let error = refused(&bytes);
        assert!(error.contains(want) && error.starts_with("the given bytes: "), "{name}: {error}");
    }
}

#[test]
fn the_header_must_be_sound_json_without_repeated_names() {
    let one = r#"{"dtype":"U8","shape":[1],"data_offsets":[0,1]}"#;
    let deep = format!("{{\"x\":{}1{}}}", "[".repeat(100_000), "]".repeat(100_000));
    let cases = [
        (file("{", &[]), "not sound JSON"),
        (file("{}x", &[]), "not sound JSON"),
        (file(&deep, &[]), "recursion limit"),
        (file(&format!(r#"{{"x":{one},"x":{one}}}"#), &[0]), r#"the name "x" appears twice"#),
        (file(r#"{"x":{"dtype":"U8","dtype":"U8"}}"#, &[]), r#"the name "dtype" appears twice"#),
        (file(r#"{"__metadata__":{"a":"1","a":"2"}}"#, &[]), r#"the name "a" appears twice"#),
        (file(r#"{"__metadata__":{},"__metadata__":{}}"#, &[]), "appears twice"),
        (file(r#"{"__metadata__":{"a":1}}"#, &[]), r#"__metadata__ has a number under "a""#),
        (file(r#"{"__metadata__":null}"#, &[]), "__metadata__ is null"),
    ];
    for (bytes, want) in cases {
        let error = refused(&bytes);
        assert!(error.contains(want), "{want}: {error}");
    }
}

#[test]
fn every_entry_must_be_complete_and_of_a_known_type() {
    let cases = [
        ("1", "its entry is a number, not an object"),
        ("{}", "has no dtype"),
        (r#"{"dtype":"U8","shape":[1]}"#, "has no data_offsets"),
        (r#"{"dtype":"U8","data_offsets":[0,1]}"#, "has no shape"),
        (r#"{"dtype":"U8","shape":[1],"data_offsets":[0,1],"strides":[1]}"#, r#"unknown field "strides""#),
        (r#"{"dtype":8,"shape":[1],"data_offsets":[0,1]}"#, "its dtype is a number"),
        (r#"{"dtype":"F8_E4M3","shape":[1],"data_offsets":[0,1]}"#, r#"its dtype "F8_E4M3" is not known"#),
        (r#"{"dtype":"u8","shape":[1],"data_offsets":[0,1]}"#, "Gradus reads BOOL, U8"),
        (r#"{"dtype":"U8","shape":1,"data_offsets":[0,1]}"#, "its shape is a number"),
        (r#"{"dtype":"U8","shape":["1"],"data_offsets":[0,1]}"#, "its shape holds a text"),
        (r#"{"dtype":"U8","shape":[-1],"data_offsets":[0,1]}"#, "its shape holds a negative number"),
        (r#"{"dtype":"U8","shape":[1.0],"data_offsets":[0,1]}"#, "its shape holds a fractional number"),
        (r#"{"dtype":"U8","shape":[1e0],"data_offsets":[0,1]}"#, "its shape holds a fractional number"),
        (r#"{"dtype":"U8","shape":[1],"data_offsets":[0,1,2]}"#, "its data_offsets are 3 numbers"),
        (r#"{"dtype":"U8","shape":[1],"data_offsets":[0]}"#, "its data_offsets are 1 numbers"),
        (r#"{"dtype":"U8","shape":[1],"data_offsets":[0,null]}"#, "its data_offsets holds null"),
        (r#"{"dtype":"U8","shape":[1,1,1,1,1,1,1,1,1],"data_offsets":[0,1]}"#, "more than 8 elements"),
    ];
    for (text, want) in cases {
        let error = refused(&entry(text, 1));
        assert!(error.contains(want) && error.contains(r#"tensor "x": "#), "{want}: {error}");
    }
}

#[test]
fn shapes_and_ranges_must_agree_with_each_other_and_the_data() {
    let huge = u64::MAX;
    let cases = [
        (
            r#""shape":[3],"data_offsets":[0,8]"#.to_owned(),
            "its shape [3] takes 12 bytes but its data_offsets hold 8",
        ),
        (r#""shape":[],"data_offsets":[0,8]"#.into(), "takes 4 bytes"),
        (r#""shape":[2],"data_offsets":[8,0]"#.into(), "run backwards, from 8 to 0"),
        (r#""shape":[3],"data_offsets":[0,12]"#.into(), "end at byte 12 of only 8"),
        (
            r#""shape":[250000000000],"data_offsets":[0,1000000000000]"#.into(),
            "end at byte 1000000000000 of only 8",
        ),
        (format!(r#""shape":[2],"data_offsets":[0,{huge}]"#), "of only 8"),
        (format!(r#""shape":[{huge}],"data_offsets":[0,8]"#), "more than memory can address"),
        (format!(r#""shape":[{huge},2],"data_offsets":[0,8]"#), "more than memory can address"),
        (r#""shape":[4294967296,4294967296],"data_offsets":[0,0]"#.into(), "more than memory can address"),
        (r#""shape":[0,4294967296,4294967296],"data_offsets":[0,0]"#.into(), "more than memory can address"),
        (r#""shape":[18446744073709551616],"data_offsets":[0,8]"#.into(), "beyond 2⁶⁴"),
        (r#""shape":[1],"data_offsets":[4,8]"#.into(), "the 4 bytes before it belong to no tensor"),
        (r#""shape":[1],"data_offsets":[0,4]"#.into(), "the last 4 bytes belong to no tensor"),
        (r#""shape":[1000000000000],"data_offsets":[0,8]"#.into(), "takes 4000000000000 bytes"),
    ];
    for (text, want) in cases {
        let error = refused(&entry(&format!(r#"{{"dtype":"F32",{text}}}"#), 8));
        assert!(error.contains(want), "{want}: {error}");
    }
}

#[test]
fn ranges_may_not_overlap() {
    let two = |a: [u64; 2], b: [u64; 2]| {
        let part = |[begin, end]: [u64; 2]| {
            format!(r#"{{"dtype":"U8","shape":[{}],"data_offsets":[{begin},{end}]}}"#, end - begin)
        };
        file(&format!(r#"{{"b":{},"a":{}}}"#, part(b), part(a)), &[7; 8])
    };
    assert!(
        refused(&two([0, 8], [0, 8])).contains(r#"tensor "b": its bytes overlap with those of tensor "a""#)
    );
    assert!(refused(&two([0, 5], [4, 8])).contains(r#"tensor "b": its bytes overlap"#));
    assert!(refused(&two([0, 8], [3, 3])).contains(r#"tensor "b": its bytes overlap"#));
    assert!(refused(&two([0, 3], [4, 8])).contains(r#"tensor "b": the 1 bytes before it"#));
    assert!(refused(&two([0, 0], [0, 0])).contains("the last 8 bytes belong to no tensor"));
    let (state, _) = state_from_bytes(&two([5, 8], [0, 5])).unwrap();
    assert_eq!(state.names().collect::<Vec<_>>(), ["b", "a"]);
    let (state, _) = state_from_bytes(&two([8, 8], [0, 8])).unwrap();
    assert_eq!(state.get("a"), Some(&Tensor::<u8>::zeros([0]).into()));
}

#[test]
fn truth_values_are_0_or_1() {
    let header = r#"{"x":{"dtype":"BOOL","shape":[4],"data_offsets":[0,4]}}"#;
    assert!(
        refused(&file(header, &[0, 1, 2, 3])).contains("element 2 is the byte 2, truth values are 0 or 1")
    );
    let (state, _) = state_from_bytes(&file(header, &[0, 1, 1, 0])).unwrap();
    assert_eq!(state.get("x"), Some(&Tensor::from([false, true, true, false]).into()));
}

#[test]
fn what_the_format_allows_is_read() {
    assert!(state_from_bytes(&unpadded(b"{}", &[])).unwrap().0.is_empty());
    assert!(state_from_bytes(&file("{ } \n", &[])).unwrap().0.is_empty());
    let empty = r#"{"dtype":"F32","shape":[3,0],"data_offsets":[0,0]}"#;
    let (state, metadata) =
        state_from_bytes(&file(&format!(r#"{{"__metadata__":{{"k":"v"}},"x":{empty}}}"#), &[])).unwrap();
    assert_eq!((state.get("x"), &*metadata["k"]), (Some(&Tensor::<f32>::zeros([3, 0]).into()), "v"));
}

#[test]
fn names_can_neither_break_nor_flood_the_sentence() {
    let error = refused(&file(&format!(r#"{{"a\n{}":1}}"#, "b".repeat(5000)), &[]));
    assert!(!error.contains('\n') && error.len() < 300, "{error}");
}

#[test]
fn a_state_that_the_format_cannot_hold_is_refused() {
    let mut state = State::default();
    state.push("__metadata__", Tensor::scalar(1.0_f32));
    let error = state_to_bytes(&state, &BTreeMap::new()).unwrap_err().to_string();
    assert!(error.contains("give it another name"), "{error}");
    let long = BTreeMap::from([("text".to_owned(), "x".repeat(100_000_000))]);
    let error = state_to_bytes(&State::default(), &long).unwrap_err().to_string();
    assert!(error.contains("100000000 are possible"), "{error}");
}

#[test]
fn a_header_at_the_limit_is_read_and_one_beyond_is_not() {
    let mut text = vec![b' '; 100_000_000];
    text[..2].copy_from_slice(b"{}");
    assert!(state_from_bytes(&unpadded(&text, &[])).is_ok());
    text.push(b' ');
    assert!(refused(&unpadded(&text, &[])).contains("a header of 100000001 bytes, 100000000 are possible"));
}

#[test]
fn errors_name_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.safetensors");
    let name = path.display().to_string();
    let missing = load_state(&path).unwrap_err();
    assert!(
        matches!(&missing, IoError::System { cause, .. } if cause.kind() == std::io::ErrorKind::NotFound)
    );
    assert!(missing.to_string().starts_with(&format!("{name}: cannot open: ")), "{missing}");
    std::fs::write(&path, entry("1", 0)).unwrap();
    let damaged = load_state(&path).unwrap_err().to_string();
    assert!(damaged.starts_with(&format!("{name}: tensor \"x\": ")), "{damaged}");
    assert!(load_state(folder.path()).unwrap_err().to_string().ends_with("name a file"));
}
