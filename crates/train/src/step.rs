//! What the user's closure answers for one batch: a loss, and whatever else it measured on the way.

use gradus_autodiff::Var;
use gradus_tensor::{Float, Tensor};

use crate::metrics::{Accuracy, Metrics};

/// A batch's loss and measurements. A plain [`Var`] is one too, without measurements.
///
/// ```
/// use gradus_autodiff::Var;
/// use gradus_tensor::Tensor;
/// use gradus_train::Step;
/// let logits = Var::leaf([[2.0_f32, -1.0], [0.5, 0.0]]);
/// let targets = Tensor::from([0_i64, 1]);
/// let loss = logits.square().mean();
/// let step = Step::new(loss).accuracy(&logits, &targets).metric("margin", 1.5);
/// assert_eq!(step.metrics().get("accuracy"), Some(0.5));
/// ```
#[derive(Clone, Debug)]
pub struct Step<T: Float = f32> {
    loss: Var<T>,
    metrics: Metrics,
}

impl<T: Float> Step<T> {
    /// A step with this loss, a single element.
    #[must_use]
    pub fn new(loss: Var<T>) -> Self {
        Self { loss, metrics: Metrics::new() }
    }

    /// Adds a mean over the batch, averaged over batches by their sizes.
    #[must_use]
    pub fn metric(mut self, name: impl Into<String>, value: f64) -> Self {
        self.metrics.set(name, value);
        self
    }

    /// Adds `accuracy`: logits `[…, C]` against class numbers `[…]`.
    ///
    /// # Panics
    /// If the shapes do not fit.
    #[must_use]
    #[track_caller]
    pub fn accuracy(self, logits: &Var<T>, targets: &Tensor<i64>) -> Self {
        let mut accuracy = Accuracy::default();
        accuracy.update(logits.value(), targets);
        self.metric("accuracy", accuracy.value().unwrap_or(f64::NAN))
    }

    /// The loss.
    #[must_use]
    pub fn loss(&self) -> &Var<T> {
        &self.loss
    }

    /// The measurements.
    #[must_use]
    pub fn metrics(&self) -> &Metrics {
        &self.metrics
    }

    pub(crate) fn into_parts(self) -> (Var<T>, Metrics) {
        (self.loss, self.metrics)
    }
}

/// What a training or validation closure may answer: a loss, or a [`Step`].
///
/// ```
/// use gradus_autodiff::Var;
/// use gradus_train::{IntoStep, Step};
/// let step: Step = Var::leaf([0.5_f32, 0.25]).sum().into_step();
/// assert_eq!((step.loss().item(), step.metrics().is_empty()), (0.75, true));
/// ```
pub trait IntoStep {
    /// The element type.
    type Element: Float;

    /// As a step.
    fn into_step(self) -> Step<Self::Element>;
}

impl<T: Float> IntoStep for Var<T> {
    type Element = T;
    fn into_step(self) -> Step<T> {
        Step::new(self)
    }
}

impl<T: Float> IntoStep for Step<T> {
    type Element = T;
    fn into_step(self) -> Step<T> {
        self
    }
}
