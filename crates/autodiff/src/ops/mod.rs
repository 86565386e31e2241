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
mod index;
mod least_squares;
mod matmul;
mod pad;
mod pieces;
mod pool;
mod reduce;
mod rnn;
mod softmax;
mod solve;
mod triangle;
mod view;

pub use elementwise::choose;
pub(crate) use view::Reshape;
