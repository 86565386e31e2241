//! Total variation (Rudin, Osher & Fatemi 1992): neighbours that are alike, but for edges.

use gradus_autodiff::Var;
use gradus_tensor::{Float, Tensor};

use crate::penalty::{Penalty, check_lambda};

/// λ·Σ |x_{i+1} − x_i| along each of the last `axes` axes (2 for pictures `[…, H, W]` or filters); gradient: λ·(sign of the step
/// that comes here − sign of the one that leaves). Tensors with fewer axes are varied along all they have. Of parameters, or
/// of a picture by [`Penalty::value_of`].
///
/// ```
/// use gradus_autodiff::Var;
/// use gradus_regularizers::{Penalty, TotalVariation};
/// let picture = Var::leaf([[0.0_f64, 0.0, 3.0], [0.0, 1.0, 3.0]]);
/// assert_eq!(TotalVariation::new(1.0, 2).value_of(&picture).item(), 7.0);
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TotalVariation {
    lambda: f64,
    axes: usize,
}

impl TotalVariation {
    /// With strength λ along the last `axes` axes.
    ///
    /// # Panics
    /// If λ is not a number from 0 on.
    #[must_use]
    #[track_caller]
    pub fn new(lambda: f64, axes: usize) -> Self {
        check_lambda("total_variation", "lambda", lambda);
        Self { lambda, axes }
    }

    /// The axes that have neighbours, counted from behind, and how many steps there are.
    fn steps(&self, shape: &[usize]) -> impl Iterator<Item = (isize, usize)> {
        let lengths: Vec<usize> = shape.iter().rev().take(self.axes).copied().collect();
        let varied = lengths.into_iter().enumerate().filter(|&(_, length)| length > 1);
        varied.map(|(i, length)| (-1 - i as isize, length - 1))
    }
}

impl Penalty for TotalVariation {
    fn value_of<T: Float>(&self, parameter: &Var<T>) -> Var<T> {
        let along =
            |(axis, steps)| (parameter.narrow(axis, 1, steps) - parameter.narrow(axis, 0, steps)).abs().sum();
        let parts = self.steps(parameter.shape()).map(along);
        // What has no neighbours is 0, with a gradient of 0.
        parts.reduce(|a, b| a + b).map_or_else(|| parameter.sum() * 0.0, |sum| sum * self.lambda)
    }

    fn gradient_of<T: Float>(&self, parameter: &Tensor<T>) -> Tensor<T> {
        let mut out = Tensor::zeros(*parameter.shape());
        for (axis, steps) in self.steps(parameter.shape()) {
            let signs = (parameter.narrow(axis, 1, steps) - parameter.narrow(axis, 0, steps)).sign();
            let signs = signs * T::of(self.lambda);
            let edge =
                Tensor::zeros(parameter.shape().with(parameter.shape().axis("total_variation", axis), 1));
            out += &Tensor::cat(&[&edge, &signs], axis);
            out -= &Tensor::cat(&[&signs, &edge], axis);
        }
        out
    }
}
