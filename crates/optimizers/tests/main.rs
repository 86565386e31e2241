//! The tests of this crate as one program: each program of its own would be compiled with the library's generic code once more.

mod averages;
mod everywhere;
mod recorded;
mod references;
mod refusals;
mod resume;
mod schedules;
mod steps;
