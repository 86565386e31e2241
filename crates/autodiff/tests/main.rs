//! The tests of this crate as one program: each program of its own would be compiled with the library's generic code once more.

mod anomaly;
mod checkpoint;
mod dot;
mod fourier;
mod grad_check;
mod hooks;
mod linalg;
mod transforms;
