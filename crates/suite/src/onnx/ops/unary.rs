//! Functions of each element: most are rows of Gradus' own elementwise table. It must never know shapes.

use gradus_tensor::{Element, Number, Tensor, Unary};

use super::Mapping;
use crate::call::{Answer, Call, one};
use crate::value::{on_any, on_floats, on_numbers, unmapped};

pub(super) const TABLE: &[(&str, Mapping)] = &[
    ("Abs", absolute),
    ("Acos", |c| real(c, Unary::acos())),
    ("Acosh", |c| real(c, Unary::acosh())),
    ("Asin", |c| real(c, Unary::asin())),
    ("Asinh", |c| real(c, Unary::asinh())),
    ("Atan", |c| real(c, Unary::atan())),
    ("Atanh", |c| real(c, Unary::atanh())),
    ("Ceil", |c| real(c, Unary::ceil())),
    ("Celu", |c| real(c, Unary::celu(c.float("alpha", 1.0)))),
    ("Clip", clip),
    ("Cos", |c| real(c, Unary::cos())),
    ("Cosh", |c| real(c, Unary::cosh())),
    ("Elu", |c| real(c, Unary::elu(c.float("alpha", 1.0)))),
    ("Erf", |c| real(c, Unary::erf())),
    ("Exp", |c| real(c, Unary::exp())),
    ("Floor", |c| real(c, Unary::floor())),
    ("Gelu", gelu),
    ("HardSigmoid", hard_sigmoid),
    ("HardSwish", |c| real(c, Unary::hardswish())),
    ("IsInf", is_inf),
    ("IsNaN", is_nan),
    ("LeakyRelu", |c| real(c, Unary::leaky_relu(c.float("alpha", 0.01)))),
    ("Log", |c| real(c, Unary::ln())),
    ("Mish", |c| real(c, Unary::mish())),
    ("Neg", negative),
    ("Not", |c| one(!&c.array(0)?.cast::<bool>())),
    ("PRelu", prelu),
    ("Reciprocal", |c| real(c, Unary::reciprocal())),
    ("Relu", relu),
    ("Round", |c| real(c, Unary::round())),
    ("Selu", selu),
    ("Shrink", shrink),
    ("Sigmoid", |c| real(c, Unary::sigmoid())),
    ("Sign", sign),
    ("Sin", |c| real(c, Unary::sin())),
    ("Sinh", |c| real(c, Unary::sinh())),
    ("Softplus", |c| real(c, Unary::softplus())),
    ("Softsign", |c| real(c, Unary::softsign())),
    ("Sqrt", |c| real(c, Unary::sqrt())),
    ("Swish", swish),
    ("Tan", |c| real(c, Unary::tan())),
    ("Tanh", |c| real(c, Unary::tanh())),
    ("ThresholdedRelu", thresholded_relu),
];

/// A function of the table, of real numbers.
fn real(call: &Call, f: Unary) -> Answer {
    let x = call.array(0)?;
    on_floats!(x, |t| one(x.with(&t.unary(f))))
}

fn negated<T: Number>(x: &Tensor<T>) -> Tensor<T> {
    x.map(|x| T::ZERO.minus(x))
}

fn absolute(call: &Call) -> Answer {
    let x = call.array(0)?;
    if x.kind.is_float() {
        return real(call, Unary::abs());
    }
    on_numbers!(x, |t| one(x.with(&t.maximum(&negated(t)))))
}

fn negative(call: &Call) -> Answer {
    let x = call.array(0)?;
    if x.kind.is_float() {
        return real(call, Unary::neg());
    }
    on_numbers!(x, |t| one(x.with(&negated(t))))
}

fn sign(call: &Call) -> Answer {
    let x = call.array(0)?;
    if x.kind.is_float() {
        return real(call, Unary::sign());
    }
    one(x.with(&x.cast::<i64>().map(i64::signum)))
}

fn relu(call: &Call) -> Answer {
    let x = call.array(0)?;
    if x.kind.is_float() {
        return real(call, Unary::relu());
    }
    on_numbers!(x, |t| one(x.with(&t.maximum(&Tensor::scalar(Element::ZERO)))))
}

fn clip(call: &Call) -> Answer {
    let x = call.array(0)?;
    on_numbers!(x, |t| {
        let mut y = t.clone();
        if let Some(low) = call.tensor(1).or_else(|| bound(call, "min")) {
            y = y.maximum(&low);
        }
        if let Some(high) = call.tensor(2).or_else(|| bound(call, "max")) {
            y = y.minimum(&high);
        }
        one(x.with(&y))
    })
}

/// Older versions give the bounds as attributes.
fn bound<T: Element>(call: &Call, name: &str) -> Option<Tensor<T>> {
    call.maybe_float(name).map(|bound| Tensor::scalar(T::of_f64(bound)))
}

fn gelu(call: &Call) -> Answer {
    match call.text("approximate", "none").as_str() {
        "none" => real(call, Unary::gelu()),
        "tanh" => real(call, Unary::gelu_tanh()),
        other => unmapped(format!("Gelu by {other}")),
    }
}

fn hard_sigmoid(call: &Call) -> Answer {
    let x = call.array(0)?;
    let (alpha, beta) = (call.float("alpha", 0.2), call.float("beta", 0.5));
    on_floats!(x, |t| one(x.with(&t.mul_scalar(alpha).add_scalar(beta).clamp(0.0, 1.0))))
}

fn is_inf(call: &Call) -> Answer {
    let x = call.array(0)?;
    let (below, above) = (call.flag("detect_negative", true), call.flag("detect_positive", true));
    one(x.cast::<f64>().map(move |x| x.is_infinite() && (x < 0.0 && below || x > 0.0 && above)))
}

fn is_nan(call: &Call) -> Answer {
    on_any!(call.array(0)?, |t| one(t.not_equal(t)))
}

fn prelu(call: &Call) -> Answer {
    let (x, slope) = (call.array(0)?, call.array(1)?);
    on_numbers!(x, |t| {
        let mut slope = slope.cast();
        if call.version < 7 && slope.rank() == 1 && slope.len() > 1 && t.rank() > 1 {
            // One slope per channel, before operands broadcast.
            let mut shape = vec![1; t.rank()];
            shape[1] = slope.len();
            slope = slope.reshape(shape);
        }
        one(x.with(&t.less(&Tensor::scalar(Element::ZERO)).choose(&(t * &slope), t)))
    })
}

fn selu(call: &Call) -> Answer {
    if !call.has("alpha") && !call.has("gamma") {
        return real(call, Unary::selu());
    }
    let x = call.array(0)?;
    let alpha = call.float("alpha", gradus_tensor::constants::SELU_ALPHA);
    let gamma = call.float("gamma", gradus_tensor::constants::SELU_SCALE);
    on_floats!(x, |t| one(x.with(&t.elu(alpha).mul_scalar(gamma))))
}

fn shrink(call: &Call) -> Answer {
    let x = call.array(0)?;
    let (lambda, bias) = (call.float("lambd", 0.5), call.float("bias", 0.0));
    if bias == 0.0 {
        return real(call, Unary::hardshrink(lambda));
    }
    if bias == lambda {
        return real(call, Unary::softshrink(lambda));
    }
    on_floats!(x, |t| {
        let moved = t - &t.sign().mul_scalar(bias);
        let far = t.abs().greater(&Tensor::scalar(Element::of_f64(lambda)));
        one(x.with(&far.choose(&moved, &Tensor::scalar(Element::ZERO))))
    })
}

fn swish(call: &Call) -> Answer {
    let x = call.array(0)?;
    let alpha = call.float("alpha", 1.0);
    if alpha == 1.0 {
        return real(call, Unary::silu());
    }
    on_floats!(x, |t| one(x.with(&(t * &t.mul_scalar(alpha).sigmoid()))))
}

fn thresholded_relu(call: &Call) -> Answer {
    let x = call.array(0)?;
    let alpha = call.float("alpha", 1.0);
    on_floats!(x, |t| {
        let above = t.greater(&Tensor::scalar(Element::of_f64(alpha)));
        one(x.with(&above.choose(t, &Tensor::scalar(Element::ZERO))))
    })
}
