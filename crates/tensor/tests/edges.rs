//! What the elementwise functions and the reductions answer at the edges: NaN, infinities, both noughts, denormals, huge
//! numbers, nothing at all. The answers are written down; they are PyTorch's but where a comment says otherwise.

use gradus_tensor::{Float, QuantileMethod, Tensor, Unary};

const NAN: f64 = f64::NAN;
const INF: f64 = f64::INFINITY;
/// Not looked at: where the answer hangs on the last bits of a huge argument.
const SKIP: f64 = 123.456;
/// 0 of either sign.
const NOUGHT: f64 = 654.321;
const HALF_PI: f64 = std::f64::consts::FRAC_PI_2;
const LN_2: f64 = std::f64::consts::LN_2;

/// An op with its answers at [NaN, ∞, −∞, 0, −0, d, 1e30, −1e30], where d is denormal.
type Row = (Unary, fn(f64) -> [f64; 8]);

#[rustfmt::skip]
const TABLE: &[Row] = &[
    (Unary::neg(),                |d| [NAN, -INF, INF, -0.0, 0.0, -d, -1e30, 1e30]),
    (Unary::abs(),                |d| [NAN, INF, INF, 0.0, 0.0, d, 1e30, 1e30]),
    // A sign of NaN is NaN (PyTorch: 0), and −0 stays.
    (Unary::sign(),               |_| [NAN, 1.0, -1.0, 0.0, -0.0, 1.0, 1.0, -1.0]),
    (Unary::square(),             |_| [NAN, INF, INF, 0.0, 0.0, 0.0, 1e60, 1e60]),
    (Unary::sqrt(),               |d| [NAN, INF, NAN, 0.0, -0.0, d.sqrt(), 1e15, NAN]),
    (Unary::rsqrt(),              |d| [NAN, 0.0, NAN, INF, -INF, 1.0 / d.sqrt(), 1e-15, NAN]),
    (Unary::reciprocal(),         |_| [NAN, 0.0, -0.0, INF, -INF, INF, 1e-30, -1e-30]),
    (Unary::exp(),                |_| [NAN, INF, 0.0, 1.0, 1.0, 1.0, INF, 0.0]),
    (Unary::exp2(),               |_| [NAN, INF, 0.0, 1.0, 1.0, 1.0, INF, 0.0]),
    (Unary::expm1(),              |d| [NAN, INF, -1.0, 0.0, -0.0, d, INF, -1.0]),
    (Unary::ln(),                 |d| [NAN, INF, NAN, -INF, -INF, d.ln(), 1e30_f64.ln(), NAN]),
    (Unary::log2(),               |d| [NAN, INF, NAN, -INF, -INF, d.log2(), 1e30_f64.log2(), NAN]),
    (Unary::log10(),              |d| [NAN, INF, NAN, -INF, -INF, d.log10(), 30.0, NAN]),
    (Unary::log1p(),              |d| [NAN, INF, NAN, 0.0, -0.0, d, 1e30_f64.ln(), NAN]),
    (Unary::sin(),                |d| [NAN, NAN, NAN, 0.0, -0.0, d, SKIP, SKIP]),
    (Unary::cos(),                |_| [NAN, NAN, NAN, 1.0, 1.0, 1.0, SKIP, SKIP]),
    (Unary::tan(),                |d| [NAN, NAN, NAN, 0.0, -0.0, d, SKIP, SKIP]),
    (Unary::asin(),               |d| [NAN, NAN, NAN, 0.0, -0.0, d, NAN, NAN]),
    (Unary::acos(),               |_| [NAN, NAN, NAN, HALF_PI, HALF_PI, HALF_PI, NAN, NAN]),
    (Unary::atan(),               |d| [NAN, HALF_PI, -HALF_PI, 0.0, -0.0, d, HALF_PI, -HALF_PI]),
    (Unary::sinh(),               |d| [NAN, INF, -INF, 0.0, -0.0, d, INF, -INF]),
    (Unary::cosh(),               |_| [NAN, INF, INF, 1.0, 1.0, 1.0, INF, INF]),
    (Unary::tanh(),               |d| [NAN, 1.0, -1.0, 0.0, -0.0, d, 1.0, -1.0]),
    (Unary::asinh(),              |d| [NAN, INF, -INF, 0.0, -0.0, d, 2e30_f64.ln(), -2e30_f64.ln()]),
    (Unary::acosh(),              |_| [NAN, INF, NAN, NAN, NAN, NAN, 2e30_f64.ln(), NAN]),
    (Unary::atanh(),              |d| [NAN, NAN, NAN, 0.0, -0.0, d, NAN, NAN]),
    (Unary::erf(),                |d| [NAN, 1.0, -1.0, 0.0, -0.0, std::f64::consts::FRAC_2_SQRT_PI * d, 1.0, -1.0]),
    (Unary::erfc(),               |_| [NAN, 0.0, 2.0, 1.0, 1.0, 1.0, 0.0, 2.0]),
    (Unary::normal_cdf(),         |_| [NAN, 1.0, 0.0, 0.5, 0.5, 0.5, 1.0, 0.0]),
    (Unary::normal_pdf(),         |_| [NAN, 0.0, 0.0, 0.3989422804014327, 0.3989422804014327, 0.3989422804014327, 0.0, 0.0]),
    (Unary::floor(),              |_| [NAN, INF, -INF, 0.0, -0.0, 0.0, 1e30, -1e30]),
    (Unary::ceil(),               |_| [NAN, INF, -INF, 0.0, -0.0, 1.0, 1e30, -1e30]),
    (Unary::round(),              |_| [NAN, INF, -INF, 0.0, -0.0, 0.0, 1e30, -1e30]),
    (Unary::trunc(),              |_| [NAN, INF, -INF, 0.0, -0.0, 0.0, 1e30, -1e30]),
    (Unary::fract(),              |d| [NAN, NAN, NAN, 0.0, 0.0, d, 0.0, 0.0]),
    (Unary::add_scalar(1.0),      |_| [NAN, INF, -INF, 1.0, 1.0, 1.0, 1e30, -1e30]),
    (Unary::mul_scalar(-2.0),     |d| [NAN, -INF, INF, -0.0, 0.0, -2.0 * d, -2e30, 2e30]),
    (Unary::powf(3.0),            |_| [NAN, INF, -INF, 0.0, -0.0, 0.0, 1e90, -1e90]),
    (Unary::powf(0.0),            |_| [1.0; 8]),
    (Unary::powf(-1.0),           |_| [NAN, 0.0, -0.0, INF, -INF, INF, 1e-30, -1e-30]),
    (Unary::clamp(-1.0, 2.0),     |d| [NAN, 2.0, -1.0, 0.0, -0.0, d, 2.0, -1.0]),
    (Unary::relu(),               |d| [NAN, INF, 0.0, 0.0, -0.0, d, 1e30, 0.0]),
    (Unary::relu6(),              |d| [NAN, 6.0, 0.0, 0.0, -0.0, d, 6.0, 0.0]),
    (Unary::leaky_relu(0.1),      |d| [NAN, INF, -INF, 0.0, -0.0, d, 1e30, -1e29]),
    (Unary::elu(1.0),             |d| [NAN, INF, -1.0, 0.0, -0.0, d, 1e30, -1.0]),
    (Unary::celu(1.0),            |d| [NAN, INF, -1.0, 0.0, -0.0, d, 1e30, -1.0]),
    (Unary::selu(),               |d| [NAN, INF, -1.7580993408473766, 0.0, -0.0, 1.0507009873554805 * d, 1.0507009873554805e30, -1.7580993408473766]),
    // Its limit at ±∞ (PyTorch: NaN).
    (Unary::gelu(),               |d| [NAN, INF, NOUGHT, 0.0, -0.0, 0.5 * d, 1e30, NOUGHT]),
    (Unary::gelu_tanh(),          |d| [NAN, INF, NAN, 0.0, -0.0, 0.5 * d, 1e30, -0.0]),
    (Unary::sigmoid(),            |_| [NAN, 1.0, 0.0, 0.5, 0.5, 0.5, 1.0, 0.0]),
    (Unary::log_sigmoid(),        |_| [NAN, -0.0, -INF, -LN_2, -LN_2, -LN_2, -0.0, -1e30]),
    (Unary::softplus(),           |_| [NAN, INF, 0.0, LN_2, LN_2, LN_2, 1e30, 0.0]),
    (Unary::softplus_with(2.0, 5.0), |_| [NAN, INF, 0.0, LN_2 / 2.0, LN_2 / 2.0, LN_2 / 2.0, 1e30, 0.0]),
    (Unary::silu(),               |d| [NAN, INF, NAN, 0.0, -0.0, 0.5 * d, 1e30, -0.0]),
    (Unary::mish(),               |d| [NAN, INF, NAN, 0.0, -0.0, 0.6 * d, 1e30, -0.0]),
    (Unary::softsign(),           |d| [NAN, NAN, NAN, 0.0, -0.0, d, 1.0, -1.0]),
    (Unary::tanhshrink(),         |_| [NAN, INF, -INF, 0.0, 0.0, 0.0, 1e30, -1e30]),
    (Unary::hardtanh(),           |d| [NAN, 1.0, -1.0, 0.0, -0.0, d, 1.0, -1.0]),
    (Unary::hardsigmoid(),        |_| [NAN, 1.0, 0.0, 0.5, 0.5, 0.5, 1.0, 0.0]),
    (Unary::hardswish(),          |d| [NAN, INF, NAN, 0.0, -0.0, 0.5 * d, 1e30, -0.0]),
    (Unary::hardshrink(0.5),      |_| [NAN, INF, -INF, 0.0, -0.0, 0.0, 1e30, -1e30]),
    (Unary::softshrink(0.5),      |_| [NAN, INF, -INF, 0.0, -0.0, 0.0, 1e30, -1e30]),
];

/// Equal NaNs, infinities, signs of nought; else within some roundings, and two steps of the denormals.
fn same<T: Float>(got: T, want: f64) -> bool {
    let (got, want) = (got.as_f64(), T::of(want).as_f64());
    let steps = 2.0 * <T as num_traits::Float>::min_positive_value().as_f64() * T::EPS;
    match want {
        want if want == T::of(NOUGHT).as_f64() => got == 0.0,
        want if want.is_nan() => got.is_nan(),
        want if want == 0.0 || want.is_infinite() => {
            got == want && got.is_sign_negative() == want.is_sign_negative()
        }
        _ => (got - want).abs() <= 8.0 * T::EPS * want.abs() + steps,
    }
}

fn denormal<T: Float>() -> f64 {
    T::of(<T as num_traits::Float>::min_positive_value().as_f64() / 1024.0).as_f64()
}

fn functions<T: Float>() {
    let d = denormal::<T>();
    let at: Vec<T> = [NAN, INF, -INF, 0.0, -0.0, d, 1e30, -1e30].map(T::of).to_vec();
    let x = Tensor::from(at.clone());
    let mut wrong = Vec::new();
    for (op, answers) in TABLE {
        let y = x.unary(*op).to_vec();
        for ((got, want), at) in y.iter().zip(answers(d)).zip(&at) {
            if want != SKIP && !same(*got, want) {
                wrong.push(format!("{op:?}({at}) = {got} instead of {want:e} in {}", T::DTYPE));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn functions_at_the_edges() {
    functions::<f32>();
    functions::<f64>();
    for name in Unary::NAMES {
        assert!(TABLE.iter().any(|(op, _)| op.name() == *name), "{name} has no answers here");
    }
}

#[test]
fn functions_of_nothing_and_of_one() {
    for (op, answers) in TABLE {
        for shape in [vec![0], vec![0, 3], vec![2, 0, 1]] {
            assert_eq!(Tensor::<f32>::zeros(shape.clone()).unary(*op).shape()[..], shape[..], "{op:?}");
        }
        let scalar = Tensor::scalar(0.0_f64).unary(*op);
        assert!(scalar.rank() == 0 && same(scalar.item(), answers(1e-310)[3]), "{op:?}");
        let single = Tensor::<f64>::zeros([1, 1, 1]).unary(*op);
        assert!(single.dims() == [1, 1, 1] && same(single.item(), answers(1e-310)[3]), "{op:?}");
    }
}

type Function = fn(&Tensor<f64>) -> Tensor<f64>;

/// Functions outside the table, at [NaN, ∞, −∞, 0, −0, 1, −1].
#[rustfmt::skip]
const RARE: &[(&str, Function, [f64; 7])] = &[
    ("lgamma",     Tensor::lgamma,     [NAN, INF, INF, INF, INF, 0.0, INF]),
    ("digamma",    Tensor::digamma,    [NAN, INF, NAN, -INF, INF, -0.5772156649015329, NAN]),
    // At ∞ the limit (PyTorch: NaN), at −1 the pole (PyTorch: 1.3e15 by rounding).
    ("polygamma1", |x| x.polygamma(1), [NAN, 0.0, NAN, INF, INF, 1.6449340668482264, INF]),
    ("polygamma2", |x| x.polygamma(2), [NAN, -0.0, NAN, -INF, -INF, -2.4041138063191886, -INF]),
    // The limit at ±∞ (PyTorch: NaN), exact noughts at the integers.
    ("sinc",       Tensor::sinc,       [NAN, 0.0, 0.0, 1.0, 1.0, 0.0, 0.0]),
    ("erfinv",     Tensor::erfinv,     [NAN, NAN, NAN, 0.0, -0.0, INF, -INF]),
    ("deg2rad",    Tensor::deg2rad,    [NAN, INF, -INF, 0.0, -0.0, 0.017453292519943295, -0.017453292519943295]),
    ("rad2deg",    Tensor::rad2deg,    [NAN, INF, -INF, 0.0, -0.0, 57.29577951308232, -57.29577951308232]),
    ("clamp_min",  |x| x.clamp_min(0.5),  [NAN, INF, 0.5, 0.5, 0.5, 1.0, 0.5]),
    ("clamp_max",  |x| x.clamp_max(0.5),  [NAN, 0.5, -INF, 0.0, -0.0, 0.5, -1.0]),
    ("threshold",  |x| x.threshold(0.0, 7.0), [NAN, INF, 7.0, 7.0, 7.0, 1.0, 7.0]),
    ("nan_to_num", |x| x.nan_to_num(2.0, None, Some(-9.0)), [2.0, f64::MAX, -9.0, 0.0, -0.0, 1.0, -1.0]),
];

#[test]
fn rare_functions_at_the_edges() {
    let x = Tensor::from([NAN, INF, -INF, 0.0, -0.0, 1.0, -1.0]);
    for (name, f, want) in RARE {
        let got = f(&x).to_vec();
        assert!(
            got.iter().zip(want).all(|(&got, &want)| same(got, want)),
            "{name}: {got:?} instead of {want:?}"
        );
    }
}

type Pair = fn(&Tensor<f64>, &Tensor<f64>) -> Tensor<f64>;

/// A name, a function of two numbers, and triples (a, b, answer).
type PairEdges = (&'static str, Pair, &'static [(f64, f64, f64)]);

#[rustfmt::skip]
const PAIRS: &[PairEdges] = &[
    ("maximum",   |a, b| a.maximum(b),   &[(NAN, 1.0, NAN), (1.0, NAN, NAN), (INF, 1.0, INF), (-INF, 1.0, 1.0)]),
    ("minimum",   |a, b| a.minimum(b),   &[(NAN, 1.0, NAN), (1.0, NAN, NAN), (INF, 1.0, 1.0), (-INF, 1.0, -INF)]),
    ("pow",       |a, b| a.pow(b),       &[(NAN, 0.0, 1.0), (0.0, 0.0, 1.0), (1.0, NAN, 1.0), (-8.0, 1.0 / 3.0, NAN), (-2.0, 3.0, -8.0), (0.0, -1.0, INF), (-0.0, -1.0, -INF), (INF, -1.0, 0.0)]),
    ("atan2",     |a, b| a.atan2(b),     &[(0.0, 0.0, 0.0), (-0.0, 0.0, -0.0), (0.0, -0.0, 2.0 * HALF_PI), (1.0, 0.0, HALF_PI), (INF, INF, HALF_PI / 2.0), (NAN, 1.0, NAN)]),
    ("hypot",     |a, b| a.hypot(b),     &[(INF, NAN, INF), (NAN, 1.0, NAN), (3e200, 4e200, 5e200), (3e-200, 4e-200, 5e-200), (0.0, -0.0, 0.0)]),
    ("logaddexp", |a, b| a.logaddexp(b), &[(-INF, -INF, -INF), (INF, INF, INF), (-INF, 2.0, 2.0), (INF, -INF, INF), (NAN, 1.0, NAN), (1e4, 1e4, 1e4 + LN_2)]),
    ("xlogy",     |a, b| a.xlogy(b),     &[(0.0, 0.0, 0.0), (0.0, -1.0, 0.0), (0.0, INF, 0.0), (0.0, NAN, NAN), (NAN, 1.0, NAN), (2.0, 0.0, -INF), (1.0, -1.0, NAN)]),
    ("copysign",  |a, b| a.copysign(b),  &[(1.0, -0.0, -1.0), (-1.0, 0.0, 1.0), (0.0, -3.0, -0.0), (INF, -1.0, -INF), (NAN, 1.0, NAN)]),
    ("fmod",      |a, b| a.fmod(b),      &[(-5.0, 3.0, -2.0), (5.0, -3.0, 2.0), (5.0, 0.0, NAN), (INF, 3.0, NAN), (5.0, INF, 5.0), (-0.0, 3.0, -0.0), (-6.0, 3.0, -0.0)]),
    ("remainder", |a, b| a.remainder(b), &[(-5.0, 3.0, 1.0), (5.0, -3.0, -1.0), (5.0, 0.0, NAN), (INF, 3.0, NAN), (5.0, INF, 5.0), (-5.0, INF, INF), (-0.0, 3.0, -0.0), (6.0, -3.0, 0.0)]),
];

#[test]
fn pairs_at_the_edges() {
    for (name, f, rows) in PAIRS {
        for &(a, b, want) in *rows {
            let got = f(&Tensor::scalar(a), &Tensor::scalar(b)).item();
            assert!(same(got, want), "{name}({a}, {b}) = {got} instead of {want}");
        }
        assert!(f(&Tensor::zeros([0, 3]), &Tensor::zeros([3])).shape()[..] == [0, 3], "{name}");
    }
}

/// Reductions of [], [NaN, 1], [∞, 1], [−∞, 1], [∞, −∞], [−0], [2]. Where there is nothing to choose from, `SKIP`.
#[rustfmt::skip]
const REDUCTIONS: &[(&str, Function, [f64; 7])] = &[
    ("sum",       Tensor::sum,                           [0.0, NAN, INF, -INF, NAN, 0.0, 2.0]),
    ("prod",      Tensor::prod,                          [1.0, NAN, INF, -INF, -INF, -0.0, 2.0]),
    ("mean",      Tensor::mean,                          [NAN, NAN, INF, -INF, NAN, 0.0, 2.0]),
    ("max",       |x| x.max_axes(&[], false),            [SKIP, NAN, INF, 1.0, INF, -0.0, 2.0]),
    ("min",       |x| x.min_axes(&[], false),            [SKIP, NAN, 1.0, -INF, -INF, -0.0, 2.0]),
    ("var",       |x| x.var_axes(&[], 1.0, false),       [NAN, NAN, NAN, NAN, NAN, NAN, NAN]),
    ("var/0",     |x| x.var_axes(&[], 0.0, false),       [NAN, NAN, NAN, NAN, NAN, 0.0, 0.0]),
    ("std/0",     |x| x.std_axes(&[], 0.0, false),       [NAN, NAN, NAN, NAN, NAN, 0.0, 0.0]),
    ("norm/0",    |x| x.norm_axes(0.0, &[], false),      [0.0, 2.0, 2.0, 2.0, 2.0, 0.0, 1.0]),
    ("norm/1",    |x| x.norm_axes(1.0, &[], false),      [0.0, NAN, INF, INF, INF, 0.0, 2.0]),
    ("norm/2",    |x| x.norm_axes(2.0, &[], false),      [0.0, NAN, INF, INF, INF, 0.0, 2.0]),
    ("norm/3",    |x| x.norm_axes(3.0, &[], false),      [0.0, NAN, INF, INF, INF, 0.0, 2.0]),
    ("norm/½",    |x| x.norm_axes(0.5, &[], false),      [0.0, NAN, INF, INF, INF, 0.0, 2.0]),
    ("norm/∞",    |x| x.norm_axes(INF, &[], false),      [SKIP, NAN, INF, INF, INF, 0.0, 2.0]),
    ("norm/−∞",   |x| x.norm_axes(-INF, &[], false),     [SKIP, NAN, 1.0, 1.0, INF, 0.0, 2.0]),
    ("norm/−1",   |x| x.norm_axes(-1.0, &[], false),     [SKIP, NAN, 1.0, 1.0, INF, 0.0, 2.0]),
    ("logsumexp", |x| x.logsumexp(0, false),             [-INF, NAN, INF, 1.0, INF, 0.0, 2.0]),
    ("logsumexp/axes", |x| x.logsumexp_axes(&[], false), [-INF, NAN, INF, 1.0, INF, 0.0, 2.0]),
    ("nan_sum",   |x| x.nan_sum_axes(&[], false),        [0.0, 1.0, INF, -INF, NAN, 0.0, 2.0]),
    ("nan_mean",  |x| x.nan_mean_axes(&[], false),       [NAN, 1.0, INF, -INF, NAN, 0.0, 2.0]),
    ("median",    |x| x.median(0, false).0,              [SKIP, NAN, 1.0, -INF, -INF, -0.0, 2.0]),
    ("nan_median", |x| x.nan_median(0, false).0,         [SKIP, 1.0, 1.0, -INF, -INF, -0.0, 2.0]),
    ("kth_value", |x| x.kth_value(1, 0, false).0,        [SKIP, 1.0, 1.0, -INF, -INF, -0.0, 2.0]),
    ("mode",      |x| x.mode(0, false).0,                [SKIP, 1.0, 1.0, -INF, -INF, -0.0, 2.0]),
    ("quantile",  |x| x.quantile(0.5, 0, QuantileMethod::Linear, false), [SKIP, NAN, INF, -INF, NAN, -0.0, 2.0]),
    ("quantile/0", |x| x.quantile(0.0, 0, QuantileMethod::Linear, false), [SKIP, NAN, 1.0, -INF, -INF, -0.0, 2.0]),
    ("nan_quantile", |x| x.nan_quantile(0.5, 0, QuantileMethod::Linear, false), [SKIP, 1.0, INF, -INF, NAN, -0.0, 2.0]),
    ("argmax",    |x| x.argmax(0).cast(),                [SKIP, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0]),
    ("argmin",    |x| x.argmin(0).cast(),                [SKIP, 0.0, 1.0, 0.0, 1.0, 0.0, 0.0]),
    ("all",       |x| x.cast::<bool>().all_axes(&[], false).cast(), [1.0, 1.0, 1.0, 1.0, 1.0, 0.0, 1.0]),
    ("any",       |x| x.cast::<bool>().any_axes(&[], false).cast(), [0.0, 1.0, 1.0, 1.0, 1.0, 0.0, 1.0]),
    ("count",     |x| x.count_axes(&[], false).cast(),   [0.0, 2.0, 2.0, 2.0, 2.0, 0.0, 1.0]),
    // Of scans the last element.
    ("cumsum",    |x| last(x.cumsum(0, false)),          [SKIP, NAN, INF, -INF, NAN, 0.0, 2.0]),
    ("cumprod",   |x| last(x.cumprod(0, false)),         [SKIP, NAN, INF, -INF, -INF, -0.0, 2.0]),
    ("cummax",    |x| last(x.cummax(0).0),               [SKIP, NAN, INF, 1.0, INF, -0.0, 2.0]),
    ("cummin",    |x| last(x.cummin(0).0),               [SKIP, NAN, 1.0, -INF, -INF, -0.0, 2.0]),
    ("logcumsumexp", |x| last(x.logcumsumexp(0)),        [SKIP, NAN, INF, 1.0, INF, 0.0, 2.0]),
    ("sort",      |x| last(x.sort(0, false).0),          [SKIP, NAN, INF, 1.0, INF, -0.0, 2.0]),
    ("top_k",     |x| x.top_k(1, 0, true, true).0.squeeze(0), [SKIP, NAN, INF, 1.0, INF, -0.0, 2.0]),
];

fn last(x: Tensor<f64>) -> Tensor<f64> {
    x.select(0, x.len() - 1)
}

#[test]
fn reductions_at_the_edges() {
    let rows: [&[f64]; 7] = [&[], &[NAN, 1.0], &[INF, 1.0], &[-INF, 1.0], &[INF, -INF], &[-0.0], &[2.0]];
    let mut wrong = Vec::new();
    for (name, f, answers) in REDUCTIONS {
        for (row, &want) in rows.iter().zip(answers).filter(|(_, want)| **want != SKIP) {
            let got = f(&Tensor::from(*row)).item();
            if !same(got, want) {
                wrong.push(format!("{name} of {row:?} = {got} instead of {want}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn reductions_of_scalars_and_of_empty_axes() {
    let scalar = Tensor::scalar(-2.0_f64);
    let all = |y: Tensor<f64>| (y.rank(), y.item());
    assert_eq!(all(scalar.sum()), (0, -2.0));
    assert_eq!(all(scalar.prod_axes(&[], true)), (0, -2.0));
    assert_eq!(all(scalar.max_axes(&[], false)), (0, -2.0));
    assert_eq!(all(scalar.var_axes(&[], 0.0, false)), (0, 0.0));
    assert_eq!(all(scalar.norm_axes(2.0, &[], false)), (0, 2.0));
    assert_eq!(all(scalar.logsumexp_axes(&[], false)), (0, -2.0));
    let none = Tensor::<f64>::zeros([0, 3]);
    assert_eq!(none.sum_axes(&[0], false).to_vec(), [0.0; 3]);
    assert_eq!(none.prod_axes(&[0], true).to_vec(), [1.0; 3]);
    assert_eq!(none.norm_axes(2.0, &[0], false).to_vec(), [0.0; 3]);
    assert_eq!(none.logsumexp_axes(&[0], false).to_vec(), [-INF; 3]);
    assert_eq!(none.max_axes(&[1], false).dims(), [0]);
    for axis in 0..2 {
        assert_eq!(none.cumsum(axis, true).dims(), [0, 3]);
        assert_eq!(none.cumprod(axis, false).dims(), [0, 3]);
        assert_eq!(none.cummax(axis).1.dims(), [0, 3]);
        assert_eq!(none.sort(axis, true).1.dims(), [0, 3]);
        assert_eq!(none.top_k(0, axis, true, true).0.len(), 0);
    }
    assert_eq!(none.median(1, true).0.dims(), [0, 1]);
    assert_eq!(none.quantile(0.5, 1, QuantileMethod::Linear, false).dims(), [0]);
    assert_eq!((none.nonzero().dims(), none.masked_select(&none.is_nan()).len()), ([0, 2], 0));
    assert_eq!(scalar.nonzero().dims(), [1, 0]);
}

#[test]
fn large_and_small_numbers_neither_overflow_nor_vanish() {
    let p = Tensor::from([[1e4_f32, 1e4], [1e4, -1e4], [-1e4, -1e4]]).softmax(-1);
    assert_eq!(p.to_vec(), [0.5, 0.5, 1.0, 0.0, 0.5, 0.5]);
    assert!(Tensor::from([-INF, -INF]).softmax(0).to_vec().iter().all(|x| x.is_nan()));
    for (size, p) in
        [(1e30, 2.0), (1e-30, 2.0), (1e30, 3.0), (1e-30, 3.0), (1e-30, 7.5), (1e30, -2.0), (1e-30, -2.0)]
    {
        let x = Tensor::from([3.0 * size, 4.0 * size]).cast::<f32>();
        let want = size * (3.0_f64.powf(p) + 4.0_f64.powf(p)).powf(1.0 / p);
        let got = f64::from(x.norm_axes(p, &[0], false).item());
        assert!((got / want - 1.0).abs() < 1e-6, "{p}-norm of {size:e}: {got:e} instead of {want:e}");
    }
    let mixed = Tensor::from([[3e30_f32, 4e30], [0.0, 0.0], [3.0, 4.0], [3e-30, 4e-30]]);
    let norms = mixed.norm_axes(2.0, &[1], false).to_vec();
    assert!(norms.iter().zip([5e30, 0.0, 5.0, 5e-30]).all(|(a, b)| (a - b).abs() <= 1e-6 * b), "{norms:?}");
    // A mean off by one rounding is 8 off here; what is left of it must not look like a spread.
    let constant = Tensor::full([1000, 3], 1e8_f32);
    assert_eq!(constant.var_axes(&[0], 0.0, false).to_vec(), [0.0; 3]);
    let spread = Tensor::from_fn([1000], |i| 1e8_f32 + 8.0 * (i[0] % 2) as f32);
    assert!((spread.var_axes(&[], 0.0, false).item() - 16.0).abs() < 1e-3);
}

#[test]
fn sums_of_ten_million_numbers_stay_exact_to_a_millionth() {
    const COUNT: usize = 10_000_000;
    let x = Tensor::<f32>::from_fn([COUNT], |i| 0.1 + (i[0] % 1000) as f32 * 1e-3);
    let values = x.as_slice().unwrap_or(&[]);
    let exact: f64 = values.iter().map(|&x| f64::from(x)).sum();
    let close =
        |got: f32, want: f64| assert!((f64::from(got) / want - 1.0).abs() < 1e-6, "{got} instead of {want}");
    close(x.sum().item(), exact);
    close(x.mean().item(), exact / COUNT as f64);
    let squares: f64 = values.iter().map(|&x| f64::from(x).powi(2)).sum();
    close(x.norm_axes(2.0, &[], false).item(), squares.sqrt());
    close(x.var_axes(&[], 0.0, false).item(), squares / COUNT as f64 - (exact / COUNT as f64).powi(2));
    close(x.reshape([COUNT / 10, 10]).sum_axes(&[0], false).sum().item(), exact);
    close(x.cumsum(0, false).at(&[COUNT - 1]), exact);
}

#[test]
fn integers_wrap_in_scans() {
    let x = Tensor::from([200_u8, 100, 3]);
    assert_eq!(
        (x.cumsum(0, false).to_vec(), x.cumprod(0, false).to_vec()),
        (vec![200, 44, 47], vec![200, 32, 96])
    );
    let x = Tensor::from([i32::MAX, 2, -7]);
    assert_eq!(x.cumsum(0, false).to_vec(), [i32::MAX, i32::MIN + 1, i32::MAX - 5]);
    let x = Tensor::from([i64::MAX, 1]);
    assert_eq!(x.cumsum(0, false).to_vec(), [i64::MAX, i64::MIN]);
}
