//! L2: λ/2·‖w‖² (Tikhonov; ridge), the same as coupled weight decay λ in an optimizer.

use gradus_autodiff::{Gradients, Var};
use gradus_module::Module;
use gradus_tensor::{Float, Tensor};

use crate::penalty::{Penalty, Proximal, check_lambda};

/// λ/2·Σ w²; gradient λ·w; proximal step w/(1 + rate·λ).
///
/// ```
/// use gradus_module::Param;
/// use gradus_regularizers::{L2, Proximal};
/// let mut model = Param::new([3.0_f32, -6.0]);
/// L2::new(1.0).prox::<f32>(&mut model, 0.5);
/// assert_eq!(model.value().to_vec(), [2.0, -4.0]);
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct L2 {
    lambda: f64,
}

impl L2 {
    /// With strength λ.
    ///
    /// # Panics
    /// If λ is not a number from 0 on.
    #[must_use]
    #[track_caller]
    pub fn new(lambda: f64) -> Self {
        check_lambda("l2", "lambda", lambda);
        Self { lambda }
    }
}

impl Penalty for L2 {
    fn value_of<T: Float>(&self, parameter: &Var<T>) -> Var<T> {
        parameter.square().sum() * (0.5 * self.lambda)
    }

    fn gradient_of<T: Float>(&self, parameter: &Tensor<T>) -> Tensor<T> {
        parameter * T::of(self.lambda)
    }
}

impl Proximal for L2 {
    fn prox_of<T: Float>(&self, parameter: &Tensor<T>, rate: f64) -> Tensor<T> {
        parameter / T::of(1.0 + rate * self.lambda)
    }
}

/// λ/2·Σ w² over all trained parameters, `[]`.
///
/// ```
/// use gradus_module::Param;
/// let model = Param::new([3.0_f32, 4.0]);
/// let penalty = gradus_regularizers::l2(&model, 2.0);
/// assert_eq!(penalty.item(), 25.0);
/// assert_eq!(penalty.backward().of(&model).unwrap().to_vec(), [6.0, 8.0]);
/// ```
///
/// # Panics
/// If λ is not a number from 0 on, or a parameter's elements are not of type `T`.
#[must_use]
#[track_caller]
pub fn l2<T: Float>(model: &(impl Module + ?Sized), lambda: f64) -> Var<T> {
    L2::new(lambda).value(model)
}

/// [`l2`] of those parameters whose path `accepts` accepts: `|path| path.ends_with("weight")`.
///
/// ```
/// use gradus_module::Param;
/// let model = [Param::new([3.0_f32, 4.0]), Param::new([9.0])];
/// assert_eq!(gradus_regularizers::l2_where::<f32>(&model, 2.0, |path| path == "0").item(), 25.0);
/// ```
///
/// # Panics
/// As [`l2`].
#[must_use]
#[track_caller]
pub fn l2_where<T: Float>(
    model: &(impl Module + ?Sized),
    lambda: f64,
    accepts: impl Fn(&str) -> bool,
) -> Var<T> {
    L2::new(lambda).only(accepts).value(model)
}

/// The gradient of [`l2`] in closed form, λ·w, to be merged with those of the loss.
///
/// ```
/// use gradus_module::Param;
/// let model = Param::new([3.0_f32, 4.0]);
/// let gradients = gradus_regularizers::l2_gradients(&model, 2.0);
/// assert_eq!(gradients.of(&model).map(|g| g.to_vec()), Some(vec![6.0, 8.0]));
/// ```
///
/// # Panics
/// As [`l2`].
#[must_use]
#[track_caller]
pub fn l2_gradients<T: Float>(model: &(impl Module + ?Sized), lambda: f64) -> Gradients<T> {
    L2::new(lambda).gradients(model)
}
