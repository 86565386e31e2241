//! IDX, the format of MNIST: two noughts, a type, a rank, the axis lengths, the numbers, all big-endian. With feature `gz`
//! compressed files are read as they are. It must never know what the numbers show.

use std::io::Read;
use std::path::Path;

use gradus_tensor::AnyTensor;

use crate::error::DataError;
use crate::numbers::{Layout, Stored};
use crate::positioned::Positioned;

/// Bytes in front of the axis lengths.
const MAGIC: usize = 4;
const DAMAGED: &str = "it is damaged or no IDX file: fetch it again";

/// Reads an IDX file whole, also a `.gz` (feature `gz`): bytes as `u8`, signed bytes and integers of 16 and 32 bits as `i32`, `f32`
/// and `f64` as they are.
///
/// ```
/// use gradus_data::read_idx;
/// # let path = std::env::temp_dir().join(format!("gradus-idx-{}", std::process::id()));
/// std::fs::write(&path, [0, 0, 8, 2, 0, 0, 0, 2, 0, 0, 0, 3, 1, 2, 3, 4, 5, 6])?;
/// let images = read_idx(&path)?.cast::<f32>();
/// assert_eq!((images.dims(), images.at(&[1, 0])), ([2, 3], 4.0));
/// # std::fs::remove_file(&path)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// If the file cannot be read, is no IDX file, has more or fewer bytes than its header says, or has more than 8 axes. A compressed
/// file also if its numbers take more than `UNPACKED_LIMIT` bytes.
pub fn read_idx(path: impl AsRef<Path>) -> Result<AnyTensor, DataError> {
    whole(&Positioned::open(path.as_ref())?)
}

/// [`read_idx`] for bytes at hand; errors call them `name`.
///
/// ```
/// use gradus_data::idx_from_bytes;
/// let labels = idx_from_bytes(&[0, 0, 8, 1, 0, 0, 0, 2, 7, 3], "labels")?;
/// assert_eq!(labels.cast::<i64>().to_vec(), [7, 3]);
///
/// let error = idx_from_bytes(&[0, 0, 8, 1, 255, 0, 0, 0, 7], "labels").unwrap_err().to_string();
/// assert!(error.starts_with("labels: its header claims 4278190080 bytes of numbers, there are 1; "));
/// # Ok::<(), gradus_data::DataError>(())
/// ```
///
/// # Errors
/// As [`read_idx`].
pub fn idx_from_bytes(bytes: &[u8], name: &str) -> Result<AnyTensor, DataError> {
    whole(&Positioned::of_bytes(bytes, name))
}

fn whole(content: &Positioned) -> Result<AnyTensor, DataError> {
    let name = content.name();
    #[cfg(feature = "gz")]
    if crate::gz::is_packed(content)? {
        return packed(content);
    }
    let (layout, start) = header(&mut content.reader(0, u64::MAX), name)?;
    check_length(&layout, content.length() - start, name)?;
    layout.read(&mut content.reader(start, u64::MAX), name)
}

/// Where the numbers of an open file begin, and how they lie.
pub(crate) fn layout(content: &Positioned) -> Result<(Layout, u64), DataError> {
    #[cfg(feature = "gz")]
    if crate::gz::is_packed(content)? {
        let what = "is compressed, so its samples have no places".to_owned();
        return Err(DataError::file(content.name(), what, "unpack it, or read it whole"));
    }
    let (layout, start) = header(&mut content.reader(0, u64::MAX), content.name())?;
    check_length(&layout, content.length() - start, content.name())?;
    Ok((layout, start))
}

#[cfg(feature = "gz")]
fn packed(content: &Positioned) -> Result<AnyTensor, DataError> {
    let name = content.name();
    let mut reader = flate2::read::MultiGzDecoder::new(content.reader(0, u64::MAX));
    let (layout, _) = header(&mut reader, name)?;
    crate::gz::check_claim(layout.bytes(), content.length(), name)?;
    let tensor = layout.read(&mut reader, name)?;
    let mut more = [0];
    match reader.read(&mut more) {
        Ok(0) => Ok(tensor),
        Ok(_) => {
            let what = format!("more bytes follow than the {} that its header claims", layout.bytes());
            Err(DataError::file(name, what, DAMAGED))
        }
        Err(cause) => Err(DataError::file(name, format!("its end is damaged: {cause}"), DAMAGED)),
    }
}

fn check_length(layout: &Layout, there: u64, name: &str) -> Result<(), DataError> {
    let claimed = layout.bytes();
    if claimed == there {
        return Ok(());
    }
    let what = format!("its header claims {claimed} bytes of numbers, there are {there}");
    Err(DataError::file(name, what, DAMAGED))
}

/// The layout and the header's length.
fn header(reader: &mut dyn Read, name: &str) -> Result<(Layout, u64), DataError> {
    let wrong = |what: String| DataError::file(name, what, DAMAGED);
    let mut fill = |out: &mut [u8], what: &str| {
        let result = reader.read_exact(out);
        result.map_err(|cause| match cause.kind() {
            std::io::ErrorKind::UnexpectedEof => wrong(format!("ends within its {what}")),
            std::io::ErrorKind::InvalidInput | std::io::ErrorKind::InvalidData => {
                wrong(format!("its {what} cannot be unpacked: {cause}"))
            }
            _ => DataError::system(name, "read")(cause),
        })
    };
    let mut magic = [0; MAGIC];
    fill(&mut magic, "first 4 bytes")?;
    let [0, 0, kind, rank] = magic else {
        return Err(wrong(format!("begins with the bytes {magic:?}, an IDX file with 0, 0, type, rank")));
    };
    let stored = match kind {
        0x08 => Stored::U8,
        0x09 => Stored::I8,
        0x0B => Stored::I16,
        0x0C => Stored::I32,
        0x0D => Stored::F32,
        0x0E => Stored::F64,
        _ => {
            return Err(wrong(format!(
                "byte 2 is the type {kind:#04x}, IDX knows 08, 09, 0b, 0c, 0d and 0e"
            )));
        }
    };
    let mut claimed = Vec::new();
    for axis in 0..rank {
        let mut length = [0; 4];
        fill(&mut length, &format!("length of axis {axis}"))?;
        claimed.push(u64::from(u32::from_be_bytes(length)));
    }
    let layout = Layout::new(stored, true, &claimed).map_err(wrong)?;
    Ok((layout, (MAGIC + 4 * claimed.len()) as u64))
}
