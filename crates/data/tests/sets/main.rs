//! Everything between a set and a training step, in one program, because each costs a link.

#![allow(clippy::unwrap_used)] // helpers outside #[test] are test code too

mod batches;
mod fitted;
mod folds;
mod images;
mod mixing;
mod reference;
mod samplers;
mod splits;
mod streams;
mod threads;
