//! The bounds on what compressed files may become (feature `gz`). A few bytes may stand for gigabytes: what a header claims is held
//! against what deflate can do with so many bytes, and against a limit. It must never know a format.

use crate::error::DataError;
use crate::positioned::Positioned;

/// The most bytes that one array of a compressed file (`.gz`, `.npz`) may take: 4 GiB. Larger ones are unpacked first, and read by
/// place with an [`ArrayFile`](crate::ArrayFile).
///
/// ```
/// assert_eq!(gradus_data::UNPACKED_LIMIT, 4 << 30);
/// ```
pub const UNPACKED_LIMIT: u64 = 1 << 32;

/// One compressed byte stands for at most so many (deflate's limit).
const DEFLATE_RATIO: u64 = 1032;

/// Whether it begins as gzip does.
pub(crate) fn is_packed(content: &Positioned) -> Result<bool, DataError> {
    let mut first = [0; 2];
    if content.length() < 2 {
        return Ok(false);
    }
    content.read(0, &mut first)?;
    Ok(first == [0x1F, 0x8B])
}

/// Refuses what `packed` bytes cannot hold, and what is more than the limit.
pub(crate) fn check_claim(unpacked: u64, packed: u64, name: &str) -> Result<(), DataError> {
    if unpacked > UNPACKED_LIMIT {
        let what = format!("its numbers take {unpacked} bytes, more than the limit of {UNPACKED_LIMIT}");
        return Err(DataError::file(name, what, "unpack the file, and read the array by place"));
    }
    if unpacked > DEFLATE_RATIO.saturating_mul(packed) {
        let what = format!("claims {unpacked} bytes of numbers, which {packed} compressed bytes cannot hold");
        return Err(DataError::file(name, what, "it is damaged: fetch it again"));
    }
    Ok(())
}
