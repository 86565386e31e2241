//! From the bytes of files to models and values. What the bytes claim is checked against what they hold. It must never
//! know an operator.

use std::fs;
use std::path::Path;

use gradus_tensor::MAX_RANK;
use prost::Message;

use super::kind::Kind;
use super::proto::{OptionalProto, SequenceProto, TensorProto, TypeProto};
use super::value::{Array, Result, Value, failed, unmapped};

/// A message out of a file.
pub(crate) fn read<M: Message + Default>(path: &Path) -> Result<M> {
    let bytes = fs::read(path).or_else(|error| failed(format!("{}: {error}", path.display())))?;
    message(&bytes).or_else(|_| failed(format!("{}: not such a message", path.display())))
}

fn message<M: Message + Default>(bytes: &[u8]) -> std::result::Result<M, prost::DecodeError> {
    M::decode(bytes)
}

/// The value in a file, of the type that the model declares for it.
pub(crate) fn value(path: &Path, kind: Option<&TypeProto>) -> Result<Value> {
    let Some(kind) = kind else { return failed("a value without a type") };
    if kind.sequence.is_some() {
        return Ok(Value::Sequence(sequence(&read(path)?)?));
    }
    if kind.optional.is_some() {
        let optional: OptionalProto = read(path)?;
        let held = match (&optional.tensor, &optional.sequence) {
            (Some(tensor), _) => Some(Value::Array(array(tensor)?)),
            (None, Some(list)) => Some(Value::Sequence(sequence(list)?)),
            (None, None) => None,
        };
        return Ok(Value::Optional(held.map(Box::new)));
    }
    if kind.tensor.is_none() {
        return unmapped("maps and sparse tensors");
    }
    Ok(Value::Array(array(&read(path)?)?))
}

fn sequence(proto: &SequenceProto) -> Result<Vec<Array>> {
    if !proto.sequence_values.is_empty() {
        return unmapped("sequences of sequences");
    }
    proto.tensor_values.iter().map(array).collect()
}

/// A tensor with the type and shape that it claims.
pub(crate) fn array(proto: &TensorProto) -> Result<Array> {
    let kind = Kind::of_number(proto.data_type).or_else(unmapped)?;
    if proto.dims.len() > MAX_RANK {
        return unmapped(format!("more than {MAX_RANK} axes"));
    }
    let mut shape = Vec::new();
    for &dim in &proto.dims {
        shape.push(usize::try_from(dim).or_else(|_| failed(format!("a tensor with the dimension {dim}")))?);
    }
    let wanted = shape.iter().try_fold(1_usize, |count, &dim| count.checked_mul(dim));
    let mut bits = bits(proto, kind);
    // Packed types fill their last byte.
    if kind.bits() < 8
        && wanted.is_some_and(|count| bits.len() - count.min(bits.len()) < 8 / kind.bits() as usize)
    {
        bits.truncate(wanted.unwrap_or(0));
    }
    if wanted != Some(bits.len()) {
        return failed(format!("a tensor of {shape:?} with {} elements", bits.len()));
    }
    Ok(Array { kind, data: kind.of_bits(&shape, &bits) })
}

/// The elements' bits, from whichever field holds them.
fn bits(proto: &TensorProto, kind: Kind) -> Vec<u64> {
    if let Some(raw) = &proto.raw_data {
        return unpacked(raw, kind.bits());
    }
    if !proto.float_data.is_empty() {
        return proto.float_data.iter().map(|x| u64::from(x.to_bits())).collect();
    }
    if !proto.double_data.is_empty() {
        return proto.double_data.iter().map(|x| x.to_bits()).collect();
    }
    if !proto.int64_data.is_empty() {
        return proto.int64_data.iter().map(|&x| x as u64).collect();
    }
    if !proto.uint64_data.is_empty() {
        return proto.uint64_data.clone();
    }
    if kind.bits() < 8 {
        let bytes: Vec<u8> = proto.int32_data.iter().map(|&x| x as u8).collect();
        return unpacked(&bytes, kind.bits());
    }
    proto.int32_data.iter().map(|&x| x as u64).collect()
}

/// Elements of so many bits out of little-endian bytes; those below a byte lie in it from the lowest bits up.
fn unpacked(bytes: &[u8], bits: u32) -> Vec<u64> {
    if bits < 8 {
        let per_byte = 8 / bits;
        let mask = (1_u64 << bits) - 1;
        return bytes
            .iter()
            .flat_map(|&b| (0..per_byte).map(move |i| u64::from(b) >> (i * bits) & mask))
            .collect();
    }
    let whole = |chunk: &[u8]| chunk.iter().rev().fold(0_u64, |sum, &b| sum << 8 | u64::from(b));
    bytes.chunks_exact(bits as usize / 8).map(whole).collect()
}

#[cfg(test)]
mod tests {
    use gradus_tensor::Tensor;

    use super::*;
    use crate::value::Stop;

    #[test]
    fn raw_and_typed_fields_give_the_same_tensor() {
        let raw = TensorProto {
            dims: vec![2],
            data_type: 1,
            raw_data: Some([1.5_f32, -2.0].iter().flat_map(|x| x.to_le_bytes()).collect()),
            ..TensorProto::default()
        };
        let typed = TensorProto {
            dims: vec![2],
            data_type: 1,
            float_data: vec![1.5, -2.0],
            ..TensorProto::default()
        };
        for proto in [raw, typed] {
            assert_eq!(array(&proto).unwrap().cast::<f32>(), Tensor::from([1.5, -2.0]));
        }
    }

    #[test]
    fn four_bit_integers_lie_low_half_first() {
        let proto = TensorProto {
            dims: vec![3],
            data_type: 22,
            raw_data: Some(vec![0x8f, 0x07]),
            ..TensorProto::default()
        };
        assert_eq!(array(&proto).unwrap().ints(), [-1, -8, 7]);
    }

    #[test]
    fn a_shape_that_the_bytes_do_not_fill_is_no_tensor() {
        for dims in [vec![3], vec![-1], vec![i64::MAX, i64::MAX]] {
            let proto = TensorProto { dims, data_type: 7, int64_data: vec![1, 2], ..TensorProto::default() };
            assert!(matches!(array(&proto), Err(Stop::Failed(_))));
        }
    }

    #[test]
    fn strings_are_said_to_be_unmapped() {
        let proto = TensorProto { data_type: 8, ..TensorProto::default() };
        assert_eq!(array(&proto).err(), Some(Stop::Unmapped("strings".into())));
    }
}
