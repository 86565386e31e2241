//! N-dimensional arrays, layouts and CPU kernels of Gradus.

mod element;
mod isa;
pub mod kernels;
pub mod parallel;

pub use element::{DType, Element, Float, Number};
pub use isa::{Isa, current_isa, with_isa};
pub use parallel::{set_threads, threads, with_threads};
