//! What a workload is, and the registry of all of them.
//!
//! It must never know a workload: each family names its own in one file, and one line here lists the family.

use std::error::Error;

use crate::workloads::FAMILIES;

/// Why a workload can't be set up.
pub type Failure = Box<dyn Error>;

/// A workload that is set up.
pub type Started = Result<Box<dyn Workload>, Failure>;

/// The work of one repetition, to be set against the machine's limit.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Work {
    /// A training step or a whole pass: the time says all.
    Step,
    /// Arithmetic: floating-point operations.
    Flops(f64),
    /// Traffic: bytes that must be read and written at least.
    Bytes(f64),
}

/// Something that is repeated and timed. Dropping it frees all that it holds.
pub trait Workload {
    /// What comes before each repetition and is not timed (an emptied cache); usually nothing.
    fn prepare(&mut self) {}

    /// One repetition. Its result goes through [`std::hint::black_box`].
    ///
    /// # Errors
    /// If it could not do all of its work.
    fn run(&mut self) -> Result<(), Failure>;

    /// The work of one repetition.
    fn work(&self) -> Work {
        Work::Step
    }
}

/// A workload made of one function.
#[derive(Debug)]
pub struct Repeat<F> {
    work: Work,
    function: F,
}

impl<F: FnMut() -> R + 'static, R> Repeat<F> {
    /// Repeats `function`, which does `work`.
    pub fn new(work: Work, function: F) -> Self {
        Self { work, function }
    }

    /// As an [`Entry`] starts it.
    pub fn start(work: Work, function: F) -> Started {
        Ok(Box::new(Self::new(work, function)))
    }
}

impl<F: FnMut() -> R, R> Workload for Repeat<F> {
    fn run(&mut self) -> Result<(), Failure> {
        std::hint::black_box((self.function)());
        Ok(())
    }

    fn work(&self) -> Work {
        self.work
    }
}

/// A workload by name.
#[derive(Clone, Copy, Debug)]
pub struct Entry {
    /// The name that the command line, the other libraries' runners and the tables share.
    pub name: &'static str,
    /// Sets it up: data, model, optimizer.
    pub start: fn() -> Started,
}

/// Every workload, in the order of the families.
pub fn entries() -> impl Iterator<Item = &'static Entry> {
    FAMILIES.iter().copied().flatten()
}

/// The workload of that name.
#[must_use]
pub fn entry(name: &str) -> Option<&'static Entry> {
    entries().find(|entry| entry.name == name)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn names_are_unique_and_plain() {
        let names: BTreeSet<_> = entries().map(|entry| entry.name).collect();
        assert_eq!(names.len(), entries().count());
        assert!(
            names
                .iter()
                .all(|name| name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_'))
        );
        assert!(entry("mlp_train").is_some() && entry("mlp").is_none());
    }
}
