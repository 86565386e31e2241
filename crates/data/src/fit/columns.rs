//! Columns of numbers and of texts with names. They must never know a file, nor what becomes of them.

use crate::error::DataError;

/// The values of a column.
///
/// ```
/// use gradus_data::Values;
/// let (ages, towns) = (Values::from(vec![31.0, f64::NAN]), Values::from(vec!["Ulm", ""]));
/// assert_eq!((ages.len(), towns.len(), towns.is_empty()), (2, 2, false));
/// ```
#[derive(Clone, Debug, PartialEq)]
pub enum Values {
    /// NaN: missing.
    Numbers(Vec<f64>),
    /// The empty text: missing.
    Texts(Vec<String>),
}

impl Values {
    /// The number of rows.
    #[must_use]
    pub fn len(&self) -> usize {
        match self {
            Self::Numbers(values) => values.len(),
            Self::Texts(texts) => texts.len(),
        }
    }

    /// Whether there are no rows.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn take(&self, rows: &[usize]) -> Self {
        match self {
            Self::Numbers(values) => Self::Numbers(rows.iter().map(|&row| values[row]).collect()),
            Self::Texts(texts) => Self::Texts(rows.iter().map(|&row| texts[row].clone()).collect()),
        }
    }
}

impl From<Vec<f64>> for Values {
    fn from(values: Vec<f64>) -> Self {
        Self::Numbers(values)
    }
}

impl From<Vec<String>> for Values {
    fn from(texts: Vec<String>) -> Self {
        Self::Texts(texts)
    }
}

impl From<Vec<&str>> for Values {
    fn from(texts: Vec<&str>) -> Self {
        Self::Texts(texts.into_iter().map(str::to_owned).collect())
    }
}

/// Columns with names, all of equally many rows: what a [`Pipeline`](super::Pipeline) reads.
///
/// ```
/// use gradus_data::Columns;
/// let homes = Columns::new().with("size", vec![80.0, 35.0])?.with("town", vec!["Ulm", "Bonn"])?;
/// assert_eq!((homes.rows(), homes.names().collect::<Vec<_>>()), (2, vec!["size", "town"]));
/// assert_eq!(homes.take(&[1]).get("town")?, &vec!["Bonn"].into());
/// let error = homes.with("price", vec![1.0]).unwrap_err().to_string();
/// assert!(error.starts_with("columns: \"price\" has 1 rows, others 2"));
/// # Ok::<(), gradus_data::DataError>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Columns {
    entries: Vec<(String, Values)>,
}

impl Columns {
    /// No columns yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// With one more column.
    ///
    /// # Errors
    /// If there is one of that name, or the others have another number of rows.
    pub fn with(mut self, name: &str, values: impl Into<Values>) -> Result<Self, DataError> {
        let values = values.into();
        let mend = "give each column once, with one value per row";
        if self.entries.iter().any(|(other, _)| other == name) {
            return Err(DataError::unfit("columns", format!("{name:?} comes twice"), mend));
        }
        if !self.entries.is_empty() && values.len() != self.rows() {
            let what = format!("{name:?} has {} rows, others {}", values.len(), self.rows());
            return Err(DataError::unfit("columns", what, mend));
        }
        self.entries.push((name.to_owned(), values));
        Ok(self)
    }

    /// The columns of a table, but for those of some names: what is to be predicted, say.
    ///
    /// ```
    /// use gradus_data::{Columns, TableOptions, read_table_from};
    /// let text = "size,town,price\n80,Ulm,3\n,Bonn,2\n";
    /// let table = read_table_from(text.as_bytes(), "homes.csv", &TableOptions::default())?;
    /// let columns = Columns::of_table(&table, &["price"])?;
    /// assert_eq!(columns.names().collect::<Vec<_>>(), ["size", "town"]);
    /// assert_eq!(columns.get("town")?, &vec!["Ulm", "Bonn"].into());
    /// # Ok::<(), gradus_data::DataError>(())
    /// ```
    ///
    /// # Errors
    /// If the table has no column of one of these names, or two of one name.
    #[cfg(feature = "csv")]
    pub fn of_table(table: &crate::Table, without: &[&str]) -> Result<Self, DataError> {
        let left_out: Vec<usize> = without.iter().map(|name| table.column(name)).collect::<Result<_, _>>()?;
        let mut out = Self::new();
        for column in (0..table.columns()).filter(|column| !left_out.contains(column)) {
            let text = |row| match table.cell(row, column) {
                crate::Cell::Text(text) => text.to_owned(),
                crate::Cell::Number(number) => number.to_string(),
                crate::Cell::Missing => String::new(),
            };
            let values = match table.is_text(column) {
                true => Values::Texts((0..table.rows()).map(text).collect()),
                false => Values::Numbers(table.numbers(column)?.to_vec()),
            };
            out = out.with(&table.name(column), values)?;
        }
        Ok(out)
    }

    /// The number of rows.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.entries.first().map_or(0, |(_, values)| values.len())
    }

    /// The columns' names in order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.entries.iter().map(|(name, _)| name.as_str())
    }

    /// The columns' values in order.
    pub(crate) fn values(&self) -> impl Iterator<Item = &Values> {
        self.entries.iter().map(|(_, values)| values)
    }

    /// The column of that name.
    ///
    /// # Errors
    /// If there is none.
    pub fn get(&self, name: &str) -> Result<&Values, DataError> {
        let found = self.entries.iter().find(|(other, _)| other == name);
        found.map(|(_, values)| values).ok_or_else(|| {
            let what =
                format!("there is no {name:?}; there are {}", self.names().collect::<Vec<_>>().join(", "));
            DataError::unfit("columns", what, "name one of these")
        })
    }

    /// Some rows of all columns, in this order.
    ///
    /// # Panics
    /// If there is no such row.
    #[must_use]
    pub fn take(&self, rows: &[usize]) -> Self {
        Self {
            entries: self.entries.iter().map(|(name, values)| (name.clone(), values.take(rows))).collect(),
        }
    }
}
