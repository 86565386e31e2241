//! The correctness suite of Gradus: one table of ops, and properties multiplied over it.
//!
//! A new op gets one row in [`rows`], and with it all properties: value, gradient, second order, memory layouts, `f32`
//! against `f64`, bits at any number of threads, instruction sets, declared algebra. It must never know how an op is
//! computed: a reference is plain `f64` arithmetic.
#![forbid(unsafe_code)]

mod draw;
mod law;
mod layouts;
pub mod ledger;
mod row;
pub mod rows;
mod run;
pub mod views;

pub use draw::Draw;
pub use law::Law;
pub use layouts::on_every_layout;
pub use row::{Function, Row, Shapes, unary};
pub use run::{cases, for_each_draw, for_each_large_draw, leaves, run_and_differentiate};

/// The taste in the workspace's README, run as a test.
#[cfg(doctest)]
#[doc = include_str!("../../../README.md")]
struct Readme;
