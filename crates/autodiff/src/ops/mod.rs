//! The operations, each with its rule beside it.

mod arithmetic;
mod attention;
mod conv;
mod elementwise;
mod index;
mod matmul;
mod pad;
mod pool;
mod reduce;
mod rnn;
mod softmax;
mod view;

pub use elementwise::choose;
pub(crate) use view::Reshape;
