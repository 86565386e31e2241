//! Activations with two numbers of their own: softplus with its sharpness, hardtanh, threshold, relu with random slopes. What they
//! compute is in `functional`.

use gradus_autodiff::Var;
use gradus_module::{Context, Layer, Module};
use gradus_tensor::Float;

use crate::error::LayerError;
use crate::functional;

/// ln(1 + e^(βx))/β: `[…] → […]` (PyTorch: `Softplus`). β is 1. PyTorch answers x itself where βx > 20, which is 2·10⁻⁹ off in
/// double precision and the same number in single; [`Softplus::threshold`] does so too.
///
/// ```
/// use gradus_autodiff::Var;
/// use gradus_layers::Softplus;
/// use gradus_module::{Context, Layer};
/// let x = Var::constant([0.0_f64, 50.0]);
/// let y = Softplus::new(2.0)?.threshold(20.0).forward(&x, &mut Context::eval());
/// assert_eq!(y.value().to_vec(), [2.0_f64.ln() / 2.0, 50.0]);
/// # Ok::<(), gradus_layers::LayerError>(())
/// ```
#[derive(Clone, Copy, Debug, Module)]
pub struct Softplus {
    #[module(skip)]
    beta: f64,
    #[module(skip)]
    threshold: f64,
}

impl Softplus {
    /// With the sharpness `beta`.
    ///
    /// # Errors
    /// If it is not finite and positive.
    pub fn new(beta: f64) -> Result<Self, LayerError> {
        let fits = beta.is_finite() && beta > 0.0;
        LayerError::check(fits, "Softplus", "beta", beta, "finite and > 0")?;
        Ok(Self { beta, ..Self::default() })
    }

    /// The same, but x itself where βx > `threshold`.
    #[must_use]
    pub fn threshold(self, threshold: f64) -> Self {
        Self { threshold, ..self }
    }
}

/// ln(1 + eˣ).
impl Default for Softplus {
    fn default() -> Self {
        Self { beta: 1.0, threshold: f64::INFINITY }
    }
}

/// x limited to `min ..= max`, by default −1 ..= 1; the derivative at the borders is 0: `[…] → […]` (PyTorch: `Hardtanh`).
///
/// ```
/// use gradus_autodiff::Var;
/// use gradus_layers::Hardtanh;
/// use gradus_module::{Context, Layer};
/// let x = Var::constant([-3.0_f32, 0.5, 3.0]);
/// assert_eq!(Hardtanh::new(0.0, 2.0)?.forward(&x, &mut Context::eval()).value().to_vec(), [0.0, 0.5, 2.0]);
/// # Ok::<(), gradus_layers::LayerError>(())
/// ```
#[derive(Clone, Copy, Debug, Module)]
pub struct Hardtanh {
    #[module(skip)]
    min: f64,
    #[module(skip)]
    max: f64,
}

impl Hardtanh {
    /// Limited to `min ..= max`.
    ///
    /// # Errors
    /// If `max` is not larger than `min`.
    pub fn new(min: f64, max: f64) -> Result<Self, LayerError> {
        LayerError::check(min < max, "Hardtanh", "max", max, format_args!("larger than min, {min}"))?;
        Ok(Self { min, max })
    }
}

/// Limited to −1 ..= 1.
impl Default for Hardtanh {
    fn default() -> Self {
        Self { min: -1.0, max: 1.0 }
    }
}

/// x where x > threshold, else a value: `[…] → […]` (PyTorch: `Threshold`).
///
/// ```
/// use gradus_autodiff::Var;
/// use gradus_layers::Threshold;
/// use gradus_module::{Context, Layer};
/// let x = Var::constant([-3.0_f32, 0.5, 3.0]);
/// assert_eq!(Threshold::new(0.5, 9.0)?.forward(&x, &mut Context::eval()).value().to_vec(), [9.0, 9.0, 3.0]);
/// # Ok::<(), gradus_layers::LayerError>(())
/// ```
#[derive(Clone, Copy, Debug, Module)]
pub struct Threshold {
    #[module(skip)]
    threshold: f64,
    #[module(skip)]
    value: f64,
}

impl Threshold {
    /// `value` where x ≤ `threshold`.
    ///
    /// # Errors
    /// If the threshold is NaN.
    pub fn new(threshold: f64, value: f64) -> Result<Self, LayerError> {
        LayerError::check(!threshold.is_nan(), "Threshold", "threshold", threshold, "a number")?;
        Ok(Self { threshold, value })
    }
}

/// x for x > 0, else r·x with r drawn evenly from `lower .. upper` for each number in training and their mean in evaluation
/// (Xu et al. 2015; PyTorch: `RReLU`). By default r is in 1/8 .. 1/3.
///
/// ```
/// use gradus_autodiff::Var;
/// use gradus_layers::RRelu;
/// use gradus_module::{Context, Layer};
/// let x = Var::constant([-4.0_f32, 3.0]);
/// assert_eq!(RRelu::new(0.2, 0.3)?.forward(&x, &mut Context::eval()).value().to_vec(), [-1.0, 3.0]);
/// # Ok::<(), gradus_layers::LayerError>(())
/// ```
#[derive(Clone, Copy, Debug, Module)]
pub struct RRelu {
    #[module(skip)]
    lower: f64,
    #[module(skip)]
    upper: f64,
}

impl RRelu {
    /// With slopes in `lower .. upper`.
    ///
    /// # Errors
    /// If they are not finite, or out of order.
    pub fn new(lower: f64, upper: f64) -> Result<Self, LayerError> {
        LayerError::check(lower.is_finite(), "RRelu", "lower", lower, "finite")?;
        let fits = upper.is_finite() && upper >= lower;
        LayerError::check(fits, "RRelu", "upper", upper, format_args!("finite and at least lower, {lower}"))?;
        Ok(Self { lower, upper })
    }
}

/// With slopes in 1/8 .. 1/3.
impl Default for RRelu {
    fn default() -> Self {
        Self { lower: 1.0 / 8.0, upper: 1.0 / 3.0 }
    }
}

macro_rules! layers {
    ($($Name:ident |$layer:ident, $x:ident, $cx:ident| $value:expr;)*) => {$(
        impl<T: Float> Layer<T> for $Name {
            fn forward(&self, $x: &Var<T>, $cx: &mut Context<'_>) -> Var<T> {
                let $layer = self;
                let y = $value;
                $cx.record::<T>(stringify!($Name), None, &y, 0);
                y
            }
        }
    )*};
}

layers! {
    Softplus |layer, x, cx| functional::softplus(x, layer.beta, layer.threshold);
    Hardtanh |layer, x, cx| functional::hardtanh(x, layer.min, layer.max);
    Threshold |layer, x, cx| functional::threshold(x, layer.threshold, layer.value);
    RRelu |layer, x, cx| functional::rrelu(x, layer.lower, layer.upper, cx);
}
