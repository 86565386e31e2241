//! Clipping: how far a step lets gradients go. Knows how it scales or bounds, not whose gradients they are.

use crate::error::{OptimizerError, check};

/// Added to a norm before it divides (PyTorch's constant in `clip_grad_norm_`).
const NORM_EPS: f64 = 1e-6;

/// What is done to gradients that are too large, before weight decay.
///
/// ```
/// use gradus_module::Param;
/// use gradus_optimizers::{Clip, GradientDescent};
/// let mut model = Param::new([0.0_f32, 0.0]);
/// let gradients = (&*model * &gradus_autodiff::Var::constant([3.0, 4.0])).sum().backward(); // norm 5
/// GradientDescent::new(1.0).clip(Clip::GlobalNorm(1.0)).step(&mut model, &gradients)?;
/// assert!((model.value().at(&[0]) + 0.6).abs() < 1e-5 && (model.value().at(&[1]) + 0.8).abs() < 1e-5);
/// # Ok::<(), gradus_optimizers::OptimizerError>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Clip {
    /// Nothing.
    #[default]
    Off,
    /// All gradients times min(1, c/(‖all of them‖ + 1e-6)) (PyTorch: `clip_grad_norm_`).
    GlobalNorm(f64),
    /// Each parameter's gradient times min(1, c/(‖it‖ + 1e-6)).
    ParameterNorm(f64),
    /// Each element into −c ..= c (PyTorch: `clip_grad_value_`).
    Value(f64),
}

impl Clip {
    pub(crate) fn validate(self) -> Result<(), OptimizerError> {
        let (argument, limit) = match self {
            Clip::Off => return Ok(()),
            Clip::GlobalNorm(limit) => ("clip_global_norm", limit),
            Clip::ParameterNorm(limit) => ("clip_parameter_norm", limit),
            Clip::Value(limit) => ("clip_value", limit),
        };
        check(argument, limit, limit > 0.0, "above 0")
    }

    /// Whether the norms must be known before anything is updated.
    pub(crate) fn wants_norms(self) -> bool {
        matches!(self, Clip::GlobalNorm(_) | Clip::ParameterNorm(_))
    }

    /// The factor for a parameter's gradient, given the norm of all and its own.
    pub(crate) fn factor(self, global: f64, own: f64) -> f64 {
        let within = |limit: f64, norm: f64| {
            let factor = limit / (norm + NORM_EPS);
            // A NaN norm goes on into the parameters, where it shows, as in PyTorch.
            if factor >= 1.0 { 1.0 } else { factor }
        };
        match self {
            Clip::GlobalNorm(limit) => within(limit, global),
            Clip::ParameterNorm(limit) => within(limit, own),
            Clip::Off | Clip::Value(_) => 1.0,
        }
    }

    /// The bound of each element.
    pub(crate) fn bound(self) -> Option<f64> {
        match self {
            Clip::Value(limit) => Some(limit),
            _ => None,
        }
    }
}
