//! Reads a file once from front to back, straight into tensors: no copy of the whole is ever held. Allocates only what
//! a checked header names, which is in proportion to the file.

use std::collections::BTreeMap;
use std::io::{self, Read};
use std::path::Path;

use gradus_module::State;
use gradus_tensor::{AnyTensor, DType, Tensor};

use super::element::{Element, bf16, f16};
use super::header::{Entry, Header};
use super::{CHUNK, DAMAGED, LONGEST_HEADER};
use crate::error::{IoError, quoted};

/// Reads `length` bytes, which must be all that the format demands.
pub(super) fn read(
    reader: &mut dyn Read,
    length: u64,
    path: &Path,
) -> Result<(State, BTreeMap<String, String>), IoError> {
    let file = path.display().to_string();
    let wrong = |what| IoError::Format { file: file.clone(), what, mend: DAMAGED };
    let Some(behind_length) = length.checked_sub(8) else {
        return Err(wrong(format!("{length} bytes are too few for a safetensors file")));
    };
    let mut number = [0; 8];
    reader.read_exact(&mut number).map_err(IoError::system(path, "read"))?;
    let header_length = u64::from_le_bytes(number);
    let longest = LONGEST_HEADER.min(behind_length);
    if header_length > longest {
        let mend = "it is cut off, or it is not a safetensors file: fetch it again or convert it";
        let what =
            format!("the first 8 bytes claim a header of {header_length} bytes, {longest} are possible");
        return Err(IoError::Format { file, what, mend });
    }
    // INVARIANT of the cast: at most LONGEST_HEADER.
    let mut text = vec![0; header_length as usize];
    reader.read_exact(&mut text).map_err(IoError::system(path, "read"))?;
    let Header { entries, metadata } = Header::parse(&file, &text, behind_length - header_length)?;
    drop(text);
    let mut state = State::default();
    let mut source = Source { reader, buffer: vec![0; CHUNK] };
    for entry in entries {
        let value = source.tensor(&entry).map_err(|failure| match failure {
            Failure::System(cause) => IoError::system(path, "read")(cause),
            Failure::Truth(place, byte) => {
                let what = format!("element {place} is the byte {byte}, truth values are 0 or 1");
                IoError::Tensor { file: file.clone(), tensor: quoted(&entry.name), what, mend: DAMAGED }
            }
        })?;
        state.push(entry.name, value);
    }
    Ok((state, metadata))
}

enum Failure {
    System(io::Error),
    /// Which element has which byte.
    Truth(usize, u8),
}

struct Source<'r> {
    reader: &'r mut dyn Read,
    buffer: Vec<u8>,
}

impl Source<'_> {
    fn tensor(&mut self, entry: &Entry) -> Result<AnyTensor, Failure> {
        let dtype = match entry.element {
            Element::F16 => return self.fill(entry, |b| f16(u16::from_le_bytes(b))),
            Element::Bf16 => return self.fill(entry, |b| bf16(u16::from_le_bytes(b))),
            Element::Plain(dtype) => dtype,
        };
        match dtype {
            DType::F64 => self.fill(entry, f64::from_le_bytes),
            DType::F32 => self.fill(entry, f32::from_le_bytes),
            DType::I64 => self.fill(entry, i64::from_le_bytes),
            DType::I32 => self.fill(entry, i32::from_le_bytes),
            DType::U8 => self.fill(entry, |[b]| b),
            DType::Bool => {
                let mut other = None;
                let mut place = 0;
                let tensor = self.fill(entry, |[b]| {
                    if b > 1 && other.is_none() {
                        other = Some(Failure::Truth(place, b));
                    }
                    place += 1;
                    b == 1
                })?;
                other.map_or(Ok(tensor), Err)
            }
        }
    }

    fn fill<T: gradus_tensor::Element, const N: usize>(
        &mut self,
        entry: &Entry,
        mut decode: impl FnMut([u8; N]) -> T,
    ) -> Result<AnyTensor, Failure>
    where
        AnyTensor: From<Tensor<T>>,
    {
        let mut tensor = Tensor::<T>::zeros(entry.shape);
        for out in tensor.make_mut().chunks_mut(CHUNK / N) {
            let bytes = &mut self.buffer[..out.len() * N];
            self.reader.read_exact(bytes).map_err(Failure::System)?;
            for (value, &bytes) in out.iter_mut().zip(bytes.as_chunks::<N>().0) {
                *value = decode(bytes);
            }
        }
        Ok(tensor.into())
    }
}
