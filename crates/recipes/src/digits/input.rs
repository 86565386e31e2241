//! Digits from files: PNG images of 8×8 pixels, and CSV rows of 64 values. All are brought to the scale of the training
//! data, 0 (ground) to 1 (ink). It must never know the model.

use std::fs::File;
use std::path::Path;

use csv::{ReaderBuilder, StringRecord};

use super::{CLASSES, INK, PIXELS, SIDE};
use crate::error::Error;

/// One digit from a file.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Input {
    /// The file, and for CSV the line.
    pub(super) name: String,
    /// Its pixels, row by row, 0 to 1.
    pub(super) pixels: Vec<f32>,
    /// What it is, if the file says so.
    pub(super) label: Option<usize>,
}

/// All digits of a file.
pub(super) fn read(path: &Path) -> Result<Vec<Input>, Error> {
    let ending = path.extension().map(|ending| ending.to_string_lossy().to_lowercase());
    match ending.as_deref() {
        Some("png") => read_png(path).map(|input| vec![input]),
        Some("csv") => read_csv(path),
        _ => Err(wrong(path, "is neither .png nor .csv by its name; name a file that is".to_owned())),
    }
}

fn wrong(path: &Path, problem: String) -> Error {
    Error::Input { path: path.to_owned(), problem }
}

fn read_png(path: &Path) -> Result<Input, Error> {
    todo
}

fn read_csv(path: &Path) -> Result<Vec<Input>, Error> {
    let file = File::open(path).map_err(Error::system(path, "read"))?;
    let mut reader = ReaderBuilder::new().has_headers(false).flexible(true).from_reader(file);
    let mut inputs = Vec::new();
    for (index, record) in reader.records().enumerate() {
        let record = record.map_err(|error| wrong(path, format!("is no CSV: {error}")))?;
        let is_head = index == 0 && record.iter().all(|cell| cell.trim().parse::<f32>().is_err());
        if !is_head {
            inputs.push(from_record(path, &record)?);
        }
    }
    if inputs.is_empty() {
        return Err(wrong(path, format!("holds no digit; expected rows of {PIXELS} values")));
    }
    Ok(inputs)
}

fn from_record(path: &Path, record: &StringRecord) -> Result<Input, Error> {
    let line = record.position().map_or(0, csv::Position::line);
    let at = |problem: String| wrong(path, format!("line {line}{problem}"));
    let count = record.len();
    if count != PIXELS && count != PIXELS + 1 {
        let expected = format!("{PIXELS} pixels from 0 to {INK}, or {} values with the label last", PIXELS + 1);
        return Err(at(format!(" has {count} value{}; expected {expected}", if count == 1 { "" } else { "s" })));
    }
    let mut values = Vec::with_capacity(count);
    for (column, cell) in record.iter().enumerate() {
        let highest = if column < PIXELS { INK } else { (CLASSES - 1) as f32 };
        let value = cell.trim().parse::<f32>().ok().filter(|value| (0.0..=highest).contains(value));
        let column = column + 1;
        values.push(value.ok_or_else(|| {
            at(format!(", value {column}: {cell:?} is no number from 0 to {highest}"))
        })?);
    }
    let label = match values.get(PIXELS) {
        Some(label) if label.fract() != 0.0 => {
            return Err(at(format!(", value {count}: {label} is no label; labels are whole numbers")));
        }
        label => label.map(|&label| label as usize),
    };
    let pixels = values[..PIXELS].iter().map(|value| value / INK).collect();
    Ok(Input { name: format!("{}:{line}", path.display()), pixels, label })
}
