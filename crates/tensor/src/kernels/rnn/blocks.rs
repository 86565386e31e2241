//! How a batch is cut into tasks: blocks of sequences, each with its rows of every step, so that a task owns what it
//! writes. Index arithmetic and slices alone.

use super::Sizes;
use crate::parallel::Cost;

/// Sequences that one task takes through all steps, at most.
const BLOCK: usize = 16;
/// Weights up to this many bytes stay in a core's second-level cache from step to step.
const CACHED: usize = 1280 * 1024;
/// As many blocks as this keep all threads busy with the weights they stream.
const MANY: usize = 8;

/// How the work is spread.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Cut {
    /// Blocks of sequences, each a task of its own.
    pub(super) blocks: usize,
    /// Whether a task spreads each of its steps over threads; then there is one block.
    pub(super) spread: bool,
}

impl Cut {
    /// From the work alone.
    pub(super) fn of(sizes: &Sizes<'_>, weights: usize) -> Self {
        let blocks = sizes.steps.batch().div_ceil(BLOCK);
        if blocks >= 2 && (weights <= CACHED || blocks >= MANY) {
            Self { blocks, spread: false }
        } else {
            Self { blocks: 1, spread: true }
        }
    }

    /// First sequence and number of sequences of block `i`.
    pub(super) fn block(self, batch: usize, i: usize) -> (usize, usize) {
        let (each, longer) = (batch / self.blocks, batch % self.blocks);
        (i * each + i.min(longer), each + usize::from(i < longer))
    }

    /// Cuts a buffer of rows into the rows of each block at each step, in the order of processing: `[block][step]`.
    pub(super) fn split<'a, T>(
        self,
        sizes: &Sizes<'_>,
        mut x: &'a mut [T],
        width: usize,
    ) -> Vec<Vec<&'a mut [T]>> {
        let steps = sizes.steps;
        let mut out: Vec<Vec<&mut [T]>> =
            (0..self.blocks).map(|_| Vec::with_capacity(steps.steps())).collect();
        for &size in steps.sizes() {
            for (i, block) in out.iter_mut().enumerate() {
                let (first, length) = self.block(steps.batch(), i);
                let rows = size.saturating_sub(first).min(length);
                let (part, rest) = std::mem::take(&mut x).split_at_mut(rows * width);
                block.push(part);
                x = rest;
            }
        }
        if sizes.reverse {
            out.iter_mut().for_each(|block| block.reverse());
        }
        out
    }

    /// Cuts a buffer of one row per sequence into blocks.
    pub(super) fn split_batch<T>(self, batch: usize, mut x: &mut [T], width: usize) -> Vec<&mut [T]> {
        let cut = |i| {
            let (part, rest) = std::mem::take(&mut x).split_at_mut(self.block(batch, i).1 * width);
            x = rest;
            part
        };
        (0..self.blocks).map(cut).collect()
    }
}

/// First row of each step, in the order of processing, with its number of rows.
pub(super) fn starts(sizes: &Sizes<'_>) -> Vec<(usize, usize)> {
    let mut start = 0;
    let place = |&size: &usize| {
        start += size;
        (start - size, size)
    };
    let mut out: Vec<_> = sizes.steps.sizes().iter().map(place).collect();
    if sizes.reverse {
        out.reverse();
    }
    out
}

/// The cost of all steps together.
pub(super) fn cost(sizes: &Sizes<'_>) -> Cost {
    let work = sizes.recurrent().1 * sizes.output + 8 * sizes.row();
    Cost::flops(sizes.steps.rows() * work)
}
