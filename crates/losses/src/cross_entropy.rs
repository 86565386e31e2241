//! Softmax and cross-entropy in one step. The two fused ops see each row once forward and once backward; their rules
//! in variables, softmax − one-hot and softmax·Σq − q, carry gradients to any order.

use gradus_autodiff::{Batch, Cotangents, Flow, Op, Save, Saved, Var, apply};
use gradus_tensor::{Element, Float, Tensor};

use crate::check::same_shape;
use crate::reduction::Reduction;
use crate::targets::{ClassOptions, score_rows};

const OP: &str = "cross_entropy";
const SOFT: &str = "cross_entropy_soft";

/// Logits `[K, C]` → ln Σ_c e^x_c − x_target, `[K]`.
struct Hard {
    classes: Vec<usize>,
}

impl<T: Float> Op<T> for Hard {
    fn name(&self) -> &'static str {
        OP
    }

    fn saves(&self) -> Save {
        Save::input(0)
    }

    fn forward(&mut self, inputs: &[&Tensor<T>]) -> Tensor<T> {
        inputs[0].cross_entropy_rows(&self.classes).0
    }

    fn vjp(&self, saved: &Saved<Var<T>>, g: &Var<T>) -> Cotangents<Var<T>> {
        let x = saved.input(0);
        let targets: Tensor<i64> = self.classes.iter().map(|&class| class as i64).collect();
        let one_hot = Var::constant(targets.one_hot::<T>(x.dim(1)));
        vec![Some(g.unsqueeze(1) * (softmax_rows(&x) - one_hot))]
    }

    fn vjp_fused(
        &self,
        saved: &mut Saved<Tensor<T>>,
        g: Tensor<T>,
    ) -> Result<Cotangents<Tensor<T>>, Tensor<T>> {
        Ok(vec![Some(saved.input(0).cross_entropy_rows_grad(&self.classes, &g))])
    }

    fn per_example(&self, _: &Saved<Tensor<T>>, _: &Tensor<T>, batch: Batch) -> Option<Vec<Flow<T>>> {
        Some(vec![Flow::Along(batch)])
    }
}

/// Logits x and weights q, both `[K, C]` → −Σ_c q_c·ln softmax(x)_c, `[K]`. A q of 0 hides its logit, even −∞.
struct Soft;

impl<T: Float> Op<T> for Soft {
    fn name(&self) -> &'static str {
        SOFT
    }

    fn saves(&self) -> Save {
        Save::INPUTS
    }

    fn forward(&mut self, inputs: &[&Tensor<T>]) -> Tensor<T> {
        let nought = <T as Element>::ZERO;
        let part = move |l: T, q: T| if q == nought { nought } else { -(q * l) };
        inputs[0].log_softmax(1).zip(inputs[1], part).sum_axes(&[1], false)
    }

    fn vjp(&self, saved: &Saved<Var<T>>, g: &Var<T>) -> Cotangents<Var<T>> {
        let (x, q, g) = (saved.input(0), saved.input(1), g.unsqueeze(1));
        let of_q = || &g * (x.logsumexp(1, true) - &x);
        let of_x = || &g * (softmax_rows(&x) * q.sum_axes(&[1], true) - &q);
        vec![saved.wants(0).then(of_x), saved.wants(1).then(of_q)]
    }

    fn vjp_fused(
        &self,
        saved: &mut Saved<Tensor<T>>,
        g: Tensor<T>,
    ) -> Result<Cotangents<Tensor<T>>, Tensor<T>> {
        let (x, q, g) = (saved.input(0), saved.input(1), g.unsqueeze(1));
        let of_q = || -&(x.log_softmax(1) * &g);
        let of_x = || (x.softmax(1) * &q.sum_axes(&[1], true) - &q) * &g;
        Ok(vec![saved.wants(0).then(of_x), saved.wants(1).then(of_q)])
    }

    fn per_example(&self, _: &Saved<Tensor<T>>, _: &Tensor<T>, batch: Batch) -> Option<Vec<Flow<T>>> {
        Some(vec![Flow::Along(batch), Flow::Along(batch)])
    }
}

fn softmax_rows<T: Float>(x: &Var<T>) -> Var<T> {
    (x - x.logsumexp(1, true)).exp()
}

/// Cross-entropy ℓ = ln Σ_c e^x_c − x_target of logits `[N, C]` or `[N, C, d…]` and classes `[N]` or `[N, d…]`
/// (PyTorch: `cross_entropy`). For weights, ignored targets and smoothing see [`CrossEntropy`].
///
/// ```
/// use gradus_autodiff::Var;
/// use gradus_losses::{Reduction, cross_entropy};
/// use gradus_tensor::Tensor;
/// let logits = Var::leaf([[0.0_f64, 0.0], [0.0, 0.0]]);
/// let loss = cross_entropy(&logits, &Tensor::from([0_i64, 1]), Reduction::Mean);
/// assert!((loss.item() - 2.0_f64.ln()).abs() < 1e-15);
/// assert_eq!(loss.backward().of(&logits).unwrap().to_vec(), [-0.25, 0.25, 0.25, -0.25]); // (softmax − one-hot)/N
/// ```
///
/// # Panics
/// As [`CrossEntropy::loss`].
#[must_use]
#[track_caller]
pub fn cross_entropy<T: Float>(logits: &Var<T>, targets: &Tensor<i64>, reduction: Reduction) -> Var<T> {
    CrossEntropy::new().reduction(reduction).loss(logits, targets)
}

/// Cross-entropy ℓ = −Σ_c q_c·ln softmax(x)_c of logits and class probabilities q of the same shape, `[N, C]` or
/// `[N, C, d…]` (PyTorch: `cross_entropy` with probabilities). The mean divides by N·d….
///
/// ```
/// use gradus_autodiff::Var;
/// use gradus_losses::{Reduction, cross_entropy_soft};
/// use gradus_tensor::Tensor;
/// let loss = cross_entropy_soft(&Var::leaf([[0.0_f64, 0.0]]), &Tensor::from([[0.3, 0.7]]), Reduction::Mean);
/// assert!((loss.item() - 2.0_f64.ln()).abs() < 1e-15);
/// ```
///
/// # Panics
/// As [`CrossEntropy::soft_loss`].
#[must_use]
#[track_caller]
pub fn cross_entropy_soft<T: Float>(
    logits: &Var<T>,
    target: impl Into<Var<T>>,
    reduction: Reduction,
) -> Var<T> {
    CrossEntropy::new().reduction(reduction).soft_loss(logits, target)
}

/// Cross-entropy with options (PyTorch: `CrossEntropyLoss`).
///
/// ```
/// use gradus_autodiff::Var;
/// use gradus_losses::CrossEntropy;
/// use gradus_tensor::Tensor;
/// let loss = CrossEntropy::new().label_smoothing(0.1).ignore_index(0); // 0 pads
/// let logits = Var::leaf([[0.0_f32, 2.0, 0.0], [5.0, 0.0, 1.0]]);
/// assert!(loss.loss(&logits, &Tensor::from([1_i64, 0])).item() > 0.0);
/// ```
#[derive(Clone, Debug, Default)]
pub struct CrossEntropy<T: Float = f32> {
    options: ClassOptions<T>,
    label_smoothing: f64,
}

impl<T: Float> CrossEntropy<T> {
    /// Unweighted, not smoothed, ignoring targets of −100, reduced to the mean: PyTorch's defaults.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// A weight w per class, `[C]`. The mean over class targets divides by the sum of their weights.
    ///
    /// ```
    /// use gradus_autodiff::Var;
    /// use gradus_losses::{CrossEntropy, Reduction};
    /// use gradus_tensor::Tensor;
    /// let loss = CrossEntropy::new().class_weights([1.0_f64, 3.0]).reduction(Reduction::Sum);
    /// let value = loss.loss(&Var::leaf([[0.0, 0.0], [0.0, 0.0]]), &Tensor::from([0_i64, 1])).item();
    /// assert!((value - 4.0 * 2.0_f64.ln()).abs() < 1e-14);
    /// ```
    #[must_use]
    pub fn class_weights(mut self, weights: impl Into<Tensor<T>>) -> Self {
        self.options.weights = Some(weights.into());
        self
    }

    /// The target that does not count (of [`CrossEntropy::loss`]); −100 unless set.
    #[must_use]
    pub fn ignore_index(mut self, target: i64) -> Self {
        self.options.ignore_index = target;
        self
    }

    /// Mixes the target with the uniform distribution: q ← (1 − ε)·q + ε/C (Szegedy et al. 2016).
    ///
    /// # Panics
    /// If ε lies outside 0 ..= 1.
    #[must_use]
    #[track_caller]
    pub fn label_smoothing(mut self, epsilon: f64) -> Self {
        assert!((0.0..=1.0).contains(&epsilon), "{OP}: label_smoothing lies outside 0 ..= 1: {epsilon}");
        self.label_smoothing = epsilon;
        self
    }

    /// What is made of the single losses.
    #[must_use]
    pub fn reduction(mut self, reduction: Reduction) -> Self {
        self.options.reduction = reduction;
        self
    }

    /// The loss of logits `[N, C, d…]` and targets `[N, d…]`: `[]`, or `[N, d…]` for [`Reduction::None`]. The mean
    /// of nothing is NaN, as in PyTorch.
    ///
    /// # Panics
    /// If the shapes do not fit, or a target is neither a class nor the ignored index.
    #[must_use]
    #[track_caller]
    pub fn loss(&self, logits: &Var<T>, targets: &Tensor<i64>) -> Var<T> {
        let weights = self.options.class_weights(OP, logits.shape());
        let rows = self.options.rows(OP, logits, targets);
        let losses = if self.label_smoothing > 0.0 {
            let q = self.smoothed(&rows.classes, logits.shape()[1], weights.as_deref());
            apply(Soft, &[&rows.scores, &Var::constant(q)])
        } else {
            let losses = apply(Hard { classes: rows.classes.clone() }, &[&rows.scores]);
            match &weights {
                Some(weights) => losses * Var::constant(rows.weights(weights)),
                None => losses,
            }
        };
        rows.reduce(losses, weights.as_deref(), self.options.reduction)
    }

    /// The weighted, smoothed distribution of each row's target, `[K, C]`: w_c·((1 − ε)·[c = target] + ε/C).
    fn smoothed(&self, classes: &[usize], count: usize, weights: Option<&[T]>) -> Tensor<T> {
        let (rest, share) = (1.0 - self.label_smoothing, self.label_smoothing / count as f64);
        let weight = |class: usize| weights.map_or(1.0, |weights| weights[class].as_f64());
        let base: Vec<T> = (0..count).map(|class| T::of(share * weight(class))).collect();
        let mut q = base.repeat(classes.len());
        for (row, &class) in classes.iter().enumerate() {
            q[row * count + class] = T::of((rest + share) * weight(class));
        }
        Tensor::new([classes.len(), count], &q)
    }

    /// The loss of logits and class probabilities of the same shape, `[N, C, d…]`: `[]`, or `[N, d…]` for
    /// [`Reduction::None`]. There is nothing to ignore; the mean divides by N·d…, weights or not, as in PyTorch.
    ///
    /// ```
    /// use gradus_autodiff::Var;
    /// use gradus_losses::CrossEntropy;
    /// use gradus_tensor::Tensor;
    /// let logits = Var::leaf([[0.0_f64, 0.0]]);
    /// let value = CrossEntropy::new().soft_loss(&logits, &Tensor::from([[0.3, 0.7]])).item();
    /// assert!((value - 2.0_f64.ln()).abs() < 1e-15);
    /// ```
    ///
    /// # Panics
    /// If the shapes differ, are not `[N, C, d…]`, or the weights are not `[C]`.
    #[must_use]
    #[track_caller]
    pub fn soft_loss(&self, logits: &Var<T>, target: impl Into<Var<T>>) -> Var<T> {
        let target = target.into();
        same_shape(SOFT, logits.shape(), target.shape());
        let (x, mut q) = (score_rows(SOFT, logits), score_rows(SOFT, &target));
        let weights = self.options.class_weights(SOFT, logits.shape());
        if self.label_smoothing > 0.0 {
            q = q * (1.0 - self.label_smoothing) + self.label_smoothing / logits.shape()[1] as f64;
        }
        if let Some(weights) = weights {
            q = q * Var::constant(weights);
        }
        let losses = apply(Soft, &[&x, &q]);
        match self.options.reduction {
            Reduction::None => losses.reshape(logits.shape().remove(1)),
            reduction => reduction.apply(losses),
        }
    }
}
