//! The table of elementwise functions: name, value, derivative, what the derivative reads. A row is all there is to
//! write; the loops, `Tensor`'s methods and (through the exported macro) any other type's methods follow from it.
//!
//! ```text
//! /// documentation
//! name Name(parameters) = |x| value; input|output|nothing |g, s| g · f′, where s is the input or the output
//! ```
//!
//! Formulas are written in [`Arith`](crate::Arith), so one row serves numbers and differentiable variables alike: the
//! derivative can itself be differentiated. `SELU_*` and other constants stand beside the table, in [`constants`].

/// Constants of the elementwise table.
pub mod constants {
    /// SELU's α (Klambauer et al. 2017, "Self-Normalizing Neural Networks").
    pub const SELU_ALPHA: f64 = 1.673_263_242_354_377_2;
    /// SELU's scale λ.
    pub const SELU_SCALE: f64 = 1.050_700_987_355_480_5;
    /// √(2/π), in the tanh form of GELU (Hendrycks & Gimpel 2016).
    pub const SQRT_2_OVER_PI: f64 = 0.797_884_560_802_865_4;
    /// 1/√(2π), the height of the normal density.
    pub const FRAC_1_SQRT_2PI: f64 = 0.398_942_280_401_432_7;
    /// The cubic term in the tanh form of GELU.
    pub const GELU_CUBIC: f64 = 0.044_715;
}

/// Hands the rows of the elementwise table to the macro `$callback`, which sees each as
/// `#[doc…] name Name(parameter: type, …) = |x| value; source |g, s| derivative;`.
#[macro_export]
macro_rules! unary_table {
    ($callback:ident) => {
        $callback! {
            /// −x.
            neg Neg() = |x| -x; nothing |g, _n| -g;
            /// |x|; the derivative at 0 is 0.
            abs Abs() = |x| x.abs(); input |g, x| g * x.sign();
            /// The sign: −1, 0 or 1. Its derivative is 0 everywhere.
            sign Sign() = |x| x.sign(); nothing |g, _n| g.nought();
            /// x².
            square Square() = |x| x.clone() * x; input |g, x| g * x * 2.0;
            /// √x; NaN below 0.
            sqrt Sqrt() = |x| x.sqrt(); output |g, y| g / y * 0.5;
            /// 1/√x.
            rsqrt Rsqrt() = |x| x.rsqrt(); output |g, y| g * y.clone() * y.clone() * y * -0.5;
            /// 1/x.
            reciprocal Reciprocal() = |x| x.reciprocal(); output |g, y| -(g * y.clone() * y);
            /// eˣ.
            exp Exp() = |x| x.exp(); output |g, y| g * y;
            /// 2ˣ.
            exp2 Exp2() = |x| x.exp2(); output |g, y| g * y * std::f64::consts::LN_2;
            /// eˣ − 1, accurate near 0.
            expm1 Expm1() = |x| x.expm1(); output |g, y| g * (y + 1.0);
            /// Natural logarithm (PyTorch: `log`).
            ln Ln() = |x| x.ln(); input |g, x| g / x;
            /// Binary logarithm.
            log2 Log2() = |x| x.log2(); input |g, x| g / x * std::f64::consts::LOG2_E;
            /// Decimal logarithm.
            log10 Log10() = |x| x.log10(); input |g, x| g / x * std::f64::consts::LOG10_E;
            /// ln(1 + x), accurate near 0.
            log1p Log1p() = |x| x.log1p(); input |g, x| g / (x + 1.0);
            /// Sine; x in radians.
            sin Sin() = |x| x.sin(); input |g, x| g * x.cos();
            /// Cosine; x in radians.
            cos Cos() = |x| x.cos(); input |g, x| -(g * x.sin());
            /// Tangent; x in radians.
            tan Tan() = |x| x.tan(); output |g, y| g * (y.clone() * y + 1.0);
            /// Inverse sine.
            asin Asin() = |x| x.asin(); input |g, x| g * (-(x.clone() * x) + 1.0).rsqrt();
            /// Inverse cosine.
            acos Acos() = |x| x.acos(); input |g, x| -(g * (-(x.clone() * x) + 1.0).rsqrt());
            /// Inverse tangent.
            atan Atan() = |x| x.atan(); input |g, x| g / (x.clone() * x + 1.0);
            /// Hyperbolic sine.
            sinh Sinh() = |x| x.sinh(); input |g, x| g * x.cosh();
            /// Hyperbolic cosine.
            cosh Cosh() = |x| x.cosh(); input |g, x| g * x.sinh();
            /// Hyperbolic tangent.
            tanh Tanh() = |x| x.tanh(); output |g, y| g * (-(y.clone() * y) + 1.0);
            /// Inverse hyperbolic sine.
            asinh Asinh() = |x| x.asinh(); input |g, x| g * (x.clone() * x + 1.0).rsqrt();
            /// Inverse hyperbolic cosine.
            acosh Acosh() = |x| x.acosh(); input |g, x| g * (x.clone() * x - 1.0).rsqrt();
            /// Inverse hyperbolic tangent.
            atanh Atanh() = |x| x.atanh(); input |g, x| g / (-(x.clone() * x) + 1.0);
            /// Error function 2/√π ∫₀ˣ e^(−t²) dt.
            erf Erf() = |x| x.erf(); input |g, x| g * (-(x.clone() * x)).exp() * std::f64::consts::FRAC_2_SQRT_PI;
            /// 1 − erf x.
            erfc Erfc() = |x| x.erfc(); input |g, x| g * (-(x.clone() * x)).exp() * -std::f64::consts::FRAC_2_SQRT_PI;
            /// Φ(x), the standard normal distribution function (PyTorch: `torch.special.ndtr`).
            normal_cdf NormalCdf() = |x| x.normal_cdf(); input |g, x| g * x.normal_pdf();
            /// φ(x) = e^(−x²/2)/√(2π), the standard normal density.
            normal_pdf NormalPdf() = |x| x.normal_pdf(); input |g, x| -(g * x.clone() * x.normal_pdf());
            /// Rounds towards −∞. Its derivative is 0 everywhere.
            floor Floor() = |x| x.floor(); nothing |g, _n| g.nought();
            /// Rounds towards ∞. Its derivative is 0 everywhere.
            ceil Ceil() = |x| x.ceil(); nothing |g, _n| g.nought();
            /// Rounds to the nearest integer, ties to the even one. Its derivative is 0 everywhere.
            round Round() = |x| x.round(); nothing |g, _n| g.nought();
            /// Rounds towards 0. Its derivative is 0 everywhere.
            trunc Trunc() = |x| x.trunc(); nothing |g, _n| g.nought();
            /// x − trunc x, the fractional part with x's sign (PyTorch: `frac`). Its derivative is 1 everywhere.
            fract Fract() = |x| x.clone() - x.trunc(); nothing |g, _n| g;
            /// x + c.
            add_scalar AddScalar(c: f64) = |x| x + c; nothing |g, _n| g;
            /// c·x.
            mul_scalar MulScalar(c: f64) = |x| x * c; nothing |g, _n| g * c;
            /// x^p for a constant p (PyTorch: `pow`); the derivative is p·x^(p−1), and 0 for p = 0.
            powf Powf(exponent: f64) = |x| x.powf(exponent);
                input |g, x| if exponent == 0.0 { g.nought() } else { g * x.powf(exponent - 1.0) * exponent };
            /// x limited to low ..= high; the derivative is 1 inside, and 0 from the borders on.
            clamp Clamp(low: f64, high: f64) =
                |x| x.at_least(low).at_most(high);
                input |g, x| { let zero = g.clone().nought();
                      let g = (-x.clone()).where_gt(-high, g, zero.clone()); x.where_gt(low, g, zero) };
            /// max(x, 0); the derivative at 0 is 0.
            relu Relu() = |x| x.at_least(0.0); output |g, y| y.where_gt(0.0, g.clone(), g.nought());
            /// min(max(x, 0), 6).
            relu6 Relu6() = |x| x.at_least(0.0).at_most(6.0);
                output |g, y| { let zero = g.clone().nought();
                      let inner = (-y.clone()).where_gt(-6.0, g, zero.clone()); y.where_gt(0.0, inner, zero) };
            /// x for x > 0, else slope·x.
            leaky_relu LeakyRelu(slope: f64) = |x| x.clone().where_gt(0.0, x.clone(), x * slope);
                input |g, x| x.where_gt(0.0, g.clone(), g * slope);
            /// x for x > 0, else α(eˣ − 1) (Clevert et al. 2015).
            elu Elu(alpha: f64) = |x| x.clone().where_gt(0.0, x.clone(), x.at_most(0.0).expm1() * alpha);
                input |g, x| x.clone().where_gt(0.0, g.clone(), g * x.at_most(0.0).exp() * alpha);
            /// x for x > 0, else α(e^(x/α) − 1) (Barron 2017).
            celu Celu(alpha: f64) = |x| x.clone().where_gt(0.0, x.clone(), (x.at_most(0.0) / alpha).expm1() * alpha);
                input |g, x| x.clone().where_gt(0.0, g.clone(), g * (x.at_most(0.0) / alpha).exp());
            /// λx for x > 0, else λα(eˣ − 1), with the constants that keep activations normalised (Klambauer et al. 2017).
            selu Selu() = |x| x.clone().where_gt(0.0, x.clone(), x.at_most(0.0).expm1() * $crate::constants::SELU_ALPHA) * $crate::constants::SELU_SCALE;
                input |g, x| x.clone().where_gt(0.0, g.clone(), g * x.at_most(0.0).exp() * $crate::constants::SELU_ALPHA) * $crate::constants::SELU_SCALE;
            /// x·Φ(x) with the normal distribution function Φ (Hendrycks & Gimpel 2016).
            gelu Gelu() = |x| x.gelu();
                input |g, x| g * (x.clone().normal_cdf() + x.clone() * x.normal_pdf());
            /// GELU's tanh form, x/2·(1 + tanh(√(2/π)(x + 0.044715 x³))) (PyTorch: `gelu(approximate="tanh")`).
            gelu_tanh GeluTanh() = |x| {
                    let twice = (x.clone() * x.clone() * $crate::constants::GELU_CUBIC + 1.0) * x.clone() * (2.0 * $crate::constants::SQRT_2_OVER_PI);
                    x * twice.sigmoid() };
                input |g, x| {
                    let square = x.clone() * x.clone();
                    let s = ((square.clone() * $crate::constants::GELU_CUBIC + 1.0) * x.clone() * (2.0 * $crate::constants::SQRT_2_OVER_PI)).sigmoid();
                    let slope = (square * (3.0 * $crate::constants::GELU_CUBIC) + 1.0) * (2.0 * $crate::constants::SQRT_2_OVER_PI);
                    g * (s.clone() + x * s.clone() * (-s + 1.0) * slope) };
            /// 1/(1 + e^(−x)).
            sigmoid Sigmoid() = |x| x.sigmoid(); output |g, y| g * y.clone() * (-y + 1.0);
            /// ln σ(x) = −ln(1 + e^(−x)) (PyTorch: `logsigmoid`).
            log_sigmoid LogSigmoid() = |x| -(-x).log1p_exp(); input |g, x| g * (-x).sigmoid();
            /// ln(1 + e^x) (PyTorch: `softplus` with β = 1).
            softplus Softplus() = |x| x.log1p_exp(); input |g, x| g * x.sigmoid();
            /// ln(1 + e^(βx))/β, and x where βx > threshold (PyTorch: `softplus(beta, threshold)`).
            softplus_with SoftplusWith(beta: f64, threshold: f64) =
                |x| { let scaled = x.clone() * beta; scaled.clone().where_gt(threshold, x, scaled.log1p_exp() / beta) };
                input |g, x| { let scaled = x * beta; scaled.clone().where_gt(threshold, g.clone(), g * scaled.sigmoid()) };
            /// x·σ(x), also called swish (Ramachandran et al. 2017).
            silu Silu() = |x| x.clone() * x.sigmoid();
                input |g, x| { let s = x.clone().sigmoid(); g * s.clone() * (x * (-s + 1.0) + 1.0) };
            /// x·tanh(ln(1 + eˣ)) (Misra 2019).
            mish Mish() = |x| x.clone() * x.log1p_exp().tanh();
                input |g, x| { let t = x.clone().log1p_exp().tanh();
                      g * (t.clone() + x.clone() * x.sigmoid() * (-(t.clone() * t) + 1.0)) };
            /// x/(1 + |x|).
            softsign Softsign() = |x| x.clone() / (x.abs() + 1.0);
                input |g, x| { let d = x.abs() + 1.0; g / (d.clone() * d) };
            /// x − tanh x.
            tanhshrink Tanhshrink() = |x| x.clone() - x.tanh(); input |g, x| { let t = x.tanh(); g * t.clone() * t };
            /// x limited to −1 ..= 1; the derivative is 0 from the borders on.
            hardtanh Hardtanh() = |x| x.at_least(-1.0).at_most(1.0);
                input |g, x| { let zero = g.clone().nought();
                      let inner = (-x.clone()).where_gt(-1.0, g, zero.clone()); x.where_gt(-1.0, inner, zero) };
            /// x/6 + 1/2 limited to 0 ..= 1 (Howard et al. 2019).
            hardsigmoid Hardsigmoid() = |x| (x / 6.0 + 0.5).at_least(0.0).at_most(1.0);
                input |g, x| { let zero = g.clone().nought();
                      let inner = (-x.clone()).where_gt(-3.0, g / 6.0, zero.clone()); x.where_gt(-3.0, inner, zero) };
            /// x·hardsigmoid(x) (Howard et al. 2019).
            hardswish Hardswish() = |x| x.clone() * (x / 6.0 + 0.5).at_least(0.0).at_most(1.0);
                input |g, x| { let zero = g.clone().nought(); let ramp = g.clone() * (x.clone() / 3.0 + 0.5);
                      let low = x.clone().where_gt(-3.0, ramp, zero); (-x).where_gt(-3.0, low, g) };
            /// x where |x| > λ, else 0.
            hardshrink Hardshrink(lambda: f64) = |x| x.clone().abs().where_gt(lambda, x.clone(), x * 0.0);
                input |g, x| x.abs().where_gt(lambda, g.clone(), g.nought());
            /// x moved towards 0 by λ: sign(x)·max(|x| − λ, 0).
            softshrink Softshrink(lambda: f64) = |x| x.clone().abs().where_gt(lambda, x.clone() - x.clone().sign() * lambda, x * 0.0);
                input |g, x| x.abs().where_gt(lambda, g.clone(), g.nought());
        }
    };
}
