//! Writes a state: plans the header first, so that a state that cannot be written is refused before a file is made,
//! then lets the tensors' bytes follow. It must never know a file.

use std::collections::BTreeMap;
use std::io::{self, Write};

use gradus_module::State;
use gradus_tensor::{AnyTensor, Element, Tensor};
use serde_json::Value;

use super::element::{name, rank};
use super::{CHUNK, LONGEST_HEADER, METADATA};
use crate::error::IoError;

/// A header and the tensors in its order.
pub(super) struct Plan<'s> {
    header: String,
    tensors: Vec<&'s AnyTensor>,
    data: usize,
}

impl<'s> Plan<'s> {
    /// Orders the tensors as the format's reference does, the widest element types first and then by name, so that
    /// every tensor's bytes are aligned and equal states give equal files.
    pub(super) fn new(
        file: &str,
        state: &'s State,
        metadata: &BTreeMap<String, String>,
    ) -> Result<Self, IoError> {
        let wrong = |what, mend| Err(IoError::Format { file: file.to_owned(), what, mend });
        if state.get(METADATA).is_some() {
            let what = format!("a tensor is named {METADATA}, which the format keeps for itself");
            return wrong(what, "give it another name");
        }
        let mut entries: Vec<_> = state.iter().collect();
        entries.sort_by_key(|(name, value)| (std::cmp::Reverse(rank(value.dtype())), *name));
        let mut parts = Vec::with_capacity(entries.len() + 1);
        if !metadata.is_empty() {
            let texts: Vec<String> = metadata
                .iter()
                .map(|(name, text)| format!("{}:{}", Value::from(&**name), Value::from(&**text)))
                .collect();
            parts.push(format!("\"{METADATA}\":{{{}}}", texts.join(",")));
        }
        let mut data = 0;
        for (path, value) in &entries {
            let dims: Vec<String> = value.shape().iter().map(usize::to_string).collect();
            let end = data + value.len() * value.dtype().size();
            parts.push(format!(
                r#"{}:{{"dtype":"{}","shape":[{}],"data_offsets":[{data},{end}]}}"#,
                Value::from(*path),
                name(value.dtype()),
                dims.join(","),
            ));
            data = end;
        }
        let mut header = format!("{{{}}}", parts.join(","));
        header.extend(std::iter::repeat_n(' ', header.len().next_multiple_of(8) - header.len()));
        if header.len() as u64 > LONGEST_HEADER {
            let what =
                format!("the names make a header of {} bytes, {LONGEST_HEADER} are possible", header.len());
            return wrong(what, "shorten the names or the metadata, or part the state");
        }
        Ok(Self { header, tensors: entries.into_iter().map(|(_, value)| value).collect(), data })
    }

    /// The bytes of the whole.
    pub(super) fn length(&self) -> usize {
        8 + self.header.len() + self.data
    }

    /// Writes the whole.
    pub(super) fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        out.write_all(&(self.header.len() as u64).to_le_bytes())?;
        out.write_all(self.header.as_bytes())?;
        for tensor in &self.tensors {
            match tensor {
                AnyTensor::F64(x) => put(out, x, f64::to_le_bytes)?,
                AnyTensor::F32(x) => put(out, x, f32::to_le_bytes)?,
                AnyTensor::I64(x) => put(out, x, i64::to_le_bytes)?,
                AnyTensor::I32(x) => put(out, x, i32::to_le_bytes)?,
                AnyTensor::U8(x) => put(out, x, |b| [b])?,
                AnyTensor::Bool(x) => put(out, x, |b| [u8::from(b)])?,
            }
        }
        Ok(())
    }
}

fn put<T: Element, const N: usize>(
    out: &mut dyn Write,
    x: &Tensor<T>,
    encode: impl Fn(T) -> [u8; N],
) -> io::Result<()> {
    let x = x.contiguous();
    let mut bytes = Vec::with_capacity(CHUNK);
    for values in x.as_slice().unwrap_or(&[]).chunks(CHUNK / N) {
        bytes.clear();
        bytes.extend(values.iter().flat_map(|&value| encode(value)));
        out.write_all(&bytes)?;
    }
    Ok(())
}
