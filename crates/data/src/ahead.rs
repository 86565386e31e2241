//! Work done ahead on threads, handed back in the order in which it was given: what makes loading run beside training.
//! The one file of this crate that starts threads. It must never know what the work is.

use std::any::Any;
use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use gradus_tensor::{Isa, current_isa, with_isa, with_threads};

use crate::error::DataError;

/// Batches that each thread is ahead unless told otherwise (PyTorch: `prefetch_factor`).
pub(crate) const FACTOR: usize = 2;

/// How a worker is started: made where it is known that jobs and results may change threads.
type Start<J, B> = dyn Fn(usize, &Arc<Shared<J, B>>) -> std::io::Result<JoinHandle<()>> + Send + Sync;
/// What came of a job, or what it panicked with.
type Outcome<B> = Result<Result<B, DataError>, Box<dyn Any + Send>>;

/// Threads that turn jobs into results. They start with the first job and end when this is dropped.
pub(crate) struct Ahead<J, B> {
    start: Arc<Start<J, B>>,
    threads: usize,
    crew: Option<Crew<J, B>>,
}

struct Crew<J, B> {
    shared: Arc<Shared<J, B>>,
    handles: Vec<JoinHandle<()>>,
}

struct Shared<J, B> {
    state: Mutex<State<J, B>>,
    /// There is a job, or the end.
    called: Condvar,
    /// There is a result.
    answered: Condvar,
}

struct State<J, B> {
    /// Jobs that nobody has begun, each with its number and the instruction set of who gave it.
    jobs: VecDeque<(u64, Isa, J)>,
    results: BTreeMap<u64, Outcome<B>>,
    /// The number of the oldest result that anybody still wants.
    oldest: u64,
    /// The number of the next job.
    next: u64,
    is_over: bool,
}

impl<J, B> Ahead<J, B> {
    /// `threads` of them, at least one.
    pub(crate) fn new(
        threads: usize,
        work: impl Fn(J) -> Result<B, DataError> + Send + Sync + 'static,
    ) -> Self
    where
        J: Send + 'static,
        B: Send + 'static,
    {
        let work = Arc::new(work);
        let start = move |thread, shared: &Arc<Shared<J, B>>| {
            let (shared, work) = (Arc::clone(shared), Arc::clone(&work));
            // Kernels stay on this thread: the others belong to training.
            let life = move || with_threads(1, || shared.work(&*work));
            std::thread::Builder::new().name(format!("gradus-load-{thread}")).spawn(life)
        };
        Self { start: Arc::new(start), threads: threads.max(1), crew: None }
    }

    /// How many threads.
    pub(crate) fn threads(&self) -> usize {
        self.threads
    }

    /// The same work, with no threads yet.
    pub(crate) fn again(&self) -> Self {
        Self { start: Arc::clone(&self.start), crew: None, ..*self }
    }

    /// How many results are still to be taken.
    pub(crate) fn waiting(&self) -> usize {
        self.crew.as_ref().map_or(0, |crew| {
            let state = crew.shared.lock();
            (state.next - state.oldest) as usize
        })
    }

    /// Gives out a job.
    ///
    /// # Errors
    /// If the system refuses to start a thread.
    pub(crate) fn give(&mut self, job: J) -> Result<(), DataError> {
        let shared = match &self.crew {
            Some(crew) => &crew.shared,
            None => &self.crew.insert(Crew::new(self.threads, &*self.start)?).shared,
        };
        let mut state = shared.lock();
        let number = state.next;
        state.next += 1;
        state.jobs.push_back((number, current_isa(), job));
        drop(state);
        shared.called.notify_one();
        Ok(())
    }

    /// Forgets all jobs: those under way are finished for nothing.
    pub(crate) fn clear(&mut self) {
        let Some(crew) = &self.crew else { return };
        let mut state = crew.shared.lock();
        state.jobs.clear();
        state.oldest = state.next;
        let forgotten = std::mem::take(&mut state.results);
        drop(state);
        drop(forgotten);
    }

    /// Waits for the oldest job's result. A panic in it goes on here.
    pub(crate) fn take(&mut self) -> Option<Result<B, DataError>> {
        let shared = &self.crew.as_ref()?.shared;
        let mut state = shared.lock();
        let number = state.oldest;
        if number == state.next {
            return None;
        }
        let outcome = loop {
            if let Some(outcome) = state.results.remove(&number) {
                break outcome;
            }
            state = shared.answered.wait(state).unwrap_or_else(PoisonError::into_inner);
        };
        state.oldest += 1;
        drop(state);
        Some(outcome.unwrap_or_else(|panic| resume_unwind(panic)))
    }
}

impl<J, B> Crew<J, B> {
    fn new(threads: usize, start: &Start<J, B>) -> Result<Self, DataError> {
        let state =
            State { jobs: VecDeque::new(), results: BTreeMap::new(), oldest: 0, next: 0, is_over: false };
        let shared = Shared { state: Mutex::new(state), called: Condvar::new(), answered: Condvar::new() };
        let mut crew = Self { shared: Arc::new(shared), handles: Vec::new() };
        for thread in 0..threads {
            let handle =
                start(thread, &crew.shared).map_err(DataError::system("loader", "start a thread"))?;
            crew.handles.push(handle);
        }
        Ok(crew)
    }
}

impl<J, B> Shared<J, B> {
    fn lock(&self) -> MutexGuard<'_, State<J, B>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A worker's life.
    fn work(&self, work: &dyn Fn(J) -> Result<B, DataError>) {
        let mut state = self.lock();
        while !state.is_over {
            let Some((number, isa, job)) = state.jobs.pop_front() else {
                state = self.called.wait(state).unwrap_or_else(PoisonError::into_inner);
                continue;
            };
            drop(state);
            let outcome = catch_unwind(AssertUnwindSafe(|| with_isa(isa, || work(job))));
            state = self.lock();
            if number >= state.oldest {
                state.results.insert(number, outcome);
                self.answered.notify_one();
            } else {
                drop(state);
                drop(outcome);
                state = self.lock();
            }
        }
    }
}

impl<J, B> Drop for Crew<J, B> {
    fn drop(&mut self) {
        self.shared.lock().is_over = true;
        self.shared.called.notify_all();
        for handle in self.handles.drain(..) {
            // A worker catches all panics of its work; it has nothing to tell.
            let _ = handle.join();
        }
    }
}

impl<J, B> fmt::Debug for Ahead<J, B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ahead").field("threads", &self.threads).finish_non_exhaustive()
    }
}
