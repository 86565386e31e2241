//! Pooling over planes: the largest element or the mean of each cell of a grid, and the adjoints.
//!
//! Ordinary and adaptive pooling differ only in which cells there are. Each row of cells is first reduced down its
//! columns, side by side over the whole width, then across each cell. Planes are independent, so work is cut by planes.
//! Operands are dense; knows no `Tensor`.

mod values;
pub mod windows;

use std::ops::Range;

use crate::element::Float;
use crate::isa::{Body, Isa, dispatch};
use crate::kernels::window::Window;
use crate::parallel::{self, Cost};

/// The cells of a plane: cell (i, j) holds rows `cells[0][i]` and columns `cells[1][j]`, every `step`-th of them.
/// Cells may overlap or leave gaps; none is empty.
#[derive(Clone, Copy, Debug)]
pub struct Grid<'a> {
    /// [H, W].
    pub input: [usize; 2],
    /// Row ranges and column ranges.
    pub cells: [&'a [Range<usize>]; 2],
    /// Distance between the rows, and between the columns, of a cell.
    pub step: [usize; 2],
}

/// One pooling function; `x` and `out` (or `g`) hold planes one after the other.
#[derive(Debug)]
pub enum Pool<'a, T> {
    /// The largest element of each cell and its place in the plane; the first of equals, NaN above all.
    Max {
        /// Cells.
        grid: Grid<'a>,
        /// Planes.
        x: &'a [T],
        /// Result.
        out: &'a mut [T],
        /// Place of the result in its plane.
        index: &'a mut [i64],
    },
    /// The largest element of each window and which tap of the window it is; the first of equals, NaN above all.
    Largest {
        /// Windows of no more than 256 taps, each with one in the plane.
        window: Window,
        /// Planes.
        x: &'a [T],
        /// Result.
        out: &'a mut [T],
        /// ky·KW + kx.
        tap: &'a mut [u8],
    },
    /// The largest element of each window alone; the first of equals, NaN above all.
    Values {
        /// Windows, each with a tap in the plane.
        window: Window,
        /// Planes.
        x: &'a [T],
        /// Result.
        out: &'a mut [T],
    },
    /// The adjoint of `Largest`.
    LargestGrad {
        /// The same windows.
        window: Window,
        /// Cotangent.
        g: &'a [T],
        /// Taps, each in the plane.
        tap: &'a [u8],
        /// Result.
        out: &'a mut [T],
    },
    /// g added at the places that `index` names.
    MaxGrad {
        /// Elements of one plane of `g` and of `out`.
        planes: [usize; 2],
        /// Cotangent.
        g: &'a [T],
        /// Places in the plane of `out`, each inside it.
        index: &'a [i64],
        /// Result.
        out: &'a mut [T],
    },
    /// The sum of each cell divided by `divisors[0][i]·divisors[1][j]`; all steps are 1.
    Average {
        /// Cells.
        grid: Grid<'a>,
        /// Divisors per row and column of cells.
        divisors: [&'a [T]; 2],
        /// Planes.
        x: &'a [T],
        /// Result.
        out: &'a mut [T],
    },
    /// The adjoint of `Average`.
    AverageGrad {
        /// Cells.
        grid: Grid<'a>,
        /// Divisors per row and column of cells.
        divisors: [&'a [T]; 2],
        /// Cotangent.
        g: &'a [T],
        /// Result.
        out: &'a mut [T],
    },
}

/// Elements that one part of the work covers.
const PART: usize = 16 * 1024;

impl Grid<'_> {
    /// Elements of one plane, and cells of one plane.
    fn sizes(&self) -> [usize; 2] {
        [self.input[0] * self.input[1], self.cells[0].len() * self.cells[1].len()]
    }
}

/// Planes per part.
fn planes_each(sizes: [usize; 2]) -> usize {
    (PART / sizes[0].max(sizes[1]).max(1)).max(1)
}

/// Runs one pooling function.
pub fn pool<T: Float>(isa: Isa, call: Pool<'_, T>) {
    match call {
        Pool::Max { grid, x, out, index } => {
            let (sizes @ [plane, places], w) = (grid.sizes(), grid.input[1]);
            let each = planes_each(sizes);
            let cost = Cost { bytes: size_of_val(x) * 4, flops: x.len() * 4 };
            parallel::chunks_mut2((out, each * places), (index, each * places), cost, |part, out, index| {
                let (mut best, mut rows) = (vec![T::ZERO; w], vec![0; w]);
                let x = &x[part * each * plane..];
                dispatch(isa, Max { grid, x, out, index, best: &mut best, rows: &mut rows });
            });
        }
        Pool::Largest { window, x, out, tap } => windows::largest(isa, &window, x, out, tap),
        Pool::Values { window, x, out } => values::largest(isa, &window, x, out),
        Pool::LargestGrad { window, g, tap, out } => windows::largest_grad(isa, &window, g, tap, out),
        Pool::MaxGrad { planes: [from, to], g, index, out } => {
            let (each, cost) = (planes_each([from, to]), Cost::bytes(size_of_val(out) * 4));
            parallel::chunks_mut(out, each * to, cost, |part, out| {
                out.fill(T::ZERO);
                for (i, out) in out.chunks_mut(to.max(1)).enumerate() {
                    let first = (part * each + i) * from;
                    for (&g, &place) in g[first..][..from].iter().zip(&index[first..][..from]) {
                        let sum = &mut out[place as usize];
                        *sum = *sum + g;
                    }
                }
            });
        }
        Pool::Average { grid, divisors, x, out } => {
            let [plane, places] = grid.sizes();
            map(isa, (x, plane), (out, places), grid.input[1], &Average { grid, divisors });
        }
        Pool::AverageGrad { grid, divisors, g, out } => {
            let [plane, places] = grid.sizes();
            map(isa, (g, places), (out, plane), grid.input[1], &AverageGrad { grid, divisors });
        }
    }
}

/// A function from planes to planes, with scratch for one row. A method so that it can be told to be inlined always.
trait PlaneFunction<T>: Sync {
    fn plane(&self, x: &[T], out: &mut [T], row: &mut [T]);
}

/// `f` of each plane.
fn map<T: Float>(
    isa: Isa,
    (x, from): (&[T], usize),
    (out, to): (&mut [T], usize),
    width: usize,
    f: &impl PlaneFunction<T>,
) {
    let each = planes_each([from, to]);
    let elements = x.len().max(out.len());
    let cost = Cost { bytes: elements * 4 * size_of::<T>(), flops: elements * 4 };
    parallel::chunks_mut(out, each * to, cost, |part, out| {
        let mut row = vec![T::ZERO; width];
        dispatch(isa, Planes { x: &x[part * each * from..], from, out, to, row: &mut row, f });
    });
}

struct Planes<'a, T, F> {
    x: &'a [T],
    from: usize,
    out: &'a mut [T],
    to: usize,
    row: &'a mut [T],
    f: &'a F,
}

impl<T: Float, F: PlaneFunction<T>> Body for Planes<'_, T, F> {
    type Output = ();
    #[inline(always)]
    fn run(self) {
        for (i, out) in self.out.chunks_mut(self.to.max(1)).enumerate() {
            self.f.plane(&self.x[i * self.from..][..self.from], out, self.row);
        }
    }
}

struct Max<'a, T> {
    grid: Grid<'a>,
    x: &'a [T],
    out: &'a mut [T],
    index: &'a mut [i64],
    /// The largest element of each column within a row of cells, and the row that it stands in.
    best: &'a mut [T],
    rows: &'a mut [i32],
}

impl<T: Float> Body for Max<'_, T> {
    type Output = ();
    #[inline(always)]
    fn run(self) {
        let Self { grid, x, out, index, best, rows } = self;
        let ([_, w], [plane, places]) = (grid.input, grid.sizes());
        let planes = out.chunks_exact_mut(places).zip(index.chunks_exact_mut(places));
        for ((out, index), x) in planes.zip(x.chunks_exact(plane)) {
            let width = grid.cells[1].len();
            let lines = out.chunks_exact_mut(width).zip(index.chunks_exact_mut(width));
            for ((out, index), cell) in lines.zip(grid.cells[0]) {
                best.copy_from_slice(&x[cell.start * w..][..w]);
                rows.fill(cell.start as i32);
                for y in cell.clone().step_by(grid.step[0]).skip(1) {
                    larger(best, rows, &x[y * w..][..w], y as i32);
                }
                for ((out, index), cell) in out.iter_mut().zip(index).zip(grid.cells[1]) {
                    (*out, *index) = across(best, rows, cell, grid.step[1]);
                }
            }
        }
    }
}

/// `best[x] ← row[x]` and `rows[x] ← y` wherever that is larger, or the first NaN.
#[inline(always)]
#[allow(clippy::eq_op)] // x != x asks for NaN
fn larger<T: Float>(best: &mut [T], rows: &mut [i32], row: &[T], y: i32) {
    for ((best, at), &new) in best.iter_mut().zip(rows).zip(row) {
        let better = (new > *best) | ((new != new) & (*best == *best));
        *best = if better { new } else { *best };
        *at = if better { y } else { *at };
    }
}

/// The largest of the columns of one cell and its place in the plane. Of equals the upper row wins, then the left column.
#[inline(always)]
#[allow(clippy::eq_op)]
fn across<T: Float>(best: &[T], rows: &[i32], cell: &Range<usize>, step: usize) -> (T, i64) {
    let (mut column, mut value, mut row) = (cell.start, best[cell.start], rows[cell.start]);
    let mut x = cell.start + step;
    while x < cell.end {
        let (new, at) = (best[x], rows[x]);
        let equal = (new == value) | ((new != new) & (value != value));
        let better = (new > value) | ((new != new) & (value == value)) | (equal & (at < row));
        (column, value, row) = if better { (x, new, at) } else { (column, value, row) };
        x += step;
    }
    (value, i64::from(row) * best.len() as i64 + column as i64)
}

struct Average<'a, T> {
    grid: Grid<'a>,
    divisors: [&'a [T]; 2],
}

impl<T: Float> PlaneFunction<T> for Average<'_, T> {
    #[inline(always)]
    fn plane(&self, x: &[T], out: &mut [T], sums: &mut [T]) {
        let (w, [down, along]) = (self.grid.input[1], self.divisors);
        let lines = out.chunks_exact_mut(along.len()).zip(self.grid.cells[0]).zip(down);
        for ((out, rows), &down) in lines {
            sums.fill(T::ZERO);
            for row in x[rows.start * w..rows.end * w].chunks_exact(w) {
                sums.iter_mut().zip(row).for_each(|(sum, &x)| *sum = *sum + x);
            }
            for ((out, columns), &along) in out.iter_mut().zip(self.grid.cells[1]).zip(along) {
                *out = sums[columns.clone()].iter().fold(T::ZERO, |sum, &x| sum + x) / (down * along);
            }
        }
    }
}

struct AverageGrad<'a, T> {
    grid: Grid<'a>,
    divisors: [&'a [T]; 2],
}

impl<T: Float> PlaneFunction<T> for AverageGrad<'_, T> {
    #[inline(always)]
    fn plane(&self, g: &[T], out: &mut [T], share: &mut [T]) {
        let (w, [down, along]) = (self.grid.input[1], self.divisors);
        out.fill(T::ZERO);
        for ((g, rows), &down) in g.chunks_exact(along.len()).zip(self.grid.cells[0]).zip(down) {
            share.fill(T::ZERO);
            for ((&g, columns), &along) in g.iter().zip(self.grid.cells[1]).zip(along) {
                let part = g / (down * along);
                share[columns.clone()].iter_mut().for_each(|share| *share = *share + part);
            }
            for row in out[rows.start * w..rows.end * w].chunks_exact_mut(w) {
                row.iter_mut().zip(&*share).for_each(|(sum, &share)| *sum = *sum + share);
            }
        }
    }
}
