//! The element types of the format that Gradus reads, and the conversion of those that it does not calculate with.
//! One table; it must never know where the bytes come from.

use gradus_tensor::DType;

/// An element type as a header names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Element {
    /// One that tensors hold too.
    Plain(DType),
    /// IEEE half precision; becomes f32.
    F16,
    /// The upper half of an f32; becomes f32.
    Bf16,
}

/// What a header may say. In the order of the format's reference, which sorts a file's tensors by the last first.
const NAMES: [(&str, Element); 8] = [
    ("BOOL", Element::Plain(DType::Bool)),
    ("U8", Element::Plain(DType::U8)),
    ("F16", Element::F16),
    ("BF16", Element::Bf16),
    ("I32", Element::Plain(DType::I32)),
    ("F32", Element::Plain(DType::F32)),
    ("F64", Element::Plain(DType::F64)),
    ("I64", Element::Plain(DType::I64)),
];

impl Element {
    /// The type of that name.
    pub(super) fn named(name: &str) -> Option<Self> {
        NAMES.iter().find(|(known, _)| *known == name).map(|&(_, element)| element)
    }

    /// All names, for an error's mend.
    pub(super) const KNOWN: &'static str =
        "Gradus reads BOOL, U8, F16, BF16, I32, F32, F64 and I64: convert the tensor where it was made";

    /// Bytes per element.
    pub(super) const fn size(self) -> u64 {
        match self {
            Self::Plain(dtype) => dtype.size() as u64,
            Self::F16 | Self::Bf16 => 2,
        }
    }
}

/// The format's name for a tensor's element type.
pub(super) const fn name(dtype: DType) -> &'static str {
    match dtype {
        DType::F32 => "F32",
        DType::F64 => "F64",
        DType::I32 => "I32",
        DType::I64 => "I64",
        DType::U8 => "U8",
        DType::Bool => "BOOL",
    }
}

/// The place of an element type in the reference's order.
pub(super) fn rank(dtype: DType) -> Option<usize> {
    NAMES.iter().position(|&(_, element)| element == Element::Plain(dtype))
}

/// Half precision to single, exactly: 1 sign bit, 5 of exponent (bias 15), 10 of fraction.
pub(super) fn f16(bits: u16) -> f32 {
    let sign = u32::from(bits & 0x8000) << 16;
    let (exponent, fraction) = (u32::from(bits >> 10 & 0x1F), u32::from(bits & 0x3FF));
    let magnitude = match exponent {
        // Subnormal: fraction · 2⁻²⁴, which single precision holds as a normal number.
        0 => (fraction as f32 * 2.0_f32.powi(-24)).to_bits(),
        31 => 0xFF << 23 | fraction << 13,
        _ => (exponent + 127 - 15) << 23 | fraction << 13,
    };
    f32::from_bits(sign | magnitude)
}

/// Brain float to single, exactly: the upper 16 bits.
pub(super) fn bf16(bits: u16) -> f32 {
    f32::from_bits(u32::from(bits) << 16)
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
            let got = f64::from(f16(bits));
            assert!(got.to_bits() == want.to_bits() || got.is_nan() && want.is_nan(), "{bits:#06x}: {got}");
        }
    }

    #[test]
    fn brain_floats_have_the_value_of_their_definition() {
        for bits in 0..=u16::MAX {
            let sign = if bits >> 15 == 1 { -1.0 } else { 1.0 };
            let (exponent, fraction) = (i32::from(bits >> 7 & 0xFF), f64::from(bits & 0x7F) / 128.0);
            let want = match exponent {
                0 => sign * fraction * 2.0_f64.powi(-126),
                255 if fraction == 0.0 => sign * f64::INFINITY,
                255 => f64::NAN,
                _ => sign * (1.0 + fraction) * 2.0_f64.powi(exponent - 127),
            };
            let got = f64::from(bf16(bits));
            assert!(got.to_bits() == want.to_bits() || got.is_nan() && want.is_nan(), "{bits:#06x}: {got}");
        }
    }

    #[test]
    fn every_type_of_tensors_is_found_by_its_name() {
        for dtype in [DType::F32, DType::F64, DType::I32, DType::I64, DType::U8, DType::Bool] {
            assert_eq!(Element::named(name(dtype)), Some(Element::Plain(dtype)));
            assert!(rank(dtype).is_some());
        }
        assert!(NAMES.iter().all(|(name, _)| Element::KNOWN.contains(name)));
    }
}
