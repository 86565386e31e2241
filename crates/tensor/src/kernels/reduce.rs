//! Reductions over any axes: sum, product, maximum, minimum.
//!
//! Partial results are combined pairwise in a tree whose shape follows from the sizes alone, so rounding errors grow
//! like log n and the bits do not depend on the number of threads. Knows no `Tensor`.

use std::marker::PhantomData;

use super::strided::{PART, gather};
use crate::element::Number;
use crate::isa::{Body, Isa, dispatch};
use crate::layout::{Collapsed, Layout};
use crate::math::{larger, smaller};
use crate::parallel::{self, Cost};

/// Which reduction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reduction {
    /// Σ; 0 of nothing.
    Sum,
    /// Π; 1 of nothing.
    Product,
    /// The largest; NaN if any is NaN.
    Maximum,
    /// The smallest; NaN if any is NaN.
    Minimum,
}

/// One reduction: `out[i] ← ⊕ⱼ data[i, j]`.
pub struct Call<'a, T> {
    /// Instruction set.
    pub isa: Isa,
    /// One value per combination of kept axes, row-major.
    pub out: &'a mut [T],
    /// The buffer.
    pub data: &'a [T],
    /// The kept axes of the operand.
    pub kept: Layout,
    /// The reduced axes of the operand; its offset is not used.
    pub reduced: Layout,
}

/// The four hot functions of one reduction over one type; the walks around them are compiled once per type.
struct Fold<T> {
    identity: T,
    combine: fn(T, T) -> T,
    /// Dense elements, block by block: a result for each.
    blocks: fn(Isa, &[T], &mut [T]),
    /// One row into another.
    rows: fn(Isa, &mut [T], &[T]),
}

trait Combine<T>: Sync {
    const IDENTITY: T;
    fn combine(a: T, b: T) -> T;
}

impl<T: Number> Fold<T> {
    fn of<F: Combine<T>>() -> Self {
        Self {
            identity: F::IDENTITY,
            combine: F::combine,
            blocks: |isa, data, out| dispatch(isa, Blocks::<T, F>(data, out, PhantomData)),
            rows: |isa, into, row| dispatch(isa, Row::<T, F>(into, row, PhantomData)),
        }
    }
}

macro_rules! folds {
    ($($Name:ident $identity:ident |$a:ident, $b:ident| $combine:expr;)*) => {$(
        struct $Name;
        impl<T: Number> Combine<T> for $Name {
            const IDENTITY: T = T::$identity;
            #[inline(always)]
            fn combine($a: T, $b: T) -> T { $combine }
        }
    )*};
}
folds! {
    Sum ZERO |a, b| a.plus(b);
    Product ONE |a, b| a.times(b);
    Maximum LOWEST |a, b| larger(a, b);
    Minimum HIGHEST |a, b| smaller(a, b);
}

/// Elements of a block, which is summed in lanes; blocks are combined in the tree.
const BLOCK: usize = 512;
/// Accumulators that run side by side in one block.
const LANES: usize = 64;
/// Rows that are added one after another before the tree takes over.
const ROWS: usize = 32;
/// Columns and rows of one part of a reduction over outer axes.
const COLUMN_PART: usize = 256;
const ROW_PART: usize = 1024;

/// Runs one reduction.
pub fn reduce<T: Number>(op: Reduction, call: Call<'_, T>) {
    let fold = match op {
        Reduction::Sum => Fold::of::<Sum>(),
        Reduction::Product => Fold::of::<Product>(),
        Reduction::Maximum => Fold::of::<Maximum>(),
        Reduction::Minimum => Fold::of::<Minimum>(),
    };
    let (kept, reduced) = (call.kept.collapse(), call.reduced.collapse());
    if call.reduced.count() == 0 {
        call.out.fill(fold.identity);
        return;
    }
    let inner = reduced.axes().last().map_or(1, |axis| axis.1);
    match kept.axes().last() {
        Some(&(columns, 1)) if columns >= 8 && inner != 1 => outer(&fold, call, &kept, &reduced, columns),
        _ => rows(&fold, call, &kept, &reduced),
    }
}

/// The reduced elements of each result lie (nearly) together.
fn rows<T: Number>(fold: &Fold<T>, call: Call<'_, T>, kept: &Collapsed, reduced: &Collapsed) {
    let Call { isa, out, data, .. } = call;
    let length = call.reduced.count();
    let cost = Cost { bytes: out.len() * length * size_of::<T>(), flops: out.len() * length };
    let parts = length.div_ceil(PART);
    let part = |base: usize, i: usize| {
        let count = PART.min(length - i * PART);
        fold_part(fold, isa, data, &reduced.moved(base), i * PART, count)
    };
    let combine = |values| parallel::tree(values, fold.combine).unwrap_or(fold.identity);
    if parts > 1 && out.len() < 16 {
        for (i, value) in out.iter_mut().enumerate() {
            let base = position(kept, i);
            *value = combine(parallel::map(parts, cost, |i| part(base, i)));
        }
        return;
    }
    let chunk = (PART / length).max(1);
    parallel::chunks_mut(out, chunk, cost, |c, out| {
        for (i, value) in out.iter_mut().enumerate() {
            let base = position(kept, c * chunk + i);
            *value =
                if parts == 1 { part(base, 0) } else { combine((0..parts).map(|i| part(base, i)).collect()) };
        }
    });
}

fn position(layout: &Collapsed, index: usize) -> usize {
    let mut at = 0;
    layout.runs(index, 1, |position, _, _| at = position);
    at
}

/// At most [`PART`] elements of one result, from `first` on.
fn fold_part<T: Number>(
    fold: &Fold<T>,
    isa: Isa,
    data: &[T],
    layout: &Collapsed,
    first: usize,
    count: usize,
) -> T {
    let mut tree = Tree { combine: fold.combine, slots: [T::ZERO; 32], count: 0 };
    if let [(_, 1)] = layout.axes() {
        let mut results = [T::ZERO; PART / BLOCK];
        let results = &mut results[..count.div_ceil(BLOCK)];
        (fold.blocks)(isa, &data[layout.offset() + first..][..count], results);
        results.iter().for_each(|&result| tree.push(result));
        return tree.finish(fold.identity);
    }
    let mut scratch = [T::ZERO; BLOCK];
    let mut done = 0;
    while done < count {
        let block = &mut scratch[..BLOCK.min(count - done)];
        gather(data, layout, first + done, block);
        let mut result = [T::ZERO];
        (fold.blocks)(isa, block, &mut result);
        tree.push(result[0]);
        done += BLOCK;
    }
    tree.finish(fold.identity)
}

/// Each block in `LANES` accumulators, then a tree over them.
struct Blocks<'a, T, F>(&'a [T], &'a mut [T], PhantomData<F>);

impl<T: Number, F: Combine<T>> Body for Blocks<'_, T, F> {
    type Output = ();
    #[inline(always)]
    fn run(self) {
        for (block, out) in self.0.chunks(BLOCK).zip(self.1) {
            let mut lanes = [F::IDENTITY; LANES];
            let (chunks, rest) = block.as_chunks::<LANES>();
            for chunk in chunks {
                for i in 0..LANES {
                    lanes[i] = F::combine(lanes[i], chunk[i]);
                }
            }
            for (lane, &value) in lanes.iter_mut().zip(rest) {
                *lane = F::combine(*lane, value);
            }
            let mut width = LANES;
            while width > 1 {
                width /= 2;
                for i in 0..width {
                    lanes[i] = F::combine(lanes[i], lanes[i + width]);
                }
            }
            *out = lanes[0];
        }
    }
}

/// Pairwise combination of a stream: slot k holds the result of 2ᵏ items.
struct Tree<T> {
    combine: fn(T, T) -> T,
    slots: [T; 32],
    count: u32,
}

impl<T: Number> Tree<T> {
    fn push(&mut self, mut value: T) {
        let carries = self.count.trailing_ones() as usize;
        for slot in &self.slots[..carries] {
            value = (self.combine)(*slot, value);
        }
        self.slots[carries] = value;
        self.count += 1;
    }

    fn finish(self, identity: T) -> T {
        let mut result = identity;
        for k in 0..32 {
            if self.count >> k & 1 == 1 {
                result = (self.combine)(self.slots[k], result);
            }
        }
        result
    }
}

/// The results lie together, the reduced elements of each far apart: whole rows are combined with each other.
fn outer<T: Number>(
    fold: &Fold<T>,
    call: Call<'_, T>,
    kept: &Collapsed,
    reduced: &Collapsed,
    columns: usize,
) {
    let Call { isa, out, data, .. } = call;
    let length = call.reduced.count();
    let (chunks, parts) = (columns.div_ceil(COLUMN_PART), length.div_ceil(ROW_PART));
    let cost = Cost { bytes: out.len() * length * size_of::<T>(), flops: out.len() * length };
    let groups = out.len() / columns;
    let add = |mut a: Vec<T>, b: Vec<T>| {
        (fold.rows)(isa, &mut a, &b);
        a
    };
    let results = parallel::map(groups * chunks * parts, cost, |job| {
        let (group, chunk, part) = (job / (chunks * parts), job / parts % chunks, job % parts);
        let column = chunk * COLUMN_PART;
        let layout = reduced.moved(position(kept, group * columns) + column);
        let width = COLUMN_PART.min(columns - column);
        let count = ROW_PART.min(length - part * ROW_PART);
        let mut groups: Vec<Vec<T>> = Vec::with_capacity(count.div_ceil(ROWS));
        let mut row = 0;
        layout.runs(part * ROW_PART, count, |position, stride, length| {
            for i in 0..length {
                let values = &data[position.wrapping_add_signed(i as isize * stride)..][..width];
                match groups.last_mut() {
                    Some(last) if row % ROWS != 0 => (fold.rows)(isa, last, values),
                    _ => groups.push(values.to_vec()),
                }
                row += 1;
            }
        });
        parallel::tree(groups, add).unwrap_or_default()
    });
    let mut results = results.into_iter();
    for group in out.chunks_mut(columns) {
        for chunk in group.chunks_mut(COLUMN_PART) {
            if let Some(combined) = parallel::tree(results.by_ref().take(parts).collect(), add) {
                chunk.copy_from_slice(&combined);
            }
        }
    }
}

/// `into[i] ← into[i] ⊕ row[i]`.
struct Row<'a, T, F>(&'a mut [T], &'a [T], PhantomData<F>);

impl<T: Number, F: Combine<T>> Body for Row<'_, T, F> {
    type Output = ();
    #[inline(always)]
    fn run(self) {
        for (a, &b) in self.0.iter_mut().zip(self.1) {
            *a = F::combine(*a, b);
        }
    }
}
