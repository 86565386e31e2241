//! The traits of the `approx` crate: tensors are near each other if their shapes are equal and all elements are near.

use approx::{AbsDiffEq, RelativeEq, UlpsEq};

use crate::element::Element;
use crate::tensor::Tensor;

/// ```
/// use approx::assert_abs_diff_eq;
/// use gradus_tensor::Tensor;
/// assert_abs_diff_eq!(Tensor::from([1.0_f64, 2.0]), Tensor::from([1.0, 2.0 + 1e-9]), epsilon = 1e-8);
/// ```
impl<T: Element + AbsDiffEq> AbsDiffEq for Tensor<T>
where
    T::Epsilon: Copy,
{
    type Epsilon = T::Epsilon;

    fn default_epsilon() -> T::Epsilon {
        T::default_epsilon()
    }

    fn abs_diff_eq(&self, other: &Self, epsilon: T::Epsilon) -> bool {
        all(self, other, |a, b| a.abs_diff_eq(b, epsilon))
    }
}

/// ```
/// use approx::assert_relative_eq;
/// use gradus_tensor::Tensor;
/// assert_relative_eq!(Tensor::from([1e9_f64]), Tensor::from([1e9 + 1.0]), max_relative = 1e-8);
/// ```
impl<T: Element + RelativeEq> RelativeEq for Tensor<T>
where
    T::Epsilon: Copy,
{
    fn default_max_relative() -> T::Epsilon {
        T::default_max_relative()
    }

    fn relative_eq(&self, other: &Self, epsilon: T::Epsilon, max_relative: T::Epsilon) -> bool {
        all(self, other, |a, b| a.relative_eq(b, epsilon, max_relative))
    }
}

/// ```
/// use approx::assert_ulps_eq;
/// use gradus_tensor::Tensor;
/// assert_ulps_eq!(Tensor::from([1.0_f32]), Tensor::from([1.0 + f32::EPSILON]), max_ulps = 1);
/// ```
impl<T: Element + UlpsEq> UlpsEq for Tensor<T>
where
    T::Epsilon: Copy,
{
    fn default_max_ulps() -> u32 {
        T::default_max_ulps()
    }

    fn ulps_eq(&self, other: &Self, epsilon: T::Epsilon, max_ulps: u32) -> bool {
        all(self, other, |a, b| a.ulps_eq(b, epsilon, max_ulps))
    }
}

fn all<T: Element>(a: &Tensor<T>, b: &Tensor<T>, near: impl Fn(&T, &T) -> bool) -> bool {
    a.shape() == b.shape() && a.to_vec().iter().zip(&b.to_vec()).all(|(a, b)| near(a, b))
}
