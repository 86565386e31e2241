//! Differentiable variables, ops and gradients of any order for Gradus.
//!
//! A [`Var`] is a tensor that remembers how it was made. [`Var::backward`] answers the gradients of a scalar as a
//! value; [`grad`] answers gradients that can be differentiated again, to any order. An operation is one [`Op`]: its
//! forward and, beside it, the rule that carries a cotangent back, written in differentiable operations.
//!
//! ```
//! use gradus_autodiff::Var;
//! let w = Var::leaf([0.5_f32, -1.0]);
//! let loss = (w.tanh() * 3.0).sum();
//! let gradients = loss.backward();
//! assert_eq!(gradients.of(&w).unwrap().dims(), [2]);
//! ```
//!
//! It must never know parameters, layers, losses or optimizers.
#![forbid(unsafe_code)]

mod alias;
mod anomaly;
mod check;
mod checkpoint;
mod dot;
mod engine;
mod gradients;
mod hook;
mod mode;
mod node;
mod op;
mod ops;
mod per_example;
mod transform;
mod var;

// What this crate's interface is made of, so that it can be used alone.
pub use gradus_tensor as tensor;

pub use anomaly::{Anomaly, detect_anomaly, find_anomaly};
pub use check::{GradCheck, GradCheckError, check_grads};
pub use checkpoint::{checkpoint, checkpoint_with};
pub use dot::to_dot;
pub use engine::{grad, grad_with};
pub use gradients::{BufferId, Gradients, Update};
pub use mode::{is_recording, no_grad};
pub use node::LeafId;
pub use op::{Cotangents, Op, Save, Saved};
pub use ops::choose;
pub use per_example::{Batch, Flow, Place, per_example_gradients};
pub use transform::{hessian, hvp, jacobian, jvp, vjp};
pub use var::{Var, apply};

/// The README's example, run as a test.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
