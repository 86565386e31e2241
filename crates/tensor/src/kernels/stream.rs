//! Large results past the caches, and operands into them ahead of time.
//!
//! An ordinary store first fetches the line that it will overwrite. A result of [`PAST`] bytes and more is not in the
//! nearest caches any more when somebody reads it, so fetching it is a third of such a loop's traffic, for nothing.
//! A kernel that holds a [`Past`] may write whole lines without that. Knows no `Tensor`.

use crate::isa::Isa;

/// Bytes of a result from which on it is written past the caches: more than second-level caches hold, and than half of
/// a usual last-level cache.
const PAST: usize = 16 * 1024 * 1024;
/// Bytes of a cache line.
pub(crate) const LINE: usize = 64;

/// Leave to write past the caches, in instructions of the kernel's own; see [`past_caches`].
#[derive(Debug)]
pub(crate) struct Past(());

impl Drop for Past {
    fn drop(&mut self) {
        #[cfg(target_arch = "x86_64")]
        // SAFETY: a fence touches no memory.
        unsafe {
            std::arch::x86_64::_mm_sfence();
        }
    }
}

/// Lends a [`Past`] to `f` if `pays`. What was written through it is in order for other threads when this returns.
pub(crate) fn past_caches<R>(pays: bool, f: impl FnOnce(Option<&Past>) -> R) -> R {
    let past = pays.then(|| Past(()));
    f(past.as_ref())
}

/// Whether writing `out` past the caches pays: it is large and begins with a whole line, and the machine has the
/// instruction.
pub(crate) fn pays<T>(isa: Isa, out: &[T]) -> bool {
    matches!(isa, Isa::Avx2 | Isa::Avx512)
        && isa.is_available()
        && size_of_val(out) >= PAST
        && out.as_ptr().addr().is_multiple_of(LINE)
}

/// The most elements that are fetched ahead: more would not stay in the nearest cache until they are wanted.
const AHEAD: usize = 2048;

/// Asks for the lines of `data` from element `from` on, `count` elements or as many as there are and fit.
#[inline(always)]
pub(crate) fn prefetch<T>(data: &[T], from: usize, count: usize) {
    let data = &data[from.min(data.len())..];
    let data = &data[..count.min(AHEAD).min(data.len())];
    for first in data.iter().step_by((LINE / size_of::<T>().max(1)).max(1)) {
        prefetch_line(first);
    }
}

/// Asks for the line at an address; any will do.
#[cfg(target_arch = "x86_64")]
#[inline(always)]
pub(crate) fn prefetch_line<T>(at: *const T) {
    use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
    // SAFETY: a prefetch never faults.
    unsafe { _mm_prefetch::<_MM_HINT_T0>(at.cast()) }
}

/// Nothing: stable Rust has no such instruction here.
#[cfg(not(target_arch = "x86_64"))]
#[inline(always)]
pub(crate) fn prefetch_line<T>(_: *const T) {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefetch_stays_within_the_slice() {
        for (from, count) in [(0, 0), (0, 10), (3, 100), (10, 1), (11, 5), (usize::MAX, usize::MAX)] {
            prefetch(&[0_u8; 10], from, count);
            prefetch(&[0_f64; 10], from, count);
        }
    }
}
