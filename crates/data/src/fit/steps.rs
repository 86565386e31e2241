//! Columns of numbers and of texts, and one fitted step on the way of a column to features. It must never know other columns.

use gradus_tensor::Tensor;

use super::{Categories, Fill, Fitted, Imputer, MinMax, Robust, Standardiser, Statistics, Unknown};
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

/// One step on the way from a column to features.
///
/// ```
/// use gradus_data::{Fill, Transform};
/// let steps = [Transform::Impute { fill: Fill::Median, indicator: true }, Transform::Standardise];
/// assert_ne!(steps[0], steps[1]);
/// ```
#[derive(Clone, Debug, PartialEq)]
pub enum Transform {
    /// Fills gaps; with an indicator, one more column tells of them if there were any when fitting.
    Impute {
        /// With what.
        fill: Fill,
        /// Whether to tell.
        indicator: bool,
    },
    /// Mean 0, standard deviation 1: [`Standardiser`].
    Standardise,
    /// To 0 … 1: [`MinMax`].
    MinMax,
    /// By median and quartiles: [`Robust`].
    Robust,
    /// One column per category: [`Categories::one_hot`]. Missing texts are a category of their own.
    OneHot(Unknown),
    /// The category's place: [`Categories::encode`].
    Ordinal(Unknown),
}

/// What flows from step to step.
pub(super) enum Flow {
    /// `[N, K]`.
    Numbers(Tensor<f64>),
    Texts(Vec<String>),
}

impl From<&Values> for Flow {
    fn from(values: &Values) -> Self {
        match values {
            Values::Numbers(values) => Self::Numbers(Tensor::new([values.len(), 1], values)),
            Values::Texts(texts) => Self::Texts(texts.clone()),
        }
    }
}

impl Flow {
    fn numbers(&self) -> Result<&Tensor<f64>, DataError> {
        match self {
            Self::Numbers(x) => Ok(x),
            Self::Texts(_) => {
                let what = "it holds texts, which cannot be counted with".to_owned();
                Err(DataError::unfit("pipeline", what, "encode it first: `OneHot` or `Ordinal`"))
            }
        }
    }

    /// Texts as they are, numbers as they are written, and the order of categories: letters or size.
    fn texts(&self) -> (Vec<String>, Vec<String>) {
        match self {
            Self::Texts(texts) => {
                let mut sorted = texts.clone();
                sorted.sort_unstable();
                sorted.dedup();
                (texts.clone(), sorted)
            }
            Self::Numbers(x) => {
                // −0 is 0; what is missing is the empty text, before all others.
                let values: Vec<f64> = x.to_vec().iter().map(|value| value + 0.0).collect();
                let text = |value: &f64| if value.is_nan() { String::new() } else { value.to_string() };
                let mut sorted: Vec<f64> = values.iter().filter(|value| !value.is_nan()).copied().collect();
                sorted.sort_by(f64::total_cmp);
                sorted.dedup();
                let gap = values.iter().any(|value| value.is_nan()).then(String::new);
                (values.iter().map(text).collect(), gap.into_iter().chain(sorted.iter().map(text)).collect())
            }
        }
    }
}

/// A fitted [`Transform`].
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Step {
    Impute(Imputer<f64>),
    /// For columns of texts.
    Write(String),
    Standardise(Standardiser<f64>),
    MinMax(MinMax<f64>),
    Robust(Robust<f64>),
    OneHot(Categories),
    Ordinal(Categories),
}

impl Step {
    pub(super) fn fit(transform: &Transform, flow: &Flow) -> Result<Self, DataError> {
        let categories = |unknown: Unknown| Ok(Categories::new(flow.texts().1)?.unknown(unknown));
        Ok(match (transform, flow) {
            (Transform::Impute { fill, indicator: false }, Flow::Texts(texts)) => {
                Self::Write(written(fill, texts)?)
            }
            (Transform::Impute { fill, indicator }, _) => {
                let imputer = Imputer::fit(flow.numbers()?, fill)?;
                Self::Impute(if *indicator { imputer.with_indicator() } else { imputer })
            }
            (Transform::Standardise, _) => Self::Standardise(Standardiser::fit(flow.numbers()?)?),
            (Transform::MinMax, _) => Self::MinMax(MinMax::fit(flow.numbers()?)?),
            (Transform::Robust, _) => Self::Robust(Robust::fit(flow.numbers()?)?),
            (Transform::OneHot(unknown), _) => Self::OneHot(categories(*unknown)?),
            (Transform::Ordinal(unknown), _) => Self::Ordinal(categories(*unknown)?),
        })
    }

    pub(super) fn apply(&self, flow: &Flow) -> Result<Flow, DataError> {
        let texts = || flow.texts().0;
        Ok(Flow::Numbers(match self {
            Self::Write(fill) => {
                let filled =
                    texts().into_iter().map(|text| if text.is_empty() { fill.clone() } else { text });
                return Ok(Flow::Texts(filled.collect()));
            }
            Self::Impute(imputer) => imputer.apply(flow.numbers()?),
            Self::Standardise(scale) => scale.apply(flow.numbers()?),
            Self::MinMax(scale) => scale.apply(flow.numbers()?),
            Self::Robust(scale) => scale.apply(flow.numbers()?),
            Self::OneHot(categories) => categories.one_hot(texts().iter().map(String::as_str))?,
            Self::Ordinal(categories) => {
                categories.encode(texts().iter().map(String::as_str))?.cast().reshape([texts().len(), 1])
            }
        }))
    }

    /// The names of the features, from those before.
    pub(super) fn names(&self, before: Vec<String>) -> Vec<String> {
        match self {
            Self::Impute(imputer) if imputer.has_indicator() => {
                let told: Vec<String> =
                    imputer.gaps().iter().map(|&gap| format!("{} missing", before[gap])).collect();
                [before, told].concat()
            }
            Self::OneHot(categories) => {
                let own = (categories.width() > categories.len()).then(|| "other".to_owned());
                let all = categories.names().iter().cloned().chain(own);
                all.map(|category| format!("{}={category}", before.join(" "))).collect()
            }
            _ => before,
        }
    }

    /// What it is called in stored statistics.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::Impute(_) => "impute",
            Self::Write(_) => "write",
            Self::Standardise(_) => "standardise",
            Self::MinMax(_) => "min_max",
            Self::Robust(_) => "robust",
            Self::OneHot(_) => "one_hot",
            Self::Ordinal(_) => "ordinal",
        }
    }

    pub(super) fn statistics(&self) -> Statistics {
        match self {
            Self::Impute(step) => step.statistics(),
            Self::Write(text) => {
                let mut out = Statistics::default();
                out.push_texts("text", [text.as_str()]);
                out
            }
            Self::Standardise(step) => step.statistics(),
            Self::MinMax(step) => step.statistics(),
            Self::Robust(step) => step.statistics(),
            Self::OneHot(step) | Self::Ordinal(step) => step.statistics(),
        }
    }

    pub(super) fn from_statistics(kind: &str, own: &Statistics) -> Result<Self, DataError> {
        Ok(match kind {
            "impute" => Self::Impute(Imputer::from_statistics(own)?),
            "write" => Self::Write(own.texts("text")?.concat()),
            "standardise" => Self::Standardise(Standardiser::from_statistics(own)?),
            "min_max" => Self::MinMax(MinMax::from_statistics(own)?),
            "robust" => Self::Robust(Robust::from_statistics(own)?),
            "one_hot" => Self::OneHot(Categories::from_statistics(own)?),
            "ordinal" => Self::Ordinal(Categories::from_statistics(own)?),
            _ => {
                let what = format!("{kind:?} is no step");
                return Err(DataError::unfit("pipeline", what, super::statistics::MEND));
            }
        })
    }
}

/// What gaps in a column of texts are filled with.
fn written(fill: &Fill, texts: &[String]) -> Result<String, DataError> {
    let mut sorted: Vec<&str> = texts.iter().map(String::as_str).filter(|text| !text.is_empty()).collect();
    sorted.sort_unstable();
    let runs = || sorted.chunk_by(|a, b| a == b);
    let most = runs().map(<[&str]>::len).max();
    match fill {
        Fill::Text(text) => Ok(text.clone()),
        Fill::MostFrequent => match runs().find(|run| Some(run.len()) == most) {
            Some(run) => Ok(run[0].to_owned()),
            None => {
                let what = "all texts are missing".to_owned();
                Err(DataError::unfit("impute", what, "take the column out, or fill it with a constant"))
            }
        },
        _ => {
            let what = format!("texts cannot be filled with {fill:?}");
            Err(DataError::unfit("impute", what, "give `MostFrequent` or `Text`"))
        }
    }
}
