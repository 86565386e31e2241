//! Numbers as small integers or floats with a scale and a zero point, and products of such. It must never know how narrow types
//! are stored.

use gradus_tensor::Tensor;

use super::Mapping;
use super::conv::{conv_integer, convolved};
use super::create::kind;
use super::window::Window;
use crate::call::{Answer, Call, all, one};
use crate::kind::Kind;
use crate::value::{Array, Result, failed, unmapped};

pub(super) const TABLE: &[(&str, Mapping)] = &[
    ("ConvInteger", conv_integer),
    ("DequantizeLinear", dequantize),
    ("DynamicQuantizeLinear", dynamic_quantize),
    ("MatMulInteger", matmul_integer),
    ("QLinearConv", qlinear_conv),
    ("QLinearMatMul", qlinear_matmul),
    ("QuantizeLinear", quantize),
];

/// A scale or zero point laid over `x`: one number, one per part of an axis, or one per block of it.
fn laid_over(call: &Call, p: &Array, x: &Array) -> Result<Tensor<f32>> {
    let values = p.cast::<f32>();
    if values.len() == 1 {
        return Ok(values.reshape([]));
    }
    let axis = x.axis(call.int("axis", 1))?;
    let block = call.int("block_size", 0).max(0) as usize;
    if block > 0 {
        return Ok(values.repeat_interleave(block, axis as isize).narrow(axis as isize, 0, x.shape()[axis]));
    }
    let mut shape = vec![1; x.rank()];
    shape[axis] = values.len();
    Ok(values.reshape(shape))
}

/// The nearest values of `kind`; what is too large saturates.
fn saturated(x: &Tensor<f32>, kind: Kind, saturate: bool) -> Array {
    if let Kind::Small(format) = kind {
        let near = x.map(move |v| format.nearest(f64::from(v), saturate) as f32);
        return Array { kind, data: near.into() };
    }
    let (low, high) = kind.range();
    let whole = x.map(move |v| (v.round_ties_even() as i64).clamp(low, high));
    Array::of(kind, &whole.into())
}

fn quantize(call: &Call) -> Answer {
    let (x, scale) = (call.array(0)?, call.array(1)?);
    let kind = match call.maybe(2) {
        Some(zero) => zero.kind,
        None => kind(call, "output_dtype", Kind::U8)?,
    };
    let mut y = x.cast::<f32>() / &laid_over(call, scale, x)?;
    if !kind.is_float() {
        y = y.round();
    }
    if let Some(zero) = call.maybe(2) {
        y += &laid_over(call, zero, x)?;
    }
    one(saturated(&y, kind, call.flag("saturate", true)))
}

fn dequantize(call: &Call) -> Answer {
    let (x, scale) = (call.array(0)?, call.array(1)?);
    let mut y = x.cast::<f32>();
    if let Some(zero) = call.maybe(2) {
        y -= &laid_over(call, zero, x)?;
    }
    y *= &laid_over(call, scale, x)?;
    one(Array::of(kind(call, "output_dtype", scale.kind)?, &y.into()))
}

fn dynamic_quantize(call: &Call) -> Answer {
    let x = call.array(0)?.cast::<f32>();
    let (low, high) = (x.min_axes(&[], false).item().min(0.0), x.max_axes(&[], false).item().max(0.0));
    let scale = (high - low) / 255.0;
    let zero = (-low / scale).round_ties_even().clamp(0.0, 255.0);
    let y = (x / scale).round() + zero;
    let zero = Tensor::scalar(zero as u8);
    all([saturated(&y, Kind::U8, true), Tensor::scalar(scale).into(), zero.into()])
}

/// Input `i`, one number.
fn number(call: &Call, i: usize) -> Result<f64> {
    match call.array(i)?.cast::<f64>().to_vec()[..] {
        [number] => Ok(number),
        _ => unmapped(format!("{} with several scales or zero points", call.node.op_type)),
    }
}

fn matmul_integer(call: &Call) -> Answer {
    let (mut a, mut b) = (call.array(0)?.cast::<f64>(), call.array(1)?.cast::<f64>());
    if let Some(zero) = call.tensor::<f64>(2) {
        // One number, or one per row.
        a -= &if zero.rank() == 1 && zero.len() > 1 { zero.unsqueeze(-1) } else { zero };
    }
    if let Some(zero) = call.tensor::<f64>(3) {
        b -= &zero;
    }
    one(a.matmul(&b).cast::<i32>())
}

fn qlinear_matmul(call: &Call) -> Answer {
    let a = call.array(0)?.cast::<f64>() - number(call, 2)?;
    let b = call.array(3)?.cast::<f64>() - number(call, 5)?;
    let factor = number(call, 1)? * number(call, 4)? / number(call, 6)?;
    let y = a.matmul(&b).mul_scalar(factor).round().add_scalar(number(call, 7)?);
    one(saturated(&y.cast(), call.array(7)?.kind, true))
}

fn qlinear_conv(call: &Call) -> Answer {
    let (x, w) = (call.array(0)?, call.array(3)?);
    let window = Window::read(call, &x.shape()[2..], w.shape()[2..].to_vec())?;
    let per_filter = |i: usize| -> Result<Tensor<f64>> {
        let values = call.array(i)?.cast::<f64>();
        let filters = w.shape()[0];
        let mut shape = vec![1; w.rank()];
        shape[0] = values.len();
        if values.len() == 1 || values.len() == filters {
            Ok(values.reshape(shape))
        } else {
            failed(format!("QLinearConv: {} numbers for {filters} filters", values.len()))
        }
    };
    let groups = call.int("group", 1) as usize;
    let weights = w.cast::<f64>() - &per_filter(5)?;
    let sums =
        convolved(&(x.cast::<f64>() - number(call, 2)?), &weights, call.tensor(8).as_ref(), &window, groups)?;
    let factor = (per_filter(4)? * (number(call, 1)? / number(call, 6)?)).transpose(0, 1);
    let y = (sums * &factor).round().add_scalar(number(call, 7)?);
    one(saturated(&y.cast(), call.array(7)?.kind, true))
}
