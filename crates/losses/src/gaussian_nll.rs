//! The likelihood of a normal distribution whose variance is predicted, too.

use gradus_autodiff::{Var, choose};
use gradus_tensor::{Element, Float, Tensor};

use crate::check::{positive, same_shape, values};
use crate::reduction::Reduction;

const OP: &str = "gaussian_nll";

/// ℓ = ½·(ln σ² + (x − y)²/σ²) of means x, targets y and variances σ², `[…], […], […] → []` (PyTorch:
/// `gaussian_nll_loss`, Nix & Weigend 1994). For more see [`GaussianNll`].
///
/// ```
/// use gradus_autodiff::Var;
/// use gradus_losses::{Reduction, gaussian_nll};
/// use gradus_tensor::Tensor;
/// let variance = Var::leaf([4.0_f64]);
/// let loss = gaussian_nll(&Var::leaf([1.0]), &Tensor::from([3.0]), &variance, Reduction::Sum);
/// assert!((loss.item() - 0.5 * (4.0_f64.ln() + 1.0)).abs() < 1e-12);
/// ```
///
/// # Panics
/// As [`GaussianNll::loss`].
#[must_use]
#[track_caller]
pub fn gaussian_nll<T: Float>(
    prediction: &Var<T>,
    target: impl Into<Var<T>>,
    variance: &Var<T>,
    reduction: Reduction,
) -> Var<T> {
    GaussianNll::new().reduction(reduction).loss(prediction, target, variance)
}

/// [`gaussian_nll`] with options (PyTorch: `GaussianNLLLoss`).
///
/// ```
/// use gradus_autodiff::Var;
/// use gradus_losses::{GaussianNll, Reduction};
/// use gradus_tensor::Tensor;
/// let full = GaussianNll::new().full(true).eps(1e-4).reduction(Reduction::Sum);
/// let loss = full.loss(&Var::leaf([1.0_f64]), &Tensor::from([1.0]), &Var::leaf([1.0]));
/// assert!((loss.item() - 0.5 * std::f64::consts::TAU.ln()).abs() < 1e-12);
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct GaussianNll {
    full: bool,
    eps: f64,
    reduction: Reduction,
}

impl Default for GaussianNll {
    fn default() -> Self {
        Self { full: false, eps: 1e-6, reduction: Reduction::Mean }
    }
}

impl GaussianNll {
    /// Without the constant ½·ln 2π, ε = 1e-6, reduced to the mean: PyTorch's defaults.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Whether to add ½·ln 2π.
    #[must_use]
    pub fn full(mut self, full: bool) -> Self {
        self.full = full;
        self
    }

    /// ε: the least variance. A smaller one counts as ε; its gradient is that at ε.
    ///
    /// # Panics
    /// If it is not above 0.
    #[must_use]
    #[track_caller]
    pub fn eps(mut self, eps: f64) -> Self {
        positive(OP, "eps", eps);
        self.eps = eps;
        self
    }

    /// What is made of the single losses.
    #[must_use]
    pub fn reduction(mut self, reduction: Reduction) -> Self {
        self.reduction = reduction;
        self
    }

    /// The loss, `[…], […] → []`. The variances are of the prediction's shape, or one for all of the last axis: `[…, 1]`, or
    /// without that axis.
    ///
    /// # Panics
    /// If the shapes do not fit, or a variance is negative.
    #[must_use]
    #[track_caller]
    pub fn loss<T: Float>(
        &self,
        prediction: &Var<T>,
        target: impl Into<Var<T>>,
        variance: &Var<T>,
    ) -> Var<T> {
        let target = target.into();
        let shape = *prediction.shape();
        same_shape(OP, &shape, target.shape());
        let mut variance = variance.clone();
        let rank = shape.len();
        if rank > 0 && *variance.shape() == shape.remove(rank - 1) && *variance.shape() != shape {
            variance = variance.unsqueeze(-1);
        }
        let fits = *variance.shape() == shape || (rank > 0 && *variance.shape() == shape.with(rank - 1, 1));
        assert!(
            fits,
            "{OP}: variances do not fit the prediction: {shape} and {} (the same, or one per row)",
            variance.shape()
        );
        values(OP, "variance is negative", variance.value(), |v: T| v.is_nan() || v >= <T as Element>::ZERO);
        // The value is bounded, the gradient passes, as PyTorch has it.
        let low = variance.value().map(|v| v < T::of(self.eps));
        let bound = &variance - variance.detach() + Var::constant(Tensor::scalar(T::of(self.eps)));
        let variance = choose(&low, &bound, &variance);
        let mut losses = (variance.ln() + (prediction - target).square() / variance) * 0.5;
        if self.full {
            losses = losses + 0.5 * std::f64::consts::TAU.ln();
        }
        self.reduction.apply(losses)
    }
}
