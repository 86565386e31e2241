//! A table in memory: named columns of numbers or of text, each with gaps where a value is missing, and the way from there to
//! tensors. It must never know how a file is laid out.

use gradus_tensor::{Element, Float, Tensor};

use crate::error::{DataError, cut, quoted};

/// Whole numbers below this are exact in f64.
const EXACT: f64 = (1_i64 << 53) as f64;

/// A table with named columns (pandas: `DataFrame`).
///
/// ```
/// use gradus_data::{Cell, Table, TableOptions, read_table_from};
/// let text = "size,town,class\n1.5,Ulm,0\n,Bonn,1\n2.5,Ulm,1\n";
/// let table: Table = read_table_from(text.as_bytes(), "homes.csv", &TableOptions::default())?;
/// assert_eq!((table.rows(), table.columns(), table.line(1)), (3, 3, 3));
/// assert_eq!(table.cell(0, 1), Cell::Text("Ulm"));
/// assert_eq!(table.cell(1, 0), Cell::Missing);
/// assert_eq!(table.labels(table.column("class")?)?.to_vec(), [0, 1, 1]);
/// assert_eq!((table.header()[0].as_str(), table.name(1).as_str(), table.is_text(1)), ("size", "town", true));
/// assert_eq!((table.missing(0), table.complete(0).is_ok(), table.numbers(2)?.len()), (1, false, 3));
/// assert_eq!(table.take(&[2, 0]).cell(0, 0), Cell::Number(2.5));
/// assert!(table.to_tensor::<f32>().is_err());
///
/// let towns = table.categories(1);
/// assert_eq!(towns, ["Bonn", "Ulm"]);
/// assert_eq!(table.encode(1, &towns)?.to_vec(), [1, 0, 1]);
///
/// let error = table.select::<f32>(&[0, 2]).unwrap_err().to_string();
/// assert!(error.starts_with("homes.csv: line 3, column 1 (\"size\"): the value is missing; "));
/// assert!(table.select_or_nan::<f32>(&[0, 2]).at(&[1, 0]).is_nan());
/// # Ok::<(), gradus_data::DataError>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Table {
    pub(crate) file: String,
    pub(crate) header: Vec<String>,
    pub(crate) columns: Vec<Column>,
    /// The line of each row.
    pub(crate) lines: Vec<u64>,
}

/// One column.
#[derive(Clone, Debug)]
pub(crate) enum Column {
    /// NaN: missing.
    Numbers(Vec<f64>),
    /// Each row's place in `words`, in the order of their first appearance; the empty word: missing.
    Text { codes: Vec<u32>, words: Vec<String> },
}

/// What stands in one place of a [`Table`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Cell<'a> {
    /// Nothing.
    Missing,
    /// A finite number.
    Number(f64),
    /// A text that is not empty.
    Text(&'a str),
}

/// A finite number.
pub(crate) fn number(text: &str) -> Option<f64> {
    text.parse::<f64>().ok().filter(|value| value.is_finite())
}

impl Column {
    pub(crate) fn cell(&self, row: usize) -> Cell<'_> {
        match self {
            Self::Numbers(values) if values[row].is_nan() => Cell::Missing,
            Self::Numbers(values) => Cell::Number(values[row]),
            Self::Text { codes, words } => match words[codes[row] as usize].as_str() {
                "" => Cell::Missing,
                word => Cell::Text(word),
            },
        }
    }
}

impl PartialEq for Column {
    /// By cells: what is missing equals what is missing.
    fn eq(&self, other: &Self) -> bool {
        let rows = |column: &Self| match column {
            Self::Numbers(values) => values.len(),
            Self::Text { codes, .. } => codes.len(),
        };
        rows(self) == rows(other) && (0..rows(self)).all(|row| self.cell(row) == other.cell(row))
    }
}

impl Table {
    pub(crate) fn new(file: String) -> Self {
        Self { file, header: Vec::new(), columns: Vec::new(), lines: Vec::new() }
    }

    /// The columns' names; empty if the table has no header.
    #[must_use]
    pub fn header(&self) -> &[String] {
        &self.header
    }

    /// The number of rows.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.lines.len()
    }

    /// The number of columns.
    #[must_use]
    pub fn columns(&self) -> usize {
        self.columns.len()
    }

    /// The line of the file on which a row stands, from 1.
    ///
    /// # Panics
    /// If there is no such row.
    #[must_use]
    #[track_caller]
    pub fn line(&self, row: usize) -> u64 {
        self.check_row("line", row);
        self.lines[row]
    }

    /// A column's name: the header's, or its number from 1.
    ///
    /// # Panics
    /// If there is no such column.
    #[must_use]
    #[track_caller]
    pub fn name(&self, column: usize) -> String {
        self.check("name", &[column]);
        self.header.get(column).cloned().unwrap_or_else(|| (column + 1).to_string())
    }

    /// The place of the column of that name; in a table without header, of that number from 1.
    ///
    /// # Errors
    /// If there is none.
    pub fn column(&self, name: &str) -> Result<usize, DataError> {
        self.place(name, self.columns())
    }

    pub(crate) fn place(&self, name: &str, width: usize) -> Result<usize, DataError> {
        let number = || name.parse::<usize>().ok()?.checked_sub(1).filter(|&place| place < width);
        let found = match self.header.as_slice() {
            [] => number(),
            header => header.iter().position(|other| other == name),
        };
        found.ok_or_else(|| {
            const SHOWN: usize = 30;
            let what = if self.header.is_empty() {
                format!("there is no column {}; it has no names but the numbers 1 to {width}", quoted(name))
            } else {
                let shown: Vec<String> =
                    self.header.iter().take(SHOWN).map(|name| cut(name).to_owned()).collect();
                let more = if width > SHOWN { format!(" and {} more", width - SHOWN) } else { String::new() };
                format!("there is no column {}; it has {}{more}", quoted(name), shown.join(", "))
            };
            DataError::File { file: self.file.clone(), what, mend: "name one of these" }
        })
    }

    /// Whether a column is one of text.
    ///
    /// # Panics
    /// If there is no such column.
    #[must_use]
    #[track_caller]
    pub fn is_text(&self, column: usize) -> bool {
        self.check("is_text", &[column]);
        matches!(self.columns[column], Column::Text { .. })
    }

    /// What stands in a place.
    ///
    /// # Panics
    /// If there is no such row or column.
    #[must_use]
    #[track_caller]
    pub fn cell(&self, row: usize, column: usize) -> Cell<'_> {
        self.check_row("cell", row);
        self.check("cell", &[column]);
        self.columns[column].cell(row)
    }

    /// How many values a column lacks.
    ///
    /// # Panics
    /// If there is no such column.
    #[must_use]
    #[track_caller]
    pub fn missing(&self, column: usize) -> usize {
        self.check("missing", &[column]);
        (0..self.rows()).filter(|&row| self.columns[column].cell(row) == Cell::Missing).count()
    }

    /// Some rows, in this order, with the lines they had.
    ///
    /// # Panics
    /// If there is no such row.
    #[must_use]
    #[track_caller]
    pub fn take(&self, rows: &[usize]) -> Self {
        let bad = rows.iter().find(|&&row| row >= self.rows());
        assert!(bad.is_none(), "take: no such row: {bad:?} of {}", self.rows());
        let columns = self.columns.iter().map(|column| match column {
            Column::Numbers(values) => Column::Numbers(rows.iter().map(|&row| values[row]).collect()),
            Column::Text { codes, words } => {
                Column::Text { codes: rows.iter().map(|&row| codes[row]).collect(), words: words.clone() }
            }
        });
        Self {
            file: self.file.clone(),
            header: self.header.clone(),
            columns: columns.collect(),
            lines: rows.iter().map(|&row| self.lines[row]).collect(),
        }
    }

    /// A column's numbers, `[rows]`, NaN where one is missing.
    ///
    /// # Errors
    /// If the column is one of text; the message names the first line that makes it so.
    ///
    /// # Panics
    /// If there is no such column.
    #[track_caller]
    pub fn numbers(&self, column: usize) -> Result<&[f64], DataError> {
        self.check("numbers", &[column]);
        match &self.columns[column] {
            Column::Numbers(values) => Ok(values),
            Column::Text { .. } => Err(self.not_a_number(column)),
        }
    }

    /// All columns as numbers, `[rows, columns]`.
    ///
    /// # Errors
    /// As [`Table::select`].
    pub fn to_tensor<T: Element>(&self) -> Result<Tensor<T>, DataError> {
        self.select(&(0..self.columns()).collect::<Vec<_>>())
    }

    /// Some columns as numbers, in this order: `[rows, K]`.
    ///
    /// # Errors
    /// If a cell is missing or text; the message names the first such line, and its column.
    ///
    /// # Panics
    /// If there is no such column.
    #[track_caller]
    pub fn select<T: Element>(&self, columns: &[usize]) -> Result<Tensor<T>, DataError> {
        self.check("select", columns);
        let flaw = |&column: &usize| match &self.columns[column] {
            Column::Numbers(values) => Some((values.iter().position(|value| value.is_nan())?, column)),
            Column::Text { .. } => Some((self.culprit(column).map_or(0, |(row, _)| row), column)),
        };
        match columns.iter().filter_map(flaw).min() {
            None => Ok(self.rows_of(columns)),
            Some((_, column)) if self.is_text(column) => Err(self.not_a_number(column)),
            Some((row, column)) => Err(self.lacks(row, column)),
        }
    }

    /// [`Table::select`] with NaN where a number is missing, and in every row of a column of text.
    ///
    /// # Panics
    /// If there is no such column.
    #[must_use]
    #[track_caller]
    pub fn select_or_nan<T: Float>(&self, columns: &[usize]) -> Tensor<T> {
        self.check("select_or_nan", columns);
        self.rows_of(columns)
    }

    /// One column as class labels, `[rows]`.
    ///
    /// # Errors
    /// If a number is missing or not whole; the message names its line.
    ///
    /// # Panics
    /// If there is no such column.
    #[track_caller]
    pub fn labels(&self, column: usize) -> Result<Tensor<i64>, DataError> {
        self.check("labels", &[column]);
        let label = |(row, &value): (usize, &f64)| {
            if value.fract() == 0.0 && value.abs() < EXACT {
                return Ok(value as i64);
            }
            if value.is_nan() {
                return Err(self.lacks(row, column));
            }
            let what = format!("{value} is not a whole number, which a label must be");
            Err(self.wrong(self.lines[row], column, what, "correct it, or take another column as labels"))
        };
        let numbers = self.numbers(column)?;
        numbers.iter().enumerate().map(label).collect::<Result<Vec<i64>, DataError>>().map(Tensor::from)
    }

    /// That a column lacks no value.
    ///
    /// # Errors
    /// If it does; the message names the line of the first.
    ///
    /// # Panics
    /// If there is no such column.
    #[track_caller]
    pub fn complete(&self, column: usize) -> Result<(), DataError> {
        self.check("complete", &[column]);
        let gap = (0..self.rows()).find(|&row| self.columns[column].cell(row) == Cell::Missing);
        gap.map_or(Ok(()), |row| Err(self.lacks(row, column)))
    }

    /// Row by row; NaN where there is no number.
    fn rows_of<T: Element>(&self, columns: &[usize]) -> Tensor<T> {
        let mut values = vec![T::of_f64(f64::NAN); self.rows() * columns.len()];
        for (place, &column) in columns.iter().enumerate() {
            let Column::Numbers(numbers) = &self.columns[column] else { continue };
            for (row, &number) in values.chunks_exact_mut(columns.len()).zip(numbers) {
                row[place] = T::of_f64(number);
            }
        }
        Tensor::new([self.rows(), columns.len()], &values)
    }

    /// The first cell that makes a column one of text, if one does.
    fn culprit(&self, column: usize) -> Option<(usize, &str)> {
        (0..self.rows()).find_map(|row| match self.columns[column].cell(row) {
            Cell::Text(text) if number(text).is_none() => Some((row, text)),
            _ => None,
        })
    }

    pub(crate) fn lacks(&self, row: usize, column: usize) -> DataError {
        let mend = "fill it, take the row out, or impute the column";
        self.wrong(self.lines[row], column, "the value is missing".to_owned(), mend)
    }

    /// Why a column of text is not one of numbers.
    fn not_a_number(&self, column: usize) -> DataError {
        let Some((row, text)) = self.culprit(column) else {
            let what = format!("column {} is read as text", quoted(&self.name(column)));
            let mend = "take it out of the list of columns of text, or encode it as categories";
            return DataError::File { file: self.file.clone(), what, mend };
        };
        let mend = if row == 0 && self.header.is_empty() {
            "correct it, or read the first line as a header"
        } else {
            "correct it, take the row out, or encode the column as categories"
        };
        self.wrong(self.lines[row], column, format!("{} is not a finite number", quoted(text)), mend)
    }

    pub(crate) fn wrong(&self, line: u64, column: usize, what: String, mend: &'static str) -> DataError {
        let name = self.header.get(column).map_or(String::new(), |name| quoted(name));
        DataError::Cell { file: self.file.clone(), line, column: Some(column + 1), name, what, mend }
    }

    #[track_caller]
    pub(crate) fn check(&self, op: &str, columns: &[usize]) {
        let bad = columns.iter().find(|&&column| column >= self.columns());
        assert!(bad.is_none(), "{op}: no such column: {columns:?} of {}", self.columns());
    }

    #[track_caller]
    fn check_row(&self, op: &str, row: usize) {
        assert!(row < self.rows(), "{op}: no such row: {row} of {}", self.rows());
    }
}
