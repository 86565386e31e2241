//! Constraints: rows of length 1, numbers from 0 on, a bounded spectral norm. (The max-norm is in `max_norm`.)

use gradus_tensor::{Element, Float, Tensor};

use crate::constraint::Constraint;
use crate::group_lasso::row_axes;

/// Every row of a weight `[out, …]` has length 1 (Keras: `UnitNorm`); rows of 0 stay.
///
/// ```
/// use gradus_regularizers::{Constraint, UnitNorm};
/// use gradus_tensor::Tensor;
/// let unit = UnitNorm.project(&Tensor::from([[3.0_f64, 4.0], [0.0, 0.0]]));
/// assert_eq!(unit.to_vec(), [0.6000000000000001, 0.8, 0.0, 0.0]);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct UnitNorm;

impl Constraint for UnitNorm {
    fn project<T: Float>(&self, weight: &Tensor<T>) -> Tensor<T> {
        let axes = row_axes(weight.rank());
        if axes.is_empty() {
            return weight.clone();
        }
        let norms = weight.square().sum_axes(&axes, true).sqrt();
        let (nought, one) = (<T as Element>::ZERO, <T as Element>::ONE);
        weight * &norms.map(move |norm| if norm == nought { nought } else { one / norm })
    }

    fn constrains(&self, rank: usize) -> bool {
        rank >= 2
    }
}

/// Every number is 0 at least (Keras: `NonNeg`). NaN stays.
///
/// ```
/// use gradus_regularizers::{Constraint, NonNegative};
/// use gradus_tensor::Tensor;
/// assert_eq!(NonNegative.project(&Tensor::from([3.0_f32, -4.0])).to_vec(), [3.0, 0.0]);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NonNegative;

impl Constraint for NonNegative {
    fn project<T: Float>(&self, parameter: &Tensor<T>) -> Tensor<T> {
        let nought = <T as Element>::ZERO;
        parameter.map(move |w| if w < nought { nought } else { w })
    }

    fn constrains(&self, _: usize) -> bool {
        true
    }
}

/// The largest singular value of a weight `[out, …]` (further axes taken together) is `limit` at most: where it is larger, the
/// weight is scaled down to it (Yoshida & Miyato 2017; the nearest matrix would clip each singular value).
///
/// ```
/// use gradus_regularizers::{Constraint, SpectralNorm};
/// use gradus_tensor::Tensor;
/// let bounded = SpectralNorm::new(1.0).project(&Tensor::from([[4.0_f64, 0.0], [0.0, 1.0]]));
/// assert!((bounded.at(&[0, 0]) - 1.0).abs() < 1e-9 && (bounded.at(&[1, 1]) - 0.25).abs() < 1e-9);
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SpectralNorm {
    limit: f64,
}

impl SpectralNorm {
    /// With that limit.
    ///
    /// # Panics
    /// If it is not above 0.
    #[must_use]
    #[track_caller]
    pub fn new(limit: f64) -> Self {
        assert!(limit > 0.0, "spectral_norm: limit is not above 0: {limit}");
        Self { limit }
    }
}

impl Constraint for SpectralNorm {
    fn project<T: Float>(&self, weight: &Tensor<T>) -> Tensor<T> {
        if weight.rank() < 2 || weight.is_empty() {
            return weight.clone();
        }
        // What holds NaN has no singular values, and stays as it is, where it shows.
        let Ok(values) = weight.flatten(1, -1).svdvals() else { return weight.clone() };
        let largest = values.select(0, 0).item().as_f64();
        if largest > self.limit { weight * T::of(self.limit / largest) } else { weight.clone() }
    }

    fn constrains(&self, rank: usize) -> bool {
        rank >= 2
    }
}
