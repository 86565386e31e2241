//! PNG images (feature `png`): any colour type and bit depth. It must never know a model's input size.

use std::io::Cursor;
use std::path::Path;

use gradus_tensor::Tensor;
use png::{BitDepth, ColorType, Decoder, Limits, Transformations};

use crate::error::DataError;
use crate::image::{Channels, Pixels, check_pixels, file_bytes};

/// What the decoder may allocate beside the image, in bytes.
const WORKING_MEMORY: usize = 1 << 26;
/// One compressed byte stands for at most so many (deflate's limit).
const DEFLATE_RATIO: u64 = 1032;
const MEND: &str = "save it again as PNG";

/// Reads a PNG file as grey values, `[height, width]` in 0 (black) … 1 (white). Colours become
/// 0.299 red + 0.587 green + 0.114 blue; what is transparent shows white paper behind it. Of an animation the first
/// image is read. Gamma and colour profiles are ignored.
///
/// ```
/// # let path = std::env::temp_dir().join(format!("gradus-image-{}.png", std::process::id()));
/// # let bytes = b"\x89PNG\x0d\x0a\x1a\x0a\0\0\0\x0dIHDR\0\0\0\x02\0\0\0\x01\x08\0\0\0\0\xd1I V\0\0\0\x0bIDAT\
/// #     x\xdac`\xf8\x0f\0\x01\x02\x01\0\xd1\x1a\xcb\x8f\0\0\0\0IEND\xaeB`\x82";
/// # std::fs::write(&path, bytes)?;
/// let image = gradus_data::read_grey(&path)?; // a black pixel and a white one
/// assert_eq!((image.dims(), image.to_vec()), ([1, 2], vec![0.0, 1.0]));
/// # std::fs::remove_file(&path)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// If the file cannot be read, is no PNG image, is cut off or damaged, or larger than 2²⁶ pixels.
pub fn read_grey(path: impl AsRef<Path>) -> Result<Tensor<f32>, DataError> {
    let (bytes, name) = file_bytes(path.as_ref())?;
    grey_from_png(&bytes, &name)
}

/// [`read_grey`] for bytes at hand; errors call them `name`.
///
/// ```
/// let error = gradus_data::grey_from_png(b"no image", "upload.png").unwrap_err();
/// assert!(error.to_string().starts_with("upload.png: "));
/// ```
///
/// # Errors
/// As [`read_grey`].
pub fn grey_from_png(bytes: &[u8], name: &str) -> Result<Tensor<f32>, DataError> {
    Ok(decode(bytes, name)?.tensor(Channels::Grey).squeeze(0))
}

/// The pixels of a PNG image, on white paper.
pub(crate) fn decode(bytes: &[u8], name: &str) -> Result<Pixels, DataError> {
    let broken = |error: png::DecodingError| {
        let what = format!("is not a sound PNG image: {}", error.to_string().trim_end_matches('.'));
        DataError::file(name, what, MEND)
    };
    let mut decoder = Decoder::new_with_limits(Cursor::new(bytes), Limits { bytes: WORKING_MEMORY });
    decoder.set_transformations(Transformations::EXPAND);
    decoder.set_ignore_text_chunk(true);
    decoder.set_ignore_iccp_chunk(true);
    let info = decoder.read_header_info().map_err(broken)?;
    let (width, height) = (u64::from(info.width), u64::from(info.height));
    check_pixels(width, height, name)?;
    let bits = width.saturating_mul(height).saturating_mul(info.bits_per_pixel() as u64);
    if bits / 8 > DEFLATE_RATIO * bytes.len() as u64 {
        let what = format!("claims {width} × {height} pixels, which its {} bytes cannot hold", bytes.len());
        return Err(DataError::file(name, what, MEND));
    }
    let mut reader = decoder.read_info().map_err(broken)?;
    let size = reader.output_buffer_size().ok_or_else(|| broken(png::DecodingError::LimitsExceeded))?;
    let mut pixels = vec![0; size];
    let output = reader.next_frame(&mut pixels).map_err(broken)?;
    reader.finish().map_err(broken)?;
    pixels.truncate(output.buffer_size());
    let samples: Vec<f32> = match output.bit_depth {
        BitDepth::Sixteen => {
            pixels.as_chunks::<2>().0.iter().map(|&b| f32::from(u16::from_be_bytes(b)) / 65535.0).collect()
        }
        _ => pixels.iter().map(|&b| f32::from(b) / 255.0).collect(),
    };
    let over_paper = |value: f32, alpha: f32| value * alpha + (1.0 - alpha);
    let (is_grey, samples) = match output.color_type {
        ColorType::GrayscaleAlpha => {
            (true, samples.as_chunks().0.iter().map(|&[v, a]| over_paper(v, a)).collect())
        }
        ColorType::Rgba => {
            let pixels = samples.as_chunks().0.iter();
            (false, pixels.flat_map(|&[r, g, b, a]| [r, g, b].map(|v| over_paper(v, a))).collect())
        }
        // Indexed colours were expanded to RGB by the decoder.
        ColorType::Rgb | ColorType::Indexed => (false, samples),
        ColorType::Grayscale => (true, samples),
    };
    let (height, width) = (output.height as usize, output.width as usize);
    Pixels::new(height, width, is_grey, samples, name)
}
