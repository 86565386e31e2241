//! Changes of tone, value by value: what RandAugment draws from beside colours and geometry.

use gradus_tensor::Tensor;

use super::{batch, sizes, unbatch};

/// 1 − x (torchvision: `functional.invert`).
///
/// ```
/// use gradus_data::augment::invert;
/// use gradus_tensor::Tensor;
/// assert_eq!(invert(&Tensor::from([[[0.25_f32]]])).to_vec(), [0.75]);
/// ```
///
/// # Panics
/// If this is no image.
#[must_use]
#[track_caller]
pub fn invert(image: &Tensor<f32>) -> Tensor<f32> {
    let _ = sizes("invert", image);
    image.map(|value| 1.0 - value)
}

/// [`invert`] where a value is at least `threshold` (torchvision: `functional.solarize`).
///
/// ```
/// use gradus_data::augment::solarize;
/// use gradus_tensor::Tensor;
/// assert_eq!(solarize(&Tensor::from([[[0.25_f32, 0.75]]]), 0.5).to_vec(), [0.25, 0.25]);
/// ```
///
/// # Panics
/// If this is no image.
#[must_use]
#[track_caller]
pub fn solarize(image: &Tensor<f32>, threshold: f64) -> Tensor<f32> {
    let _ = sizes("solarize", image);
    let threshold = threshold as f32;
    image.map(move |value| if value >= threshold { 1.0 - value } else { value })
}

/// Values rounded down to 2^bits levels: ⌊x·2^bits⌋ / 2^bits, 1 falling to the last level (torchvision:
/// `v2.functional.posterize`).
///
/// ```
/// use gradus_data::augment::posterize;
/// use gradus_tensor::Tensor;
/// assert_eq!(posterize(&Tensor::from([[[0.3_f32, 0.8, 1.0]]]), 1).to_vec(), [0.0, 0.5, 0.5]);
/// ```
///
/// # Panics
/// If this is no image, or there are more than 16 bits.
#[must_use]
#[track_caller]
pub fn posterize(image: &Tensor<f32>, bits: u32) -> Tensor<f32> {
    let _ = sizes("posterize", image);
    assert!(bits <= 16, "posterize: more bits than a value has: {bits} (≤ 16)");
    let levels = f32::from(u16::MAX.checked_shr(16 - bits).unwrap_or(0)) + 1.0;
    image.map(move |value| (value * levels).floor().clamp(0.0, levels - 1.0) / levels)
}

/// Each channel stretched to 0 … 1; a constant one stays (torchvision: `functional.autocontrast`).
///
/// ```
/// use gradus_data::augment::autocontrast;
/// use gradus_tensor::Tensor;
/// assert_eq!(autocontrast(&Tensor::from([[[0.25_f32, 0.5, 0.75]]])).to_vec(), [0.0, 0.5, 1.0]);
/// ```
///
/// # Panics
/// If this is no image.
#[must_use]
#[track_caller]
pub fn autocontrast(image: &Tensor<f32>) -> Tensor<f32> {
    let [_, h, w] = sizes("autocontrast", image);
    if h * w == 0 {
        return image.clone();
    }
    let (least, most) = image.min_max_axes(&[-2, -1], true);
    let scale = least.zip(&most, |least, most| if most > least { 1.0 / (most - least) } else { 1.0 });
    let least = least.zip(&most, |least, most| if most > least { least } else { 0.0 });
    image.zip3(&least, &scale, |value, least, scale| ((value - least) * scale).clamp(0.0, 1.0))
}

/// Each channel with its values spread so that each is about equally frequent, counted in 256 levels (torchvision:
/// `v2.functional.equalize`, Pillow: `ImageOps.equalize`).
///
/// ```
/// use gradus_data::augment::equalize;
/// use gradus_tensor::Tensor;
/// let dark = Tensor::<f32>::from_fn([1, 32, 32], |i| (32 * i[1] + i[2]) as f32 / 4096.0);
/// assert!(equalize(&dark).max_axes(&[], false).item() > 0.99);
/// ```
///
/// # Panics
/// If this is no image.
#[must_use]
#[track_caller]
pub fn equalize(image: &Tensor<f32>) -> Tensor<f32> {
    const LEVELS: usize = 256;
    /// From 0 … 1 to whole levels so that 1 is the last one (torchvision: `to_dtype`).
    const TO_LEVEL: f32 = LEVELS as f32 - 1e-3;
    let dims @ [_, h, w] = sizes("equalize", image);
    let level = |value: f32| ((value * TO_LEVEL).clamp(0.0, 255.0)) as usize;
    let mut pixels = batch(image, dims);
    for plane in pixels.make_mut().chunks_exact_mut((h * w).max(1)) {
        let mut counts = [0_usize; LEVELS];
        plane.iter().for_each(|&value| counts[level(value)] += 1);
        let last = counts.iter().rev().find(|&&count| count > 0).copied().unwrap_or(0);
        let step = (h * w - last) / (LEVELS - 1);
        let mut so_far = step / 2;
        let mut table = [0.0_f32; LEVELS];
        for (place, entry) in table.iter_mut().enumerate() {
            // A level becomes the share of the values below it; with next to no values between, all stay.
            let spread = so_far.checked_div(step).map_or(place, |level| level.min(LEVELS - 1));
            *entry = spread as f32 / (LEVELS - 1) as f32;
            so_far += counts[place];
        }
        plane.iter_mut().for_each(|value| *value = table[level(*value)]);
    }
    unbatch(&pixels, image)
}
