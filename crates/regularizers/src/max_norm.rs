//! The max-norm constraint (Srebro & Shraibman 2005; with dropout: Srivastava et al. 2014). A projection, not a penalty:
//! it acts on parameters after a step.

use gradus_module::{Kind, Module, Param, Path};
use gradus_tensor::{Element, Float, Tensor};

/// Keeps the incoming weights of each unit within a ball: every row w of a weight `[out, …]` becomes
/// w·min(1, c/‖w‖) (PyTorch: `renorm(2, 0, c)`). Parameters with fewer than two axes (biases) are left alone, and so
/// is what is not trained.
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

    /// The projection of one weight `[out, …] → [out, …]`.
    #[must_use]
    pub fn project<T: Float>(&self, weight: &Tensor<T>) -> Tensor<T> {
        let limit = T::of(self.limit);
        let axes: Vec<isize> = (1..weight.rank() as isize).collect();
        if axes.is_empty() {
            return weight.clone();
        }
        let norms = weight.square().sum_axes(&axes, true).sqrt();
        weight * &norms.map(|norm| if norm > limit { limit / norm } else { <T as Element>::ONE })
    }

    /// Projects all trained weights of a model whose path `accepts` accepts.
    pub fn apply(&self, model: &mut (impl Module + ?Sized), accepts: impl Fn(&str) -> bool) {
        model.visit_mut(&mut Path::root(), &mut |path, entry| {
            let is_weight = entry.kind() == Kind::Parameter && entry.shape().len() >= 2;
            if !is_weight || entry.leaf_id().is_none() || !accepts(path.as_str()) {
                return;
            }
            let any = entry.as_any_mut();
            if let Some(weight) = any.downcast_mut::<Param<f32>>() {
                *weight.value_mut() = self.project(weight.value());
            } else if let Some(weight) = any.downcast_mut::<Param<f64>>() {
                *weight.value_mut() = self.project(weight.value());
            }
        });
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
