//! L1: λ·Σ|w| (Tibshirani 1996). Drives parameters to exactly 0 where its proximal step is used.

use gradus_autodiff::{Gradients, Var};
use gradus_module::Module;
use gradus_tensor::{Float, Tensor};

use crate::penalty::{Penalty, Proximal, check_lambda};

/// λ·Σ|w|; gradient λ·sign(w), 0 at 0; proximal step sign(w)·max(|w| − rate·λ, 0), the soft threshold.
///
/// ```
/// use gradus_module::Param;
/// use gradus_regularizers::{L1, Proximal};
/// let mut model = Param::new([0.5_f32, -2.0]);
/// L1::new(1.0).prox::<f32>(&mut model, 0.75);
/// assert_eq!(model.value().to_vec(), [0.0, -1.25]);
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct L1 {
    lambda: f64,
}

impl L1 {
    /// With strength λ.
    ///
    /// # Panics
    /// If λ is not a number from 0 on.
    #[must_use]
    #[track_caller]
    pub fn new(lambda: f64) -> Self {
        check_lambda("l1", "lambda", lambda);
        Self { lambda }
    }
}

impl Penalty for L1 {
    fn value_of<T: Float>(&self, parameter: &Var<T>) -> Var<T> {
        parameter.abs().sum() * self.lambda
    }

    fn gradient_of<T: Float>(&self, parameter: &Tensor<T>) -> Tensor<T> {
        parameter.sign() * T::of(self.lambda)
    }
}

impl Proximal for L1 {
    fn prox_of<T: Float>(&self, parameter: &Tensor<T>, rate: f64) -> Tensor<T> {
        parameter.softshrink(rate * self.lambda)
    }
}

/// λ·Σ|w| over all trained parameters, `[]`.
///
/// ```
/// use gradus_module::Param;
/// let model = Param::new([0.5_f32, -2.0]);
/// let penalty = gradus_regularizers::l1(&model, 2.0);
/// assert_eq!(penalty.item(), 5.0);
/// assert_eq!(penalty.backward().of(&model).unwrap().to_vec(), [2.0, -2.0]);
/// ```
///
/// # Panics
/// If λ is not a number from 0 on, or a parameter's elements are not of type `T`.
#[must_use]
#[track_caller]
pub fn l1<T: Float>(model: &(impl Module + ?Sized), lambda: f64) -> Var<T> {
    L1::new(lambda).value(model)
}

/// [`l1`] of those parameters whose path `accepts` accepts.
///
/// ```
/// use gradus_module::Param;
/// let model = [Param::new([0.5_f32, -2.0]), Param::new([9.0])];
/// assert_eq!(gradus_regularizers::l1_where::<f32>(&model, 2.0, |path| path == "0").item(), 5.0);
/// ```
///
/// # Panics
/// As [`l1`].
#[must_use]
#[track_caller]
pub fn l1_where<T: Float>(
    model: &(impl Module + ?Sized),
    lambda: f64,
    accepts: impl Fn(&str) -> bool,
) -> Var<T> {
    L1::new(lambda).only(accepts).value(model)
}

/// The gradient of [`l1`] in closed form, λ·sign(w), to be merged with those of the loss.
///
/// ```
/// use gradus_module::Param;
/// let model = Param::new([0.5_f32, -2.0]);
/// let gradients = gradus_regularizers::l1_gradients(&model, 2.0);
/// assert_eq!(gradients.of(&model).map(|g| g.to_vec()), Some(vec![2.0, -2.0]));
/// ```
///
/// # Panics
/// As [`l1`].
#[must_use]
#[track_caller]
pub fn l1_gradients<T: Float>(model: &(impl Module + ?Sized), lambda: f64) -> Gradients<T> {
    L1::new(lambda).gradients(model)
}
