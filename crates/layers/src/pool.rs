//! Pools: the largest number or the mean of each window of a sequence, an image or a volume.

use gradus_autodiff::Var;
use gradus_module::{Context, Layer, Module};
use gradus_tensor::{Float, PoolSpec, Tensor};

use crate::error::LayerError;
use crate::sides::{Sides, check_positive, list};

/// What the inputs of layers with one, two and three axes look like.
pub(crate) const INPUTS: [&str; 3] = ["[N, C, L]", "[N, C, H, W]", "[N, C, D, H, W]"];

/// Panics unless `x` has `axes` axes behind batch and channels.
#[track_caller]
pub(crate) fn check_input<T: Float>(kind: &'static str, x: &Var<T>, axes: usize) {
    let (shape, wanted) = (x.shape(), INPUTS[axes - 1]);
    assert!(shape.len() == axes + 2, "{kind}: input is not {wanted}: {shape} ({} axes)", shape.len());
}

/// `Ok` if a window has elements, moves, and lies at least half inside.
pub(crate) fn check<const D: usize>(
    layer: &'static str,
    spec: PoolSpec<D>,
) -> Result<PoolSpec<D>, LayerError> {
    let PoolSpec { kernel, stride, padding, dilation, .. } = spec;
    check_positive(layer, &[("kernel", &kernel), ("stride", &stride), ("dilation", &dilation)])?;
    let half = kernel.map(|side| side / 2);
    let fits = padding.iter().zip(half).all(|(&padding, half)| padding <= half);
    let range = format_args!("at most half the kernel, {}", list(&half));
    LayerError::check(fits, layer, "padding", list(&padding), range)?;
    Ok(spec)
}

macro_rules! pool {
    ($($(#[$doc:meta])* $Name:ident $D:literal $method:ident { $($own:tt)* })*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Module)]
        pub struct $Name {
            #[module(skip)]
            spec: PoolSpec<$D>,
        }

        impl $Name {
            /// Windows side by side: the stride is the kernel, one number or one for each axis.
            ///
            /// # Errors
            /// If a side is 0.
            pub fn new(kernel: impl Into<Sides<$D>>) -> Result<Self, LayerError> {
                Ok(Self { spec: check(stringify!($Name), PoolSpec::new(kernel.into().0))? })
            }

            /// The same with other steps of the window.
            ///
            /// # Errors
            /// If a step is 0.
            pub fn stride(self, stride: impl Into<Sides<$D>>) -> Result<Self, LayerError> {
                let spec = PoolSpec { stride: stride.into().0, ..self.spec };
                Ok(Self { spec: check(stringify!($Name), spec)? })
            }

            /// The same with a border before and after.
            ///
            /// # Errors
            /// If it exceeds half the kernel.
            pub fn padding(self, padding: impl Into<Sides<$D>>) -> Result<Self, LayerError> {
                let spec = PoolSpec { padding: padding.into().0, ..self.spec };
                Ok(Self { spec: check(stringify!($Name), spec)? })
            }

            /// The same with windows that may hang over the end (PyTorch: `ceil_mode=True`).
            #[must_use]
            pub fn ceil_mode(self) -> Self {
                Self { spec: PoolSpec { ceil_mode: true, ..self.spec } }
            }

            pool!($($own)* $Name $D);
        }

        impl<T: Float> Layer<T> for $Name {
            fn forward(&self, x: &Var<T>, cx: &mut Context<'_>) -> Var<T> {
                check_input(stringify!($Name), x, $D);
                let y = x.$method(self.spec);
                cx.record::<T>(stringify!($Name), None, &y, 0);
                y
            }
        }
    )*};
    (max $Name:ident $D:literal) => {
        /// The same with distance between the window's elements; 1 is dense.
        ///
        /// # Errors
        /// If a distance is 0.
        pub fn dilation(self, dilation: impl Into<Sides<$D>>) -> Result<Self, LayerError> {
            let spec = PoolSpec { dilation: dilation.into().0, ..self.spec };
            Ok(Self { spec: check(stringify!($Name), spec)? })
        }

        /// The layer's result, and where each largest number stood, counted row by row over the axes behind the channels:
        /// what a `MaxUnpool` reads (PyTorch: `return_indices=True`).
        ///
        /// # Panics
        /// If the input has another number of axes or the window does not fit.
        #[track_caller]
        pub fn forward_with_indices<T: Float>(&self, x: &Var<T>, cx: &mut Context<'_>) -> (Var<T>, Tensor<i64>) {
            check_input(stringify!($Name), x, $D);
            let (y, place) = x.max_pool_with_indices(self.spec);
            cx.record::<T>(stringify!($Name), None, &y, 0);
            (y, place)
        }
    };
    (mean $Name:ident $D:literal) => {
        /// The same with means that leave the border out (PyTorch: `count_include_pad=False`).
        #[must_use]
        pub fn without_border(self) -> Self {
            Self { spec: PoolSpec { count_include_pad: false, ..self.spec } }
        }

        /// The same with sums divided by `divisor` instead of the window's size (PyTorch: `divisor_override`).
        ///
        /// # Errors
        /// If it is 0.
        pub fn divisor(self, divisor: usize) -> Result<Self, LayerError> {
            LayerError::check(divisor > 0, stringify!($Name), "divisor", divisor, "at least 1")?;
            Ok(Self { spec: PoolSpec { divisor: Some(divisor), ..self.spec } })
        }
    };
}

pool! {
    /// The largest number of each window: `[N, C, L] → [N, C, OL]` (PyTorch: `MaxPool1d`).
    MaxPool1d 1 max_pool1d { max }
    /// The largest number of each window: `[N, C, H, W] → [N, C, OH, OW]` (PyTorch: `MaxPool2d`). The border counts as
    /// −∞; the first of equals gets the gradient.
    ///
    /// ```
    /// use gradus_autodiff::Var;
    /// use gradus_layers::MaxPool2d;
    /// use gradus_module::{Context, Layer};
    /// use gradus_tensor::Tensor;
    /// let layer = MaxPool2d::new(3)?.stride(2)?.padding(1)?;
    /// let x = Var::constant(Tensor::<f32>::zeros([1, 64, 112, 112]));
    /// assert_eq!(layer.forward(&x, &mut Context::eval()).dims(), [1, 64, 56, 56]);
    /// # Ok::<(), gradus_layers::LayerError>(())
    /// ```
    MaxPool2d 2 max_pool2d { max }
    /// The largest number of each window: `[N, C, D, H, W] → [N, C, OD, OH, OW]` (PyTorch: `MaxPool3d`).
    MaxPool3d 3 max_pool3d { max }
    /// The mean of each window: `[N, C, L] → [N, C, OL]` (PyTorch: `AvgPool1d`). The border counts as 0.
    AvgPool1d 1 avg_pool1d { mean }
    /// The mean of each window: `[N, C, H, W] → [N, C, OH, OW]` (PyTorch: `AvgPool2d`). The border counts as 0.
    AvgPool2d 2 avg_pool2d { mean }
    /// The mean of each window: `[N, C, D, H, W] → [N, C, OD, OH, OW]` (PyTorch: `AvgPool3d`). The border counts as 0.
    AvgPool3d 3 avg_pool3d { mean }
}
