//! From the user's file to columns that can be learnt from, and to the kind of the target. What is left out is told with
//! the reason; what can't be used is refused with line and column. It must never know a split or a model.

use std::collections::BTreeSet;
use std::path::Path;

use gradus_data::{Cell, Columns, DataError, Table, TableOptions, read_table_from};
use gradus_train::metrics::significant;

use super::settings::{TableSettings, list};
use crate::error::Error;
use crate::nearest::or_nearest;

/// A column of whole numbers with up to so many different ones is taken for classes.
const FEW: usize = 10;
/// With more different texts than this, in more than half of the rows, a column says nothing of kinds.
const MANY: usize = 30;
/// With fewer rows there is nothing to part.
const LEAST_ROWS: usize = 10;
/// From this share of numbers on, a column with a text in it is taken for one of numbers with a mistake.
const MOSTLY: f64 = 0.8;

/// What is to be predicted.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Target {
    /// A number, with mean and standard deviation of the training part.
    Number { mean: f64, std: f64 },
    /// One of these classes.
    Classes(Vec<String>),
}

impl Target {
    /// A number, or the name of the class of that number.
    pub(super) fn show(&self, value: f64) -> String {
        match self {
            Self::Number { .. } => significant(value),
            Self::Classes(classes) => classes.get(value as usize).cloned().unwrap_or_default(),
        }
    }
}

/// The user's table, without rows that have no target.
#[derive(Debug)]
pub(super) struct Source {
    pub(super) table: Table,
    /// The place of the target.
    pub(super) target: usize,
    /// The classes in order, if they are some.
    pub(super) classes: Option<Vec<String>>,
    /// The places of the columns to learn from.
    pub(super) inputs: Vec<usize>,
    /// What the user should know.
    pub(super) notes: Vec<String>,
}

/// Something about the file that the user must mend.
pub(super) fn wrong(path: &Path, problem: impl Into<String>) -> Error {
    Error::Input { path: path.to_owned(), problem: problem.into() }
}

impl Source {
    /// Reads the file that the settings name.
    pub(super) fn read(settings: &TableSettings) -> Result<Self, Error> {
        let missing = |what, flag| Error::Missing { recipe: "table", what, flag };
        if settings.data.is_empty() {
            return Err(missing("data", "--data FILE.csv"));
        }
        if settings.target.is_empty() {
            return Err(missing("target", "--target COLUMN"));
        }
        let path = Path::new(&settings.data);
        let text = list(&settings.text);
        let mut table = read(path, &settings.delimiter, &text)?;
        let target = find(&table, path, &settings.target)?;
        let mut notes = Vec::new();
        let without = table.missing(target);
        if without > 0 {
            let kept: Vec<usize> =
                (0..table.rows()).filter(|&row| table.cell(row, target) != Cell::Missing).collect();
            let is_kept: BTreeSet<usize> = kept.iter().copied().collect();
            let first = (0..table.rows()).find(|row| !is_kept.contains(row)).unwrap_or(0);
            notes.push(format!(
                "{} without {:?} left out, the first on line {}",
                count(without, "row"),
                settings.target,
                table.line(first)
            ));
            table = table.take(&kept);
        }
        let classes = classes(&table, target, settings)?;
        let rows = table.rows();
        if rows < LEAST_ROWS {
            let what = format!("{} with a target; at least {LEAST_ROWS} are needed", count(rows, "row"));
            return Err(wrong(path, format!("{what} to part them into training, validation and test")));
        }
        let different = table.categories(target);
        if let [one] = &different[..] {
            let what = format!("all {rows} rows have {one:?} in the column {:?}", settings.target);
            return Err(wrong(path, format!("{what}; there is nothing to learn from one value")));
        }
        let inputs = inputs(&table, target, settings, &mut notes)?;
        Ok(Self { table, target, classes, inputs, notes })
    }

    /// The columns to learn from.
    pub(super) fn columns(&self) -> Result<Columns, Error> {
        columns_of(&self.table, &self.inputs)
    }
}

/// A file's table, its columns named in `text` read as text.
pub(super) fn read(path: &Path, delimiter: &str, text: &[String]) -> Result<Table, Error> {
    let bytes = std::fs::read(path).map_err(Error::system(path, "read"))?;
    let first = bytes.split(|&byte| byte == b'\n').next().unwrap_or_default();
    let frequency = |delimiter: u8| first.iter().filter(|&&byte| byte == delimiter).count();
    let delimiter = match delimiter {
        "comma" => b',',
        "semicolon" => b';',
        "tab" => b'\t',
        // Of equals the last, which is the comma.
        _ => [b'\t', b';', b','].into_iter().max_by_key(|&own| frequency(own)).unwrap_or(b','),
    };
    let options = TableOptions { delimiter, header: true, text: text.to_vec() };
    Ok(read_table_from(bytes.as_slice(), &path.display().to_string(), &options)?)
}

/// The place of a column.
pub(super) fn find(table: &Table, path: &Path, name: &str) -> Result<usize, Error> {
    let place = table.header().iter().position(|own| own == name);
    place.ok_or_else(|| {
        let near = or_nearest(name, table.header());
        let problem = match near.as_str() {
            "" => format!("has no column {name:?}; it has {}", few(table.header())),
            near => format!("has no column {name:?}{near}"),
        };
        wrong(path, problem)
    })
}

/// `a, b, c …`.
pub(super) fn few(names: &[String]) -> String {
    const SHOWN: usize = 12;
    let shown = names.iter().take(SHOWN).map(String::as_str).collect::<Vec<_>>().join(", ");
    if names.len() > SHOWN { format!("{shown} and {} more", names.len() - SHOWN) } else { shown }
}

/// `1 row`, `2 rows`.
pub(super) fn count(number: usize, what: &str) -> String {
    format!("{number} {what}{}", if number == 1 { "" } else { "s" })
}

/// The classes of the target, if its values are classes.
fn classes(table: &Table, target: usize, settings: &TableSettings) -> Result<Option<Vec<String>>, Error> {
    let different = table.categories(target);
    if settings.task == "regression" {
        table.numbers(target)?;
        return Ok(None);
    }
    // A column of numbers with a slip in it is no set of classes.
    if settings.task == "auto" && mostly_numbers(table, target) {
        table.numbers(target)?;
    }
    if settings.task == "auto" && table.is_text(target) && is_diverse(table, target) {
        let (kinds, rows, name) = (different.len(), table.rows(), &settings.target);
        let what =
            format!("the column {name:?} has {kinds} different texts in {rows} rows, as {:?}", different[0]);
        let mend = "write numbers with a point and no unit, or set task=classification if these are classes";
        return Err(wrong(Path::new(&settings.data), format!("{what}; {mend}")));
    }
    let are_whole = || table.labels(target).is_ok() && different.len() <= FEW;
    let are_classes = settings.task == "classification" || table.is_text(target) || are_whole();
    Ok(are_classes.then_some(different))
}

/// Whether a column of text is one of numbers but for a few cells.
fn mostly_numbers(table: &Table, column: usize) -> bool {
    let (mut numbers, mut texts) = (0, 0);
    for row in 0..table.rows() {
        if let Cell::Text(text) = table.cell(row, column) {
            if text.parse::<f64>().is_ok() { numbers += 1 } else { texts += 1 }
        }
    }
    texts > 0 && f64::from(numbers) >= MOSTLY * f64::from(numbers + texts)
}

/// The columns to learn from: all but the target, those to be ignored, and those that can't help.
fn inputs(
    table: &Table,
    target: usize,
    settings: &TableSettings,
    notes: &mut Vec<String>,
) -> Result<Vec<usize>, Error> {
    let path = Path::new(&settings.data);
    let places = |names: &str| -> Result<Vec<usize>, Error> {
        list(names).iter().map(|name| find(table, path, name)).collect()
    };
    let (ignored, kept, text) = (places(&settings.ignore)?, places(&settings.keep)?, places(&settings.text)?);
    let mut out = Vec::new();
    for column in (0..table.columns()).filter(|column| *column != target && !ignored.contains(column)) {
        let name = table.name(column);
        if !text.contains(&column) && mostly_numbers(table, column) {
            // The error names the first line with something else.
            table.numbers(column).map_err(or_text)?;
        }
        let different = table.categories(column).len();
        let is_kept = kept.contains(&column) || text.contains(&column);
        let why = if different == 0 {
            Some("is empty")
        } else if different == 1 && table.missing(column) == 0 {
            Some("is the same in all rows")
        } else if is_id(table, column) && !kept.contains(&column) {
            Some("is another in each row, as if it were its number or name (to keep it, set keep)")
        } else if table.is_text(column) && is_diverse(table, column) && !is_kept {
            Some("has a text of its own in most rows (to keep it, set keep)")
        } else {
            None
        };
        match why {
            Some(why) => notes.push(format!("column {name:?} left out: it {why}")),
            None => out.push(column),
        }
    }
    if out.is_empty() {
        return Err(wrong(path, format!("no column is left to predict {:?} from", settings.target)));
    }
    Ok(out)
}

/// The error about a cell that is no number, with the mend that this recipe has.
fn or_text(error: DataError) -> Error {
    Error::Data(match error {
        DataError::Cell { file, line, column, name, what, .. } => {
            let mend = "correct it, or say with --set text=COLUMN that the column is one of text";
            DataError::Cell { file, line, column, name, what, mend }
        }
        other => other,
    })
}

/// Whether the texts of a column are too many to be kinds.
fn is_diverse(table: &Table, column: usize) -> bool {
    let different = table.categories(column).len();
    different > MANY && 2 * different > table.rows()
}

/// Whether each row has its own value, of a kind that says nothing: texts, or whole numbers in a row.
fn is_id(table: &Table, column: usize) -> bool {
    let rows = table.rows();
    if table.missing(column) > 0 || table.categories(column).len() < rows {
        return false;
    }
    if table.is_text(column) {
        return true;
    }
    let Ok(labels) = table.labels(column) else { return false };
    let labels = labels.to_vec();
    let (low, high) = (labels.iter().min(), labels.iter().max());
    low.zip(high).is_some_and(|(low, high)| low.abs_diff(*high) == rows as u64 - 1)
}

/// Some columns, as the fitted transforms take them.
pub(super) fn columns_of(table: &Table, places: &[usize]) -> Result<Columns, Error> {
    let mut out = Columns::new();
    for &column in places {
        let name = table.name(column);
        out = if table.is_text(column) {
            let text = |row| match table.cell(row, column) {
                Cell::Text(text) => text.to_owned(),
                _ => String::new(),
            };
            out.with(&name, (0..table.rows()).map(text).collect::<Vec<String>>())?
        } else {
            out.with(&name, table.numbers(column)?.to_vec())?
        };
    }
    Ok(out)
}
