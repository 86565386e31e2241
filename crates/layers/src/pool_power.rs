//! Pools of powers, and the way back from maximum pooling.

use gradus_autodiff::Var;
use gradus_module::{Context, Layer, Module};
use gradus_tensor::{Float, PoolSpec, Tensor};

use crate::error::LayerError;
use crate::pool::{check, check_input};
use crate::sides::{Sides, check_positive};

macro_rules! power {
    ($($(#[$doc:meta])* $Name:ident $D:literal $method:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Module)]
        pub struct $Name {
            #[module(skip)]
            exponent: f64,
            #[module(skip)]
            spec: PoolSpec<$D>,
        }

        impl $Name {
            /// The root of the sum of powers of `exponent` (PyTorch: `norm_type`), over windows side by side.
            ///
            /// # Errors
            /// If a side is 0, or the exponent is no positive number.
            pub fn new(exponent: f64, kernel: impl Into<Sides<$D>>) -> Result<Self, LayerError> {
                let fits = exponent > 0.0 && exponent.is_finite();
                LayerError::check(fits, stringify!($Name), "exponent", exponent, "a positive number")?;
                Ok(Self { exponent, spec: check(stringify!($Name), PoolSpec::new(kernel.into().0))? })
            }

            /// The same with other steps of the window.
            ///
            /// # Errors
            /// If a step is 0.
            pub fn stride(self, stride: impl Into<Sides<$D>>) -> Result<Self, LayerError> {
                let spec = PoolSpec { stride: stride.into().0, ..self.spec };
                Ok(Self { spec: check(stringify!($Name), spec)?, ..self })
            }

            /// The same with windows that may hang over the end (PyTorch: `ceil_mode=True`).
            #[must_use]
            pub fn ceil_mode(self) -> Self {
                Self { spec: PoolSpec { ceil_mode: true, ..self.spec }, ..self }
            }
        }

        impl<T: Float> Layer<T> for $Name {
            fn forward(&self, x: &Var<T>, cx: &mut Context<'_>) -> Var<T> {
                check_input(stringify!($Name), x, $D);
                let y = x.$method(self.exponent, self.spec);
                cx.record::<T>(stringify!($Name), None, &y, 0);
                y
            }
        }
    )*};
}

power! {
    /// (Σ xᵖ)^(1/p) over each window: `[N, C, L] → [N, C, OL]` (PyTorch: `LPPool1d`).
    LpPool1d 1 lp_pool1d;
    /// (Σ xᵖ)^(1/p) over each window: `[N, C, H, W] → [N, C, OH, OW]` (PyTorch: `LPPool2d`).
    ///
    /// ```
    /// use gradus_autodiff::Var;
    /// use gradus_layers::LpPool2d;
    /// use gradus_module::{Context, Layer};
    /// let x = Var::constant([[[3.0_f32, 0.0], [0.0, 4.0]]]).unsqueeze(0);
    /// let y = LpPool2d::new(2.0, 2)?.forward(&x, &mut Context::eval());
    /// assert_eq!(y.item(), 5.0);
    /// # Ok::<(), gradus_layers::LayerError>(())
    /// ```
    LpPool2d 2 lp_pool2d;
    /// (Σ xᵖ)^(1/p) over each window: `[N, C, D, H, W] → [N, C, OD, OH, OW]` (PyTorch: `LPPool3d`).
    LpPool3d 3 lp_pool3d;
}

macro_rules! unpool {
    ($($(#[$doc:meta])* $Name:ident $D:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Module)]
        pub struct $Name {
            #[module(skip)]
            kernel: [usize; $D],
            #[module(skip)]
            stride: [usize; $D],
            #[module(skip)]
            padding: [usize; $D],
        }

        impl $Name {
            /// Undoes a pool of windows side by side.
            ///
            /// # Errors
            /// If a side is 0.
            pub fn new(kernel: impl Into<Sides<$D>>) -> Result<Self, LayerError> {
                let kernel = kernel.into().0;
                check_positive(stringify!($Name), &[("kernel", &kernel)])?;
                Ok(Self { kernel, stride: kernel, padding: [0; $D] })
            }

            /// The same for a pool with other steps of the window.
            ///
            /// # Errors
            /// If a step is 0.
            pub fn stride(self, stride: impl Into<Sides<$D>>) -> Result<Self, LayerError> {
                let stride = stride.into().0;
                check_positive(stringify!($Name), &[("stride", &stride)])?;
                Ok(Self { stride, ..self })
            }

            /// The same for a pool with a border.
            #[must_use]
            pub fn padding(self, padding: impl Into<Sides<$D>>) -> Self {
                Self { padding: padding.into().0, ..self }
            }

            /// Noughts of sides (length − 1)·stride − 2·padding + kernel, and the elements of `x` at `place`.
            ///
            /// # Panics
            /// If `x` has another number of axes, `place` is not of its shape, or a place lies outside.
            #[track_caller]
            pub fn forward<T: Float>(&self, x: &Var<T>, place: &Tensor<i64>, cx: &mut Context<'_>) -> Var<T> {
                check_input(stringify!($Name), x, $D);
                let mut size = [0; $D];
                for (axis, size) in size.iter_mut().enumerate() {
                    let whole = x.shape()[2 + axis].saturating_sub(1) * self.stride[axis] + self.kernel[axis];
                    *size = whole.saturating_sub(2 * self.padding[axis]);
                }
                self.forward_to(x, place, size, cx)
            }

            /// Noughts of sides `size`, and the elements of `x` at `place` (PyTorch: `output_size`).
            ///
            /// # Panics
            /// As `forward`.
            #[track_caller]
            pub fn forward_to<T: Float>(
                &self,
                x: &Var<T>,
                place: &Tensor<i64>,
                size: [usize; $D],
                cx: &mut Context<'_>,
            ) -> Var<T> {
                check_input(stringify!($Name), x, $D);
                let y = x.max_unpool(place, size);
                cx.record::<T>(stringify!($Name), None, &y, 0);
                y
            }
        }
    )*};
}

unpool! {
    /// Puts each number where maximum pooling found it, noughts elsewhere: `[N, C, OL] → [N, C, L]` (PyTorch:
    /// `MaxUnpool1d`).
    MaxUnpool1d 1;
    /// Puts each number where maximum pooling found it, noughts elsewhere: `[N, C, OH, OW] → [N, C, H, W]` (PyTorch:
    /// `MaxUnpool2d`).
    ///
    /// ```
    /// use gradus_autodiff::Var;
    /// use gradus_layers::{MaxPool2d, MaxUnpool2d};
    /// use gradus_module::Context;
    /// use gradus_tensor::Tensor;
    /// let x = Var::constant(Tensor::new([1, 1, 2, 2], &[1.0_f32, 2.0, 4.0, 3.0]));
    /// let cx = &mut Context::eval();
    /// let (y, place) = MaxPool2d::new(2)?.forward_with_indices(&x, cx);
    /// assert_eq!(MaxUnpool2d::new(2)?.forward(&y, &place, cx).value().to_vec(), [0.0, 0.0, 4.0, 0.0]);
    /// # Ok::<(), gradus_layers::LayerError>(())
    /// ```
    MaxUnpool2d 2;
    /// Puts each number where maximum pooling found it, noughts elsewhere: `[N, C, OD, OH, OW] → [N, C, D, H, W]`
    /// (PyTorch: `MaxUnpool3d`).
    MaxUnpool3d 3;
}
