//! Small grey pictures inside the page, each a PNG in a data URI. The encoder stores instead of compressing: pictures of
//! a few hundred pixels gain nothing from more, and it needs no library.

use std::fmt::Write;

use super::page::escape;

/// A grey picture, `[height][width]`, 0 black to 1 white, and what is said below it.
///
/// ```
/// use gradus_train::report::{Picture, Report};
/// let picture = Picture::new(vec![vec![0.0, 0.5], vec![0.5, 1.0]], "brighter to the right");
/// assert!(Report::new("Pictures").pictures("First", &[picture]).to_html().contains("data:image/png"));
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Picture {
    rows: Vec<Vec<f32>>,
    caption: String,
}

impl Picture {
    /// A picture from rows of equal length. Values outside 0 ..= 1 are clamped, NaN is black; short rows are filled up
    /// with black.
    #[must_use]
    pub fn new(rows: Vec<Vec<f32>>, caption: impl Into<String>) -> Self {
        Self { rows, caption: caption.into() }
    }

    fn to_png(&self) -> Vec<u8> {
        let width = self.rows.iter().map(Vec::len).max().unwrap_or(0);
        let mut pixels = Vec::with_capacity(self.rows.len() * (width + 1));
        for row in &self.rows {
            pixels.push(0); // the filter of this row: none
            let grey = |x: &f32| (x.clamp(0.0, 1.0) * 255.0).round() as u8; // NaN becomes 0
            pixels.extend(row.iter().map(grey).chain(std::iter::repeat(0)).take(width));
        }
        let mut header = Vec::new();
        header.extend((width as u32).to_be_bytes());
        header.extend((self.rows.len() as u32).to_be_bytes());
        header.extend([8, 0, 0, 0, 0]); // 8 bits, grey, deflate, filters, not interlaced
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
}
