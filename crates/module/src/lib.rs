//! Parameters, modules, state and context: the interface that lets optimizers, files and reports walk any model
//! without knowing its layers.
//!
//! Why a crate of its own: layers, losses, optimizers and regularizers are siblings that never depend on each other;
//! what they share is this. A [`Module`] is walked entry by entry with PyTorch's names; a [`Layer`] maps a variable
//! to a variable through a [`Context`]; a [`State`] is a model's values as data.
//!
//! It must never know a concrete layer, an optimizer or a file format.
//!
#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

extern crate self as gradus_module;

mod checkpoint;
mod context;
mod entry;
mod layer;
mod path;
mod state;
mod summary;
mod walk;

// What this crate's interface is made of, so that it can be used alone.
pub use gradus_autodiff as autodiff;
pub use gradus_tensor as tensor;

pub use checkpoint::{checkpoint, checkpoint_with_context, shared};
pub use context::{Context, Trace};
pub use entry::{Buffer, Counter, Entry, Kind, Param};
/// Writes the walk of a [`Module`](trait@Module).
///
/// ```
/// use gradus_module::{Module, Param};
///
/// #[derive(Module)]
/// struct Block {
///     #[module(rename = "in_proj")]
///     input: Param,
///     #[module(flatten)]
///     rest: Vec<Param>,
///     #[module(skip)]
///     name: String,
/// }
///
/// let [input, rest] = [0.0_f32, 1.0].map(|x| Param::new([x]));
/// let block = Block { input, rest: vec![rest], name: "first".into() };
/// assert_eq!(block.state().names().collect::<Vec<_>>(), ["in_proj", "0"]);
/// # assert_eq!(block.name, "first");
/// ```
pub use gradus_module_derive::Module;
pub use layer::Layer;
pub use path::Path;
pub use state::{LoadError, State};
pub use summary::{Row, Summary, summary};
pub use walk::{Module, Visitor, VisitorMut, apply_updates};
