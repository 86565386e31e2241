//! N-dimensional arrays, layouts and CPU kernels of Gradus.
//!
//! A [`Tensor`] is a shared storage and a [`Layout`]; views are O(1), cloning shares, writing copies only what is
//! shared. Shapes are dynamic, the element type is static. A wrong shape panics with both shapes in the message.
//! Results are the same bits at any number of threads.
//!
//! ```
//! use gradus_tensor::Tensor;
//! let x = Tensor::from([[1.0_f32, 2.0], [3.0, 4.0]]);
//! let w = Tensor::from([[1.0, 0.0], [0.5, 0.5]]);
//! let y = x.matmul(&w.t()) + 1.0;
//! assert_eq!(y.to_vec(), [2.0, 2.5, 4.0, 4.5]);
//! ```
//!
//! It must never know gradients, parameters or files.

mod any;
mod arith;
mod attention;
mod axis_map;
mod close;
#[doc(hidden)]
pub mod contract;
mod conv;
mod crew;
mod display;
mod element;
mod elementwise;
#[cfg(feature = "fft")]
mod fft;
mod functions;
mod index;
mod interop;
mod interpolate;
mod isa;
#[doc(hidden)]
pub mod kernels;
mod layout;
mod linalg;
mod logic;
mod make;
mod math;
mod matmul;
mod norm;
mod operators;
mod order;
mod pack;
mod packed_matrix;
mod pad;
pub mod parallel;
mod polynomial;
mod pool;
mod precision;
mod quantile;
mod random;
mod reduce;
mod rng;
mod rnn;
mod sample;
mod scan;
mod scatter;
mod search;
mod shape;
mod softmax;
mod special;
mod statistics;
mod storage;
mod table;
mod table_examples;
mod tensor;
#[doc(hidden)]
pub mod views;

pub use any::AnyTensor;
pub use arith::Arith;
pub use attention::{AttentionOptions, PackedHeads};
pub use axis_map::AxisMap;
pub use conv::{
    Conv1dSpec, Conv2dFilters, Conv2dFinish, Conv2dSpec, Conv3dSpec, ConvSpec, ConvTransposeSpec, PatchSpec,
};
pub use element::{DType, Element, Float, Number};
pub use elementwise::{Binary, Reads, Unary};
pub use interpolate::{Interpolation, InterpolationMode, Resize};
pub use isa::{Body, Fused, Isa, MulAdd, Separate, current_isa, dispatch, with_isa};
pub use kernels::rnn::{BatchSizes, Recurrence};
pub use layout::{Collapsed, Layout};
pub use linalg::{Eigh, LinalgError, LogDet, Lu, Qr, Svd, Triangle};
pub use math::Math;
pub use pack::Pack;
pub use packed_matrix::PackedMatrix;
pub use pad::PadMode;
pub use parallel::{set_threads, threads, with_threads};
pub use pool::{Pool1dSpec, Pool2dSpec, Pool3dSpec, PoolSpec};
pub use precision::Precision;
pub use quantile::QuantileMethod;
pub use rng::{Rng, RngState, philox};
pub use rnn::{RnnOperands, RnnRun, RnnSpec};
/// What a float type needs for Fourier transforms.
#[cfg(feature = "fft")]
pub use rustfft::FftNum;
pub use sample::{GridSampling, SamplingMode, SamplingPadding};
pub use scatter::ScatterReduce;
pub use search::Unique;
pub use shape::{MAX_RANK, Shape};
pub use storage::{Memory, memory, release_memory, reset_peak_memory, set_recycle_limit};
pub use table::constants;
pub use tensor::Tensor;

/// The README's example, run as a test.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
