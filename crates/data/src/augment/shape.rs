//! Sizes and mirrors of images.

use gradus_tensor::{Interpolation, InterpolationMode, Rng, Tensor};

use super::{Augment, batch, happens, positive, sizes, unbatch, within};
use crate::error::DataError;

/// Resized to `height` × `width`: `[…, C, H, W] → […, C, h, w]` (torchvision: `functional.resize`). Linear and cubic
/// interpolation is antialiased.
///
/// ```
/// use gradus_data::augment::resize;
/// use gradus_tensor::{InterpolationMode, Tensor};
/// let image = Tensor::from([[[0.0_f32, 1.0, 0.0, 1.0]]]);
/// assert_eq!(resize(&image, 1, 2, InterpolationMode::Linear).to_vec(), [3.0 / 7.0, 4.0 / 7.0]);
/// ```
///
/// # Panics
/// If this is no image, or a length is 0.
#[must_use]
#[track_caller]
pub fn resize(image: &Tensor<f32>, height: usize, width: usize, mode: InterpolationMode) -> Tensor<f32> {
    let dims = sizes("resize", image);
    if dims[1..] == [height, width] {
        return image.clone();
    }
    let antialias = matches!(mode, InterpolationMode::Linear | InterpolationMode::Cubic);
    let how = Interpolation { antialias, ..Interpolation::new(mode) };
    let to = gradus_tensor::Resize::Sizes(&[height, width]);
    unbatch(&batch(image, dims).interpolate(to, how), image)
}

/// Resized so that the shorter side has `size` pixels and the shape stays (torchvision: `functional.resize` with one
/// number).
///
/// ```
/// use gradus_data::augment::resize_short;
/// use gradus_tensor::{InterpolationMode, Tensor};
/// let image = Tensor::<f32>::ones([3, 40, 60]);
/// assert_eq!(resize_short(&image, 10, InterpolationMode::Linear).dims(), [3, 10, 15]);
/// ```
///
/// # Panics
/// If this is no image, or a length is 0.
#[must_use]
#[track_caller]
pub fn resize_short(image: &Tensor<f32>, size: usize, mode: InterpolationMode) -> Tensor<f32> {
    let [_, h, w] = sizes("resize_short", image);
    let long = |own: usize, short: usize| size * own / short.max(1);
    let (height, width) = if h <= w { (size, long(w, h)) } else { (long(h, w), size) };
    resize(image, height, width, mode)
}

/// [`resize`] or [`resize_short`] as a step (torchvision: `Resize`).
///
/// ```
/// use gradus_data::augment::{Augment, Resize};
/// use gradus_tensor::{InterpolationMode, Rng, Tensor};
/// let how = Resize::new(4, 6)?.mode(InterpolationMode::Cubic);
/// assert_eq!(how.apply(&Tensor::ones([3, 20, 30]), &mut Rng::seed(0)).dims(), [3, 4, 6]);
/// # Ok::<(), gradus_data::DataError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Resize {
    size: [usize; 2],
    keeps_shape: bool,
    mode: InterpolationMode,
}

impl Resize {
    /// To this size, linearly.
    ///
    /// # Errors
    /// If a length is 0.
    pub fn new(height: usize, width: usize) -> Result<Self, DataError> {
        positive("resize", [height, width])?;
        Ok(Self { size: [height, width], keeps_shape: false, mode: InterpolationMode::Linear })
    }

    /// The shorter side to this length, linearly.
    ///
    /// ```
    /// use gradus_data::augment::{Augment, Resize};
    /// use gradus_tensor::{Rng, Tensor};
    /// assert_eq!(Resize::short(4)?.apply(&Tensor::ones([3, 20, 30]), &mut Rng::seed(0)).dims(), [3, 4, 6]);
    /// # Ok::<(), gradus_data::DataError>(())
    /// ```
    ///
    /// # Errors
    /// If it is 0.
    pub fn short(size: usize) -> Result<Self, DataError> {
        Ok(Self { keeps_shape: true, ..Self::new(size, size)? })
    }

    /// How values between pixels are found.
    #[must_use]
    pub fn mode(mut self, mode: InterpolationMode) -> Self {
        self.mode = mode;
        self
    }
}

impl Augment for Resize {
    #[track_caller]
    fn apply(&self, image: &Tensor<f32>, _: &mut Rng) -> Tensor<f32> {
        let [height, width] = self.size;
        if self.keeps_shape {
            resize_short(image, height, self.mode)
        } else {
            resize(image, height, width, self.mode)
        }
    }
}

macro_rules! flips {
    ($($(#[$doc:meta])* $Name:ident, $op:literal, $axis:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq)]
        pub struct $Name {
            chance: f64,
        }

        impl $Name {
            /// With this chance (torchvision's default: 0.5).
            ///
            /// # Errors
            /// If it is none.
            pub fn new(chance: f64) -> Result<Self, DataError> {
                within($op, "the chance", chance, (0.0, 1.0))?;
                Ok(Self { chance })
            }
        }

        impl Augment for $Name {
            #[track_caller]
            fn apply(&self, image: &Tensor<f32>, rng: &mut Rng) -> Tensor<f32> {
                let _ = sizes($op, image);
                if happens(self.chance, rng) { image.flip($axis).contiguous() } else { image.clone() }
            }
        }
    )*};
}
flips! {
    /// Left and right exchanged, or not (torchvision: `RandomHorizontalFlip`).
    ///
    /// ```
    /// use gradus_data::augment::{Augment, RandomHorizontalFlip};
    /// use gradus_tensor::{Rng, Tensor};
    /// let image = Tensor::from([[[1.0_f32, 2.0]]]);
    /// assert_eq!(RandomHorizontalFlip::new(1.0)?.apply(&image, &mut Rng::seed(0)).to_vec(), [2.0, 1.0]);
    /// # Ok::<(), gradus_data::DataError>(())
    /// ```
    RandomHorizontalFlip, "random_horizontal_flip", -1;
    /// Top and bottom exchanged, or not (torchvision: `RandomVerticalFlip`).
    ///
    /// ```
    /// use gradus_data::augment::{Augment, RandomVerticalFlip};
    /// use gradus_tensor::{Rng, Tensor};
    /// let image = Tensor::from([[[1.0_f32], [2.0]]]);
    /// assert_eq!(RandomVerticalFlip::new(1.0)?.apply(&image, &mut Rng::seed(0)).to_vec(), [2.0, 1.0]);
    /// # Ok::<(), gradus_data::DataError>(())
    /// ```
    RandomVerticalFlip, "random_vertical_flip", -2;
}
