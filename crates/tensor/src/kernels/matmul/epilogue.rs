//! What happens to a finished sum on its way from the registers to memory: C's old value and the bias today; an
//! activation or a residual would be one more field here and nothing elsewhere. Knows no loops over blocks.

use super::kernel::Lanes;

/// What is done to each element of a product, once.
#[derive(Clone, Copy, Debug)]
pub(super) struct Epilogue<'a, T> {
    /// Added to every row, length n; to every column, length m, if `by_row`.
    pub(super) bias: Option<&'a [T]>,
    /// Whether the product is computed transposed, so that the bias belongs to its rows.
    pub(super) by_row: bool,
}

/// The epilogue of one tile and one block of the depth.
#[derive(Clone, Copy, Debug)]
pub(super) struct Finish<T> {
    /// Add to what C holds; C is not read otherwise.
    pub(super) accumulate: bool,
    /// The bias of the tile's first column (first row in a transposed product); null where none is due.
    pub(super) bias: *const T,
    /// Whether it belongs to the rows.
    pub(super) by_row: bool,
}

impl<T: crate::Float> Epilogue<'_, T> {
    /// The share of a tile whose first row and column are these; `first` and `last` say where in the depth it lies.
    pub(super) fn at(
        &self,
        (row, column): (usize, usize),
        accumulate: bool,
        (first, last): (bool, bool),
    ) -> Finish<T> {
        let bias = match self.bias {
            Some(bias) if last => bias[if self.by_row { row } else { column }..].as_ptr(),
            _ => std::ptr::null(),
        };
        Finish { accumulate: accumulate || !first, bias, by_row: self.by_row && !bias.is_null() }
    }

    /// The whole of a product without depth: sums of nothing. `c` is one row.
    pub(super) fn row(&self, c: &mut [T], accumulate: bool) {
        if !accumulate {
            c.fill(T::ZERO);
        }
        if let Some(bias) = self.bias {
            c.iter_mut().zip(bias).for_each(|(c, &bias)| *c = *c + bias);
        }
    }
}

impl<T: crate::Float> Finish<T> {
    /// Finishes a tile in registers; the caller stores it.
    ///
    /// # Safety
    /// The instruction set is there; C's tile and the bias of its columns may be read.
    #[inline(always)]
    pub(super) unsafe fn tile<L: Lanes<T = T>, const R: usize, const V: usize>(
        &self,
        sums: &mut [[L::V; V]; R],
        (c, c_row): (*const T, usize),
        mask: L::Mask,
    ) {
        // SAFETY: by the caller's promise.
        unsafe {
            if self.accumulate {
                for (i, sums) in sums.iter_mut().enumerate() {
                    let from = c.add(i * c_row);
                    for (v, sum) in sums.iter_mut().enumerate() {
                        let from = from.add(v * L::LANES);
                        let old = if v + 1 < V { L::load(from) } else { L::load_masked(from, mask) };
                        *sum = L::add(*sum, old);
                    }
                }
            }
            if !self.bias.is_null() {
                for v in 0..V {
                    let from = self.bias.add(v * L::LANES);
                    let bias = if v + 1 < V { L::load(from) } else { L::load_masked(from, mask) };
                    for sums in sums.iter_mut() {
                        sums[v] = L::add(sums[v], bias);
                    }
                }
            }
        }
    }

    /// Finishes the element at `c` in column `j` of its tile.
    ///
    /// # Safety
    /// `c` and the bias of its column may be read.
    #[inline(always)]
    pub(super) unsafe fn element(&self, sum: T, c: *const T, j: usize) -> T {
        // SAFETY: by the caller's promise.
        unsafe {
            let sum = if self.accumulate { sum + *c } else { sum };
            if self.bias.is_null() { sum } else { sum + *self.bias.add(j) }
        }
    }
}
