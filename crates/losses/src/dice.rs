//! The Dice loss of segmentation (Milletari et al. 2016, "V-Net").

use gradus_autodiff::Var;
use gradus_tensor::Float;

use crate::check::{positive, same_shape};
use crate::reduction::Reduction;

/// ℓ = 1 − (2·Σ p·y + s)/(Σ p + Σ y + s), the sums over all places of each example and class, of logits and targets in
/// 0 ..= 1, `[N, C, d…], [N, C, d…] → []`, or `[N, C]` for [`Reduction::None`] (PyTorch has none). p = σ(x), or
/// softmax over C.
///
/// ```
/// use gradus_autodiff::Var;
/// use gradus_losses::Dice;
/// use gradus_tensor::Tensor;
/// let logits = Var::leaf([[[100.0_f64, -100.0, -100.0]]]);
/// let loss = Dice::new().loss(&logits, &Tensor::from([[[1.0, 1.0, 0.0]]]));
/// assert!((loss.item() - (1.0 - 3.0 / 4.0)).abs() < 1e-12);
/// let classes = Dice::new().softmax(true).squared(true).smooth(0.1).reduction(gradus_losses::Reduction::None);
/// assert_eq!(classes.loss(&logits, &Tensor::from([[[1.0, 1.0, 1.0]]])).dims(), [1, 1]);
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Dice {
    smooth: f64,
    is_softmax: bool,
    is_squared: bool,
    reduction: Reduction,
}

impl Default for Dice {
    fn default() -> Self {
        Self { smooth: 1.0, is_softmax: false, is_squared: false, reduction: Reduction::Mean }
    }
}

impl Dice {
    /// σ, s = 1, plain sums below, reduced to the mean over examples and classes.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// s, above 0: what an empty class, rightly found empty, has its loss of 0 from.
    ///
    /// # Panics
    /// If it is not.
    #[must_use]
    #[track_caller]
    pub fn smooth(mut self, smooth: f64) -> Self {
        positive("dice", "smooth", smooth);
        self.smooth = smooth;
        self
    }

    /// Whether the classes exclude each other.
    #[must_use]
    pub fn softmax(mut self, is_softmax: bool) -> Self {
        self.is_softmax = is_softmax;
        self
    }

    /// Whether the sums below are of squares, as in the paper.
    #[must_use]
    pub fn squared(mut self, is_squared: bool) -> Self {
        self.is_squared = is_squared;
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
    /// If the shapes differ or are not `[N, C, d…]`.
    #[must_use]
    #[track_caller]
    pub fn loss<T: Float>(&self, logits: &Var<T>, target: impl Into<Var<T>>) -> Var<T> {
        let target = target.into();
        let shape = *logits.shape();
        same_shape("dice", &shape, target.shape());
        assert!(shape.len() >= 3, "dice: logits are not [N, C, d…]: {shape} ({} axes)", shape.len());
        let p = if self.is_softmax { logits.softmax(1) } else { logits.sigmoid() };
        let axes: Vec<isize> = (2..shape.len() as isize).collect();
        let sum = |x: &Var<T>| x.sum_axes(&axes, false);
        let below = match self.is_squared {
            true => sum(&p.square()) + sum(&target.square()),
            false => sum(&p) + sum(&target),
        };
        let both = sum(&(p * target));
        self.reduction.apply(1.0 - (both * 2.0 + self.smooth) / (below + self.smooth))
    }
}
