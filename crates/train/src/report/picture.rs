//! Small pictures inside the page, each a PNG in a data URI. The encoder stores instead of compressing: pictures of a few
//! hundred pixels gain nothing from more, and it needs no library.

use std::fmt::Write;

use gradus_tensor::{Float, Tensor};

use super::page::escape;

/// A picture, grey or in colours, and what is said below it.
///
/// ```
/// use gradus_train::report::{Picture, Report};
/// use gradus_train::tensor::Tensor;
/// let grey = Picture::new(vec![vec![0.0, 0.5], vec![0.5, 1.0]], "brighter to the right");
/// let red = Picture::of(&Tensor::from([[[1.0_f32, 0.5]], [[0.0, 0.0]], [[0.0, 0.0]]]), "red, then dark red");
/// assert_eq!([grey.height(), grey.width(), grey.channels()], [2, 2, 1]);
/// assert_eq!([red.height(), red.width(), red.channels()], [1, 2, 3]);
/// assert!(Report::new("Pictures").pictures("First", &[grey, red]).to_html().contains("data:image/png"));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Picture {
    width: usize,
    height: usize,
    /// 1 for grey, 3 for red, green and blue.
    channels: usize,
    /// Row by row, the channels of a pixel beside each other.
    bytes: Vec<u8>,
    caption: String,
}

/// A brightness from 0 to 1 as a byte; NaN becomes 0.
fn byte(x: f32) -> u8 {
    (x.clamp(0.0, 1.0) * 255.0).round() as u8
}

impl Picture {
    /// A grey picture from rows of equal length, `[height][width]`, 0 black to 1 white. Values outside are clamped, NaN is
    /// black; short rows are filled up with black.
    #[must_use]
    pub fn new(rows: Vec<Vec<f32>>, caption: impl Into<String>) -> Self {
        let width = rows.iter().map(Vec::len).max().unwrap_or(0);
        let row = |row: &Vec<f32>| {
            row.iter().map(|&x| byte(x)).chain(std::iter::repeat(0)).take(width).collect::<Vec<u8>>()
        };
        let bytes = rows.iter().flat_map(row).collect();
        Self { width, height: rows.len(), channels: 1, bytes, caption: caption.into() }
    }

    /// A picture from a tensor: `[H, W]` or `[1, H, W]` grey, `[3, H, W]` in red, green and blue; 0 is dark, 1 is bright,
    /// values outside are clamped, NaN is dark.
    ///
    /// # Panics
    /// If the tensor has another shape.
    #[must_use]
    #[track_caller]
    pub fn of<T: Float>(image: &Tensor<T>, caption: impl Into<String>) -> Self {
        let (channels, height, width) = match image.shape()[..] {
            [h, w] => (1, h, w),
            [c @ (1 | 3), h, w] => (c, h, w),
            _ => {
                panic!("picture: {} is no image (an image is [H, W], [1, H, W] or [3, H, W])", image.shape())
            }
        };
        let values = image.cast::<f32>().to_vec();
        let plane = height * width;
        let bytes = (0..plane).flat_map(|i| (0..channels).map(move |c| c * plane + i));
        let bytes = bytes.map(|place| byte(values[place])).collect();
        Self { width, height, channels, bytes, caption: caption.into() }
    }

    /// Pixels from left to right.
    #[must_use]
    pub fn width(&self) -> usize {
        self.width
    }

    /// Pixels from top to bottom.
    #[must_use]
    pub fn height(&self) -> usize {
        self.height
    }

    /// 1 for grey, 3 for colours.
    #[must_use]
    pub fn channels(&self) -> usize {
        self.channels
    }

    pub(crate) fn to_png(&self) -> Vec<u8> {
        let row = self.width * self.channels;
        let mut pixels = Vec::with_capacity(self.bytes.len() + self.height);
        for row in self.bytes.chunks(row.max(1)) {
            pixels.push(0); // the filter of this row: none
            pixels.extend(row);
        }
        let mut header = Vec::new();
        header.extend((self.width as u32).to_be_bytes());
        header.extend((self.height as u32).to_be_bytes());
        let colours = if self.channels == 3 { 2 } else { 0 };
        header.extend([8, colours, 0, 0, 0]); // 8 bits, colours, deflate, filters, not interlaced
        let mut out = b"\x89PNG\r\n\x1a\n".to_vec();
        for (name, data) in [(b"IHDR", header), (b"IDAT", stored(&pixels)), (b"IEND", Vec::new())] {
            out.extend((data.len() as u32).to_be_bytes());
            let body: Vec<u8> = name.iter().copied().chain(data).collect();
            out.extend(&body);
            out.extend(crc32(&body).to_be_bytes());
        }
        out
    }
}

/// A zlib stream of stored blocks (RFC 1950, RFC 1951 §3.2.4).
fn stored(data: &[u8]) -> Vec<u8> {
    let mut out = vec![0x78, 0x01];
    let blocks = data.chunks(0xFFFF);
    let last = blocks.len().saturating_sub(1);
    for (i, block) in blocks.enumerate() {
        out.push(u8::from(i == last));
        let length = block.len() as u16;
        out.extend(length.to_le_bytes());
        out.extend((!length).to_le_bytes());
        out.extend(block);
    }
    out.extend(adler32(data).to_be_bytes());
    out
}

fn adler32(data: &[u8]) -> u32 {
    let step = |(a, b): (u32, u32), &byte: &u8| {
        let a = (a + u32::from(byte)) % 65_521;
        (a, (b + a) % 65_521)
    };
    let (a, b) = data.iter().fold((1, 0), step);
    b << 16 | a
}

fn crc32(data: &[u8]) -> u32 {
    let bit = |crc: u32, _| if crc & 1 == 1 { crc >> 1 ^ 0xEDB8_8320 } else { crc >> 1 };
    !data.iter().fold(!0, |crc, &byte| (0..8).fold(crc ^ u32::from(byte), bit))
}

fn base64(data: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::new();
    for three in data.chunks(3) {
        let byte = |i: usize| u32::from(three.get(i).copied().unwrap_or(0));
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for i in 0..4 {
            let digit = DIGITS[(bits >> (18 - 6 * i)) as usize & 63];
            out.push(if i <= three.len() { char::from(digit) } else { '=' });
        }
    }
    out
}

pub(super) fn grid(pictures: &[Picture]) -> String {
    let mut out = String::from("<div class=\"pictures\">\n");
    for picture in pictures {
        let (caption, data) = (escape(&picture.caption), base64(&picture.to_png()));
        _ = writeln!(
            out,
            "<figure><img alt=\"{caption}\" src=\"data:image/png;base64,{data}\"><figcaption>{caption}</figcaption></figure>"
        );
    }
    out + "</div>"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checksums_and_base64_meet_known_values() {
        assert_eq!(crc32(b"123456789"), 0xCBF4_3926);
        assert_eq!(adler32(b"Wikipedia"), 0x11E6_0398);
        let cases = [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foobar", "Zm9vYmFy")];
        for (plain, coded) in cases {
            assert_eq!(base64(plain.as_bytes()), coded);
        }
    }

    #[test]
    fn png_has_the_size_and_pixels_given() {
        let png = Picture::new(vec![vec![0.0, 1.0, 0.5], vec![f32::NAN, 7.0]], "").to_png();
        assert_eq!(png[16..24], [0, 0, 0, 3, 0, 0, 0, 2]);
        let pixels = [0, 0, 255, 128, 0, 0, 255, 0];
        assert!(png.windows(8).any(|window| window == pixels), "{png:?}");
    }

    #[test]
    fn colours_lie_beside_each_other() {
        let image = Tensor::from([[[1.0_f32, 0.0]], [[0.5, 0.0]], [[0.0, 1.0]]]);
        let png = Picture::of(&image, "").to_png();
        assert_eq!(png[16..26], [0, 0, 0, 2, 0, 0, 0, 1, 8, 2]);
        let pixels = [0, 255, 128, 0, 0, 0, 255];
        assert!(png.windows(7).any(|window| window == pixels), "{png:?}");
        let grey = Tensor::from([[0.25_f64, 1.0]]);
        assert_eq!(Picture::of(&grey, "x"), Picture::new(vec![vec![0.25, 1.0]], "x"));
    }

    #[test]
    #[should_panic(expected = "picture: [2, 1, 1] is no image (an image is [H, W], [1, H, W] or [3, H, W])")]
    fn two_channels_are_no_picture() {
        let _ = Picture::of(&Tensor::<f32>::zeros([2, 1, 1]), "");
    }
}
