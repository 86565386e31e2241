//! Recurrent networks over whole sequences: what happens between one step and the next, forward and backward.
//!
//! The products of all steps at once (inputs, weights' cotangents) are the caller's; here are the steps, which wait for
//! each other: a product with weights packed once, then the cell (`cells`). Sequences do not wait for each other, so a
//! task takes a block of sequences through all steps; where that would leave threads idle, or the weights do not fit a
//! core's cache, each step is spread over threads instead (`blocks`). Knows slices, never a `Tensor`.

mod backward;
mod blocks;
mod cells;
mod forward;
mod product;
mod sizes;

pub use backward::{Backward, backward};
pub use forward::{Forward, forward};
pub use sizes::BatchSizes;

pub(super) use backward::run as run_backward;
pub(super) use forward::run as run_forward;

/// Which cell. Its gates lie in rows of `slots()·H` numbers; [`Recurrence::gates`] of them have recurrent weights, in
/// PyTorch's order, from slot [`Recurrence::first`] on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Recurrence {
    /// h = tanh(a).
    Tanh,
    /// h = max(a, 0).
    Relu,
    /// Slots i, f, g, o: c = f·c′ + i·g, h = o·tanh c (Hochreiter & Schmidhuber 1997, with Gers' forget gate).
    Lstm,
    /// Slots n, r, z and the recurrent part of n: h = (1 − z)·n + z·h′ (Cho et al. 2014, in PyTorch's form).
    Gru,
}

impl Recurrence {
    /// Gates with recurrent weights.
    #[must_use]
    pub const fn gates(self) -> usize {
        match self {
            Self::Tanh | Self::Relu => 1,
            Self::Lstm => 4,
            Self::Gru => 3,
        }
    }

    /// Numbers kept per hidden unit.
    #[must_use]
    pub const fn slots(self) -> usize {
        match self {
            Self::Tanh | Self::Relu => 1,
            Self::Lstm | Self::Gru => 4,
        }
    }

    /// The slot of the first gate with recurrent weights.
    #[must_use]
    pub const fn first(self) -> usize {
        match self {
            Self::Gru => 1,
            _ => 0,
        }
    }
}

/// The sizes of one direction of one layer.
#[derive(Clone, Copy, Debug)]
pub struct Sizes<'a> {
    /// Which cell.
    pub cell: Recurrence,
    /// How many sequences take each step.
    pub steps: &'a BatchSizes,
    /// From the last step to the first.
    pub reverse: bool,
    /// H.
    pub hidden: usize,
    /// P: H, or less with a projection.
    pub output: usize,
}

impl Sizes<'_> {
    /// Numbers of one sequence's gates at one step.
    const fn row(&self) -> usize {
        self.cell.slots() * self.hidden
    }

    /// Where in that row the recurrent product goes, and how long it is.
    const fn recurrent(&self) -> (usize, usize) {
        (self.cell.first() * self.hidden, self.cell.gates() * self.hidden)
    }

    /// Numbers of one sequence's cell state at one step.
    const fn cell_width(&self) -> usize {
        if matches!(self.cell, Recurrence::Lstm) { self.hidden } else { 0 }
    }

    #[track_caller]
    fn check(&self, name: &str, given: usize, rows: usize, width: usize) {
        assert!(given == rows * width, "rnn: {name} has {given} elements for [{rows}, {width}]");
    }
}
