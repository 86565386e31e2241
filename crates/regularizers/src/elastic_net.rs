//! The elastic net: L1 and L2 together (Zou & Hastie 2005).

use gradus_autodiff::{Gradients, Var};
use gradus_module::Module;
use gradus_tensor::{Float, Tensor};

use crate::l1::L1;
use crate::l2::L2;
use crate::penalty::{Penalty, Proximal, check_lambda};

/// λ₁·Σ|w| + λ₂/2·Σ w²; gradient λ₁·sign(w) + λ₂·w; proximal step: the soft threshold of rate·λ₁, divided by
/// 1 + rate·λ₂.
///
/// ```
/// use gradus_module::Param;
/// use gradus_regularizers::{ElasticNet, Proximal};
/// let mut model = Param::new([0.5_f32, -4.0]);
/// ElasticNet::new(1.0, 1.0).prox::<f32>(&mut model, 1.0);
/// assert_eq!(model.value().to_vec(), [0.0, -1.5]); // (4 − 1)/2
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ElasticNet {
    l1: L1,
    l2: L2,
}

impl ElasticNet {
    /// With strengths λ₁ and λ₂.
    ///
    /// # Panics
    /// If one is not a number from 0 on.
    #[must_use]
    #[track_caller]
    pub fn new(l1: f64, l2: f64) -> Self {
        check_lambda("elastic_net", "l1", l1);
        check_lambda("elastic_net", "l2", l2);
        Self { l1: L1::new(l1), l2: L2::new(l2) }
    }
}

impl Penalty for ElasticNet {
    fn value_of<T: Float>(&self, parameter: &Var<T>) -> Var<T> {
        self.l1.value_of(parameter) + self.l2.value_of(parameter)
    }

    fn gradient_of<T: Float>(&self, parameter: &Tensor<T>) -> Tensor<T> {
        self.l1.gradient_of(parameter) + self.l2.gradient_of(parameter)
    }
}

impl Proximal for ElasticNet {
    fn prox_of<T: Float>(&self, parameter: &Tensor<T>, rate: f64) -> Tensor<T> {
        self.l2.prox_of(&self.l1.prox_of(parameter, rate), rate)
    }
}

/// λ₁·Σ|w| + λ₂/2·Σ w² over all trained parameters, `[]`.
///
/// ```
/// use gradus_module::Param;
/// let model = Param::new([3.0_f32, -4.0]);
/// let penalty = gradus_regularizers::elastic_net(&model, 1.0, 2.0);
/// assert_eq!(penalty.item(), 7.0 + 25.0);
/// assert_eq!(penalty.backward().of(&model).unwrap().to_vec(), [7.0, -9.0]);
/// ```
///
/// # Panics
/// If a strength is not a number from 0 on, or a parameter's elements are not of type `T`.
#[must_use]
#[track_caller]
pub fn elastic_net<T: Float>(model: &(impl Module + ?Sized), l1: f64, l2: f64) -> Var<T> {
    ElasticNet::new(l1, l2).value(model)
}

/// [`elastic_net`] of those parameters whose path `accepts` accepts.
///
/// ```
/// use gradus_module::Param;
/// let model = [Param::new([3.0_f32, -4.0]), Param::new([9.0])];
/// let penalty = gradus_regularizers::elastic_net_where::<f32>(&model, 1.0, 2.0, |path| path == "0");
/// assert_eq!(penalty.item(), 7.0 + 25.0);
/// ```
///
/// # Panics
/// As [`elastic_net`].
#[must_use]
#[track_caller]
pub fn elastic_net_where<T: Float>(
    model: &(impl Module + ?Sized),
    l1: f64,
    l2: f64,
    accepts: impl Fn(&str) -> bool,
) -> Var<T> {
    ElasticNet::new(l1, l2).only(accepts).value(model)
}

/// The gradient of [`elastic_net`] in closed form, to be merged with those of the loss.
///
/// ```
/// use gradus_module::Param;
/// let model = Param::new([3.0_f32, -4.0]);
/// let gradients = gradus_regularizers::elastic_net_gradients(&model, 1.0, 2.0);
/// assert_eq!(gradients.of(&model).map(|g| g.to_vec()), Some(vec![7.0, -9.0]));
/// ```
///
/// # Panics
/// As [`elastic_net`].
#[must_use]
#[track_caller]
pub fn elastic_net_gradients<T: Float>(model: &(impl Module + ?Sized), l1: f64, l2: f64) -> Gradients<T> {
    ElasticNet::new(l1, l2).gradients(model)
}
