//! What a program full of mistakes is told: one wrong call each, and the sentence that answers it, kept in
//! `sentences.txt`. A sentence says what disagrees, with the numbers, and so what to change.
//!
//! `GRADUS_BLESS=1 cargo test -p gradus-suite --test mistakes` writes the sentences anew; read what changed.
#![allow(clippy::unwrap_used)] // a program full of mistakes

mod calls;

use std::fmt::Write as _;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

const SENTENCES: &str = include_str!("sentences.txt");

/// What a call that must go wrong says: the text of its error or of its panic.
fn told(call: impl FnOnce() -> Result<(), String>) -> String {
    match catch_unwind(AssertUnwindSafe(call)) {
        Ok(Ok(())) => "nothing: the call was taken".into(),
        Ok(Err(sentence)) => sentence,
        Err(panic) => match (panic.downcast_ref::<String>(), panic.downcast_ref::<&str>()) {
            (Some(text), _) => text.clone(),
            (_, Some(text)) => (*text).to_owned(),
            _ => "a panic without a text".into(),
        },
    }
}

#[test]
fn every_mistake_is_told_in_a_sentence() {
    std::panic::set_hook(Box::new(|_| {}));
    let mut page = String::new();
    for (mistake, call) in calls::all() {
        writeln!(page, "{mistake}\n    {}", told(call).replace('\n', "\n    ")).unwrap();
    }
    let _ = std::panic::take_hook();
    if std::env::var_os("GRADUS_BLESS").is_some() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/mistakes/sentences.txt");
        std::fs::write(path, &page).unwrap();
        return;
    }
    assert!(page.lines().count() >= 40, "at least 20 mistakes");
    assert!(!page.contains("nothing: the call was taken"), "{page}");
    for (got, want) in page.lines().zip(SENTENCES.lines()) {
        assert_eq!(got, want);
    }
    assert_eq!(page.lines().count(), SENTENCES.lines().count());
}
