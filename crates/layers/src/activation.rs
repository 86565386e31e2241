//! Activations as layers, for [`Sequential`](crate::Sequential) and models whose activation is chosen at run time.
//! In a forward pass written by hand the methods of `Var` (`x.relu()`) say the same. One table makes them all.

use gradus_autodiff::Var;
use gradus_module::{Context, Layer, Module, Param};
use gradus_tensor::{Float, Tensor};

use crate::error::LayerError;
use crate::functional;

macro_rules! plain {
    ($($(#[$doc:meta])* $Name:ident $method:ident;)*) => {$(
        $(#[$doc])*
        ///
        /// ```
        /// use gradus_autodiff::Var;
        #[doc = concat!("use gradus_layers::", stringify!($Name), ";")]
        /// use gradus_module::{Context, Layer};
        /// let x = Var::constant([[-1.0_f64, 0.25, 3.0]]);
        #[doc = concat!("let y = ", stringify!($Name), ".forward(&x, &mut Context::eval());")]
        #[doc = concat!("assert_eq!(y.value(), x.", stringify!($method), "().value());")]
        /// ```
        #[derive(Clone, Copy, Debug, Default, Module)]
        pub struct $Name;

        impl<T: Float> Layer<T> for $Name {
            fn forward(&self, x: &Var<T>, cx: &mut Context<'_>) -> Var<T> {
                let y = x.$method();
                cx.record::<T>(stringify!($Name), None, &y, 0);
                y
            }
        }
    )*};
}

plain! {
    /// max(x, 0); the derivative at 0 is 0 (PyTorch: `ReLU`).
    Relu relu;
    /// min(max(x, 0), 6) (PyTorch: `ReLU6`).
    Relu6 relu6;
    /// x·Φ(x) with the normal distribution function Φ (Hendrycks & Gimpel 2016; PyTorch: `GELU`).
    Gelu gelu;
    /// GELU's tanh form (PyTorch: `GELU(approximate="tanh")`); GPT-2's.
    GeluTanh gelu_tanh;
    /// λx for x > 0, else λα(eˣ − 1) (Klambauer et al. 2017; PyTorch: `SELU`).
    Selu selu;
    /// x·σ(x), also called swish (Ramachandran et al. 2017; PyTorch: `SiLU`).
    Silu silu;
    /// x·tanh(ln(1 + eˣ)) (Misra 2019; PyTorch: `Mish`).
    Mish mish;
    /// Hyperbolic tangent (PyTorch: `Tanh`).
    Tanh tanh;
    /// 1/(1 + e^(−x)) (PyTorch: `Sigmoid`).
    Sigmoid sigmoid;
    /// ln σ(x) (PyTorch: `LogSigmoid`).
    LogSigmoid log_sigmoid;
    /// x/(1 + |x|) (PyTorch: `Softsign`).
    Softsign softsign;
    /// x − tanh x (PyTorch: `Tanhshrink`).
    Tanhshrink tanhshrink;
    /// x/6 + 1/2 limited to 0 ..= 1 (Howard et al. 2019; PyTorch: `Hardsigmoid`).
    Hardsigmoid hardsigmoid;
    /// x·hardsigmoid(x) (Howard et al. 2019; PyTorch: `Hardswish`).
    Hardswish hardswish;
}

macro_rules! with_number {
    ($($(#[$doc:meta])* $Name:ident $method:ident($p:ident = $default:literal), $range:literal, |$v:ident| $fits:expr;)*) => {$(
        $(#[$doc])*
        ///
        /// ```
        /// use gradus_autodiff::Var;
        #[doc = concat!("use gradus_layers::", stringify!($Name), ";")]
        /// use gradus_module::{Context, Layer};
        /// let x = Var::constant([[-1.0_f64, 0.25, 3.0]]);
        #[doc = concat!("let y = ", stringify!($Name), "::new(", $default, ")?.forward(&x, &mut Context::eval());")]
        #[doc = concat!("assert_eq!(y.value(), x.", stringify!($method), "(", $default, ").value());")]
        /// # Ok::<(), gradus_layers::LayerError>(())
        /// ```
        #[derive(Clone, Copy, Debug, Module)]
        pub struct $Name {
            #[module(skip)]
            $p: f64,
        }

        impl $Name {
            #[doc = concat!("With `", stringify!($p), "`, which must be ", $range, ".")]
            ///
            /// # Errors
            /// If it is not.
            pub fn new($p: f64) -> Result<Self, LayerError> {
                let $v = $p;
                LayerError::check($fits, stringify!($Name), stringify!($p), $v, $range)?;
                Ok(Self { $p })
            }
        }

        #[doc = concat!("With PyTorch's `", stringify!($p), "` = ", $default, ".")]
        impl Default for $Name {
            fn default() -> Self {
                Self { $p: $default }
            }
        }

        impl<T: Float> Layer<T> for $Name {
            fn forward(&self, x: &Var<T>, cx: &mut Context<'_>) -> Var<T> {
                let y = x.$method(self.$p);
                cx.record::<T>(stringify!($Name), None, &y, 0);
                y
            }
        }
    )*};
}

with_number! {
    /// x for x > 0, else slope·x (PyTorch: `LeakyReLU`).
    LeakyRelu leaky_relu(slope = 0.01), "finite", |v| v.is_finite();
    /// x for x > 0, else α(eˣ − 1) (Clevert et al. 2015; PyTorch: `ELU`).
    Elu elu(alpha = 1.0), "finite", |v| v.is_finite();
    /// x for x > 0, else α(e^(x/α) − 1) (Barron 2017; PyTorch: `CELU`).
    Celu celu(alpha = 1.0), "finite and not 0", |v| v.is_finite() && v != 0.0;
    /// x where |x| > λ, else 0 (PyTorch: `Hardshrink`).
    Hardshrink hardshrink(lambda = 0.5), "finite and ≥ 0", |v| v.is_finite() && v >= 0.0;
    /// sign(x)·max(|x| − λ, 0) (PyTorch: `Softshrink`).
    Softshrink softshrink(lambda = 0.5), "finite and ≥ 0", |v| v.is_finite() && v >= 0.0;
}

macro_rules! along_axis {
    ($($(#[$doc:meta])* $Name:ident $method:ident;)*) => {$(
        $(#[$doc])*
        ///
        /// ```
        /// use gradus_autodiff::Var;
        #[doc = concat!("use gradus_layers::", stringify!($Name), ";")]
        /// use gradus_module::{Context, Layer};
        /// let x = Var::constant([[-1.0_f64, 0.25, 3.0]]);
        #[doc = concat!("let y = ", stringify!($Name), "::new(-1).forward(&x, &mut Context::eval());")]
        #[doc = concat!("assert_eq!(y.value(), x.", stringify!($method), "(-1).value());")]
        /// ```
        #[derive(Clone, Copy, Debug, Module)]
        pub struct $Name {
            #[module(skip)]
            axis: isize,
        }

        impl $Name {
            /// Along `axis`; −1 is the last.
            #[must_use]
            pub fn new(axis: isize) -> Self {
                Self { axis }
            }
        }

        impl<T: Float> Layer<T> for $Name {
            fn forward(&self, x: &Var<T>, cx: &mut Context<'_>) -> Var<T> {
                let y = x.$method(self.axis);
                cx.record::<T>(stringify!($Name), None, &y, 0);
                y
            }
        }
    )*};
}

along_axis! {
    /// eˣ/Σ eˣ along an axis (PyTorch: `Softmax`). Losses want logits: it belongs behind the model, not at its end.
    Softmax softmax;
    /// x − ln Σ eˣ along an axis (PyTorch: `LogSoftmax`).
    LogSoftmax log_softmax;
}

/// x for x > 0, else w·x, with a trained slope w for all or one for each channel of `[N, C, …]` (He et al. 2015; PyTorch:
/// `PReLU`). The slopes start at 0.25.
///
/// ```
/// use gradus_autodiff::Var;
/// use gradus_layers::PRelu;
/// use gradus_module::{Context, Layer};
/// let x = Var::constant([[-4.0_f32, 2.0]]);
/// assert_eq!(PRelu::new().forward(&x, &mut Context::eval()).value().to_vec(), [-1.0, 2.0]);
/// assert_eq!(PRelu::<f32>::per_channel(2).weight.dims(), [2]);
/// ```
#[derive(Clone, Debug, Module)]
pub struct PRelu<T: Float = f32> {
    /// `[1]` or `[C]`.
    pub weight: Param<T>,
}

impl<T: Float> PRelu<T> {
    /// One slope for all.
    #[must_use]
    pub fn new() -> Self {
        Self::per_channel(1)
    }

    /// A slope for each of `channels` channels (PyTorch: `num_parameters`).
    #[must_use]
    pub fn per_channel(channels: usize) -> Self {
        Self { weight: Param::new(Tensor::full([channels], T::of(0.25))) }
    }
}

impl<T: Float> Default for PRelu<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T: Float> Layer<T> for PRelu<T> {
    fn forward(&self, x: &Var<T>, cx: &mut Context<'_>) -> Var<T> {
        let y = functional::prelu(x, &self.weight);
        cx.record("PRelu", Some(&self.weight), &y, x.len() as u64);
        y
    }
}
