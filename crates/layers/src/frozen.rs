//! Convolutions that no longer learn, for inference: batch normalisation folded into the filters, filters kept in the form
//! that the kernels read.

use gradus_autodiff::{Var, is_recording};
use gradus_module::{Context, Layer, Module};
use gradus_tensor::{Conv2dFilters, Conv2dFinish, Conv2dSpec, Float, Tensor};

use crate::batch_norm::BatchNorm2d;
use crate::border::Border;
use crate::conv::Conv2d;
use crate::error::LayerError;

/// A [`Conv2d`] that computes the same and never learns: `[N, C, H, W] → [N, O, OH, OW]`. It has no parameters: its
/// filters are constants, packed when the first image of a size comes. Gradients still flow through it to its input.
///
/// ```
/// use gradus_autodiff::Var;
/// use gradus_layers::Conv2d;
/// use gradus_module::{Context, Layer};
/// use gradus_tensor::{Rng, Tensor};
/// let rng = &mut Rng::seed(0);
/// let layer = Conv2d::builder(3, 16, 3).padding(1).build::<f32>(rng)?.with_relu();
/// let x = Var::constant(Tensor::normal([1, 3, 32, 32], 0.0, 1.0, rng));
/// let cx = &mut Context::eval();
/// assert_eq!(layer.frozen().forward(&x, cx).value(), layer.forward(&x, cx).value());
/// # Ok::<(), gradus_layers::LayerError>(())
/// ```
#[derive(Clone, Debug, Module)]
pub struct FrozenConv2d<T: Float = f32> {
    #[module(skip)]
    weight: Var<T>,
    #[module(skip)]
    bias: Option<Var<T>>,
    #[module(skip)]
    relu: bool,
    #[module(skip)]
    spec: Conv2dSpec,
    #[module(skip)]
    border: Border<2>,
    #[module(skip)]
    filters: Conv2dFilters<T>,
}

impl<T: Float> FrozenConv2d<T> {
    pub(crate) fn new(
        weight: &Tensor<T>,
        bias: Option<&Tensor<T>>,
        relu: bool,
        spec: Conv2dSpec,
        border: Border<2>,
    ) -> Self {
        let filters = Conv2dFilters::new(weight, Conv2dFinish { bias, relu }, spec);
        let (weight, bias) = (Var::constant(weight.clone()), bias.map(|bias| Var::constant(bias.clone())));
        Self { weight, bias, relu, spec, border, filters }
    }
}

impl<T: Float> FrozenConv2d<T> {
    /// The layer's result with `residual` added before its relu, if it has one: the end of a residual block,
    /// relu(w ∗ x + b + residual), in one pass over memory: `[N, C, H, W], [N, O, OH, OW] → [N, O, OH, OW]`.
    ///
    /// ```
    /// use gradus_autodiff::Var;
    /// use gradus_layers::Conv2d;
    /// use gradus_module::{Context, Layer};
    /// use gradus_tensor::{Rng, Tensor};
    /// let rng = &mut Rng::seed(0);
    /// let layer = Conv2d::builder(16, 16, 3).padding(1).build::<f32>(rng)?;
    /// let x = Var::constant(Tensor::normal([1, 16, 8, 8], 0.0, 1.0, rng));
    /// let cx = &mut Context::eval();
    /// let y = layer.clone().with_relu().frozen().forward_onto(&x, &x, cx);
    /// assert_eq!(y.value(), (layer.forward(&x, cx) + &x).relu().value());
    /// # Ok::<(), gradus_layers::LayerError>(())
    /// ```
    ///
    /// # Panics
    /// If `x` does not fit the filters, or `residual` is not of the result's shape.
    #[track_caller]
    pub fn forward_onto(&self, x: &Var<T>, residual: &Var<T>, cx: &mut Context<'_>) -> Var<T> {
        let x = &self.border.put_around(x);
        let learns = (x.has_gradient() || residual.has_gradient()) && is_recording();
        let y = if learns {
            let y = x.conv2d(&self.weight, self.bias.as_ref(), self.spec) + residual;
            if self.relu { y.relu() } else { y }
        } else {
            Var::constant(x.value().conv2d_by_onto(&self.filters, residual.value()))
        };
        self.record(&y, cx);
        y
    }

    fn record(&self, y: &Var<T>, cx: &mut Context<'_>) {
        let work = y.len() * self.weight.shape()[1..].iter().product::<usize>();
        cx.record::<T>("FrozenConv2d", None, y, work as u64);
    }
}

impl<T: Float> Layer<T> for FrozenConv2d<T> {
    fn forward(&self, x: &Var<T>, cx: &mut Context<'_>) -> Var<T> {
        let (weight, bias, x) = (&self.weight, self.bias.as_ref(), &self.border.put_around(x));
        let y = match (x.has_gradient() && is_recording(), self.relu) {
            (false, _) => Var::constant(x.value().conv2d_by(&self.filters)),
            (true, true) => x.conv2d_relu(weight, bias, self.spec),
            (true, false) => x.conv2d(weight, bias, self.spec),
        };
        self.record(&y, cx);
        y
    }
}

/// One convolution in place of a convolution and the batch normalisation that follows it in evaluation
/// (PyTorch: `torch.nn.utils.fusion.fuse_conv_bn_eval`): with s = w/√(variance + ε) per output channel, filters s·W and
/// bias s·(b − mean) + shift. It is a copy: what the normalisation learns later does not reach it.
///
/// ```
/// use gradus_autodiff::Var;
/// use gradus_layers::{BatchNorm2d, Conv2d, fold_batch_norm};
/// use gradus_module::{Context, Layer};
/// use gradus_tensor::{Rng, Tensor};
/// let rng = &mut Rng::seed(0);
/// let convolution = Conv2d::builder(3, 8, 3).without_bias().build::<f32>(rng)?;
/// let folded = fold_batch_norm(&convolution, &BatchNorm2d::new(8))?;
/// assert_eq!(folded.bias.as_ref().map(|bias| bias.len()), Some(8));
/// # Ok::<(), gradus_layers::LayerError>(())
/// ```
///
/// # Errors
/// If the normalisation has another number of channels, or no running statistics, or the convolution ends in relu.
pub fn fold_batch_norm<T: Float>(
    convolution: &Conv2d<T>,
    norm: &BatchNorm2d<T>,
) -> Result<Conv2d<T>, LayerError> {
    let (name, channels) = ("fold_batch_norm", convolution.weight.dim(0));
    LayerError::check(!convolution.has_relu(), name, "relu", "in between", "none before the normalisation")?;
    let Some((scale, shift)) = norm.scale_and_shift() else {
        let range = "some, that evaluation would use";
        LayerError::check(false, name, "running statistics", "none", range)?;
        return Ok(convolution.clone());
    };
    LayerError::check(
        scale.len() == channels,
        name,
        "channels",
        scale.len(),
        format_args!("the filters' {channels}"),
    )?;
    Ok(convolution.rescaled(&scale, &shift))
}
