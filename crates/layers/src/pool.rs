//! Pools: the largest number or the mean of each window. A sequence is an image of height 1.

use gradus_autodiff::Var;
use gradus_module::{Context, Layer, Module};
use gradus_tensor::{Float, Pool2dSpec};

use crate::error::LayerError;
use crate::sides::{Sides, list, planar};

/// Runs a pool of planes on `[N, C, L]` or `[N, C, H, W]`.
#[track_caller]
fn pooled<T: Float>(
    kind: &'static str,
    x: &Var<T>,
    axes: usize,
    cx: &mut Context<'_>,
    pool: impl FnOnce(&Var<T>) -> Var<T>,
) -> Var<T> {
    let shape = x.shape();
    let wanted = if axes == 1 { "[N, C, L]" } else { "[N, C, H, W]" };
    assert!(shape.len() == axes + 2, "{kind}: input is not {wanted}: {shape} ({} axes)", shape.len());
    let y = if axes == 1 { pool(&x.unsqueeze(2)).squeeze(2) } else { pool(x) };
    cx.record::<T>(kind, None, &y, 0);
    y
}

/// `Ok` if a window has elements, moves, and lies at least half inside.
fn check(layer: &'static str, axes: usize, spec: Pool2dSpec) -> Result<Pool2dSpec, LayerError> {
    let list = |sides: &[usize; 2]| list(&sides[2 - axes..]);
    for (name, sides) in [("kernel", spec.kernel), ("stride", spec.stride), ("dilation", spec.dilation)] {
        LayerError::check(!sides.contains(&0), layer, name, list(&sides), "at least 1")?;
    }
    let half = spec.kernel.map(|side| side / 2);
    let fits = spec.padding.iter().zip(half).all(|(&padding, half)| padding <= half);
    let range = format_args!("at most half the kernel, {}", list(&half));
    LayerError::check(fits, layer, "padding", list(&spec.padding), range)?;
    Ok(spec)
}

macro_rules! pool {
    ($($(#[$doc:meta])* $Name:ident $D:literal $method:ident { $($own:tt)* })*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Module)]
        pub struct $Name {
            #[module(skip)]
            spec: Pool2dSpec,
        }

        impl $Name {
            /// Windows side by side: the stride is the kernel, one number or one for each axis.
            ///
            /// # Errors
            /// If a side is 0.
            pub fn new(kernel: impl Into<Sides<$D>>) -> Result<Self, LayerError> {
                let spec = Pool2dSpec::new(planar(kernel.into().0, 1));
                Ok(Self { spec: check(stringify!($Name), $D, spec)? })
            }

            /// The same with other steps of the window.
            ///
            /// # Errors
            /// If a step is 0.
            pub fn stride(self, stride: impl Into<Sides<$D>>) -> Result<Self, LayerError> {
                let spec = Pool2dSpec { stride: planar(stride.into().0, 1), ..self.spec };
                Ok(Self { spec: check(stringify!($Name), $D, spec)? })
            }

            /// The same with a border before and after.
            ///
            /// # Errors
            /// If it exceeds half the kernel.
            pub fn padding(self, padding: impl Into<Sides<$D>>) -> Result<Self, LayerError> {
                let spec = Pool2dSpec { padding: planar(padding.into().0, 0), ..self.spec };
                Ok(Self { spec: check(stringify!($Name), $D, spec)? })
            }

            /// The same with windows that may hang over the end (PyTorch: `ceil_mode=True`).
            #[must_use]
            pub fn ceil_mode(self) -> Self {
                Self { spec: Pool2dSpec { ceil_mode: true, ..self.spec } }
            }

            pool!($($own)* $Name $D);
        }

        impl<T: Float> Layer<T> for $Name {
            fn forward(&self, x: &Var<T>, cx: &mut Context<'_>) -> Var<T> {
                pooled(stringify!($Name), x, $D, cx, |x| x.$method(self.spec))
            }
        }
    )*};
    (max $Name:ident $D:literal) => {
        /// The same with distance between the window's elements; 1 is dense.
        ///
        /// # Errors
        /// If a distance is 0.
        pub fn dilation(self, dilation: impl Into<Sides<$D>>) -> Result<Self, LayerError> {
            let spec = Pool2dSpec { dilation: planar(dilation.into().0, 1), ..self.spec };
            Ok(Self { spec: check(stringify!($Name), $D, spec)? })
        }
    };
    (mean $Name:ident $D:literal) => {
        /// The same with means that leave the border out (PyTorch: `count_include_pad=False`).
        #[must_use]
        pub fn without_border(self) -> Self {
            Self { spec: Pool2dSpec { count_include_pad: false, ..self.spec } }
        }
    };
}

pool! {
    /// The largest number of each window: `[N, C, L] → [N, C, OL]` (PyTorch: `MaxPool1d`).
    MaxPool1d 1 max_pool2d { max }
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
    /// The mean of each window: `[N, C, L] → [N, C, OL]` (PyTorch: `AvgPool1d`). The border counts as 0.
    AvgPool1d 1 avg_pool2d { mean }
    /// The mean of each window: `[N, C, H, W] → [N, C, OH, OW]` (PyTorch: `AvgPool2d`). The border counts as 0.
    AvgPool2d 2 avg_pool2d { mean }
}

macro_rules! adaptive {
    ($($(#[$doc:meta])* $Name:ident $D:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Module)]
        pub struct $Name {
            #[module(skip)]
            size: [usize; 2],
        }

        impl $Name {
            /// To results of `size`, one number or one for each axis; 1 takes the mean over all positions.
            ///
            /// # Errors
            /// If a size is 0.
            pub fn new(size: impl Into<Sides<$D>>) -> Result<Self, LayerError> {
                let sides = size.into().0;
                LayerError::check(!sides.contains(&0), stringify!($Name), "size", list(&sides), "at least 1")?;
                Ok(Self { size: planar(sides, 1) })
            }
        }

        impl<T: Float> Layer<T> for $Name {
            fn forward(&self, x: &Var<T>, cx: &mut Context<'_>) -> Var<T> {
                pooled(stringify!($Name), x, $D, cx, |x| x.adaptive_avg_pool2d(self.size))
            }
        }
    )*};
}

adaptive! {
    /// Means over regions that cover the sequence: `[N, C, L] → [N, C, size]` (PyTorch: `AdaptiveAvgPool1d`). Region i
    /// goes from ⌊i·L/size⌋ to ⌈(i + 1)·L/size⌉.
    AdaptiveAvgPool1d 1;
    /// Means over regions that cover the image: `[N, C, H, W] → [N, C, size[0], size[1]]` (PyTorch:
    /// `AdaptiveAvgPool2d`). Row i goes from ⌊i·H/size⌋ to ⌈(i + 1)·H/size⌉, columns likewise.
    AdaptiveAvgPool2d 2;
}
