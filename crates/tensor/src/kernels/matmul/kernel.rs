//! The two micro-kernels, written once over a vector type: `tile`, whose vectors lie along C's rows, and `dot`, whose
//! vectors lie along k. They know no packing, no threads and no choice of path; whoever calls answers for the bounds.

use super::epilogue::Finish;
use crate::element::Element;

/// A vector of one instruction set.
///
/// # Safety
/// Every method needs the instruction set at run time; pointers need the lanes that they name.
pub(super) trait Lanes: Copy + 'static {
    /// The element.
    type T: crate::Float;
    /// The vector.
    type V: Copy;
    /// Which lanes a masked access touches.
    type Mask: Copy;
    /// Elements in a vector.
    const LANES: usize;
    /// The first `count` lanes, 0 ≤ `count` ≤ `LANES`.
    unsafe fn mask(count: usize) -> Self::Mask;
    /// All lanes 0.
    unsafe fn zero() -> Self::V;
    /// All lanes `*from`.
    unsafe fn splat(from: *const Self::T) -> Self::V;
    /// Any alignment.
    unsafe fn load(from: *const Self::T) -> Self::V;
    /// Lanes outside the mask are 0 and their memory is not touched.
    unsafe fn load_masked(from: *const Self::T, mask: Self::Mask) -> Self::V;
    /// Any alignment.
    unsafe fn store(to: *mut Self::T, v: Self::V);
    /// Memory outside the mask is not touched.
    unsafe fn store_masked(to: *mut Self::T, mask: Self::Mask, v: Self::V);
    /// a · b + c
    unsafe fn fma(a: Self::V, b: Self::V, c: Self::V) -> Self::V;
    /// a + b
    unsafe fn add(a: Self::V, b: Self::V) -> Self::V;
    /// `v` itself, which the compiler must have in a register here; it moves no access to memory across.
    unsafe fn pin(v: Self::V) -> Self::V;
    /// The sum of the lanes.
    unsafe fn sum(v: Self::V) -> Self::T;
    /// A hint to fetch into the first-level cache; any address will do.
    unsafe fn prefetch(at: *const Self::T);
    /// The same into the second-level cache.
    unsafe fn prefetch_far(at: *const Self::T);
}

/// C[R, V·LANES] ← A[R, k]·B[k, V·LANES].
pub(super) struct TileCall<T> {
    /// Depth.
    pub(super) k: usize,
    /// A's element (0, 0), and the distances between its rows and columns.
    pub(super) a: (*const T, isize, isize),
    /// B's element (0, 0), and the distance between its rows; columns are contiguous.
    pub(super) b: (*const T, isize),
    /// How many elements ahead B is fetched into the cache.
    pub(super) ahead: usize,
    /// C's element (0, 0), and the distances between its rows and columns; columns are contiguous (1), or else rows are.
    pub(super) c: (*mut T, usize, usize),
    /// The tile of C that comes next, to be fetched meanwhile: any address will do.
    pub(super) next_c: *const T,
    /// The rows of A that come next, if they are far from the core (null otherwise, for it costs some percent): four lines at
    /// a time, the distance between them, and between such groups (one for sixteen steps of k).
    pub(super) next_a: (*const T, isize, isize),
    /// Columns in the last vector, 1 ..= LANES.
    pub(super) last: usize,
    /// What happens on the way to memory.
    pub(super) finish: Finish<T>,
}

/// C[R, J] ← A[R, k]·B[k, J], where A's rows and B's columns are contiguous.
pub(super) struct DotCall<T> {
    /// Depth.
    pub(super) k: usize,
    /// A's element (0, 0), and the distance between its rows.
    pub(super) a: (*const T, isize),
    /// B's element (0, 0), and the distance between its columns.
    pub(super) b: (*const T, isize),
    /// C's element (0, 0), and the distances between its rows and columns.
    pub(super) c: (*mut T, usize, usize),
    /// Whether the bias belongs to the rows.
    pub(super) bias_by_row: bool,
    /// What happens on the way to memory.
    pub(super) finish: Finish<T>,
}

/// A `tile` for one number of rows and of vectors.
pub(super) type Tile<T> = unsafe fn(&TileCall<T>);
/// A `dot` for one number of rows and of columns.
pub(super) type Dot<T> = unsafe fn(&DotCall<T>);
/// Transposes a block of `LANES` × `LANES`: `to[p · to_row + j] = from[j · from_row + p]`.
pub(super) type Transpose<T> = unsafe fn(from: *const T, from_row: isize, to: *mut T, to_row: usize);

/// The micro-kernels of one instruction set and element type, and the block sizes that suit them.
pub(super) struct Kernel<T: 'static> {
    /// Elements in a vector.
    pub(super) lanes: usize,
    /// Most vectors in a tile, most columns in a dot (NR = `lanes · vectors`).
    pub(super) vectors: usize,
    /// Most rows in a tile (MR).
    pub(super) rows: usize,
    /// Most depth of a packed block (KC): a panel of A stays in the first-level cache.
    pub(super) depth: usize,
    /// [rows − 1][vectors − 1]
    pub(super) tiles: &'static [Tile<T>],
    /// [rows − 1][columns − 1]
    pub(super) dots: &'static [Dot<T>],
    /// The block transpose.
    pub(super) transpose: Transpose<T>,
}

impl<T> Kernel<T> {
    /// The tile of `rows` × `vectors`.
    pub(super) fn tile(&self, rows: usize, vectors: usize) -> Tile<T> {
        self.tiles[(rows - 1) * self.vectors + vectors - 1]
    }

    /// The dot of `rows` × `columns`.
    pub(super) fn dot(&self, rows: usize, columns: usize) -> Dot<T> {
        self.dots[(rows - 1) * self.vectors + columns - 1]
    }
}

/// All instances of a kernel function, by rows (1 to 6) and vectors.
macro_rules! table {
    ($f:ident, 4) => { table!(@ $f, [1, 2, 3, 4, 5, 6], 1 2 3 4) };
    ($f:ident, 2) => { table!(@ $f, [1, 2, 3, 4, 5, 6], 1 2) };
    (@ $f:ident, [$($r:literal),*], 1 2 3 4) => { &[$($f::<$r, 1>, $f::<$r, 2>, $f::<$r, 3>, $f::<$r, 4>),*] };
    (@ $f:ident, [$($r:literal),*], 1 2) => { &[$($f::<$r, 1>, $f::<$r, 2>),*] };
}
pub(super) use table;

/// See [`TileCall`].
///
/// # Safety
/// The instruction set is there; A, B and C may be read and written as the call says, C by nobody else.
#[inline(always)]
#[expect(clippy::needless_range_loop, reason = "the indices are those of the formula")]
pub(super) unsafe fn tile<L: Lanes, const R: usize, const V: usize>(call: &TileCall<L::T>) {
    let (mut a, a_row, a_column) = call.a;
    let (mut b, b_row) = call.b;
    let (c, c_row, c_column) = call.c;
    // SAFETY: by the caller's promise; pointers step past the last row by wrapping arithmetic and are not read there.
    unsafe {
        let mask = L::mask(call.last);
        let mut sums = [[L::zero(); V]; R];
        // A macro: a closure would be compiled without the instruction set.
        macro_rules! step {
            () => {
                let mut row = [L::zero(); V];
                for v in 0..V {
                    L::prefetch(b.wrapping_add(call.ahead + v * L::LANES));
                }
                for v in 0..V - 1 {
                    row[v] = L::load(b.add(v * L::LANES));
                }
                row[V - 1] = L::load_masked(b.add((V - 1) * L::LANES), mask);
                for i in 0..R {
                    let x = L::splat(a.offset(i as isize * a_row));
                    for v in 0..V {
                        sums[i][v] = L::fma(x, row[v], sums[i][v]);
                    }
                }
                // What a step loads is used up in it: two steps at once need more registers than there are.
                for i in 0..R {
                    for v in 0..V {
                        sums[i][v] = L::pin(sums[i][v]);
                    }
                }
                a = a.wrapping_offset(a_column);
                b = b.wrapping_offset(b_row);
            };
        }
        let unrolled = if R * V >= 12 { call.k / 4 } else { 0 };
        // What comes next is fetched line by line, lest it keeps B waiting.
        macro_rules! four_steps {
            ($i:ident) => {
                let line = $i.min(R * V - 1);
                L::prefetch(call.next_c.wrapping_add(line / V * c_row + line % V * L::LANES));
                step!();
                step!();
                step!();
                step!();
            };
        }
        let (next_a, of_line, of_group) = call.next_a;
        if next_a.is_null() {
            for i in 0..unrolled {
                four_steps!(i);
            }
        } else {
            for i in 0..unrolled {
                let (line, group) = ((i % 4) as isize, (i / 4) as isize);
                L::prefetch_far(next_a.wrapping_offset(line * of_line + group * of_group));
                four_steps!(i);
            }
        }
        for _ in 4 * unrolled..call.k {
            step!();
        }
        if c_column != 1 || call.finish.by_row {
            let mut tile = [[<L::T as Element>::ZERO; WIDEST]; R];
            for i in 0..R {
                for v in 0..V {
                    L::store(tile[i].as_mut_ptr().add(v * L::LANES), sums[i][v]);
                }
            }
            return scatter(&tile, (V - 1) * L::LANES + call.last, (c, c_column), call.finish);
        }
        call.finish.tile::<L, R, V>(&mut sums, (c, c_row), mask);
        for i in 0..R {
            let to = c.add(i * c_row);
            for v in 0..V - 1 {
                L::store(to.add(v * L::LANES), sums[i][v]);
            }
            L::store_masked(to.add((V - 1) * L::LANES), mask, sums[i][V - 1]);
        }
    }
}

/// Most columns of a tile.
const WIDEST: usize = 64;

/// Writes the first `columns` columns of a tile whose rows are contiguous in C, and whose bias belongs to the rows.
///
/// # Safety
/// As for [`tile`].
#[inline(never)]
#[expect(clippy::needless_range_loop, reason = "the indices are those of the formula")]
unsafe fn scatter<T: crate::Float, const R: usize>(
    tile: &[[T; WIDEST]; R],
    columns: usize,
    (c, c_column): (*mut T, usize),
    finish: Finish<T>,
) {
    for j in 0..columns {
        // SAFETY: by the caller's promise.
        unsafe {
            let to = c.add(j * c_column);
            let mut column: [T; R] = std::array::from_fn(|i| tile[i][j]);
            for (i, x) in column.iter_mut().enumerate() {
                *x = finish.element(*x, to.add(i), i);
            }
            *to.cast::<[T; R]>() = column;
        }
    }
}

/// See [`DotCall`].
///
/// # Safety
/// As for [`tile`].
#[inline(always)]
#[expect(clippy::needless_range_loop, reason = "the indices are those of the formula")]
pub(super) unsafe fn dot<L: Lanes, const R: usize, const J: usize>(call: &DotCall<L::T>) {
    let (a, a_row) = call.a;
    let (b, b_column) = call.b;
    let (c, c_row, c_column) = call.c;
    // SAFETY: by the caller's promise.
    unsafe {
        let mut sums = [[L::zero(); J]; R];
        let whole = call.k - call.k % L::LANES;
        let mut p = 0;
        while p < whole {
            let mut columns = [L::zero(); J];
            for j in 0..J {
                columns[j] = L::load(b.offset(j as isize * b_column).add(p));
            }
            for i in 0..R {
                let x = L::load(a.offset(i as isize * a_row).add(p));
                for j in 0..J {
                    sums[i][j] = L::fma(x, columns[j], sums[i][j]);
                }
            }
            p += L::LANES;
        }
        if p < call.k {
            let mask = L::mask(call.k - p);
            let mut columns = [L::zero(); J];
            for j in 0..J {
                columns[j] = L::load_masked(b.offset(j as isize * b_column).add(p), mask);
            }
            for i in 0..R {
                let x = L::load_masked(a.offset(i as isize * a_row).add(p), mask);
                for j in 0..J {
                    sums[i][j] = L::fma(x, columns[j], sums[i][j]);
                }
            }
        }
        for i in 0..R {
            for j in 0..J {
                let to = c.add(i * c_row + j * c_column);
                *to = call.finish.element(L::sum(sums[i][j]), to, if call.bias_by_row { i } else { j });
            }
        }
    }
}

/// The block transpose in plain Rust, see [`Transpose`].
///
/// # Safety
/// Both blocks may be accessed.
#[inline(always)]
pub(super) unsafe fn transpose_plain<T: Copy, const L: usize>(
    from: *const T,
    from_row: isize,
    to: *mut T,
    to_row: usize,
) {
    for j in 0..L {
        for p in 0..L {
            // SAFETY: by the caller's promise.
            unsafe { *to.add(p * to_row + j) = *from.offset(j as isize * from_row).add(p) };
        }
    }
}
