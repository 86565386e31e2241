//! Reductions over any axes: sum, product, maximum, minimum.
//!
//! Partial results are combined pairwise in a tree whose shape follows from the sizes alone, so rounding errors grow
//! like log n and the bits do not depend on the number of threads. Knows no `Tensor`.

use super::strided::{BLOCK, PART, gather};
use crate::element::Number;
use crate::elementwise::{larger, smaller};
use crate::isa::{Body, Isa, dispatch};
use crate::layout::{Collapsed, Layout};
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

trait Fold<T>: Sync {
    const IDENTITY: T;
    fn combine(a: T, b: T) -> T;
}

macro_rules! folds {
    ($($Name:ident $identity:ident |$a:ident, $b:ident| $combine:expr;)*) => {$(
        struct $Name;
        impl<T: Number> Fold<T> for $Name {
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

/// Accumulators that run side by side in one block.
const LANES: usize = 32;
/// Rows that are added one after another before the tree takes over.
const ROWS: usize = 32;
/// Columns and rows of one part of a reduction over outer axes.
const COLUMN_PART: usize = 256;
const ROW_PART: usize = 1024;

/// Runs one reduction.
pub fn reduce<T: Number>(op: Reduction, call: Call<'_, T>) {
    match op {
        Reduction::Sum => run::<T, Sum>(call),
        Reduction::Product => run::<T, Product>(call),
        Reduction::Maximum => run::<T, Maximum>(call),
        Reduction::Minimum => run::<T, Minimum>(call),
    }
}

fn run<T: Number, F: Fold<T>>(call: Call<'_, T>) {
    let (kept, reduced) = (call.kept.collapse(), call.reduced.collapse());
    if call.reduced.count() == 0 {
        call.out.fill(F::IDENTITY);
        return;
    }
    let inner = reduced.axes().last().map_or(1, |axis| axis.1);
    match kept.axes().last() {
        Some(&(columns, 1)) if columns >= 8 && inner != 1 => outer::<T, F>(call, &kept, &reduced, columns),
        _ => rows::<T, F>(call, &kept, &reduced),
    }
}

/// The reduced elements of each result lie (nearly) together.
fn rows<T: Number, F: Fold<T>>(call: Call<'_, T>, kept: &Collapsed, reduced: &Collapsed) {
    let Call { isa, out, data, .. } = call;
    let length = call.reduced.count();
    let cost = Cost { bytes: out.len() * length * size_of::<T>(), flops: out.len() * length };
    let parts = length.div_ceil(PART);
    let part = |base: usize, i: usize| {
        let count = PART.min(length - i * PART);
        dispatch(
            isa,
            Part::<T, F> { data, reduced, base, first: i * PART, count, fold: std::marker::PhantomData },
        )
    };
    let combine = |values| parallel::tree(values, F::combine).unwrap_or(F::IDENTITY);
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

/// At most [`PART`] elements of one result.
struct Part<'a, T, F> {
    data: &'a [T],
    reduced: &'a Collapsed,
    /// Where the result's first element lies.
    base: usize,
    first: usize,
    count: usize,
    fold: std::marker::PhantomData<F>,
}

impl<T: Number, F: Fold<T>> Body for Part<'_, T, F> {
    type Output = T;
    #[inline(always)]
    fn run(self) -> T {
        let mut scratch = [T::ZERO; BLOCK];
        let mut tree = Tree::new();
        let layout = self.reduced.moved(self.base);
        let mut done = 0;
        while done < self.count {
            let len = BLOCK.min(self.count - done);
            let start = self.first + done;
            let block = match layout.axes() {
                [(_, 1)] => &self.data[self.base + start..][..len],
                _ => {
                    gather(self.data, &layout, start, &mut scratch[..len]);
                    &scratch[..len]
                }
            };
            tree.push::<F>(fold::<T, F>(block));
            done += len;
        }
        tree.finish::<F>()
    }
}

/// One block: `LANES` accumulators, then a tree over them.
#[inline(always)]
fn fold<T: Number, F: Fold<T>>(block: &[T]) -> T {
    let mut lanes = [F::IDENTITY; LANES];
    let mut chunks = block.chunks_exact(LANES);
    for chunk in &mut chunks {
        for i in 0..LANES {
            lanes[i] = F::combine(lanes[i], chunk[i]);
        }
    }
    for (lane, &value) in lanes.iter_mut().zip(chunks.remainder()) {
        *lane = F::combine(*lane, value);
    }
    let mut width = LANES;
    while width > 1 {
        width /= 2;
        for i in 0..width {
            lanes[i] = F::combine(lanes[i], lanes[i + width]);
        }
    }
    lanes[0]
}

/// Pairwise combination of a stream: slot k holds the result of 2ᵏ items.
struct Tree<T> {
    slots: [T; 32],
    count: u32,
}

impl<T: Number> Tree<T> {
    #[inline(always)]
    fn new() -> Self {
        Self { slots: [T::ZERO; 32], count: 0 }
    }

    #[inline(always)]
    fn push<F: Fold<T>>(&mut self, mut value: T) {
        let carries = self.count.trailing_ones() as usize;
        for slot in &self.slots[..carries] {
            value = F::combine(*slot, value);
        }
        self.slots[carries] = value;
        self.count += 1;
    }

    #[inline(always)]
    fn finish<F: Fold<T>>(self) -> T {
        let mut result = F::IDENTITY;
        for k in 0..32 {
            if self.count >> k & 1 == 1 {
                result = F::combine(self.slots[k], result);
            }
        }
        result
    }
}

/// The results lie together, the reduced elements of each far apart: whole rows are combined with each other.
fn outer<T: Number, F: Fold<T>>(call: Call<'_, T>, kept: &Collapsed, reduced: &Collapsed, columns: usize) {
    let Call { isa, out, data, .. } = call;
    let length = call.reduced.count();
    let (chunks, parts) = (columns.div_ceil(COLUMN_PART), length.div_ceil(ROW_PART));
    let cost = Cost { bytes: out.len() * length * size_of::<T>(), flops: out.len() * length };
    let groups = out.len() / columns;
    let results = parallel::map(groups * chunks * parts, cost, |job| {
        let (group, chunk, part) = (job / (chunks * parts), job / parts % chunks, job % parts);
        let column = chunk * COLUMN_PART;
        let rows = Rows::<T, F> {
            data,
            layout: reduced.moved(position(kept, group * columns) + column),
            width: COLUMN_PART.min(columns - column),
            first: part * ROW_PART,
            count: ROW_PART.min(length - part * ROW_PART),
            fold: std::marker::PhantomData,
        };
        dispatch(isa, rows)
    });
    let mut results = results.into_iter();
    for group in out.chunks_mut(columns) {
        for chunk in group.chunks_mut(COLUMN_PART) {
            let values: Vec<Vec<T>> = results.by_ref().take(parts).collect();
            let combined = parallel::tree(values, |mut a, b| {
                add_rows::<T, F>(&mut a, &b);
                a
            });
            if let Some(combined) = combined {
                chunk.copy_from_slice(&combined);
            }
        }
    }
}

#[inline(always)]
fn add_rows<T: Number, F: Fold<T>>(into: &mut [T], row: &[T]) {
    for (a, &b) in into.iter_mut().zip(row) {
        *a = F::combine(*a, b);
    }
}

/// At most [`ROW_PART`] rows of at most [`COLUMN_PART`] columns.
struct Rows<'a, T, F> {
    data: &'a [T],
    layout: Collapsed,
    width: usize,
    first: usize,
    count: usize,
    fold: std::marker::PhantomData<F>,
}

impl<T: Number, F: Fold<T>> Body for Rows<'_, T, F> {
    type Output = Vec<T>;
    #[inline(always)]
    fn run(self) -> Vec<T> {
        let mut groups: Vec<Vec<T>> = Vec::with_capacity(self.count.div_ceil(ROWS));
        let mut row = 0;
        self.layout.runs(self.first, self.count, |position, stride, length| {
            for i in 0..length {
                let at = position.wrapping_add_signed(i as isize * stride);
                let values = &self.data[at..][..self.width];
                match groups.last_mut() {
                    Some(last) if row % ROWS != 0 => add_rows::<T, F>(last, values),
                    _ => groups.push(values.to_vec()),
                }
                row += 1;
            }
        });
        let combined = parallel::tree(groups, |mut a, b| {
            add_rows::<T, F>(&mut a, &b);
            a
        });
        combined.unwrap_or_default()
    }
}
