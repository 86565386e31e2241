//! Pack buffers: one per thread, 64-byte aligned, kept for the next product. Fresh memory would be faulted in page by
//! page each time, which costs more than the packing.

use std::cell::Cell;
use std::mem::MaybeUninit;

/// A cache line.
#[derive(Clone, Copy)]
#[repr(align(64))]
struct Line(#[allow(dead_code)] [MaybeUninit<u8>; 64]);

/// Lines that a thread keeps: 2 MiB, more than the packed blocks of any kernel.
const KEPT: usize = 1 << 15;

thread_local! {
    static BUFFER: Cell<Vec<Line>> = const { Cell::new(Vec::new()) };
}

/// Calls `f` with uninitialised room for `length` elements. Within `f`, another call on the same thread gets a buffer
/// of its own.
pub(super) fn with_scratch<T: Copy, R>(length: usize, f: impl FnOnce(*mut T) -> R) -> R {
    let mut lines = BUFFER.take();
    let wanted = (length * size_of::<T>()).div_ceil(64);
    if lines.len() < wanted {
        lines.resize(wanted, Line([MaybeUninit::uninit(); 64]));
    }
    let result = f(lines.as_mut_ptr().cast());
    if lines.len() <= KEPT {
        BUFFER.set(lines);
    }
    result
}
