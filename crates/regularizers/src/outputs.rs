//! Penalties of what a model computes: activations that are large, predictions that are too sure, two passes that disagree.
//! Each is a number to add to a loss, with its gradient in closed form beside it.

use gradus_autodiff::Var;
use gradus_tensor::{Float, Tensor};

use crate::penalty::check_lambda;

/// (λ₁·Σ|h| + λ₂/2·Σ h²)/N of activations `[N, …]` (Keras: `activity_regularizer`); gradient (λ₁·sign(h) + λ₂·h)/N.
///
/// ```
/// use gradus_autodiff::Var;
/// use gradus_regularizers::Activity;
/// let h = Var::leaf([[3.0_f64, -1.0], [0.0, 2.0]]);
/// let activity = Activity::new(1.0, 2.0);
/// assert_eq!(activity.value(&h).item(), (6.0 + 14.0) / 2.0);
/// assert_eq!(activity.gradient(h.value()).to_vec(), [3.5, -1.5, 0.0, 2.5]);
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Activity {
    l1: f64,
    l2: f64,
}

impl Activity {
    /// With strengths λ₁ and λ₂.
    ///
    /// # Panics
    /// If one is not a number from 0 on.
    #[must_use]
    #[track_caller]
    pub fn new(l1: f64, l2: f64) -> Self {
        check_lambda("activity", "l1", l1);
        check_lambda("activity", "l2", l2);
        Self { l1, l2 }
    }

    /// The penalty, `[N, …] → []`.
    #[must_use]
    pub fn value<T: Float>(&self, activations: &Var<T>) -> Var<T> {
        let count = batch(activations.shape());
        (activations.abs().sum() * self.l1 + activations.square().sum() * (0.5 * self.l2)) / count
    }

    /// Its gradient, `[N, …] → [N, …]`.
    #[must_use]
    pub fn gradient<T: Float>(&self, activations: &Tensor<T>) -> Tensor<T> {
        let count = batch(activations.shape());
        let (l1, l2) = (T::of(self.l1 / count), T::of(self.l2 / count));
        activations.sign() * l1 + &(activations * l2)
    }
}

/// N, 1 of scalars.
fn batch(shape: &[usize]) -> f64 {
    shape.first().copied().unwrap_or(1) as f64
}

/// The confidence penalty (Pereyra et al. 2017): −β·H(softmax(x)), the mean over rows of logits `[…, C]`; gradient
/// β/rows·p·(ln p + H).
///
/// ```
/// use gradus_autodiff::Var;
/// use gradus_regularizers::Confidence;
/// let even = Confidence::new(0.5).value(&Var::leaf([[1.0_f64, 1.0]]));
/// assert!((even.item() + 0.5 * 2.0_f64.ln()).abs() < 1e-15);
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Confidence {
    beta: f64,
}

impl Confidence {
    /// With strength β.
    ///
    /// # Panics
    /// If β is not a number from 0 on.
    #[must_use]
    #[track_caller]
    pub fn new(beta: f64) -> Self {
        check_lambda("confidence", "beta", beta);
        Self { beta }
    }

    /// The penalty, `[…, C] → []`.
    ///
    /// # Panics
    /// If there is no axis.
    #[must_use]
    #[track_caller]
    pub fn value<T: Float>(&self, logits: &Var<T>) -> Var<T> {
        let log = logits.log_softmax(-1);
        let rows = rows(logits.shape());
        (log.exp() * log).sum() * (self.beta / rows)
    }

    /// Its gradient, `[…, C] → […, C]`.
    ///
    /// # Panics
    /// If there is no axis.
    #[must_use]
    #[track_caller]
    pub fn gradient<T: Float>(&self, logits: &Tensor<T>) -> Tensor<T> {
        let log = logits.log_softmax(-1);
        let p = log.map(|log| log.exp());
        let entropy = (&p * &log).sum_axes(&[-1], true); // −H
        p * &(log - &entropy) * T::of(self.beta / rows(logits.shape()))
    }
}

/// The number of rows `[…]` of `[…, C]`.
fn rows(shape: &[usize]) -> f64 {
    shape.split_last().map_or(1.0, |(_, rest)| rest.iter().product::<usize>() as f64)
}

/// R-Drop (Liang et al. 2021): λ/2·(KL(p‖q) + KL(q‖p)), the mean over rows of the logits `[…, C]` of two passes with different
/// dropout; gradient of the first λ/(2·rows)·(p·(d − Σp·d) + p − q) with d = ln p − ln q, of the second the same exchanged.
///
/// ```
/// use gradus_autodiff::Var;
/// use gradus_regularizers::RDrop;
/// let x = Var::leaf([[1.0_f64, 2.0]]);
/// assert_eq!(RDrop::new(1.0).value(&x, &x).item(), 0.0);
/// assert_eq!(RDrop::new(1.0).gradients(x.value(), x.value()).0.to_vec(), [0.0, 0.0]);
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RDrop {
    lambda: f64,
}

impl RDrop {
    /// With strength λ.
    ///
    /// # Panics
    /// If λ is not a number from 0 on.
    #[must_use]
    #[track_caller]
    pub fn new(lambda: f64) -> Self {
        check_lambda("r_drop", "lambda", lambda);
        Self { lambda }
    }

    /// The penalty, `[…, C], […, C] → []`.
    ///
    /// # Panics
    /// If the shapes differ, or there is no axis.
    #[must_use]
    #[track_caller]
    pub fn value<T: Float>(&self, first: &Var<T>, second: &Var<T>) -> Var<T> {
        same_shape(first.shape(), second.shape());
        let (p, q) = (first.log_softmax(-1), second.log_softmax(-1));
        // (p − q)·(ln p − ln q): both divergences at once.
        ((p.exp() - q.exp()) * (p - q)).sum() * (0.5 * self.lambda / rows(first.shape()))
    }

    /// Its gradients, `[…, C]` each.
    ///
    /// # Panics
    /// If the shapes differ, or there is no axis.
    #[must_use]
    #[track_caller]
    pub fn gradients<T: Float>(&self, first: &Tensor<T>, second: &Tensor<T>) -> (Tensor<T>, Tensor<T>) {
        same_shape(first.shape(), second.shape());
        let (log_p, log_q) = (first.log_softmax(-1), second.log_softmax(-1));
        let scale = T::of(0.5 * self.lambda / rows(first.shape()));
        let of = |log_p: &Tensor<T>, log_q: &Tensor<T>| {
            let (p, q) = (log_p.map(|log| log.exp()), log_q.map(|log| log.exp()));
            let gap = log_p - log_q;
            let mean = (&p * &gap).sum_axes(&[-1], true);
            ((gap - &mean) * &p + &p - &q) * scale
        };
        (of(&log_p, &log_q), of(&log_q, &log_p))
    }
}

#[track_caller]
fn same_shape(first: &gradus_tensor::Shape, second: &gradus_tensor::Shape) {
    assert!(first == second, "r_drop: shapes of the two passes differ: {first} and {second}");
}
