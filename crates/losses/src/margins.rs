//! Margin losses of classes and labels: hinge squared, several classes, several labels, and their soft forms.

use gradus_autodiff::{Batch, Cotangents, Flow, Op, Save, Saved, Var, apply};
use gradus_tensor::{Element, Float, Tensor};

use crate::check::{place, same_shape, stretches, values};
use crate::reduction::Reduction;
use crate::targets::ClassOptions;

/// ℓ = max(0, 1 − y·x)² of scores x and targets y = ±1, `[…], […] → []` (Keras: `SquaredHinge`).
///
/// ```
/// use gradus_autodiff::Var;
/// use gradus_losses::{Reduction, squared_hinge};
/// use gradus_tensor::Tensor;
/// let losses = squared_hinge(&Var::leaf([0.5_f32, 3.0, 0.5]), &Tensor::from([1.0, 1.0, -1.0]), Reduction::None);
/// assert_eq!(losses.value().to_vec(), [0.25, 0.0, 2.25]);
/// ```
///
/// # Panics
/// If the shapes differ, or a target is neither −1 nor 1.
#[must_use]
#[track_caller]
pub fn squared_hinge<T: Float>(scores: &Var<T>, target: impl Into<Var<T>>, reduction: Reduction) -> Var<T> {
    let target = target.into();
    same_shape("squared_hinge", scores.shape(), target.shape());
    signs("squared_hinge", target.value());
    reduction.apply((1.0 - target * scores).relu().square())
}

/// Panics unless all targets are −1 or 1.
#[track_caller]
pub(crate) fn signs<T: Float>(op: &str, target: &Tensor<T>) {
    values(op, "target is neither −1 nor 1", target, |y: T| y.abs() == <T as Element>::ONE);
}

/// ℓ = ln(1 + e^(−y·x)) of scores x and targets y = ±1, `[…], […] → []` (PyTorch: `soft_margin_loss`).
///
/// ```
/// use gradus_autodiff::Var;
/// use gradus_losses::{Reduction, soft_margin};
/// use gradus_tensor::Tensor;
/// let losses = soft_margin(&Var::leaf([500.0_f32, 500.0]), &Tensor::from([1.0, -1.0]), Reduction::None);
/// assert_eq!(losses.value().to_vec(), [0.0, 500.0]);
/// ```
///
/// # Panics
/// If the shapes differ, or a target is neither −1 nor 1.
#[must_use]
#[track_caller]
pub fn soft_margin<T: Float>(scores: &Var<T>, target: impl Into<Var<T>>, reduction: Reduction) -> Var<T> {
    let target = target.into();
    same_shape("soft_margin", scores.shape(), target.shape());
    signs("soft_margin", target.value());
    reduction.apply((-(target * scores)).softplus())
}

/// The binary cross-entropy of C labels, meaned: ℓ = −1/C Σ_c w_c·(y_c·ln σ(x_c) + (1 − y_c)·ln σ(−x_c)),
/// `[N, C], [N, C] → []`, or `[N]` for [`Reduction::None`] (PyTorch: `multilabel_soft_margin_loss`).
///
/// ```
/// use gradus_autodiff::Var;
/// use gradus_losses::{Reduction, multilabel_soft_margin};
/// use gradus_tensor::Tensor;
/// let x = Var::leaf([[0.0_f64, 0.0]]);
/// let loss = multilabel_soft_margin(&x, &Tensor::from([[1.0, 0.0]]), None, Reduction::Mean);
/// assert!((loss.item() - 2.0_f64.ln()).abs() < 1e-15);
/// ```
///
/// # Panics
/// If the shapes differ, there is no axis, or the weights do not broadcast to the scores.
#[must_use]
#[track_caller]
pub fn multilabel_soft_margin<T: Float>(
    scores: &Var<T>,
    target: impl Into<Var<T>>,
    weight: Option<&Tensor<T>>,
    reduction: Reduction,
) -> Var<T> {
    const OP: &str = "multilabel_soft_margin";
    let target = target.into();
    same_shape(OP, scores.shape(), target.shape());
    assert!(scores.rank() > 0, "{OP}: scores have no axis of labels: {} (0 axes)", scores.shape());
    let mut losses = &target * (-scores).softplus() + (1.0 - &target) * scores.softplus();
    if let Some(weight) = weight {
        stretches(OP, "weight", weight.shape(), scores.shape());
        losses = losses * Var::from(weight);
    }
    reduction.apply(losses.mean_axes(&[-1], false))
}

/// The margin of a class over each other: ℓ = w_y/C Σ_{c≠y} max(0, m − x_y + x_c)^p, of scores `[N, C]` and classes `[N]`
/// (PyTorch: `MultiMarginLoss`; Crammer & Singer 2001).
///
/// ```
/// use gradus_autodiff::Var;
/// use gradus_losses::MultiMargin;
/// use gradus_tensor::Tensor;
/// let loss = MultiMargin::new().loss(&Var::leaf([[0.5_f32, 1.0, -2.0]]), &Tensor::from([1_i64]));
/// assert!((loss.item() - 0.5 / 3.0).abs() < 1e-6);
/// let loss = MultiMargin::new().squared(true).margin(0.75).class_weights([1.0, 4.0, 1.0]);
/// let loss = loss.reduction(gradus_losses::Reduction::None);
/// assert_eq!(loss.loss(&Var::leaf([[0.5_f32, 0.5, -2.0]]), &Tensor::from([1_i64])).item(), 0.75);
/// ```
#[derive(Clone, Debug)]
pub struct MultiMargin<T: Float = f32> {
    is_squared: bool,
    margin: f64,
    options: ClassOptions<T>,
}

impl<T: Float> Default for MultiMargin<T> {
    fn default() -> Self {
        // Any i64 but a class may be the ignored one; none is here.
        let options = ClassOptions { ignore_index: i64::MIN, ..ClassOptions::default() };
        Self { is_squared: false, margin: 1.0, options }
    }
}

impl<T: Float> MultiMargin<T> {
    /// p = 1, m = 1, unweighted, reduced to the mean: PyTorch's defaults.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Whether p = 2 instead of 1 (PyTorch: `p`).
    #[must_use]
    pub fn squared(mut self, is_squared: bool) -> Self {
        self.is_squared = is_squared;
        self
    }

    /// m.
    #[must_use]
    pub fn margin(mut self, margin: f64) -> Self {
        self.margin = margin;
        self
    }

    /// A weight per class, `[C]`. The mean still divides by N.
    #[must_use]
    pub fn class_weights(mut self, weights: impl Into<Tensor<T>>) -> Self {
        self.options.weights = Some(weights.into());
        self
    }

    /// What is made of the single losses.
    #[must_use]
    pub fn reduction(mut self, reduction: Reduction) -> Self {
        self.options.reduction = reduction;
        self
    }

    /// The loss, `[N, C], [N] → []`, or `[N]` for [`Reduction::None`].
    ///
    /// # Panics
    /// If the shapes do not fit, or a target is no class.
    #[must_use]
    #[track_caller]
    pub fn loss(&self, scores: &Var<T>, targets: &Tensor<i64>) -> Var<T> {
        const OP: &str = "multi_margin";
        assert!(
            scores.rank() == 2,
            "{OP}: scores are not [N, C]: {} ({} axes)",
            scores.shape(),
            scores.rank()
        );
        let weights = self.options.class_weights(OP, scores.shape());
        let rows = self.options.rows(OP, scores, targets);
        let [n, classes] = scores.dims();
        let own = scores.gather(1, &targets.reshape([n, 1]));
        let short = (scores - own + self.margin).relu();
        let short = if self.is_squared { short.square() } else { short };
        // The class itself is not its own rival.
        let rivals = targets.one_hot::<T>(classes).map(|own| <T as Element>::ONE - own);
        let mut losses = (short * Var::constant(rivals)).sum_axes(&[1], false) / classes as f64;
        if let Some(weights) = &weights {
            losses = losses * Var::constant(rows.weights(weights));
        }
        self.options.reduction.apply(losses)
    }
}

/// Scores `[N, C]` → 1/C Σ over pairs of a label y and a class c that is none of max(0, 1 − x_y + x_c), `[N]`.
struct LabelMargin {
    /// Per row the labels, and whether each class is one.
    labels: Vec<Vec<usize>>,
    is_label: Vec<bool>,
}

impl LabelMargin {
    /// Calls `f(row, label, class)` for every pair whose margin is short.
    fn each_short<T: Float>(&self, x: &Tensor<T>, mut f: impl FnMut(usize, usize, usize, T)) {
        let classes = x.dim(1);
        let values = x.to_vec();
        for (row, labels) in self.labels.iter().enumerate() {
            let at = row * classes;
            let (scores, is_label) = (&values[at..at + classes], &self.is_label[at..at + classes]);
            for &label in labels {
                for class in (0..classes).filter(|&class| !is_label[class]) {
                    let short = T::ONE - scores[label] + scores[class];
                    // NaN is let through.
                    if short.is_nan() || short > <T as Element>::ZERO {
                        f(row, label, class, short);
                    }
                }
            }
        }
    }
}

impl<T: Float> Op<T> for LabelMargin {
    fn name(&self) -> &'static str {
        "multilabel_margin"
    }

    fn saves(&self) -> Save {
        Save::input(0)
    }

    fn forward(&mut self, inputs: &[&Tensor<T>]) -> Tensor<T> {
        let share = T::of(1.0 / inputs[0].dim(1) as f64);
        let mut losses = vec![<T as Element>::ZERO; self.labels.len()];
        self.each_short(inputs[0], |row, _, _, short| losses[row] = losses[row] + short * share);
        Tensor::new([losses.len()], &losses)
    }

    fn vjp(&self, saved: &Saved<Var<T>>, g: &Var<T>) -> Cotangents<Var<T>> {
        // The slopes are constant but for kinks.
        let x = saved.input(0);
        let classes = x.dim(1);
        let share = T::of(1.0 / classes as f64);
        let mut slopes = vec![<T as Element>::ZERO; x.len()];
        self.each_short(x.value(), |row, label, class, _| {
            let (own, rival) = (row * classes + label, row * classes + class);
            slopes[own] = slopes[own] - share;
            slopes[rival] = slopes[rival] + share;
        });
        vec![Some(g.unsqueeze(1) * Var::constant(Tensor::new(*x.shape(), &slopes)))]
    }

    fn per_example(&self, _: &Saved<Tensor<T>>, _: &Tensor<T>, batch: Batch) -> Option<Vec<Flow<T>>> {
        Some(vec![Flow::Along(batch)])
    }
}

/// The margin of each label over each class that is none: ℓ = 1/C Σ max(0, 1 − x_y + x_c), of scores `[N, C]` or `[C]`
/// and labels of the same shape: class numbers, then −1 where there are no more (PyTorch: `multilabel_margin_loss`).
/// `→ []`, or `[N]` (or `[]`) for [`Reduction::None`].
///
/// ```
/// use gradus_autodiff::Var;
/// use gradus_losses::{Reduction, multilabel_margin};
/// use gradus_tensor::Tensor;
/// let x = Var::leaf([0.1_f64, 0.2, 0.4, 0.8]);
/// let loss = multilabel_margin(&x, &Tensor::from([3_i64, 0, -1, 1]), Reduction::Mean);
/// assert!((loss.item() - 0.85).abs() < 1e-12); // PyTorch's example
/// ```
///
/// # Panics
/// If the shapes differ or have not one or two axes, or a label is no class.
#[must_use]
#[track_caller]
pub fn multilabel_margin<T: Float>(scores: &Var<T>, targets: &Tensor<i64>, reduction: Reduction) -> Var<T> {
    const OP: &str = "multilabel_margin";
    let shape = *scores.shape();
    same_shape(OP, &shape, targets.shape());
    assert!(
        matches!(shape.len(), 1 | 2),
        "{OP}: scores are not [N, C] or [C]: {shape} ({} axes)",
        shape.len()
    );
    let classes = shape[shape.len() - 1];
    let rows = if shape.len() == 2 { shape[0] } else { 1 };
    let (mut labels, mut is_label) = (Vec::with_capacity(rows), vec![false; rows * classes]);
    let all = targets.to_vec();
    for row in 0..rows {
        let mut own = Vec::new();
        let start = row * classes;
        for (i, &target) in all[start..start + classes].iter().enumerate() {
            if target == -1 {
                break;
            }
            let Some(class) = usize::try_from(target).ok().filter(|&class| class < classes) else {
                panic!(
                    "{OP}: no such class: {shape} and target {target} at {:?} (classes are 0 .. {classes}, −1 ends)",
                    place(&shape, start + i)
                );
            };
            own.push(class);
            is_label[start + class] = true;
        }
        labels.push(own);
    }
    let losses = apply(LabelMargin { labels, is_label }, &[&scores.reshape([rows, classes])]);
    reduction.apply(if shape.len() == 2 { losses } else { losses.reshape([0_usize; 0]) })
}
