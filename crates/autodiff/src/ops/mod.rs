//! The operations, each with its rule beside it.

mod arithmetic;
mod attention;
mod conv;
mod decompose;
mod determinant;
mod elementwise;
mod index;
mod least_squares;
mod matmul;
mod pad;
mod pool;
mod reduce;
mod reshape;
mod rnn;
mod softmax;
mod solve;
mod triangle;
mod view;

pub use elementwise::choose;
pub(crate) use reshape::Reshape;
