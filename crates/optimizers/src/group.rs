//! Parameter groups: other settings for parameters whose names a predicate accepts.

use std::sync::Arc;

use crate::error::{OptimizerError, check_not_negative};

/// What is different in a group.
///
/// ```
/// use gradus_optimizers::{AdamW, GroupOptions};
/// let optimizer = AdamW::new(1e-3)
///     .group(|name| name.ends_with("bias"), GroupOptions::new().weight_decay(0.0))
///     .group(|name| name.starts_with("backbone."), GroupOptions::new().learning_rate_scale(0.1));
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct GroupOptions {
    pub(crate) learning_rate_scale: f64,
    pub(crate) weight_decay: Option<f64>,
}

impl Default for GroupOptions {
    fn default() -> Self {
        Self { learning_rate_scale: 1.0, weight_decay: None }
    }
}

impl GroupOptions {
    /// As everywhere else.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The learning rate times `scale`.
    #[must_use]
    pub fn learning_rate_scale(mut self, scale: f64) -> Self {
        self.learning_rate_scale = scale;
        self
    }

    /// Another weight decay λ.
    #[must_use]
    pub fn weight_decay(mut self, weight_decay: f64) -> Self {
        self.weight_decay = Some(weight_decay);
        self
    }

    pub(crate) fn validate(&self) -> Result<(), OptimizerError> {
        check_not_negative("learning_rate_scale of a group", self.learning_rate_scale)?;
        self.weight_decay.map_or(Ok(()), |decay| check_not_negative("weight_decay of a group", decay))
    }
}

/// Says of a path whether it is meant.
pub(crate) type Predicate = Arc<dyn Fn(&str) -> bool + Send + Sync>;

/// A predicate and what holds where it is true.
#[derive(Clone)]
pub(crate) struct Group {
    pub(crate) accepts: Predicate,
    pub(crate) options: GroupOptions,
}
