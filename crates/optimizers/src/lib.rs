//! Optimizers of Gradus: gradients in, changed parameters out.
//!
//! Why a crate of its own: an [`Optimizer`] sees a model only as named parameters, so it serves any. What all methods
//! share (clipping, weight decay, parameter groups, schedules, state by name) is written once, in [`Optimizer`]; a
//! method is a [`Rule`], a pure function of slices, one small file with the paper's equations.
//!
//! ```
//! use gradus_autodiff::Var;
//! use gradus_module::Param;
//! use gradus_optimizers::{Adam, Schedule};
//! use gradus_tensor::Tensor;
//!
//! // Fit y = w₀·x + w₁.
//! let mut model = [Param::new([0.0_f32]), Param::new([0.0])];
//! let (x, y) = (Var::constant([0.0, 1.0, 2.0]), Var::constant([1.0, 3.0, 5.0]));
//! let mut optimizer = Adam::new(0.1).clip_global_norm(10.0).schedule(Schedule::cosine(300, 0.0));
//! for _ in 0..300 {
//!     let loss = (&*model[0] * &x + &*model[1] - &y).square().mean();
//!     optimizer.step(&mut model, &loss.backward())?;
//! }
//! assert!((model[0].value().item() - 2.0).abs() < 1e-2 && (model[1].value().item() - 1.0).abs() < 1e-2);
//! # Ok::<(), gradus_optimizers::OptimizerError>(())
//! ```
//!
//! It must never know layers, losses or files.
#![forbid(unsafe_code)]

mod adam;
mod adamw;
mod clip;
mod error;
mod float;
mod gradient_descent;
mod group;
mod optimizer;
mod rule;
mod schedule;
mod sgd;
mod state;
mod step;

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

// What this crate's interface is made of, so that it can be used alone.
pub use gradus_autodiff as autodiff;
pub use gradus_module as module;
pub use gradus_tensor as tensor;

pub use adam::{Adam, AdamRule};
pub use adamw::{AdamW, AdamWRule};
pub use clip::Clip;
pub use error::OptimizerError;
pub use gradient_descent::{GradientDescent, GradientDescentRule};
pub use group::GroupOptions;
pub use optimizer::Optimizer;
pub use rule::{Decay, MAX_SLOTS, Rule, StepInfo, in_wide_loops};
pub use schedule::Schedule;
pub use sgd::{Sgd, SgdRule};
pub use step::StepReport;
