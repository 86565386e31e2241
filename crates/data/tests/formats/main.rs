//! Every format against files that the reference implementations wrote (`reference/make.py`), and what is refused.
#![cfg(all(
    feature = "csv",
    feature = "gz",
    feature = "jpeg",
    feature = "jsonl",
    feature = "png",
    feature = "voc"
))]
#![allow(clippy::unwrap_used)] // helpers of tests are no `#[test]` themselves

mod arrays;
mod images;
mod records;
#[path = "../support/mod.rs"]
mod support;

use std::path::{Path, PathBuf};

use gradus_data::DataError;
use serde_json::Value;

fn file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/reference").join(name)
}

fn expected() -> Value {
    serde_json::from_slice(&std::fs::read(file("expected.json")).unwrap()).unwrap()
}

/// The words of an error; what is read is a failure of the test.
#[track_caller]
fn refused<T>(result: Result<T, DataError>) -> String {
    match result {
        Ok(_) => panic!("it was read"),
        Err(error) => {
            let text = error.to_string();
            assert!(!text.contains('\n') && text.len() < 500, "{text}");
            text
        }
    }
}
