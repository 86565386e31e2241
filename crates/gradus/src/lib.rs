//! Small, fast deep learning on the CPU: the facade over the Gradus crates.
//!
//! It re-exports, nothing more: each crate under a short name, and what a program usually needs in [`prelude`]. Take
//! single crates (`gradus-tensor`, `gradus-autodiff`, …) where you need less.
#![doc = ""]
#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

pub use gradus_autodiff as autodiff;
pub use gradus_data as data;
pub use gradus_io as io;
pub use gradus_layers as layers;
pub use gradus_losses as losses;
pub use gradus_models as models;
pub use gradus_optimizers as optimizers;
pub use gradus_regularizers as regularizers;
pub use gradus_tensor as tensor;
pub use gradus_train as train;

/// Parameters, modules, state and context. The derive macro here writes paths through this facade.
pub mod module {
    pub use gradus_module::*;
    /// Writes the walk of a [`Module`](trait@Module).
    ///
    /// ```
    /// use gradus::module::{Module, Param};
    ///
    /// #[derive(Module)]
    /// struct Affine { weight: Param, bias: Param }
    ///
    /// let model = Affine { weight: Param::new([[1.0_f32, 2.0]]), bias: Param::new([0.0]) };
    /// assert_eq!(model.parameter_count(), 3);
    /// ```
    // In place of the module crate's macro of this name; the trait of this name comes through.
    pub use gradus_module_derive::FacadeModule as Module;
}

/// What a program usually needs: `use gradus::prelude::*;`
pub mod prelude {
    pub use crate::autodiff::{
        Gradients, Var, detect_anomaly, grad, hessian, hvp, jacobian, jvp, no_grad, per_example_gradients,
        vjp,
    };
    pub use crate::data::{Loader, Pairs};
    pub use crate::io::{load, save};
    pub use crate::layers::{
        AdaptiveAvgPool2d, AvgPool2d, BatchNorm1d, BatchNorm2d, Bilinear, Conv1d, Conv2d, Crf, Dropout,
        Embedding, EmbeddingBag, Flatten, Gelu, GroupNorm, Gru, KeyValueCache, LayerNorm, LearnedPositions,
        Linear, LoraLinear, Lstm, MaxPool2d, MixtureOfExperts, MultiheadAttention, PackedSequence, Relu,
        RmsNorm, Rnn, Rotary, Sequential, Sigmoid, Silu, SinusoidalPositions, Softmax, Tanh, Transformer,
        TransformerBuilder, TransformerDecoder, TransformerEncoder, Unflatten,
    };
    pub use crate::losses::{Reduction, bce_with_logits, cross_entropy, huber, mse};
    pub use crate::module::{Context, Layer, Module, Param, checkpoint, summary};
    pub use crate::optimizers::{Adam, AdamW, GradientDescent, Schedule, Sgd};
    pub use crate::regularizers::{elastic_net, l2};
    pub use crate::tensor::{AttentionOptions, Rng, Tensor};
    pub use crate::train::Trainer;
}
