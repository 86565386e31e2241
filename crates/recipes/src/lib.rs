//! Recipes: real tasks on real data, in six visible steps.
//!
//! Why a crate of its own: here, and only here, all the others meet. A [`Recipe`] is what the command line knows of a
//! task; [`settings`] its hyper-parameters; [`Run`] the folder that it leaves. Nothing below may name this crate, and it
//! must never know the command line.
//!
#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod compare;
mod console;
pub mod digits;
mod error;
mod nearest;
mod page;
pub mod picture;
mod recipe;
mod results;
mod run;
mod saved;
pub mod settings;
pub mod table;

pub use compare::Comparison;
pub use console::Console;
pub use error::Error;
pub use nearest::nearest;
pub use recipe::{About, Answer, Outcome, RECIPES, Recipe, Request, find};
pub use results::{Results, Score};
pub use run::Run;
pub use saved::Saved;
