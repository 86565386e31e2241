//! Steps for each column, fitted together, that turn a table into a matrix of features; stored with the model, so that the same
//! is done to what the model is applied to. It must never know where a table came from.

use gradus_tensor::{Float, Tensor};

use super::steps::{Flow, Step};
use super::{Columns, Fill, Fitted, Statistics, Transform, Unknown, Values};
use crate::error::DataError;

const OP: &str = "pipeline";

/// What is to be done to which column (scikit-learn: `ColumnTransformer` of `Pipeline`s).
///
/// ```
/// use gradus_data::{Columns, Fill, Fitted, FittedPipeline, Pipeline, Transform, Unknown};
/// let train = Columns::new()
///     .with("size", vec![80.0, f64::NAN, 40.0])?
///     .with("town", vec!["Ulm", "Bonn", "Ulm"])?;
/// let fitted: FittedPipeline = Pipeline::new()
///     .column("size", [Transform::Impute { fill: Fill::Mean, indicator: false }, Transform::MinMax])
///     .column("town", [Transform::OneHot(Unknown::Ignore)])
///     .fit(&train)?;
/// assert_eq!(fitted.names(), ["size", "town=Bonn", "town=Ulm"]);
/// assert_eq!(fitted.apply::<f32>(&train.take(&[1, 2]))?.to_vec(), [0.5, 1.0, 0.0, 0.0, 0.0, 1.0]);
/// assert_eq!(FittedPipeline::from_statistics(&fitted.statistics())?, fitted);
/// # Ok::<(), gradus_data::DataError>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Pipeline {
    columns: Vec<(String, Vec<Transform>)>,
}

/// A [`Pipeline`] with the numbers of the training part.
#[derive(Clone, Debug, PartialEq)]
pub struct FittedPipeline {
    columns: Vec<(String, Vec<Step>)>,
}

impl Pipeline {
    /// No columns yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// What suits most tables: numbers have their gaps filled with the median, told of in a column of their own, and are
    /// standardised; texts become one-hot, with noughts for unknown ones.
    ///
    /// ```
    /// use gradus_data::{Columns, Pipeline};
    /// let table = Columns::new().with("size", vec![80.0, f64::NAN])?.with("town", vec!["Ulm", "Bonn"])?;
    /// let fitted = Pipeline::automatic(&table).fit(&table)?;
    /// assert_eq!(fitted.names(), ["size", "size missing", "town=Bonn", "town=Ulm"]);
    /// # Ok::<(), gradus_data::DataError>(())
    /// ```
    #[must_use]
    pub fn automatic(columns: &Columns) -> Self {
        let steps = |name: &str| match columns.get(name) {
            Ok(Values::Numbers(_)) => {
                vec![Transform::Impute { fill: Fill::Median, indicator: true }, Transform::Standardise]
            }
            _ => vec![Transform::OneHot(Unknown::Ignore)],
        };
        Self { columns: columns.names().map(|name| (name.to_owned(), steps(name))).collect() }
    }

    /// These steps, in this order, for one more column. No steps leave its numbers as they are.
    #[must_use]
    pub fn column(mut self, name: &str, steps: impl IntoIterator<Item = Transform>) -> Self {
        self.columns.push((name.to_owned(), steps.into_iter().collect()));
        self
    }

    /// Learns the numbers of all steps from the training part.
    ///
    /// # Errors
    /// If a column does not exist, or a step cannot be fitted to it; the message names the column.
    pub fn fit(&self, train: &Columns) -> Result<FittedPipeline, DataError> {
        let mut columns = Vec::with_capacity(self.columns.len());
        for (name, transforms) in &self.columns {
            let mut flow = Flow::from(train.get(name)?);
            let mut steps = Vec::with_capacity(transforms.len());
            for transform in transforms {
                let step = Step::fit(transform, &flow).map_err(|error| in_column(name, error))?;
                flow = step.apply(&flow).map_err(|error| in_column(name, error))?;
                steps.push(step);
            }
            features(name, flow)?;
            columns.push((name.clone(), steps));
        }
        Ok(FittedPipeline { columns })
    }
}

impl FittedPipeline {
    /// The features in order: a column's name, what a feature says of it behind it.
    #[must_use]
    pub fn names(&self) -> Vec<String> {
        let of = |(name, steps): &(String, Vec<Step>)| {
            steps.iter().fold(vec![name.clone()], |names, step| step.names(names))
        };
        self.columns.iter().flat_map(of).collect()
    }

    /// The features of each row, `[N, F]`.
    ///
    /// # Errors
    /// If a column is not there or is of the other kind, a value is unknown or still missing; the message names column
    /// and row.
    pub fn apply<T: Float>(&self, columns: &Columns) -> Result<Tensor<T>, DataError> {
        let mut parts = Vec::with_capacity(self.columns.len());
        for (name, steps) in &self.columns {
            let mut flow = Flow::from(columns.get(name)?);
            for step in steps {
                flow = step.apply(&flow).map_err(|error| in_column(name, error))?;
            }
            parts.push(features(name, flow)?.cast::<T>());
        }
        if parts.is_empty() {
            return Ok(Tensor::zeros([columns.rows(), 0]));
        }
        Ok(Tensor::cat(&parts.iter().collect::<Vec<_>>(), 1))
    }
}

/// What a column ends as, all numbers being there.
fn features(name: &str, flow: Flow) -> Result<Tensor<f64>, DataError> {
    let x = match flow {
        Flow::Numbers(x) => x,
        Flow::Texts(_) => {
            let what = format!("column {name:?} holds texts at the end of its steps");
            return Err(DataError::unfit(OP, what, "encode it: `OneHot` or `Ordinal`"));
        }
    };
    let width = x.shape()[1].max(1);
    match x.to_vec().iter().position(|value| !value.is_finite()) {
        None => Ok(x),
        Some(place) => {
            let what = format!("column {name:?} has no finite number in row {}", place / width);
            Err(DataError::unfit(OP, what, "fill it: `Impute` as the first step"))
        }
    }
}

/// The same error, with the column's name in front.
fn in_column(name: &str, error: DataError) -> DataError {
    match error {
        DataError::Unfit { op, what, mend } => {
            DataError::Unfit { op, what: format!("column {name:?}: {what}"), mend }
        }
        other => other,
    }
}

impl Fitted for FittedPipeline {
    fn statistics(&self) -> Statistics {
        let mut out = Statistics::default();
        out.push_texts("columns", self.columns.iter().map(|(name, _)| name.as_str()));
        for (place, (_, steps)) in self.columns.iter().enumerate() {
            out.push_texts(&format!("{place}.steps"), steps.iter().map(Step::kind));
            for (number, step) in steps.iter().enumerate() {
                out.push_all(&format!("{place}.{number}"), &step.statistics());
            }
        }
        out
    }

    fn from_statistics(statistics: &Statistics) -> Result<Self, DataError> {
        let mut columns = Vec::new();
        for (place, name) in statistics.texts("columns")?.into_iter().enumerate() {
            let own = statistics.below(&place.to_string());
            let kinds = own.texts("steps")?;
            let steps = kinds.iter().enumerate().map(|(number, kind)| {
                Step::from_statistics(kind, &own.below(&number.to_string()))
                    .map_err(|error| in_column(&name, error))
            });
            let steps = steps.collect::<Result<Vec<_>, _>>()?;
            steps
                .iter()
                .try_fold(1, |width, step| step.width(width))
                .map_err(|error| in_column(&name, error))?;
            columns.push((name, steps));
        }
        Ok(Self { columns })
    }
}
