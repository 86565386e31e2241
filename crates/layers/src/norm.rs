//! Normalisation of each sample on its own: the same in training and evaluation, whatever the batch.

use gradus_autodiff::Var;
use gradus_module::{Context, Layer, Module, Param};
use gradus_tensor::{Float, Shape, Tensor};

use crate::error::LayerError;
use crate::normalise::Normalise;

pub(crate) fn check_eps(layer: &'static str, eps: f64) -> Result<f64, LayerError> {
    LayerError::check(eps.is_finite() && eps >= 0.0, layer, "eps", eps, "finite and ≥ 0")?;
    Ok(eps)
}

/// The last axes, as many as `weight` has, counted from the end.
#[track_caller]
fn last_axes(layer: &str, x: &Shape, normalized: &Shape) -> Vec<isize> {
    let fits = x.len() >= normalized.len() && x[x.len() - normalized.len()..] == normalized[..];
    assert!(fits, "{layer}: the last axes differ from those normalised: {x} and {normalized}");
    (1..=normalized.len() as isize).map(|axis| -axis).collect()
}

/// y = (x − mean)/√(variance + ε)·w + b, with mean and (biased) variance over the last axes of each sample:
/// `[…, D] → […, D]` (Ba et al. 2016; PyTorch: `LayerNorm`). ε is 1e-5.
///
/// ```
/// use gradus_autodiff::Var;
/// use gradus_layers::LayerNorm;
/// use gradus_module::{Context, Layer};
/// use gradus_tensor::Tensor;
/// let layer: LayerNorm = LayerNorm::new([2]);
/// let y = layer.forward(&Var::constant(Tensor::from([[1.0, 3.0]])), &mut Context::eval());
/// assert!((y.value().at(&[0, 0]) + 1.0).abs() < 1e-4);
/// ```
#[derive(Clone, Debug, Module)]
pub struct LayerNorm<T: Float = f32> {
    /// The shape of the last axes; starts at 1.
    pub weight: Option<Param<T>>,
    /// The shape of the last axes; starts at 0.
    pub bias: Option<Param<T>>,
    #[module(skip)]
    normalized: Shape,
    #[module(skip)]
    eps: f64,
}

impl<T: Float> LayerNorm<T> {
    /// Over the last axes, which have the lengths `normalized` (PyTorch: `normalized_shape`).
    #[must_use]
    pub fn new(normalized: impl Into<Shape>) -> Self {
        let normalized = normalized.into();
        let weight = Some(Param::new(Tensor::ones(normalized)));
        Self { weight, bias: Some(Param::new(Tensor::zeros(normalized))), normalized, eps: 1e-5 }
    }

    /// The same without a bias (PyTorch: `bias=False`).
    #[must_use]
    pub fn without_bias(self) -> Self {
        Self { bias: None, ..self }
    }

    /// The same without weight and bias (PyTorch: `elementwise_affine=False`).
    #[must_use]
    pub fn without_affine(self) -> Self {
        Self { weight: None, bias: None, ..self }
    }

    /// The same with another ε.
    ///
    /// ```
    /// use gradus_layers::LayerNorm;
    /// use gradus_module::Module;
    /// let layer: LayerNorm = LayerNorm::new([8]).eps(1e-6)?;
    /// assert_eq!(layer.clone().without_bias().parameter_count(), 8);
    /// assert_eq!(layer.without_affine().parameter_count(), 0);
    /// # Ok::<(), gradus_layers::LayerError>(())
    /// ```
    ///
    /// # Errors
    /// If it is negative or not finite.
    pub fn eps(self, eps: f64) -> Result<Self, LayerError> {
        Ok(Self { eps: check_eps("LayerNorm", eps)?, ..self })
    }
}

impl<T: Float> Layer<T> for LayerNorm<T> {
    fn forward(&self, x: &Var<T>, cx: &mut Context<'_>) -> Var<T> {
        let axes = last_axes("LayerNorm", x.shape(), &self.normalized);
        let y = Normalise::standard(axes, self.eps).run(x, self.weight.as_deref(), self.bias.as_deref());
        cx.record("LayerNorm", self.weight.as_deref(), &y, x.len() as u64);
        y
    }
}

/// y = x/√(mean x² + ε)·w over the last axes of each sample: `[…, D] → […, D]` (Zhang & Sennrich 2019; PyTorch:
/// `RMSNorm`). ε is the machine epsilon of the element type; published models say which they want.
///
/// ```
/// use gradus_autodiff::Var;
/// use gradus_layers::RmsNorm;
/// use gradus_module::{Context, Layer};
/// let layer = RmsNorm::<f64>::new([2]).eps(0.0)?;
/// let y = layer.forward(&Var::constant([[1.0, 7.0]]), &mut Context::eval()); // √((1 + 49)/2) = 5
/// assert!((y.value().at(&[0, 1]) - 1.4).abs() < 1e-12);
/// # Ok::<(), gradus_layers::LayerError>(())
/// ```
#[derive(Clone, Debug, Module)]
pub struct RmsNorm<T: Float = f32> {
    /// The shape of the last axes; starts at 1.
    pub weight: Option<Param<T>>,
    #[module(skip)]
    normalized: Shape,
    #[module(skip)]
    eps: f64,
}

impl<T: Float> RmsNorm<T> {
    /// Over the last axes, which have the lengths `normalized` (PyTorch: `normalized_shape`).
    #[must_use]
    pub fn new(normalized: impl Into<Shape>) -> Self {
        let normalized = normalized.into();
        Self { weight: Some(Param::new(Tensor::ones(normalized))), normalized, eps: T::EPS }
    }

    /// The same without a weight (PyTorch: `elementwise_affine=False`).
    #[must_use]
    pub fn without_affine(self) -> Self {
        Self { weight: None, ..self }
    }

    /// The same with another ε.
    ///
    /// # Errors
    /// If it is negative or not finite.
    pub fn eps(self, eps: f64) -> Result<Self, LayerError> {
        Ok(Self { eps: check_eps("RmsNorm", eps)?, ..self })
    }
}

impl<T: Float> Layer<T> for RmsNorm<T> {
    fn forward(&self, x: &Var<T>, cx: &mut Context<'_>) -> Var<T> {
        let axes = last_axes("RmsNorm", x.shape(), &self.normalized);
        let y = Normalise::root_mean_square(axes, self.eps).run(x, self.weight.as_deref(), None);
        cx.record("RmsNorm", self.weight.as_deref(), &y, x.len() as u64);
        y
    }
}

/// [`LayerNorm`] over groups of channels, each with all its positions: `[N, C, …] → [N, C, …]`, with a weight and a bias
/// for each channel (Wu & He 2018; PyTorch: `GroupNorm`). ε is 1e-5. With as many groups as channels it is instance
/// normalisation.
///
/// ```
/// use gradus_autodiff::Var;
/// use gradus_layers::GroupNorm;
/// use gradus_module::{Context, Layer};
/// let layer = GroupNorm::<f64>::new(2, 4)?.eps(0.0)?.without_affine();
/// let x = Var::constant([[1.0, 3.0, 10.0, 30.0]]); // one position, channels 1 3 and 10 30
/// assert_eq!(layer.forward(&x, &mut Context::eval()).value().to_vec(), [-1.0, 1.0, -1.0, 1.0]);
/// # Ok::<(), gradus_layers::LayerError>(())
/// ```
#[derive(Clone, Debug, Module)]
pub struct GroupNorm<T: Float = f32> {
    /// `[C]`; starts at 1.
    pub weight: Option<Param<T>>,
    /// `[C]`; starts at 0.
    pub bias: Option<Param<T>>,
    #[module(skip)]
    groups: usize,
    #[module(skip)]
    channels: usize,
    #[module(skip)]
    eps: f64,
}

impl<T: Float> GroupNorm<T> {
    /// Over `groups` groups of the `channels` channels.
    ///
    /// # Errors
    /// If the groups do not divide the channels.
    pub fn new(groups: usize, channels: usize) -> Result<Self, LayerError> {
        let even = groups > 0 && channels.is_multiple_of(groups);
        let range = format_args!("a divisor of the {channels} channels");
        LayerError::check(even, "GroupNorm", "groups", groups, range)?;
        let weight = Some(Param::new(Tensor::ones([channels])));
        Ok(Self { weight, bias: Some(Param::new(Tensor::zeros([channels]))), groups, channels, eps: 1e-5 })
    }

    /// The same without weight and bias (PyTorch: `affine=False`).
    #[must_use]
    pub fn without_affine(self) -> Self {
        Self { weight: None, bias: None, ..self }
    }

    /// The same with another ε.
    ///
    /// # Errors
    /// If it is negative or not finite.
    pub fn eps(self, eps: f64) -> Result<Self, LayerError> {
        Ok(Self { eps: check_eps("GroupNorm", eps)?, ..self })
    }
}

impl<T: Float> Layer<T> for GroupNorm<T> {
    fn forward(&self, x: &Var<T>, cx: &mut Context<'_>) -> Var<T> {
        let (shape, c, g) = (*x.shape(), self.channels, self.groups);
        let fits = shape.len() >= 2 && shape[1] == c;
        assert!(fits, "GroupNorm: channels differ: {shape} and {c} channels ({:?} ≠ {c})", shape.get(1));
        let positions: usize = shape[2..].iter().product();
        let grouped = x.reshape([shape[0], g, c / g, positions]);
        let per_channel = |p: &Option<Param<T>>| p.as_ref().map(|p| p.reshape([g, c / g, 1]));
        let (weight, bias) = (per_channel(&self.weight), per_channel(&self.bias));
        let y = Normalise::standard(vec![2, 3], self.eps).run(&grouped, weight.as_ref(), bias.as_ref());
        let y = y.reshape(shape);
        cx.record("GroupNorm", self.weight.as_deref(), &y, x.len() as u64);
        y
    }
}
