//! Binary cross-entropy from logits.

use gradus_autodiff::Var;
use gradus_tensor::{Float, Tensor};

use crate::check::{same_shape, stretches};
use crate::reduction::Reduction;

/// Binary cross-entropy ℓ = −y·ln σ(x) − (1 − y)·ln(1 − σ(x)) of logits x and targets y in 0 ..= 1,
/// `[…], […] → []` (PyTorch: `binary_cross_entropy_with_logits`). For weights see [`BceWithLogits`].
///
/// ```
/// use gradus_autodiff::Var;
/// use gradus_losses::{Reduction, bce_with_logits};
/// use gradus_tensor::Tensor;
/// let logits = Var::leaf([0.0_f32, 500.0, -500.0]);
/// let losses = bce_with_logits(&logits, &Tensor::from([1.0, 1.0, 1.0]), Reduction::None);
/// assert_eq!(losses.value().to_vec(), [2.0_f32.ln(), 0.0, 500.0]);
/// ```
///
/// # Panics
/// If the shapes differ.
#[must_use]
#[track_caller]
pub fn bce_with_logits<T: Float>(logits: &Var<T>, target: impl Into<Var<T>>, reduction: Reduction) -> Var<T> {
    BceWithLogits::new().reduction(reduction).loss(logits, target)
}

/// Binary cross-entropy from logits, with weights: ℓ = −w·(p·y·ln σ(x) + (1 − y)·ln(1 − σ(x)))
/// (PyTorch: `BCEWithLogitsLoss`).
///
/// ```
/// use gradus_autodiff::Var;
/// use gradus_losses::BceWithLogits;
/// use gradus_tensor::Tensor;
/// // Of three labels the second is rare: its positives count five times.
/// let loss = BceWithLogits::new().pos_weight(Tensor::from([1.0, 5.0, 1.0]));
/// let value = loss.loss(&Var::leaf([[0.0_f32, 0.0, 0.0]]), &Tensor::from([[0.0, 1.0, 0.0]]));
/// assert!((value.item() - 7.0 * 2.0_f64.ln() / 3.0).abs() < 1e-6);
/// ```
#[derive(Clone, Debug)]
pub struct BceWithLogits<T: Float = f32> {
    weight: Option<Tensor<T>>,
    pos_weight: Option<Tensor<T>>,
    reduction: Reduction,
}

impl<T: Float> Default for BceWithLogits<T> {
    fn default() -> Self {
        Self { weight: None, pos_weight: None, reduction: Reduction::Mean }
    }
}

impl<T: Float> BceWithLogits<T> {
    /// Without weights, reduced to the mean.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The factor w of each element's loss; it broadcasts to the logits' shape. The mean still divides by N.
    ///
    /// ```
    /// use gradus_autodiff::Var;
    /// use gradus_losses::{BceWithLogits, Reduction};
    /// use gradus_tensor::Tensor;
    /// let loss = BceWithLogits::new().weight([1.0_f64, 0.0]).reduction(Reduction::Sum);
    /// let value = loss.loss(&Var::leaf([0.0, 0.0]), &Tensor::from([1.0, 1.0])).item();
    /// assert!((value - 2.0_f64.ln()).abs() < 1e-15);
    /// ```
    #[must_use]
    pub fn weight(mut self, weight: impl Into<Tensor<T>>) -> Self {
        self.weight = Some(weight.into());
        self
    }

    /// The factor p of the positive part, usually one per label `[C]`; it broadcasts to the logits' shape.
    #[must_use]
    pub fn pos_weight(mut self, pos_weight: impl Into<Tensor<T>>) -> Self {
        self.pos_weight = Some(pos_weight.into());
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
    /// If the shapes of logits and target differ, or a weight does not broadcast to them.
    #[must_use]
    #[track_caller]
    pub fn loss(&self, logits: &Var<T>, target: impl Into<Var<T>>) -> Var<T> {
        const OP: &str = "bce_with_logits";
        let target = target.into();
        same_shape(OP, logits.shape(), target.shape());
        // −ln σ(x) = softplus(−x) and −ln(1 − σ(x)) = softplus(x). For targets 0 and 1 one of the parts vanishes and
        // nothing cancels: max(x, 0) − x·y + ln(1 + e^(−|x|)), to the last digit also where the loss is tiny.
        let mut positive = &target * (-logits).softplus();
        if let Some(weight) = &self.pos_weight {
            stretches(OP, "pos_weight", weight.shape(), logits.shape());
            positive = positive * Var::from(weight);
        }
        let mut losses = positive + (1.0 - &target) * logits.softplus();
        if let Some(weight) = &self.weight {
            stretches(OP, "weight", weight.shape(), logits.shape());
            losses = losses * Var::from(weight);
        }
        self.reduction.apply(losses)
    }
}
