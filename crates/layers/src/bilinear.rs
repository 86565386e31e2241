//! The bilinear map.

use gradus_autodiff::Var;
use gradus_module::{Context, Module, Param};
use gradus_tensor::{Float, Rng};

use crate::error::LayerError;
use crate::init::fan_uniform;

/// y_o = x₁ᵀ·W_o·x₂ + b_o: `[…, I], […, J] → […, O]` (PyTorch: `Bilinear`).
///
/// `weight` `[O, I, J]` and `bias` `[O]` start evenly distributed in ±1/√I.
///
/// ```
/// use gradus_autodiff::Var;
/// use gradus_layers::Bilinear;
/// use gradus_module::Context;
/// use gradus_tensor::{Rng, Tensor};
/// let layer: Bilinear = Bilinear::new(3, 4, 2, &mut Rng::seed(0))?;
/// let [a, b] = [Tensor::ones([5, 3]), Tensor::ones([5, 4])].map(Var::constant);
/// assert_eq!(layer.forward(&a, &b, &mut Context::eval()).dims(), [5, 2]);
/// assert!(layer.without_bias().bias.is_none());
/// # Ok::<(), gradus_layers::LayerError>(())
/// ```
#[derive(Clone, Debug, Module)]
pub struct Bilinear<T: Float = f32> {
    /// `[O, I, J]`.
    pub weight: Param<T>,
    /// `[O]`.
    pub bias: Option<Param<T>>,
}

impl<T: Float> Bilinear<T> {
    /// From `first` and `second` to `outputs` features.
    ///
    /// # Errors
    /// If `first` is 0.
    pub fn new(first: usize, second: usize, outputs: usize, rng: &mut Rng) -> Result<Self, LayerError> {
        LayerError::check(first > 0, "Bilinear", "first", first, "at least 1")?;
        let weight = Param::new(fan_uniform([outputs, first, second], first, rng));
        Ok(Self { weight, bias: Some(Param::new(fan_uniform([outputs], first, rng))) })
    }

    /// The same without a bias (PyTorch: `bias=False`).
    #[must_use]
    pub fn without_bias(self) -> Self {
        Self { bias: None, ..self }
    }

    /// y of both inputs: `[…, I], […, J] → […, O]`.
    ///
    /// # Panics
    /// If a last axis does not fit the weight, or the leading axes differ.
    #[must_use]
    #[track_caller]
    pub fn forward(&self, first: &Var<T>, second: &Var<T>, cx: &mut Context<'_>) -> Var<T> {
        let [outputs, i, j] = self.weight.dims();
        let (a, b) = (first.shape(), second.shape());
        let lead = a.len().saturating_sub(1);
        let fits =
            a.len() == b.len() && !a.is_empty() && a[..lead] == b[..lead] && a[lead] == i && b[lead] == j;
        assert!(fits, "Bilinear: inputs do not fit the weight: {a}, {b} and {}", self.weight.shape());
        let rows = a[..lead].iter().product();
        // x₁ᵀ·W for all outputs in one product, then a row times x₂ for each output.
        let wide = self.weight.permute(&[1, 0, 2]).reshape([i, outputs * j]);
        let half = first.reshape([rows, i]).matmul(&wide).reshape([rows, outputs, j]);
        let y = half.matmul(&second.reshape([rows, j, 1])).reshape(a.with(lead, outputs));
        let y = match &self.bias {
            Some(bias) => y + &**bias,
            None => y,
        };
        cx.record("Bilinear", Some(&self.weight), &y, (rows * outputs * j * (i + 1)) as u64);
        y
    }
}
