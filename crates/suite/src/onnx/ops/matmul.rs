//! Products of matrices. It must never know layers.

use gradus_tensor::Tensor;

use super::Mapping;
use super::binary::like;
use crate::call::{Answer, Call, one};
use crate::value::{Array, Result, on_floats, on_numbers};

pub(super) const TABLE: &[(&str, Mapping)] =
    &[("Det", det), ("Einsum", einsum), ("Gemm", gemm), ("MatMul", product)];

fn det(call: &Call) -> Answer {
    let x = call.array(0)?;
    on_floats!(x, |t| one(x.with(&t.det())))
}

fn einsum(call: &Call) -> Answer {
    let arrays = call.arrays()?;
    let x = call.array(0)?;
    on_floats!(x, |t| {
        let operands: Vec<_> = arrays.iter().map(|array| like(t, array)).collect();
        one(x.with(&Tensor::einsum(&call.text("equation", ""), &operands.iter().collect::<Vec<_>>())))
    })
}

fn product(call: &Call) -> Answer {
    one(matmul(call.array(0)?, call.array(1)?)?)
}

/// a·b; whole numbers are multiplied as 64-bit floats, which are exact far beyond what tests and models hold.
pub(super) fn matmul(a: &Array, b: &Array) -> Result<Array> {
    if !a.kind.is_float() {
        let product = a.cast::<f64>().matmul(&b.cast());
        return Ok(a.with(&product.cast::<i64>()));
    }
    Ok(on_floats!(a, |x| a.with(&x.matmul(&like(x, b)))))
}

fn gemm(call: &Call) -> Answer {
    let (a, b) = (call.array(0)?, call.array(1)?);
    let flip = |flag: bool, x: &Array| if flag { super::shape::permuted(x, &[1, 0]) } else { x.clone() };
    let (a, b) = (flip(call.flag("transA", false), a), flip(call.flag("transB", false), b));
    let mut y = scaled(&matmul(&a, &b)?, call.float("alpha", 1.0))?;
    if let Some(c) = call.maybe(2) {
        let c = scaled(c, call.float("beta", 1.0))?;
        y = on_numbers!(y, |t| y.with(&(t + &like(t, &c))));
    }
    one(y)
}

fn scaled(x: &Array, factor: f64) -> Result<Array> {
    if factor == 1.0 {
        return Ok(x.clone());
    }
    Ok(on_floats!(x, |t| x.with(&t.mul_scalar(factor))))
}
