//! What the tests of readers share: PNG files put together by hand, and damage.
#![allow(dead_code)] // each test file uses its part

use gradus_tensor::Rng;

/// CRC-32 as PNG's specification defines it, bit by bit.
fn crc(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |crc, &byte| {
        (0..8).fold(crc ^ u32::from(byte), |c, _| if c & 1 == 1 { c >> 1 ^ 0xEDB8_8320 } else { c >> 1 })
    })
}

/// A chunk: length, type, content, CRC.
pub(crate) fn chunk(kind: &[u8; 4], content: &[u8]) -> Vec<u8> {
    let mut checked = kind.to_vec();
    checked.extend_from_slice(content);
    let mut out = (content.len() as u32).to_be_bytes().to_vec();
    out.extend_from_slice(&checked);
    out.extend_from_slice(&crc(&checked).to_be_bytes());
    out
}

/// A zlib stream that stores its bytes (at most 65,535 of them).
pub(crate) fn zlib(bytes: &[u8]) -> Vec<u8> {
    let length = bytes.len() as u16;
    let mut out = vec![0x78, 0x01, 1];
    out.extend_from_slice(&length.to_le_bytes());
    out.extend_from_slice(&(!length).to_le_bytes());
    out.extend_from_slice(bytes);
    let (a, b) = bytes.iter().fold((1_u32, 0_u32), |(a, b), &x| {
        let a = (a + u32::from(x)) % 65521;
        (a, (a + b) % 65521)
    });
    out.extend_from_slice(&(b << 16 | a).to_be_bytes());
    out
}

/// The content of an IHDR chunk.
pub(crate) fn header(width: u32, height: u32, depth: u8, color: u8, interlaced: bool) -> Vec<u8> {
    let mut out = width.to_be_bytes().to_vec();
    out.extend_from_slice(&height.to_be_bytes());
    out.extend_from_slice(&[depth, color, 0, 0, u8::from(interlaced)]);
    out
}

/// A PNG file of these chunks between signature and end.
pub(crate) fn png(chunks: &[Vec<u8>]) -> Vec<u8> {
    let mut out = b"\x89PNG\r\n\x1a\n".to_vec();
    chunks.iter().for_each(|chunk| out.extend_from_slice(chunk));
    out.extend_from_slice(&chunk(b"IEND", &[]));
    out
}

/// A PNG file from rows of raw bytes, none of them filtered.
pub(crate) fn image(width: u32, depth: u8, color: u8, extra: &[Vec<u8>], rows: &[&[u8]]) -> Vec<u8> {
    let raw: Vec<u8> = rows.iter().flat_map(|row| std::iter::once(0).chain(row.iter().copied())).collect();
    let mut chunks = vec![chunk(b"IHDR", &header(width, rows.len() as u32, depth, color, false))];
    chunks.extend_from_slice(extra);
    chunks.push(chunk(b"IDAT", &zlib(&raw)));
    png(&chunks)
}

/// One to four random changes: a byte, a bit, a cut, an addition, a part moved.
pub(crate) fn damage(bytes: &mut Vec<u8>, letters: &[u8], rng: &mut Rng) {
    for _ in 0..1 + rng.below(4) {
        if bytes.is_empty() {
            bytes.push(rng.next_u32() as u8);
        }
        let place = rng.below(bytes.len());
        match rng.below(7) {
            0 => bytes[place] = rng.next_u32() as u8,
            1 => bytes[place] ^= 1 << rng.below(8),
            2 => bytes[place] = letters[rng.below(letters.len())],
            3 => bytes.truncate(place),
            4 => bytes.extend((0..rng.below(20)).map(|_| rng.next_u32() as u8)),
            5 => bytes.insert(place, letters[rng.below(letters.len())]),
            _ => bytes.rotate_left(place),
        }
    }
}
