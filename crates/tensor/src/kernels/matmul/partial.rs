//! Products that reach C in a second step: a long depth cut into parts whose sums are added in a fixed tree.

use super::epilogue::Epilogue;
use super::nest::Problem;
use super::plan::Plan;
use super::scratch::{Shared, with_scratch};
use crate::parallel::{self, Cost};

/// Elements that one task adds up.
const CHUNK: usize = 4096;

/// Runs the products of `to` without their epilogue into scratch, in `plan.parts` parts, and finishes them into C.
pub(super) fn run<T: crate::Float>(plan: &Plan, to: &Problem<'_, T>) {
    let each = to.m * to.n * to.offsets.len();
    with_scratch::<T, _>(each * plan.parts, |scratch| {
        let (m, n) = (to.m, to.n);
        let epilogue = Epilogue { bias: None, ..to.epilogue };
        let (c, c_row, c_column, c_batch) = (scratch, n, 1, m * n);
        Problem { c, c_row, c_column, c_batch, accumulate: false, epilogue, ..*to }.run(plan);
        // SAFETY: the products wrote all of the scratch.
        unsafe {
            add(scratch, each, plan.parts, to.here);
            finish(scratch, to);
        }
    });
}

/// Adds the parts into the first: ((0 1)(2 3))((4 5) …), element by element.
///
/// # Safety
/// `parts` runs of `each` numbers lie at `sums`.
unsafe fn add<T: crate::Float>(sums: *mut T, each: usize, parts: usize, here: bool) {
    if parts == 1 {
        return;
    }
    let sums = Shared(sums);
    let cost = if here { Cost::default() } else { Cost::bytes(each * parts * size_of::<T>()) };
    parallel::for_each(each.div_ceil(CHUNK), cost, |chunk| {
        let start = chunk * CHUNK;
        let length = CHUNK.min(each - start);
        let mut step = 1;
        while step < parts {
            for part in (0..parts - step).step_by(2 * step) {
                // SAFETY: two runs of different parts, within a chunk that is this task's own.
                let (into, from) = unsafe {
                    let from = sums.at((part + step) * each + start);
                    let into = std::slice::from_raw_parts_mut(sums.at(part * each + start), length);
                    (into, std::slice::from_raw_parts(from, length))
                };
                into.iter_mut().zip(from).for_each(|(into, &from)| *into = *into + from);
            }
            step *= 2;
        }
    });
}

/// Writes C from the sums.
///
/// # Safety
/// The sums of all products of `to` are there.
unsafe fn finish<T: crate::Float>(sums: *const T, to: &Problem<'_, T>) {
    let rows = to.m * to.offsets.len();
    let sums = Shared(sums.cast_mut());
    let rows_per_task = (CHUNK / to.n).max(1);
    let cost = Cost::bytes(2 * rows * to.n * size_of::<T>());
    parallel::for_each(rows.div_ceil(rows_per_task), to.cost(cost), |task| {
        for row in task * rows_per_task..rows.min((task + 1) * rows_per_task) {
            let (x, i) = (row / to.m, row % to.m);
            let finish = to.epilogue.at((i, 0), to.accumulate, (true, true));
            for j in 0..to.n {
                // SAFETY: within the sums, within C, and within the bias; the row is this task's own.
                unsafe {
                    let c = to.c.add(x * to.c_batch + i * to.c_row + j * to.c_column);
                    let at = if to.epilogue.by_row { 0 } else { j };
                    *c = finish.element(*sums.at(row * to.n + j), c, at);
                }
            }
        }
    });
}
