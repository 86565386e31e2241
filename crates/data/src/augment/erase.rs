//! Random erasing: a box of an image replaced. It must never know what the box hides.

use gradus_tensor::{Rng, Tensor};

use super::{Augment, draw, happens, range, sizes, within};
use crate::error::DataError;

/// What an erased box holds.
///
/// ```
/// use gradus_data::augment::Erased;
/// assert_eq!(Erased::default(), Erased::Value(0.0));
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Erased {
    /// One number.
    Value(f32),
    /// Draws of a normal distribution, mean 0 and deviation 1.
    Noise,
}

impl Default for Erased {
    fn default() -> Self {
        Self::Value(0.0)
    }
}

/// A box of random area and shape replaced in all channels (torchvision: `RandomErasing`; Zhong et al. 2017, "Random
/// erasing data augmentation"). Behind [`Normalise`](super::Normalise), as a rule, so that 0 is the mean. After ten draws
/// that do not fit the image stays.
///
/// ```
/// use gradus_data::augment::{Augment, Erased, RandomErasing};
/// use gradus_tensor::{Rng, Tensor};
/// let how = RandomErasing::new(1.0)?.scale(0.1, 0.2)?.ratio(0.5, 2.0)?.with(Erased::Value(0.5));
/// let erased = how.apply(&Tensor::ones([3, 20, 20]), &mut Rng::seed(0)).equal_scalar(0.5).count_true();
/// assert!((3 * 30..3 * 90).contains(&erased));
/// # Ok::<(), gradus_data::DataError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RandomErasing {
    chance: f64,
    scale: (f64, f64),
    ratio: (f64, f64),
    value: Erased,
}

impl RandomErasing {
    /// With this chance (torchvision's default: 0.5); 2 to 33 % of the area, height over width from 0.3 to 3.3, noughts.
    ///
    /// # Errors
    /// If it is no chance.
    pub fn new(chance: f64) -> Result<Self, DataError> {
        within("random_erasing", "the chance", chance, (0.0, 1.0))?;
        Ok(Self { chance, scale: (0.02, 0.33), ratio: (0.3, 3.3), value: Erased::default() })
    }

    /// Which share of the image's area.
    ///
    /// # Errors
    /// If it is no range of shares.
    pub fn scale(mut self, low: f64, high: f64) -> Result<Self, DataError> {
        range("random_erasing", "scale", (low, high), (0.0, 1.0))?;
        self.scale = (low, high);
        Ok(self)
    }

    /// Which height over width.
    ///
    /// # Errors
    /// If it is no range of positive numbers.
    pub fn ratio(mut self, low: f64, high: f64) -> Result<Self, DataError> {
        range("random_erasing", "ratio", (low, high), (f64::MIN_POSITIVE, f64::MAX))?;
        self.ratio = (low, high);
        Ok(self)
    }

    /// What the box holds.
    #[must_use]
    pub fn with(mut self, value: Erased) -> Self {
        self.value = value;
        self
    }

    /// Top, left, height and width of a box.
    fn place(&self, h: usize, w: usize, rng: &mut Rng) -> Option<[usize; 4]> {
        let logs = (self.ratio.0.ln(), self.ratio.1.ln());
        (0..10).find_map(|_| {
            let area = (h * w) as f64 * draw(self.scale, rng);
            let ratio = draw(logs, rng).exp();
            let height = (area * ratio).sqrt().round_ties_even() as usize;
            let width = (area / ratio).sqrt().round_ties_even() as usize;
            (height < h && width < w)
                .then(|| [rng.below(h - height + 1), rng.below(w - width + 1), height, width])
        })
    }
}

impl Augment for RandomErasing {
    #[track_caller]
    fn apply(&self, image: &Tensor<f32>, rng: &mut Rng) -> Tensor<f32> {
        let [c, h, w] = sizes("random_erasing", image);
        if !happens(self.chance, rng) {
            return image.clone();
        }
        let Some([top, left, height, width]) = self.place(h, w, rng) else { return image.clone() };
        let noise = match self.value {
            Erased::Value(value) => vec![value; c * height * width],
            Erased::Noise => Tensor::<f32>::normal([c * height * width], 0.0, 1.0, rng).to_vec(),
        };
        let mut out = image.contiguous();
        if height * width == 0 || image.is_empty() {
            return out;
        }
        for image in out.make_mut().chunks_exact_mut(c * h * w) {
            for (plane, noise) in image.chunks_exact_mut(h * w).zip(noise.chunks_exact(height * width)) {
                for (row, noise) in plane.chunks_exact_mut(w).skip(top).zip(noise.chunks_exact(width)) {
                    row[left..left + width].copy_from_slice(noise);
                }
            }
        }
        out
    }
}
