//! Augmentation of images `[…, C, H, W]` with values from 0 to 1: torchvision's transforms, with its parameters, defaults and
//! numerics, as functions of a number and as structs that draw the number. A batch goes through one draw, as in
//! torchvision; [`Augment::apply_each`] draws for each image. They must never know what an image shows.
//!
//! ```
//! use gradus_data::augment::{Augment, ColorJitter, Compose, RandomCrop, RandomHorizontalFlip};
//! use gradus_data::{Pairs, Source};
//! use gradus_tensor::Tensor;
//! let how = Compose::new()
//!     .then(RandomCrop::new(32, 32)?.padding(4))
//!     .then(RandomHorizontalFlip::new(0.5)?)
//!     .then(ColorJitter::new(0.4, 0.4, 0.4, 0.1)?);
//! let images = Pairs::new(Tensor::<f32>::full([8, 3, 32, 32], 0.5), Tensor::<i64>::arange(8))?;
//! let augmented = images.augment(7, move |image, rng| how.apply(&image, rng));
//! assert_eq!(augmented.fetch_in(3, &[1, 6])?.0.dims(), [2, 3, 32, 32]);
//! # Ok::<(), gradus_data::DataError>(())
//! ```

mod affine;
mod blur;
mod colour;
mod crop;
mod erase;
mod rand_augment;
mod shape;
mod tone;

use gradus_tensor::{Rng, Shape, Tensor};

use crate::adapt::Samples;
use crate::error::DataError;

pub use affine::{Affine, RandomAffine, RandomRotation, affine, rotate};
pub use blur::{GaussianBlur, adjust_sharpness, gaussian_blur};
pub use colour::{
    ColorJitter, Normalise, RandomGrayscale, adjust_brightness, adjust_contrast, adjust_hue,
    adjust_saturation, grayscale,
};
pub use crop::{CenterCrop, RandomCrop, RandomResizedCrop, center_crop, crop};
pub use erase::{Erased, RandomErasing};
pub use rand_augment::RandAugment;
pub use shape::{RandomHorizontalFlip, RandomVerticalFlip, Resize, resize, resize_short};
pub use tone::{autocontrast, equalize, invert, posterize, solarize};

/// A transform of images whose draws come from an argument.
///
/// ```
/// use gradus_data::augment::{Augment, RandomHorizontalFlip};
/// use gradus_tensor::{Rng, Tensor};
/// let flip = RandomHorizontalFlip::new(0.5)?;
/// let images = Tensor::<f32>::arange(800).reshape([400, 1, 1, 2]);
/// let flipped = flip.apply_each(&images, &mut Rng::seed(7)); // about half of them
/// let changed = flipped.not_equal(&images).count_true() / 2;
/// assert!((150..250).contains(&changed));
/// # Ok::<(), gradus_data::DataError>(())
/// ```
pub trait Augment {
    /// The image, or all images of a batch, changed by one draw: `[…, C, H, W] → […, C, H′, W′]`.
    ///
    /// # Panics
    /// If it is no image.
    #[must_use]
    fn apply(&self, image: &Tensor<f32>, rng: &mut Rng) -> Tensor<f32>;

    /// Each image of a batch changed by a draw of its own: `[N, C, H, W] → [N, C, H′, W′]`.
    ///
    /// # Panics
    /// If they are no images, or come out in different sizes.
    #[must_use]
    #[track_caller]
    fn apply_each(&self, images: &Tensor<f32>, rng: &mut Rng) -> Tensor<f32> {
        let changed: Vec<Tensor<f32>> =
            images.clone().part().iter().map(|image| self.apply(image, rng)).collect();
        if changed.is_empty() {
            images.clone()
        } else {
            Tensor::stack(&changed.iter().collect::<Vec<_>>(), 0)
        }
    }
}

/// Transforms one after the other (torchvision: `Compose`).
///
/// ```
/// use gradus_data::augment::{Augment, CenterCrop, Compose, Resize};
/// use gradus_tensor::{Rng, Tensor};
/// let how = Compose::new().then(Resize::short(8)?).then(CenterCrop::new(8, 8)?);
/// assert_eq!(how.apply(&Tensor::ones([3, 20, 30]), &mut Rng::seed(0)).dims(), [3, 8, 8]);
/// # Ok::<(), gradus_data::DataError>(())
/// ```
#[derive(Default)]
pub struct Compose {
    steps: Vec<Box<dyn Augment + Send + Sync>>,
}

impl Compose {
    /// Nothing yet: images stay as they are.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// One more step.
    #[must_use]
    pub fn then(mut self, step: impl Augment + Send + Sync + 'static) -> Self {
        self.steps.push(Box::new(step));
        self
    }
}

impl Augment for Compose {
    fn apply(&self, image: &Tensor<f32>, rng: &mut Rng) -> Tensor<f32> {
        self.steps.iter().fold(image.clone(), |image, step| step.apply(&image, rng))
    }
}

/// A step that is taken with a chance, and else not (torchvision: `RandomApply`).
///
/// ```
/// use gradus_data::augment::{Augment, GaussianBlur, RandomApply};
/// use gradus_tensor::{Rng, Tensor};
/// let image = Tensor::<f32>::arange(25).reshape([1, 5, 5]);
/// let how = RandomApply::new(0.5, GaussianBlur::new([3, 3])?)?;
/// let blurred = (0..100).filter(|&seed| how.apply(&image, &mut Rng::seed(seed)) != image);
/// assert!((30..70).contains(&blurred.count()));
/// # Ok::<(), gradus_data::DataError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RandomApply<S> {
    chance: f64,
    step: S,
}

impl<S: Augment> RandomApply<S> {
    /// With this chance (torchvision's default: 0.5).
    ///
    /// # Errors
    /// If it is none.
    pub fn new(chance: f64, step: S) -> Result<Self, DataError> {
        within("random_apply", "the chance", chance, (0.0, 1.0))?;
        Ok(Self { chance, step })
    }
}

impl<S: Augment> Augment for RandomApply<S> {
    fn apply(&self, image: &Tensor<f32>, rng: &mut Rng) -> Tensor<f32> {
        if happens(self.chance, rng) { self.step.apply(image, rng) } else { image.clone() }
    }
}

impl std::fmt::Debug for Compose {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Compose").field("steps", &self.steps.len()).finish()
    }
}

/// Channels, height and width.
#[track_caller]
fn sizes(op: &str, image: &Tensor<f32>) -> [usize; 3] {
    let shape = image.shape();
    assert!(shape.len() >= 3, "{op}: this is no image: {shape} (needs […, C, H, W])");
    let last = shape.len() - 3;
    [shape[last], shape[last + 1], shape[last + 2]]
}

/// All leading axes as one: `[N, C, H, W]`.
fn batch(image: &Tensor<f32>, [c, h, w]: [usize; 3]) -> Tensor<f32> {
    let leading: usize = image.shape()[..image.rank() - 3].iter().product();
    image.reshape([leading, c, h, w])
}

/// The leading axes of `like` in front of what a batch became.
fn unbatch(out: &Tensor<f32>, like: &Tensor<f32>) -> Tensor<f32> {
    let leading = &like.shape()[..like.rank() - 3];
    out.reshape(Shape::new(&[leading, &out.shape()[1..]].concat()))
}

/// A number of a range.
fn draw((low, high): (f64, f64), rng: &mut Rng) -> f64 {
    low + (high - low) * rng.uniform01::<f64>()
}

/// Whether something of this chance happens.
fn happens(chance: f64, rng: &mut Rng) -> bool {
    rng.uniform01::<f64>() < chance
}

/// That an argument lies in a range.
fn within(op: &'static str, name: &str, value: f64, (low, high): (f64, f64)) -> Result<(), DataError> {
    if value >= low && value <= high {
        return Ok(());
    }
    let what = format!("{name} is {value}, outside {low} to {high}");
    Err(DataError::unfit(op, what, "give a number of that range"))
}

/// That an argument is a range within another.
fn range(
    op: &'static str,
    name: &str,
    (low, high): (f64, f64),
    (least, most): (f64, f64),
) -> Result<(), DataError> {
    if low <= high && low >= least && high <= most {
        return Ok(());
    }
    let what = format!("{name} is {low} to {high}, no range within {least} to {most}");
    Err(DataError::unfit(op, what, "give the lower end first"))
}

/// That a size is one.
fn positive(op: &'static str, sizes: [usize; 2]) -> Result<(), DataError> {
    if !sizes.contains(&0) {
        return Ok(());
    }
    let what = format!("the size is {} × {}", sizes[0], sizes[1]);
    Err(DataError::unfit(op, what, "give a height and a width of at least 1"))
}
