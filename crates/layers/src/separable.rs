//! Depthwise separable convolution: each channel filtered on its own, then all channels mixed at each place.

use gradus_autodiff::Var;
use gradus_module::{Context, Layer, Module};
use gradus_tensor::{Float, Rng};

use crate::conv::Conv2d;
use crate::error::LayerError;
use crate::sides::Sides;

/// A depthwise convolution and a pointwise one behind it: `[N, C, H, W] → [N, O, OH, OW]` with C·KH·KW + C·O weights in
/// place of C·O·KH·KW (L. Sifre, "Rigid-motion scattering for image classification", 2014; F. Chollet, "Xception", 2017).
/// Neither has a bias unless asked for: a normalisation usually follows. The state's names are `depthwise.weight` and
/// `pointwise.weight`.
///
/// ```
/// use gradus_autodiff::Var;
/// use gradus_layers::DepthwiseSeparable;
/// use gradus_module::{Context, Layer, Module};
/// use gradus_tensor::{Rng, Tensor};
/// let layer = DepthwiseSeparable::builder(8, 16, 3).stride(2).padding(1).build::<f32>(&mut Rng::seed(0))?;
/// assert_eq!(layer.parameter_count(), 8 * 9 + 8 * 16);
/// let y = layer.forward(&Var::constant(Tensor::zeros([1, 8, 32, 32])), &mut Context::eval());
/// assert_eq!(y.dims(), [1, 16, 16, 16]);
/// # Ok::<(), gradus_layers::LayerError>(())
/// ```
#[derive(Clone, Debug, Module)]
pub struct DepthwiseSeparable<T: Float = f32> {
    /// A filter per channel.
    pub depthwise: Conv2d<T>,
    /// The mixture of channels.
    pub pointwise: Conv2d<T>,
}

/// Describes a [`DepthwiseSeparable`]: stride 1, no padding, dense, without biases, unless said otherwise.
///
/// ```
/// use gradus_layers::{DepthwiseSeparable, DepthwiseSeparableBuilder};
/// use gradus_module::Module;
/// use gradus_tensor::Rng;
/// let builder: DepthwiseSeparableBuilder = DepthwiseSeparable::builder(8, 16, 3).dilation(2).with_bias();
/// let layer = builder.build::<f32>(&mut Rng::seed(0))?;
/// assert_eq!(layer.parameter_count(), 8 * 9 + 8 + 8 * 16 + 16);
/// # Ok::<(), gradus_layers::LayerError>(())
/// ```
#[derive(Clone, Copy, Debug)]
#[must_use = "a description is no layer: build it"]
pub struct DepthwiseSeparableBuilder {
    inputs: usize,
    outputs: usize,
    kernel: Sides<2>,
    stride: Sides<2>,
    padding: Sides<2>,
    dilation: Sides<2>,
    bias: bool,
}

impl DepthwiseSeparable {
    /// Describes a layer from `inputs` to `outputs` channels; `kernel` is one number or one for each axis.
    pub fn builder(inputs: usize, outputs: usize, kernel: impl Into<Sides<2>>) -> DepthwiseSeparableBuilder {
        let (kernel, one, nothing) = (kernel.into(), Sides([1, 1]), Sides([0, 0]));
        DepthwiseSeparableBuilder {
            inputs,
            outputs,
            kernel,
            stride: one,
            padding: nothing,
            dilation: one,
            bias: false,
        }
    }
}

impl DepthwiseSeparableBuilder {
    /// Steps of the depthwise kernel.
    pub fn stride(self, stride: impl Into<Sides<2>>) -> Self {
        Self { stride: stride.into(), ..self }
    }

    /// Noughts before and after.
    pub fn padding(self, padding: impl Into<Sides<2>>) -> Self {
        Self { padding: padding.into(), ..self }
    }

    /// Distance between the depthwise kernel's elements; 1 is dense.
    pub fn dilation(self, dilation: impl Into<Sides<2>>) -> Self {
        Self { dilation: dilation.into(), ..self }
    }

    /// With a bias in both convolutions.
    pub fn with_bias(self) -> Self {
        Self { bias: true, ..self }
    }

    /// The layer, both convolutions starting as [`Conv2d`] does.
    ///
    /// # Errors
    /// If there are no inputs, or a side of kernel, stride or dilation is 0.
    pub fn build<T: Float>(self, rng: &mut Rng) -> Result<DepthwiseSeparable<T>, LayerError> {
        let Self { inputs, outputs, kernel, stride, padding, dilation, bias } = self;
        LayerError::check(inputs > 0, "DepthwiseSeparable", "inputs", inputs, "at least 1")?;
        let depthwise = Conv2d::builder(inputs, inputs, kernel).stride(stride).padding(padding);
        let depthwise = depthwise.dilation(dilation).groups(inputs);
        let pointwise = Conv2d::builder(inputs, outputs, 1);
        let of = |builder: crate::Conv2dBuilder| if bias { builder } else { builder.without_bias() };
        Ok(DepthwiseSeparable { depthwise: of(depthwise).build(rng)?, pointwise: of(pointwise).build(rng)? })
    }
}

impl<T: Float> Layer<T> for DepthwiseSeparable<T> {
    fn forward(&self, x: &Var<T>, cx: &mut Context<'_>) -> Var<T> {
        self.pointwise.forward(&self.depthwise.forward(x, cx), cx)
    }
}
