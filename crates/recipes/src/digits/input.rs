//! Digits from files: PNG images of 8×8 pixels, and CSV rows of 64 values. All are brought to the scale of the training
//! data, 0 (paper) to 1 (ink). It must never know the model.

use std::path::Path;

use gradus_data::{TableOptions, read_grey, read_table_from};

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
        _ => Err(wrong(path, "is neither .png nor .csv by its name; give a file of one of these".to_owned())),
    }
}

fn wrong(path: &Path, problem: String) -> Error {
    Error::Input { path: path.to_owned(), problem }
}

fn read_png(path: &Path) -> Result<Input, Error> {
    let image = read_grey(path)?;
    let [height, width] = image.dims();
    if [height, width] != [SIDE, SIDE] {
        let mend = format!("the model takes {SIDE}×{SIDE}, so scale it to that");
        return Err(wrong(path, format!("the image has {width}×{height} pixels; {mend}")));
    }
    let mut pixels = image.to_vec();
    if is_dark_on_light(&pixels) {
        pixels.iter_mut().for_each(|pixel| *pixel = 1.0 - *pixel);
    }
    Ok(Input { name: path.display().to_string(), pixels, label: None })
}

/// Whether the outermost pixels are light on average: then they are paper, and the strokes are dark.
fn is_dark_on_light(pixels: &[f32]) -> bool {
    let is_border = |place: usize| [place / SIDE, place % SIDE].iter().any(|&i| i == 0 || i == SIDE - 1);
    let border: Vec<f32> =
        pixels.iter().enumerate().filter(|&(place, _)| is_border(place)).map(|(_, &pixel)| pixel).collect();
    border.iter().sum::<f32>() > 0.5 * border.len() as f32
}

fn read_csv(path: &Path) -> Result<Vec<Input>, Error> {
    let name = path.display().to_string();
    let bytes = std::fs::read(path).map_err(Error::system(path, "read"))?;
    let first = bytes.split(|&byte| byte == b'\n').next().unwrap_or_default();
    let is_number = |cell: &str| cell.trim().parse::<f64>().is_ok();
    let header = !String::from_utf8_lossy(first).split(',').any(is_number);
    let table =
        read_table_from(bytes.as_slice(), &name, &TableOptions { header, ..TableOptions::default() })?;
    let columns = table.columns();
    if columns != PIXELS && columns != PIXELS + 1 {
        let wanted = format!("{PIXELS} pixels from 0 to {INK}, or {} with the label last", PIXELS + 1);
        return Err(wrong(path, format!("line {} has {columns} values; give {wanted}", table.line(0))));
    }
    let label = |row: &[f64]| row.get(PIXELS).map(|&label| label as usize);
    let numbers = table.to_tensor::<f64>()?.to_vec();
    let mut inputs = Vec::with_capacity(table.rows());
    for (row, values) in numbers.chunks(columns).enumerate() {
        let line = table.line(row);
        for (column, value) in values.iter().enumerate() {
            let fits = match column {
                PIXELS => (0..CLASSES).any(|class| *value == class as f64),
                _ => (0.0..=f64::from(INK)).contains(value),
            };
            if !fits {
                let last = CLASSES - 1;
                let wanted = if column == PIXELS {
                    format!("label from 0 to {last}")
                } else {
                    format!("pixel from 0 to {INK}")
                };
                return Err(wrong(
                    path,
                    format!("line {line}, column {}: {value} is no {wanted}", column + 1),
                ));
            }
        }
        let pixels = values[..PIXELS].iter().map(|&value| value as f32 / INK).collect();
        inputs.push(Input { name: format!("{name}:{line}"), pixels, label: label(values) });
    }
    Ok(inputs)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_digit_of_the_data_is_taken_for_its_negative() {
        for image in gradus_data::digits().inputs().to_vec().chunks(PIXELS) {
            let light: Vec<f32> = image.iter().map(|value| value / INK).collect();
            let dark: Vec<f32> = light.iter().map(|value| 1.0 - value).collect();
            assert!(!is_dark_on_light(&light) && is_dark_on_light(&dark), "{image:?}");
        }
    }

    #[test]
    fn rows_may_have_names_above_and_labels_behind() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("digits.csv");
        let names: Vec<String> = (0..65).map(|column| format!("p{column}")).collect();
        let row = |label: &str| vec!["8"; 64].join(",") + "," + label;
        std::fs::write(&path, format!("{}\n{}\n\n{}\n", names.join(","), row("3"), row("9"))).unwrap();
        let inputs = read(&path).unwrap();
        let labels: Vec<Option<usize>> = inputs.iter().map(|input| input.label).collect();
        assert_eq!(labels, [Some(3), Some(9)]);
        assert!(inputs[1].name.ends_with("digits.csv:4"), "{}", inputs[1].name);
        assert!(inputs[0].pixels.iter().all(|&pixel| pixel == 0.5));
        std::fs::write(&path, row("2.5")).unwrap();
        let error = read(&path).unwrap_err().to_string();
        assert!(error.ends_with("line 1, column 65: 2.5 is no label from 0 to 9"), "{error}");
    }
}
