//! Blurring and sharpening.

use gradus_tensor::{Conv2dSpec, PadMode, Rng, Tensor};

use super::colour::blend;
use super::{Augment, batch, draw, range, sizes, unbatch};
use crate::error::DataError;

/// The mean of each pixel's neighbourhood of `kernel` (height, width; both odd) with weights exp(−d²/2σ²), mirrored at the
/// borders: `[…, C, H, W] → […, C, H, W]` (torchvision: `functional.gaussian_blur`).
///
/// ```
/// use gradus_data::augment::gaussian_blur;
/// use gradus_tensor::Tensor;
/// let mut dot = Tensor::<f32>::zeros([1, 5, 5]);
/// dot.make_mut()[12] = 1.0;
/// let blurred = gaussian_blur(&dot, [3, 3], 1.0);
/// assert!((blurred.sum().item() - 1.0).abs() < 1e-6 && blurred.at(&[0, 1, 2]) > blurred.at(&[0, 1, 1]));
/// ```
///
/// # Panics
/// If this is no image, a kernel's length is even, or longer than the image and its mirror, or σ is not positive.
#[must_use]
#[track_caller]
pub fn gaussian_blur(image: &Tensor<f32>, kernel: [usize; 2], sigma: f64) -> Tensor<f32> {
    let dims @ [c, h, w] = sizes("gaussian_blur", image);
    assert!(kernel.iter().all(|length| length % 2 == 1), "gaussian_blur: lengths are not odd: {kernel:?}");
    assert!(sigma > 0.0, "gaussian_blur: the deviation is not positive: {sigma}");
    let planes = batch(image, dims);
    if planes.is_empty() {
        return image.clone();
    }
    let count = planes.shape()[0] * c;
    let halves = kernel.map(|length| length / 2);
    let around = [(0, 0), (0, 0), (halves[0], halves[0]), (halves[1], halves[1])];
    let wide = planes.reshape([count, 1, h, w]).pad_with(&around, PadMode::Reflect);
    let [down, right] = kernel.map(|length| bell(length, sigma));
    let rows = wide.conv2d(&Tensor::new([1, 1, kernel[0], 1], &down), Conv2dSpec::default());
    let both = rows.conv2d(&Tensor::new([1, 1, 1, kernel[1]], &right), Conv2dSpec::default());
    unbatch(&both.reshape([planes.shape()[0], c, h, w]), image)
}

/// exp(−d²/2σ²) from −length/2 to length/2, adding up to 1.
fn bell(length: usize, sigma: f64) -> Vec<f32> {
    let middle = (length as f64 - 1.0) / 2.0;
    let weights: Vec<f64> =
        (0..length).map(|place| (-0.5 * ((place as f64 - middle) / sigma).powi(2)).exp()).collect();
    let sum: f64 = weights.iter().sum();
    weights.iter().map(|weight| (weight / sum) as f32).collect()
}

/// [`gaussian_blur`] with a random σ (torchvision: `GaussianBlur`).
///
/// ```
/// use gradus_data::augment::{Augment, GaussianBlur};
/// use gradus_tensor::{Rng, Tensor};
/// let how = GaussianBlur::new([5, 3])?.sigma(0.5, 1.0)?;
/// assert_eq!(how.apply(&Tensor::ones([3, 9, 9]), &mut Rng::seed(0)).dims(), [3, 9, 9]);
/// # Ok::<(), gradus_data::DataError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct GaussianBlur {
    kernel: [usize; 2],
    sigma: (f64, f64),
}

impl GaussianBlur {
    /// With a kernel of this height and width, and σ from 0.1 to 2.
    ///
    /// # Errors
    /// If a length is even.
    pub fn new(kernel: [usize; 2]) -> Result<Self, DataError> {
        if kernel.iter().any(|length| length % 2 == 0) {
            let what = format!("the kernel is {} × {}", kernel[0], kernel[1]);
            return Err(DataError::unfit("gaussian_blur", what, "give odd lengths"));
        }
        Ok(Self { kernel, sigma: (0.1, 2.0) })
    }

    /// σ from this range.
    ///
    /// # Errors
    /// If it is no range of positive numbers.
    pub fn sigma(mut self, low: f64, high: f64) -> Result<Self, DataError> {
        range("gaussian_blur", "sigma", (low, high), (f64::MIN_POSITIVE, f64::MAX))?;
        self.sigma = (low, high);
        Ok(self)
    }
}

impl Augment for GaussianBlur {
    #[track_caller]
    fn apply(&self, image: &Tensor<f32>, rng: &mut Rng) -> Tensor<f32> {
        gaussian_blur(image, self.kernel, draw(self.sigma, rng))
    }
}

/// The distance from a smoothed image times `factor`: 0 is smooth, 1 the same, 2 sharper; the outermost pixels stay
/// (torchvision: `functional.adjust_sharpness`).
///
/// ```
/// use gradus_data::augment::adjust_sharpness;
/// use gradus_tensor::Tensor;
/// let mut dot = Tensor::<f32>::zeros([1, 3, 3]);
/// dot.make_mut()[4] = 0.5;
/// assert!((adjust_sharpness(&dot, 0.0).at(&[0, 1, 1]) - 0.5 * 5.0 / 13.0).abs() < 1e-6);
/// ```
///
/// # Panics
/// If this is no image.
#[must_use]
#[track_caller]
pub fn adjust_sharpness(image: &Tensor<f32>, factor: f64) -> Tensor<f32> {
    let dims @ [c, h, w] = sizes("adjust_sharpness", image);
    let planes = batch(image, dims);
    if h <= 2 || w <= 2 || planes.is_empty() {
        return image.clone();
    }
    let count = planes.shape()[0] * c;
    let mut kernel = [1.0_f32 / 13.0; 9];
    kernel[4] *= 5.0;
    let kernel = Tensor::new([1, 1, 3, 3], &kernel);
    let smooth = planes.reshape([count, 1, h, w]).conv2d(&kernel, Conv2dSpec::default());
    let inside = planes.reshape([count, 1, h, w]).narrow(-2, 1, h - 2).narrow(-1, 1, w - 2);
    let mixed = blend(&inside, &smooth, factor);
    // The border is the image blended with itself: cut off, and else as it was.
    let mut out = image.map(|value| value.clamp(0.0, 1.0));
    let mixed = mixed.to_vec();
    for (plane, inner) in out.make_mut().chunks_exact_mut(h * w).zip(mixed.chunks_exact((h - 2) * (w - 2))) {
        for (row, inner) in plane.chunks_exact_mut(w).skip(1).zip(inner.chunks_exact(w - 2)) {
            row[1..w - 1].copy_from_slice(inner);
        }
    }
    out
}
