//! Parts of images.

use gradus_tensor::{InterpolationMode, PadMode, Rng, Tensor};

use super::{Augment, draw, positive, range, resize, sizes};
use crate::error::DataError;

/// `height` × `width` pixels from (`top`, `left`) on, with noughts for what lies outside: `[…, C, H, W] → […, C, h, w]`
/// (torchvision: `functional.crop`).
///
/// ```
/// use gradus_data::augment::crop;
/// use gradus_tensor::Tensor;
/// let image = Tensor::from([[[1.0_f32, 2.0], [3.0, 4.0]]]);
/// assert_eq!(crop(&image, -1, 1, 2, 2).to_vec(), [0.0, 0.0, 2.0, 0.0]);
/// ```
///
/// # Panics
/// If this is no image.
#[must_use]
#[track_caller]
pub fn crop(image: &Tensor<f32>, top: isize, left: isize, height: usize, width: usize) -> Tensor<f32> {
    let [_, h, w] = sizes("crop", image);
    // What of the wanted part exists, and the noughts around it.
    let along = |start: isize, length: usize, own: usize| {
        let first = start.clamp(0, own as isize) as usize;
        let end = (start.saturating_add_unsigned(length)).clamp(first as isize, own as isize) as usize;
        let before = if first == end { 0 } else { start.unsigned_abs() * usize::from(start < 0) };
        (first, end - first, (before, length - before - (end - first)))
    };
    let (rows, columns) = (along(top, height, h), along(left, width, w));
    let inside = image.narrow(-2, rows.0, rows.1).narrow(-1, columns.0, columns.1);
    if (rows.1, columns.1) == (height, width) { inside } else { padded(&inside, rows.2, columns.2, 0.0) }
}

/// With so many rows and columns of `fill` before and behind.
fn padded(image: &Tensor<f32>, rows: (usize, usize), columns: (usize, usize), fill: f32) -> Tensor<f32> {
    let mut widths = vec![(0, 0); image.rank() - 2];
    widths.extend([rows, columns]);
    image.pad(&widths, fill)
}

/// The middle, with noughts around images that are smaller: `[…, C, H, W] → […, C, h, w]` (torchvision:
/// `functional.center_crop`).
///
/// ```
/// use gradus_data::augment::center_crop;
/// use gradus_tensor::Tensor;
/// let image = Tensor::<f32>::arange(9).reshape([1, 3, 3]);
/// assert_eq!(center_crop(&image, 1, 1).to_vec(), [4.0]);
/// ```
///
/// # Panics
/// If this is no image.
#[must_use]
#[track_caller]
pub fn center_crop(image: &Tensor<f32>, height: usize, width: usize) -> Tensor<f32> {
    let [_, h, w] = sizes("center_crop", image);
    let start = |own: usize, wanted: usize| {
        if wanted > own {
            return -(((wanted - own) / 2) as isize);
        }
        // Half of an odd rest is rounded to even, as Python does.
        let (half, rest) = ((own - wanted) / 2, (own - wanted) % 2);
        (half + rest * (half % 2)) as isize
    };
    crop(image, start(h, height), start(w, width), height, width)
}

/// [`center_crop`] as a step (torchvision: `CenterCrop`).
///
/// ```
/// use gradus_data::augment::{Augment, CenterCrop};
/// use gradus_tensor::{Rng, Tensor};
/// assert_eq!(CenterCrop::new(2, 4)?.apply(&Tensor::ones([3, 9, 9]), &mut Rng::seed(0)).dims(), [3, 2, 4]);
/// # Ok::<(), gradus_data::DataError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CenterCrop {
    size: [usize; 2],
}

impl CenterCrop {
    /// To this size.
    ///
    /// # Errors
    /// If a length is 0.
    pub fn new(height: usize, width: usize) -> Result<Self, DataError> {
        positive("center_crop", [height, width])?;
        Ok(Self { size: [height, width] })
    }
}

impl Augment for CenterCrop {
    #[track_caller]
    fn apply(&self, image: &Tensor<f32>, _: &mut Rng) -> Tensor<f32> {
        center_crop(image, self.size[0], self.size[1])
    }
}

/// A part of this size from a place that is uniform over all that fit, after padding (torchvision: `RandomCrop`).
///
/// ```
/// use gradus_data::augment::{Augment, RandomCrop};
/// use gradus_tensor::{Rng, Tensor};
/// let how = RandomCrop::new(32, 32)?.padding(4).fill(0.5);
/// assert_eq!(how.apply(&Tensor::ones([3, 32, 32]), &mut Rng::seed(1)).dims(), [3, 32, 32]);
/// # Ok::<(), gradus_data::DataError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RandomCrop {
    size: [usize; 2],
    padding: usize,
    pads_small: bool,
    pad_mode: PadMode,
    fill: f32,
}

impl RandomCrop {
    /// Of this size, without padding.
    ///
    /// # Errors
    /// If a length is 0.
    pub fn new(height: usize, width: usize) -> Result<Self, DataError> {
        positive("random_crop", [height, width])?;
        Ok(Self { size: [height, width], padding: 0, pads_small: false, pad_mode: PadMode::Zeros, fill: 0.0 })
    }

    /// Pads so many pixels on each side first.
    #[must_use]
    pub fn padding(mut self, pixels: usize) -> Self {
        self.padding = pixels;
        self
    }

    /// Pads images that are smaller than the part on both sides by what is lacking (torchvision: `pad_if_needed`).
    ///
    /// ```
    /// use gradus_data::augment::{Augment, RandomCrop};
    /// use gradus_tensor::{Rng, Tensor};
    /// let how = RandomCrop::new(8, 8)?.pad_if_needed();
    /// assert_eq!(how.apply(&Tensor::ones([3, 5, 9]), &mut Rng::seed(1)).dims(), [3, 8, 8]);
    /// # Ok::<(), gradus_data::DataError>(())
    /// ```
    #[must_use]
    pub fn pad_if_needed(mut self) -> Self {
        self.pads_small = true;
        self
    }

    /// What stands in padded pixels (torchvision: `padding_mode`): the fill unless set.
    ///
    /// ```
    /// use gradus_data::augment::{Augment, RandomCrop};
    /// use gradus_tensor::{PadMode, Rng, Tensor};
    /// let how = RandomCrop::new(8, 8)?.padding(4).padding_mode(PadMode::Reflect);
    /// assert_eq!(how.apply(&Tensor::ones([3, 8, 8]), &mut Rng::seed(1)), Tensor::ones([3, 8, 8]));
    /// # Ok::<(), gradus_data::DataError>(())
    /// ```
    #[must_use]
    pub fn padding_mode(mut self, mode: PadMode) -> Self {
        self.pad_mode = mode;
        self
    }

    /// The value of padded pixels; 0 unless set. A mode other than noughts has values of its own.
    #[must_use]
    pub fn fill(mut self, value: f32) -> Self {
        self.fill = value;
        self
    }
}

impl Augment for RandomCrop {
    #[track_caller]
    fn apply(&self, image: &Tensor<f32>, rng: &mut Rng) -> Tensor<f32> {
        let [_, h, w] = sizes("random_crop", image);
        let [height, width] = self.size;
        let lacking = |own: usize, wanted: usize| {
            let own = own + 2 * self.padding;
            self.padding + if self.pads_small { wanted.saturating_sub(own) } else { 0 }
        };
        let (rows, columns) = (lacking(h, height), lacking(w, width));
        let wide = match self.pad_mode {
            _ if (rows, columns) == (0, 0) => image.clone(),
            PadMode::Zeros => padded(image, (rows, rows), (columns, columns), self.fill),
            mode => {
                let mut widths = vec![(0, 0); image.rank() - 2];
                widths.extend([(rows, rows), (columns, columns)]);
                image.pad_with(&widths, mode)
            }
        };
        let [_, h, w] = sizes("random_crop", &wide);
        assert!(
            height <= h && width <= w,
            "random_crop: the part is larger than the padded image: [{height}, {width}] of [{h}, {w}]"
        );
        if (height, width) == (h, w) {
            return wide;
        }
        let (top, left) = (rng.below(h - height + 1), rng.below(w - width + 1));
        wide.narrow(-2, top, height).narrow(-1, left, width).contiguous()
    }
}

/// A part of random area and shape, resized (torchvision: `RandomResizedCrop`; Szegedy et al. 2015, "Going deeper with
/// convolutions"). After ten draws that do not fit it takes the middle.
///
/// ```
/// use gradus_data::augment::{Augment, RandomResizedCrop};
/// use gradus_tensor::{Rng, Tensor};
/// let how = RandomResizedCrop::new(24, 24)?.scale(0.25, 1.0)?.ratio(1.0, 1.0)?;
/// assert_eq!(how.apply(&Tensor::ones([3, 50, 40]), &mut Rng::seed(1)).dims(), [3, 24, 24]);
/// # Ok::<(), gradus_data::DataError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RandomResizedCrop {
    size: [usize; 2],
    scale: (f64, f64),
    ratio: (f64, f64),
    mode: InterpolationMode,
}

impl RandomResizedCrop {
    /// To this size; 8 to 100 % of the area, width over height from 3/4 to 4/3, linearly.
    ///
    /// # Errors
    /// If a length is 0.
    pub fn new(height: usize, width: usize) -> Result<Self, DataError> {
        positive("random_resized_crop", [height, width])?;
        let mode = InterpolationMode::Linear;
        Ok(Self { size: [height, width], scale: (0.08, 1.0), ratio: (3.0 / 4.0, 4.0 / 3.0), mode })
    }

    /// Which share of the image's area.
    ///
    /// # Errors
    /// If it is no range of shares.
    pub fn scale(mut self, low: f64, high: f64) -> Result<Self, DataError> {
        range("random_resized_crop", "scale", (low, high), (0.0, 1.0))?;
        self.scale = (low, high);
        Ok(self)
    }

    /// Which width over height.
    ///
    /// # Errors
    /// If it is no range of positive numbers.
    pub fn ratio(mut self, low: f64, high: f64) -> Result<Self, DataError> {
        range("random_resized_crop", "ratio", (low, high), (f64::MIN_POSITIVE, f64::MAX))?;
        self.ratio = (low, high);
        Ok(self)
    }

    /// How values between pixels are found.
    ///
    /// ```
    /// use gradus_data::augment::{Augment, RandomResizedCrop};
    /// use gradus_tensor::{InterpolationMode, PadMode, Rng, Tensor};
    /// let how = RandomResizedCrop::new(4, 4)?.mode(InterpolationMode::Nearest);
    /// let values = how.apply(&Tensor::arange(256).reshape([1, 16, 16]), &mut Rng::seed(1));
    /// assert!(values.to_vec().iter().all(|value| value.fract() == 0.0));
    /// # Ok::<(), gradus_data::DataError>(())
    /// ```
    #[must_use]
    pub fn mode(mut self, mode: InterpolationMode) -> Self {
        self.mode = mode;
        self
    }

    /// Top, left, height and width of a part.
    fn part(&self, h: usize, w: usize, rng: &mut Rng) -> [usize; 4] {
        let logs = (self.ratio.0.ln(), self.ratio.1.ln());
        for _ in 0..10 {
            let area = (h * w) as f64 * draw(self.scale, rng);
            let ratio = draw(logs, rng).exp();
            let (width, height) =
                ((area * ratio).sqrt().round_ties_even(), (area / ratio).sqrt().round_ties_even());
            let (width, height) = (width as usize, height as usize);
            if (1..=w).contains(&width) && (1..=h).contains(&height) {
                return [rng.below(h - height + 1), rng.below(w - width + 1), height, width];
            }
        }
        let own = w as f64 / h as f64;
        let (height, width) = if own < self.ratio.0 {
            ((w as f64 / self.ratio.0).round_ties_even() as usize, w)
        } else if own > self.ratio.1 {
            (h, (h as f64 * self.ratio.1).round_ties_even() as usize)
        } else {
            (h, w)
        };
        [(h - height) / 2, (w - width) / 2, height, width]
    }
}

impl Augment for RandomResizedCrop {
    #[track_caller]
    fn apply(&self, image: &Tensor<f32>, rng: &mut Rng) -> Tensor<f32> {
        let [_, h, w] = sizes("random_resized_crop", image);
        let [top, left, height, width] = self.part(h, w, rng);
        let part = image.narrow(-2, top, height).narrow(-1, left, width);
        resize(&part.contiguous(), self.size[0], self.size[1], self.mode)
    }
}
