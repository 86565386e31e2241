//! Brightness, contrast, saturation and hue, and normalisation. Colours are red, green, blue from 0 to 1.

use gradus_tensor::{Rng, Tensor};

use super::{Augment, batch, draw, happens, sizes, unbatch, within};
use crate::error::DataError;

/// ITU-R BT.601, as torchvision rounds it.
const LUMA: [f32; 3] = [0.2989, 0.587, 0.114];

/// factor·image + (1 − factor)·other, cut off at 0 and 1.
pub(super) fn blend(image: &Tensor<f32>, other: &Tensor<f32>, factor: f64) -> Tensor<f32> {
    let (own, rest) = (factor as f32, (1.0 - factor) as f32);
    image.zip(other, move |a, b| (a * own + b * rest).clamp(0.0, 1.0))
}

/// How bright each pixel looks: 0.2989·red + 0.587·green + 0.114·blue, `[…, 3, H, W] → […, 1, H, W]`; grey images stay
/// (torchvision: `functional.rgb_to_grayscale`).
///
/// ```
/// use gradus_data::augment::grayscale;
/// use gradus_tensor::Tensor;
/// let red = Tensor::from([[[1.0_f32]], [[0.0]], [[0.0]]]);
/// assert_eq!(grayscale(&red).to_vec(), [0.2989]);
/// ```
///
/// # Panics
/// If this is no image of one or three channels.
#[must_use]
#[track_caller]
pub fn grayscale(image: &Tensor<f32>) -> Tensor<f32> {
    let [c, ..] = colours("grayscale", image);
    if c == 1 {
        return image.clone();
    }
    let [r, g, b] = [0, 1, 2].map(|channel| image.narrow(-3, channel, 1));
    r.zip3(&g, &b, |r, g, b| r * LUMA[0] + g * LUMA[1] + b * LUMA[2])
}

/// [`grayscale`] with as many channels as before, by chance (torchvision: `RandomGrayscale`).
///
/// ```
/// use gradus_data::augment::{Augment, RandomGrayscale};
/// use gradus_tensor::{Rng, Tensor};
/// let red = Tensor::from([[[1.0_f32]], [[0.0]], [[0.0]]]);
/// assert_eq!(RandomGrayscale::new(1.0)?.apply(&red, &mut Rng::seed(0)).to_vec(), [0.2989; 3]);
/// # Ok::<(), gradus_data::DataError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RandomGrayscale {
    chance: f64,
}

impl RandomGrayscale {
    /// With this chance (torchvision's default: 0.1).
    ///
    /// # Errors
    /// If it is none.
    pub fn new(chance: f64) -> Result<Self, DataError> {
        within("random_grayscale", "the chance", chance, (0.0, 1.0))?;
        Ok(Self { chance })
    }
}

impl Augment for RandomGrayscale {
    #[track_caller]
    fn apply(&self, image: &Tensor<f32>, rng: &mut Rng) -> Tensor<f32> {
        let _ = colours("random_grayscale", image);
        if happens(self.chance, rng) {
            grayscale(image).expand(*image.shape()).contiguous()
        } else {
            image.clone()
        }
    }
}

#[track_caller]
fn colours(op: &str, image: &Tensor<f32>) -> [usize; 3] {
    let dims = sizes(op, image);
    assert!(
        dims[0] == 1 || dims[0] == 3,
        "{op}: neither grey nor red, green, blue: {} (1 or 3 channels)",
        image.shape()
    );
    dims
}

/// The image times `factor`, cut off at 1: 0 is black, 1 the same (torchvision: `functional.adjust_brightness`).
///
/// ```
/// use gradus_data::augment::adjust_brightness;
/// use gradus_tensor::Tensor;
/// let image = Tensor::from([[[0.25_f32, 0.75]]]);
/// assert_eq!(adjust_brightness(&image, 2.0).to_vec(), [0.5, 1.0]);
/// ```
///
/// # Panics
/// If this is no image.
#[must_use]
#[track_caller]
pub fn adjust_brightness(image: &Tensor<f32>, factor: f64) -> Tensor<f32> {
    let _ = sizes("adjust_brightness", image);
    let factor = factor as f32;
    image.map(move |value| (value * factor).clamp(0.0, 1.0))
}

/// The distance from the image's mean brightness times `factor`: 0 is grey, 1 the same (torchvision:
/// `functional.adjust_contrast`). In a batch each image has its own mean.
///
/// ```
/// use gradus_data::augment::adjust_contrast;
/// use gradus_tensor::Tensor;
/// let image = Tensor::from([[[0.25_f32, 0.75]]]);
/// assert_eq!(adjust_contrast(&image, 0.5).to_vec(), [0.375, 0.625]);
/// ```
///
/// # Panics
/// If this is no image of one or three channels.
#[must_use]
#[track_caller]
pub fn adjust_contrast(image: &Tensor<f32>, factor: f64) -> Tensor<f32> {
    let _ = colours("adjust_contrast", image);
    blend(image, &grayscale(image).mean_axes(&[-3, -2, -1], true), factor)
}

/// The distance from grey times `factor`: 0 is grey, 1 the same; grey images stay (torchvision:
/// `functional.adjust_saturation`).
///
/// ```
/// use gradus_data::augment::adjust_saturation;
/// use gradus_tensor::Tensor;
/// let red = Tensor::from([[[1.0_f32]], [[0.0]], [[0.0]]]);
/// assert_eq!(adjust_saturation(&red, 0.0).to_vec(), [0.2989; 3]);
/// ```
///
/// # Panics
/// If this is no image of one or three channels.
#[must_use]
#[track_caller]
pub fn adjust_saturation(image: &Tensor<f32>, factor: f64) -> Tensor<f32> {
    let [c, ..] = colours("adjust_saturation", image);
    if c == 1 { image.clone() } else { blend(image, &grayscale(image), factor) }
}

/// The hues turned by `factor` of the whole circle, −½ to ½; grey images stay (torchvision: `functional.adjust_hue`).
///
/// ```
/// use gradus_data::augment::adjust_hue;
/// use gradus_tensor::Tensor;
/// let red = Tensor::from([[[1.0_f32]], [[0.0]], [[0.0]]]);
/// let cyan = adjust_hue(&red, 0.5);
/// assert_eq!(cyan.to_vec(), [0.0, 1.0, 1.0]);
/// ```
///
/// # Panics
/// If this is no image of one or three channels, or the factor is out of range.
#[must_use]
#[track_caller]
pub fn adjust_hue(image: &Tensor<f32>, factor: f64) -> Tensor<f32> {
    assert!((-0.5..=0.5).contains(&factor), "adjust_hue: the factor is outside −0.5 to 0.5: {factor}");
    let dims @ [c, h, w] = colours("adjust_hue", image);
    if c == 1 {
        return image.clone();
    }
    let mut pixels = batch(image, dims);
    let plane = h * w;
    for image in pixels.make_mut().chunks_exact_mut(3 * plane) {
        let (red, rest) = image.split_at_mut(plane);
        let (green, blue) = rest.split_at_mut(plane);
        for ((r, g), b) in red.iter_mut().zip(green).zip(blue) {
            [*r, *g, *b] = turned([*r, *g, *b], factor as f32);
        }
    }
    unbatch(&pixels, image)
}

/// A colour with another hue: to hue, saturation and value, and back.
fn turned([r, g, b]: [f32; 3], by: f32) -> [f32; 3] {
    let (most, least) = (r.max(g).max(b), r.min(g).min(b));
    let range = most - least;
    let saturation = if range == 0.0 { 0.0 } else { range / most };
    let over = if range == 0.0 { 1.0 } else { range };
    let [rc, gc, bc] = [r, g, b].map(|value| (most - value) / over);
    let hue = if most == r {
        bc - gc
    } else if most == g {
        2.0 + rc - bc
    } else {
        4.0 + gc - rc
    };
    let hue = (hue / 6.0 + 1.0).rem_euclid(1.0);
    let six = (hue + by).rem_euclid(1.0) * 6.0;
    let (sector, part) = (six.floor(), six - six.floor());
    let cut = |value: f32| value.clamp(0.0, 1.0);
    let (p, q) = (cut(most * (1.0 - saturation)), cut(most * (1.0 - saturation * part)));
    let t = cut(most * (1.0 - saturation * (1.0 - part)));
    match sector as i32 % 6 {
        0 => [most, t, p],
        1 => [q, most, p],
        2 => [p, most, t],
        3 => [p, q, most],
        4 => [t, p, most],
        _ => [most, p, q],
    }
}

/// Brightness, contrast, saturation and hue, each by a random factor, in random order (torchvision: `ColorJitter`).
///
/// ```
/// use gradus_data::augment::{Augment, ColorJitter};
/// use gradus_tensor::{Rng, Tensor};
/// let how = ColorJitter::new(0.4, 0.4, 0.4, 0.1)?;
/// let image = Tensor::<f32>::full([3, 4, 4], 0.5);
/// assert_ne!(how.apply(&image, &mut Rng::seed(0)), how.apply(&image, &mut Rng::seed(1)));
/// # Ok::<(), gradus_data::DataError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ColorJitter {
    brightness: f64,
    contrast: f64,
    saturation: f64,
    hue: f64,
}

impl ColorJitter {
    /// Factors from 1 − x (but not below 0) to 1 + x for the first three, from −x to x for the hue, which may be at most ½.
    /// 0 leaves as it is.
    ///
    /// # Errors
    /// If a number is negative, not finite, or a hue above ½.
    pub fn new(brightness: f64, contrast: f64, saturation: f64, hue: f64) -> Result<Self, DataError> {
        const OP: &str = "color_jitter";
        for (name, value) in [("brightness", brightness), ("contrast", contrast), ("saturation", saturation)]
        {
            within(OP, name, value, (0.0, f64::MAX))?;
        }
        within(OP, "hue", hue, (0.0, 0.5))?;
        Ok(Self { brightness, contrast, saturation, hue })
    }
}

impl Augment for ColorJitter {
    #[track_caller]
    fn apply(&self, image: &Tensor<f32>, rng: &mut Rng) -> Tensor<f32> {
        let around = |reach: f64, rng: &mut Rng| draw(((1.0 - reach).max(0.0), 1.0 + reach), rng);
        let order = rng.permutation(4);
        let factors = [
            around(self.brightness, rng),
            around(self.contrast, rng),
            around(self.saturation, rng),
            draw((-self.hue, self.hue), rng),
        ];
        let mut out = image.clone();
        for step in order {
            out = match step {
                0 if self.brightness > 0.0 => adjust_brightness(&out, factors[0]),
                1 if self.contrast > 0.0 => adjust_contrast(&out, factors[1]),
                2 if self.saturation > 0.0 => adjust_saturation(&out, factors[2]),
                3 if self.hue > 0.0 => adjust_hue(&out, factors[3]),
                _ => out,
            };
        }
        out
    }
}

/// (x − mean) / std, channel by channel (torchvision: `Normalize`). The last step, for what comes behind it is no image from 0
/// to 1.
///
/// ```
/// use gradus_data::augment::{Augment, Normalise};
/// use gradus_tensor::{Rng, Tensor};
/// let how = Normalise::new(&[0.5, 0.25], &[0.5, 0.25])?;
/// let image = Tensor::from([[[1.0_f32]], [[0.5]]]);
/// assert_eq!(how.apply(&image, &mut Rng::seed(0)).to_vec(), [1.0, 1.0]);
/// # Ok::<(), gradus_data::DataError>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Normalise {
    mean: Tensor<f32>,
    std: Tensor<f32>,
}

impl Normalise {
    /// Of ImageNet, which most pretrained models expect.
    ///
    /// ```
    /// use gradus_data::augment::Normalise;
    /// assert_eq!(Normalise::imagenet(), Normalise::new(&[0.485, 0.456, 0.406], &[0.229, 0.224, 0.225])?);
    /// # Ok::<(), gradus_data::DataError>(())
    /// ```
    #[must_use]
    pub fn imagenet() -> Self {
        let of = |values: [f32; 3]| Tensor::new([3, 1, 1], &values);
        Self { mean: of([0.485, 0.456, 0.406]), std: of([0.229, 0.224, 0.225]) }
    }

    /// By these means and deviations, one per channel.
    ///
    /// # Errors
    /// If there are not equally many, or a deviation is not positive.
    pub fn new(mean: &[f32], std: &[f32]) -> Result<Self, DataError> {
        const OP: &str = "normalise";
        if mean.len() != std.len() {
            let what = format!("{} means and {} deviations", mean.len(), std.len());
            return Err(DataError::unfit(OP, what, "give one of each per channel"));
        }
        let limits = (f64::from(f32::MIN_POSITIVE), f64::from(f32::MAX));
        std.iter().try_for_each(|&std| within(OP, "a deviation", f64::from(std), limits))?;
        let of = |values: &[f32]| Tensor::new([values.len(), 1, 1], values);
        Ok(Self { mean: of(mean), std: of(std) })
    }
}

impl Augment for Normalise {
    #[track_caller]
    fn apply(&self, image: &Tensor<f32>, _: &mut Rng) -> Tensor<f32> {
        let [c, ..] = sizes("normalise", image);
        let own = self.mean.shape()[0];
        assert!(c == own, "normalise: channels differ: {} and {own} means ({c} ≠ {own})", image.shape());
        (image - &self.mean) / &self.std
    }
}
