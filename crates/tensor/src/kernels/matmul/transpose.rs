//! A matrix turned over in the blocks that the instruction set turns in registers, for kernels that pack operands themselves.

use super::kernel::Kernel;
use super::{MatRef, Operand, Tables};
use crate::Isa;

/// `to[j · to_row + i] = from[i, j]` for a matrix of `[rows, columns]`, on this thread.
///
/// # Panics
/// If a matrix reaches outside its slice, or the result's rows overlap.
pub(in crate::kernels) fn transpose<T: Tables>(
    isa: Isa,
    from: MatRef<'_, T>,
    [rows, columns]: [usize; 2],
    (to, to_row): (&mut [T], usize),
) {
    if rows == 0 || columns == 0 {
        return;
    }
    let end = (columns - 1).checked_mul(to_row).and_then(|start| start.checked_add(rows));
    assert!(to_row >= rows && end.is_some_and(|end| end <= to.len()), "transpose: the result does not fit");
    let from = Operand::new("the matrix", &from, [rows, columns], 0);
    let kernel: &Kernel<T> = T::kernel(isa);
    let side = kernel.lanes;
    let whole = |length: usize| if from.column == 1 { length - length % side } else { 0 };
    let (whole_rows, whole_columns) = (whole(rows), whole(columns));
    for i in (0..whole_rows).step_by(side) {
        for j in (0..whole_columns).step_by(side) {
            let to = to[j * to_row + i..].as_mut_ptr();
            // SAFETY: the block lies within both matrices, whose bounds were checked above; this machine has the kernel's
            // instruction set.
            unsafe { (kernel.transpose)(from.at(i, j), from.row, to, to_row) };
        }
    }
    for i in 0..rows {
        let first = if i < whole_rows { whole_columns } else { 0 };
        for j in first..columns {
            // SAFETY: (i, j) lies in the matrix, whose bounds were checked above.
            to[j * to_row + i] = unsafe { *from.at(i, j) };
        }
    }
}
