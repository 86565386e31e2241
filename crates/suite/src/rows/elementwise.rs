//! The functions of the elementwise table. A new one needs one statement here: its value in plain `f64`, the values to
//! draw, where it is not smooth, and the laws it obeys.

use std::f64::consts::{FRAC_1_SQRT_2, PI};

use gradus_tensor::{Unary, constants};

use crate::law::Law::{
    Between, Decreasing, Even, Idempotent, Increasing, InverseIs, Involution, LinearIn, Odd,
};
use crate::row::{Row, unary};

const INTEGERS: &[f64] = &[-3.0, -2.0, -1.0, 0.0, 1.0, 2.0, 3.0];
const HALVES: &[f64] = &[-2.5, -1.5, -0.5, 0.5, 1.5, 2.5];

/// All rows of the elementwise table.
pub(super) fn rows() -> Vec<Row> {
    [powers(), exponentials(), trigonometry(), rounding(), rectifiers(), activations()]
        .into_iter()
        .flatten()
        .collect()
}

fn powers() -> Vec<Row> {
    vec![
        unary(Unary::neg(), |x| 0.0 - x).law(LinearIn(&[0])).law(Involution).law(Odd).law(Decreasing),
        unary(Unary::abs(), |x| if x < 0.0 { -x } else { x }).kinks(&[0.0]).law(Even).law(Idempotent),
        unary(Unary::sign(), |x| if x == 0.0 { 0.0 } else { x.signum() })
            .kinks(&[0.0])
            .law(Odd)
            .law(Increasing),
        unary(Unary::square(), |x| x.powi(2)).law(Even),
        unary(Unary::sqrt(), f64::sqrt).domain(0.1..6.0).law(Increasing).law(InverseIs(Unary::square())),
        unary(Unary::rsqrt(), |x| x.powf(-0.5)).domain(0.2..6.0).law(Decreasing),
        unary(Unary::reciprocal(), |x| x.powi(-1)).domain(0.3..5.0).law(Involution).law(Decreasing),
        unary(Unary::add_scalar(1.25), |x| 1.25 + x).law(InverseIs(Unary::add_scalar(-1.25))),
        unary(Unary::mul_scalar(-2.5), |x| -2.5 * x).law(LinearIn(&[0])).law(Odd),
        unary(Unary::powf(2.5), |x| (2.5 * x.ln()).exp()).domain(0.2..3.0).law(InverseIs(Unary::powf(0.4))),
        unary(Unary::powf(3.0), |x| x * x * x).law(Odd).law(Increasing),
        unary(Unary::powf(2.0), |x| x * x).law(Even),
        unary(Unary::powf(0.0), |_| 1.0),
        unary(Unary::powf(-1.5), |x| 1.0 / (x * x.sqrt())).domain(0.3..4.0).law(Decreasing),
    ]
}

fn exponentials() -> Vec<Row> {
    vec![
        unary(Unary::exp(), f64::exp).law(Increasing).law(InverseIs(Unary::ln())),
        unary(Unary::exp2(), |x| 2.0_f64.powf(x)).law(Increasing).law(InverseIs(Unary::log2())),
        unary(Unary::expm1(), |x| x.exp() - 1.0).law(Increasing).law(InverseIs(Unary::log1p())),
        unary(Unary::ln(), f64::ln).domain(0.2..6.0).law(Increasing).law(InverseIs(Unary::exp())),
        unary(Unary::log2(), f64::log2).domain(0.2..6.0).law(Increasing).law(InverseIs(Unary::exp2())),
        unary(Unary::log10(), f64::log10).domain(0.2..6.0).law(Increasing),
        unary(Unary::log1p(), |x| (1.0 + x).ln())
            .domain(-0.8..5.0)
            .law(Increasing)
            .law(InverseIs(Unary::expm1())),
        unary(Unary::sinh(), |x| (x.exp() - (-x).exp()) / 2.0)
            .law(Odd)
            .law(Increasing)
            .law(InverseIs(Unary::asinh())),
        unary(Unary::cosh(), |x| (x.exp() + (-x).exp()) / 2.0).law(Even),
        unary(Unary::tanh(), f64::tanh).domain(-4.0..4.0).law(Odd).law(Increasing).law(Between(-1.0, 1.0)),
        unary(Unary::asinh(), f64::asinh).law(Odd).law(Increasing).law(InverseIs(Unary::sinh())),
        unary(Unary::acosh(), f64::acosh).domain(1.2..5.0).law(Increasing).law(InverseIs(Unary::cosh())),
        unary(Unary::atanh(), f64::atanh)
            .domain(-0.9..0.9)
            .law(Odd)
            .law(Increasing)
            .law(InverseIs(Unary::tanh())),
        unary(Unary::erf(), erf).law(Odd).law(Increasing).law(Between(-1.0, 1.0)),
        unary(Unary::erfc(), |x| 1.0 - erf(x)).law(Decreasing).law(Between(0.0, 2.0)),
        unary(Unary::normal_cdf(), |x| 0.5 * (1.0 + erf(x * FRAC_1_SQRT_2)))
            .law(Increasing)
            .law(Between(0.0, 1.0)),
        unary(Unary::normal_pdf(), |x| (-x * x / 2.0).exp() / (2.0 * PI).sqrt())
            .law(Even)
            .law(Between(0.0, 0.4)),
    ]
}

fn trigonometry() -> Vec<Row> {
    vec![
        unary(Unary::sin(), f64::sin).law(Odd).law(Between(-1.0, 1.0)),
        unary(Unary::cos(), f64::cos).law(Even).law(Between(-1.0, 1.0)),
        unary(Unary::tan(), f64::tan)
            .domain(-1.2..1.2)
            .law(Odd)
            .law(Increasing)
            .law(InverseIs(Unary::atan())),
        unary(Unary::asin(), f64::asin)
            .domain(-0.9..0.9)
            .law(Odd)
            .law(Increasing)
            .law(InverseIs(Unary::sin())),
        unary(Unary::acos(), f64::acos).domain(-0.9..0.9).law(Decreasing).law(InverseIs(Unary::cos())),
        unary(Unary::atan(), f64::atan).law(Odd).law(Increasing).law(Between(-PI / 2.0, PI / 2.0)),
    ]
}

fn rounding() -> Vec<Row> {
    vec![
        unary(Unary::floor(), f64::floor).kinks(INTEGERS).law(Increasing).law(Idempotent),
        unary(Unary::ceil(), f64::ceil).kinks(INTEGERS).law(Increasing).law(Idempotent),
        unary(Unary::round(), f64::round_ties_even).kinks(HALVES).law(Odd).law(Increasing).law(Idempotent),
        unary(Unary::trunc(), f64::trunc).kinks(INTEGERS).law(Odd).law(Increasing).law(Idempotent),
        unary(Unary::fract(), |x| x % 1.0).kinks(INTEGERS).law(Odd).law(Idempotent).law(Between(-1.0, 1.0)),
    ]
}

fn rectifiers() -> Vec<Row> {
    vec![
        unary(Unary::clamp(-1.5, 2.0), |x| x.clamp(-1.5, 2.0))
            .kinks(&[-1.5, 2.0])
            .law(Increasing)
            .law(Idempotent),
        unary(Unary::relu(), |x| x.max(0.0)).kinks(&[0.0]).law(Increasing).law(Idempotent),
        unary(Unary::relu6(), |x| x.clamp(0.0, 6.0))
            .domain(-4.0..9.0)
            .kinks(&[0.0, 6.0])
            .law(Increasing)
            .law(Idempotent),
        unary(Unary::leaky_relu(0.1), |x| if x > 0.0 { x } else { 0.1 * x }).kinks(&[0.0]).law(Increasing),
        unary(Unary::hardtanh(), |x| x.clamp(-1.0, 1.0)).kinks(&[-1.0, 1.0]).law(Odd).law(Idempotent),
        unary(Unary::hardsigmoid(), |x| ((x + 3.0) / 6.0).clamp(0.0, 1.0))
            .domain(-5.0..5.0)
            .kinks(&[-3.0, 3.0])
            .law(Increasing),
        unary(Unary::hardswish(), |x| x * (x + 3.0).clamp(0.0, 6.0) / 6.0)
            .domain(-5.0..5.0)
            .kinks(&[-3.0, 3.0]),
        unary(Unary::hardshrink(0.7), |x| if x.abs() > 0.7 { x } else { 0.0 })
            .kinks(&[-0.7, 0.7])
            .law(Odd)
            .law(Idempotent),
        unary(Unary::softshrink(0.7), |x| x.signum() * (x.abs() - 0.7).max(0.0))
            .kinks(&[-0.7, 0.7])
            .law(Odd)
            .law(Increasing),
    ]
}

fn activations() -> Vec<Row> {
    let (alpha, scale) = (constants::SELU_ALPHA, constants::SELU_SCALE);
    vec![
        unary(Unary::elu(1.3), move |x| exponential_unit(x, 1.3, 1.0)).kinks(&[0.0]).law(Increasing),
        unary(Unary::celu(1.3), move |x| exponential_unit(x, 1.3, 1.3)).kinks(&[0.0]).law(Increasing),
        unary(Unary::selu(), move |x| scale * exponential_unit(x, alpha, 1.0)).kinks(&[0.0]).law(Increasing),
        unary(Unary::gelu(), |x| x / 2.0 * (1.0 + erf(x * FRAC_1_SQRT_2))),
        unary(Unary::gelu_tanh(), |x| {
            x / 2.0 * (1.0 + ((2.0 / PI).sqrt() * (x + 0.044715 * x * x * x)).tanh())
        }),
        unary(Unary::sigmoid(), sigmoid).domain(-6.0..6.0).law(Increasing).law(Between(0.0, 1.0)),
        unary(Unary::log_sigmoid(), |x| sigmoid(x).ln()).domain(-6.0..6.0).law(Increasing),
        unary(Unary::softplus(), |x| (1.0 + x.exp()).ln()).domain(-6.0..6.0).law(Increasing),
        unary(
            Unary::softplus_with(2.0, 5.0),
            |x| if x > 2.5 { x } else { (1.0 + (2.0 * x).exp()).ln() / 2.0 },
        )
        .domain(-6.0..6.0)
        .kinks(&[2.5])
        .law(Increasing),
        unary(Unary::silu(), |x| x * sigmoid(x)).domain(-6.0..6.0),
        unary(Unary::mish(), |x| x * (1.0 + x.exp()).ln().tanh()).domain(-6.0..6.0),
        unary(Unary::softsign(), |x| x / (1.0 + x.abs()))
            .kinks(&[0.0])
            .law(Odd)
            .law(Increasing)
            .law(Between(-1.0, 1.0)),
        unary(Unary::tanhshrink(), |x| x - x.tanh()).law(Odd).law(Increasing),
    ]
}

fn sigmoid(x: f64) -> f64 {
    1.0 / (1.0 + (-x).exp())
}

/// x, or α(e^(x/β) − 1) below 0.
fn exponential_unit(x: f64, alpha: f64, beta: f64) -> f64 {
    if x > 0.0 { x } else { alpha * ((x / beta).exp() - 1.0) }
}

/// 2/√π ∫₀ˣ e^(−t²) dt by the Gauss–Legendre rule with 5 points on 30 intervals.
fn erf(x: f64) -> f64 {
    let nodes = [
        (0.0, 128.0 / 225.0),
        (0.538_469_310_105_683_1, 0.478_628_670_499_366_5),
        (0.906_179_845_938_664, 0.236_926_885_056_189_1),
    ];
    let half = x / 60.0;
    let density = |t: f64| (-t * t).exp();
    let interval = |k: usize| {
        let middle = (2 * k + 1) as f64 * half;
        let pair = |(at, weight): &(f64, f64)| match *at {
            0.0 => weight * density(middle),
            at => weight * (density(middle - at * half) + density(middle + at * half)),
        };
        nodes.iter().map(pair).sum::<f64>() * half
    };
    (0..30).map(interval).sum::<f64>() * 2.0 / PI.sqrt()
}
