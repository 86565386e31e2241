//! The affine map.

use gradus_autodiff::{Var, is_recording};
use gradus_module::{Context, Layer, Module, Param};
use gradus_tensor::{Float, Precision, Rng};

use crate::init::fan_uniform;

/// y = x·Wᵀ + b: `[…, I] → […, O]` (PyTorch: `Linear`).
///
/// `weight` `[O, I]` and `bias` `[O]` start evenly distributed in ±1/√I.
///
/// ```
/// use gradus_autodiff::Var;
/// use gradus_layers::Linear;
/// use gradus_module::{Context, Layer};
/// use gradus_tensor::{Rng, Tensor};
/// let layer: Linear = Linear::new(3, 2, &mut Rng::seed(0));
/// let y = layer.forward(&Var::constant(Tensor::ones([5, 3])), &mut Context::eval());
/// assert_eq!(y.dims(), [5, 2]);
/// ```
#[derive(Clone, Debug, Module)]
pub struct Linear<T: Float = f32> {
    /// `[O, I]`.
    pub weight: Param<T>,
    /// `[O]`.
    pub bias: Option<Param<T>>,
}

impl<T: Float> Linear<T> {
    /// A layer from `inputs` to `outputs` features.
    #[must_use]
    pub fn new(inputs: usize, outputs: usize, rng: &mut Rng) -> Self {
        let weight = Param::new(fan_uniform([outputs, inputs], inputs, rng));
        let bias = Param::new(fan_uniform([outputs], inputs, rng));
        Self { weight, bias: Some(bias) }
    }

    /// The same without a bias (PyTorch: `bias=False`).
    ///
    /// ```
    /// use gradus_layers::Linear;
    /// use gradus_module::Module;
    /// use gradus_tensor::Rng;
    /// let layer: Linear = Linear::new(3, 2, &mut Rng::seed(0)).without_bias();
    /// assert_eq!((layer.parameter_count(), layer.bias.is_none()), (6, true));
    /// ```
    #[must_use]
    pub fn without_bias(self) -> Self {
        Self { bias: None, ..self }
    }
}

/// Rows from which on a packed weight pays.
const PACKED_ROWS: usize = 16;

/// x·Wᵀ + b, with a packed weight where `cx` allows it and nobody will ask for gradients.
#[track_caller]
pub(crate) fn affine<T: Float>(
    x: &Var<T>,
    weight: &Param<T>,
    bias: Option<&Param<T>>,
    cx: &Context<'_>,
) -> Var<T> {
    let rows = x.len() / x.shape().last().copied().unwrap_or(1).max(1);
    if cx.packs()
        && cx.precision() == Precision::Full
        && !is_recording()
        && rows >= PACKED_ROWS
        && weight.packed().fits_here()
    {
        return Var::constant(x.value().matmul_packed(weight.packed(), bias.map(Param::value)));
    }
    x.linear_in(weight, bias.map(|bias| &**bias), cx.precision())
}

impl<T: Float> Layer<T> for Linear<T> {
    fn forward(&self, x: &Var<T>, cx: &mut Context<'_>) -> Var<T> {
        let (given, weight) = (x.shape(), self.weight.shape());
        let [outputs, inputs] = self.weight.dims();
        let last = given.last().copied();
        assert!(
            last == Some(inputs),
            "Linear: input does not fit the weight: {given} · {weight}ᵀ ({} ≠ {inputs})",
            last.map_or("no axis".to_owned(), |n| n.to_string())
        );
        let y = affine(x, &self.weight, self.bias.as_ref(), cx);
        cx.record("Linear", Some(&self.weight), &y, (x.len() * outputs) as u64);
        y
    }
}
