//! Numeric tables from delimited text (feature `csv`). Strict: every cell is a finite number, every row as long as the
//! first; an error names file, line and column. It must never know what a column means.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use ::csv::{ByteRecord, ReaderBuilder};
use gradus_tensor::{Element, Tensor};

use crate::error::{DataError, quoted};

/// What some programs write in front of UTF-8.
const BYTE_ORDER_MARK: &[u8] = b"\xEF\xBB\xBF";

/// How a table's text is laid out. The default: commas, and names on the first line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TableOptions {
    /// What stands between two cells: `b','`, `b';'`, `b'\t'`, `b' '`.
    pub delimiter: u8,
    /// Whether the first line holds the columns' names.
    pub header: bool,
}

impl Default for TableOptions {
    fn default() -> Self {
        Self { delimiter: b',', header: true }
    }
}

/// A table of finite numbers, `[rows, columns]`.
///
/// ```
/// use gradus_data::{Table, TableOptions, read_table_from};
/// let text = "size,price,class\n1.5,3,0\n2.5,5,1\n";
/// let table: Table = read_table_from(text.as_bytes(), "prices.csv", &TableOptions::default())?;
/// assert_eq!((table.rows(), table.columns(), table.row(1)), (2, 3, &[2.5, 5.0, 1.0][..]));
/// assert_eq!(table.line(1), 3); // of the file
/// assert_eq!(table.select::<f32>(&[0, table.column("price")?]).to_vec(), [1.5, 3.0, 2.5, 5.0]);
/// assert_eq!(table.labels(2)?.to_vec(), [0, 1]);
/// # Ok::<(), gradus_data::DataError>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Table {
    file: String,
    header: Vec<String>,
    columns: usize,
    values: Vec<f64>,
    /// The line of each row.
    lines: Vec<u64>,
}

/// Reads a table from a file (NumPy: `loadtxt`).
///
/// ```
/// use gradus_data::{TableOptions, read_table};
/// # let path = std::env::temp_dir().join(format!("gradus-table-{}.csv", std::process::id()));
/// std::fs::write(&path, "1;2\n3;4\n")?;
/// let table = read_table(&path, &TableOptions { delimiter: b';', header: false })?;
/// assert_eq!(table.row(1), [3.0, 4.0]);
/// # std::fs::remove_file(&path)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// If the file cannot be read, is empty, or a cell is missing, too much, or not a finite number.
pub fn read_table(path: impl AsRef<Path>, options: &TableOptions) -> Result<Table, DataError> {
    let path = path.as_ref();
    let name = path.display().to_string();
    let file = File::open(path).map_err(DataError::system(&name, "open"))?;
    read_table_from(file, &name, options)
}

/// Reads a table from anywhere; errors call it `name`.
///
/// ```
/// use gradus_data::{TableOptions, read_table_from};
/// let text = "size,price\n1.5,3\n2.5,5\n";
/// let table = read_table_from(text.as_bytes(), "prices.csv", &TableOptions::default())?;
/// assert_eq!(table.header(), ["size", "price"]);
/// assert_eq!(table.to_tensor::<f32>().to_vec(), [1.5, 3.0, 2.5, 5.0]);
///
/// let short = read_table_from("a,b\n1\n".as_bytes(), "x.csv", &TableOptions::default());
/// assert_eq!(short.unwrap_err().to_string(), "x.csv: line 2: 1 cells instead of 2; add or take out cells");
/// # Ok::<(), gradus_data::DataError>(())
/// ```
///
/// # Errors
/// As [`read_table`].
pub fn read_table_from(
    mut reader: impl Read,
    name: &str,
    options: &TableOptions,
) -> Result<Table, DataError> {
    let mut text = Vec::new();
    reader.read_to_end(&mut text).map_err(DataError::system(name, "read"))?;
    let text = text.strip_prefix(BYTE_ORDER_MARK).unwrap_or(&text);
    // Rows of another length are found here, where their line is known.
    let mut rows =
        ReaderBuilder::new().delimiter(options.delimiter).has_headers(false).flexible(true).from_reader(text);
    let mut table = Table {
        file: name.to_owned(),
        header: Vec::new(),
        columns: 0,
        values: Vec::new(),
        lines: Vec::new(),
    };
    let mut record = ByteRecord::new();
    while rows.read_byte_record(&mut record).map_err(|error| broken(name, &error))? {
        let line = line(text, &record);
        if table.columns == 0 {
            table.columns = record.len();
            if options.header {
                table.header = names(name, line, &record)?;
                continue;
            }
        }
        table.push(line, &record, options.header)?;
    }
    if table.lines.is_empty() {
        let what = if table.columns == 0 { "is empty" } else { "has a header but no rows" };
        let mend = "give a file with at least one row of numbers";
        return Err(DataError::File { file: name.to_owned(), what: what.into(), mend });
    }
    Ok(table)
}

/// The line on which a record begins. The parser's own number is that of the blank lines before it.
fn line(text: &[u8], record: &ByteRecord) -> u64 {
    let Some(position) = record.position() else { return 1 };
    let start = text.get(position.byte() as usize..).unwrap_or(&[]);
    let blank = start.iter().take_while(|byte| matches!(byte, b'\n' | b'\r'));
    position.line() + blank.filter(|&&byte| byte == b'\n').count() as u64
}

fn broken(name: &str, error: &::csv::Error) -> DataError {
    let mend = "correct the table";
    DataError::File { file: name.to_owned(), what: format!("is not a table: {error}"), mend }
}

fn names(file: &str, line: u64, record: &ByteRecord) -> Result<Vec<String>, DataError> {
    let mut names: Vec<String> = Vec::with_capacity(record.len());
    for (index, cell) in record.iter().enumerate() {
        let wrong = |what, mend| {
            let (file, name) = (file.to_owned(), String::new());
            Err(DataError::Cell { file, line, column: Some(index + 1), name, what, mend })
        };
        let Ok(text) = std::str::from_utf8(cell) else {
            return wrong("the name is not UTF-8".to_owned(), "save the file as UTF-8");
        };
        let text = text.trim();
        if names.iter().any(|other| other == text) {
            return wrong(
                format!("the name {} appears twice", quoted(text)),
                "give each column its own name",
            );
        }
        names.push(text.to_owned());
    }
    Ok(names)
}

impl Table {
    fn push(&mut self, line: u64, record: &ByteRecord, has_header: bool) -> Result<(), DataError> {
        if record.len() != self.columns {
            let what = format!("{} cells instead of {}", record.len(), self.columns);
            let (file, mend) = (self.file.clone(), "add or take out cells");
            return Err(DataError::Cell { file, line, column: None, name: String::new(), what, mend });
        }
        for (column, cell) in record.iter().enumerate() {
            let text = String::from_utf8_lossy(cell);
            match text.trim().parse::<f64>() {
                Ok(value) if value.is_finite() => self.values.push(value),
                _ => {
                    let what = match text.trim() {
                        "" => "the cell is empty".to_owned(),
                        other => format!("{} is not a finite number", quoted(other)),
                    };
                    let first = self.lines.is_empty() && !has_header;
                    let mend = if first {
                        "correct it, or read the first line as a header"
                    } else {
                        "fill or correct it, or take the row out"
                    };
                    return Err(self.cell(line, column, what, mend));
                }
            }
        }
        self.lines.push(line);
        Ok(())
    }

    fn cell(&self, line: u64, column: usize, what: String, mend: &'static str) -> DataError {
        let name = self.header.get(column).map_or(String::new(), |name| quoted(name));
        DataError::Cell { file: self.file.clone(), line, column: Some(column + 1), name, what, mend }
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
        self.columns
    }

    /// The numbers of one row.
    ///
    /// # Panics
    /// If there is no such row.
    #[must_use]
    #[track_caller]
    pub fn row(&self, row: usize) -> &[f64] {
        assert!(row < self.rows(), "row: no such row: {row} of {}", self.rows());
        &self.values[row * self.columns..][..self.columns]
    }

    /// The line of the file on which a row stands, from 1.
    ///
    /// # Panics
    /// If there is no such row.
    #[must_use]
    #[track_caller]
    pub fn line(&self, row: usize) -> u64 {
        assert!(row < self.rows(), "line: no such row: {row} of {}", self.rows());
        self.lines[row]
    }

    /// The place of the column of that name.
    ///
    /// # Errors
    /// If there is none.
    pub fn column(&self, name: &str) -> Result<usize, DataError> {
        self.header.iter().position(|other| other == name).ok_or_else(|| {
            let what = format!("there is no column {}; it has {}", quoted(name), self.header.join(", "));
            DataError::File { file: self.file.clone(), what, mend: "name one of these" }
        })
    }

    /// All numbers, `[rows, columns]`.
    #[must_use]
    pub fn to_tensor<T: Element>(&self) -> Tensor<T> {
        let values: Vec<T> = self.values.iter().map(|&value| T::of_f64(value)).collect();
        Tensor::new([self.rows(), self.columns], &values)
    }

    /// Some columns, in this order: `[rows, K]`.
    ///
    /// # Panics
    /// If there is no such column.
    #[must_use]
    #[track_caller]
    pub fn select<T: Element>(&self, columns: &[usize]) -> Tensor<T> {
        let bad = columns.iter().find(|&&column| column >= self.columns);
        assert!(bad.is_none(), "select: no such column: {columns:?} of {}", self.columns);
        Tensor::from_fn([self.rows(), columns.len()], |i| {
            T::of_f64(self.values[i[0] * self.columns + columns[i[1]]])
        })
    }

    /// One column as class labels, `[rows]`.
    ///
    /// # Errors
    /// If a number is not whole; the message names its line.
    ///
    /// # Panics
    /// If there is no such column.
    #[track_caller]
    pub fn labels(&self, column: usize) -> Result<Tensor<i64>, DataError> {
        assert!(column < self.columns, "labels: no such column: {column} of {}", self.columns);
        let label = |row: usize| {
            let value = self.row(row)[column];
            // Whole numbers of this size are exact in f64.
            if value.fract() == 0.0 && value.abs() < (1_i64 << 53) as f64 {
                return Ok(value as i64);
            }
            let what = format!("{value} is not a whole number, which a label must be");
            Err(self.cell(self.lines[row], column, what, "correct it, or take another column as labels"))
        };
        (0..self.rows()).map(label).collect::<Result<Vec<i64>, DataError>>().map(Tensor::from)
    }
}
