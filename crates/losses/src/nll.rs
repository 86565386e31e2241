//! Negative log-likelihood of classes, from log-probabilities.

use gradus_autodiff::Var;
use gradus_tensor::{Float, Tensor};

use crate::reduction::Reduction;
use crate::targets::ClassOptions;

const OP: &str = "nll";

/// Negative log-likelihood ℓ = −`x[target]` of log-probabilities `[N, C]` or `[N, C, d…]` and classes `[N]` or
/// `[N, d…]` (PyTorch: `nll_loss`). For weights and ignored targets see [`Nll`].
///
/// ```
/// use gradus_autodiff::Var;
/// use gradus_losses::{Reduction, nll};
/// use gradus_tensor::Tensor;
/// let log_probabilities = Var::leaf([[-0.5_f32, -1.0], [-2.0, -0.25]]);
/// assert_eq!(nll(&log_probabilities, &Tensor::from([0_i64, 1]), Reduction::Sum).item(), 0.75);
/// ```
///
/// # Panics
/// As [`Nll::loss`].
#[must_use]
#[track_caller]
pub fn nll<T: Float>(log_probabilities: &Var<T>, targets: &Tensor<i64>, reduction: Reduction) -> Var<T> {
    Nll::new().reduction(reduction).loss(log_probabilities, targets)
}

/// Negative log-likelihood with options (PyTorch: `NLLLoss`).
///
/// ```
/// use gradus_autodiff::Var;
/// use gradus_losses::{Nll, Reduction};
/// use gradus_tensor::Tensor;
/// let loss = Nll::new().class_weights([1.0_f32, 4.0]).ignore_index(0).reduction(Reduction::Sum);
/// let log_probabilities = Var::leaf([[-0.5_f32, -1.0], [-2.0, -0.25]]);
/// assert_eq!(loss.loss(&log_probabilities, &Tensor::from([0_i64, 1])).item(), 1.0);
/// ```
#[derive(Clone, Debug, Default)]
pub struct Nll<T: Float = f32> {
    options: ClassOptions<T>,
}

impl<T: Float> Nll<T> {
    /// Unweighted, ignoring targets of −100, reduced to the mean: PyTorch's defaults.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// A weight per class, `[C]`. The mean divides by the sum of the targets' weights.
    #[must_use]
    pub fn class_weights(mut self, weights: impl Into<Tensor<T>>) -> Self {
        self.options.weights = Some(weights.into());
        self
    }

    /// The target that does not count; −100 unless set.
    #[must_use]
    pub fn ignore_index(mut self, target: i64) -> Self {
        self.options.ignore_index = target;
        self
    }

    /// What is made of the single losses.
    #[must_use]
    pub fn reduction(mut self, reduction: Reduction) -> Self {
        self.options.reduction = reduction;
        self
    }

    /// The loss of log-probabilities `[N, C, d…]` and targets `[N, d…]`: `[]`, or `[N, d…]` for
    /// [`Reduction::None`]. The mean of nothing is NaN, as in PyTorch.
    ///
    /// # Panics
    /// If the shapes do not fit, or a target is neither a class nor the ignored index.
    #[must_use]
    #[track_caller]
    pub fn loss(&self, log_probabilities: &Var<T>, targets: &Tensor<i64>) -> Var<T> {
        let weights = self.options.class_weights(OP, log_probabilities.shape());
        let rows = self.options.rows(OP, log_probabilities, targets);
        let index: Vec<i64> = rows.classes.iter().map(|&class| class as i64).collect();
        let picked = rows.scores.gather(1, &Tensor::new([index.len(), 1], &index));
        let mut losses = -picked.reshape([index.len()]);
        if let Some(weights) = &weights {
            losses = losses * Var::constant(rows.weights(weights));
        }
        rows.reduce(losses, weights.as_deref(), self.options.reduction)
    }
}
