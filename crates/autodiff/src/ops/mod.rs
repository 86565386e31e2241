//! The operations, each with its rule beside it.

mod arithmetic;
mod attention;
mod contract;
mod conv;
mod decompose;
mod determinant;
mod elementwise;
#[cfg(feature = "fft")]
mod fourier;
mod functions;
mod index;
mod least_squares;
mod matmul;
mod order;
mod pad;
mod pairs;
mod patches;
mod pieces;
mod pool;
mod pool_nd;
mod reduce;
mod resample;
mod reshape;
mod rnn;
mod sample;
mod scan;
mod scatter;
mod softmax;
mod solve;
mod statistics;
mod triangle;
mod view;

pub use elementwise::choose;
pub(crate) use reshape::Reshape;
