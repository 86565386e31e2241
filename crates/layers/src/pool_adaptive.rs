//! Pools to a given size, over regions that cover the whole input; over one region they are global pooling.

use gradus_autodiff::Var;
use gradus_module::{Context, Layer, Module};
use gradus_tensor::{Float, Tensor};

use crate::error::LayerError;
use crate::pool::check_input;
use crate::sides::{Sides, check_positive};

macro_rules! adaptive {
    ($($(#[$doc:meta])* $Name:ident $D:literal $method:ident { $($own:tt)* })*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Module)]
        pub struct $Name {
            #[module(skip)]
            size: [usize; $D],
        }

        impl $Name {
            /// To results of `size`, one number or one for each axis; 1 pools over all positions.
            ///
            /// # Errors
            /// If a size is 0.
            pub fn new(size: impl Into<Sides<$D>>) -> Result<Self, LayerError> {
                let size = size.into().0;
                check_positive(stringify!($Name), &[("size", &size)])?;
                Ok(Self { size })
            }

            /// Over all positions: size 1 along each axis.
            #[must_use]
            pub const fn global() -> Self {
                Self { size: [1; $D] }
            }

            adaptive!($($own)* $Name $D);
        }

        impl<T: Float> Layer<T> for $Name {
            fn forward(&self, x: &Var<T>, cx: &mut Context<'_>) -> Var<T> {
                check_input(stringify!($Name), x, $D);
                let y = x.$method(self.size);
                cx.record::<T>(stringify!($Name), None, &y, 0);
                y
            }
        }
    )*};
    (mean $Name:ident $D:literal) => {};
    (max $Name:ident $D:literal) => {
        /// The layer's result, and where each largest number stood, counted row by row over the axes behind the channels
        /// (PyTorch: `return_indices=True`).
        ///
        /// # Panics
        /// If the input has another number of axes or is empty.
        #[track_caller]
        pub fn forward_with_indices<T: Float>(&self, x: &Var<T>, cx: &mut Context<'_>) -> (Var<T>, Tensor<i64>) {
            check_input(stringify!($Name), x, $D);
            let (y, place) = x.adaptive_max_pool_with_indices(self.size);
            cx.record::<T>(stringify!($Name), None, &y, 0);
            (y, place)
        }
    };
}

adaptive! {
    /// Means over regions that cover the sequence: `[N, C, L] → [N, C, size]` (PyTorch: `AdaptiveAvgPool1d`). Region i
    /// goes from ⌊i·L/size⌋ to ⌈(i + 1)·L/size⌉.
    AdaptiveAvgPool1d 1 adaptive_avg_pool1d { mean }
    /// Means over regions that cover the image: `[N, C, H, W] → [N, C, size[0], size[1]]` (PyTorch:
    /// `AdaptiveAvgPool2d`). Row i goes from ⌊i·H/size⌋ to ⌈(i + 1)·H/size⌉, columns likewise.
    ///
    /// ```
    /// use gradus_autodiff::Var;
    /// use gradus_layers::AdaptiveAvgPool2d;
    /// use gradus_module::{Context, Layer};
    /// use gradus_tensor::Tensor;
    /// let x = Var::constant(Tensor::<f32>::ones([2, 8, 7, 9]));
    /// let y = AdaptiveAvgPool2d::global().forward(&x, &mut Context::eval());
    /// assert_eq!(y.dims(), [2, 8, 1, 1]);
    /// ```
    AdaptiveAvgPool2d 2 adaptive_avg_pool2d { mean }
    /// Means over regions that cover the volume: `[N, C, D, H, W] → [N, C, size[0], size[1], size[2]]` (PyTorch:
    /// `AdaptiveAvgPool3d`), along each axis as in [`AdaptiveAvgPool1d`].
    AdaptiveAvgPool3d 3 adaptive_avg_pool3d { mean }
    /// The largest number of each region that covers the sequence: `[N, C, L] → [N, C, size]` (PyTorch:
    /// `AdaptiveMaxPool1d`), regions as in [`AdaptiveAvgPool1d`]. The first of equals gets the gradient.
    AdaptiveMaxPool1d 1 adaptive_max_pool1d { max }
    /// The largest number of each region that covers the image: `[N, C, H, W] → [N, C, size[0], size[1]]` (PyTorch:
    /// `AdaptiveMaxPool2d`).
    AdaptiveMaxPool2d 2 adaptive_max_pool2d { max }
    /// The largest number of each region that covers the volume: `[N, C, D, H, W] → [N, C, size[0], size[1], size[2]]`
    /// (PyTorch: `AdaptiveMaxPool3d`).
    AdaptiveMaxPool3d 3 adaptive_max_pool3d { max }
}
