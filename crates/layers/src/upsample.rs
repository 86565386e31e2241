//! Resizing, trading channels for pixels, and borders, as layers.

use gradus_autodiff::Var;
use gradus_module::{Context, Layer, Module};
use gradus_tensor::{Float, Interpolation, InterpolationMode, PadMode, PatchSpec, Resize};

use crate::error::LayerError;
use crate::sides::{Sides, check_positive, list};

/// To what a layer resizes.
#[derive(Clone, Debug)]
enum Target {
    Sizes(Vec<usize>),
    Factors(Vec<f64>),
}

/// Resized along all axes behind the channels: `[N, C, L] → [N, C, OL]`, `[N, C, H, W] → [N, C, OH, OW]` or
/// `[N, C, D, H, W] → [N, C, OD, OH, OW]` (PyTorch: `Upsample`). By the nearest place unless said otherwise.
///
/// ```
/// use gradus_autodiff::Var;
/// use gradus_layers::Upsample;
/// use gradus_module::{Context, Layer};
/// use gradus_tensor::{InterpolationMode, Tensor};
/// let layer = Upsample::by([2.0, 2.0])?.mode(InterpolationMode::Linear)?;
/// let x = Var::constant(Tensor::<f32>::ones([1, 3, 4, 5]));
/// assert_eq!(layer.forward(&x, &mut Context::eval()).dims(), [1, 3, 8, 10]);
/// # Ok::<(), gradus_layers::LayerError>(())
/// ```
#[derive(Clone, Debug, Module)]
pub struct Upsample {
    #[module(skip)]
    target: Target,
    #[module(skip)]
    how: Interpolation,
}

impl Upsample {
    /// To these sizes, one per axis behind the channels (PyTorch: `size`).
    ///
    /// ```
    /// use gradus_autodiff::Var;
    /// use gradus_layers::Upsample;
    /// use gradus_module::{Context, Layer};
    /// let layer = Upsample::to([4])?;
    /// let y = layer.forward(&Var::constant([[[1.0_f32, 2.0]]]), &mut Context::eval());
    /// assert_eq!(y.value().to_vec(), [1.0, 1.0, 2.0, 2.0]);
    /// # Ok::<(), gradus_layers::LayerError>(())
    /// ```
    ///
    /// # Errors
    /// If there are not one to three sizes, or one is 0.
    pub fn to(sizes: impl Into<Vec<usize>>) -> Result<Self, LayerError> {
        let sizes = sizes.into();
        let fits = (1..=3).contains(&sizes.len()) && !sizes.contains(&0);
        LayerError::check(fits, "Upsample", "sizes", list(&sizes), "one to three sizes of at least 1")?;
        Ok(Self::new(Target::Sizes(sizes)))
    }

    /// By these factors, one per axis behind the channels; lengths are rounded down (PyTorch: `scale_factor`).
    ///
    /// # Errors
    /// If there are not one to three factors, or one is no positive number.
    pub fn by(factors: impl Into<Vec<f64>>) -> Result<Self, LayerError> {
        let factors = factors.into();
        let positive = factors.iter().all(|factor| *factor > 0.0 && factor.is_finite());
        let fits = (1..=3).contains(&factors.len()) && positive;
        let range = "one to three positive factors";
        LayerError::check(fits, "Upsample", "factors", format_args!("{factors:?}"), range)?;
        Ok(Self::new(Target::Factors(factors)))
    }

    fn new(target: Target) -> Self {
        Self { target, how: Interpolation::new(InterpolationMode::Nearest) }
    }

    /// The same in another mode.
    ///
    /// # Errors
    /// If corners or antialiasing were asked for, which mean something to linear and cubic only.
    pub fn mode(self, mode: InterpolationMode) -> Result<Self, LayerError> {
        Self::check(Interpolation { mode, ..self.how }, self.target)
    }

    /// The same with the centres of the outermost places on each other (PyTorch: `align_corners=True`).
    ///
    /// ```
    /// use gradus_autodiff::Var;
    /// use gradus_layers::Upsample;
    /// use gradus_module::{Context, Layer};
    /// use gradus_tensor::InterpolationMode;
    /// let layer = Upsample::to([3])?.mode(InterpolationMode::Linear)?.align_corners()?;
    /// let y = layer.forward(&Var::constant([[[1.0_f32, 2.0]]]), &mut Context::eval());
    /// assert_eq!(y.value().to_vec(), [1.0, 1.5, 2.0]);
    /// # Ok::<(), gradus_layers::LayerError>(())
    /// ```
    ///
    /// # Errors
    /// If the mode is neither linear nor cubic.
    pub fn align_corners(self) -> Result<Self, LayerError> {
        Self::check(Interpolation { align_corners: true, ..self.how }, self.target)
    }

    /// The same with a kernel as wide as what a place stands for, when shrinking (PyTorch: `antialias=True`).
    ///
    /// ```
    /// use gradus_autodiff::Var;
    /// use gradus_layers::Upsample;
    /// use gradus_module::{Context, Layer};
    /// use gradus_tensor::InterpolationMode;
    /// let layer = Upsample::to([2])?.mode(InterpolationMode::Linear)?.antialias()?;
    /// let y = layer.forward(&Var::constant([[[3.0_f32, 3.0, 3.0, 3.0]]]), &mut Context::eval());
    /// assert!(y.value().to_vec().iter().all(|y| (y - 3.0).abs() < 1e-6));
    /// # Ok::<(), gradus_layers::LayerError>(())
    /// ```
    ///
    /// # Errors
    /// If the mode is neither linear nor cubic.
    pub fn antialias(self) -> Result<Self, LayerError> {
        Self::check(Interpolation { antialias: true, ..self.how }, self.target)
    }

    fn check(how: Interpolation, target: Target) -> Result<Self, LayerError> {
        let range = "Linear or Cubic where corners are aligned or antialiasing is asked for";
        LayerError::check(how.is_sensible(), "Upsample", "mode", format_args!("{:?}", how.mode), range)?;
        Ok(Self { target, how })
    }
}

impl<T: Float> Layer<T> for Upsample {
    fn forward(&self, x: &Var<T>, cx: &mut Context<'_>) -> Var<T> {
        let to = match &self.target {
            Target::Sizes(sizes) => Resize::Sizes(sizes),
            Target::Factors(factors) => Resize::Factors(factors),
        };
        let y = x.interpolate(to, self.how);
        cx.record::<T>("Upsample", None, &y, 0);
        y
    }
}

macro_rules! shuffles {
    ($($(#[$doc:meta])* $Name:ident $method:ident $argument:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Module)]
        pub struct $Name {
            #[module(skip)]
            $argument: usize,
        }

        impl $Name {
            /// The layer.
            ///
            /// # Errors
            /// If the argument is 0.
            pub fn new($argument: usize) -> Result<Self, LayerError> {
                LayerError::check($argument > 0, stringify!($Name), stringify!($argument), $argument, "at least 1")?;
                Ok(Self { $argument })
            }
        }

        impl<T: Float> Layer<T> for $Name {
            fn forward(&self, x: &Var<T>, cx: &mut Context<'_>) -> Var<T> {
                let y = x.$method(self.$argument);
                cx.record::<T>(stringify!($Name), None, &y, 0);
                y
            }
        }
    )*};
}

shuffles! {
    /// Channels as pixels: `[…, C·r², H, W] → […, C, H·r, W·r]` (PyTorch: `PixelShuffle`).
    ///
    /// ```
    /// use gradus_autodiff::Var;
    /// use gradus_layers::PixelShuffle;
    /// use gradus_module::{Context, Layer};
    /// use gradus_tensor::Tensor;
    /// let x = Var::constant(Tensor::<f32>::ones([1, 12, 4, 4]));
    /// assert_eq!(PixelShuffle::new(2)?.forward(&x, &mut Context::eval()).dims(), [1, 3, 8, 8]);
    /// # Ok::<(), gradus_layers::LayerError>(())
    /// ```
    PixelShuffle pixel_shuffle factor;
    /// Pixels as channels: `[…, C, H·r, W·r] → […, C·r², H, W]` (PyTorch: `PixelUnshuffle`).
    PixelUnshuffle pixel_unshuffle factor;
    /// Channels dealt out among the groups: `[N, C, …] → [N, C, …]` (PyTorch: `ChannelShuffle`).
    ChannelShuffle channel_shuffle groups;
}

macro_rules! patches {
    ($($(#[$doc:meta])* $Name:ident;)*) => {$(
        impl $Name {
            /// The same with another distance between the patches.
            ///
            /// # Errors
            /// If one is 0.
            pub fn stride(mut self, stride: impl Into<Sides<2>>) -> Result<Self, LayerError> {
                self.spec.stride = stride.into().0;
                check_positive(stringify!($Name), &[("stride", &self.spec.stride)])?;
                Ok(self)
            }

            /// The same with noughts before and after.
            #[must_use]
            pub fn padding(mut self, padding: impl Into<Sides<2>>) -> Self {
                self.spec.padding = padding.into().0;
                self
            }

            /// The same with distance between a patch's elements; 1 is dense.
            ///
            /// # Errors
            /// If one is 0.
            pub fn dilation(mut self, dilation: impl Into<Sides<2>>) -> Result<Self, LayerError> {
                self.spec.dilation = dilation.into().0;
                check_positive(stringify!($Name), &[("dilation", &self.spec.dilation)])?;
                Ok(self)
            }
        }
    )*};
}
patches!(Unfold; Fold;);

/// Patches as columns: `[N, C, H, W] → [N, C·KH·KW, L]` (PyTorch: `Unfold`).
///
/// ```
/// use gradus_autodiff::Var;
/// use gradus_layers::{Fold, Unfold};
/// use gradus_module::{Context, Layer};
/// use gradus_tensor::Tensor;
/// let (unfold, cx) = (Unfold::new(2)?.stride(2)?, &mut Context::eval());
/// let x = Var::constant(Tensor::<f32>::arange(16).reshape([1, 1, 4, 4]));
/// let columns = unfold.forward(&x, cx);
/// assert_eq!(columns.dims(), [1, 4, 4]);
/// assert_eq!(Fold::new([4, 4], 2)?.stride(2)?.forward(&columns, cx).value(), x.value());
/// # Ok::<(), gradus_layers::LayerError>(())
/// ```
#[derive(Clone, Copy, Debug, Module)]
pub struct Unfold {
    #[module(skip)]
    spec: PatchSpec,
}

impl Unfold {
    /// Patches at every place: stride 1, no padding, dense.
    ///
    /// # Errors
    /// If a side is 0.
    pub fn new(kernel: impl Into<Sides<2>>) -> Result<Self, LayerError> {
        let kernel = kernel.into().0;
        check_positive("Unfold", &[("kernel", &kernel)])?;
        Ok(Self { spec: PatchSpec::new(kernel) })
    }
}

impl<T: Float> Layer<T> for Unfold {
    fn forward(&self, x: &Var<T>, cx: &mut Context<'_>) -> Var<T> {
        let y = x.im2col(self.spec);
        cx.record::<T>("Unfold", None, &y, 0);
        y
    }
}

/// Columns added up to images: `[N, C·KH·KW, L] → [N, C, H, W]` (PyTorch: `Fold`).
#[derive(Clone, Copy, Debug, Module)]
pub struct Fold {
    #[module(skip)]
    size: [usize; 2],
    #[module(skip)]
    spec: PatchSpec,
}

impl Fold {
    /// To images of `size` = [H, W], from patches at every place.
    ///
    /// # Errors
    /// If a side is 0.
    pub fn new(size: impl Into<Sides<2>>, kernel: impl Into<Sides<2>>) -> Result<Self, LayerError> {
        let (size, kernel) = (size.into().0, kernel.into().0);
        check_positive("Fold", &[("size", &size), ("kernel", &kernel)])?;
        Ok(Self { size, spec: PatchSpec::new(kernel) })
    }
}

impl<T: Float> Layer<T> for Fold {
    fn forward(&self, x: &Var<T>, cx: &mut Context<'_>) -> Var<T> {
        let y = x.col2im(self.size, self.spec);
        cx.record::<T>("Fold", None, &y, 0);
        y
    }
}

macro_rules! pads {
    ($($(#[$doc:meta])* $Name:ident $D:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Module)]
        pub struct $Name {
            #[module(skip)]
            widths: [(usize, usize); $D],
            #[module(skip)]
            mode: PadMode,
        }

        impl $Name {
            /// The same border before and after, one number or one for each axis.
            pub fn new(mode: PadMode, sides: impl Into<Sides<$D>>) -> Self {
                Self { widths: sides.into().0.map(|side| (side, side)), mode }
            }

            /// (before, after) for each axis, the first axis first (PyTorch lists the last one first).
            #[must_use]
            pub const fn uneven(mode: PadMode, widths: [(usize, usize); $D]) -> Self {
                Self { widths, mode }
            }
        }

        impl<T: Float> Layer<T> for $Name {
            fn forward(&self, x: &Var<T>, cx: &mut Context<'_>) -> Var<T> {
                crate::pool::check_input(stringify!($Name), x, $D);
                let y = x.pad_with(&[&[(0, 0); 2], &self.widths[..]].concat(), self.mode);
                cx.record::<T>(stringify!($Name), None, &y, 0);
                y
            }
        }
    )*};
}

pads! {
    /// A border around sequences: `[N, C, L] → [N, C, before + L + after]` (PyTorch: `ZeroPad1d`, `ReflectionPad1d`,
    /// `ReplicationPad1d`, `CircularPad1d`).
    Pad1d 1;
    /// A border around images: `[N, C, H, W] → [N, C, OH, OW]` (PyTorch: `ZeroPad2d`, `ReflectionPad2d`,
    /// `ReplicationPad2d`, `CircularPad2d`).
    ///
    /// ```
    /// use gradus_autodiff::Var;
    /// use gradus_layers::Pad2d;
    /// use gradus_module::{Context, Layer};
    /// use gradus_tensor::{PadMode, Tensor};
    /// let x = Var::constant(Tensor::<f32>::ones([1, 3, 4, 5]));
    /// let y = Pad2d::new(PadMode::Reflect, 2).forward(&x, &mut Context::eval());
    /// assert_eq!(y.dims(), [1, 3, 8, 9]);
    /// ```
    Pad2d 2;
    /// A border around volumes: `[N, C, D, H, W] → [N, C, OD, OH, OW]` (PyTorch: `ZeroPad3d`, `ReflectionPad3d`,
    /// `ReplicationPad3d`, `CircularPad3d`).
    Pad3d 3;
}
