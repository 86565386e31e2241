//! The tests of this crate as one program: each program of its own would be compiled with the library's generic code once more.

mod panics;
mod panics_more;
mod properties;
mod properties_more;
mod recorded;
mod recorded_more;
