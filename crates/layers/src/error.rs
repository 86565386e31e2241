//! What constructors of layers answer when an argument makes no sense. Shapes of inputs are no matter of this file:
//! those are contracts, and panic.

use std::fmt::Display;

use thiserror::Error;

/// A layer that cannot be built.
///
/// ```
/// use gradus_layers::{Dropout, LayerError};
/// let error: Option<LayerError> = Dropout::new(1.5).err();
/// assert!(error.is_some_and(|error| error.to_string().starts_with("Dropout: p is 1.5, but it must be ")));
/// ```
#[derive(Clone, Debug, Error, PartialEq)]
#[non_exhaustive]
pub enum LayerError {
    /// An argument lies outside what the layer can work with.
    #[error("{layer}: {argument} is {value}, but it must be {range}")]
    Argument {
        /// The layer's type.
        layer: &'static str,
        /// The argument's name.
        argument: &'static str,
        /// Its value.
        value: String,
        /// What it may be.
        range: String,
    },
}

impl LayerError {
    /// `Ok` if the argument is sensible.
    pub(crate) fn check(
        fits: bool,
        layer: &'static str,
        argument: &'static str,
        value: impl Display,
        range: impl Display,
    ) -> Result<(), Self> {
        let error = || Self::Argument { layer, argument, value: value.to_string(), range: range.to_string() };
        if fits { Ok(()) } else { Err(error()) }
    }
}
