//! What a training notices that is no error but that a person should know. It must never know how it is shown.

use std::fmt;

/// Something worth a person's attention. As text it is one sentence that says what to do. Callbacks are told by
/// [`Callback::on_warning`](crate::Callback::on_warning); [`Trainer::warnings`](crate::Trainer::warnings) lists them.
///
/// ```
/// use gradus_train::Warning;
/// let warning = Warning::WithoutGradient { paths: vec!["hidden.bias".into()] };
/// assert!(warning.to_string().starts_with("the loss does not depend on hidden.bias"));
/// ```
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Warning {
    /// Trained parameters had no gradient in the first step.
    WithoutGradient {
        /// Their paths.
        paths: Vec<String>,
    },
    /// The loss is where it began.
    LossDoesNotFall {
        /// After so many steps.
        steps: u64,
        /// Its mean over the first of them.
        before: f64,
        /// Its mean over the last of them.
        now: f64,
    },
    /// Units had a gradient of exactly 0 in each of many steps.
    DeadUnits {
        /// Their bias.
        path: String,
        /// How many.
        dead: usize,
        /// Of how many.
        units: usize,
        /// In so many steps.
        steps: u64,
    },
    /// Products in bf16 are not faster on this machine.
    NotFaster,
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::WithoutGradient { paths } => write!(
                f,
                "the loss does not depend on {}; use it in the forward pass, or freeze it",
                paths.join(", ")
            ),
            Self::LossDoesNotFall { steps, before, now } => write!(
                f,
                "the loss has not fallen in {steps} steps: its mean was {before:.6} and is {now:.6}; try another learning rate, \
                 look whether inputs are scaled and whether targets fit them"
            ),
            Self::DeadUnits { path, dead, units, steps } => write!(
                f,
                "{dead} of the {units} units of {path} had no gradient in {steps} steps and no longer learn; lower the \
                 learning rate, or use an activation without a flat side (leaky ReLU, GELU)"
            ),
            Self::NotFaster => write!(
                f,
                "bf16 products are not faster on this machine, which lacks a fast instruction for them; the result is the same \
                 as where they are"
            ),
        }
    }
}
