//! Scaling features to a range, or by their quartiles, with the numbers of the training part. It must never know a model.

use gradus_tensor::{AnyTensor, Float, QuantileMethod, Shape, Tensor};

use super::{Fitted, Statistics, check_features, narrow, wide};
use crate::error::DataError;

/// x ↦ (x − centre) / scale, feature by feature.
#[derive(Clone, Debug, PartialEq)]
struct Affine<T: Float> {
    centre: Tensor<T>,
    scale: Tensor<T>,
}

impl<T: Float> Affine<T> {
    /// From numbers in double precision; a scale of 0 counts as 1.
    fn new(op: &'static str, x: &Tensor<T>, centre: &[f64], scale: &[f64]) -> Result<Self, DataError> {
        let scale: Vec<f64> = scale.iter().map(|&scale| if scale == 0.0 { 1.0 } else { scale }).collect();
        let out = Self { centre: narrow(x, centre), scale: narrow(x, &scale) };
        out.check(op, "take out or fill values that are missing, infinite or out of range")
    }

    fn check(self, op: &'static str, mend: &'static str) -> Result<Self, DataError> {
        if self.centre.shape() != self.scale.shape() {
            let what =
                format!("centres {} and scales {} differ in shape", self.centre.shape(), self.scale.shape());
            return Err(DataError::unfit(op, what, mend));
        }
        let good = |(centre, scale): (T, T)| centre.is_finite() && scale.is_finite() && scale > T::ZERO;
        let pairs = self.centre.to_vec().into_iter().zip(self.scale.to_vec());
        match pairs.enumerate().find(|&(_, pair)| !good(pair)) {
            None => Ok(self),
            Some((feature, (centre, scale))) => {
                let what = format!("feature {feature} has the centre {centre} and the scale {scale}");
                Err(DataError::unfit(op, what, mend))
            }
        }
    }

    #[track_caller]
    fn apply(&self, op: &str, x: &Tensor<T>) -> Tensor<T> {
        check_features(op, x, &self.centre);
        (x - &self.centre) / &self.scale
    }

    #[track_caller]
    fn invert(&self, op: &str, z: &Tensor<T>) -> Tensor<T> {
        check_features(op, z, &self.centre);
        z * &self.scale + &self.centre
    }

    fn saved(&self) -> Statistics {
        let entries = [("centre", &self.centre), ("scale", &self.scale)];
        entries.into_iter().map(|(name, value)| (name.to_owned(), AnyTensor::new(value))).collect()
    }

    fn restored(op: &'static str, statistics: &Statistics) -> Result<Self, DataError> {
        let of = |name| statistics.tensor::<T>(name).cloned();
        Self { centre: of("centre")?, scale: of("scale")? }.check(op, super::statistics::MEND)
    }
}

macro_rules! scalers {
    ($($(#[$doc:meta])* $Name:ident, $op:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq)]
        pub struct $Name<T: Float = f32> {
            affine: Affine<T>,
        }

        impl<T: Float> $Name<T> {
            /// `[N, …] → [N, …]`.
            ///
            /// # Panics
            /// If `x` has other features than those fitted.
            #[must_use]
            #[track_caller]
            pub fn apply(&self, x: &Tensor<T>) -> Tensor<T> {
                self.affine.apply(concat!($op, ": apply"), x)
            }

            /// The shape of the features it was fitted to.
            pub(super) fn features(&self) -> &Shape {
                self.affine.centre.shape()
            }

            /// Undoes `apply`.
            ///
            /// # Panics
            /// If `z` has other features than those fitted.
            #[must_use]
            #[track_caller]
            pub fn invert(&self, z: &Tensor<T>) -> Tensor<T> {
                self.affine.invert(concat!($op, ": invert"), z)
            }
        }

        impl<T: Float> Fitted for $Name<T> {
            fn statistics(&self) -> Statistics {
                self.affine.saved()
            }

            fn from_statistics(statistics: &Statistics) -> Result<Self, DataError> {
                Ok(Self { affine: Affine::restored($op, statistics)? })
            }
        }
    )*};
}
scalers! {
    /// Each feature from its least and greatest value to 0 … 1, or another range (scikit-learn: `MinMaxScaler`). A
    /// constant feature becomes the range's lower end. Values outside the fitted ones land outside the range.
    ///
    /// ```
    /// use gradus_data::MinMax;
    /// use gradus_tensor::Tensor;
    /// let x = Tensor::from([[1.0_f32, 5.0], [3.0, 5.0]]);
    /// let scale = MinMax::fit(&x)?;
    /// assert_eq!(scale.apply(&x).to_vec(), [0.0, 0.0, 1.0, 0.0]);
    /// assert_eq!(scale.invert(&scale.apply(&x)), x);
    /// assert_eq!(MinMax::fit_to(&x, -1.0, 1.0)?.apply(&x).to_vec(), [-1.0, -1.0, 1.0, -1.0]);
    /// # Ok::<(), gradus_data::DataError>(())
    /// ```
    MinMax, "min-max";
    /// (x − median) / (third − first quartile), feature by feature: outliers do not move it (scikit-learn:
    /// `RobustScaler`). A feature whose quartiles agree is only centred.
    ///
    /// ```
    /// use gradus_data::Robust;
    /// use gradus_tensor::Tensor;
    /// let x = Tensor::from([[1.0_f32], [2.0], [3.0], [4.0], [1e6]]);
    /// let scale = Robust::fit(&x)?;
    /// assert_eq!(scale.apply(&x).to_vec()[..4], [-1.0, -0.5, 0.0, 0.5]);
    /// assert_eq!(scale.invert(&scale.apply(&x)), x);
    /// # Ok::<(), gradus_data::DataError>(())
    /// ```
    Robust, "robust";
}

impl<T: Float> MinMax<T> {
    /// Fitted to `x`, `[N, …]`, for the range 0 … 1.
    ///
    /// # Errors
    /// If there are no samples or a value is not finite.
    pub fn fit(x: &Tensor<T>) -> Result<Self, DataError> {
        Self::fit_to(x, 0.0, 1.0)
    }

    /// Fitted to `x`, `[N, …]`, for another range.
    ///
    /// # Errors
    /// As [`MinMax::fit`], or if the range is none.
    pub fn fit_to(x: &Tensor<T>, low: f64, high: f64) -> Result<Self, DataError> {
        const OP: &str = "min-max";
        if !(low < high && low.is_finite() && high.is_finite()) {
            let what = format!("{low} … {high} is no range");
            return Err(DataError::unfit(OP, what, "give a finite lower end below a finite upper one"));
        }
        let x2 = wide(OP, x)?;
        let (least, greatest) = x2.min_max_axes(&[0], false);
        let scale: Vec<f64> = (greatest - &least)
            .to_vec()
            .iter()
            .map(|span| if *span == 0.0 { 1.0 } else { *span } / (high - low))
            .collect();
        // (x − least) / scale + low, with the last term inside.
        let centre: Vec<f64> =
            least.to_vec().iter().zip(&scale).map(|(least, scale)| least - low * scale).collect();
        Ok(Self { affine: Affine::new(OP, x, &centre, &scale)? })
    }
}

impl<T: Float> Robust<T> {
    /// Fitted to `x`, `[N, …]`; quantiles between two samples lie in proportion between them.
    ///
    /// # Errors
    /// If there are no samples or a quantile is not finite.
    pub fn fit(x: &Tensor<T>) -> Result<Self, DataError> {
        const OP: &str = "robust";
        let x2 = wide(OP, x)?;
        let of = |q| x2.quantile(q, 0, QuantileMethod::Linear, false);
        let scale = of(0.75) - of(0.25);
        Ok(Self { affine: Affine::new(OP, x, &of(0.5).to_vec(), &scale.to_vec())? })
    }
}
