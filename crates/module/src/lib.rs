//! Parameters, modules, state and context: what lets Gradus optimizers walk any model.
#![forbid(unsafe_code)]
