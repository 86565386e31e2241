//! The element types of ONNX and the ones of ours that carry them. Types that no tensor of ours holds (8- and 16-bit
//! integers, half floats, 8- and 4-bit floats) are computed in the next wider type and brought back into their range after
//! each operator. It must never know an operator.

use gradus_tensor::{AnyTensor, DType, Tensor};

use super::small_float::SmallFloat;

/// An element type, with the name that ONNX gives it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    F32,
    F64,
    I32,
    I64,
    U8,
    Bool,
    /// An integer of so many bits, signed or not.
    Int {
        bits: u32,
        signed: bool,
    },
    /// A float narrower than 32 bits.
    Small(SmallFloat),
}

const fn int(bits: u32, signed: bool) -> Kind {
    Kind::Int { bits, signed }
}

impl Kind {
    /// The type of this number in `TensorProto.DataType`; the reason if none of ours can carry it.
    pub(crate) fn of_number(number: i32) -> Result<Self, String> {
        Ok(match number {
            1 => Self::F32,
            2 => Self::U8,
            3 => int(8, true),
            4 => int(16, false),
            5 => int(16, true),
            6 => Self::I32,
            7 => Self::I64,
            8 => return Err("strings".into()),
            9 => Self::Bool,
            10 => Self::Small(SmallFloat::F16),
            11 => Self::F64,
            12 => int(32, false),
            13 => int(64, false),
            14 | 15 => return Err("complex numbers".into()),
            16 => Self::Small(SmallFloat::BF16),
            17 => Self::Small(SmallFloat::F8E4M3FN),
            18 => Self::Small(SmallFloat::F8E4M3FNUZ),
            19 => Self::Small(SmallFloat::F8E5M2),
            20 => Self::Small(SmallFloat::F8E5M2FNUZ),
            21 => int(4, false),
            22 => int(4, true),
            23 => Self::Small(SmallFloat::F4E2M1),
            24 => Self::Small(SmallFloat::F8E8M0),
            25 => int(2, false),
            26 => int(2, true),
            _ => return Err(format!("element type number {number}")),
        })
    }

    /// The element type that carries the values.
    pub(crate) fn carrier(self) -> DType {
        match self {
            Self::F32 | Self::Small(_) => DType::F32,
            Self::F64 => DType::F64,
            Self::I32 => DType::I32,
            Self::I64 => DType::I64,
            Self::U8 => DType::U8,
            Self::Bool => DType::Bool,
            Self::Int { bits, .. } => {
                if bits < 32 {
                    DType::I32
                } else {
                    DType::I64
                }
            }
        }
    }

    /// The type that a tensor of ours has by itself.
    pub(crate) fn natural(dtype: DType) -> Self {
        match dtype {
            DType::F32 => Self::F32,
            DType::F64 => Self::F64,
            DType::I32 => Self::I32,
            DType::I64 => Self::I64,
            DType::U8 => Self::U8,
            DType::Bool => Self::Bool,
        }
    }

    /// Whether a tensor of ours holds the type itself.
    pub(crate) fn is_native(self) -> bool {
        !matches!(self, Self::Int { .. } | Self::Small(_))
    }

    /// Whether the values are floats.
    pub(crate) fn is_float(self) -> bool {
        matches!(self, Self::F32 | Self::F64 | Self::Small(_))
    }

    /// Bits of one element as files pack it.
    pub(crate) fn bits(self) -> u32 {
        match self {
            Self::F32 | Self::I32 => 32,
            Self::F64 | Self::I64 => 64,
            Self::U8 | Self::Bool => 8,
            Self::Int { bits, .. } => bits,
            Self::Small(format) => format.bits(),
        }
    }

    /// The least and largest value of an integer type, as the carrier holds them.
    pub(crate) fn range(self) -> (i64, i64) {
        match self {
            Self::I32 => (i64::from(i32::MIN), i64::from(i32::MAX)),
            Self::U8 => (0, 255),
            Self::Bool => (0, 1),
            Self::Int { bits, signed: true } => (-(1 << (bits - 1)), (1 << (bits - 1)) - 1),
            Self::Int { bits, signed: false } if bits < 63 => (0, (1 << bits) - 1),
            _ => (i64::MIN, i64::MAX),
        }
    }

    /// The carrier's values brought into the type's range: integers wrap, floats round to the nearest, ties to even.
    pub(crate) fn narrow(self, data: AnyTensor) -> AnyTensor {
        match (self, data) {
            (Self::Int { bits: 64, .. }, data) => data,
            (Self::Int { bits, signed }, AnyTensor::I32(x)) => {
                x.map(move |v| wrapped(i64::from(v), bits, signed) as i32).into()
            }
            (Self::Int { bits, signed }, AnyTensor::I64(x)) => {
                x.map(move |v| wrapped(v, bits, signed)).into()
            }
            (Self::Small(format), AnyTensor::F32(x)) => {
                x.map(move |v| format.nearest(f64::from(v), false) as f32).into()
            }
            (_, data) => data,
        }
    }

    /// The values of `data` as this type's carrier, not narrowed.
    pub(crate) fn carried(self, data: &AnyTensor) -> AnyTensor {
        match self.carrier() {
            DType::F32 => data.cast::<f32>().into(),
            DType::F64 => data.cast::<f64>().into(),
            DType::I32 => data.cast::<i32>().into(),
            DType::I64 => data.cast::<i64>().into(),
            DType::U8 => data.cast::<u8>().into(),
            DType::Bool => data.cast::<bool>().into(),
        }
    }

    /// Elements from their bits, lowest first.
    pub(crate) fn of_bits(self, shape: &[usize], bits: &[u64]) -> AnyTensor {
        match self {
            Self::F32 => tensor(shape, bits, |b| f32::from_bits(b as u32)),
            Self::F64 => tensor(shape, bits, f64::from_bits),
            Self::I32 => tensor(shape, bits, |b| b as i32),
            Self::I64 => tensor(shape, bits, |b| b as i64),
            Self::U8 => tensor(shape, bits, |b| b as u8),
            Self::Bool => tensor(shape, bits, |b| b != 0),
            Self::Int { bits: width, signed } if width < 32 => {
                tensor(shape, bits, |b| wrapped(b as i64, width, signed) as i32)
            }
            Self::Int { bits: width, signed } => tensor(shape, bits, |b| wrapped(b as i64, width, signed)),
            Self::Small(format) => tensor(shape, bits, |b| format.value(b as u32) as f32),
        }
    }
}

fn tensor<T: gradus_tensor::Element>(shape: &[usize], bits: &[u64], f: impl Fn(u64) -> T) -> AnyTensor {
    let values: Vec<T> = bits.iter().map(|&b| f(b)).collect();
    AnyTensor::new(&Tensor::new(shape, &values))
}

/// The lowest `bits` of `value`, read as that integer type.
fn wrapped(value: i64, bits: u32, signed: bool) -> i64 {
    let spare = 64 - bits;
    if signed { value << spare >> spare } else { ((value as u64) << spare >> spare) as i64 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn narrow_integers_wrap() {
        assert_eq!(wrapped(200, 8, true), -56);
        assert_eq!(wrapped(-1, 16, false), 65535);
        assert_eq!(wrapped(9, 4, true), -7);
        let x = int(8, true).narrow(Tensor::from([127_i32, 128, -129]).into());
        assert_eq!(x, Tensor::from([127_i32, -128, 127]).into());
    }

    #[test]
    fn the_range_is_what_wrapping_leaves_alone() {
        for kind in [int(2, true), int(4, false), int(8, true), int(16, false), int(32, false)] {
            let Kind::Int { bits, signed } = kind else { continue };
            let (low, high) = kind.range();
            assert_eq!((wrapped(low, bits, signed), wrapped(high, bits, signed)), (low, high), "{kind:?}");
            assert_ne!(wrapped(high + 1, bits, signed), high + 1, "{kind:?}");
        }
    }
}
