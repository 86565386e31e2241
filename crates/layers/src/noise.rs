//! Noise in training that keeps mean and variance (the dropout of self-normalising networks), or adds to the input. In evaluation
//! all are the identity.

use gradus_autodiff::Var;
use gradus_module::{Context, Layer, Module};
use gradus_tensor::{Float, Shape, Tensor, constants};

use crate::dropout::leading;
use crate::error::LayerError;

/// a·(x where kept, else α′) + b, α′ = −λα of SELU, with a and b that keep mean 0 and variance 1; the mask of `shape` broadcasts.
fn alpha_dropped<T: Float>(x: &Var<T>, p: f64, shape: Shape, cx: &mut Context<'_>) -> Var<T> {
    let low = -constants::SELU_SCALE * constants::SELU_ALPHA;
    match cx.rng() {
        Some(_) if p >= 1.0 => x * 0.0,
        Some(rng) if p > 0.0 => {
            let a = ((1.0 - p) * (1.0 + p * low * low)).sqrt().recip();
            let (fill, shift) = (T::of(a * low * (1.0 - p)), T::of(-a * low * p));
            let keep = Tensor::bernoulli(shape, 1.0 - p, rng);
            let factor = keep.map(|keep| if keep { T::of(a) } else { T::ZERO });
            let add = keep.map(|keep| if keep { shift } else { fill });
            x * Var::constant(factor) + Var::constant(add)
        }
        _ => x.clone(),
    }
}

macro_rules! alpha_dropout {
    ($($(#[$doc:meta])* $Name:ident |$x:ident| $mask:expr;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Module)]
        pub struct $Name {
            #[module(skip)]
            p: f64,
        }

        impl $Name {
            /// Drops with probability `p`.
            ///
            /// # Errors
            /// If `p` lies outside 0 ..= 1.
            pub fn new(p: f64) -> Result<Self, LayerError> {
                LayerError::check((0.0..=1.0).contains(&p), stringify!($Name), "p", p, "a probability (0 ≤ p ≤ 1)")?;
                Ok(Self { p })
            }

            /// The probability.
            #[must_use]
            pub fn p(&self) -> f64 {
                self.p
            }
        }

        impl<T: Float> Layer<T> for $Name {
            fn forward(&self, $x: &Var<T>, cx: &mut Context<'_>) -> Var<T> {
                let y = alpha_dropped($x, self.p, $mask, cx);
                cx.record::<T>(stringify!($Name), None, &y, 0);
                y
            }
        }
    )*};
}

alpha_dropout! {
    /// In training each number becomes α′ = −λα, where [`Selu`](crate::Selu) tends to, with probability p, and all are scaled and
    /// shifted so that mean 0 and variance 1 stay: `[…] → […]` (Klambauer et al. 2017; PyTorch: `AlphaDropout`).
    ///
    /// ```
    /// use gradus_autodiff::Var;
    /// use gradus_layers::AlphaDropout;
    /// use gradus_module::{Context, Layer};
    /// use gradus_tensor::{Rng, Tensor};
    /// let rng = &mut Rng::seed(0);
    /// let x = Var::constant(Tensor::<f64>::normal([10_000], 0.0, 1.0, rng));
    /// let y = AlphaDropout::new(0.3)?.forward(&x, &mut Context::train(rng));
    /// assert!(y.mean().item().abs() < 0.05 && (y.square().mean().item() - 1.0).abs() < 0.05);
    /// # Ok::<(), gradus_layers::LayerError>(())
    /// ```
    AlphaDropout |x| *x.shape();
    /// [`AlphaDropout`] of whole channels: `[N, C, …] → [N, C, …]` (PyTorch: `FeatureAlphaDropout`).
    ///
    /// The input has at least two axes.
    FeatureAlphaDropout |x| leading::<2>("FeatureAlphaDropout", x.shape());
}

/// x + σ·ε with Gaussian ε in training, x in evaluation: `[…] → […]` (Bishop 1995, "Training with noise is equivalent to Tikhonov
/// regularization"; Keras: `GaussianNoise`). The gradient passes as it is.
///
/// ```
/// use gradus_autodiff::Var;
/// use gradus_layers::GaussianNoise;
/// use gradus_module::{Context, Layer};
/// let x = Var::constant([1.0_f32, 2.0]);
/// let y = GaussianNoise::new(0.1)?.forward(&x, &mut Context::eval());
/// assert_eq!(y.value(), x.value());
/// # Ok::<(), gradus_layers::LayerError>(())
/// ```
#[derive(Clone, Copy, Debug, Module)]
pub struct GaussianNoise {
    #[module(skip)]
    std: f64,
}

impl GaussianNoise {
    /// Noise of standard deviation `std`.
    ///
    /// # Errors
    /// If it is negative or not finite.
    pub fn new(std: f64) -> Result<Self, LayerError> {
        LayerError::check(std.is_finite() && std >= 0.0, "GaussianNoise", "std", std, "finite and ≥ 0")?;
        Ok(Self { std })
    }
}

impl<T: Float> Layer<T> for GaussianNoise {
    fn forward(&self, x: &Var<T>, cx: &mut Context<'_>) -> Var<T> {
        let y = match cx.rng() {
            Some(rng) if self.std > 0.0 => x + Var::constant(Tensor::normal(*x.shape(), 0.0, self.std, rng)),
            _ => x.clone(),
        };
        cx.record::<T>("GaussianNoise", None, &y, 0);
        y
    }
}
