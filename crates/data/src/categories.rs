//! The different values of a table's column, and each row's place among them. It must never know what is made of the places:
//! one-hot columns, rows of an embedding or labels.

use std::collections::BTreeMap;

use gradus_tensor::Tensor;

use crate::error::{DataError, cut, quoted};
use crate::table::{Cell, Column, Table};

impl Table {
    /// The different values of a column that are not missing: numbers by size, texts by their letters (scikit-learn:
    /// `OrdinalEncoder.categories_`). They do not depend on the rows' order.
    ///
    /// ```
    /// use gradus_data::{TableOptions, read_table_from};
    /// let text = "town,class\nUlm,10\n,9\nBonn,10\n";
    /// let table = read_table_from(text.as_bytes(), "x.csv", &TableOptions::default())?;
    /// assert_eq!((table.categories(0), table.categories(1)), (vec!["Bonn".into(), "Ulm".into()], vec!["9".into(), "10".into()]));
    /// assert_eq!(table.encode(0, &table.categories(0))?.to_vec(), [1, -1, 0]);
    /// # Ok::<(), gradus_data::DataError>(())
    /// ```
    ///
    /// # Panics
    /// If there is no such column.
    #[must_use]
    #[track_caller]
    pub fn categories(&self, column: usize) -> Vec<String> {
        self.check("categories", &[column]);
        match &self.columns[column] {
            Column::Numbers(values) => {
                // −0 is 0.
                let mut values: Vec<f64> =
                    values.iter().filter(|v| !v.is_nan()).map(|&value| value + 0.0).collect();
                values.sort_by(f64::total_cmp);
                values.dedup();
                values.iter().map(f64::to_string).collect()
            }
            Column::Text { codes, words } => {
                let mut used = vec![false; words.len()];
                codes.iter().for_each(|&code| used[code as usize] = true);
                let mut words: Vec<String> = words
                    .iter()
                    .zip(used)
                    .filter(|(word, used)| *used && !word.is_empty())
                    .map(|(word, _)| word.clone())
                    .collect();
                words.sort_unstable();
                words
            }
        }
    }

    /// Each row's place in `categories`, `[rows]`, −1 where the value is missing (pandas: `Categorical.codes`).
    ///
    /// # Errors
    /// If a value is not among them; the message names its line.
    ///
    /// # Panics
    /// If there is no such column.
    #[track_caller]
    pub fn encode(&self, column: usize, categories: &[String]) -> Result<Tensor<i64>, DataError> {
        self.check("encode", &[column]);
        let places: BTreeMap<&str, i64> =
            categories.iter().zip(0..).map(|(category, place)| (category.as_str(), place)).collect();
        let code = |row: usize| {
            let place = match self.columns[column].cell(row) {
                Cell::Missing => return Ok(-1),
                Cell::Number(value) => places.get((value + 0.0).to_string().as_str()),
                Cell::Text(word) => places.get(word),
            };
            place.copied().ok_or_else(|| {
                let shown: Vec<&str> = categories.iter().take(10).map(|category| cut(category)).collect();
                let more = if categories.len() > shown.len() { ", …" } else { "" };
                let what = match self.columns[column].cell(row) {
                    Cell::Number(value) => value.to_string(),
                    Cell::Text(word) => quoted(word),
                    Cell::Missing => String::new(),
                };
                let what = format!("{what} is none of {}{more}", shown.join(", "));
                self.wrong(self.lines[row], column, what, "correct it, or fit the categories anew")
            })
        };
        (0..self.rows()).map(code).collect::<Result<Vec<i64>, DataError>>().map(Tensor::from)
    }
}
