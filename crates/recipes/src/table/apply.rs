//! The model on rows of other files, with or without the target. It must never know where the model came from.

use std::path::Path;

use gradus_data::{Cell, Table};
use gradus_tensor::Tensor;
use gradus_train::metrics::significant;
use serde_json::json;

use super::Mlp;
use super::prepared::Transforms;
use super::scored::{outputs, read};
use super::source::{self, Target};
use crate::error::Error;
use crate::recipe::Answer;

/// The model's answer to each row of a file.
pub(super) fn answers(
    model: &Mlp,
    transforms: &Transforms,
    delimiter: &str,
    path: &Path,
) -> Result<Vec<Answer>, Error> {
    // Columns of text that the file lacks would be refused as options; they are found missing below.
    let header = source::read(path, delimiter, &[])?.header().to_vec();
    let text: Vec<String> = transforms.text().into_iter().filter(|name| header.contains(name)).collect();
    let table = source::read(path, delimiter, &text)?;
    let features = transforms.features_of(&table, path)?;
    let outputs = outputs(model, &features);
    let values = read(&outputs, &transforms.target);
    let name = |row: usize| format!("{}:{}", path.display(), table.line(row));
    let truth = |row: usize| truth(&table, row, &transforms.name);
    let told = |row: usize| truth(row).map_or_else(String::new, |truth| format!(", in the file {truth}"));
    Ok(match &transforms.target {
        Target::Number { .. } => (0..table.rows())
            .map(|row| {
                let mut json = json!({ "input": name(row), "prediction": values[row] });
                truth(row).into_iter().for_each(|truth| json["label"] = json!(truth));
                Answer { text: format!("{}: {}{}", name(row), significant(values[row]), told(row)), json }
            })
            .collect(),
        Target::Classes(classes) => {
            let shares: Vec<f32> = Tensor::softmax(&outputs, -1).to_vec();
            let rows = shares.chunks(classes.len().max(1)).enumerate();
            rows.map(|(row, shares)| {
                let class = values[row] as usize;
                let named: serde_json::Map<String, serde_json::Value> =
                    classes.iter().cloned().zip(shares.iter().map(|share| json!(share))).collect();
                let mut json =
                    json!({ "input": name(row), "prediction": classes[class], "probabilities": named });
                truth(row).into_iter().for_each(|truth| json["label"] = json!(truth));
                let sure = format!("{:.1} %", 100.0 * shares[class]);
                Answer { text: format!("{}: {} ({sure}){}", name(row), classes[class], told(row)), json }
            })
            .collect()
        }
    })
}

/// What the file says itself, if it has the target.
fn truth(table: &Table, row: usize, target: &str) -> Option<String> {
    let column = table.header().iter().position(|name| name == target)?;
    match table.cell(row, column) {
        Cell::Missing => None,
        Cell::Number(number) => Some(number.to_string()),
        Cell::Text(text) => Some(text.to_owned()),
    }
}
