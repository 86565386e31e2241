//! Images from files (features `png` and `jpeg`): the kinds of file, and pixels that become tensors. It must never know a model's
//! input size.

use std::path::Path;

use gradus_tensor::Tensor;

use crate::error::DataError;

/// The most pixels that are read.
const MOST_PIXELS: u64 = 1 << 26;
/// The longest file that is read, in bytes.
const LONGEST_FILE: u64 = 1 << 28;
/// ITU-R BT.601: how bright red, green and blue look.
const LUMA: [f32; 3] = [0.299, 0.587, 0.114];

/// What an image's numbers are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Channels {
    /// One channel: 0.299 red + 0.587 green + 0.114 blue (ITU-R BT.601).
    Grey,
    /// Three channels: red, green, blue.
    Rgb,
}

impl Channels {
    /// How many there are.
    #[must_use]
    pub const fn count(self) -> usize {
        match self {
            Self::Grey => 1,
            Self::Rgb => 3,
        }
    }
}

/// Reads an image, `[C, H, W]` in 0 … 1 (torchvision: `decode_image`, scaled). PNG (feature `png`) and JPEG (feature `jpeg`) are known
/// by their first bytes. What is transparent shows white paper behind it; gamma, colour profiles and orientation are ignored.
///
/// ```
/// use gradus_data::{Channels, read_image};
/// # #[cfg(feature = "png")] {
/// # let path = std::env::temp_dir().join(format!("gradus-image-c-{}.png", std::process::id()));
/// # let bytes = b"\x89PNG\x0d\x0a\x1a\x0a\0\0\0\x0dIHDR\0\0\0\x02\0\0\0\x01\x08\0\0\0\0\xd1I V\0\0\0\x0bIDAT\
/// #     x\xdac`\xf8\x0f\0\x01\x02\x01\0\xd1\x1a\xcb\x8f\0\0\0\0IEND\xaeB`\x82";
/// # std::fs::write(&path, bytes)?;
/// let image = read_image(&path, Channels::Rgb)?; // a black pixel and a white one
/// assert_eq!((image.dims(), image.to_vec()), ([3, 1, 2], [0.0, 1.0].repeat(3)));
/// # std::fs::remove_file(&path)?;
/// # }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// If the file cannot be read, is no such image, is cut off or damaged, or larger than 2²⁶ pixels.
pub fn read_image(path: impl AsRef<Path>, channels: Channels) -> Result<Tensor<f32>, DataError> {
    let (bytes, name) = file_bytes(path.as_ref())?;
    image_from_bytes(&bytes, &name, channels)
}

/// [`read_image`] for bytes at hand; errors call them `name`.
///
/// ```
/// use gradus_data::{Channels, image_from_bytes};
/// assert_eq!((Channels::Grey.count(), Channels::Rgb.count()), (1, 3));
/// let error = image_from_bytes(b"GIF89a", "upload", Channels::Grey).unwrap_err().to_string();
/// assert!(error.starts_with("upload: is no image of a known kind; "));
/// ```
///
/// # Errors
/// As [`read_image`].
pub fn image_from_bytes(bytes: &[u8], name: &str, channels: Channels) -> Result<Tensor<f32>, DataError> {
    let is_png = bytes.starts_with(b"\x89PNG");
    let is_jpeg = bytes.starts_with(b"\xFF\xD8");
    #[cfg(feature = "png")]
    if is_png {
        return crate::png_image::decode(bytes, name).map(|pixels| pixels.tensor(channels));
    }
    #[cfg(feature = "jpeg")]
    if is_jpeg {
        return crate::jpeg_image::decode(bytes, name).map(|pixels| pixels.tensor(channels));
    }
    let (what, mend) = match (is_png, is_jpeg) {
        (true, _) => ("is a PNG image, which this build does not read", "build with the feature png"),
        (_, true) => ("is a JPEG image, which this build does not read", "build with the feature jpeg"),
        _ => ("is no image of a known kind", "give a PNG or JPEG image"),
    };
    Err(DataError::file(name, what.to_owned(), mend))
}

/// A file's bytes and what errors call it.
pub(crate) fn file_bytes(path: &Path) -> Result<(Vec<u8>, String), DataError> {
    let name = path.display().to_string();
    let length = std::fs::metadata(path).map_err(DataError::system(&name, "open"))?.len();
    if length > LONGEST_FILE {
        let what = format!("{length} bytes are more than {LONGEST_FILE}");
        return Err(DataError::file(&name, what, "give a smaller image"));
    }
    let bytes = std::fs::read(path).map_err(DataError::system(&name, "read"))?;
    Ok((bytes, name))
}

/// Refuses more pixels than are read.
pub(crate) fn check_pixels(width: u64, height: u64, name: &str) -> Result<(), DataError> {
    if width.saturating_mul(height) > MOST_PIXELS {
        let what = format!("{width} × {height} pixels are more than {MOST_PIXELS}");
        return Err(DataError::file(name, what, "give a smaller image"));
    }
    Ok(())
}

/// A decoded image: grey or red, green and blue in turn, 0 … 1.
#[derive(Debug)]
pub(crate) struct Pixels {
    height: usize,
    width: usize,
    is_grey: bool,
    samples: Vec<f32>,
}

impl Pixels {
    pub(crate) fn new(
        height: usize,
        width: usize,
        is_grey: bool,
        samples: Vec<f32>,
        name: &str,
    ) -> Result<Self, DataError> {
        let channels = if is_grey { 1 } else { 3 };
        if samples.len() != height * width * channels {
            let what = format!("holds {} of {height} × {width} pixels", samples.len() / channels);
            return Err(DataError::file(name, what, "save it again"));
        }
        Ok(Self { height, width, is_grey, samples })
    }

    /// `[C, H, W]`.
    pub(crate) fn tensor(&self, channels: Channels) -> Tensor<f32> {
        let shape = [channels.count(), self.height, self.width];
        let pixels = self.height * self.width;
        match (self.is_grey, channels) {
            (true, Channels::Grey) => Tensor::new(shape, &self.samples),
            (true, Channels::Rgb) => Tensor::new(shape, &self.samples.repeat(3)),
            (false, Channels::Grey) => {
                let luma = |&[r, g, b]: &[f32; 3]| (LUMA[0] * r + LUMA[1] * g + LUMA[2] * b).min(1.0);
                Tensor::new(shape, &self.samples.as_chunks().0.iter().map(luma).collect::<Vec<f32>>())
            }
            (false, Channels::Rgb) => {
                let mut planes = vec![0.0; 3 * pixels];
                for (channel, plane) in planes.chunks_exact_mut(pixels.max(1)).enumerate() {
                    let samples = self.samples.as_chunks::<3>().0.iter();
                    plane.iter_mut().zip(samples).for_each(|(out, sample)| *out = sample[channel]);
                }
                Tensor::new(shape, &planes)
            }
        }
    }
}
