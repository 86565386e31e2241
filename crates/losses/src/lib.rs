//! Loss functions of Gradus: a prediction and a target in, a differentiable scalar out.
//!
//! Why a crate of its own: a loss needs variables and nothing else, so it serves hand-written loops and models of any
//! make. Losses of classes take logits, never probabilities: softmax and sigmoid are inside, where they cannot
//! overflow. A prediction and its target must have one shape: nothing broadcasts in silence.
//!
//! ```
//! use gradus_autodiff::Var;
//! use gradus_losses::{Reduction, cross_entropy, mse};
//! use gradus_tensor::Tensor;
//!
//! let prediction = Var::leaf([2.5_f32, 0.0]);
//! let loss = mse(&prediction, &Tensor::from([3.0, -0.5]), Reduction::Mean);
//! assert_eq!(loss.item(), 0.25);
//! assert_eq!(loss.backward().of(&prediction).unwrap().to_vec(), [-0.5, 0.5]);
//!
//! let logits = Var::leaf([[0.0_f32, 0.0], [500.0, -500.0]]);
//! let loss = cross_entropy(&logits, &Tensor::from([1_i64, 0]), Reduction::Sum);
//! assert!((loss.item() - 2.0_f64.ln()).abs() < 1e-6);
//! ```
//!
//! It must never know parameters, layers or optimizers.
#![forbid(unsafe_code)]

mod bce;
mod bce_with_logits;
mod check;
mod cross_entropy;
mod hinge;
mod huber;
mod kl_div;
mod l1;
mod log_cosh;
mod mse;
mod nll;
mod reduction;
mod smooth_l1;
mod targets;

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

// What this crate's interface is made of, so that it can be used alone.
pub use gradus_autodiff as autodiff;
pub use gradus_tensor as tensor;

pub use bce::bce;
pub use bce_with_logits::{BceWithLogits, bce_with_logits};
pub use cross_entropy::{CrossEntropy, cross_entropy, cross_entropy_soft};
pub use hinge::hinge;
pub use huber::huber;
pub use kl_div::kl_div;
pub use l1::l1;
pub use log_cosh::log_cosh;
pub use mse::mse;
pub use nll::{Nll, nll};
pub use reduction::Reduction;
pub use smooth_l1::smooth_l1;
