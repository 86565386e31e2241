//! Losses of pairs and triples: which of two is greater, what is near and what is far.

use gradus_autodiff::{Var, choose};
use gradus_tensor::{Element, Float, Tensor};

use crate::check::{positive, same_shape};
use crate::margins::signs;
use crate::reduction::Reduction;

/// ℓ = max(0, m − y·(x₁ − x₂)): the first shall be greater by m where y = 1, the second where y = −1, `[…], […], […] → []`
/// (PyTorch: `margin_ranking_loss`, m = 0 by default there).
///
/// ```
/// use gradus_autodiff::Var;
/// use gradus_losses::{Reduction, margin_ranking};
/// use gradus_tensor::Tensor;
/// let (a, b) = (Var::leaf([1.0_f32, 1.0]), Var::leaf([3.0_f32, 3.0]));
/// let losses = margin_ranking(&a, &b, &Tensor::from([1.0, -1.0]), 0.5, Reduction::None);
/// assert_eq!(losses.value().to_vec(), [2.5, 0.0]);
/// ```
///
/// # Panics
/// If the shapes differ, or a target is neither −1 nor 1.
#[must_use]
#[track_caller]
pub fn margin_ranking<T: Float>(
    first: &Var<T>,
    second: &Var<T>,
    target: impl Into<Var<T>>,
    margin: f64,
    reduction: Reduction,
) -> Var<T> {
    const OP: &str = "margin_ranking";
    let target = target.into();
    same_shape(OP, first.shape(), second.shape());
    same_shape(OP, first.shape(), target.shape());
    signs(OP, target.value());
    reduction.apply((-target * (first - second) + margin).relu())
}

/// ℓ = x where y = 1, max(0, m − x) where y = −1, of distances x, `[…], […] → []` (PyTorch: `hinge_embedding_loss`, m = 1
/// by default there).
///
/// ```
/// use gradus_autodiff::Var;
/// use gradus_losses::{Reduction, hinge_embedding};
/// use gradus_tensor::Tensor;
/// let losses = hinge_embedding(&Var::leaf([0.25_f32, 0.25]), &Tensor::from([1.0, -1.0]), 1.0, Reduction::None);
/// assert_eq!(losses.value().to_vec(), [0.25, 0.75]);
/// ```
///
/// # Panics
/// If the shapes differ, or a target is neither −1 nor 1.
#[must_use]
#[track_caller]
pub fn hinge_embedding<T: Float>(
    distances: &Var<T>,
    target: &Tensor<T>,
    margin: f64,
    reduction: Reduction,
) -> Var<T> {
    same_shape("hinge_embedding", distances.shape(), target.shape());
    signs("hinge_embedding", target);
    let near = target.map(|y| y > <T as Element>::ZERO);
    reduction.apply(choose(&near, distances, &(margin - distances).relu()))
}

/// Added to squared lengths (PyTorch's constant).
const LENGTH_EPS: f64 = 1e-12;

/// ℓ = 1 − cos(x₁, x₂) where y = 1, max(0, cos(x₁, x₂) − m) where y = −1, of vectors `[N, D]` (or `[D]`) and targets `[N]`
/// (or `[]`) `→ []` (PyTorch: `cosine_embedding_loss`, m = 0 by default there).
///
/// ```
/// use gradus_autodiff::Var;
/// use gradus_losses::{Reduction, cosine_embedding};
/// use gradus_tensor::Tensor;
/// let (a, b) = (Var::leaf([[1.0_f64, 0.0]]), Var::leaf([[1.0, 1.0]]));
/// let loss = cosine_embedding(&a, &b, &Tensor::from([1.0]), 0.0, Reduction::Mean);
/// assert!((loss.item() - (1.0 - 0.5_f64.sqrt())).abs() < 1e-9);
/// ```
///
/// # Panics
/// If the shapes do not fit, or a target is neither −1 nor 1.
#[must_use]
#[track_caller]
pub fn cosine_embedding<T: Float>(
    first: &Var<T>,
    second: &Var<T>,
    target: &Tensor<T>,
    margin: f64,
    reduction: Reduction,
) -> Var<T> {
    const OP: &str = "cosine_embedding";
    let shape = *first.shape();
    same_shape(OP, &shape, second.shape());
    let rank = shape.len();
    assert!(
        matches!(rank, 1 | 2) && *target.shape() == shape.remove(rank - 1),
        "{OP}: targets do not fit the vectors: {shape} and {} (one per vector, [N, D] or [D])",
        target.shape()
    );
    signs(OP, target);
    let sum = |x: Var<T>| x.sum_axes(&[-1], false);
    let lengths = (sum(first.square()) + LENGTH_EPS) * (sum(second.square()) + LENGTH_EPS);
    let cosine = sum(first * second) * lengths.rsqrt();
    let near = target.map(|y| y > <T as Element>::ZERO);
    reduction.apply(choose(&near, &(1.0 - &cosine), &(cosine - margin).relu()))
}

/// ‖a − b + ε‖_p along the last axis, `[…, D], […, D] → […]` (PyTorch: `pairwise_distance`, p = 2 and ε = 1e-6 by default
/// there). The gradient where all is 0 is 0.
///
/// ```
/// use gradus_autodiff::Var;
/// use gradus_losses::pairwise_distance;
/// let distance = pairwise_distance(&Var::leaf([[3.0_f64, 0.0]]), &Var::leaf([[0.0, 4.0]]), 2.0, 0.0);
/// assert_eq!(distance.value().to_vec(), [5.0]);
/// ```
///
/// # Panics
/// If the shapes differ, or p is not above 0.
#[must_use]
#[track_caller]
pub fn pairwise_distance<T: Float>(a: &Var<T>, b: &Var<T>, p: f64, eps: f64) -> Var<T> {
    same_shape("pairwise_distance", a.shape(), b.shape());
    assert!(p > 0.0, "pairwise_distance: p is not above 0: {p}");
    let difference = (a - b + eps).abs();
    if p == 1.0 {
        return difference.sum_axes(&[-1], false);
    }
    if p == f64::INFINITY {
        return difference.max_axes(&[-1], false);
    }
    // A root's slope at 0 is infinite: there the root is taken of 1 and not used.
    let power = if p == 2.0 { difference.square() } else { difference.powf(p) };
    let sum = power.sum_axes(&[-1], false);
    let is_zero = sum.value().map(|sum| sum == <T as Element>::ZERO);
    let scalar = |value: f64| Var::constant(Tensor::scalar(T::of(value)));
    let safe = choose(&is_zero, &scalar(1.0), &sum);
    let root = if p == 2.0 { safe.sqrt() } else { safe.powf(1.0 / p) };
    choose(&is_zero, &scalar(0.0), &root)
}

/// ℓ = max(0, d(a, p) − d(a, n) + m) of anchors a, positives p and negatives n, `[…, D]` each, `→ []`, or `[…]` for
/// [`Reduction::None`] (PyTorch: `TripletMarginLoss`; Balntas et al. 2016).
///
/// ```
/// use gradus_autodiff::Var;
/// use gradus_losses::Triplet;
/// let at = |x: f64| Var::leaf([[x]]);
/// let loss = Triplet::new().margin(1.0).loss(&at(0.0), &at(2.0), &at(2.5));
/// assert!((loss.item() - 0.5).abs() < 1e-5);
/// let city = Triplet::new().p(1.0).eps(1e-8).swap(true).reduction(gradus_losses::Reduction::Sum);
/// let by_square = |a: &Var<f64>, b: &Var<f64>| (a - b).square().sum_axes(&[-1], false);
/// assert_eq!(city.loss_with(&at(0.0), &at(2.0), &at(3.0), by_square).item(), 4.0 - 1.0 + 1.0);
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Triplet {
    margin: f64,
    p: f64,
    eps: f64,
    swap: bool,
    reduction: Reduction,
}

impl Default for Triplet {
    fn default() -> Self {
        Self { margin: 1.0, p: 2.0, eps: 1e-6, swap: false, reduction: Reduction::Mean }
    }
}

impl Triplet {
    /// m = 1, Euclidean distance, ε = 1e-6, no swap, reduced to the mean: PyTorch's defaults.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// m, above 0.
    ///
    /// # Panics
    /// If it is not.
    #[must_use]
    #[track_caller]
    pub fn margin(mut self, margin: f64) -> Self {
        positive("triplet", "margin", margin);
        self.margin = margin;
        self
    }

    /// The norm of the distance.
    #[must_use]
    pub fn p(mut self, p: f64) -> Self {
        self.p = p;
        self
    }

    /// ε: added to differences.
    #[must_use]
    pub fn eps(mut self, eps: f64) -> Self {
        self.eps = eps;
        self
    }

    /// Whether d(p, n) takes the place of d(a, n) where it is smaller.
    #[must_use]
    pub fn swap(mut self, swap: bool) -> Self {
        self.swap = swap;
        self
    }

    /// What is made of the single losses.
    #[must_use]
    pub fn reduction(mut self, reduction: Reduction) -> Self {
        self.reduction = reduction;
        self
    }

    /// The loss.
    ///
    /// # Panics
    /// If the shapes differ.
    #[must_use]
    #[track_caller]
    pub fn loss<T: Float>(&self, anchor: &Var<T>, positive: &Var<T>, negative: &Var<T>) -> Var<T> {
        let distance = |a: &Var<T>, b: &Var<T>| pairwise_distance(a, b, self.p, self.eps);
        self.loss_with(anchor, positive, negative, distance)
    }

    /// The loss with a distance of your own, `[…, D], […, D] → […]` (PyTorch: `TripletMarginWithDistanceLoss`).
    ///
    /// # Panics
    /// If the shapes differ.
    #[must_use]
    #[track_caller]
    pub fn loss_with<T: Float>(
        &self,
        anchor: &Var<T>,
        positive: &Var<T>,
        negative: &Var<T>,
        distance: impl Fn(&Var<T>, &Var<T>) -> Var<T>,
    ) -> Var<T> {
        same_shape("triplet", anchor.shape(), positive.shape());
        same_shape("triplet", anchor.shape(), negative.shape());
        let (near, mut far) = (distance(anchor, positive), distance(anchor, negative));
        if self.swap {
            far = far.minimum(&distance(positive, negative));
        }
        self.reduction.apply((near - far + self.margin).relu())
    }
}
