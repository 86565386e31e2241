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

/// U·max(Σ − threshold, 0)·Vᵀ of W = U·Σ·Vᵀ, `[…, M, N] → […, M, N]` (Cai, Candès & Shen 2010): the proximal step of threshold
/// times the nuclear norm. What holds NaN or an infinity becomes NaN.
///
/// ```
/// use gradus_tensor::Tensor;
/// let w = Tensor::from([[3.0_f64, 0.0], [0.0, 0.5]]);
/// assert_eq!(gradus_regularizers::singular_value_threshold(&w, 1.0).to_vec(), [2.0, 0.0, 0.0, 0.0]);
/// ```
///
/// # Panics
/// If there are fewer than two axes.
#[must_use]
#[track_caller]
pub fn singular_value_threshold<T: Float>(w: &Tensor<T>, threshold: f64) -> Tensor<T> {
    let Ok(svd) = w.svd() else { return Tensor::full(*w.shape(), T::of(f64::NAN)) };
    let s = soft_threshold(&svd.s, threshold).unsqueeze(-2);
    (svd.u * &s).matmul(&svd.vt)
}
