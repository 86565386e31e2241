//! Discrete Fourier transforms as products with matrices of cosines and sines: exact at the lengths that models hold, without a
//! fast algorithm. It must never know signals.

use gradus_tensor::{Float, Tensor};

use super::Mapping;
use super::binary::like;
use crate::call::{Answer, Call, one};
use crate::value::{Array, Result, failed, on_floats};

pub(super) const TABLE: &[(&str, Mapping)] = &[("DFT", dft), ("STFT", stft)];

/// Real and imaginary parts.
type Complex<T> = (Tensor<T>, Tensor<T>);

/// The parts of `[…, 1]` or `[…, 2]`.
fn parts<T: Float>(x: &Tensor<T>) -> Result<Complex<T>> {
    match x.dim(-1) {
        1 => Ok((x.squeeze(-1), Tensor::zeros(x.squeeze(-1).shape()))),
        2 => Ok((x.select(-1, 0), x.select(-1, 1))),
        width => failed(format!("{width} numbers in the place of a complex one")),
    }
}

/// Σⱼ x[j] e^(∓2πijk/n) of the last axis for k below `outputs`, divided by n in the inverse.
fn transform<T: Float>((re, im): &Complex<T>, n: usize, outputs: usize, inverse: bool) -> Complex<T> {
    let given = re.dim(-1);
    let turn = |i: &[usize]| (i[0] * i[1] % n) as f64 * 2.0 * std::f64::consts::PI / n as f64;
    let cos = Tensor::from_fn([given, outputs], |i| T::of(turn(i).cos()));
    let sin = Tensor::from_fn([given, outputs], |i| T::of(turn(i).sin()));
    if inverse {
        let scale = 1.0 / n as f64;
        let real = (re.matmul(&cos) - &im.matmul(&sin)).mul_scalar(scale);
        return (real, (im.matmul(&cos) + &re.matmul(&sin)).mul_scalar(scale));
    }
    (re.matmul(&cos) + &im.matmul(&sin), im.matmul(&cos) - &re.matmul(&sin))
}

/// The first `n` along the last axis.
fn cut<T: Float>((re, im): Complex<T>, n: usize) -> Complex<T> {
    let n = n.min(re.dim(-1));
    (re.narrow(-1, 0, n), im.narrow(-1, 0, n))
}

/// The whole spectrum of a real signal of `n` from its first half.
fn mirrored<T: Float>((re, im): &Complex<T>, n: usize) -> Complex<T> {
    let half = re.dim(-1);
    let tail: Tensor<i64> = (half..n).map(|k| (n - k) as i64).collect();
    let both = |x: &Tensor<T>, sign: f64| Tensor::cat(&[x, &x.index_select(-1, &tail).mul_scalar(sign)], -1);
    (both(re, 1.0), both(im, -1.0))
}

fn dft(call: &Call) -> Answer {
    let x = call.array(0)?;
    let axis = if call.version < 20 {
        call.int("axis", 1)
    } else {
        call.maybe(2).map_or(-2, |axis| axis.cast::<i64>().reshape([]).item())
    };
    let axis = x.axis(axis)? as isize;
    let (inverse, onesided) = (call.flag("inverse", false), call.flag("onesided", false));
    let length = x.shape()[axis as usize];
    let default = if inverse && onesided { 2 * (length - 1) } else { length };
    let n = call.maybe(1).map_or(default, |n| n.cast::<i64>().reshape([]).item().max(1) as usize);
    on_floats!(x, |t| {
        let (re, im) = parts(t)?;
        let last_but_one = re.rank() as isize - 1;
        let mut signal = cut((re.transpose(axis, last_but_one), im.transpose(axis, last_but_one)), n);
        if inverse && onesided {
            signal = mirrored(&cut(signal, n / 2 + 1), n);
        }
        let outputs = if onesided && !inverse { n / 2 + 1 } else { n };
        let (re, im) = transform(&signal, n, outputs, inverse);
        let (re, im) = (re.transpose(axis, last_but_one), im.transpose(axis, last_but_one));
        one(x.with(&if inverse && onesided { re.unsqueeze(-1) } else { Tensor::stack(&[&re, &im], -1) }))
    })
}

fn stft(call: &Call) -> Answer {
    let x = call.array(0)?;
    let size = |i: usize| call.maybe(i).map(|n: &Array| n.cast::<i64>().reshape([]).item().max(1) as usize);
    let step = size(1).unwrap_or(1);
    let window = call.maybe(2);
    let Some(n) = size(3).or(window.map(Array::len)) else { return failed("STFT: no length of frames") };
    let outputs = if call.flag("onesided", true) { n / 2 + 1 } else { n };
    on_floats!(x, |t| {
        let (re, im) = parts(t)?;
        let window = window.map_or_else(|| Tensor::ones([n]), |window| like(t, window));
        let frames = |x: &Tensor<_>| x.unfold(1, n, step) * &window;
        let (re, im) = transform(&(frames(&re), frames(&im)), n, outputs, false);
        one(x.with(&Tensor::stack(&[&re, &im], -1)))
    })
}
