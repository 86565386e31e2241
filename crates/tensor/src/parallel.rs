//! The only file that names rayon. Work is cut into parts whose number and bounds follow from the work alone, never
//! from the number of threads, and partial results are combined in the order of the parts: the same bits at any
//! thread count. One cost model decides whether parts leave the calling thread at all.

use std::sync::{Mutex, PoisonError};

use rayon::prelude::*;

/// What a piece of work costs, so that one rule decides about threads.
#[derive(Clone, Copy, Debug, Default)]
pub struct Cost {
    /// Bytes read and written.
    pub bytes: usize,
    /// Arithmetic operations (a fused multiply-add counts two).
    pub flops: usize,
}

impl Cost {
    /// Work bounded by memory.
    #[must_use]
    pub const fn bytes(bytes: usize) -> Self {
        Self { bytes, flops: 0 }
    }

    /// Work bounded by arithmetic.
    #[must_use]
    pub const fn flops(flops: usize) -> Self {
        Self { bytes: 0, flops }
    }

    /// Estimated nanoseconds on one thread: 20 bytes or 32 operations in each.
    const fn nanoseconds(self) -> usize {
        self.bytes / 20 + self.flops / 32
    }

    /// Whether it is worth waking other threads: a fork and join costs about 5 µs.
    const fn is_large(self) -> bool {
        self.nanoseconds() >= 20_000
    }
}

/// The number of threads that kernels called from here may use.
#[must_use]
pub fn threads() -> usize {
    rayon::current_num_threads()
}

/// Fixes the number of threads for the whole process; only the first call, before any kernel ran, has an effect.
/// Answers whether it had.
pub fn set_threads(threads: usize) -> bool {
    rayon::ThreadPoolBuilder::new().num_threads(threads).build_global().is_ok()
}

/// Runs `f` with its kernels on `threads` threads (0: as many as the machine has).
///
/// ```
/// use gradus_tensor::{Tensor, with_threads};
/// let x = Tensor::<f32>::ones([1000, 1000]);
/// assert_eq!(with_threads(1, || x.sum().item()), with_threads(2, || x.sum().item()));
/// ```
///
/// # Panics
/// If the system refuses to start a thread.
pub fn with_threads<R: Send>(threads: usize, f: impl FnOnce() -> R + Send) -> R {
    let forced = crate::isa::current_isa();
    match rayon::ThreadPoolBuilder::new().num_threads(threads).build() {
        Ok(pool) => pool.install(|| crate::isa::with_isa(forced, f)),
        Err(error) => panic!("with_threads: cannot start {threads} threads: {error}"),
    }
}

/// Whether work of this cost will be spread over threads here.
#[must_use]
pub fn is_parallel(cost: Cost) -> bool {
    cost.is_large() && threads() > 1
}

/// The one place where work leaves the calling thread. Not generic: rayon's machinery is compiled once.
fn spread(parts: usize, f: &(dyn Fn(usize) + Sync)) {
    (0..parts).into_par_iter().with_max_len(1).for_each(f);
}

/// Things that are handed out to whoever takes them first, each once.
struct Slots<T>(Vec<Mutex<Option<T>>>);

impl<T> Slots<T> {
    fn new(things: impl Iterator<Item = T>) -> Self {
        Self(things.map(|thing| Mutex::new(Some(thing))).collect())
    }

    fn exchange(&self, i: usize, thing: Option<T>) -> Option<T> {
        std::mem::replace(&mut *self.0[i].lock().unwrap_or_else(PoisonError::into_inner), thing)
    }
}

/// Calls `f(i)` for `i` in `0..parts`, on several threads if `cost` (of all parts together) is large.
pub fn for_each(parts: usize, cost: Cost, f: impl Fn(usize) + Sync + Send) {
    if parts > 1 && is_parallel(cost) {
        spread(parts, &f);
    } else {
        (0..parts).for_each(f);
    }
}

/// Cuts `out` into chunks of `chunk` elements (the last may be shorter) and calls `f(index of chunk, chunk)`.
pub fn chunks_mut<T: Send>(
    out: &mut [T],
    chunk: usize,
    cost: Cost,
    f: impl Fn(usize, &mut [T]) + Sync + Send,
) {
    let chunk = chunk.max(1);
    if out.len() > chunk && is_parallel(cost) {
        let slots = Slots::new(out.chunks_mut(chunk));
        spread(slots.0.len(), &|i| {
            if let Some(part) = slots.exchange(i, None) {
                f(i, part);
            }
        });
    } else {
        out.chunks_mut(chunk).enumerate().for_each(|(i, part)| f(i, part));
    }
}

/// As [`chunks_mut`] over two buffers at once, cut at `chunk_a` and `chunk_b`: part `i` gets chunk `i` of both.
pub fn chunks_mut2<A: Send, B: Send>(
    (a, chunk_a): (&mut [A], usize),
    (b, chunk_b): (&mut [B], usize),
    cost: Cost,
    f: impl Fn(usize, &mut [A], &mut [B]) + Sync + Send,
) {
    let (chunk_a, chunk_b) = (chunk_a.max(1), chunk_b.max(1));
    let large = a.len() > chunk_a && is_parallel(cost);
    let parts = a.chunks_mut(chunk_a).zip(b.chunks_mut(chunk_b));
    if large {
        let slots = Slots::new(parts);
        spread(slots.0.len(), &|i| {
            if let Some((a, b)) = slots.exchange(i, None) {
                f(i, a, b);
            }
        });
    } else {
        parts.enumerate().for_each(|(i, (a, b))| f(i, a, b));
    }
}

/// The answers of `f(0), …, f(parts − 1)` in that order.
pub fn map<R: Send>(parts: usize, cost: Cost, f: impl Fn(usize) -> R + Sync + Send) -> Vec<R> {
    if parts > 1 && is_parallel(cost) {
        let slots = Slots((0..parts).map(|_| Mutex::new(None)).collect());
        spread(parts, &|i| {
            slots.exchange(i, Some(f(i)));
        });
        slots
            .0
            .into_iter()
            .filter_map(|slot| slot.into_inner().unwrap_or_else(PoisonError::into_inner))
            .collect()
    } else {
        (0..parts).map(f).collect()
    }
}

/// Combines neighbours until one is left: ((0 1)(2 3))((4 5) …). The shape of the tree depends on the count alone.
pub fn tree<R>(mut values: Vec<R>, combine: impl Fn(R, R) -> R) -> Option<R> {
    while values.len() > 1 {
        let mut next = Vec::with_capacity(values.len().div_ceil(2));
        let mut rest = values.into_iter();
        while let Some(left) = rest.next() {
            next.push(match rest.next() {
                Some(right) => combine(left, right),
                None => left,
            });
        }
        values = next;
    }
    values.pop()
}
