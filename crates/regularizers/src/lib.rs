//! Regularizers of Gradus: what keeps parameters and outputs in bounds. Penalties add to a loss and have a closed gradient, many
//! a proximal step; constraints project after a step; masks prune; noise spreads.
//!
//! Why a crate of its own: a regularizer sees parameters and variables, never losses or layers; so it fits beside any loss and
//! any optimizer. L2 means λ/2·‖w‖² here, whose gradient is λ·w.
//!
//! ```
//! use gradus_autodiff::Var;
//! use gradus_module::Param;
//! use gradus_regularizers::{Penalty, L2, l2, l2_where};
//!
//! let model = [Param::new([3.0_f32, 4.0]), Param::new([1.0])];
//! let loss = model[1].square().sum() + l2(&model, 0.5);
//! assert_eq!(loss.item(), 1.0 + 0.25 * 26.0);
//! // By name, for instance weights without biases:
//! let weights: Var = l2_where(&model, 0.5, |path| path != "1");
//! assert_eq!(weights.item(), 0.25 * 25.0);
//! // Or without a graph, added to the gradients:
//! let mut gradients = model[1].square().sum().backward();
//! gradients.merge(L2::new(0.5).gradients(&model));
//! assert_eq!(gradients.of(&model[1]).unwrap().to_vec(), [2.5]);
//! ```
//!
//! It must never know layers, losses or optimizers.
#![forbid(unsafe_code)]

mod constraint;
mod constraints;
mod elastic_net;
mod group_lasso;
mod l1;
mod l2;
mod max_norm;
mod noise;
mod nuclear_norm;
mod orthogonality;
mod outputs;
mod penalty;
mod prune;
mod slopes;
mod threshold;
mod total_variation;

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

// What this crate's interface is made of, so that it can be used alone.
pub use gradus_autodiff as autodiff;
pub use gradus_module as module;
pub use gradus_tensor as tensor;

pub use constraint::Constraint;
pub use constraints::{NonNegative, SpectralNorm, UnitNorm};
pub use elastic_net::{ElasticNet, elastic_net, elastic_net_gradients, elastic_net_where};
pub use group_lasso::GroupLasso;
pub use l1::{L1, l1, l1_gradients, l1_where};
pub use l2::{L2, l2, l2_gradients, l2_where};
pub use max_norm::{MaxNorm, max_norm};
pub use noise::WeightNoise;
pub use nuclear_norm::NuclearNorm;
pub use orthogonality::Orthogonality;
pub use outputs::{Activity, Confidence, RDrop};
pub use penalty::{Only, Penalty, Proximal};
pub use prune::Masks;
pub use slopes::{gradient_penalty, jacobian_penalty};
pub use threshold::{group_soft_threshold, singular_value_threshold, soft_threshold};
pub use total_variation::TotalVariation;
