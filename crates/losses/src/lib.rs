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
mod boxes;
mod check;
mod contrastive;
mod cross_entropy;
mod ctc;
mod dice;
mod divergences;
mod focal;
mod gaussian_nll;
mod hinge;
mod huber;
mod kl_div;
mod l1;
mod linear_cross_entropy;
mod log_cosh;
mod margins;
mod mse;
mod nll;
mod poisson_nll;
mod quantile;
mod rankings;
mod recommend;
mod reduction;
mod smooth_l1;
mod targets;
mod word_vectors;

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

// What this crate's interface is made of, so that it can be used alone.
pub use gradus_autodiff as autodiff;
pub use gradus_tensor as tensor;

pub use bce::bce;
pub use bce_with_logits::{BceWithLogits, bce_with_logits};
pub use boxes::{ciou, diou, giou, iou};
pub use contrastive::{info_nce, nt_xent};
pub use cross_entropy::{CrossEntropy, cross_entropy, cross_entropy_soft};
pub use ctc::Ctc;
pub use dice::Dice;
pub use divergences::{js, kl_div_log_target};
pub use focal::{focal, focal_classes};
pub use gaussian_nll::{GaussianNll, gaussian_nll};
pub use hinge::hinge;
pub use huber::huber;
pub use kl_div::kl_div;
pub use l1::l1;
pub use linear_cross_entropy::LinearCrossEntropy;
pub use log_cosh::log_cosh;
pub use margins::{MultiMargin, multilabel_margin, multilabel_soft_margin, soft_margin, squared_hinge};
pub use mse::mse;
pub use nll::{Nll, nll};
pub use poisson_nll::{PoissonNll, poisson_nll};
pub use quantile::quantile;
pub use rankings::{Triplet, cosine_embedding, hinge_embedding, margin_ranking, pairwise_distance};
pub use recommend::{Warp, bpr, listnet};
pub use reduction::Reduction;
pub use smooth_l1::smooth_l1;
pub use word_vectors::{HierarchicalSoftmax, NegativeSampler, negative_sampling};
