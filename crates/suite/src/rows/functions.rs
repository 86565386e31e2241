//! Elementwise functions outside the table: of one, two and three inputs.

use std::f64::consts::PI;

use gradus_testkit::Dense;

use super::{any, filled, pair, triple};
use crate::draw::Draw;
use crate::law::Law::{Commutative, Increasing, LinearIn, Odd};
use crate::row;
use crate::row::Row;

/// Shapes of two inputs of which either is stretched.
const LARGE: &[&[&[usize]]] = &[&[&[3, 130, 301], &[130, 1]], &[&[1, 301], &[350, 1]]];
/// The same with a third like the second.
const LARGE3: &[&[&[usize]]] = &[&[&[3, 130, 301], &[130, 1], &[130, 1]], &[&[1, 301], &[350, 1], &[350, 1]]];

/// All rows.
pub(super) fn rows() -> Vec<Row> {
    [special(), replacing(), pairs(), triples()].into_iter().flatten().collect()
}

fn special() -> Vec<Row> {
    vec![
        row!("lgamma", any(1, 0), |x, p| x[0].lgamma() => x[0].map(lgamma)).domain(0.3..6.0),
        row!("digamma", any(1, 0), |x, p| x[0].digamma() => x[0].map(digamma))
            .domain(0.4..6.0)
            .law(Increasing),
        row!("polygamma", any(1, 0), |x, p| x[0].polygamma(1) => x[0].map(|x| polygamma(1, x)))
            .domain(0.5..6.0),
        row!("polygamma", any(1, 0), |x, p| x[0].polygamma(2) => x[0].map(|x| polygamma(2, x)))
            .domain(0.6..6.0)
            .law(Increasing),
        row!("sinc", any(1, 0), |x, p| x[0].sinc() => x[0].map(|x| (PI * x).sin() / (PI * x))),
        row!("erfinv", any(1, 0), |x, p| x[0].erfinv() => x[0].map(erfinv))
            .domain(-0.85..0.85)
            .rounds_by_isa()
            .law(Odd)
            .law(Increasing),
        row!("deg2rad", any(1, 0), |x, p| x[0].deg2rad() => x[0].map(f64::to_radians))
            .domain(-200.0..200.0)
            .law(LinearIn(&[0])),
        row!("rad2deg", any(1, 0), |x, p| x[0].rad2deg() => x[0].map(f64::to_degrees)).law(LinearIn(&[0])),
    ]
}

fn replacing() -> Vec<Row> {
    vec![
        row!("clamp_min", any(1, 0), |x, p| x[0].clamp_min(-0.5) => x[0].map(|x| x.max(-0.5))).kinks(&[-0.5]),
        row!("clamp_max", any(1, 0), |x, p| x[0].clamp_max(0.5) => x[0].map(|x| x.min(0.5))).kinks(&[0.5]),
        row!("threshold", any(1, 0), |x, p| x[0].threshold(0.5, -2.0) => x[0].map(|x| if x > 0.5 { x } else { -2.0 }))
            .kinks(&[0.5]),
        row!("nan_to_num", any(1, 0), |x, p| holed(&x[0], p).nan_to_num(0.25, None, None) => with_holes(&x[0], p, 0.25)),
        row!("masked_fill", pair(), |x, p| (&x[0] + &x[1]).masked_fill(&p.mask(0, &p.shapes[1]).tensor::<bool>(), 0.75)
            => x[0].zip(&x[1], |a, b| a + b).zip(&p.mask(0, &p.shapes[1]), |x, m| if m == 1.0 { 0.75 } else { x }))
        .large(LARGE),
        row!("nan_sum_axes", filled(1, 0, 5), |x, p| holed(&x[0], p).nan_sum_axes(&p.axes(1, x[0].rank()), p.flag(2))
            => with_holes(&x[0], p, 0.0).reduce(&p.axes_at(1, x[0].rank()), p.flag(2), |v| v.iter().sum()))
        .single_tolerance(4.0)
        .law(LinearIn(&[0])),
        row!("nan_mean_axes", filled(1, 0, 5), |x, p| holed(&x[0], p).nan_mean_axes(&p.axes(1, x[0].rank()), p.flag(2))
            => with_holes(&x[0], p, f64::NAN).reduce(&p.axes_at(1, x[0].rank()), p.flag(2), nan_mean))
        .law(LinearIn(&[0])),
    ]
}

fn pairs() -> Vec<Row> {
    vec![
        row!("atan2", pair(), |x, p| x[0].atan2(&x[1]) => x[0].zip(&x[1], |y, x| y.atan2(x)))
            .domains(&[0.3..3.0, -3.0..3.0])
            .large(LARGE),
        row!("hypot", pair(), |x, p| x[0].hypot(&x[1]) => x[0].zip(&x[1], |a, b| (a * a + b * b).sqrt()))
            .domains(&[0.3..3.0, -3.0..3.0])
            .large(LARGE),
        row!("logaddexp", pair(), |x, p| x[0].logaddexp(&x[1]) => x[0].zip(&x[1], |a, b| (a.exp() + b.exp()).ln()))
            .law(Commutative)
            .large(LARGE)
            .rounds_by_isa(),
        row!("xlogy", pair(), |x, p| x[0].xlogy(&x[1]) => x[0].zip(&x[1], |a, b| a * b.ln()))
            .domains(&[-3.0..3.0, 0.3..3.0])
            .law(LinearIn(&[0]))
            .large(LARGE)
            .rounds_by_isa(),
        row!("copysign", pair(), |x, p| x[0].copysign(&x[1]) => x[0].zip(&x[1], |a, b| a.abs() * b.signum()))
            .kinks(&[0.0])
            .large(LARGE),
        row!("fmod", pair(), |x, p| x[0].fmod(&x[1]) => x[0].zip(&x[1], |a, b| a - b * (a / b).trunc()))
            .domains(&[-5.9..-4.9, 2.1..2.4])
            .large(LARGE),
        row!("remainder", pair(), |x, p| x[0].remainder(&x[1]) => x[0].zip(&x[1], |a, b| a - b * (a / b).floor()))
            .domains(&[-5.9..-4.9, 2.1..2.4])
            .large(LARGE),
    ]
}

fn triples() -> Vec<Row> {
    vec![
        row!("lerp", triple(), |x, p| x[0].lerp(&x[1], &x[2]) => of_three(x, |a, b, w| a + w * (b - a)))
            .domains(&[-3.0..3.0, -3.0..3.0, -0.5..1.5])
            .kinks(&[0.5])
            .law(LinearIn(&[0, 1]))
            .large(LARGE3),
        row!("addcmul", triple(), |x, p| x[0].addcmul(&x[1], &x[2], -0.5) => of_three(x, |x, a, b| x - 0.5 * a * b))
            .law(LinearIn(&[0, 1]))
            .large(LARGE3),
        row!("addcdiv", triple(), |x, p| x[0].addcdiv(&x[1], &x[2], -0.5) => of_three(x, |x, a, b| x - 0.5 * a / b))
            .domains(&[-3.0..3.0, -3.0..3.0, 0.4..3.0])
            .law(LinearIn(&[0, 1]))
            .large(LARGE3),
        row!("clamp_between", triple(), |x, p| x[0].clamp_between(&x[1], &x[2])
            => of_three(x, |x, low, high| if x < low { low } else if x > high { high } else { x }))
        .domains(&[-3.0..3.0, -1.0..-0.2, 0.2..1.0])
        .large(LARGE3),
    ]
}

/// x with NaN where the drawn mask is 1, but nowhere at the first place.
fn holed<T: gradus_tensor::Float>(x: &gradus_autodiff::Var<T>, p: &Draw) -> gradus_autodiff::Var<T> {
    x.masked_fill(&holes(&p.shapes[0], p).tensor::<bool>(), f64::NAN)
}

fn holes(shape: &[usize], p: &Draw) -> Dense {
    let mask = p.mask(3, shape);
    // Something is left along every axis.
    Dense::from_fn(shape, |i| if i.is_empty() || i.contains(&0) { 0.0 } else { mask.at(i) })
}

fn with_holes(x: &Dense, p: &Draw, value: f64) -> Dense {
    x.zip(&holes(x.shape(), p), |x, m| if m == 1.0 { value } else { x })
}

fn nan_mean(values: &[f64]) -> f64 {
    let left: Vec<f64> = values.iter().copied().filter(|x| !x.is_nan()).collect();
    left.iter().sum::<f64>() / left.len() as f64
}

fn of_three(x: &[Dense], f: impl Fn(f64, f64, f64) -> f64) -> Dense {
    let shape = x[0].zip(&x[1], |a, _| a).zip(&x[2], |a, _| a).shape().to_vec();
    Dense::from_fn(&shape, |i| f(x[0].stretched_at(i), x[1].stretched_at(i), x[2].stretched_at(i)))
}

/// How far recurrences lift the argument before an asymptotic series serves.
const LIFT: usize = 60;

/// By Stirling's series at x + 60.
fn lgamma(x: f64) -> f64 {
    let y = x + LIFT as f64;
    let product: f64 = (0..LIFT).map(|k| (x + k as f64).ln()).sum();
    (y - 0.5) * y.ln() - y + (2.0 * PI).sqrt().ln() + 1.0 / (12.0 * y) - 1.0 / (360.0 * y.powi(3))
        + 1.0 / (1260.0 * y.powi(5))
        - product
}

/// By its asymptotic series at x + 60.
fn digamma(x: f64) -> f64 {
    let y = x + LIFT as f64;
    let sum: f64 = (0..LIFT).map(|k| 1.0 / (x + k as f64)).sum();
    y.ln() - 1.0 / (2.0 * y) - 1.0 / (12.0 * y.powi(2)) + 1.0 / (120.0 * y.powi(4))
        - 1.0 / (252.0 * y.powi(6))
        - sum
}

/// (−1)ⁿ⁺¹ n! Σ (x + k)^(−n−1), the tail by the Euler–Maclaurin formula.
fn polygamma(n: i32, x: f64) -> f64 {
    let (s, y) = (n + 1, x + LIFT as f64);
    let sum: f64 = (0..LIFT).map(|k| (x + k as f64).powi(-s)).sum();
    let (f, s) = (y.powi(-s), f64::from(s));
    let tail = f * y / (s - 1.0) + f / 2.0 + s * f / (12.0 * y)
        - s * (s + 1.0) * (s + 2.0) * f / (720.0 * y.powi(3))
        + s * (s + 1.0) * (s + 2.0) * (s + 3.0) * (s + 4.0) * f / (30240.0 * y.powi(5));
    let factorial: i32 = (1..=n).product();
    (-1.0_f64).powi(n + 1) * f64::from(factorial) * (sum + tail)
}

/// Newton's steps on the Maclaurin series of erf.
fn erfinv(y: f64) -> f64 {
    let erf = |x: f64| {
        let (mut term, mut sum) = (x, x);
        for n in 1..40 {
            term *= -x * x / f64::from(n);
            sum += term / f64::from(2 * n + 1);
        }
        2.0 / PI.sqrt() * sum
    };
    let mut x = y * PI.sqrt() / 2.0;
    for _ in 0..8 {
        x -= (erf(x) - y) * PI.sqrt() / 2.0 * (x * x).exp();
    }
    x
}
