//! Filling gaps with a number of the training part. A gap is NaN. It must never know why a value is missing.

use gradus_tensor::{AnyTensor, Float, QuantileMethod, Tensor};

use super::{Fitted, Statistics, check_features, narrow, wide};
use crate::error::DataError;

const OP: &str = "impute";

/// What a gap is filled with (scikit-learn: `SimpleImputer(strategy)`).
///
/// ```
/// use gradus_data::Fill;
/// assert_eq!(Fill::default(), Fill::Mean);
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Fill {
    /// The mean of the feature's values.
    #[default]
    Mean,
    /// Their median, the mean of the middle two.
    Median,
    /// The one that comes most often, of several the least.
    MostFrequent,
    /// This number.
    Constant(f64),
    /// This text, in columns of texts.
    Text(String),
}

/// Puts a number of the training part in place of each NaN, feature by feature (scikit-learn: `SimpleImputer`).
///
/// ```
/// use gradus_data::{Fill, Imputer};
/// use gradus_tensor::Tensor;
/// let x = Tensor::from([[1.0_f32, 7.0], [f32::NAN, 8.0], [5.0, 9.0]]);
/// let fill = Imputer::fit(&x, &Fill::Mean)?;
/// assert_eq!(fill.apply(&x).to_vec(), [1.0, 7.0, 3.0, 8.0, 5.0, 9.0]);
/// let told = fill.with_indicator(); // one more column for each feature that had gaps
/// assert_eq!(told.apply(&x).to_vec(), [1.0, 7.0, 0.0, 3.0, 8.0, 1.0, 5.0, 9.0, 0.0]);
/// # Ok::<(), gradus_data::DataError>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Imputer<T: Float = f32> {
    fill: Tensor<T>,
    /// The features that had gaps, counted row by row.
    gaps: Vec<usize>,
    indicator: bool,
}

impl<T: Float> Imputer<T> {
    /// Fitted to `x`, `[N, …]`, calculated in double precision.
    ///
    /// # Errors
    /// If there are no samples, a feature has no values, a value is infinite, or the filling is a text.
    pub fn fit(x: &Tensor<T>, fill: &Fill) -> Result<Self, DataError> {
        let wide = wide(OP, x)?;
        let [samples, features] = wide.dims();
        let values = match fill {
            Fill::Mean => wide.nan_mean_axes(&[0], false).to_vec(),
            Fill::Median => wide.nan_quantile(0.5, 0, QuantileMethod::Linear, false).to_vec(),
            Fill::MostFrequent => (0..features).map(|f| most_frequent(&wide.select(1, f).to_vec())).collect(),
            Fill::Constant(value) => vec![*value; features],
            Fill::Text(text) => {
                let what = format!("numbers cannot be filled with the text {text:?}");
                return Err(DataError::unfit(OP, what, "give `Constant`"));
            }
        };
        if let Some(feature) = values.iter().position(|value| !value.is_finite()) {
            let what = format!("feature {feature} would be filled with {}", values[feature]);
            let mend =
                "take the feature out if it has no values, and infinite values too; or give a constant";
            return Err(DataError::unfit(OP, what, mend));
        }
        let missing = wide.is_nan().to_vec();
        let has_gaps = |f: &usize| (0..samples).any(|n| missing[n * features + f]);
        let gaps = (0..features).filter(has_gaps).collect();
        Ok(Self { fill: narrow(x, &values), gaps, indicator: false })
    }

    /// Adds a column of 0 and 1 behind the others for each feature that had gaps when fitted: whether the value was
    /// missing (scikit-learn: `add_indicator`). Features are then a flat list: `[N, …] → [N, F + gaps]`.
    #[must_use]
    pub fn with_indicator(mut self) -> Self {
        self.indicator = true;
        self
    }

    /// What each feature is filled with, `[…]`.
    ///
    /// ```
    /// use gradus_data::{Fill, Imputer};
    /// use gradus_tensor::Tensor;
    /// let x = Tensor::from([[1.0_f32, f32::NAN], [2.0, 8.0]]);
    /// let fill = Imputer::fit(&x, &Fill::Median)?;
    /// assert_eq!((fill.fill().to_vec(), fill.gaps()), (vec![1.5, 8.0], &[1][..]));
    /// # Ok::<(), gradus_data::DataError>(())
    /// ```
    #[must_use]
    pub fn fill(&self) -> &Tensor<T> {
        &self.fill
    }

    /// The features that had gaps when fitted.
    #[must_use]
    pub fn gaps(&self) -> &[usize] {
        &self.gaps
    }

    /// Whether there are columns that tell of gaps.
    pub(super) fn has_indicator(&self) -> bool {
        self.indicator
    }

    /// `x` without NaN, `[N, …] → [N, …]`, or as [`Imputer::with_indicator`] says.
    ///
    /// # Panics
    /// If `x` has other features than those fitted.
    #[must_use]
    #[track_caller]
    pub fn apply(&self, x: &Tensor<T>) -> Tensor<T> {
        check_features("impute: apply", x, &self.fill);
        let missing = x.is_nan();
        let full = missing.choose(&self.fill.expand(*x.shape()), x);
        if !self.indicator {
            return full;
        }
        let (samples, features) = (x.shape()[0], self.fill.len());
        let picks: Tensor<i64> = self.gaps.iter().map(|&feature| feature as i64).collect();
        let told = missing.cast::<T>().reshape([samples, features]).index_select(1, &picks);
        Tensor::cat(&[&full.reshape([samples, features]), &told], 1)
    }
}

/// The value that comes most often, of several the least; NaN if there is none.
fn most_frequent(values: &[f64]) -> f64 {
    let mut sorted: Vec<f64> = values.iter().filter(|value| !value.is_nan()).copied().collect();
    sorted.sort_by(f64::total_cmp);
    let mut best = (0, f64::NAN);
    for run in sorted.chunk_by(|a, b| a == b) {
        if run.len() > best.0 {
            best = (run.len(), run[0]);
        }
    }
    best.1
}

impl<T: Float> Fitted for Imputer<T> {
    fn statistics(&self) -> Statistics {
        let gaps: Vec<i64> = self.gaps.iter().map(|&feature| feature as i64).collect();
        let mut out = Statistics::default();
        out.push("fill", AnyTensor::new(&self.fill));
        out.push("gaps", Tensor::new([gaps.len()], &gaps));
        out.push("indicator", Tensor::scalar(self.indicator));
        out
    }

    fn from_statistics(statistics: &Statistics) -> Result<Self, DataError> {
        let fill = statistics.tensor::<T>("fill")?.clone();
        let gaps: Vec<usize> =
            statistics.tensor::<i64>("gaps")?.to_vec().into_iter().map(|gap| gap as usize).collect();
        let indicator = statistics.tensor::<bool>("indicator")?.to_vec() == [true];
        let good =
            gaps.iter().all(|&gap| gap < fill.len()) && fill.to_vec().iter().all(|value| value.is_finite());
        if !good {
            let what = "a filling is not finite or a feature with gaps does not exist".to_owned();
            return Err(DataError::unfit(OP, what, super::statistics::MEND));
        }
        Ok(Self { fill, gaps, indicator })
    }
}
