//! Local response normalisation: a channel is damped by the power of its neighbours at the same place.

use gradus_autodiff::Var;
use gradus_module::{Context, Layer, Module};
use gradus_tensor::{Float, PadMode, PoolSpec};

use crate::error::LayerError;

/// y_c = x_c / (k + α/n·Σ x_j²)^β over the n channels around c that there are: `[N, C, …] → [N, C, …]` (PyTorch:
/// `LocalResponseNorm`; A. Krizhevsky et al., "ImageNet classification with deep convolutional neural networks", 2012). Of
/// an even number of neighbours one more lies before c than behind it. α = 1e-4, β = 0.75 and k = 1 unless said otherwise.
///
/// ```
/// use gradus_autodiff::Var;
/// use gradus_layers::LocalResponseNorm;
/// use gradus_module::{Context, Layer};
/// let layer = LocalResponseNorm::new(1)?.alpha(3.0).beta(1.0);
/// let y = layer.forward(&Var::constant([[1.0_f64, 2.0]]).unsqueeze(-1), &mut Context::eval());
/// assert_eq!(y.value().to_vec(), [1.0 / 4.0, 2.0 / 13.0]);
/// # Ok::<(), gradus_layers::LayerError>(())
/// ```
#[derive(Clone, Copy, Debug, Module)]
pub struct LocalResponseNorm {
    #[module(skip)]
    size: usize,
    #[module(skip)]
    alpha: f64,
    #[module(skip)]
    beta: f64,
    #[module(skip)]
    k: f64,
}

impl LocalResponseNorm {
    /// Over `size` neighbouring channels.
    ///
    /// # Errors
    /// If there are none.
    pub fn new(size: usize) -> Result<Self, LayerError> {
        LayerError::check(size > 0, "LocalResponseNorm", "size", size, "at least 1")?;
        Ok(Self { size, alpha: 1e-4, beta: 0.75, k: 1.0 })
    }

    /// The same with another factor of the mean of squares.
    #[must_use]
    pub fn alpha(self, alpha: f64) -> Self {
        Self { alpha, ..self }
    }

    /// The same with another exponent.
    #[must_use]
    pub fn beta(self, beta: f64) -> Self {
        Self { beta, ..self }
    }

    /// The same with another constant.
    ///
    /// ```
    /// use gradus_autodiff::Var;
    /// use gradus_layers::LocalResponseNorm;
    /// use gradus_module::{Context, Layer};
    /// let layer = LocalResponseNorm::new(1)?.alpha(1.0).beta(1.0).k(3.0);
    /// let y = layer.forward(&Var::constant([[1.0_f64]]).unsqueeze(-1), &mut Context::eval());
    /// assert_eq!(y.item(), 0.25); // 1/(3 + 1²)
    /// # Ok::<(), gradus_layers::LayerError>(())
    /// ```
    #[must_use]
    pub fn k(self, k: f64) -> Self {
        Self { k, ..self }
    }
}

impl<T: Float> Layer<T> for LocalResponseNorm {
    fn forward(&self, x: &Var<T>, cx: &mut Context<'_>) -> Var<T> {
        let shape = *x.shape();
        let fits = shape.len() >= 3;
        assert!(fits, "LocalResponseNorm: input is not [N, C, …]: {shape} ({} axes)", shape.len());
        let places = shape[2..].iter().product::<usize>();
        // Channels as the rows of planes, so that their means are those of pooling.
        let squares = x.square().reshape([shape[0], 1, shape[1], places]);
        let widths = [(0, 0), (0, 0), (self.size / 2, (self.size - 1) / 2), (0, 0)];
        let windows = PoolSpec { stride: [1, 1], ..PoolSpec::new([self.size, 1]) };
        let mean = squares.pad_with(&widths, PadMode::Zeros).avg_pool2d(windows).reshape(shape);
        let y = x / (mean * self.alpha + self.k).powf(self.beta);
        cx.record::<T>("LocalResponseNorm", None, &y, 0);
        y
    }
}
