//! Fitted numbers and texts as tensors by name: what goes into a checkpoint or a model file beside the weights. It must never
//! know a file format.

use std::collections::BTreeMap;

use gradus_tensor::{AnyTensor, Element, Tensor};

use crate::error::DataError;

/// Tensors by name. Texts are tensors too: their bytes, and where each one ends.
///
/// ```
/// use gradus_data::Statistics;
/// use gradus_tensor::{AnyTensor, Tensor};
/// let mut own = Statistics::default();
/// own.push("mean", Tensor::from([2.0_f32]));
/// own.push_texts("towns", ["Bonn", "Ulm"]);
/// let mut all = Statistics::default();
/// all.push_all("table", &own);
/// let saved: Vec<(String, AnyTensor)> = all.into_iter().collect(); // into a state, a file and back
/// let again = Statistics::from_iter(saved).below("table");
/// assert_eq!(again.tensor::<f32>("mean")?.to_vec(), [2.0]);
/// assert_eq!(again.texts("towns")?, ["Bonn", "Ulm"]);
/// assert_eq!((again.len(), again.is_empty(), again == own), (3, false, true));
/// # Ok::<(), gradus_data::DataError>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Statistics {
    entries: BTreeMap<String, AnyTensor>,
}

/// What is learnt from training data and needed again with the model.
///
/// ```
/// use gradus_data::{Fitted, Standardiser};
/// use gradus_tensor::Tensor;
/// let fitted = Standardiser::fit(&Tensor::from([[1.0_f32], [3.0]]))?;
/// let saved = fitted.statistics();
/// assert_eq!(saved.iter().map(|(name, _)| name).collect::<Vec<_>>(), ["mean", "std"]);
/// assert_eq!(Standardiser::from_statistics(&saved)?, fitted);
/// # Ok::<(), gradus_data::DataError>(())
/// ```
pub trait Fitted: Sized {
    /// All that was fitted.
    fn statistics(&self) -> Statistics;

    /// The transform that gave these statistics.
    ///
    /// # Errors
    /// If something is missing or makes no sense.
    fn from_statistics(statistics: &Statistics) -> Result<Self, DataError>;
}

pub(super) const MEND: &str = "take the statistics from a model or checkpoint of the same recipe";

impl Statistics {
    /// Adds an entry, or replaces the one of that name.
    pub fn push(&mut self, name: impl Into<String>, value: impl Into<AnyTensor>) {
        self.entries.insert(name.into(), value.into());
    }

    /// Adds texts as `name.bytes` and `name.ends`.
    pub fn push_texts<'t>(&mut self, name: &str, texts: impl IntoIterator<Item = &'t str>) {
        let (mut bytes, mut ends) = (Vec::new(), Vec::new());
        for text in texts {
            bytes.extend_from_slice(text.as_bytes());
            ends.push(bytes.len() as i64);
        }
        self.push(format!("{name}.bytes"), Tensor::new([bytes.len()], &bytes));
        self.push(format!("{name}.ends"), Tensor::new([ends.len()], &ends));
    }

    /// All of `other` under `prefix.`.
    pub fn push_all(&mut self, prefix: &str, other: &Self) {
        let others = other.iter().map(|(name, value)| (format!("{prefix}.{name}"), value.clone()));
        self.entries.extend(others);
    }

    /// The entries whose names begin with `prefix.`, without it.
    #[must_use]
    pub fn below(&self, prefix: &str) -> Self {
        let start = format!("{prefix}.");
        // They stand beside each other, which matters to a table of thousands of columns.
        let inside = self.entries.range(start.clone()..);
        inside
            .map_while(|(name, value)| Some((name.strip_prefix(&start)?.to_owned(), value.clone())))
            .collect()
    }

    /// Names and tensors, sorted by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &AnyTensor)> {
        self.entries.iter().map(|(name, value)| (name.as_str(), value))
    }

    /// The number of entries.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The tensor of that name.
    ///
    /// # Errors
    /// If there is none, or its elements are of another type.
    pub fn tensor<T: Element>(&self, name: &str) -> Result<&Tensor<T>, DataError> {
        let Some(value) = self.entries.get(name) else {
            return Err(DataError::unfit("statistics", format!("there is no {name:?}"), MEND));
        };
        value.get().ok_or_else(|| {
            let what = format!("{name:?} holds {:?} instead of {:?}", value.dtype(), T::DTYPE);
            DataError::unfit("statistics", what, MEND)
        })
    }

    /// The texts of that name.
    ///
    /// # Errors
    /// If there are none, or they are damaged.
    pub fn texts(&self, name: &str) -> Result<Vec<String>, DataError> {
        let bytes = self.tensor::<u8>(&format!("{name}.bytes"))?.to_vec();
        let mut start = 0;
        let mut text = |end: i64| {
            let end = usize::try_from(end).ok()?;
            let text = std::str::from_utf8(bytes.get(start..end)?).ok()?.to_owned();
            start = end;
            Some(text)
        };
        let ends = self.tensor::<i64>(&format!("{name}.ends"))?.to_vec();
        let texts: Option<Vec<String>> = ends.into_iter().map(&mut text).collect();
        texts.ok_or_else(|| DataError::unfit("statistics", format!("{name:?} are no texts"), MEND))
    }
}

impl FromIterator<(String, AnyTensor)> for Statistics {
    fn from_iter<I: IntoIterator<Item = (String, AnyTensor)>>(entries: I) -> Self {
        Self { entries: entries.into_iter().collect() }
    }
}

impl IntoIterator for Statistics {
    type Item = (String, AnyTensor);
    type IntoIter = std::collections::btree_map::IntoIter<String, AnyTensor>;

    fn into_iter(self) -> Self::IntoIter {
        self.entries.into_iter()
    }
}
