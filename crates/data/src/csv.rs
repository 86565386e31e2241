//! Tables from delimited text (feature `csv`). A column whose cells are all numbers or missing becomes numbers, any other
//! text; an error names file, line and column. It must never know what a column means.

use std::collections::HashSet;
use std::fs::File;
use std::io::Read;
use std::path::Path;

use ::csv::{ByteRecord, ReaderBuilder};

use crate::error::{DataError, quoted};
use crate::table::{Column, Table, number};
use crate::words::Words;

/// What some programs write in front of UTF-8.
const BYTE_ORDER_MARK: &[u8] = b"\xEF\xBB\xBF";

/// What stands for a missing number. In a column of text these are words: `NA` is also Namibia.
const MISSING: [&str; 9] = ["", "NA", "N/A", "NaN", "nan", "null", "NULL", "None", "?"];

/// How a table's text is laid out. The default: commas, names on the first line, and columns typed by what they hold.
///
/// ```
/// use gradus_data::{TableOptions, read_table_from};
/// let options = TableOptions { text: vec!["zip".to_owned()], ..TableOptions::default() };
/// let table = read_table_from("zip,rooms\n01234,3\n10115,\n".as_bytes(), "homes.csv", &options)?;
/// assert_eq!((table.is_text(0), table.is_text(1)), (true, false));
/// assert_eq!(table.categories(0), ["01234", "10115"]);
/// # Ok::<(), gradus_data::DataError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TableOptions {
    /// What stands between two cells: `b','`, `b';'`, `b'\t'`, `b' '`.
    pub delimiter: u8,
    /// Whether the first line holds the columns' names. Without names the columns are called `1`, `2`, `3` …
    pub header: bool,
    /// The names of columns that are text even if all their cells are numbers: postal codes, class numbers.
    pub text: Vec<String>,
}

impl Default for TableOptions {
    fn default() -> Self {
        Self { delimiter: b',', header: true, text: Vec::new() }
    }
}

/// Reads a table from a file (pandas: `read_csv`).
///
/// ```
/// use gradus_data::{TableOptions, read_table};
/// # let path = std::env::temp_dir().join(format!("gradus-table-{}.csv", std::process::id()));
/// std::fs::write(&path, "1;2\n3;4\n")?;
/// let table = read_table(&path, &TableOptions { delimiter: b';', header: false, ..Default::default() })?;
/// assert_eq!(table.numbers(1)?, [2.0, 4.0]);
/// # std::fs::remove_file(&path)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// If the file cannot be read, is empty, is not UTF-8, or a row has more or fewer cells than the first.
pub fn read_table(path: impl AsRef<Path>, options: &TableOptions) -> Result<Table, DataError> {
    let path = path.as_ref();
    let name = path.display().to_string();
    let file = File::open(path).map_err(DataError::system(&name, "open"))?;
    read_table_from(file, &name, options)
}

/// Reads a table from anywhere; errors call it `name`. White space around cells goes. A column is one of numbers if each cell is a
/// finite number or missing: empty, `NA`, `N/A`, `NaN`, `nan`, `null`, `NULL`, `None` or `?`. In a column of text only the empty
/// cell is missing.
///
/// ```
/// use gradus_data::{TableOptions, read_table_from};
/// let text = "size,price,town\n1.5,3,Bonn\n2.5,,Ulm\n";
/// let table = read_table_from(text.as_bytes(), "prices.csv", &TableOptions::default())?;
/// assert_eq!(table.header(), ["size", "price", "town"]);
/// assert_eq!(table.missing(1), 1);
/// let error = table.to_tensor::<f32>().unwrap_err().to_string();
/// assert!(error.starts_with("prices.csv: line 2, column 3 (\"town\"): \"Bonn\" is not a finite number; "));
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
    let mut bytes = Vec::new();
    reader.read_to_end(&mut bytes).map_err(DataError::system(name, "read"))?;
    let content = bytes.strip_prefix(BYTE_ORDER_MARK).unwrap_or(&bytes);
    let text = Text { content, name, options };
    let mut table = Table::new(name.to_owned());
    let mut columns = text.numbers(&mut table)?;
    if table.lines.is_empty() {
        let what = if columns.is_empty() { "is empty" } else { "has a header but no rows" };
        let mend = "give a file with at least one row";
        return Err(DataError::File { file: name.to_owned(), what: what.into(), mend });
    }
    for name in &options.text {
        let place = table.place(name, columns.len())?;
        columns[place] = None;
    }
    table.columns = if columns.iter().all(Option::is_some) {
        columns.into_iter().flatten().map(Column::Numbers).collect()
    } else {
        text.words(&table, columns)?
    };
    Ok(table)
}

/// The content of a file, which is walked once for numbers and, if there are columns of text, once more for these.
struct Text<'a> {
    content: &'a [u8],
    name: &'a str,
    options: &'a TableOptions,
}

impl Text<'_> {
    /// Calls `each` for every record with whether it is the header, and its line.
    fn walk(
        &self,
        mut each: impl FnMut(bool, u64, &ByteRecord) -> Result<(), DataError>,
    ) -> Result<(), DataError> {
        // Rows of another length are found by `numbers`, where their line is known.
        let mut rows = ReaderBuilder::new()
            .delimiter(self.options.delimiter)
            .has_headers(false)
            .flexible(true)
            .from_reader(self.content);
        let broken = |error: ::csv::Error| DataError::File {
            file: self.name.to_owned(),
            what: format!("is not a table: {error}"),
            mend: "correct the table",
        };
        let mut record = ByteRecord::new();
        let mut is_header = self.options.header;
        while rows.read_byte_record(&mut record).map_err(broken)? {
            each(is_header, line(self.content, &record), &record)?;
            is_header = false;
        }
        Ok(())
    }

    /// Each column's numbers, NaN where one is missing; none where a cell is something else. Takes down header and lines.
    fn numbers(&self, table: &mut Table) -> Result<Vec<Option<Vec<f64>>>, DataError> {
        let mut columns: Vec<Option<Vec<f64>>> = Vec::new();
        self.walk(|is_header, line, record| {
            if columns.is_empty() {
                columns = vec![Some(Vec::new()); record.len()];
            }
            if is_header {
                table.header = self.names(line, record)?;
                return Ok(());
            }
            if record.len() != columns.len() {
                let what = format!("{} cells instead of {}", record.len(), columns.len());
                return Err(self.wrong(line, None, what, "add or take out cells"));
            }
            for (column, cell) in columns.iter_mut().zip(record) {
                let Some(values) = column else { continue };
                let cell = std::str::from_utf8(cell).ok().map(str::trim);
                let missing = |cell| MISSING.contains(&cell).then_some(f64::NAN);
                match cell.and_then(|cell| number(cell).or_else(|| missing(cell))) {
                    Some(value) => values.push(value),
                    None => *column = None,
                }
            }
            table.lines.push(line);
            Ok(())
        })?;
        Ok(columns)
    }

    /// The table's columns: those numbers, and the words of the others.
    fn words(&self, table: &Table, columns: Vec<Option<Vec<f64>>>) -> Result<Vec<Column>, DataError> {
        let mut words: Vec<Words> = columns.iter().map(|_| Words::default()).collect();
        self.walk(|is_header, line, record| {
            let texts = columns.iter().zip(&mut words).zip(record).enumerate();
            for (column, ((_, words), cell)) in texts.filter(|(_, ((numbers, _), _))| numbers.is_none()) {
                if is_header {
                    break;
                }
                let Ok(word) = std::str::from_utf8(cell) else {
                    let what = format!("{} is not UTF-8", quoted(&String::from_utf8_lossy(cell)));
                    return Err(table.wrong(line, column, what, "save the file as UTF-8"));
                };
                if !words.push(word.trim()) {
                    let what = format!("more than {} different texts stand in one column", u32::MAX);
                    return Err(table.wrong(line, column, what, "part the table"));
                }
            }
            Ok(())
        })?;
        let columns = columns.into_iter().zip(words);
        Ok(columns.map(|(numbers, words)| numbers.map_or_else(|| words.column(), Column::Numbers)).collect())
    }

    fn names(&self, line: u64, record: &ByteRecord) -> Result<Vec<String>, DataError> {
        let mut names: Vec<String> = Vec::with_capacity(record.len());
        let mut known = HashSet::new();
        for (index, cell) in record.iter().enumerate() {
            let wrong = |what, mend| Err(self.wrong(line, Some(index + 1), what, mend));
            let Ok(text) = std::str::from_utf8(cell) else {
                return wrong("the name is not UTF-8".to_owned(), "save the file as UTF-8");
            };
            let text = text.trim();
            if !known.insert(text.to_owned()) {
                let what = format!("the name {} appears twice", quoted(text));
                return wrong(what, "give each column its own name");
            }
            names.push(text.to_owned());
        }
        Ok(names)
    }

    fn wrong(&self, line: u64, column: Option<usize>, what: String, mend: &'static str) -> DataError {
        DataError::Cell { file: self.name.to_owned(), line, column, name: String::new(), what, mend }
    }
}

/// The line on which a record begins. The parser's own number is that of the blank lines before it.
fn line(text: &[u8], record: &ByteRecord) -> u64 {
    let Some(position) = record.position() else { return 1 };
    let start = text.get(position.byte() as usize..).unwrap_or(&[]);
    let blank = start.iter().take_while(|byte| matches!(byte, b'\n' | b'\r'));
    position.line() + blank.filter(|&&byte| byte == b'\n').count() as u64
}
