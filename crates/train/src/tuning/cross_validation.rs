//! Cross-validation: the same training on several parts of the data, and what it measures on the rest of each.

use std::fmt;

use gradus_data::Fold;

use crate::metrics::{Metrics, significant};

/// What each fold measured.
#[derive(Clone, Debug, PartialEq)]
pub struct CrossValidation {
    folds: Vec<Metrics>,
}

/// Trains and measures once per fold (scikit-learn: `cross_validate`): `train` is given the fold's number and its samples, and
/// answers what it measured on the validation part. Fit statistics (means, categories) on `fold.train` alone.
///
/// ```
/// use gradus_data::k_fold;
/// use gradus_tensor::Rng;
/// use gradus_train::metrics::Metrics;
/// use gradus_train::tuning::{CrossValidation, cross_validate};
/// let y = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0];
/// let folds = k_fold(6, 3, &mut Rng::seed(1))?;
/// let result: CrossValidation = cross_validate(&folds, |_, fold| {
///     let mean = fold.train.iter().map(|&i| y[i]).sum::<f64>() / fold.train.len() as f64; // the "training"
///     let error = fold.validation.iter().map(|&i| (y[i] - mean).abs()).sum::<f64>() / fold.validation.len() as f64;
///     Ok::<_, gradus_data::DataError>(Metrics::new().with("mae", error))
/// })?;
/// assert!(result.mean("mae").is_some_and(|mae| mae > 0.5 && mae < 3.0));
/// assert!(result.to_string().starts_with("mae "));
/// # Ok::<(), gradus_data::DataError>(())
/// ```
///
/// # Errors
/// The first of `train`.
pub fn cross_validate<E>(
    folds: &[Fold],
    mut train: impl FnMut(usize, &Fold) -> Result<Metrics, E>,
) -> Result<CrossValidation, E> {
    let measured: Result<Vec<Metrics>, E> =
        folds.iter().enumerate().map(|(i, fold)| train(i, fold)).collect();
    Ok(CrossValidation { folds: measured? })
}

impl CrossValidation {
    /// Per fold.
    #[must_use]
    pub fn folds(&self) -> &[Metrics] {
        &self.folds
    }

    fn values(&self, metric: &str) -> Vec<f64> {
        self.folds.iter().filter_map(|fold| fold.get(metric)).collect()
    }

    /// A metric's mean over the folds that measured it.
    #[must_use]
    pub fn mean(&self, metric: &str) -> Option<f64> {
        let values = self.values(metric);
        (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
    }

    /// The standard deviation between the folds, √(Σ(x − mean)²/(n − 1)); none of fewer than two.
    ///
    /// ```
    /// use gradus_data::Fold;
    /// use gradus_train::metrics::Metrics;
    /// use gradus_train::tuning::cross_validate;
    /// let folds = vec![Fold { train: vec![0], validation: vec![1] }, Fold { train: vec![1], validation: vec![0] }];
    /// let result = cross_validate(&folds, |i, _| Ok::<_, ()>(Metrics::new().with("loss", i as f64)));
    /// let result = result.map_err(|()| "no fold fails")?;
    /// assert_eq!((result.folds().len(), result.mean("loss")), (2, Some(0.5)));
    /// assert_eq!(result.deviation("loss"), Some(0.5_f64.sqrt()));
    /// # Ok::<(), &str>(())
    /// ```
    #[must_use]
    pub fn deviation(&self, metric: &str) -> Option<f64> {
        let (values, mean) = (self.values(metric), self.mean(metric)?);
        let squares: f64 = values.iter().map(|x| (x - mean).powi(2)).sum();
        (values.len() > 1).then(|| (squares / (values.len() - 1) as f64).sqrt())
    }
}

/// A line per metric: mean ± deviation.
impl fmt::Display for CrossValidation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = self.folds.first().into_iter().flat_map(Metrics::iter).map(|(name, _)| name);
        for (i, name) in names.enumerate() {
            let line = if i == 0 { "" } else { "\n" };
            write!(f, "{line}{name} {}", significant(self.mean(name).unwrap_or(f64::NAN)))?;
            if let Some(deviation) = self.deviation(name) {
                write!(f, " ± {}", significant(deviation))?;
            }
        }
        Ok(())
    }
}
