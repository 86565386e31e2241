//! Products that reach C in a second step: a long depth cut into parts whose sums are added in a fixed tree, and few
//! columns of a transposed A, computed as the transposed product so that A streams along its memory.

use super::nest::Problem;
use super::plan::Plan;
use super::scratch::{Shared, with_scratch};
use crate::parallel::{self, Cost};

/// Elements that one task adds up.
const CHUNK: usize = 4096;

/// Runs `sums`, the products of `to` or their transposes, into scratch in `plan.parts` parts, and finishes them into C.
pub(super) fn run<T: crate::Float>(sums: Problem<'_, T>, plan: &Plan, to: &Problem<'_, T>, transposed: bool) {
    let each = to.m * to.n * to.offsets.len();
    with_scratch::<T, _>(each * plan.parts, |scratch| {
        let (m, n) = (sums.m, sums.n);
        Problem { c: scratch, c_row: n, c_batch: m * n, accumulate: false, ..sums }.run(plan);
        // SAFETY: the products wrote all of the scratch.
        unsafe {
            add(scratch, each, plan.parts, to.here);
            finish(scratch, to, if transposed { (1, to.m) } else { (to.n, 1) });
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

/// Writes C from sums whose rows and columns lie `strides` apart.
///
/// # Safety
/// The sums of all products of `to` are there.
unsafe fn finish<T: crate::Float>(sums: *const T, to: &Problem<'_, T>, (row, column): (usize, usize)) {
    let rows = to.m * to.offsets.len();
    let sums = Shared(sums.cast_mut());
    let rows_per_task = (CHUNK / to.n).max(1);
    let cost = Cost::bytes(2 * rows * to.n * size_of::<T>());
    parallel::for_each(rows.div_ceil(rows_per_task), to.cost(cost), |task| {
        let finish = to.epilogue.at(0, to.accumulate, true, true);
        for i in task * rows_per_task..rows.min((task + 1) * rows_per_task) {
            let (x, i) = (i / to.m, i % to.m);
            for j in 0..to.n {
                // SAFETY: within the sums, within C, and within the bias; the row is this task's own.
                unsafe {
                    let c = to.c.add(x * to.c_batch + i * to.c_row + j);
                    *c = finish.element(*sums.at(x * to.m * to.n + i * row + j * column), c, j);
                }
            }
        }
    });
}
