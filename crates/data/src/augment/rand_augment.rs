//! RandAugment: a few random operations of one strength.

use gradus_tensor::{Rng, SamplingMode, Tensor};

use super::{
    Affine, Augment, adjust_brightness, adjust_contrast, adjust_saturation, adjust_sharpness, affine,
    autocontrast, equalize, posterize, rotate, sizes, solarize,
};
use crate::error::DataError;

const OP: &str = "rand_augment";

/// What may be drawn, in torchvision's order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Operation {
    Identity,
    ShearX,
    ShearY,
    TranslateX,
    TranslateY,
    Rotate,
    Brightness,
    Color,
    Contrast,
    Sharpness,
    Posterize,
    Solarize,
    AutoContrast,
    Equalize,
}

const ALL: [Operation; 14] = [
    Operation::Identity,
    Operation::ShearX,
    Operation::ShearY,
    Operation::TranslateX,
    Operation::TranslateY,
    Operation::Rotate,
    Operation::Brightness,
    Operation::Color,
    Operation::Contrast,
    Operation::Sharpness,
    Operation::Posterize,
    Operation::Solarize,
    Operation::AutoContrast,
    Operation::Equalize,
];

/// `operations` draws, with replacement, of 14: identity, shear and shift along x and y, rotation, brightness, colour,
/// contrast, sharpness, posterize, solarize, autocontrast, equalize; all of one magnitude, the first ones with a random sign
/// (torchvision: `RandAugment`; Cubuk et al. 2019, "RandAugment: Practical automated data augmentation with a reduced
/// search space").
///
/// ```
/// use gradus_data::augment::{Augment, RandAugment};
/// use gradus_tensor::{Rng, Tensor};
/// let how = RandAugment::new(2, 9)?;
/// let image = Tensor::<f32>::uniform([3, 16, 16], 0.0, 1.0, &mut Rng::seed(1));
/// let changed = how.apply(&image, &mut Rng::seed(2));
/// assert!(changed != image && changed.dims() == [3, 16, 16]);
/// # Ok::<(), gradus_data::DataError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RandAugment {
    operations: usize,
    magnitude: usize,
    bins: usize,
    mode: SamplingMode,
    fill: f32,
}

impl RandAugment {
    /// So many operations of a magnitude from 0 to 30 (torchvision's defaults: 2 and 9). Geometry takes nearest pixels and
    /// fills with noughts.
    ///
    /// # Errors
    /// If the magnitude is above 30.
    pub fn new(operations: usize, magnitude: usize) -> Result<Self, DataError> {
        let start = Self { operations, magnitude: 0, bins: 31, mode: SamplingMode::Nearest, fill: 0.0 };
        start.magnitude_of(magnitude, 31)
    }

    /// A magnitude out of `bins` from 0 on (torchvision: `num_magnitude_bins`).
    ///
    /// ```
    /// use gradus_data::augment::RandAugment;
    /// assert_eq!(RandAugment::new(2, 9)?.magnitude_of(9, 31)?, RandAugment::new(2, 9)?);
    /// assert!(RandAugment::new(2, 9)?.magnitude_of(11, 11).is_err());
    /// # Ok::<(), gradus_data::DataError>(())
    /// ```
    ///
    /// # Errors
    /// If there are fewer than two bins, or no such magnitude.
    pub fn magnitude_of(mut self, magnitude: usize, bins: usize) -> Result<Self, DataError> {
        if bins < 2 || magnitude >= bins {
            let what = format!("the magnitude is {magnitude} of {bins} bins");
            return Err(DataError::unfit(
                OP,
                what,
                "give at least two bins, and a magnitude below their number",
            ));
        }
        (self.magnitude, self.bins) = (magnitude, bins);
        Ok(self)
    }

    /// Nearest or linear sampling in geometry.
    ///
    /// ```
    /// use gradus_data::augment::{Augment, RandAugment};
    /// use gradus_tensor::{Rng, SamplingMode, Tensor};
    /// let how = RandAugment::new(3, 9)?.mode(SamplingMode::Linear).fill(0.5);
    /// assert_eq!(how.apply(&Tensor::ones([3, 8, 8]), &mut Rng::seed(2)).dims(), [3, 8, 8]);
    /// # Ok::<(), gradus_data::DataError>(())
    /// ```
    #[must_use]
    pub fn mode(mut self, mode: SamplingMode) -> Self {
        self.mode = mode;
        self
    }

    /// The value of what comes from outside; 0 unless set.
    #[must_use]
    pub fn fill(mut self, value: f32) -> Self {
        self.fill = value;
        self
    }

    /// One operation, with a sign where it has one.
    #[track_caller]
    fn operate(&self, operation: Operation, sign: f64, image: &Tensor<f32>) -> Tensor<f32> {
        let [_, h, w] = sizes(OP, image);
        let share = self.magnitude as f64 / (self.bins - 1) as f64;
        let signed = |most: f64| sign * most * share;
        let moved = |map: Affine| affine(image, map, self.mode, self.fill);
        // Shears keep the upper left corner, as in the authors' code.
        let sheared = |x: f64, y: f64| {
            let shear = [x.atan().to_degrees(), y.atan().to_degrees()];
            moved(Affine { shear, center: Some([0.0; 2]), ..Affine::default() })
        };
        // The paper's reach: 150 of 331 pixels.
        let shifted = |length: usize| (signed(150.0 / 331.0 * length as f64)).trunc();
        match operation {
            Operation::Identity => image.clone(),
            Operation::ShearX => sheared(signed(0.3), 0.0),
            Operation::ShearY => sheared(0.0, signed(0.3)),
            Operation::TranslateX => moved(Affine { translate: [shifted(w), 0.0], ..Affine::default() }),
            Operation::TranslateY => moved(Affine { translate: [0.0, shifted(h)], ..Affine::default() }),
            Operation::Rotate => rotate(image, signed(30.0), self.mode, false, self.fill),
            Operation::Brightness => adjust_brightness(image, 1.0 + signed(0.9)),
            Operation::Color => adjust_saturation(image, 1.0 + signed(0.9)),
            Operation::Contrast => adjust_contrast(image, 1.0 + signed(0.9)),
            Operation::Sharpness => adjust_sharpness(image, 1.0 + signed(0.9)),
            Operation::Posterize => posterize(image, 8 - (4.0 * share).round_ties_even() as u32),
            Operation::Solarize => solarize(image, 1.0 - share),
            Operation::AutoContrast => autocontrast(image),
            Operation::Equalize => equalize(image),
        }
    }
}

impl Operation {
    fn has_sign(self) -> bool {
        !matches!(
            self,
            Self::Identity | Self::Posterize | Self::Solarize | Self::AutoContrast | Self::Equalize
        )
    }
}

impl Augment for RandAugment {
    #[track_caller]
    fn apply(&self, image: &Tensor<f32>, rng: &mut Rng) -> Tensor<f32> {
        let _ = sizes(OP, image);
        let mut out = image.clone();
        for _ in 0..self.operations {
            let operation = ALL[rng.below(ALL.len())];
            let sign = if operation.has_sign() && rng.below(2) == 1 { -1.0 } else { 1.0 };
            out = self.operate(operation, sign, &out);
        }
        out
    }
}
