//! How the losses of single elements become one number. Knows no loss.

use gradus_autodiff::Var;
use gradus_tensor::Float;

/// What is made of the losses of N elements (PyTorch: `reduction=`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Reduction {
    /// 1/N · Σ; NaN for N = 0, as in PyTorch. A loss with class weights divides by the weights' sum instead of N.
    #[default]
    Mean,
    /// Σ.
    Sum,
    /// The losses as they are, in the target's shape.
    None,
    /// 1/(2N) · Σ, half of `Mean`: the form in which textbooks print the squared error, whose gradient is then
    /// (prediction − target)/N. Every loss takes it; only the squared error gains by it.
    HalfMean,
}

impl Reduction {
    /// The reduced losses `[…] → []`, or `[…]` for `None`; N is the number of elements. For losses of your own.
    ///
    /// ```
    /// use gradus_autodiff::Var;
    /// use gradus_losses::Reduction;
    /// let losses = Var::constant([1.0_f32, 2.0, 3.0]);
    /// assert_eq!(Reduction::Mean.apply(losses.clone()).item(), 2.0);
    /// assert_eq!(Reduction::HalfMean.apply(losses).item(), 1.0);
    /// ```
    #[must_use]
    #[track_caller]
    pub fn apply<T: Float>(self, losses: Var<T>) -> Var<T> {
        let count = losses.len() as f64;
        self.over(losses, count)
    }

    /// [`Reduction::apply`] with `count` in the place of N.
    #[track_caller]
    pub(crate) fn over<T: Float>(self, losses: Var<T>, count: f64) -> Var<T> {
        match self {
            Reduction::Mean => losses.sum() / count,
            Reduction::Sum => losses.sum(),
            Reduction::None => losses,
            Reduction::HalfMean => losses.sum() / (2.0 * count),
        }
    }
}
