//! Changes of the element type. Those between types of ours are the library's; those to narrower types round as ONNX says.

use gradus_tensor::{AnyTensor, Tensor};

use super::Mapping;
use crate::call::{Answer, Call, one};
use crate::kind::Kind;
use crate::value::{Array, Result, failed, unmapped};

pub(super) const TABLE: &[(&str, Mapping)] =
    &[("BitCast", bit_cast), ("Cast", cast), ("CastLike", cast_like)];

fn cast(call: &Call) -> Answer {
    let kind = Kind::of_number(call.int("to", 0) as i32).or_else(unmapped)?;
    one(to(call.array(0)?, kind, call)?)
}

fn cast_like(call: &Call) -> Answer {
    one(to(call.array(0)?, call.array(1)?.kind, call)?)
}

fn to(x: &Array, kind: Kind, call: &Call) -> Result<Array> {
    let Kind::Small(format) = kind else { return Ok(Array::of(kind, &x.data)) };
    if x.kind == kind {
        return Ok(x.clone());
    }
    let values = x.cast::<f64>();
    let rounded: Tensor<f64> = if format.has_only_powers() {
        let mode = call.text("round_mode", "up");
        let towards: fn(f64) -> f64 = match mode.as_str() {
            "up" => f64::ceil,
            "down" => f64::floor,
            "nearest" => f64::round,
            _ => return unmapped(format!("Cast rounded {mode}")),
        };
        values.map(move |x| power_of_two(x, towards))
    } else {
        let saturate = format.is_tiny() && call.flag("saturate", true);
        values.map(move |x| format.nearest(x, saturate))
    };
    Ok(Array { kind, data: rounded.cast::<f32>().into() })
}

/// A power of two near `x`, among those that E8M0 has.
fn power_of_two(x: f64, towards: fn(f64) -> f64) -> f64 {
    if x.is_nan() { x } else { towards(x.abs().log2()).clamp(-127.0, 127.0).exp2() }
}

fn bit_cast(call: &Call) -> Answer {
    let x = call.array(0)?;
    let kind = Kind::of_number(call.int("to", 0) as i32).or_else(unmapped)?;
    if kind.bits() != x.kind.bits() {
        return failed(format!("BitCast: {} bits to {}", x.kind.bits(), kind.bits()));
    }
    if matches!(x.kind, Kind::Small(_)) {
        return unmapped("bits of half floats");
    }
    let bits: Vec<u64> = match &x.data {
        AnyTensor::F32(t) => t.to_vec().iter().map(|v| u64::from(v.to_bits())).collect(),
        AnyTensor::F64(t) => t.to_vec().iter().map(|v| v.to_bits()).collect(),
        _ => x.ints().iter().map(|&v| v as u64).collect(),
    };
    one(Array { kind, data: kind.of_bits(x.shape(), &bits) })
}
