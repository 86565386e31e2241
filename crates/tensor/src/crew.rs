//! The threads under `parallel`: a few workers that wait for the next piece of work in a short spin before they sleep.
//!
//! A training step is a chain of many short parallel pieces. General thread pools put their workers to sleep between
//! them and wake them through the system, which costs more than the pieces themselves; these workers look for work for
//! [`SPIN`] first, so that one piece after the other starts within a microsecond. Work is handed out as numbered parts;
//! each thread begins with a run of its own, the same in every piece of work of that size (its caches may still hold the
//! data), and then helps the others. Which thread does a part never shows in the result.
//!
//! It must never know what the parts compute.

use std::any::Any;
use std::cell::UnsafeCell;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::Ordering::{Acquire, Relaxed, Release, SeqCst};
use std::sync::atomic::{AtomicBool, AtomicUsize};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{JoinHandle, Thread};
use std::time::{Duration, Instant};

/// How long a worker without work looks for some before it sleeps.
const SPIN: Duration = Duration::from_micros(500);
/// How long it does so without offering its core to others.
const BUSY_SPIN: Duration = Duration::from_micros(50);
/// The bit of the gate that says that work may be entered; the others count who is inside.
const OPEN: usize = 1 << (usize::BITS - 1);

/// On a cache line pair of its own, so that threads do not take it from each other in vain.
#[repr(align(128))]
struct Apart<T>(T);

/// The work at hand.
#[derive(Clone, Copy)]
struct Job {
    run: *const (dyn Fn(usize) + Sync),
    parts: usize,
}

struct Sleeper {
    is_asleep: AtomicBool,
    thread: Mutex<Option<Thread>>,
}

struct Shared {
    gate: Apart<AtomicUsize>,
    /// Changes with every job, and when the crew is dismissed.
    call: Apart<AtomicUsize>,
    is_over: AtomicBool,
    job: UnsafeCell<Option<Job>>,
    /// For each thread, the next part of its run.
    next: Box<[Apart<AtomicUsize>]>,
    sleepers: Box<[Sleeper]>,
    panic: Mutex<Option<Box<dyn Any + Send>>>,
}

// SAFETY: `job` is written only by the thread that holds `Crew::taken` while the gate is shut and nobody is inside, and
// read only by threads inside an open gate; everything else is atomic or behind a lock. The closure it points at is
// `Sync` and outlives the open gate (see `Crew::run`).
unsafe impl Sync for Shared {}
// SAFETY: as above.
unsafe impl Send for Shared {}

/// Some threads, the calling one among them.
pub(crate) struct Crew {
    shared: Arc<Shared>,
    handles: Vec<JoinHandle<()>>,
    taken: AtomicBool,
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Crew {
    /// A crew of `threads`, the calling one included.
    ///
    /// # Errors
    /// If the system refuses to start a thread.
    pub(crate) fn new(threads: usize) -> std::io::Result<Self> {
        let workers = threads.max(1) - 1;
        let shared = Arc::new(Shared {
            gate: Apart(AtomicUsize::new(0)),
            call: Apart(AtomicUsize::new(0)),
            is_over: AtomicBool::new(false),
            job: UnsafeCell::new(None),
            next: (0..=workers).map(|_| Apart(AtomicUsize::new(0))).collect(),
            sleepers: (0..workers)
                .map(|_| Sleeper { is_asleep: AtomicBool::new(false), thread: Mutex::new(None) })
                .collect(),
            panic: Mutex::new(None),
        });
        let mut crew = Self { shared, handles: Vec::new(), taken: AtomicBool::new(false) };
        for worker in 0..workers {
            let shared = Arc::clone(&crew.shared);
            let name = format!("gradus-{worker}");
            let handle = std::thread::Builder::new().name(name).spawn(move || shared.work(worker))?;
            *lock(&crew.shared.sleepers[worker].thread) = Some(handle.thread().clone());
            crew.handles.push(handle);
        }
        Ok(crew)
    }

    /// The number of threads, the calling one included.
    pub(crate) fn threads(&self) -> usize {
        self.shared.next.len()
    }

    /// Calls `f` once for each number below `parts`, then returns. While the crew works for somebody else, the calling
    /// thread does it alone. A panic of `f` comes out here, after every thread has left.
    pub(crate) fn run(&self, parts: usize, f: &(dyn Fn(usize) + Sync)) {
        if self.taken.swap(true, Acquire) {
            return (0..parts).for_each(f);
        }
        let shared = &*self.shared;
        let threads = self.threads();
        for (thread, next) in shared.next.iter().enumerate() {
            next.0.store(thread * parts / threads, Relaxed);
        }
        // SAFETY: only the lifetime changes. The pointer is followed inside an open gate only; the gate is shut and
        // empty before this function returns or unwinds, and `f` lives at least as long.
        let run = unsafe {
            std::mem::transmute::<*const (dyn Fn(usize) + Sync + '_), *const (dyn Fn(usize) + Sync + 'static)>(
                f,
            )
        };
        // SAFETY: `taken` is held, the gate is shut and nobody who saw it open is left inside.
        unsafe { *shared.job.get() = Some(Job { run, parts }) };
        shared.gate.0.fetch_or(OPEN, Release);
        shared.call_out();
        let mine = catch_unwind(AssertUnwindSafe(|| shared.take_part(threads - 1, parts, f)));
        shared.gate.0.fetch_and(!OPEN, Acquire);
        let mut patience = Patience::new();
        while shared.gate.0.load(Acquire) != 0 {
            patience.wait();
        }
        let theirs = lock(&shared.panic).take();
        self.taken.store(false, Release);
        if let Err(panic) = mine {
            resume_unwind(panic);
        }
        if let Some(panic) = theirs {
            resume_unwind(panic);
        }
    }
}

impl Drop for Crew {
    fn drop(&mut self) {
        self.shared.is_over.store(true, SeqCst);
        self.shared.call_out();
        for handle in self.handles.drain(..) {
            // A worker catches all panics of its work; it has nothing to tell.
            let _ = handle.join();
        }
    }
}

impl Shared {
    /// Tells every worker that there is something new.
    fn call_out(&self) {
        self.call.0.fetch_add(1, SeqCst);
        for sleeper in &self.sleepers {
            if sleeper.is_asleep.swap(false, SeqCst)
                && let Some(thread) = &*lock(&sleeper.thread)
            {
                thread.unpark();
            }
        }
    }

    /// A worker's life.
    fn work(&self, worker: usize) {
        let mut seen = 0;
        loop {
            seen = self.wait(worker, seen);
            if self.is_over.load(SeqCst) {
                return;
            }
            if self.gate.0.fetch_add(1, Acquire) & OPEN != 0 {
                // SAFETY: this thread is inside an open gate.
                let job = unsafe { *self.job.get() };
                if let Some(Job { run, parts }) = job {
                    // SAFETY: the closure lives until the gate is shut and this thread has left.
                    let f = unsafe { &*run };
                    if let Err(panic) = catch_unwind(AssertUnwindSafe(|| self.take_part(worker, parts, f))) {
                        *lock(&self.panic) = Some(panic);
                    }
                }
            }
            self.gate.0.fetch_sub(1, Release);
        }
    }

    /// Returns when the call differs from `seen`: at once, after a spin, or after sleep.
    fn wait(&self, worker: usize, seen: usize) -> usize {
        let sleeper = &self.sleepers[worker];
        let mut patience = Patience::new();
        loop {
            let call = self.call.0.load(SeqCst);
            if call != seen {
                return call;
            }
            if patience.wait() < SPIN {
                continue;
            }
            sleeper.is_asleep.store(true, SeqCst);
            // Whoever calls changes `call` first and looks for sleepers then: one of the two sees the other.
            while self.call.0.load(SeqCst) == seen && sleeper.is_asleep.load(SeqCst) {
                std::thread::park();
            }
            sleeper.is_asleep.store(false, SeqCst);
        }
    }

    /// The parts of this thread's run, then what others have not yet begun.
    fn take_part(&self, thread: usize, parts: usize, f: &(dyn Fn(usize) + Sync)) {
        let threads = self.next.len();
        for turn in 0..threads {
            let owner = (thread + turn) % threads;
            let end = (owner + 1) * parts / threads;
            loop {
                let part = self.next[owner].0.fetch_add(1, Relaxed);
                if part >= end {
                    break;
                }
                f(part);
            }
        }
    }
}

/// Waiting that begins eagerly and becomes polite.
struct Patience {
    turns: u32,
    since: Option<Instant>,
}

impl Patience {
    const fn new() -> Self {
        Self { turns: 0, since: None }
    }

    /// Lets a moment pass; answers for how long it has waited, 0 as long as it has not looked at the clock.
    fn wait(&mut self) -> Duration {
        std::hint::spin_loop();
        self.turns += 1;
        if !self.turns.is_multiple_of(32) {
            return Duration::ZERO;
        }
        let waited = self.since.get_or_insert_with(Instant::now).elapsed();
        if waited > BUSY_SPIN {
            std::thread::yield_now();
        }
        waited
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_part_is_run_once() {
        for threads in [1, 2, 3, 8] {
            let crew = Crew::new(threads).unwrap();
            for parts in (0..40).chain([1000]) {
                let counts: Vec<_> = (0..parts).map(|_| AtomicUsize::new(0)).collect();
                crew.run(parts, &|i| {
                    counts[i].fetch_add(1, Relaxed);
                });
                assert!(
                    counts.iter().all(|count| count.load(Relaxed) == 1),
                    "{threads} threads, {parts} parts"
                );
            }
        }
    }

    #[test]
    fn a_panic_comes_out_and_the_crew_goes_on() {
        let crew = Crew::new(3).unwrap();
        for bad in [0, 5, 9] {
            let result = catch_unwind(AssertUnwindSafe(|| crew.run(10, &|i| assert!(i != bad, "part {i}"))));
            assert!(result.is_err());
            let sum = AtomicUsize::new(0);
            crew.run(10, &|i| {
                sum.fetch_add(i, Relaxed);
            });
            assert_eq!(sum.load(Relaxed), 45);
        }
    }

    #[test]
    fn callers_do_not_disturb_each_other() {
        let crew = Crew::new(2).unwrap();
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for parts in 0..500 {
                        let sum = AtomicUsize::new(0);
                        crew.run(parts, &|i| {
                            sum.fetch_add(i + 1, Relaxed);
                        });
                        assert_eq!(sum.load(Relaxed), parts * (parts + 1) / 2);
                    }
                });
            }
        });
    }

    #[test]
    fn work_is_found_after_sleep() {
        let crew = Crew::new(2).unwrap();
        for _ in 0..3 {
            std::thread::sleep(SPIN * 5);
            let seen = Mutex::new(0);
            crew.run(64, &|_| *lock(&seen) += 1);
            assert_eq!(*lock(&seen), 64);
        }
    }
}
