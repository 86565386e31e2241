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
mod border;
mod conv;
mod conv_transpose;
mod dropout;
mod embedding;
mod error;
mod frozen;
mod gru;
pub mod init;
mod linear;
mod local_response;
mod lstm;
mod norm;
mod normalise;
mod pool;
mod pool_adaptive;
mod pool_power;
mod rnn;
mod rnn_builder;
mod rnn_cells;
mod rnn_packed;
mod rnn_stack;
mod separable;
mod sequential;
mod sides;
mod upsample;

// What this crate's interface is made of, so that it can be used alone.
pub use gradus_autodiff as autodiff;
pub use gradus_module as module;
pub use gradus_tensor as tensor;

pub use activation::*;
pub use attention::{MultiheadAttention, alibi_slopes, key_padding_mask};
pub use attention_cache::KeyValueCache;
pub use batch_norm::{BatchNorm1d, BatchNorm2d, BatchNorm3d};
pub use conv::{Conv1d, Conv1dBuilder, Conv2d, Conv2dBuilder, Conv3d, Conv3dBuilder};
pub use conv_transpose::{
    ConvTranspose1d, ConvTranspose1dBuilder, ConvTranspose2d, ConvTranspose2dBuilder, ConvTranspose3d,
    ConvTranspose3dBuilder,
};
pub use dropout::{ChannelDropout, DropPath, Dropout};
pub use embedding::Embedding;
pub use error::LayerError;
pub use frozen::{FrozenConv2d, fold_batch_norm};
pub use gru::{Gru, GruBuilder};
pub use linear::Linear;
pub use local_response::LocalResponseNorm;
pub use lstm::{Lstm, LstmBuilder, LstmState};
pub use norm::{GroupNorm, LayerNorm, RmsNorm};
pub use pool::{AvgPool1d, AvgPool2d, AvgPool3d, MaxPool1d, MaxPool2d, MaxPool3d};
pub use pool_adaptive::*;
pub use pool_power::*;
pub use rnn::{Rnn, RnnBuilder};
pub use rnn_cells::{GruCell, LstmCell, RnnCell};
pub use rnn_packed::PackedSequence;
pub use rnn_stack::RnnWeights;
pub use separable::{DepthwiseSeparable, DepthwiseSeparableBuilder};
pub use sequential::{Flatten, Identity, Sequential};
pub use sides::Sides;
pub use upsample::*;
