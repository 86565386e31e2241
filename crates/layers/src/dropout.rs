//! Layers that drop a part of their input in training.

use gradus_autodiff::Var;
use gradus_module::{Context, Layer, Module};
use gradus_tensor::{Float, Shape, Tensor};

use crate::error::LayerError;

/// `[…] → […]` with a mask of `shape`, which broadcasts: what it keeps is divided by 1 − p.
pub(crate) fn dropped<T: Float>(x: &Var<T>, p: f64, shape: Shape, cx: &mut Context<'_>) -> Var<T> {
    match cx.rng() {
        Some(rng) if p > 0.0 => {
            let keep = Tensor::bernoulli(shape, 1.0 - p, rng).cast::<T>();
            let scale = if p < 1.0 { 1.0 / (1.0 - p) } else { 0.0 };
            x * Var::constant(keep * T::of(scale))
        }
        _ => x.clone(),
    }
}

macro_rules! dropout {
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
                let y = dropped($x, self.p, $mask, cx);
                cx.record::<T>(stringify!($Name), None, &y, 0);
                y
            }
        }
    )*};
}

dropout! {
    /// In training each number is 0 with probability p and divided by 1 − p otherwise, so that its mean stays; in
    /// evaluation the identity (Srivastava et al. 2014; PyTorch: `Dropout`, whose default p is 0.5).
    ///
    /// ```
    /// use gradus_autodiff::Var;
    /// use gradus_layers::Dropout;
    /// use gradus_module::{Context, Layer};
    /// use gradus_tensor::{Rng, Tensor};
    /// let x = Var::constant(Tensor::<f32>::ones([4]));
    /// let layer = Dropout::new(0.75)?;
    /// let y = layer.forward(&x, &mut Context::train(&mut Rng::seed(0)));
    /// assert!(y.value().to_vec().iter().all(|&y| y == 0.0 || y == 4.0));
    /// assert_eq!(layer.forward(&x, &mut Context::eval()).value().to_vec(), [1.0; 4]);
    /// # Ok::<(), gradus_layers::LayerError>(())
    /// ```
    Dropout |x| *x.shape();
    /// [`Dropout`] of whole channels: `[N, C, …]` loses each of its N·C channels with probability p (Tompson et al. 2015);
    /// [`Dropout1d`], [`Dropout2d`] and [`Dropout3d`] do so for the rank that they name.
    ///
    /// The input has at least two axes.
    ChannelDropout |x| leading::<2>("ChannelDropout", x.shape());
    /// [`Dropout`] of whole channels of sequences, `[N, C, L]` or `[C, L]` (PyTorch: `Dropout1d`).
    Dropout1d |x| channels("Dropout1d", x.shape(), &[2, 3], "[N, C, L] or [C, L]");
    /// [`Dropout`] of whole channels of images, `[N, C, H, W]` (PyTorch: `Dropout2d`, which takes three axes for `[N, C, L]`: that
    /// is [`Dropout1d`]).
    Dropout2d |x| channels("Dropout2d", x.shape(), &[4], "[N, C, H, W]");
    /// [`Dropout`] of whole channels of volumes, `[N, C, D, H, W]` or `[C, D, H, W]` (PyTorch: `Dropout3d`).
    Dropout3d |x| channels("Dropout3d", x.shape(), &[4, 5], "[N, C, D, H, W] or [C, D, H, W]");
    /// [`Dropout`] of whole samples: `[N, …]`, for the branch beside a residual connection, which is then skipped: stochastic
    /// depth (Huang et al. 2016; torchvision: `StochasticDepth(mode="row")`).
    ///
    /// The input has at least one axis.
    DropPath |x| leading::<1>("DropPath", x.shape());
}

/// One number for each channel; without an axis of samples, where `ranks` names two, the first axis is the channels'.
#[track_caller]
fn channels(layer: &str, shape: &Shape, ranks: &[usize], shapes: &str) -> Shape {
    let rank = shape.len();
    assert!(ranks.contains(&rank), "{layer}: not {shapes}: {shape} ({rank} axes)");
    if ranks.len() == 2 && rank == ranks[0] { leading::<1>(layer, shape) } else { leading::<2>(layer, shape) }
}

/// The first `N` axes as they are, the others of length 1.
#[track_caller]
pub(crate) fn leading<const N: usize>(layer: &str, shape: &Shape) -> Shape {
    assert!(shape.len() >= N, "{layer}: too few axes: {shape} ({} < {N})", shape.len());
    (N..shape.len()).fold(*shape, |shape, axis| shape.with(axis, 1))
}
