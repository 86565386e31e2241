//! Soft thresholds: the proximal steps of absolute values, of rows' norms, and of singular values.

use gradus_tensor::{Element, Float, Tensor};

use crate::group_lasso::row_axes;

/// sign(w)·max(|w| − threshold, 0), `[…] → […]`: the proximal step of threshold·Σ|w| (PyTorch: `softshrink`).
///
/// ```
/// use gradus_tensor::Tensor;
/// let shrunk = gradus_regularizers::soft_threshold(&Tensor::from([3.0_f32, -0.5, -2.0]), 1.0);
/// assert_eq!(shrunk.to_vec(), [2.0, 0.0, -1.0]);
/// ```
#[must_use]
pub fn soft_threshold<T: Float>(w: &Tensor<T>, threshold: f64) -> Tensor<T> {
    w.softshrink(threshold)
}

/// w·max(1 − threshold/‖w‖, 0) for each row w of `[out, …]` (of a vector: each element): the proximal step of threshold·Σ‖w‖.
///
/// ```
/// use gradus_tensor::Tensor;
/// let shrunk = gradus_regularizers::group_soft_threshold(&Tensor::from([[3.0_f32, 4.0], [0.3, 0.4]]), 2.5);
/// assert_eq!(shrunk.to_vec(), [1.5, 2.0, 0.0, 0.0]);
/// ```
#[must_use]
pub fn group_soft_threshold<T: Float>(w: &Tensor<T>, threshold: f64) -> Tensor<T> {
    let axes = row_axes(w.rank());
    if axes.is_empty() {
        return soft_threshold(w, threshold);
    }
    let (threshold, nought) = (T::of(threshold), <T as Element>::ZERO);
    let norms = w.square().sum_axes(&axes, true).sqrt();
    w * &norms.map(move |norm| if norm <= threshold { nought } else { T::ONE - threshold / norm })
}
