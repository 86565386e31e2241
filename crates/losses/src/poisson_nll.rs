//! The likelihood of counts.

use gradus_autodiff::{Var, choose};
use gradus_tensor::{Element, Float, Tensor};

use crate::check::same_shape;
use crate::reduction::Reduction;

/// Negative log-likelihood of counts y under a Poisson distribution whose mean's logarithm is x, without the constant ln y!:
/// ℓ = e^x − y·x, `[…], […] → []` (PyTorch: `poisson_nll_loss`). For more see [`PoissonNll`].
///
/// ```
/// use gradus_autodiff::Var;
/// use gradus_losses::{Reduction, poisson_nll};
/// use gradus_tensor::Tensor;
/// let x = Var::leaf([3.0_f64.ln()]);
/// let loss = poisson_nll(&x, &Tensor::from([3.0]), Reduction::Sum);
/// assert!(loss.backward().of(&x).unwrap().item().abs() < 1e-12); // the mean is right
/// ```
///
/// # Panics
/// If the shapes differ.
#[must_use]
#[track_caller]
pub fn poisson_nll<T: Float>(prediction: &Var<T>, target: impl Into<Var<T>>, reduction: Reduction) -> Var<T> {
    PoissonNll::new().reduction(reduction).loss(prediction, target)
}

/// [`poisson_nll`] with options (PyTorch: `PoissonNLLLoss`).
///
/// ```
/// use gradus_autodiff::Var;
/// use gradus_losses::PoissonNll;
/// use gradus_tensor::Tensor;
/// let loss = PoissonNll::new().log_input(false).full(true).eps(1e-6).reduction(gradus_losses::Reduction::Sum);
/// assert!(loss.loss(&Var::leaf([2.0_f64]), &Tensor::from([2.0])).item() > 0.0);
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PoissonNll {
    log_input: bool,
    full: bool,
    eps: f64,
    reduction: Reduction,
}

impl Default for PoissonNll {
    fn default() -> Self {
        Self { log_input: true, full: false, eps: 1e-8, reduction: Reduction::Mean }
    }
}

impl PoissonNll {
    /// Of logarithms, without the constant, ε = 1e-8, reduced to the mean: PyTorch's defaults.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Whether the prediction is the mean's logarithm; else it is the mean, and ℓ = x − y·ln(x + ε).
    #[must_use]
    pub fn log_input(mut self, log_input: bool) -> Self {
        self.log_input = log_input;
        self
    }

    /// Whether to add Stirling's approximation of ln y!, y·ln y − y + ½·ln(2πy), where y > 1.
    #[must_use]
    pub fn full(mut self, full: bool) -> Self {
        self.full = full;
        self
    }

    /// ε: keeps the logarithm of a mean finite.
    ///
    /// # Panics
    /// If it is not a number from 0 on.
    #[must_use]
    #[track_caller]
    pub fn eps(mut self, eps: f64) -> Self {
        assert!(eps >= 0.0 && eps.is_finite(), "poisson_nll: eps is not a number from 0 on: {eps}");
        self.eps = eps;
        self
    }

    /// What is made of the single losses.
    #[must_use]
    pub fn reduction(mut self, reduction: Reduction) -> Self {
        self.reduction = reduction;
        self
    }

    /// The loss, `[…], […] → []`.
    ///
    /// # Panics
    /// If the shapes differ.
    #[must_use]
    #[track_caller]
    pub fn loss<T: Float>(&self, prediction: &Var<T>, target: impl Into<Var<T>>) -> Var<T> {
        let (x, y) = (prediction, target.into());
        same_shape("poisson_nll", x.shape(), y.shape());
        let mut losses = match self.log_input {
            true => x.exp() - &y * x,
            false => x - &y * (x + self.eps).ln(),
        };
        if self.full {
            let counts = y.value().map(|y| y > <T as Element>::ONE);
            let scalar = |value: f64| Var::constant(Tensor::scalar(T::of(value)));
            let safe = choose(&counts, &y, &scalar(1.0));
            let stirling = &safe * safe.ln() - &safe + (&safe * std::f64::consts::TAU).ln() * 0.5;
            losses = losses + choose(&counts, &stirling, &scalar(0.0));
        }
        self.reduction.apply(losses)
    }
}
