//! Matrix product: C ← A·B (+ C) (+ bias), operands in any strides, alone or in batches.
//!
//! The five loops of BLIS (`nest`) around register tiles (`kernel`) of one instruction set (`tables`), with
//! unpacked ways for few rows and small sizes (`small`); `plan` chooses. This file holds the interface and the bounds
//! checks that make it safe. It must never know a `Tensor`.

mod epilogue;
mod kernel;
#[cfg(target_arch = "aarch64")]
#[allow(unused_unsafe)] // depends on the compiler: with NEON in the baseline its intrinsics became safe
mod kernel_neon;
mod kernel_portable;
#[cfg(target_arch = "x86_64")]
mod kernel_x86;
mod nest;
mod pack;
mod pairs;
#[cfg(test)]
mod pairs_tests;
mod partial;
mod plan;
mod prepacked;
mod scratch;
mod small;
mod tables;
#[cfg(test)]
mod tests;
mod transpose;

use epilogue::Epilogue;
use kernel::Kernel;
use nest::Problem;
use plan::Sizes;
pub(super) use tables::Tables;
pub(super) use transpose::transpose;

pub use pairs::pays as pairs_pay;
pub use prepacked::{GemmPacked, PackedB, gemm_packed, gemm_packed_here};

/// A matrix somewhere in a slice: element (i, j) lies at `offset + i·row_stride + j·column_stride`.
#[derive(Clone, Copy, Debug)]
pub struct MatRef<'a, T> {
    /// The buffer.
    pub data: &'a [T],
    /// Where element (0, 0) lies.
    pub offset: usize,
    /// Distance between rows, may be negative or 0.
    pub row_stride: isize,
    /// Distance between columns, may be negative or 0.
    pub column_stride: isize,
}

/// One product C[m, n] ← A[m, k]·B[k, n].
#[derive(Debug)]
pub struct Gemm<'a, T> {
    /// Rows of A and C.
    pub m: usize,
    /// Columns of B and C.
    pub n: usize,
    /// Columns of A, rows of B; 0 gives zeros (or C unchanged when accumulating).
    pub k: usize,
    /// Left operand.
    pub a: MatRef<'a, T>,
    /// Right operand.
    pub b: MatRef<'a, T>,
    /// Result, row-major, row `i` at `c[i·c_stride ..][..n]`. Never read unless `accumulate`.
    pub c: &'a mut [T],
    /// Distance between C's rows, ≥ n.
    pub c_stride: usize,
    /// Add to what C holds.
    pub accumulate: bool,
    /// Added to every row, length n.
    pub bias: Option<&'a [T]>,
}

/// Many products of equal sizes: `C[x] ← A[x]·B[x]`.
#[derive(Debug)]
pub struct GemmBatch<'a, T> {
    /// Rows of each A and C.
    pub m: usize,
    /// Columns of each B and C.
    pub n: usize,
    /// Columns of each A, rows of each B; 0 gives zeros (or C unchanged when accumulating).
    pub k: usize,
    /// Left operands; product `x` has its A at `a.offset + offsets[x].0`.
    pub a: MatRef<'a, T>,
    /// Right operands; product `x` has its B at `b.offset + offsets[x].1`.
    pub b: MatRef<'a, T>,
    /// One pair per product.
    pub offsets: &'a [(usize, usize)],
    /// Results, contiguous `[offsets.len(), m, n]`. Never read unless `accumulate`.
    pub c: &'a mut [T],
    /// Add to what C holds.
    pub accumulate: bool,
    /// Added to every row of every product, length n.
    pub bias: Option<&'a [T]>,
}

/// C ← A·B (+ C) (+ bias), PyTorch: `addmm`.
///
/// ```
/// use gradus_tensor::kernels::matmul::{Gemm, MatRef, gemm};
/// let (a, b, mut c) = ([1.0, 2.0], [3.0, 4.0], [f32::NAN]);
/// gemm(Gemm {
///     m: 1,
///     n: 1,
///     k: 2,
///     a: MatRef { data: &a, offset: 0, row_stride: 2, column_stride: 1 },
///     b: MatRef { data: &b, offset: 0, row_stride: 1, column_stride: 1 },
///     c: &mut c,
///     c_stride: 1,
///     accumulate: false,
///     bias: None,
/// });
/// assert_eq!(c, [11.0]);
/// ```
///
/// # Panics
/// If an operand, C or the bias reaches outside its slice, or C's rows overlap.
pub fn gemm<T: crate::Float>(call: Gemm<'_, T>) {
    T::gemm(call);
}

/// [`gemm`] wholly on the calling thread, with the same bits: for use within a task of [`crate::parallel`].
///
/// # Panics
/// As [`gemm`].
pub fn gemm_here<T: crate::Float>(call: Gemm<'_, T>) {
    T::gemm_here(call);
}

/// [`gemm`] for each pair of offsets, in parallel over the products when these are small. The bits are those of the single
/// products. PyTorch: `baddbmm`.
///
/// # Panics
/// As [`gemm`].
pub fn batched<T: crate::Float>(call: GemmBatch<'_, T>) {
    T::gemm_batched(call);
}

/// The products of one float type, instantiated in this crate.
#[doc(hidden)]
pub trait Products: Sized {
    /// See [`gemm`].
    fn gemm(call: Gemm<'_, Self>);
    /// See [`gemm_here`].
    fn gemm_here(call: Gemm<'_, Self>);
    /// See [`batched`].
    fn gemm_batched(call: GemmBatch<'_, Self>);
    /// Whether [`Products::gemm_pairs`] is there and faster than [`gemm`].
    fn pairs_pay() -> bool;
    /// [`gemm`] of operands rounded to bf16, by the instruction for pairs of them.
    fn gemm_pairs(call: Gemm<'_, Self>);
    /// Rounds to bf16, ties to even.
    fn round_to_bf16(values: &mut [Self]);
    /// See [`PackedB::new`].
    fn pack_b(b: MatRef<'_, Self>, dims: [usize; 2]) -> PackedB<Self>
    where
        Self: crate::Float;
    /// See [`gemm_packed`] and, if `here`, [`gemm_packed_here`].
    fn gemm_packed(call: GemmPacked<'_, Self>, here: bool)
    where
        Self: crate::Float;
}

macro_rules! products {
    ($($t:ty, $pays:expr, $pairs:expr, $round:expr;)*) => {$(
        impl Products for $t {
            fn gemm(call: Gemm<'_, $t>) {
                run(call, false);
            }
            fn gemm_here(call: Gemm<'_, $t>) {
                run(call, true);
            }
            fn gemm_batched(call: GemmBatch<'_, $t>) {
                run_batched(call);
            }
            fn pairs_pay() -> bool {
                $pays
            }
            fn gemm_pairs(call: Gemm<'_, $t>) {
                let pairs: fn(Gemm<'_, $t>) = $pairs;
                pairs(call);
            }
            fn round_to_bf16(values: &mut [$t]) {
                let round: fn(&mut [$t]) = $round;
                round(values);
            }
            fn pack_b(b: MatRef<'_, $t>, dims: [usize; 2]) -> PackedB<$t> {
                prepacked::pack(b, dims)
            }
            fn gemm_packed(call: GemmPacked<'_, $t>, here: bool) {
                prepacked::run(call, here);
            }
        }
    )*};
}
products! {
    f32, pairs::pays(), pairs::gemm, pairs::round_single;
    f64, false, gemm, pairs::round_double;
}

fn run<T: Tables>(call: Gemm<'_, T>, here: bool) {
    let Gemm { m, n, k, a, b, c, c_stride, accumulate, bias } = call;
    if m == 0 || n == 0 {
        return;
    }
    check_c([m, n], c_stride, c.len(), bias);
    let call = Checked {
        kernel: T::kernel(crate::current_isa()),
        sizes: Sizes { m, n, k, batch: 1 },
        a,
        b,
        offsets: &[(0, 0)],
        accumulate,
        bias,
        here,
    };
    checked(call, (c, c_stride));
}

/// C `[m, n]`, not empty, must lie within its slice, and the bias must fit.
fn check_c<T>([m, n]: [usize; 2], c_stride: usize, length: usize, bias: Option<&[T]>) {
    assert!(m == 1 || c_stride >= n, "gemm: C's rows overlap: a stride of {c_stride} for {n} columns");
    let end = (m - 1).checked_mul(c_stride).and_then(|start| start.checked_add(n));
    assert!(
        end.is_some_and(|end| end <= length),
        "gemm: C is too short: [{m}, {n}] with a stride of {c_stride} in {length} elements"
    );
    if let Some(bias) = bias {
        assert!(bias.len() == n, "gemm: the bias has {} elements for {n} columns", bias.len());
    }
}

fn run_batched<T: Tables>(call: GemmBatch<'_, T>) {
    let GemmBatch { m, n, k, a, b, offsets, c, accumulate, bias } = call;
    let batch = offsets.len();
    let wanted = m.checked_mul(n).and_then(|each| each.checked_mul(batch));
    assert!(
        wanted == Some(c.len()),
        "gemm: C has the wrong length: [{batch}, {m}, {n}] in {} elements",
        c.len()
    );
    if !c.is_empty() {
        check_c([m, n], n, c.len(), bias);
        let kernel = T::kernel(crate::current_isa());
        let call =
            Checked { kernel, sizes: Sizes { m, n, k, batch }, a, b, offsets, accumulate, bias, here: false };
        checked(call, (c, n));
    }
}

/// A batch of products whose C and bias have been checked.
struct Checked<'a, T: 'static> {
    kernel: &'static Kernel<T>,
    sizes: Sizes,
    a: MatRef<'a, T>,
    b: MatRef<'a, T>,
    offsets: &'a [(usize, usize)],
    accumulate: bool,
    bias: Option<&'a [T]>,
    here: bool,
}

/// C is `batch` · [m, n] within its slice, none of them 0.
fn checked<T: Tables>(call: Checked<'_, T>, (c, c_stride): (&mut [T], usize)) {
    let Checked { kernel, sizes, a, b, offsets, accumulate, bias, here } = call;
    let Sizes { m, n, k, .. } = sizes;
    // Broadcast operands may be larger than memory; what is packed of them must not be.
    let longest = m.max(n).checked_add(1024).and_then(|length| length.checked_mul(k.max(1)));
    let packed = longest.and_then(|length| length.checked_mul(size_of::<T>()));
    assert!(
        packed.is_some_and(|bytes| bytes <= isize::MAX as usize / 4),
        "gemm: too large: [{m}, {k}] · [{k}, {n}]"
    );
    let epilogue = Epilogue { bias, by_row: false };
    if k == 0 {
        return (0..m * sizes.batch).for_each(|i| epilogue.row(&mut c[i * c_stride..][..n], accumulate));
    }
    let a_last = offsets.iter().map(|at| at.0).max().unwrap_or(0);
    let b_last = offsets.iter().map(|at| at.1).max().unwrap_or(0);
    let (a, b) = (Operand::new("A", &a, [m, k], a_last), Operand::new("B", &b, [k, n], b_last));
    let c_batch = m * n;
    let c = c.as_mut_ptr();
    let (c_row, c_column) = (c_stride, 1);
    let problem =
        Problem { kernel, m, n, k, a, b, offsets, c, c_row, c_column, c_batch, accumulate, epilogue, here };
    if !plan::is_better_transposed(sizes, &a, &b) {
        return planned(problem, sizes);
    }
    let swapped: Vec<_>;
    let offsets = match offsets {
        [(0, 0)] => offsets,
        _ => {
            swapped = offsets.iter().map(|&(a, b)| (b, a)).collect();
            &swapped
        }
    };
    let epilogue = Epilogue { bias, by_row: true };
    let (m, n, a, b, c_row, c_column) = (n, m, b.transposed(), a.transposed(), 1, c_stride);
    planned(Problem { m, n, a, b, offsets, c_row, c_column, epilogue, ..problem }, sizes.transposed());
}

/// Runs the problem as its plan says.
fn planned<T: Tables>(problem: Problem<'_, T>, sizes: Sizes) {
    let threads = if problem.here { 1 } else { crate::parallel::threads() };
    let plan = plan::plan(problem.kernel, sizes, [&problem.a, &problem.b], threads);
    if plan.parts > 1 { partial::run(&plan, &problem) } else { problem.run(&plan) }
}

/// A [`MatRef`] whose bounds have been checked. The pointers that its methods make are good to follow within the sizes
/// that it was checked for.
#[derive(Clone, Copy, Debug)]
struct Operand<T> {
    /// Element (0, 0).
    start: *const T,
    /// Distance between rows.
    row: isize,
    /// Distance between columns.
    column: isize,
}

impl<T> Operand<T> {
    /// Checks that `[rows, columns]` lie in the slice, also when moved on by any amount up to `moved`.
    fn new(name: &str, x: &MatRef<'_, T>, [rows, columns]: [usize; 2], moved: usize) -> Self {
        let (mut lowest, mut highest) = (x.offset as i128, x.offset as i128 + moved as i128);
        for (size, stride) in [(rows, x.row_stride), (columns, x.column_stride)] {
            let reach = (size as i128 - 1) * stride as i128;
            if reach < 0 { lowest += reach } else { highest += reach }
        }
        assert!(
            lowest >= 0 && highest < x.data.len() as i128,
            "gemm: {name} reaches outside its {} elements: [{rows}, {columns}] with strides [{}, {}] from {} on \
             spans {lowest} to {highest}",
            x.data.len(),
            x.row_stride,
            x.column_stride,
            x.offset
        );
        // The stride of a dimension that has one index is free: contiguous suits every path.
        let row = if rows == 1 { columns as isize } else { x.row_stride };
        let column = if columns == 1 { 1 } else { x.column_stride };
        Self { start: x.data.as_ptr().wrapping_add(x.offset), row, column }
    }

    /// Where element (i, j) lies.
    fn at(&self, i: usize, j: usize) -> *const T {
        self.start.wrapping_offset(i as isize * self.row).wrapping_offset(j as isize * self.column)
    }

    /// The part from element (i, j) on.
    fn shifted(self, i: usize, j: usize) -> Self {
        Self { start: self.at(i, j), ..self }
    }

    /// Rows for columns.
    fn transposed(self) -> Self {
        Self { row: self.column, column: self.row, ..self }
    }

    /// The operand that lies `offset` elements further on.
    fn moved(self, offset: usize) -> Self {
        Self { start: self.start.wrapping_add(offset), ..self }
    }
}
