//! Categories: the different values of a column of texts, as places in a list, as rows of noughts with a one, and back. It must
//! never know what a category means.

use std::collections::BTreeMap;

use gradus_tensor::{Element, Tensor};

use super::{Fitted, Statistics};
use crate::error::DataError;

const OP: &str = "categories";

/// What becomes of a value that was not seen when fitting.
///
/// ```
/// use gradus_data::Unknown;
/// assert_eq!(Unknown::default(), Unknown::Refuse);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Unknown {
    /// An error that names it.
    #[default]
    Refuse,
    /// Place −1, or a row of noughts (scikit-learn: `handle_unknown="ignore"`).
    Ignore,
    /// A category of its own, the last one.
    Own,
}

/// The different values of a column, sorted (scikit-learn: `OrdinalEncoder`, `OneHotEncoder`, `LabelEncoder`).
///
/// ```
/// use gradus_data::{Categories, Unknown};
/// let towns = Categories::fit(["Ulm", "Bonn", "Ulm"])?;
/// assert_eq!(towns.encode(["Ulm", "Bonn"])?.to_vec(), [1, 0]);
/// assert_eq!(towns.one_hot::<f32>(["Ulm"])?.to_vec(), [0.0, 1.0]);
/// assert_eq!(towns.decode(&[1, 0])?, ["Ulm", "Bonn"]); // predicted classes, say
/// assert!(towns.encode(["Köln"]).is_err());
///
/// let lenient = towns.unknown(Unknown::Own);
/// assert_eq!((lenient.encode(["Köln"])?.to_vec(), lenient.width()), (vec![2], 3));
/// # Ok::<(), gradus_data::DataError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Categories {
    names: Vec<String>,
    places: BTreeMap<String, usize>,
    unknown: Unknown,
}

impl Categories {
    /// The different ones of these texts, sorted by their letters.
    ///
    /// # Errors
    /// If there are none.
    pub fn fit<'t>(texts: impl IntoIterator<Item = &'t str>) -> Result<Self, DataError> {
        let mut names: Vec<&str> = texts.into_iter().collect();
        names.sort_unstable();
        names.dedup();
        Self::new(names.into_iter().map(str::to_owned).collect())
    }

    /// These categories, in this order.
    ///
    /// ```
    /// use gradus_data::Categories;
    /// let sizes = Categories::new(vec!["small".into(), "large".into()])?;
    /// assert_eq!((sizes.names(), sizes.len(), sizes.is_empty()), (&["small".into(), "large".into()][..], 2, false));
    /// # Ok::<(), gradus_data::DataError>(())
    /// ```
    ///
    /// # Errors
    /// If there are none, or one comes twice.
    pub fn new(names: Vec<String>) -> Result<Self, DataError> {
        let places: BTreeMap<String, usize> = names.iter().cloned().zip(0..).collect();
        if let Some(twice) = names.iter().enumerate().find(|&(place, name)| places[name] != place) {
            return Err(DataError::unfit(
                OP,
                format!("{:?} comes twice", twice.1),
                "name each category once",
            ));
        }
        if names.is_empty() {
            let mend = "give at least one value";
            return Err(DataError::unfit(OP, "there are no values to tell apart".to_owned(), mend));
        }
        Ok(Self { names, places, unknown: Unknown::Refuse })
    }

    /// What becomes of other values.
    #[must_use]
    pub fn unknown(mut self, policy: Unknown) -> Self {
        self.unknown = policy;
        self
    }

    /// The categories in order.
    #[must_use]
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// The number of categories seen when fitting.
    #[must_use]
    pub fn len(&self) -> usize {
        self.names.len()
    }

    /// Whether there are none: never.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.names.is_empty()
    }

    /// The columns of [`Categories::one_hot`], and the rows that an embedding needs: one more with [`Unknown::Own`].
    #[must_use]
    pub fn width(&self) -> usize {
        self.names.len() + usize::from(self.unknown == Unknown::Own)
    }

    /// Each text's place, `[N]`.
    ///
    /// # Errors
    /// If one is unknown and is to be refused; the message names it and its row.
    pub fn encode<'t>(&self, texts: impl IntoIterator<Item = &'t str>) -> Result<Tensor<i64>, DataError> {
        let place = |(row, text): (usize, &str)| match (self.places.get(text), self.unknown) {
            (Some(&place), _) => Ok(place as i64),
            (None, Unknown::Ignore) => Ok(-1),
            (None, Unknown::Own) => Ok(self.names.len() as i64),
            (None, Unknown::Refuse) => {
                let shown =
                    self.names.iter().take(10).map(|name| format!("{name:?}")).collect::<Vec<_>>().join(", ");
                let more = if self.names.len() > 10 { ", …" } else { "" };
                let what = format!("row {row} holds {text:?}, which is none of {shown}{more}");
                Err(DataError::unfit(
                    OP,
                    what,
                    "correct it, fit anew, or choose what becomes of unknown values",
                ))
            }
        };
        let places: Result<Vec<i64>, DataError> = texts.into_iter().enumerate().map(place).collect();
        places.map(Tensor::from)
    }

    /// Each text as a row of noughts with a one at its place, `[N, width]`.
    ///
    /// # Errors
    /// As [`Categories::encode`].
    pub fn one_hot<'t, T: Element>(
        &self,
        texts: impl IntoIterator<Item = &'t str>,
    ) -> Result<Tensor<T>, DataError> {
        let places = self.encode(texts)?.to_vec();
        let width = self.width();
        let mut rows = vec![T::of_f64(0.0); places.len() * width];
        for (row, place) in rows.chunks_exact_mut(width).zip(&places) {
            if let Some(cell) = usize::try_from(*place).ok().and_then(|place| row.get_mut(place)) {
                *cell = T::ONE;
            }
        }
        Ok(Tensor::new([places.len(), width], &rows))
    }

    /// The categories at these places.
    ///
    /// # Errors
    /// If there is no such category.
    pub fn decode(&self, places: &[i64]) -> Result<Vec<&str>, DataError> {
        let name = |&place: &i64| {
            let name = usize::try_from(place).ok().and_then(|place| self.names.get(place));
            name.map(String::as_str).ok_or_else(|| {
                let what = format!("there is no category {place}, there are {}", self.names.len());
                DataError::unfit(OP, what, "give places from 0 on")
            })
        };
        places.iter().map(name).collect()
    }
}

impl Fitted for Categories {
    fn statistics(&self) -> Statistics {
        let mut out = Statistics::default();
        out.push_texts("names", self.names.iter().map(String::as_str));
        out.push("unknown", Tensor::scalar(self.unknown as i64));
        out
    }

    fn from_statistics(statistics: &Statistics) -> Result<Self, DataError> {
        let unknown = match statistics.tensor::<i64>("unknown")?.to_vec()[..] {
            [0] => Unknown::Refuse,
            [1] => Unknown::Ignore,
            [2] => Unknown::Own,
            ref other => {
                let what = format!("{other:?} is no policy for unknown values");
                return Err(DataError::unfit(OP, what, super::statistics::MEND));
            }
        };
        Ok(Self::new(statistics.texts("names")?)?.unknown(unknown))
    }
}
