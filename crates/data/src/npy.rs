//! NumPy's `.npy`, versions 1 to 3: a magic, a header that is a Python dictionary, the numbers. It must never know what the numbers
//! mean.
//!
//! Own code, for the crates that read the format bring a parser of Python and big integers along, and allocate for what a header
//! claims.

use std::io::Read;
use std::path::Path;

use gradus_tensor::AnyTensor;

use crate::error::{DataError, quoted};
use crate::literal::{Literal, parse};
use crate::numbers::{Layout, Stored};
use crate::positioned::Positioned;

const MAGIC: &[u8; 6] = b"\x93NUMPY";
/// The longest header that is read: NumPy's own limit is 10,000.
const LONGEST_HEADER: usize = 1 << 16;
const DAMAGED: &str = "it is damaged or no .npy file: save it again with numpy.save";

/// Reads a `.npy` file whole: `bool`, `uint8`, `int32`, `int64`, `float32` and `float64` as they are, narrower types as the next
/// wider of these, `uint64` as `i64` if it fits; either byte order, C or Fortran order (NumPy: `numpy.load`).
///
/// ```
/// use gradus_data::read_npy;
/// # let path = std::env::temp_dir().join(format!("gradus-{}.npy", std::process::id()));
/// # let header = "{'descr': '<i2', 'fortran_order': False, 'shape': (2,), }";
/// # let mut bytes = b"\x93NUMPY\x01\x00\x76\x00".to_vec();
/// # bytes.extend(format!("{header:117}\n").into_bytes());
/// # bytes.extend([1, 0, 255, 255]);
/// # std::fs::write(&path, bytes)?; // numpy.save(path, numpy.array([1, -1], "int16"))
/// assert_eq!(read_npy(&path)?.cast::<i64>().to_vec(), [1, -1]);
/// # std::fs::remove_file(&path)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// If the file cannot be read, is no `.npy` file, holds Python objects, texts, complex numbers or records, has more or fewer bytes than
/// its header says, or more than 8 axes.
pub fn read_npy(path: impl AsRef<Path>) -> Result<AnyTensor, DataError> {
    whole(&Positioned::open(path.as_ref())?)
}

/// [`read_npy`] for bytes at hand; errors call them `name`.
///
/// ```
/// let error = gradus_data::npy_from_bytes(b"no array", "upload.npy").unwrap_err();
/// assert!(error.to_string().starts_with("upload.npy: does not begin as a .npy file; "));
/// ```
///
/// # Errors
/// As [`read_npy`].
pub fn npy_from_bytes(bytes: &[u8], name: &str) -> Result<AnyTensor, DataError> {
    whole(&Positioned::of_bytes(bytes, name))
}

fn whole(content: &Positioned) -> Result<AnyTensor, DataError> {
    let (header, start) = open(content)?;
    header.read(&mut content.reader(start, u64::MAX), content.name())
}

/// The header of an open file, held against its length, and where its numbers begin.
pub(crate) fn open(content: &Positioned) -> Result<(Header, u64), DataError> {
    let mut reader = content.reader(0, u64::MAX);
    let (header, start) = Header::read_from(&mut reader, content.name())?;
    let (claimed, there) = (header.layout.bytes(), content.length() - start);
    if claimed != there {
        let what = format!("its header claims {claimed} bytes of numbers, there are {there}");
        return Err(DataError::file(content.name(), what, DAMAGED));
    }
    Ok((header, start))
}

/// What the header says.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Header {
    /// With the axes in the order of the numbers: reversed if those are in Fortran order.
    pub(crate) layout: Layout,
    pub(crate) fortran_order: bool,
}

impl Header {
    /// Reads the numbers behind the header.
    pub(crate) fn read(&self, reader: &mut dyn Read, name: &str) -> Result<AnyTensor, DataError> {
        let stored = self.layout.read(reader, name)?;
        if !self.fortran_order || self.layout.shape.len() < 2 {
            return Ok(stored);
        }
        Ok(match stored {
            AnyTensor::F32(x) => reversed(&x).into(),
            AnyTensor::F64(x) => reversed(&x).into(),
            AnyTensor::I32(x) => reversed(&x).into(),
            AnyTensor::I64(x) => reversed(&x).into(),
            AnyTensor::U8(x) => reversed(&x).into(),
            AnyTensor::Bool(x) => reversed(&x).into(),
        })
    }

    /// Reads magic, version and dictionary. Answers their length, too.
    pub(crate) fn read_from(reader: &mut dyn Read, name: &str) -> Result<(Self, u64), DataError> {
        let wrong = |what: &str| DataError::file(name, what.to_owned(), DAMAGED);
        let mut fill = |out: &mut [u8]| {
            reader.read_exact(out).map_err(|cause| match cause.kind() {
                std::io::ErrorKind::UnexpectedEof => wrong("ends within its header"),
                std::io::ErrorKind::InvalidInput | std::io::ErrorKind::InvalidData => {
                    wrong("its header cannot be unpacked")
                }
                _ => DataError::system(name, "read")(cause),
            })
        };
        let mut start = [0; 8];
        fill(&mut start)?;
        if start[..6] != *MAGIC {
            return Err(wrong("does not begin as a .npy file"));
        }
        let (length, width) = match start[6..] {
            [1, 0] => {
                let mut length = [0; 2];
                fill(&mut length)?;
                (usize::from(u16::from_le_bytes(length)), 2)
            }
            [2 | 3, 0] => {
                let mut length = [0; 4];
                fill(&mut length)?;
                (u32::from_le_bytes(length) as usize, 4)
            }
            _ => return Err(wrong(&format!("is of version {}.{}, not 1.0 to 3.0", start[6], start[7]))),
        };
        if length > LONGEST_HEADER {
            return Err(wrong(&format!("claims a header of {length} bytes, more than {LONGEST_HEADER}")));
        }
        let mut text = vec![0; length];
        fill(&mut text)?;
        let text = std::str::from_utf8(&text).map_err(|error| {
            wrong(&format!("its header is not UTF-8 at byte {}", 8 + width + error.valid_up_to()))
        })?;
        Ok((Self::of_text(text, 8 + width, name)?, (8 + width + length) as u64))
    }

    /// From the dictionary, which begins at byte `start`.
    fn of_text(text: &str, start: usize, name: &str) -> Result<Self, DataError> {
        let wrong = |what: String| DataError::file(name, what, DAMAGED);
        let literal = parse(text).map_err(|(at, what)| {
            wrong(format!("its header is no Python dictionary: {what} at byte {}", start + at))
        })?;
        let Literal::Dictionary(entries) = literal else {
            return Err(wrong("its header is no Python dictionary".to_owned()));
        };
        let [mut descr, mut order, mut shape] = [None, None, None];
        for (key, value) in entries {
            let place = match key.as_str() {
                "descr" => &mut descr,
                "fortran_order" => &mut order,
                "shape" => &mut shape,
                _ => return Err(wrong(format!("its header has an unknown entry {}", quoted(&key)))),
            };
            if place.replace(value).is_some() {
                return Err(wrong(format!("its header has two entries {}", quoted(&key))));
            }
        }
        let (Some(descr), Some(order), Some(shape)) = (descr, order, shape) else {
            return Err(wrong("its header lacks descr, fortran_order or shape".to_owned()));
        };
        let (stored, big_endian) = element(&descr, name)?;
        let Literal::Truth(fortran_order) = order else {
            return Err(wrong("its fortran_order is neither True nor False".to_owned()));
        };
        let Literal::Tuple(shape) = shape else {
            return Err(wrong("its shape is no tuple".to_owned()));
        };
        let lengths = shape.iter().map(|length| match length {
            Literal::Whole(length) => Some(*length),
            _ => None,
        });
        let Some(mut lengths) = lengths.collect::<Option<Vec<u64>>>() else {
            return Err(wrong("its shape holds something else than lengths".to_owned()));
        };
        if fortran_order {
            lengths.reverse();
        }
        let layout = Layout::new(stored, big_endian, &lengths).map_err(wrong)?;
        Ok(Self { layout, fortran_order })
    }
}

/// The axes in the opposite order.
fn reversed<T: gradus_tensor::Element>(x: &gradus_tensor::Tensor<T>) -> gradus_tensor::Tensor<T> {
    let axes: Vec<usize> = (0..x.rank()).rev().collect();
    x.permute(&axes).contiguous()
}

/// The type that `descr` names: byte order, kind, bytes.
fn element(descr: &Literal, name: &str) -> Result<(Stored, bool), DataError> {
    let wrong = |what: String, mend| Err(DataError::file(name, what, mend));
    let Literal::Text(text) = descr else {
        return wrong(
            "its descr is no text: it holds records".to_owned(),
            "save each field as an array of its own",
        );
    };
    let mut letters = text.chars();
    let order = letters.next();
    let stored = match letters.as_str() {
        "b1" => Stored::Bool,
        "u1" => Stored::U8,
        "i1" => Stored::I8,
        "u2" => Stored::U16,
        "i2" => Stored::I16,
        "u4" => Stored::U32,
        "i4" => Stored::I32,
        "u8" => Stored::U64,
        "i8" => Stored::I64,
        "f2" => Stored::F16,
        "f4" => Stored::F32,
        "f8" => Stored::F64,
        other => {
            let what = format!("its type {} is not known", quoted(text));
            return match other.chars().next() {
                Some('O') => wrong(
                    format!("{what}: it holds Python objects, and reading those would run their code"),
                    "convert it to numbers before it is saved",
                ),
                Some('c') => wrong(format!("{what}: complex numbers"), "save real and imaginary parts"),
                Some('U' | 'S') => wrong(format!("{what}: texts"), "save texts as CSV or JSONL"),
                _ => wrong(what, "save it as float32, float64, bool or integers of up to 64 bits"),
            };
        }
    };
    match order {
        Some('<') => Ok((stored, false)),
        Some('>') => Ok((stored, true)),
        Some('|') if stored.size() == 1 => Ok((stored, false)),
        _ => wrong(format!("its type {} has no known byte order", quoted(text)), DAMAGED),
    }
}
