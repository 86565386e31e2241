//! Values from nothing but sizes and numbers: constants, ranges, identities, triangles, windows. It must never know what they
//! are for.

use gradus_tensor::{AnyTensor, Tensor};

use super::Mapping;
use super::shape::lengths;
use crate::call::{Answer, Call, one};
use crate::kind::Kind;
use crate::value::{Array, Result, failed, on_any, on_numbers, unmapped};

pub(super) const TABLE: &[(&str, Mapping)] = &[
    ("BlackmanWindow", |c| window(c, &[0.42, -0.5, 0.08])),
    ("Constant", constant),
    ("ConstantOfShape", constant_of_shape),
    ("EyeLike", eye_like),
    ("HammingWindow", |c| window(c, &[25.0 / 46.0, -21.0 / 46.0])),
    ("HannWindow", |c| window(c, &[0.5, -0.5])),
    ("Range", range),
    ("Trilu", trilu),
];

fn constant(call: &Call) -> Answer {
    if let Some(array) = call.tensor_attribute("value")? {
        return one(array);
    }
    if call.has("value_int") {
        return one(Tensor::scalar(call.int("value_int", 0)));
    }
    if let Some(ints) = call.ints("value_ints") {
        return one(Tensor::from(ints));
    }
    if call.has("value_float") {
        return one(Tensor::scalar(call.float("value_float", 0.0) as f32));
    }
    if let Some(floats) = call.floats("value_floats") {
        return one(floats.iter().map(|&x| x as f32).collect::<Tensor<f32>>());
    }
    unmapped(if call.has("value_string") || call.has("value_strings") { "strings" } else { "sparse tensors" })
}

fn constant_of_shape(call: &Call) -> Answer {
    let shape = lengths(&call.array(0)?.ints())?;
    let value = call.tensor_attribute("value")?.unwrap_or_else(|| Tensor::from([0.0_f32]).into());
    on_any!(value, |t| one(value.with(&Tensor::full(shape, t.reshape([]).item()))))
}

/// The element type in an attribute, or a default.
pub(super) fn kind(call: &Call, name: &str, default: Kind) -> Result<Kind> {
    if call.has(name) { Kind::of_number(call.int(name, 0) as i32).or_else(unmapped) } else { Ok(default) }
}

fn eye_like(call: &Call) -> Answer {
    let x = call.array(0)?;
    let [rows, columns] = x.shape()[..] else { return failed("EyeLike: no matrix") };
    let shift = call.int("k", 0);
    let eye = Tensor::<i64>::from_fn([rows, columns], |i| i64::from(i[0] as i64 + shift == i[1] as i64));
    one(Array::of(kind(call, "dtype", x.kind)?, &eye.into()))
}

fn range(call: &Call) -> Answer {
    let (start, limit, step) = (call.array(0)?, call.array(1)?, call.array(2)?);
    let [from, to, by] = [start, limit, step].map(|x| x.cast::<f64>().reshape([]).item());
    let count = ((to - from) / by).ceil().max(0.0) as usize;
    on_numbers!(start, |t| {
        let steps = Tensor::arange(count);
        let by = super::binary::like(t, step).reshape([]);
        one(start.with(&(steps * &by + &t.reshape([]))))
    })
}

fn trilu(call: &Call) -> Answer {
    let x = call.array(0)?;
    let shift = call.maybe(1).map_or(0, |k| k.cast::<i64>().item()) as isize;
    let upper = call.flag("upper", true);
    on_any!(x, |t| one(x.with(&if upper { t.triu(shift) } else { t.tril(shift) })))
}

/// Σ aₖ cos(2πkn/N): N is the size of a periodic window, one less of a symmetric one.
fn window(call: &Call, terms: &[f64]) -> Answer {
    let size = call.array(0)?.cast::<i64>().reshape([]).item().max(0) as usize;
    let period = if call.flag("periodic", true) { size } else { size.saturating_sub(1) };
    let turns = Tensor::<f64>::arange(size).mul_scalar(2.0 * std::f64::consts::PI / period as f64);
    let wave = |(k, &a): (usize, &f64)| turns.mul_scalar(k as f64).cos().mul_scalar(a);
    let sum = terms.iter().enumerate().map(wave).reduce(|a, b| a + b).unwrap_or_default();
    one(Array::of(kind(call, "output_datatype", Kind::F32)?, &AnyTensor::from(sum)))
}
