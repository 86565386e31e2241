//! Layers and initialisers of Gradus.
//!
//! Why a crate of its own: a layer is what a module makes of operations; losses, optimizers and files never name one.
//! Names, defaults, memory layouts and numerics are PyTorch's, so that its checkpoints load by name.
//!
//! It must never know losses, optimizers, data or file formats.
//!
#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod activation;
mod attention;
mod attention_cache;
mod batch_norm;
mod conv;
mod dropout;
mod embedding;
mod error;
pub mod init;
mod linear;
mod norm;
mod normalise;
mod pool;
mod sequential;
mod sides;

// What this crate's interface is made of, so that it can be used alone.
pub use gradus_autodiff as autodiff;
pub use gradus_module as module;
pub use gradus_tensor as tensor;

pub use activation::*;
pub use attention::{MultiheadAttention, alibi_slopes, key_padding_mask};
pub use attention_cache::KeyValueCache;
pub use batch_norm::{BatchNorm1d, BatchNorm2d, BatchNorm3d};
pub use conv::{Conv1d, Conv1dBuilder, Conv2d, Conv2dBuilder};
pub use dropout::{ChannelDropout, DropPath, Dropout};
pub use embedding::Embedding;
pub use error::LayerError;
pub use linear::Linear;
pub use norm::{GroupNorm, LayerNorm, RmsNorm};
pub use pool::{AdaptiveAvgPool1d, AdaptiveAvgPool2d, AvgPool1d, AvgPool2d, MaxPool1d, MaxPool2d};
pub use sequential::{Flatten, Identity, Sequential};
pub use sides::Sides;
