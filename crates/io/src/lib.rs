//! Reading and writing weights for Gradus (safetensors): a crate of its own because neither layers nor training need
//! files, and files need neither.
//!
//! It must never know a layer, an optimizer or what a tensor's name means.
//!
//! # Why not the `safetensors` crate
//! It would bring 13 more packages into every user's build; the format is small. So it is read and written here, and
//! the crate is the independent judge in this crate's tests: the bytes written are the very bytes that it writes.
//!
#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod atomic;
mod error;
mod model;
mod safetensors;

// What this crate's interface is made of, so that it can be used alone.
pub use gradus_module as module;
pub use gradus_tensor as tensor;

pub use atomic::{remove_abandoned, write_atomically, write_bytes_atomically};
pub use error::IoError;
pub use model::{load, save};
pub use safetensors::{load_state, save_state, state_from_bytes, state_to_bytes};
