//! Whether the user's file is still the one that a run began with: a note of its length and a checksum, beside the run. Parts
//! are drawn anew from the file, so with another one test rows would have been trained on. It must never know a row.

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::settings::TableSettings;
use super::source::wrong;
use crate::error::Error;
use crate::run::Run;

/// The file of the note.
const NOTE: &str = "data.json";

/// What is noted.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Note {
    bytes: u64,
    /// FNV-1a: it need not stand up to malice.
    checksum: String,
}

fn of(path: &Path) -> Result<Note, Error> {
    let bytes = std::fs::read(path).map_err(Error::system(path, "read"))?;
    let hash = bytes.iter().fold(0xcbf2_9ce4_8422_2325_u64, |hash, &byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    });
    Ok(Note { bytes: bytes.len() as u64, checksum: format!("{hash:016x}") })
}

/// Notes what the file is now.
pub(super) fn note(run: &Run, settings: &TableSettings) -> Result<(), Error> {
    let note = of(Path::new(&settings.data))?;
    let text = serde_json::to_string_pretty(&note).unwrap_or_default();
    run.write(NOTE, &(text + "\n"))
}

/// That the file is what was noted.
pub(super) fn check(run: &Run, settings: &TableSettings) -> Result<(), Error> {
    let path = Path::new(&settings.data);
    let noted: Note = serde_json::from_str(&run.read(NOTE)?).map_err(|cause| Error::Unreadable {
        path: run.file(NOTE),
        problem: format!("is no note of a data file: {cause}"),
    })?;
    if of(path)? == noted {
        return Ok(());
    }
    let folder = run.folder().display();
    Err(wrong(
        path,
        format!("is not the file that {folder} was trained on; put that one back, or train anew"),
    ))
}
