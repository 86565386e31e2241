//! The memory under a tensor: 64-byte aligned blocks that are recycled instead of returned.
//!
//! The system allocator gives blocks above some 128 KiB back to the kernel at once, so a training step would fault
//! the same pages in again and again; and it is slow with aligned ones of any size. Small blocks therefore wait on their
//! thread ([`SMALL`]), larger ones in a pool of the process, for the next request of about their size, up to a bound
//! ([`set_recycle_limit`]); [`release_memory`] empties the pool. Every byte of a block is initialised from the start
//! (blocks begin zeroed), so a recycled one is stale, never undefined. Blocks of [`HUGE`] bytes and more ask the kernel
//! for huge pages: walks with long strides then miss the translation cache less.

use std::alloc::{Layout as Block, alloc, alloc_zeroed, dealloc, handle_alloc_error};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::marker::PhantomData;
use std::ptr::NonNull;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use crate::element::{DType, Element};

/// Alignment of every block: a cache line, and a whole AVX-512 register.
const ALIGN: usize = 64;
/// Blocks below this wait on the thread that freed them, and no lock is taken for them.
const SMALL: usize = 16 * 1024;
/// What small blocks that wait on one thread may add up to.
const SMALL_LIMIT: usize = 1024 * 1024;
/// From here on blocks lie on huge pages, if the system has them.
const HUGE: usize = 2 * 1024 * 1024;

/// What the pool may hold; beyond it blocks are freed.
static RECYCLE_LIMIT: AtomicUsize = AtomicUsize::new(256 * 1024 * 1024);
static LIVE: AtomicUsize = AtomicUsize::new(0);
static PEAK: AtomicUsize = AtomicUsize::new(0);
static POOL: Mutex<Pool> = Mutex::new(Pool { blocks: BTreeMap::new(), bytes: 0 });

thread_local! {
    static CACHE: RefCell<Cache> = const { RefCell::new(Cache { classes: Vec::new(), bytes: 0 }) };
}

/// Larger blocks that wait, by size.
struct Pool {
    blocks: BTreeMap<usize, Vec<Raw>>,
    bytes: usize,
}

/// Small blocks that wait on this thread, by number of cache lines.
struct Cache {
    classes: Vec<Vec<Raw>>,
    bytes: usize,
}

impl Cache {
    fn take(&mut self, bytes: usize) -> Option<Raw> {
        let raw = self.classes.get_mut(bytes / ALIGN)?.pop()?;
        self.bytes -= raw.bytes;
        Some(raw)
    }

    fn put(&mut self, raw: Raw) {
        if self.bytes + raw.bytes > SMALL_LIMIT {
            return;
        }
        if self.classes.is_empty() {
            self.classes.resize_with(SMALL / ALIGN, Vec::new);
        }
        self.bytes += raw.bytes;
        self.classes[raw.bytes / ALIGN].push(raw);
    }
}

/// What tensors hold at this moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Memory {
    /// Bytes in tensors that are alive.
    pub live: usize,
    /// The most that was alive since the start or the last [`reset_peak_memory`].
    pub peak: usize,
    /// Bytes that wait for reuse.
    pub pooled: usize,
}

/// Bytes in tensors: alive, at the peak, waiting for reuse.
///
/// ```
/// let before = gradus_tensor::memory().live;
/// let x = gradus_tensor::Tensor::<f32>::zeros([1024]);
/// assert!(gradus_tensor::memory().live >= before.min(4096));
/// # drop(x);
/// ```
#[must_use]
pub fn memory() -> Memory {
    Memory { live: LIVE.load(Relaxed), peak: PEAK.load(Relaxed), pooled: pool().bytes }
}

/// Starts the measurement of the peak anew.
///
/// ```
/// use gradus_tensor::{Memory, Tensor, memory, release_memory, reset_peak_memory};
/// reset_peak_memory();
/// drop(Tensor::<f32>::zeros([1 << 20]));
/// release_memory();
/// let Memory { peak, .. } = memory();
/// assert!(peak >= 4 << 20); // bytes
/// ```
pub fn reset_peak_memory() {
    PEAK.store(LIVE.load(Relaxed), Relaxed);
}

/// Bounds the bytes that wait for reuse (256 MiB unless set); what is above goes back to the system at once. 0 switches
/// recycling off, but for at most 1 MiB of small blocks on each thread.
///
/// ```
/// gradus_tensor::set_recycle_limit(64 << 20);
/// assert!(gradus_tensor::memory().pooled <= 64 << 20);
/// ```
pub fn set_recycle_limit(bytes: usize) {
    RECYCLE_LIMIT.store(bytes, Relaxed);
    let mut freed = Vec::new();
    let mut pool = pool();
    while pool.bytes > bytes {
        let Some((_, blocks)) = pool.blocks.pop_last() else { break };
        pool.bytes -= blocks.iter().map(|raw| raw.bytes).sum::<usize>();
        freed.push(blocks);
    }
    drop(pool);
}

/// Gives all blocks that wait for reuse back to the system: the pool's, and the calling thread's small ones.
pub fn release_memory() {
    let small = CACHE.with_borrow_mut(|cache| {
        cache.bytes = 0;
        std::mem::take(&mut cache.classes)
    });
    drop(small);
    let blocks = {
        let mut pool = pool();
        pool.bytes = 0;
        std::mem::take(&mut pool.blocks)
    };
    drop(blocks);
}

fn pool() -> std::sync::MutexGuard<'static, Pool> {
    POOL.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

/// An aligned block of initialised bytes.
struct Raw {
    start: NonNull<u8>,
    bytes: usize,
}

// SAFETY: a block is owned memory without thread affinity; access goes through `&` and `&mut` of its one owner.
unsafe impl Send for Raw {}
// SAFETY: as above; a shared reference to a block only reads.
unsafe impl Sync for Raw {}

impl Raw {
    fn block(bytes: usize) -> Block {
        let align = if bytes < HUGE { ALIGN } else { HUGE };
        match Block::from_size_align(bytes, align) {
            Ok(block) => block,
            Err(_) => panic!("tensor: {bytes} bytes are more than this machine can address"),
        }
    }

    /// A new block of `bytes` noughts, at least a cache line.
    fn zeroed(bytes: usize) -> Self {
        let block = Self::block(bytes);
        let start = if bytes < HUGE {
            // SAFETY: the size is not 0.
            unsafe { alloc_zeroed(block) }
        } else {
            // SAFETY: as above.
            unsafe { alloc(block) }
        };
        let Some(start) = NonNull::new(start) else { handle_alloc_error(block) };
        if bytes >= HUGE {
            advise_huge(start, bytes - bytes % HUGE);
            // SAFETY: the block is this large and nobody else's.
            unsafe { start.write_bytes(0, bytes) };
        }
        Self { start, bytes }
    }
}

/// Asks the kernel to put this part of a block on huge pages. Advice only: nothing is lost where it is not taken.
#[cfg(target_os = "linux")]
fn advise_huge(start: NonNull<u8>, bytes: usize) {
    // SAFETY: the signature is that of the C library, which the standard library links already.
    unsafe extern "C" {
        fn madvise(start: *mut std::ffi::c_void, bytes: usize, advice: i32) -> i32;
    }
    const MADV_HUGEPAGE: i32 = 14;
    // SAFETY: this advice changes no contents, whatever the range.
    unsafe { madvise(start.as_ptr().cast(), bytes, MADV_HUGEPAGE) };
}

#[cfg(not(target_os = "linux"))]
fn advise_huge(_: NonNull<u8>, _: usize) {}

impl Drop for Raw {
    fn drop(&mut self) {
        // SAFETY: `start` came from the allocator with this very size and alignment.
        unsafe { dealloc(self.start.as_ptr(), Self::block(self.bytes)) }
    }
}

/// Rounds a request up so that blocks of nearly equal size can stand in for each other (at most an eighth is lost).
fn size_class(bytes: usize) -> usize {
    let granule = (bytes.next_power_of_two() / 16).max(ALIGN);
    bytes.div_ceil(granule).max(1) * granule
}

/// A flat buffer of `T`.
pub(crate) struct Storage<T: Element> {
    raw: Option<Raw>,
    len: usize,
    element: PhantomData<T>,
}

impl<T: Element> Storage<T> {
    /// A buffer whose contents are arbitrary values of `T`: for results that are written in full.
    #[must_use]
    pub(crate) fn stale(len: usize) -> Self {
        let bytes = size_class(len.saturating_mul(size_of::<T>()));
        let recycled = match bytes {
            // A thread that ends has no cache any more.
            ..SMALL => CACHE.try_with(|cache| cache.borrow_mut().take(bytes)).ok().flatten(),
            _ => take(bytes),
        };
        let dirty = recycled.is_some();
        let raw = recycled.unwrap_or_else(|| Raw::zeroed(bytes));
        let live = LIVE.fetch_add(bytes, Relaxed) + bytes;
        PEAK.fetch_max(live, Relaxed);
        let mut storage = Self { raw: Some(raw), len, element: PhantomData };
        if dirty && T::DTYPE == DType::Bool {
            storage.bytes_mut().fill(0); // not every byte is a `bool`
        }
        storage
    }

    /// A copy of a slice.
    #[must_use]
    pub(crate) fn copied(values: &[T]) -> Self {
        let mut storage = Self::stale(values.len());
        storage.as_mut_slice().copy_from_slice(values);
        storage
    }

    fn bytes_mut(&mut self) -> &mut [u8] {
        match &mut self.raw {
            // SAFETY: the block holds `bytes` initialised bytes and is borrowed mutably through `self`.
            Some(raw) => unsafe { std::slice::from_raw_parts_mut(raw.start.as_ptr(), raw.bytes) },
            None => &mut [],
        }
    }

    /// The elements.
    #[must_use]
    pub(crate) fn as_slice(&self) -> &[T] {
        match &self.raw {
            // SAFETY: the block is aligned for any element, holds at least `len` of them, all bytes are initialised,
            // and every bit pattern in it is a `T` (blocks for `bool` are cleared when taken from the pool).
            Some(raw) => unsafe { std::slice::from_raw_parts(raw.start.as_ptr().cast(), self.len) },
            None => &[],
        }
    }

    /// The elements, to write.
    pub(crate) fn as_mut_slice(&mut self) -> &mut [T] {
        match &mut self.raw {
            // SAFETY: as in `as_slice`; `&mut self` makes the access unique.
            Some(raw) => unsafe { std::slice::from_raw_parts_mut(raw.start.as_ptr().cast(), self.len) },
            None => &mut [],
        }
    }
}

/// A waiting block of at least `bytes`, no more than a quarter larger.
fn take(bytes: usize) -> Option<Raw> {
    let mut pool = pool();
    let (&class, blocks) = pool.blocks.range_mut(bytes..=bytes + bytes / 4).next()?;
    let raw = blocks.pop()?;
    if blocks.is_empty() {
        pool.blocks.remove(&class);
    }
    pool.bytes -= raw.bytes;
    Some(raw)
}

impl<T: Element> Drop for Storage<T> {
    fn drop(&mut self) {
        let Some(raw) = self.raw.take() else { return };
        // A recycled block may be larger than was asked for; the live count goes by the request's class.
        LIVE.fetch_sub(size_class(self.len.saturating_mul(size_of::<T>())), Relaxed);
        if raw.bytes < SMALL {
            // As in `stale`; the block is freed then.
            let _ = CACHE.try_with(|cache| cache.borrow_mut().put(raw));
            return;
        }
        let mut pool = pool();
        if pool.bytes + raw.bytes <= RECYCLE_LIMIT.load(Relaxed) {
            pool.bytes += raw.bytes;
            pool.blocks.entry(raw.bytes).or_default().push(raw);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_are_aligned_and_come_back() {
        for len in [0, 1, 15, 16, 17, 5000, 100_000] {
            let storage = Storage::copied(&vec![0.0_f32; len]);
            assert_eq!(storage.as_slice().len(), len);
            assert_eq!(storage.as_slice().as_ptr() as usize % ALIGN, 0);
            assert!(storage.as_slice().iter().all(|&x| x == 0.0));
        }
        let mut dirty = Storage::<u8>::stale(1 << 20);
        dirty.as_mut_slice().fill(7);
        drop(dirty);
        assert!(Storage::<bool>::stale(1 << 20).as_slice().iter().all(|&b| !b));
    }

    #[test]
    fn small_blocks_come_back_on_their_thread() {
        let mut storage = Storage::<u8>::stale(1000);
        storage.as_mut_slice().fill(7);
        let place = storage.as_slice().as_ptr();
        drop(storage);
        let again = Storage::<u8>::stale(1020);
        assert_eq!(again.as_slice().as_ptr(), place);
        let clean = Storage::<bool>::stale(1000);
        assert!(clean.as_slice().iter().all(|&b| !b));
        std::thread::spawn(move || drop(again)).join().unwrap();
    }

    #[test]
    fn huge_blocks_are_whole_pages_and_noughts() {
        for bytes in [HUGE, HUGE + 1, 2 * HUGE - 64] {
            let raw = Raw::zeroed(size_class(bytes));
            assert_eq!(raw.start.as_ptr() as usize % HUGE, 0);
            LIVE.fetch_add(raw.bytes, Relaxed); // the storage takes it off again
            let storage = Storage::<u8> { raw: Some(raw), len: bytes, element: PhantomData };
            assert!(storage.as_slice().iter().all(|&b| b == 0));
        }
    }

    #[test]
    fn size_classes_waste_little() {
        for bytes in 1..200_000 {
            let class = size_class(bytes);
            assert!(class >= bytes && class <= bytes + ALIGN.max(bytes / 8), "{bytes} → {class}");
        }
    }
}
