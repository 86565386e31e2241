//! Numbers as array files store them, and the tensors they become: each type that tensors hold as it is, each other one as the
//! narrowest that holds all its values. It must never know a file's header.

use std::io::{self, Read};

use gradus_tensor::{AnyTensor, Element, MAX_RANK, Shape, Tensor};

use crate::error::DataError;

/// Bytes that are converted at a time.
const CHUNK: usize = 1 << 16;

/// A type that files store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stored {
    Bool,
    U8,
    I8,
    U16,
    I16,
    U32,
    I32,
    U64,
    I64,
    F16,
    F32,
    F64,
}

impl Stored {
    /// Bytes per number.
    pub(crate) const fn size(self) -> usize {
        match self {
            Self::Bool | Self::U8 | Self::I8 => 1,
            Self::U16 | Self::I16 | Self::F16 => 2,
            Self::U32 | Self::I32 | Self::F32 => 4,
            Self::U64 | Self::I64 | Self::F64 => 8,
        }
    }
}

/// How an array's numbers follow upon one another: row-major, most or least significant byte first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Layout {
    pub(crate) stored: Stored,
    pub(crate) big_endian: bool,
    pub(crate) shape: Shape,
}

impl Layout {
    /// A layout of axis lengths that a file claims: `Err` says what is wrong with them.
    pub(crate) fn new(stored: Stored, big_endian: bool, claimed: &[u64]) -> Result<Self, String> {
        let shown = || format!("{claimed:?}");
        if claimed.len() > MAX_RANK {
            return Err(format!("{} axes are more than {MAX_RANK}", claimed.len()));
        }
        // Empty axes count as 1, for strides are made of the others. 8: what a number becomes may be wider.
        let bytes = claimed.iter().try_fold(8_u64, |product, &dim| product.checked_mul(dim.max(1)));
        if bytes.is_none_or(|bytes| isize::try_from(bytes).is_err()) {
            return Err(format!("the shape {} is more than memory can address", shown()));
        }
        let dims: Result<Vec<usize>, _> = claimed.iter().map(|&dim| usize::try_from(dim)).collect();
        let dims = dims.map_err(|_| format!("the shape {} is more than memory can address", shown()))?;
        Ok(Self { stored, big_endian, shape: Shape::new(&dims) })
    }

    /// The bytes of all numbers.
    pub(crate) fn bytes(&self) -> u64 {
        (self.shape.count() * self.stored.size()) as u64
    }

    /// The bytes of one element of the first axis.
    pub(crate) fn row_bytes(&self) -> usize {
        self.shape.get(1..).unwrap_or(&[]).iter().product::<usize>() * self.stored.size()
    }

    /// The same numbers with another length of the first axis.
    pub(crate) fn with_rows(mut self, rows: usize) -> Self {
        let mut dims = self.shape.to_vec();
        if let Some(first) = dims.first_mut() {
            *first = rows;
        }
        self.shape = Shape::new(&dims);
        self
    }

    /// Reads all numbers; the caller has compared [`Layout::bytes`] with what there is.
    pub(crate) fn read(&self, reader: &mut dyn Read, file: &str) -> Result<AnyTensor, DataError> {
        let mut source = Source { reader, buffer: vec![0; CHUNK.min(self.bytes() as usize)], flaw: None };
        let big = self.big_endian;
        macro_rules! fill {
            ($stored:ty => $tensor:ty) => {
                fill!($stored => $tensor, |value: $stored| <$tensor>::from(value))
            };
            ($stored:ty => $tensor:ty, $convert:expr) => {{
                let convert: fn($stored) -> $tensor = $convert;
                if big {
                    source.fill(self.shape, |_, bytes| convert(<$stored>::from_be_bytes(bytes)))
                } else {
                    source.fill(self.shape, |_, bytes| convert(<$stored>::from_le_bytes(bytes)))
                }
            }};
        }
        let tensor = match self.stored {
            Stored::Bool => source.fill(self.shape, |flaw, [byte]| {
                if byte > 1 {
                    flaw.get_or_insert(format!("is the byte {byte}, truth values are 0 or 1"));
                }
                byte == 1
            }),
            Stored::U8 => source.fill(self.shape, |_, [byte]| byte),
            Stored::I8 => fill!(i8 => i32),
            Stored::U16 => fill!(u16 => i32),
            Stored::I16 => fill!(i16 => i32),
            Stored::U32 => fill!(u32 => i64),
            Stored::I32 => fill!(i32 => i32),
            Stored::U64 => source.fill(self.shape, |flaw, bytes| {
                let value = if big { u64::from_be_bytes(bytes) } else { u64::from_le_bytes(bytes) };
                i64::try_from(value).unwrap_or_else(|_| {
                    flaw.get_or_insert(format!("is {value}, more than an i64 can hold"));
                    0
                })
            }),
            Stored::I64 => fill!(i64 => i64),
            Stored::F16 => fill!(u16 => f32, half),
            Stored::F32 => fill!(f32 => f32),
            Stored::F64 => fill!(f64 => f64),
        };
        let tensor = tensor.map_err(|cause| match cause.kind() {
            io::ErrorKind::UnexpectedEof => {
                let what = format!("ends before the {} bytes of its numbers do", self.bytes());
                DataError::file(file, what, "it is cut off: fetch it again")
            }
            io::ErrorKind::InvalidInput | io::ErrorKind::InvalidData => {
                let what = format!("its compressed numbers are damaged: {cause}");
                DataError::file(file, what, "fetch it again")
            }
            _ => DataError::system(file, "read")(cause),
        })?;
        match source.flaw {
            None => Ok(tensor),
            Some((place, what)) => {
                let mend = "store the array with another type";
                Err(DataError::file(file, format!("its number {place} (from 0) {what}"), mend))
            }
        }
    }
}

/// Where numbers come from, and the first that no tensor can hold.
struct Source<'r> {
    reader: &'r mut dyn Read,
    buffer: Vec<u8>,
    flaw: Option<(usize, String)>,
}

impl Source<'_> {
    fn fill<T: Element, const N: usize>(
        &mut self,
        shape: Shape,
        decode: impl Fn(&mut Option<String>, [u8; N]) -> T,
    ) -> io::Result<AnyTensor>
    where
        AnyTensor: From<Tensor<T>>,
    {
        let mut tensor = Tensor::<T>::zeros(shape);
        let mut flaw = None;
        for (chunk, out) in tensor.make_mut().chunks_mut(CHUNK / N).enumerate() {
            let bytes = &mut self.buffer[..out.len() * N];
            self.reader.read_exact(bytes)?;
            for (value, &bytes) in out.iter_mut().zip(bytes.as_chunks::<N>().0) {
                *value = decode(&mut flaw, bytes);
            }
            if let Some(what) = flaw.take().filter(|_| self.flaw.is_none()) {
                let bad = bytes.as_chunks::<N>().0.iter().position(|&bytes| {
                    let mut flaw = None;
                    decode(&mut flaw, bytes);
                    flaw.is_some()
                });
                self.flaw = Some((chunk * (CHUNK / N) + bad.unwrap_or(0), what));
            }
        }
        Ok(tensor.into())
    }
}

/// IEEE half precision to single, exactly: 1 sign bit, 5 of exponent (bias 15), 10 of fraction.
fn half(bits: u16) -> f32 {
    let (exponent, fraction) = (u32::from(bits >> 10 & 0x1F), u32::from(bits & 0x3FF));
    let magnitude = match exponent {
        // Subnormal: fraction · 2⁻²⁴, which single precision holds as a normal number.
        0 => (fraction as f32 * 2.0_f32.powi(-24)).to_bits(),
        31 => 0xFF << 23 | fraction << 13,
        _ => (exponent + 127 - 15) << 23 | fraction << 13,
    };
    f32::from_bits(u32::from(bits & 0x8000) << 16 | magnitude)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_half_has_the_value_of_its_definition() {
        for bits in 0..=u16::MAX {
            let sign = if bits >> 15 == 1 { -1.0 } else { 1.0 };
            let (exponent, fraction) = (i32::from(bits >> 10 & 0x1F), f64::from(bits & 0x3FF) / 1024.0);
            let want = match exponent {
                0 => sign * fraction * 2.0_f64.powi(-14),
                31 if fraction == 0.0 => sign * f64::INFINITY,
                31 => f64::NAN,
                _ => sign * (1.0 + fraction) * 2.0_f64.powi(exponent - 15),
            };
            let got = f64::from(half(bits));
            assert!(got.to_bits() == want.to_bits() || got.is_nan() && want.is_nan(), "{bits:#06x}: {got}");
        }
    }

    #[test]
    fn shapes_that_cannot_be_are_refused() {
        let layout = |dims: &[u64]| Layout::new(Stored::U8, false, dims).map(|layout| layout.bytes());
        assert_eq!(layout(&[2, 3]), Ok(6));
        assert_eq!(layout(&[]), Ok(1));
        assert_eq!(layout(&[0, 1 << 40]), Ok(0));
        for dims in [&[1 << 60][..], &[0, 1 << 62], &[1 << 32, 1 << 32], &[u64::MAX, u64::MAX], &[1; 9]] {
            assert!(layout(dims).is_err(), "{dims:?}");
        }
    }
}
