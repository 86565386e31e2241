//! `Constraint`: what parameters must be after every step, as a projection; and its walk over a model, written once.

use gradus_module::{Kind, Module, Param, Path};
use gradus_tensor::{Float, Tensor};

/// A set that parameters are kept in, by projection after a step.
///
/// ```
/// use gradus_module::Param;
/// use gradus_regularizers::{Constraint, NonNegative};
/// let mut model = (Param::new([[3.0_f32, -4.0]]), Param::new([-9.0]));
/// NonNegative.apply(&mut model, |path| path == "0");
/// assert_eq!(model.0.value().to_vec(), [3.0, 0.0]);
/// assert_eq!(model.1.value().item(), -9.0);
/// ```
pub trait Constraint {
    /// The nearest allowed value of one parameter, `[…] → […]`.
    fn project<T: Float>(&self, parameter: &Tensor<T>) -> Tensor<T>;

    /// Whether parameters of that rank are constrained.
    fn constrains(&self, rank: usize) -> bool;

    /// Projects all trained parameters of a model whose path `accepts` accepts and whose rank is constrained.
    fn apply(&self, model: &mut (impl Module + ?Sized), accepts: impl Fn(&str) -> bool) {
        model.visit_mut(&mut Path::root(), &mut |path, entry| {
            let is_meant = entry.kind() == Kind::Parameter && self.constrains(entry.shape().len());
            if !is_meant || entry.leaf_id().is_none() || !accepts(path.as_str()) {
                return;
            }
            let any = entry.as_any_mut();
            if let Some(parameter) = any.downcast_mut::<Param<f32>>() {
                *parameter.value_mut() = self.project(parameter.value());
            } else if let Some(parameter) = any.downcast_mut::<Param<f64>>() {
                *parameter.value_mut() = self.project(parameter.value());
            }
        });
    }
}
