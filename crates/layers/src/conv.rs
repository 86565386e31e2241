//! Convolutions, as the field calls cross-correlations. A layer's weight depends on all its sizes, so it is described
//! first and built then.

use gradus_autodiff::Var;
use gradus_module::{Context, Layer, Module, Param};
use gradus_tensor::{Conv2dSpec, Float, Rng, Shape, Tensor};

use crate::error::LayerError;
use crate::frozen::FrozenConv2d;
use crate::init::fan_uniform;
use crate::sides::{Sides, list, planar};

macro_rules! convolution {
    ($($(#[$doc:meta])* $Name:ident, $Builder:ident, $D:literal, $input:literal, $weight:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Debug, Module)]
        pub struct $Name<T: Float = f32> {
            #[doc = concat!("`", $weight, "`.")]
            pub weight: Param<T>,
            /// `[O]`.
            pub bias: Option<Param<T>>,
            #[module(skip)]
            spec: Conv2dSpec,
            #[module(skip)]
            relu: bool,
        }

        impl $Name {
            /// Describes a layer from `inputs` to `outputs` channels; `kernel` is one number or one for each axis.
            pub fn builder(inputs: usize, outputs: usize, kernel: impl Into<Sides<$D>>) -> $Builder {
                let ones = [1; $D];
                let (stride, padding, dilation) = (ones, [0; $D], ones);
                let kernel = kernel.into().0;
                $Builder { inputs, outputs, kernel, stride, padding, dilation, groups: 1, bias: true }
            }
        }

        #[doc = concat!("Describes a [`", stringify!($Name), "`]: stride 1, no padding, dense, one group, with a bias, unless said otherwise.")]
        #[derive(Clone, Copy, Debug)]
        #[must_use = "a description is no layer: build it"]
        pub struct $Builder {
            inputs: usize,
            outputs: usize,
            kernel: [usize; $D],
            stride: [usize; $D],
            padding: [usize; $D],
            dilation: [usize; $D],
            groups: usize,
            bias: bool,
        }

        impl $Builder {
            /// Steps of the kernel.
            pub fn stride(self, stride: impl Into<Sides<$D>>) -> Self {
                Self { stride: stride.into().0, ..self }
            }

            /// Zeros before and after.
            pub fn padding(self, padding: impl Into<Sides<$D>>) -> Self {
                Self { padding: padding.into().0, ..self }
            }

            /// Distance between the kernel's elements; 1 is dense.
            pub fn dilation(self, dilation: impl Into<Sides<$D>>) -> Self {
                Self { dilation: dilation.into().0, ..self }
            }

            /// Output channels see the inputs of their own group only; as many groups as inputs make it depthwise.
            pub fn groups(self, groups: usize) -> Self {
                Self { groups, ..self }
            }

            /// Without a bias (PyTorch: `bias=False`).
            pub fn without_bias(self) -> Self {
                Self { bias: false, ..self }
            }

            /// The layer, with weight and bias evenly distributed in ±1/√(inputs per group · kernel size).
            ///
            /// # Errors
            /// If a side of kernel, stride or dilation is 0, or the groups do not divide inputs and outputs.
            pub fn build<T: Float>(self, rng: &mut Rng) -> Result<$Name<T>, LayerError> {
                let Self { inputs, outputs, kernel, stride, padding, dilation, groups, bias } = self;
                for (name, sides) in [("kernel", kernel), ("stride", stride), ("dilation", dilation)] {
                    LayerError::check(!sides.contains(&0), stringify!($Name), name, list(&sides), "at least 1")?;
                }
                let even = groups > 0 && inputs.is_multiple_of(groups) && outputs.is_multiple_of(groups);
                let range = format_args!("a divisor of {inputs} inputs and {outputs} outputs");
                LayerError::check(even, stringify!($Name), "groups", groups, range)?;
                let fan = inputs / groups * kernel.iter().product::<usize>();
                let mut shape = vec![outputs, inputs / groups];
                shape.extend(kernel);
                let weight = Param::new(fan_uniform(Shape::new(&shape), fan, rng));
                let bias = bias.then(|| Param::new(fan_uniform([outputs], fan, rng)));
                let (stride, padding) = (planar(stride, 1), planar(padding, 0));
                Ok($Name { weight, bias, spec: Conv2dSpec { stride, padding, dilation: planar(dilation, 1), groups }, relu: false })
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
                let y = convolve(x, &self.weight, self.bias.as_deref(), self.relu, self.spec);
                let work = y.len() * weight[1..].iter().product::<usize>();
                cx.record(stringify!($Name), Some(&self.weight), &y, work as u64);
                y
            }
        }
    )*};
}

/// A sequence is an image of height 1.
#[track_caller]
fn convolve<T: Float>(
    x: &Var<T>,
    weight: &Var<T>,
    bias: Option<&Var<T>>,
    relu: bool,
    spec: Conv2dSpec,
) -> Var<T> {
    if x.rank() != 4 {
        return convolve(&x.unsqueeze(2), &weight.unsqueeze(2), bias, relu, spec).squeeze(2);
    }
    if relu { x.conv2d_relu(weight, bias, spec) } else { x.conv2d(weight, bias, spec) }
}

convolution! {
    /// Cross-correlation of sequences with a bank of filters: `[N, C, L] → [N, O, OL]` (PyTorch: `Conv1d`), with
    /// OL = ⌊(L + 2·padding − dilation·(K − 1) − 1)/stride⌋ + 1.
    Conv1d, Conv1dBuilder, 1, "[N, C, L]", "[O, C/groups, K]";
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
    Conv2d, Conv2dBuilder, 2, "[N, C, H, W]", "[O, C/groups, KH, KW]";
}

impl<T: Float> Conv2d<T> {
    /// A layer that computes the same and never learns, its weights kept in the form that the kernels read.
    #[must_use]
    pub fn frozen(&self) -> FrozenConv2d<T> {
        FrozenConv2d::new(
            self.weight.value(),
            self.bias.as_ref().map(|bias| bias.value()),
            self.relu,
            self.spec,
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
        Self { weight, bias, spec: self.spec, relu: self.relu }
    }
}
