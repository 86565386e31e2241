//! Pack buffers: one per thread, 64-byte aligned, kept for the next product. Fresh memory would be faulted in page by
//! page each time, which costs more than the packing.

use std::cell::Cell;
use std::mem::MaybeUninit;
use std::sync::atomic::{AtomicU64, Ordering};

/// A cache line.
#[derive(Clone, Copy)]
#[repr(align(64))]
struct Line(#[allow(dead_code)] [MaybeUninit<u8>; 64]);

/// Bytes of a buffer that a thread keeps: the packed blocks of all but the largest products.
pub(super) const KEPT_BYTES: usize = 16 << 20;
/// The same in lines.
const KEPT: usize = KEPT_BYTES / size_of::<Line>();

thread_local! {
    static BUFFERS: Cell<Vec<Vec<Line>>> = const { Cell::new(Vec::new()) };
    static PACKED: [Cell<Packed>; 2] = const { [const { Cell::new(Packed::NONE) }; 2] };
}

/// Which operand.
#[derive(Clone, Copy)]
pub(super) enum Side {
    /// The left one.
    A,
    /// The right one.
    B,
}

/// A part of a block of an operand.
#[derive(Clone, Copy)]
pub(super) struct Content {
    /// A number of [`new_call`].
    pub(super) call: u64,
    /// The number of the block in this call.
    pub(super) number: usize,
    /// The part of the block, below `parts`.
    pub(super) part: usize,
    /// Parts of the block.
    pub(super) parts: usize,
}

/// What a thread keeps of a packed operand for its next task.
struct Packed {
    lines: Vec<Line>,
    /// The call and the block.
    content: (u64, usize),
    /// Which parts have been packed.
    parts: Vec<bool>,
}

impl Packed {
    const NONE: Self = Self { lines: Vec::new(), content: (0, 0), parts: Vec::new() };
}

impl Default for Packed {
    fn default() -> Self {
        Self::NONE
    }
}

static CALLS: AtomicU64 = AtomicU64::new(0);

/// A number that no other call has.
pub(super) fn new_call() -> u64 {
    CALLS.fetch_add(1, Ordering::Relaxed) + 1
}

/// Calls `f` with the block of `length` elements that `content` names. If this thread has not packed that part of it in this
/// call, `pack` shall do so first, into the same block.
pub(super) fn with_packed<T: Copy>(
    side: Side,
    content: Content,
    length: usize,
    pack: impl FnOnce(*mut T),
    f: impl FnOnce(*const T),
) {
    let mut packed = PACKED.with(|sides| sides[side as usize].take());
    if packed.content != (content.call, content.number) {
        let wanted = (length * size_of::<T>()).div_ceil(64);
        if packed.lines.len() < wanted {
            packed.lines = vec![Line([MaybeUninit::uninit(); 64]); wanted];
        }
        packed.content = (content.call, content.number);
        packed.parts.clear();
        packed.parts.resize(content.parts, false);
    }
    if !std::mem::replace(&mut packed.parts[content.part], true) {
        pack(packed.lines.as_mut_ptr().cast());
    }
    f(packed.lines.as_ptr().cast());
    if packed.lines.len() <= KEPT {
        PACKED.with(|sides| sides[side as usize].set(packed));
    }
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
