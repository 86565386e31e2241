//! What can be wrong with a step: hyper-parameters, a model of another float type, a state that does not fit.

use gradus_tensor::DType;
use thiserror::Error;

/// Why an optimizer refused; model and optimizer are then as they were.
///
/// ```
/// use gradus_module::Param;
/// use gradus_optimizers::{GradientDescent, OptimizerError};
/// let mut model = Param::new([3.0_f32]);
/// let gradients = model.square().sum().backward();
/// let error: Option<OptimizerError> = GradientDescent::new(-1.0).step(&mut model, &gradients).err();
/// assert!(error.is_some_and(|error| error.to_string().contains("learning_rate")));
/// assert_eq!(model.value().item(), 3.0); // as it was
/// ```
#[derive(Clone, Debug, Error, PartialEq)]
#[non_exhaustive]
pub enum OptimizerError {
    /// A hyper-parameter outside its range.
    #[error("{argument} is {value}: it must be {allowed}")]
    HyperParameter {
        /// Its name.
        argument: &'static str,
        /// Its value.
        value: f64,
        /// What it may be.
        allowed: &'static str,
    },
    /// A parameter whose elements are of another type than the gradients'.
    #[error(
        "parameter `{name}` holds {parameter} but the gradients are {gradient}: convert the model or the loss"
    )]
    FloatType {
        /// The parameter's path.
        name: String,
        /// Its element type.
        parameter: DType,
        /// The gradients'.
        gradient: DType,
    },
    /// A parameter whose shape the method cannot train.
    #[error("parameter `{name}` is {shape:?}: this optimizer needs {wanted}; choose parameters with `only`")]
    ParameterShape {
        /// The parameter's path.
        name: String,
        /// Its shape.
        shape: Vec<usize>,
        /// What it must be.
        wanted: &'static str,
    },
    /// A gradient that has not its parameter's shape.
    #[error("parameter `{name}` is {parameter:?} but its gradient is {gradient:?}")]
    GradientShape {
        /// The parameter's path.
        name: String,
        /// Its shape.
        parameter: Vec<usize>,
        /// The gradient's.
        gradient: Vec<usize>,
    },
    /// A state tensor that has not its parameter's shape.
    #[error(
        "parameter `{name}` is {parameter:?} but the optimizer's state for it is {state:?}: it belongs to another model"
    )]
    StateShape {
        /// The parameter's path.
        name: String,
        /// Its shape.
        parameter: Vec<usize>,
        /// The state's.
        state: Vec<usize>,
    },
    /// A loaded state for parameters that the model does not have.
    #[error("the optimizer's state is for another model: it names {} that this one lacks", names.join(", "))]
    NoSuchParameter {
        /// Their paths.
        names: Vec<String>,
    },
    /// A state whose names are not those that this optimizer writes.
    #[error(
        "the state is not one of this optimizer's (entries `step`, `learning_rate`, and per parameter {}):{}{}",
        wanted.join(", "), list(" missing ", missing), list(" unexpected ", unexpected)
    )]
    StateNames {
        /// What there is per parameter.
        wanted: Vec<&'static str>,
        /// Names that are wanted and not there.
        missing: Vec<String>,
        /// Names that are there and not known.
        unexpected: Vec<String>,
    },
    /// A state entry that is not what its name says.
    #[error("`{name}` of the optimizer's state is {dtype} {shape:?}: it must be {wanted}")]
    StateValue {
        /// The entry.
        name: String,
        /// Its element type.
        dtype: DType,
        /// Its shape.
        shape: Vec<usize>,
        /// What it must be.
        wanted: &'static str,
    },
}

fn list(head: &str, names: &[String]) -> String {
    if names.is_empty() { String::new() } else { format!("{head}{}", names.join(", ")) }
}

/// `Ok` if the value is allowed. `is_allowed` must be false for NaN.
pub(crate) fn check(
    argument: &'static str,
    value: f64,
    is_allowed: bool,
    allowed: &'static str,
) -> Result<(), OptimizerError> {
    if is_allowed { Ok(()) } else { Err(OptimizerError::HyperParameter { argument, value, allowed }) }
}

/// `Ok` if the value is a number from 0 on.
pub(crate) fn check_not_negative(argument: &'static str, value: f64) -> Result<(), OptimizerError> {
    check(argument, value, value >= 0.0 && value.is_finite(), "a number from 0 on")
}

/// `Ok` if both β lie in 0 .. 1.
pub(crate) fn check_betas((first, second): (f64, f64)) -> Result<(), OptimizerError> {
    check("beta_1", first, (0.0..1.0).contains(&first), "in 0 .. 1")?;
    check("beta_2", second, (0.0..1.0).contains(&second), "in 0 .. 1")
}
