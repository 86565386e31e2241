//! The tests of this crate as one program: each program of its own would be compiled with the library's generic code once more.

mod attention;
mod common;
mod conv;
mod families;
mod init;
mod norm;
mod pool;
mod precision;
mod recorded;
mod recurrent;
mod signal;
mod simple;
mod upsample;
