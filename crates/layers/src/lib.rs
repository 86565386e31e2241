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
mod activation_bounded;
mod attention;
mod attention_cache;
mod attention_forward;
mod attention_mask;
mod batch_norm;
mod bilinear;
mod border;
mod conv;
mod conv_transpose;
mod crf;
mod crf_chain;
mod drop_connect;
mod dropout;
mod embedding;
mod embedding_bag;
mod error;
mod frozen;
pub mod functional;
mod gated;
mod gru;
pub mod init;
mod instance_norm;
mod linear;
mod local_response;
mod lora;
mod lstm;
mod mixture;
mod noise;
mod norm;
mod normalise;
mod pool;
mod pool_adaptive;
mod pool_power;
mod positions;
mod relative;
mod reparametrized;
mod rnn;
mod rnn_builder;
mod rnn_cells;
mod rnn_packed;
mod rnn_stack;
mod rotary;
mod separable;
mod sequential;
mod sides;
mod spectral_norm;
mod transformer;
mod transformer_builder;
mod transformer_layer;
mod upsample;
mod weight_norm;

// What this crate's interface is made of, so that it can be used alone.
pub use gradus_autodiff as autodiff;
pub use gradus_module as module;
pub use gradus_tensor as tensor;

pub use activation::{
    Celu, Elu, Gelu, GeluTanh, Hardshrink, Hardsigmoid, Hardswish, LeakyRelu, LogSigmoid, LogSoftmax, Mish,
    PRelu, Relu, Relu6, Selu, Sigmoid, Silu, Softmax, Softshrink, Softsign, Tanh, Tanhshrink,
};
pub use activation_bounded::{Hardtanh, RRelu, Softplus, Threshold};
pub use attention::{InProjection, MultiheadAttention};
pub use attention_cache::KeyValueCache;
pub use attention_mask::{alibi_slopes, attention_mask, key_padding_mask, subsequent_mask};
pub use batch_norm::{BatchNorm1d, BatchNorm2d, BatchNorm3d};
pub use bilinear::Bilinear;
pub use conv::{Conv1d, Conv1dBuilder, Conv2d, Conv2dBuilder, Conv3d, Conv3dBuilder};
pub use conv_transpose::{
    ConvTranspose1d, ConvTranspose1dBuilder, ConvTranspose2d, ConvTranspose2dBuilder, ConvTranspose3d,
    ConvTranspose3dBuilder,
};
pub use crf::Crf;
pub use drop_connect::DropConnect;
pub use dropout::{ChannelDropout, DropPath, Dropout, Dropout1d, Dropout2d, Dropout3d};
pub use embedding::Embedding;
pub use embedding_bag::{BagMode, EmbeddingBag};
pub use error::LayerError;
pub use frozen::{FrozenConv2d, fold_batch_norm};
pub use gated::{GeGlu, Glu, Maxout, ReGlu, Softmax2d, Softmin, SwiGlu};
pub use gru::{Gru, GruBuilder};
pub use instance_norm::{InstanceNorm1d, InstanceNorm2d, InstanceNorm3d};
pub use linear::Linear;
pub use local_response::LocalResponseNorm;
pub use lora::LoraLinear;
pub use lstm::{Lstm, LstmBuilder, LstmState};
pub use mixture::{MixtureOfExperts, Routed};
pub use noise::{AlphaDropout, FeatureAlphaDropout, GaussianNoise};
pub use norm::{GroupNorm, LayerNorm, RmsNorm};
pub use pool::{AvgPool1d, AvgPool2d, AvgPool3d, MaxPool1d, MaxPool2d, MaxPool3d};
pub use pool_adaptive::*;
pub use pool_power::*;
pub use positions::{LearnedPositions, SinusoidalPositions, sinusoidal_table};
pub use relative::RelativeBias;
pub use rnn::{Rnn, RnnBuilder};
pub use rnn_cells::{GruCell, LstmCell, RnnCell};
pub use rnn_packed::PackedSequence;
pub use rnn_stack::RnnWeights;
pub use rotary::Rotary;
pub use separable::{DepthwiseSeparable, DepthwiseSeparableBuilder};
pub use sequential::{Flatten, Identity, Sequential, Unflatten};
pub use sides::Sides;
pub use spectral_norm::SpectralNorm;
pub use transformer::{Transformer, TransformerDecoder, TransformerEncoder};
pub use transformer_builder::TransformerBuilder;
pub use transformer_layer::{TransformerDecoderLayer, TransformerEncoderLayer};
pub use upsample::*;
pub use weight_norm::WeightNorm;
