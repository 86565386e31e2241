//! The max-norm constraint (Srebro & Shraibman 2005; with dropout: Srivastava et al. 2014). A projection, not a penalty:
//! it acts on parameters after a step.

use gradus_module::Module;
use gradus_tensor::{Element, Float, Tensor};

use crate::constraint::Constraint;
use crate::group_lasso::row_axes;

/// Keeps the incoming weights of each unit within a ball: every row w of a weight `[out, …]` becomes
/// w·min(1, c/‖w‖) (PyTorch: `renorm(2, 0, c)`). Parameters with fewer than two axes (biases) are left alone, and so
/// is what is not trained.
///
/// ```
/// use gradus_module::Param;
/// use gradus_regularizers::{Constraint, MaxNorm};
/// use gradus_tensor::Tensor;
/// let ball = MaxNorm::new(1.0);
/// assert_eq!(ball.project(&Tensor::from([[0.0_f32, 4.0], [0.5, 0.0]])).to_vec(), [0.0, 1.0, 0.5, 0.0]);
/// let mut model = [Param::new([[0.0_f32, 4.0]]), Param::new([[0.0_f32, 4.0]])];
/// ball.apply(&mut model, |path| path == "0");
/// assert_eq!([model[0].value().at(&[0, 1]), model[1].value().at(&[0, 1])], [1.0, 4.0]);
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MaxNorm {
    limit: f64,
}

impl MaxNorm {
    /// With limit c.
    ///
    /// # Panics
    /// If c is not above 0.
    #[must_use]
    #[track_caller]
    pub fn new(limit: f64) -> Self {
        assert!(limit > 0.0, "max_norm: limit is not above 0: {limit}");
        Self { limit }
    }
}

impl Constraint for MaxNorm {
    fn project<T: Float>(&self, weight: &Tensor<T>) -> Tensor<T> {
        let limit = T::of(self.limit);
        let axes = row_axes(weight.rank());
        if axes.is_empty() {
            return weight.clone();
        }
        let norms = weight.square().sum_axes(&axes, true).sqrt();
        weight * &norms.map(|norm| if norm > limit { limit / norm } else { <T as Element>::ONE })
    }

    fn constrains(&self, rank: usize) -> bool {
        rank >= 2
    }
}

/// Keeps each unit's incoming weights within norm `limit`, in all trained weights; see [`MaxNorm`].
///
/// ```
/// use gradus_module::Param;
/// let mut model = (Param::new([[3.0_f32, 4.0], [0.3, 0.4]]), Param::new([9.0]));
/// gradus_regularizers::max_norm(&mut model, 1.0);
/// assert!((model.0.value().at(&[0, 0]) - 0.6).abs() < 1e-6);
/// assert_eq!(model.0.value().at(&[1, 1]), 0.4);
/// assert_eq!(model.1.value().item(), 9.0); // a bias
/// ```
///
/// # Panics
/// If `limit` is not above 0.
#[track_caller]
pub fn max_norm(model: &mut (impl Module + ?Sized), limit: f64) {
    MaxNorm::new(limit).apply(model, |_| true);
}
