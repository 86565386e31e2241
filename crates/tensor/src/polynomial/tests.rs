//! Errors against double precision on a dense sample of all single-precision numbers, and the edges.

use super::*;
use crate::isa::{Fused, Separate};
use crate::math::Math;

/// One number in this many is tried.
const STRIDE: usize = 4099;

fn ulps(got: f32, want: f64) -> f64 {
    let nearest = want as f32;
    if nearest.is_infinite() {
        return if got == nearest { 0.0 } else { f64::INFINITY };
    }
    let step = f64::from(f32::from_bits(nearest.abs().to_bits() + 1)) - f64::from(nearest.abs());
    (f64::from(got) - want).abs() / step
}

#[track_caller]
fn check(
    name: &str,
    f: [fn([f32; 1]) -> [f32; 1]; 2],
    want: fn(f64) -> f64,
    low: f32,
    high: f32,
    limit: f64,
) {
    for bits in (0..f32::INFINITY.to_bits()).step_by(STRIDE) {
        for x in
            [f32::from_bits(bits), -f32::from_bits(bits)].into_iter().filter(|x| (low..=high).contains(x))
        {
            for f in f {
                let (got, want) = (f([x])[0], want(f64::from(x)));
                assert!(ulps(got, want) <= limit, "{name} {x:e}: {got:e}, not {want:e}: {}", ulps(got, want));
            }
        }
    }
}

macro_rules! both {
    ($f:ident) => {
        [$f::<1, Fused>, $f::<1, Separate>]
    };
}

#[test]
fn all_are_within_two_ulps() {
    const ALL: f32 = f32::MAX;
    let sigmoid_of = |x: f64| (1.0 + (-x).exp()).recip();
    check("exp", both!(exp), f64::exp, -ALL, 88.72, 2.0);
    check("exp_falling", both!(exp_falling), f64::exp, -ALL, 40.0, 2.0);
    check("tanh", both!(tanh), f64::tanh, -ALL, ALL, 2.0);
    check("ln", both!(ln), f64::ln, 0.0, ALL, 2.0);
    check("erf", both!(erf), f64::error_function, -ALL, ALL, 2.0);
    check("erfc", both!(erfc), f64::error_function_complement, -ALL, 9.19, 5.0);
    check("normal_cdf", both!(normal_cdf), f64::normal_cdf, -12.9, ALL, 5.0);
    check("normal_pdf", both!(normal_pdf), f64::normal_pdf, -13.1, 13.1, 2.1);
    let gelu_of = |x: f64| x * f64::normal_cdf(x);
    check("gelu", both!(gelu), gelu_of, -12.9, ALL, 5.5);
    check("sigmoid", both!(sigmoid), sigmoid_of, -87.3, ALL, 2.0);
    check("log1p_exp", both!(log1p_exp), f64::log1p_exp, -87.3, ALL, 2.5);
}

#[test]
fn edges_and_what_is_no_number() {
    const INFINITE: f32 = f32::INFINITY;
    let (up, down) = ([INFINITE], [-INFINITE]);
    let nan = [f32::from_bits(0x7FC0_0001), f32::from_bits(0xFFFF_FFFF), f32::from_bits(0x7F80_0001)];
    macro_rules! of {
        ($x:expr; $($f:ident)*) => { [$($f::<1, Fused>($x)[0]),*, $($f::<1, Separate>($x)[0]),*] };
    }
    for nan in nan {
        let all = of!([nan]; exp exp_falling tanh ln erf erfc normal_cdf gelu normal_pdf sigmoid log1p_exp);
        assert!(all.iter().all(|y| y.is_nan()), "{all:?}");
    }
    let zero = [0.0; 12];
    assert_eq!(of!(down; exp exp_falling normal_cdf normal_pdf sigmoid log1p_exp), zero);
    assert_eq!(of!(up; exp ln log1p_exp gelu), [INFINITE; 8]);
    assert_eq!(of!(down; gelu), [0.0; 2]);
    assert_eq!(of!([-1e30]; gelu), [0.0; 2]);
    assert_eq!(of!(up; tanh erf normal_cdf sigmoid), [1.0; 8]);
    assert_eq!(of!(up; erfc normal_pdf), [0.0; 4]);
    assert_eq!(of!(down; tanh erf), [-1.0; 4]);
    assert_eq!(of!(down; erfc), [2.0; 2]);
    assert_eq!(of!([0.0]; exp exp_falling erfc), [1.0; 6]);
    assert_eq!(of!([0.0]; ln), [-INFINITE; 2]);
    assert!(of!([-1.0]; ln).iter().all(|y| y.is_nan()));
    assert_eq!(of!([1.0]; ln), [0.0; 2]);
    assert_eq!(of!([88.8]; exp), [INFINITE; 2]);
    assert_eq!(of!([-1e30]; normal_cdf sigmoid), [0.0; 4]);
    assert!(of!([-0.0]; tanh erf).iter().all(|y| *y == 0.0 && y.is_sign_negative()));
}

/// A pack is its numbers.
#[test]
fn a_pack_is_its_numbers() {
    let x = [-3.5, 0.25, 1.75, 40.0];
    macro_rules! same {
        ($($f:ident)*) => { $(
            assert_eq!($f::<4, Fused>(x), x.map(|x| $f::<1, Fused>([x])[0]), stringify!($f));
            assert_eq!($f::<4, Separate>(x), x.map(|x| $f::<1, Separate>([x])[0]), stringify!($f));
        )* };
    }
    same!(exp exp_falling tanh erf erfc normal_cdf gelu normal_pdf sigmoid log1p_exp);
}
