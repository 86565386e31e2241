//! Arithmetic, comparisons, logic and bits of two or more operands that broadcast. It must never know shapes beyond that.

use gradus_autodiff::Var;
use gradus_tensor::{AnyTensor, Element, Number, Tensor};

use super::Mapping;
use crate::call::{Answer, Call, one};
use crate::value::{Array, Result, on_any, on_floats, on_integers, on_numbers, unmapped};

pub(super) const TABLE: &[(&str, Mapping)] = &[
    ("Add", |c| arithmetic(c, Sign::Add)),
    ("And", |c| logic(c, |a, b| a && b)),
    ("BitShift", shift),
    ("BitwiseAnd", |c| bits(c, |a, b| a & b)),
    ("BitwiseNot", not),
    ("BitwiseOr", |c| bits(c, |a, b| a | b)),
    ("BitwiseXor", |c| bits(c, |a, b| a ^ b)),
    ("Div", |c| arithmetic(c, Sign::Div)),
    ("Equal", |c| comparison(c, Order::Equal)),
    ("Greater", |c| comparison(c, Order::Greater)),
    ("GreaterOrEqual", |c| comparison(c, Order::GreaterEqual)),
    ("Less", |c| comparison(c, Order::Less)),
    ("LessOrEqual", |c| comparison(c, Order::LessEqual)),
    ("Max", |c| fold(c, Sign::Max)),
    ("Mean", mean),
    ("Min", |c| fold(c, Sign::Min)),
    ("Mod", modulo),
    ("Mul", |c| arithmetic(c, Sign::Mul)),
    ("Or", |c| logic(c, |a, b| a || b)),
    ("Pow", power),
    ("Sub", |c| arithmetic(c, Sign::Sub)),
    ("Sum", |c| fold(c, Sign::Add)),
    ("Where", choose),
    ("Xor", |c| logic(c, |a, b| a ^ b)),
];

#[derive(Clone, Copy)]
enum Sign {
    Add,
    Sub,
    Mul,
    Div,
    Max,
    Min,
}

impl Sign {
    fn of(self, a: &Array, b: &Array) -> Result<Array> {
        Ok(on_numbers!(a, |x| {
            let y = like(x, b);
            a.with(&match self {
                Self::Add => x + &y,
                Self::Sub => x - &y,
                Self::Mul => x * &y,
                Self::Div => x / &y,
                Self::Max => x.maximum(&y),
                Self::Min => x.minimum(&y),
            })
        }))
    }
}

/// `b` with the elements of `x`.
pub(super) fn like<T: Element>(_: &Tensor<T>, b: &Array) -> Tensor<T> {
    b.cast()
}

/// The two operands. Before version 7 the second one lies along the first from an axis on.
fn pair(call: &Call) -> Result<(Array, Array)> {
    let (a, mut b) = (call.array(0)?.clone(), call.array(1)?.clone());
    if call.version < 7 && call.flag("broadcast", false) && call.has("axis") {
        let axis = a.axis(call.int("axis", 0))?;
        let mut shape = b.shape().to_vec();
        shape.resize(a.rank().saturating_sub(axis).max(shape.len()), 1);
        b.data = on_any!(b, |y| AnyTensor::new(&y.reshape(shape)));
    }
    Ok((a, b))
}

fn arithmetic(call: &Call, sign: Sign) -> Answer {
    let (a, b) = pair(call)?;
    one(sign.of(&a, &b)?)
}

fn fold(call: &Call, sign: Sign) -> Answer {
    let arrays = call.arrays()?;
    let mut sum = call.array(0)?.clone();
    for array in &arrays[1..] {
        sum = sign.of(&sum, array)?;
    }
    one(sum)
}

fn mean(call: &Call) -> Answer {
    let arrays = call.arrays()?;
    let mut sum = call.array(0)?.clone();
    for array in &arrays[1..] {
        sum = Sign::Add.of(&sum, array)?;
    }
    on_floats!(sum, |x| one(sum.with(&x.mul_scalar(1.0 / arrays.len() as f64))))
}

enum Order {
    Equal,
    Less,
    LessEqual,
    Greater,
    GreaterEqual,
}

fn comparison(call: &Call, order: Order) -> Answer {
    let (a, b) = pair(call)?;
    on_any!(a, |x| {
        let y = like(x, &b);
        one(match order {
            Order::Equal => x.equal(&y),
            Order::Less => x.less(&y),
            Order::LessEqual => x.less_equal(&y),
            Order::Greater => x.greater(&y),
            Order::GreaterEqual => x.greater_equal(&y),
        })
    })
}

fn logic(call: &Call, f: fn(bool, bool) -> bool) -> Answer {
    let (a, b) = pair(call)?;
    one(a.cast::<bool>().zip(&b.cast::<bool>(), f))
}

/// Bits of integers; 64 of them hold those of every narrower type.
fn bits(call: &Call, f: fn(i64, i64) -> i64) -> Answer {
    let (a, b) = pair(call)?;
    if a.kind.is_float() {
        return unmapped("bits of floats");
    }
    one(a.with(&a.cast::<i64>().zip(&b.cast::<i64>(), f)))
}

fn not(call: &Call) -> Answer {
    let a = call.array(0)?;
    on_integers!(a, |x| one(a.with(&x.map(|x| !x))))
}

fn shift(call: &Call) -> Answer {
    let left = call.text("direction", "") == "LEFT";
    bits(call, if left { |a, b| a.wrapping_shl(b as u32) } else { |a, b| ((a as u64) >> b) as i64 })
}

fn power(call: &Call) -> Answer {
    let (a, b) = pair(call)?;
    if !a.kind.is_float() {
        let exponent = b.cast::<f64>();
        let whole =
            |a: i64, b: f64| if b >= 0.0 { a.wrapping_pow(b as u32) } else { (a as f64).powf(b) as i64 };
        return one(a.with(&a.cast::<i64>().zip(&exponent, whole)));
    }
    on_floats!(a, |x| one(a.with(Var::from(x).pow(&Var::constant(like(x, &b))).value())))
}

fn modulo(call: &Call) -> Answer {
    let (a, b) = pair(call)?;
    let sign_of_first = call.flag("fmod", false);
    on_numbers!(a, |x| one(a.with(&x.zip(&like(x, &b), move |a, b| remainder(a, b, sign_of_first)))))
}

/// What is left of a divided by b, with the sign of a or that of b.
fn remainder<T: Number>(a: T, b: T, sign_of_first: bool) -> T {
    if let (Some(a), Some(b)) = (a.as_i64(), b.as_i64()) {
        let rest = a.wrapping_rem(b);
        let other = rest != 0 && (rest < 0) != (b < 0);
        return T::of_i64(if other && !sign_of_first { rest + b } else { rest });
    }
    let (a, b) = (a.as_f64(), b.as_f64());
    let rest = a % b;
    let other = rest != 0.0 && (rest < 0.0) != (b < 0.0);
    T::of_f64(if other && !sign_of_first { rest + b } else { rest })
}

fn choose(call: &Call) -> Answer {
    let (mask, a, b) = (call.array(0)?.cast::<bool>(), call.array(1)?, call.array(2)?);
    on_any!(a, |x| one(a.with(&mask.choose(x, &like(x, b)))))
}
