//! An example for each function of the elementwise table, as documentation of the methods that the table's macros write: a call,
//! an argument, value and slope there, as PyTorch computes them in double precision. It must never know how.

/// The text of one example: `tensor` or `var`, then the function's name.
#[doc(hidden)]
#[macro_export]
macro_rules! unary_example {
    ($type:ident neg) => { $crate::unary_example!(@$type "neg()", "0.5", "-0.5", "-1.0") };
    ($type:ident abs) => { $crate::unary_example!(@$type "abs()", "-0.5", "0.5", "-1.0") };
    ($type:ident sign) => { $crate::unary_example!(@$type "sign()", "-0.5", "-1.0", "0.0") };
    ($type:ident square) => { $crate::unary_example!(@$type "square()", "3.0", "9.0", "6.0") };
    ($type:ident sqrt) => { $crate::unary_example!(@$type "sqrt()", "4.0", "2.0", "0.25") };
    ($type:ident rsqrt) => { $crate::unary_example!(@$type "rsqrt()", "4.0", "0.5", "-0.0625") };
    ($type:ident reciprocal) => { $crate::unary_example!(@$type "reciprocal()", "4.0", "0.25", "-0.0625") };
    ($type:ident exp) => { $crate::unary_example!(@$type "exp()", "0.5", "1.6487212707001282", "1.6487212707001282") };
    ($type:ident exp2) => { $crate::unary_example!(@$type "exp2()", "3.0", "8.0", "5.545177444479562") };
    ($type:ident expm1) => { $crate::unary_example!(@$type "expm1()", "0.5", "0.6487212707001282", "1.6487212707001282") };
    ($type:ident ln) => { $crate::unary_example!(@$type "ln()", "2.0", "0.6931471805599453", "0.5") };
    ($type:ident log2) => { $crate::unary_example!(@$type "log2()", "8.0", "3.0", "0.18033688011112042") };
    ($type:ident log10) => { $crate::unary_example!(@$type "log10()", "100.0", "2.0", "0.004342944819032518") };
    ($type:ident log1p) => { $crate::unary_example!(@$type "log1p()", "0.5", "0.4054651081081644", "0.6666666666666666") };
    ($type:ident sin) => { $crate::unary_example!(@$type "sin()", "0.5", "0.479425538604203", "0.8775825618903728") };
    ($type:ident cos) => { $crate::unary_example!(@$type "cos()", "0.5", "0.8775825618903728", "-0.479425538604203") };
    ($type:ident tan) => { $crate::unary_example!(@$type "tan()", "0.5", "0.5463024898437905", "1.2984464104095248") };
    ($type:ident asin) => { $crate::unary_example!(@$type "asin()", "0.5", "0.5235987755982989", "1.1547005383792517") };
    ($type:ident acos) => { $crate::unary_example!(@$type "acos()", "0.5", "1.0471975511965976", "-1.1547005383792517") };
    ($type:ident atan) => { $crate::unary_example!(@$type "atan()", "0.5", "0.4636476090008061", "0.8") };
    ($type:ident sinh) => { $crate::unary_example!(@$type "sinh()", "0.5", "0.5210953054937474", "1.1276259652063807") };
    ($type:ident cosh) => { $crate::unary_example!(@$type "cosh()", "0.5", "1.1276259652063807", "0.5210953054937474") };
    ($type:ident tanh) => { $crate::unary_example!(@$type "tanh()", "0.5", "0.4621171572600098", "0.7864477329659274") };
    ($type:ident asinh) => { $crate::unary_example!(@$type "asinh()", "0.5", "0.48121182505960347", "0.8944271909999159") };
    ($type:ident acosh) => { $crate::unary_example!(@$type "acosh()", "2.0", "1.3169578969248166", "0.5773502691896258") };
    ($type:ident atanh) => { $crate::unary_example!(@$type "atanh()", "0.5", "0.5493061443340548", "1.3333333333333333") };
    ($type:ident erf) => { $crate::unary_example!(@$type "erf()", "0.5", "0.5204998778130465", "0.8787825789354448") };
    ($type:ident erfc) => { $crate::unary_example!(@$type "erfc()", "0.5", "0.4795001221869535", "-0.8787825789354448") };
    ($type:ident normal_cdf) => { $crate::unary_example!(@$type "normal_cdf()", "0.5", "0.691462461274013", "0.35206532676429947") };
    ($type:ident normal_pdf) => { $crate::unary_example!(@$type "normal_pdf()", "0.5", "0.35206532676429947", "-0.17603266338214973") };
    ($type:ident floor) => { $crate::unary_example!(@$type "floor()", "-1.5", "-2.0", "0.0") };
    ($type:ident ceil) => { $crate::unary_example!(@$type "ceil()", "-1.5", "-1.0", "0.0") };
    ($type:ident round) => { $crate::unary_example!(@$type "round()", "2.5", "2.0", "0.0") };
    ($type:ident trunc) => { $crate::unary_example!(@$type "trunc()", "-1.5", "-1.0", "0.0") };
    ($type:ident fract) => { $crate::unary_example!(@$type "fract()", "-1.25", "-0.25", "1.0") };
    ($type:ident add_scalar) => { $crate::unary_example!(@$type "add_scalar(2.0)", "0.5", "2.5", "1.0") };
    ($type:ident mul_scalar) => { $crate::unary_example!(@$type "mul_scalar(2.0)", "0.5", "1.0", "2.0") };
    ($type:ident powf) => { $crate::unary_example!(@$type "powf(3.0)", "2.0", "8.0", "12.0") };
    ($type:ident clamp) => { $crate::unary_example!(@$type "clamp(-1.0, 1.0)", "2.0", "1.0", "0.0") };
    ($type:ident relu) => { $crate::unary_example!(@$type "relu()", "-0.5", "0.0", "0.0") };
    ($type:ident relu6) => { $crate::unary_example!(@$type "relu6()", "7.0", "6.0", "0.0") };
    ($type:ident leaky_relu) => { $crate::unary_example!(@$type "leaky_relu(0.25)", "-2.0", "-0.5", "0.25") };
    ($type:ident elu) => { $crate::unary_example!(@$type "elu(1.0)", "-0.5", "-0.3934693402873666", "0.6065306597126334") };
    ($type:ident celu) => { $crate::unary_example!(@$type "celu(2.0)", "-0.5", "-0.44239843385719024", "0.7788007830714049") };
    ($type:ident selu) => { $crate::unary_example!(@$type "selu()", "-0.5", "-0.6917581878028713", "1.0663411530445053") };
    ($type:ident gelu) => { $crate::unary_example!(@$type "gelu()", "0.5", "0.34573123063700656", "0.8674951246561629") };
    ($type:ident gelu_tanh) => { $crate::unary_example!(@$type "gelu_tanh()", "0.5", "0.34571400982514394", "0.8673699035346424") };
    ($type:ident sigmoid) => { $crate::unary_example!(@$type "sigmoid()", "0.5", "0.6224593312018546", "0.2350037122015945") };
    ($type:ident log_sigmoid) => { $crate::unary_example!(@$type "log_sigmoid()", "0.5", "-0.4740769841801067", "0.37754066879814546") };
    ($type:ident softplus) => { $crate::unary_example!(@$type "softplus()", "0.5", "0.9740769841801067", "0.6224593312018546") };
    ($type:ident softplus_with) => { $crate::unary_example!(@$type "softplus_with(2.0, 20.0)", "0.5", "0.6566308437591114", "0.7310585786300049") };
    ($type:ident silu) => { $crate::unary_example!(@$type "silu()", "0.5", "0.3112296656009273", "0.7399611873026519") };
    ($type:ident mish) => { $crate::unary_example!(@$type "mish()", "0.5", "0.3752452113048951", "0.8864243753577272") };
    ($type:ident softsign) => { $crate::unary_example!(@$type "softsign()", "1.0", "0.5", "0.25") };
    ($type:ident tanhshrink) => { $crate::unary_example!(@$type "tanhshrink()", "0.5", "0.03788284273999021", "0.2135522670340726") };
    ($type:ident hardtanh) => { $crate::unary_example!(@$type "hardtanh()", "-2.0", "-1.0", "0.0") };
    ($type:ident hardsigmoid) => { $crate::unary_example!(@$type "hardsigmoid()", "1.5", "0.75", "0.16666666666666666") };
    ($type:ident hardswish) => { $crate::unary_example!(@$type "hardswish()", "1.5", "1.125", "1.0") };
    ($type:ident hardshrink) => { $crate::unary_example!(@$type "hardshrink(0.5)", "0.25", "0.0", "0.0") };
    ($type:ident softshrink) => { $crate::unary_example!(@$type "softshrink(0.5)", "2.0", "1.5", "1.0") };
    (@tensor $call:literal, $x:literal, $y:literal, $slope:literal) => {
        concat!(
            "```\nuse gradus_tensor::Tensor;\nlet y = Tensor::from([", $x, "_f64]).", $call,
            ";\nassert!((y.item() - (", $y, "_f64)).abs() < 1e-12);\n```"
        )
    };
    (@var $call:literal, $x:literal, $y:literal, $slope:literal) => {
        concat!(
            "```\nuse gradus_autodiff::Var;\nlet x = Var::leaf([", $x, "_f64]);\nlet y = x.", $call,
            ";\nassert!((y.item() - (", $y, "_f64)).abs() < 1e-12);\n",
            "assert!(y.backward().of(&x).is_some_and(|g| (g.item() - (", $slope, "_f64)).abs() < 1e-12));\n```"
        )
    };
    // A new row has none until it is written above.
    ($type:ident $name:ident) => { "" };
}
