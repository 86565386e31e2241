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

mod accumulate;
mod adadelta;
mod adafactor;
mod adagrad;
mod adam;
mod adamax;
mod adamw;
mod asgd;
mod average;
mod clip;
mod error;
mod float;
mod gradient_descent;
mod group;
mod lamb;
mod lars;
mod lbfgs;
mod lion;
mod lookahead;
mod muon;
mod nadam;
mod optimize;
mod optimizer;
mod pair;
mod plateau;
mod radam;
mod rmsprop;
mod rprop;
mod rule;
mod sam;
mod schedule;
mod schedule_free;
mod setters;
mod sgd;
mod shampoo;
mod sophia;
mod state;
mod step;
mod update;
mod values;

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

// What this crate's interface is made of, so that it can be used alone.
pub use gradus_autodiff as autodiff;
pub use gradus_module as module;
pub use gradus_tensor as tensor;

pub use accumulate::Accumulator;
pub use adadelta::{Adadelta, AdadeltaRule};
pub use adafactor::{Adafactor, AdafactorRule};
pub use adagrad::{Adagrad, AdagradRule};
pub use adam::{Adam, AdamRule};
pub use adamax::{AdaMax, AdaMaxRule};
pub use adamw::{AdamW, AdamWRule};
pub use asgd::{Asgd, AsgdRule};
pub use average::{Average, refresh_statistics};
pub use clip::Clip;
pub use error::OptimizerError;
pub use gradient_descent::{GradientDescent, GradientDescentRule};
pub use group::GroupOptions;
pub use lamb::{Lamb, LambRule};
pub use lars::{Lars, LarsRule};
pub use lbfgs::{Lbfgs, LbfgsReport, LineSearch};
pub use lion::{Lion, LionRule};
pub use lookahead::Lookahead;
pub use muon::{Muon, MuonRule, MuonScale};
pub use nadam::{NAdam, NAdamRule};
pub use optimize::{Evaluate, Optimize};
pub use optimizer::Optimizer;
pub use pair::Pair;
pub use plateau::{Better, ReduceOnPlateau, Threshold};
pub use radam::{RAdam, RAdamRule};
pub use rmsprop::{RmsProp, RmsPropRule};
pub use rprop::{Rprop, RpropRule};
pub use rule::{Decay, MAX_SCALARS, MAX_SLOTS, Rule, StepInfo, in_wide_loops};
pub use sam::Sam;
pub use schedule::{Cyclic, CyclicScale, OneCycle, Schedule};
pub use schedule_free::{ScheduleFree, ScheduleFreeRule};
pub use sgd::{Sgd, SgdRule};
pub use shampoo::{Shampoo, ShampooRule};
pub use sophia::{Sophia, SophiaRule, hutchinson};
pub use step::StepReport;
pub use update::Update;
