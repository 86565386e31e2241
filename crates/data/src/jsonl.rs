//! JSON lines (feature `jsonl`): a value per line, into a type of the user's own, a JSON value, or a table. It must never know what
//! the names mean.

use std::collections::HashMap;
use std::fmt;
use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::marker::PhantomData;
use std::path::Path;

use serde_core::de::{Deserialize, DeserializeOwned, Deserializer, Error, MapAccess, Visitor};
use serde_json::Value;

use crate::error::{DataError, quoted};
use crate::table::{Column, Table};
use crate::words::Words;

/// How many cells a table may have per byte of its file. A line may leave names out, but a file of lines that have almost none of the
/// table's columns would become many times its size.
const CELLS_PER_BYTE: usize = 16;
const MEND: &str = "correct the line, or take it out";

/// The records of a file of JSON lines, read one by one: a file may be larger than memory. Blank lines are passed over.
///
/// ```
/// use gradus_data::JsonLines;
/// let text = "{\"words\": [\"to\", \"be\"]}\n\n{\"words\": []}\n{\"words\": 3\n";
/// let mut records = JsonLines::<serde_json::Value, _>::new(text.as_bytes(), "x.jsonl");
/// let (line, first) = records.next().transpose()?.unwrap_or_default();
/// assert_eq!((line, &first["words"][1]), (1, &"be".into()));
/// assert_eq!(records.next().transpose()?.map(|(line, _)| line), Some(3));
/// let error = records.next().transpose().unwrap_err().to_string();
/// assert!(error.starts_with("x.jsonl: line 4, column 11: "));
/// # Ok::<(), gradus_data::DataError>(())
/// ```
///
/// A type of one's own derives `serde::Deserialize` and stands in the place of `Value`:
///
/// ```
/// use std::collections::BTreeMap;
/// use gradus_data::{JsonLines, read_jsonl_table};
/// # let path = std::env::temp_dir().join(format!("gradus-{}.jsonl", std::process::id()));
/// std::fs::write(&path, "{\"a\": 1, \"b\": 2}\n{\"a\": 3}\n")?;
/// let records = JsonLines::<BTreeMap<String, u32>>::open(&path)?;
/// let sizes = records.map(|record| Ok(record?.1.len())).collect::<Result<Vec<_>, gradus_data::DataError>>()?;
/// assert_eq!(sizes, [2, 1]);
/// assert_eq!(read_jsonl_table(&path)?.numbers(0)?, [1.0, 3.0]);
/// # std::fs::remove_file(&path)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct JsonLines<T = Value, R = BufReader<File>> {
    reader: R,
    name: String,
    line: u64,
    /// Bytes read so far.
    bytes: usize,
    buffer: Vec<u8>,
    of: PhantomData<T>,
}

impl<T: DeserializeOwned> JsonLines<T> {
    /// Opens a file.
    ///
    /// # Errors
    /// If it cannot be opened.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, DataError> {
        let name = path.as_ref().display().to_string();
        let file = File::open(path).map_err(DataError::system(&name, "open"))?;
        Ok(Self::new(BufReader::new(file), &name))
    }
}

impl<T: DeserializeOwned, R: BufRead> JsonLines<T, R> {
    /// Records from anywhere; errors call it `name`.
    pub fn new(reader: R, name: &str) -> Self {
        let (name, buffer) = (name.to_owned(), Vec::new());
        Self { reader, name, line: 0, bytes: 0, buffer, of: PhantomData }
    }

    fn record(&mut self) -> Result<Option<(u64, T)>, DataError> {
        loop {
            self.buffer.clear();
            let count = self.reader.read_until(b'\n', &mut self.buffer);
            self.bytes += count.map_err(DataError::system(&self.name, "read"))?;
            if self.buffer.is_empty() {
                return Ok(None);
            }
            self.line += 1;
            let mut text = &self.buffer[..];
            if self.line == 1 {
                text = text.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(text);
            }
            // The end of a file that is cut off is told as a column of this line.
            text = text.trim_ascii_end();
            if text.is_empty() {
                continue;
            }
            return match serde_json::from_slice(text) {
                Ok(record) => Ok(Some((self.line, record))),
                Err(error) => {
                    let column = (error.column() > 0).then_some(error.column());
                    let text = error.to_string();
                    // The place is told by ours; serde's line is always 1.
                    let what = text.rsplit_once(" at line ").map_or(text.as_str(), |(what, _)| what);
                    // A name in it may be as long as the line.
                    let what: String =
                        what.chars().take(150).map(|c| if c.is_control() { ' ' } else { c }).collect();
                    Err(DataError::line(&self.name, self.line, column, what, MEND))
                }
            };
        }
    }
}

impl<T: DeserializeOwned, R: BufRead> Iterator for JsonLines<T, R> {
    type Item = Result<(u64, T), DataError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.record().transpose()
    }
}

/// Reads a file of flat JSON objects as a [`Table`]: each name is a column, in the order of their first appearance. Numbers and truth
/// values (1 and 0) are numbers, a column with a text in it is one of text, `null` and names that a line leaves out are missing
/// (pandas: `read_json(lines=True)`).
///
/// # Errors
/// As [`table_from_jsonl`], or if the file cannot be read.
pub fn read_jsonl_table(path: impl AsRef<Path>) -> Result<Table, DataError> {
    let name = path.as_ref().display().to_string();
    let file = File::open(path).map_err(DataError::system(&name, "open"))?;
    table_from_jsonl(file, &name)
}

/// [`read_jsonl_table`] from anywhere; errors call it `name`.
///
/// ```
/// use gradus_data::{Cell, table_from_jsonl};
/// let text = "{\"size\": 1.5, \"town\": \"Ulm\"}\n{\"town\": null, \"new\": true}\n";
/// let table = table_from_jsonl(text.as_bytes(), "homes.jsonl")?;
/// assert_eq!(table.header(), ["size", "town", "new"]);
/// assert_eq!((table.cell(0, 0), table.cell(1, 0)), (Cell::Number(1.5), Cell::Missing));
/// assert_eq!((table.cell(0, 1), table.cell(1, 2)), (Cell::Text("Ulm"), Cell::Number(1.0)));
/// # Ok::<(), gradus_data::DataError>(())
/// ```
///
/// # Errors
/// If it has no lines, a line is no JSON object, names one thing twice or holds a list or an object, or if the lines have so few names
/// in common that the table would be many times as large as the file.
pub fn table_from_jsonl(reader: impl Read, name: &str) -> Result<Table, DataError> {
    let mut lines = JsonLines::<Record, _>::new(BufReader::new(reader), name);
    let mut table = Table::new(name.to_owned());
    let mut places: HashMap<String, usize> = HashMap::new();
    // By column: the rows that have it, and what they have.
    let mut cells: Vec<Vec<(usize, Value)>> = Vec::new();
    while let Some((line, Record(entries))) = lines.next().transpose()? {
        let row = table.lines.len();
        table.lines.push(line);
        for (key, value) in entries {
            let wrong = |what: &str| {
                let what = format!("{} is {what}, not a number, a text or a truth value", quoted(&key));
                DataError::line(name, line, None, what, "flatten the records, or read them one by one")
            };
            match &value {
                Value::Array(_) => return Err(wrong("a list")),
                Value::Object(_) => return Err(wrong("an object")),
                Value::Number(number) if number.as_f64().is_none_or(|number| !number.is_finite()) => {
                    return Err(wrong("no finite number"));
                }
                _ => {}
            }
            let next = places.len();
            let place = *places.entry(key).or_insert_with_key(|key| {
                table.header.push(key.clone());
                cells.push(Vec::new());
                next
            });
            cells[place].push((row, value));
        }
    }
    let (rows, bytes) = (table.rows(), lines.bytes);
    if cells.is_empty() {
        return Err(DataError::file(name, "holds no records with names".to_owned(), "give at least one"));
    }
    if rows.saturating_mul(cells.len()) > CELLS_PER_BYTE * bytes {
        let what = format!(
            "{rows} lines with {} different names make {} cells, more than {CELLS_PER_BYTE} for each of its {bytes} bytes",
            cells.len(),
            rows.saturating_mul(cells.len())
        );
        return Err(DataError::file(name, what, "give all lines the same names, or read them one by one"));
    }
    table.columns = cells.into_iter().map(|cells| column(cells, rows)).collect();
    Ok(table)
}

/// A column of numbers, or of text if one cell is.
fn column(cells: Vec<(usize, Value)>, rows: usize) -> Column {
    if cells.iter().any(|(_, value)| value.is_string()) {
        let mut words = Words::default();
        let mut next = 0;
        for (row, value) in cells {
            let word = match value {
                Value::Null => continue,
                Value::String(text) => text,
                other => other.to_string(),
            };
            (next..row).for_each(|_| words.push_missing());
            words.push(&word);
            next = row + 1;
        }
        (next..rows).for_each(|_| words.push_missing());
        return words.column();
    }
    let mut values = vec![f64::NAN; rows];
    for (row, value) in cells {
        values[row] = match value {
            Value::Bool(truth) => f64::from(u8::from(truth)),
            other => other.as_f64().unwrap_or(f64::NAN),
        };
    }
    Column::Numbers(values)
}

/// An object's entries in their order. A JSON value would sort them, and let the last of two equal names win in silence.
struct Record(Vec<(String, Value)>);

impl<'de> Deserialize<'de> for Record {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Entries)
    }
}

struct Entries;

impl<'de> Visitor<'de> for Entries {
    type Value = Record;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut items: A) -> Result<Record, A::Error> {
        let mut entries = Vec::new();
        let mut known = std::collections::HashSet::new();
        while let Some((name, value)) = items.next_entry::<String, Value>()? {
            if !known.insert(name.clone()) {
                return Err(A::Error::custom(format_args!("the name {} appears twice", quoted(&name))));
            }
            entries.push((name, value));
        }
        Ok(Record(entries))
    }
}
