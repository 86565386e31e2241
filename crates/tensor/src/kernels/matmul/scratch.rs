//! Pack buffers: one per thread, 64-byte aligned, kept for the next product. Fresh memory would be faulted in page by
//! page each time, which costs more than the packing.

use std::cell::Cell;
use std::mem::MaybeUninit;

/// A cache line.
#[derive(Clone, Copy)]
#[repr(align(64))]
struct Line(#[allow(dead_code)] [MaybeUninit<u8>; 64]);

/// Lines that a thread keeps: 16 MiB, the packed blocks of all but the largest products.
const KEPT: usize = 1 << 18;

thread_local! {
    static BUFFERS: Cell<Vec<Vec<Line>>> = const { Cell::new(Vec::new()) };
}

/// Calls `f` with uninitialised room for `length` elements. Within `f`, another call on the same thread gets a buffer
/// of its own.
pub(super) fn with_scratch<T: Copy, R>(length: usize, f: impl FnOnce(*mut T) -> R) -> R {
    let mut buffers = BUFFERS.take();
    let mut lines = buffers.pop().unwrap_or_default();
    BUFFERS.set(buffers);
    let wanted = (length * size_of::<T>()).div_ceil(64);
    if lines.len() < wanted {
        lines = vec![Line([MaybeUninit::uninit(); 64]); wanted];
    }
    let result = f(lines.as_mut_ptr().cast());
    if lines.len() <= KEPT {
        let mut buffers = BUFFERS.take();
        buffers.push(lines);
        BUFFERS.set(buffers);
    }
    result
}

/// Where several tasks find or put packed blocks and partial sums.
pub(super) struct Shared<T>(pub(super) *mut T);

// SAFETY: whoever shares it lets each task write elements of its own, and none read them before all have.
unsafe impl<T: Send + Sync> Sync for Shared<T> {}

impl<T> Shared<T> {
    /// Element `i`.
    pub(super) fn at(&self, i: usize) -> *mut T {
        self.0.wrapping_add(i)
    }
}
