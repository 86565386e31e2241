//! Scaling features to mean 0 and standard deviation 1, with the numbers of the training part. It must never know a
//! model; that it is fitted on training data alone is its user's part.

use gradus_tensor::{AnyTensor, Float, Tensor};

use super::{Fitted, Statistics, check_features, narrow, wide};
use crate::error::DataError;

/// z = (x − mean) / std, feature by feature (scikit-learn: `StandardScaler`). A constant feature has std 1: it becomes
/// 0 and returns as it was.
///
/// ```
/// use gradus_data::Standardiser;
/// use gradus_tensor::Tensor;
/// let x = Tensor::from([[1.0_f32, 5.0], [3.0, 5.0]]);
/// let scale = Standardiser::fit(&x)?;
/// assert_eq!(scale.apply(&x), Tensor::from([[-1.0, 0.0], [1.0, 0.0]]));
/// assert_eq!(scale.invert(&scale.apply(&x)), x);
/// # Ok::<(), gradus_data::DataError>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Standardiser<T: Float = f32> {
    mean: Tensor<T>,
    std: Tensor<T>,
}

impl<T: Float> Standardiser<T> {
    /// Means and standard deviations (of the population, Σ (x − mean)² / N) of `x`, `[N, …] → […]`, calculated in
    /// double precision.
    ///
    /// # Errors
    /// If there are no samples or a feature has a value, mean or deviation that is not finite.
    pub fn fit(x: &Tensor<T>) -> Result<Self, DataError> {
        const OP: &str = "standardise";
        let wide = wide(OP, x)?;
        let mut mean = wide.mean_axes(&[0], false).to_vec();
        let mut std: Vec<f64> = wide.var_axes(&[0], 0.0, false).to_vec().iter().map(|v| v.sqrt()).collect();
        if !wide.is_empty() {
            let (low, high) = (wide.min_axes(&[0], false).to_vec(), wide.max_axes(&[0], false).to_vec());
            for (feature, (low, high)) in low.into_iter().zip(high).enumerate() {
                // A mean of equal numbers is rounded: the deviation from it would be tiny instead of 0.
                if low == high {
                    (mean[feature], std[feature]) = (low, 1.0);
                }
            }
        }
        let out = Self { mean: narrow(x, &mean), std: narrow(x, &std) };
        match out.flaw() {
            None => Ok(out),
            Some(feature) => {
                let (mean, std) = (mean[feature], std[feature]);
                let what = format!("feature {feature} has mean {mean} and standard deviation {std}");
                Err(DataError::unfit(
                    OP,
                    what,
                    "take out or fill values that are missing, infinite or out of range",
                ))
            }
        }
    }

    /// A standardiser from saved numbers: [`Standardiser::mean`] and [`Standardiser::std`].
    ///
    /// ```
    /// use gradus_data::Standardiser;
    /// use gradus_tensor::Tensor;
    /// let fitted = Standardiser::fit(&Tensor::from([[1.0_f32], [3.0]]))?;
    /// assert_eq!((fitted.mean().item(), fitted.std().item()), (2.0, 1.0));
    /// let again = Standardiser::from_parts(fitted.mean().clone(), fitted.std().clone())?;
    /// assert_eq!(again, fitted);
    /// # Ok::<(), gradus_data::DataError>(())
    /// ```
    ///
    /// # Errors
    /// If the shapes differ, or a mean is not finite, or a deviation not finite and positive.
    pub fn from_parts(mean: Tensor<T>, std: Tensor<T>) -> Result<Self, DataError> {
        const MEND: &str = "give the mean and std of one fitted standardiser";
        if mean.shape() != std.shape() {
            let what = format!("mean {} and std {} differ in shape", mean.shape(), std.shape());
            return Err(DataError::unfit("standardise", what, MEND));
        }
        let out = Self { mean, std };
        match out.flaw() {
            None => Ok(out),
            Some(feature) => {
                let what = format!("feature {feature} has no finite mean with a positive std");
                Err(DataError::unfit("standardise", what, MEND))
            }
        }
    }

    /// The first feature that could not be scaled and back.
    fn flaw(&self) -> Option<usize> {
        let good = |(mean, std): (T, T)| mean.is_finite() && std.is_finite() && std > T::ZERO;
        self.mean.to_vec().into_iter().zip(self.std.to_vec()).position(|pair| !good(pair))
    }

    /// The means `[…]`.
    #[must_use]
    pub fn mean(&self) -> &Tensor<T> {
        &self.mean
    }

    /// The standard deviations `[…]`; 1 where a feature is constant.
    #[must_use]
    pub fn std(&self) -> &Tensor<T> {
        &self.std
    }

    /// (x − mean) / std, `[N, …] → [N, …]`.
    ///
    /// # Panics
    /// If `x` has other features than those fitted.
    #[must_use]
    #[track_caller]
    pub fn apply(&self, x: &Tensor<T>) -> Tensor<T> {
        check_features("standardise: apply", x, &self.mean);
        (x - &self.mean) / &self.std
    }

    /// z · std + mean, `[N, …] → [N, …]`: undoes [`Standardiser::apply`].
    ///
    /// # Panics
    /// If `z` has other features than those fitted.
    #[must_use]
    #[track_caller]
    pub fn invert(&self, z: &Tensor<T>) -> Tensor<T> {
        check_features("standardise: invert", z, &self.mean);
        z * &self.std + &self.mean
    }
}

impl<T: Float> Fitted for Standardiser<T> {
    fn statistics(&self) -> Statistics {
        let entries = [("mean", &self.mean), ("std", &self.std)];
        entries.into_iter().map(|(name, value)| (name.to_owned(), AnyTensor::new(value))).collect()
    }

    fn from_statistics(statistics: &Statistics) -> Result<Self, DataError> {
        Self::from_parts(statistics.tensor("mean")?.clone(), statistics.tensor("std")?.clone())
    }
}
