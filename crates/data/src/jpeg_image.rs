//! JPEG images (feature `jpeg`): baseline and progressive, grey, colour or inks. It must never know a model's input size.

use std::io::Cursor;

use zune_jpeg::JpegDecoder;
use zune_jpeg::zune_core::colorspace::ColorSpace;
use zune_jpeg::zune_core::options::DecoderOptions;

use crate::error::DataError;
use crate::image::{Pixels, check_pixels};

/// The most pixels that one byte stands for: a block of 64 takes at least one bit for its mean.
const PIXELS_PER_BYTE: u64 = 8 * 64;
/// JPEG's own limit of a side.
const LONGEST_SIDE: usize = 0xFFFF;
/// Scans of a progressive image; encoders make about ten, and each costs a walk over all blocks.
const MOST_SCANS: usize = 100;
const MEND: &str = "save it again as JPEG";

/// The pixels of a JPEG image.
pub(crate) fn decode(bytes: &[u8], name: &str) -> Result<Pixels, DataError> {
    let broken = |error: &dyn std::fmt::Display| {
        let text: String =
            error.to_string().chars().map(|c| if c.is_control() { ' ' } else { c }).take(200).collect();
        let what = format!("is not a sound JPEG image: {}", text.trim_end_matches(['.', ' ']));
        DataError::file(name, what, MEND)
    };
    let options = DecoderOptions::default()
        .set_strict_mode(true)
        .set_max_width(LONGEST_SIDE)
        .set_max_height(LONGEST_SIDE)
        .jpeg_set_max_scans(MOST_SCANS)
        .jpeg_set_out_colorspace(ColorSpace::RGB);
    let mut decoder = JpegDecoder::new_with_options(Cursor::new(bytes), options);
    decoder.decode_headers().map_err(|error| broken(&error))?;
    let (width, height) = decoder.dimensions().ok_or_else(|| broken(&"it has no size"))?;
    let pixels = width as u64 * height as u64;
    check_pixels(width as u64, height as u64, name)?;
    if pixels > PIXELS_PER_BYTE * bytes.len() as u64 {
        let what = format!("claims {width} × {height} pixels, which its {} bytes cannot hold", bytes.len());
        return Err(DataError::file(name, what, MEND));
    }
    let is_grey = decoder.input_colorspace() == Some(ColorSpace::Luma);
    if is_grey {
        decoder.set_options(options.jpeg_set_out_colorspace(ColorSpace::Luma));
    }
    let samples = decoder.decode().map_err(|error| broken(&error))?;
    let samples = samples.iter().map(|&sample| f32::from(sample) / 255.0).collect();
    Pixels::new(height, width, is_grey, samples, name)
}
