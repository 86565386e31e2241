//! The only file that knows of threads. Sums are cut into parts whose number and bounds follow from the work alone, never
//! from the number of threads, and partial results are combined in the order of the parts: the same bits at any
//! thread count. One cost model decides whether parts leave the calling thread at all.

use std::cell::{Cell, RefCell};
use std::marker::PhantomData;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use crate::crew::Crew;
use crate::isa;

/// What a piece of work costs, so that one rule decides about threads.
///
/// ```
/// use gradus_tensor::parallel::{self, Cost};
/// let parts = parallel::map(4, Cost::bytes(4 * 8), |i| i as f64); // small: stays on this thread
/// assert_eq!(parallel::tree(parts, |a, b| a + b), Some(6.0));
/// assert!(!parallel::is_parallel(Cost::flops(100)));
/// ```
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

    /// Whether it is worth calling other threads: a fork and join costs one to two µs.
    const fn is_large(self) -> bool {
        self.nanoseconds() >= 8_000
    }
}

thread_local! {
    /// The crew that [`with_threads`] chose.
    static CHOSEN: RefCell<Option<Arc<Crew>>> = const { RefCell::new(None) };
    /// Whether this thread is inside a part: what it starts then, it does alone.
    static INSIDE: Cell<bool> = const { Cell::new(false) };
}

static DEFAULT: OnceLock<Crew> = OnceLock::new();

/// As many threads as the machine has cores, or as many of them as the system grants.
fn crew_of(threads: usize) -> Crew {
    let mut wanted = if threads == 0 { cores() } else { threads };
    loop {
        match Crew::new(wanted) {
            Ok(crew) => return crew,
            Err(error) if wanted == 1 => unreachable!("a crew of one starts no thread: {error}"),
            Err(_) => wanted /= 2,
        }
    }
}

fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
}

/// Calls `f` with the crew that works for this thread.
fn with_crew<R>(f: impl FnOnce(&Crew) -> R) -> R {
    let chosen = CHOSEN.with_borrow(Option::clone);
    match &chosen {
        Some(crew) => f(crew),
        None => f(DEFAULT.get_or_init(|| crew_of(0))),
    }
}

/// The number of threads that kernels called from here may use.
///
/// ```
/// use gradus_tensor::{threads, with_threads};
/// assert_eq!(with_threads(2, threads), 2);
/// ```
#[must_use]
pub fn threads() -> usize {
    if INSIDE.get() { 1 } else { with_crew(Crew::threads) }
}

/// Fixes the number of threads for the whole process (0: as many as the machine has); only the first call, before any
/// kernel ran, has an effect. Answers whether it had.
///
/// ```
/// use gradus_tensor::set_threads;
/// set_threads(2); // first in main
/// assert!(!set_threads(3)); // too late
/// ```
pub fn set_threads(threads: usize) -> bool {
    let mut is_first = false;
    DEFAULT.get_or_init(|| {
        is_first = true;
        crew_of(threads)
    });
    is_first
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
pub fn with_threads<R>(threads: usize, f: impl FnOnce() -> R) -> R {
    struct Restore(Option<Arc<Crew>>);
    impl Drop for Restore {
        fn drop(&mut self) {
            CHOSEN.set(self.0.take());
        }
    }
    let threads = if threads == 0 { cores() } else { threads };
    let crew = match Crew::new(threads) {
        Ok(crew) => Arc::new(crew),
        Err(error) => panic!("with_threads: cannot start {threads} threads: {error}"),
    };
    let _restore = Restore(CHOSEN.replace(Some(crew)));
    f()
}

/// Whether work of this cost will be spread over threads here.
#[must_use]
pub fn is_parallel(cost: Cost) -> bool {
    cost.is_large() && threads() > 1
}

/// The one place where work leaves the calling thread. Not generic, so that it is compiled once. The workers use the
/// instruction set that the caller does.
fn spread(parts: usize, f: &(dyn Fn(usize) + Sync)) {
    struct Leave(bool);
    impl Drop for Leave {
        fn drop(&mut self) {
            INSIDE.set(self.0);
        }
    }
    let forced = isa::forced();
    with_crew(|crew| {
        crew.run(parts, &|part| {
            let _leave = Leave(INSIDE.replace(true));
            isa::with_forced(forced, || f(part));
        });
    });
}

/// A slice whose chunks are handed out to different threads, each once.
struct Chunks<'a, T> {
    start: *mut T,
    len: usize,
    chunk: usize,
    slice: PhantomData<&'a mut [T]>,
}

// SAFETY: it stands for a `&mut [T]` whose disjoint chunks go to one thread each.
unsafe impl<T: Send> Sync for Chunks<'_, T> {}

impl<'a, T> Chunks<'a, T> {
    fn new(slice: &'a mut [T], chunk: usize) -> Self {
        let chunk = chunk.max(1);
        Self { start: slice.as_mut_ptr(), len: slice.len(), chunk, slice: PhantomData }
    }

    fn count(&self) -> usize {
        self.len.div_ceil(self.chunk)
    }

    /// Chunk `i`.
    ///
    /// # Safety
    /// Nobody else holds it.
    unsafe fn get(&self, i: usize) -> &'a mut [T] {
        let from = (i * self.chunk).min(self.len);
        let length = self.chunk.min(self.len - from);
        // SAFETY: the range lies within the slice; by the caller's promise nobody else holds it.
        unsafe { std::slice::from_raw_parts_mut(self.start.add(from), length) }
    }
}

/// Calls `f(i)` for `i` in `0..parts`, on several threads if `cost` (of all parts together) is large.
///
/// ```
/// use gradus_tensor::parallel::{self, Cost};
/// use std::sync::atomic::{AtomicUsize, Ordering};
/// let seen = AtomicUsize::new(0);
/// parallel::for_each(8, Cost::flops(1 << 24), |i| { seen.fetch_add(i, Ordering::Relaxed); });
/// assert_eq!(seen.into_inner(), 28);
/// ```
pub fn for_each(parts: usize, cost: Cost, f: impl Fn(usize) + Sync + Send) {
    if parts > 1 && is_parallel(cost) {
        spread(parts, &f);
    } else {
        (0..parts).for_each(f);
    }
}

/// Cuts `out` into chunks of `chunk` elements (the last may be shorter) and calls `f(index of chunk, chunk)`.
///
/// ```
/// use gradus_tensor::parallel::{self, Cost};
/// let mut squares = vec![0; 5];
/// parallel::chunks_mut(&mut squares, 2, Cost::flops(5), |part, chunk| {
///     chunk.iter_mut().enumerate().for_each(|(i, x)| *x = (2 * part + i).pow(2));
/// });
/// assert_eq!(squares, [0, 1, 4, 9, 16]);
/// ```
pub fn chunks_mut<T: Send>(
    out: &mut [T],
    chunk: usize,
    cost: Cost,
    f: impl Fn(usize, &mut [T]) + Sync + Send,
) {
    let chunks = Chunks::new(out, chunk);
    // SAFETY: every number comes up once.
    for_each(chunks.count(), cost, |i| f(i, unsafe { chunks.get(i) }));
}

/// As [`chunks_mut`] over two buffers at once, cut at `chunk_a` and `chunk_b`: part `i` gets chunk `i` of both.
///
/// ```
/// use gradus_tensor::parallel::{self, Cost};
/// let (mut x, mut sums) = ([1.0, 2.0, 3.0, 4.0], [0.0; 2]);
/// parallel::chunks_mut2((&mut x, 2), (&mut sums, 1), Cost::bytes(48), |_, x, sum| sum[0] = x.iter().sum());
/// assert_eq!(sums, [3.0, 7.0]);
/// ```
pub fn chunks_mut2<A: Send, B: Send>(
    (a, chunk_a): (&mut [A], usize),
    (b, chunk_b): (&mut [B], usize),
    cost: Cost,
    f: impl Fn(usize, &mut [A], &mut [B]) + Sync + Send,
) {
    let (a, b) = (Chunks::new(a, chunk_a), Chunks::new(b, chunk_b));
    for_each(a.count().min(b.count()), cost, |i| {
        // SAFETY: every number comes up once.
        let (a, b) = unsafe { (a.get(i), b.get(i)) };
        f(i, a, b);
    });
}

/// The answers of `f(0), …, f(parts − 1)` in that order.
pub fn map<R: Send>(parts: usize, cost: Cost, f: impl Fn(usize) -> R + Sync + Send) -> Vec<R> {
    if parts > 1 && is_parallel(cost) {
        let slots: Vec<Mutex<Option<R>>> = (0..parts).map(|_| Mutex::new(None)).collect();
        spread(parts, &|i| {
            let answer = f(i);
            *slots[i].lock().unwrap_or_else(PoisonError::into_inner) = Some(answer);
        });
        let answers = slots.into_iter().map(|slot| slot.into_inner().unwrap_or_else(PoisonError::into_inner));
        answers.flatten().collect()
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

#[cfg(test)]
mod tests {
    use super::*;

    const LARGE: Cost = Cost::bytes(1 << 30);

    #[test]
    fn chunks_are_the_slice() {
        for (len, chunk) in [(0, 3), (1, 3), (7, 3), (9, 3), (1000, 7)] {
            for threads in [1, 2, 5] {
                let mut out = vec![0; len];
                with_threads(threads, || {
                    chunks_mut(&mut out, chunk, LARGE, |i, part| {
                        part.iter_mut().enumerate().for_each(|(j, x)| *x = i * chunk + j + 1);
                    });
                });
                assert_eq!(out, (1..=len).collect::<Vec<_>>());
            }
        }
    }

    #[test]
    fn two_buffers_keep_step() {
        let (mut a, mut b) = (vec![0; 10], vec![0; 20]);
        with_threads(3, || {
            chunks_mut2((&mut a, 2), (&mut b, 4), LARGE, |i, a, b| {
                a.fill(i);
                b.fill(i);
            });
        });
        assert_eq!(a, (0..10).map(|i| i / 2).collect::<Vec<_>>());
        assert_eq!(b, (0..20).map(|i| i / 4).collect::<Vec<_>>());
    }

    #[test]
    fn parts_see_one_thread_and_the_callers_instruction_set() {
        with_threads(3, || {
            isa::with_isa(isa::Isa::Portable, || {
                let seen = map(30, LARGE, |_| (threads(), isa::current_isa()));
                assert_eq!(seen, [(1, isa::Isa::Portable); 30]);
            });
            assert_eq!(threads(), 3);
        });
    }
}
