//! Convolutions, as the field calls cross-correlations. A layer's weight depends on all its sizes, so it is described
//! first and built then.

use gradus_autodiff::Var;
use gradus_module::{Context, Layer, Module, Param};
use gradus_tensor::{Conv1dSpec, Conv2dSpec, Conv3dSpec, ConvSpec, Float, PadMode, Rng, Shape, Tensor};

use crate::border::Border;
use crate::error::LayerError;
use crate::frozen::FrozenConv2d;
use crate::init::fan_uniform;
use crate::sides::{Sides, check_groups, check_positive, list};

macro_rules! convolution {
    ($($(#[$doc:meta])* $Name:ident, $Builder:ident, $D:literal, $input:literal, $weight:literal, $convolve:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Debug, Module)]
        pub struct $Name<T: Float = f32> {
            #[doc = concat!("`", $weight, "`.")]
            pub weight: Param<T>,
            /// `[O]`.
            pub bias: Option<Param<T>>,
            #[module(skip)]
            spec: ConvSpec<$D>,
            #[module(skip)]
            border: Border<$D>,
            #[module(skip)]
            relu: bool,
        }

        impl $Name {
            /// Describes a layer from `inputs` to `outputs` channels; `kernel` is one number or one for each axis.
            pub fn builder(inputs: usize, outputs: usize, kernel: impl Into<Sides<$D>>) -> $Builder {
                let (kernel, spec) = (kernel.into().0, ConvSpec::default());
                $Builder { inputs, outputs, kernel, spec, same: false, mode: PadMode::Zeros, bias: true }
            }
        }

        #[doc = concat!("Describes a [`", stringify!($Name), "`]: stride 1, no padding, dense, one group, with a bias, unless said otherwise.")]
        #[derive(Clone, Copy, Debug)]
        #[must_use = "a description is no layer: build it"]
        pub struct $Builder {
            inputs: usize,
            outputs: usize,
            kernel: [usize; $D],
            spec: ConvSpec<$D>,
            same: bool,
            mode: PadMode,
            bias: bool,
        }

        impl $Builder {
            /// Steps of the kernel.
            pub fn stride(mut self, stride: impl Into<Sides<$D>>) -> Self {
                self.spec.stride = stride.into().0;
                self
            }

            /// A border before and after; nothing unless said otherwise (PyTorch: `padding=0`, `padding="valid"`).
            pub fn padding(mut self, padding: impl Into<Sides<$D>>) -> Self {
                (self.spec.padding, self.same) = (padding.into().0, false);
                self
            }

            /// A border with which the result is as long as the input; where it is uneven, more of it lies behind
            /// (PyTorch: `padding="same"`).
            pub fn same_padding(self) -> Self {
                Self { same: true, ..self }
            }

            /// What stands in the border (PyTorch: `padding_mode`).
            pub fn padding_mode(self, mode: PadMode) -> Self {
                Self { mode, ..self }
            }

            /// Distance between the kernel's elements; 1 is dense.
            pub fn dilation(mut self, dilation: impl Into<Sides<$D>>) -> Self {
                self.spec.dilation = dilation.into().0;
                self
            }

            /// Output channels see the inputs of their own group only; as many groups as inputs make it depthwise.
            pub fn groups(mut self, groups: usize) -> Self {
                self.spec.groups = groups;
                self
            }

            /// Without a bias (PyTorch: `bias=False`).
            pub fn without_bias(self) -> Self {
                Self { bias: false, ..self }
            }

            /// The layer, with weight and bias evenly distributed in ±1/√(inputs per group · kernel size).
            ///
            /// # Errors
            /// If a side of kernel, stride or dilation is 0, the groups do not divide inputs and outputs, or the result
            /// cannot be as long as the input because a stride is not 1.
            pub fn build<T: Float>(self, rng: &mut Rng) -> Result<$Name<T>, LayerError> {
                let Self { inputs, outputs, kernel, mut spec, same, mode, bias } = self;
                let (name, ConvSpec { stride, dilation, groups, .. }) = (stringify!($Name), spec);
                check_positive(name, &[("kernel", &kernel), ("stride", &stride), ("dilation", &dilation)])?;
                check_groups(name, groups, inputs, outputs)?;
                let mut widths = spec.padding.map(|side| (side, side));
                if same {
                    let range = "1 where the result is as long as the input";
                    LayerError::check(stride == [1; $D], name, "stride", list(&stride), range)?;
                    for (axis, width) in widths.iter_mut().enumerate() {
                        let total = dilation[axis] * (kernel[axis] - 1);
                        *width = (total / 2, total - total / 2);
                    }
                }
                let border = Border::new(widths, mode);
                spec.padding = border.left_to_the_kernel();
                let fan = inputs / groups * kernel.iter().product::<usize>();
                let shape = Shape::new(&[&[outputs, inputs / groups], &kernel[..]].concat());
                let weight = Param::new(fan_uniform(shape, fan, rng));
                let bias = bias.then(|| Param::new(fan_uniform([outputs], fan, rng)));
                Ok($Name { weight, bias, spec, border, relu: false })
            }
        }

        impl<T: Float> $Name<T> {
            /// The same, followed by relu in the same pass over memory.
            #[must_use]
            pub fn with_relu(self) -> Self {
                Self { relu: true, ..self }
            }
        }

        impl<T: Float> Layer<T> for $Name<T> {
            fn forward(&self, x: &Var<T>, cx: &mut Context<'_>) -> Var<T> {
                let (shape, weight) = (x.shape(), self.weight.shape());
                let inputs = weight[1] * self.spec.groups;
                let fits = shape.len() == $D + 2 && shape[1] == inputs;
                assert!(
                    fits,
                    concat!(stringify!($Name), ": input is not ", $input, " with C = {}: {} and weight {}"),
                    inputs, shape, weight
                );
                let x = &self.border.put_around(x);
                let y = $convolve(x, &self.weight, self.bias.as_deref(), self.relu, self.spec);
                let work = y.len() * weight[1..].iter().product::<usize>();
                cx.record(stringify!($Name), Some(&self.weight), &y, work as u64);
                y
            }
        }
    )*};
}

/// A sequence is an image of height 1.
#[track_caller]
fn sequence<T: Float>(x: &Var<T>, w: &Var<T>, bias: Option<&Var<T>>, relu: bool, spec: Conv1dSpec) -> Var<T> {
    let _ = spec.output_shape(x.shape(), w.shape()); // so that a refusal speaks of sequences
    image(&x.unsqueeze(2), &w.unsqueeze(2), bias, relu, spec.as_image()).squeeze(2)
}

#[track_caller]
fn image<T: Float>(x: &Var<T>, w: &Var<T>, bias: Option<&Var<T>>, relu: bool, spec: Conv2dSpec) -> Var<T> {
    if relu { x.conv2d_relu(w, bias, spec) } else { x.conv2d(w, bias, spec) }
}

#[track_caller]
fn volume<T: Float>(x: &Var<T>, w: &Var<T>, bias: Option<&Var<T>>, relu: bool, spec: Conv3dSpec) -> Var<T> {
    if relu { x.conv3d_relu(w, bias, spec) } else { x.conv3d(w, bias, spec) }
}

convolution! {
    /// Cross-correlation of sequences with a bank of filters: `[N, C, L] → [N, O, OL]` (PyTorch: `Conv1d`), with
    /// OL = ⌊(L + 2·padding − dilation·(K − 1) − 1)/stride⌋ + 1.
    Conv1d, Conv1dBuilder, 1, "[N, C, L]", "[O, C/groups, K]", sequence;
    /// Cross-correlation of images with a bank of filters: `[N, C, H, W] → [N, O, OH, OW]` (PyTorch: `Conv2d`), with
    /// OH = ⌊(H + 2·padding − dilation·(KH − 1) − 1)/stride⌋ + 1, and OW likewise.
    ///
    /// ```
    /// use gradus_autodiff::Var;
    /// use gradus_layers::Conv2d;
    /// use gradus_module::{Context, Layer};
    /// use gradus_tensor::{Rng, Tensor};
    /// let layer = Conv2d::builder(3, 8, 3).stride(2).padding(1).build::<f32>(&mut Rng::seed(0))?;
    /// let y = layer.forward(&Var::constant(Tensor::zeros([1, 3, 32, 32])), &mut Context::eval());
    /// assert_eq!(y.dims(), [1, 8, 16, 16]);
    /// # Ok::<(), gradus_layers::LayerError>(())
    /// ```
    Conv2d, Conv2dBuilder, 2, "[N, C, H, W]", "[O, C/groups, KH, KW]", image;
    /// Cross-correlation of volumes with a bank of filters: `[N, C, D, H, W] → [N, O, OD, OH, OW]` (PyTorch: `Conv3d`),
    /// with OD = ⌊(D + 2·padding − dilation·(KD − 1) − 1)/stride⌋ + 1, and OH and OW likewise.
    Conv3d, Conv3dBuilder, 3, "[N, C, D, H, W]", "[O, C/groups, KD, KH, KW]", volume;
}

impl<T: Float> Conv2d<T> {
    /// A layer that computes the same and never learns, its weights kept in the form that the kernels read.
    ///
    /// ```
    /// use gradus_autodiff::Var;
    /// use gradus_layers::Conv2d;
    /// use gradus_module::{Context, Layer};
    /// use gradus_tensor::{Rng, Tensor};
    /// let layer = Conv2d::builder(3, 8, 3).build::<f32>(&mut Rng::seed(0))?;
    /// let (x, cx) = (Var::constant(Tensor::ones([1, 3, 6, 6])), &mut Context::eval());
    /// let difference = layer.frozen().forward(&x, cx) - layer.forward(&x, cx);
    /// assert!(difference.abs().max_axes(&[], false).item() < 1e-5);
    /// # Ok::<(), gradus_layers::LayerError>(())
    /// ```
    #[must_use]
    pub fn frozen(&self) -> FrozenConv2d<T> {
        FrozenConv2d::new(
            self.weight.value(),
            self.bias.as_ref().map(|bias| bias.value()),
            self.relu,
            self.spec,
            self.border,
        )
    }

    pub(crate) fn has_relu(&self) -> bool {
        self.relu
    }

    /// The same filters with each output channel scaled and shifted: scale·(w ∗ x + b) + shift.
    pub(crate) fn rescaled(&self, scale: &Tensor<T>, shift: &Tensor<T>) -> Self {
        let channels = self.weight.dim(0);
        let weight = self.weight.value() * &scale.reshape([channels, 1, 1, 1]);
        let bias = match &self.bias {
            Some(bias) => &(bias.value() * scale) + shift,
            None => shift.clone(),
        };
        let (weight, bias) = (Param::new(weight), Some(Param::new(bias)));
        Self { weight, bias, spec: self.spec, border: self.border, relu: self.relu }
    }
}
